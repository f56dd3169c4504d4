"""Who may use `/api` and the console's data: the admin key, the console's session, or App Service Authentication.

Unsafe methods by cookie or platform sign-in are checked for their origin. Failed keys are counted for each source.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import math
import secrets
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from bc.functions.http import Answer, Request, Route
from bc.functions.problems import Problem
from bc.settings import Settings

if TYPE_CHECKING:
    from bc.services import Services

SESSION_COOKIE = "halo-bc-session"
SESSION_SECONDS = 8 * 3600
MOST_FAILURES = 10
WINDOW_SECONDS = 60.0
MOST_SOURCES = 10_000
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
ADMIN_ROLE = "Admin"
ROLE_TYPES = ("roles", "http://schemas.microsoft.com/ws/2008/06/identity/claims/role")


class Failures:
    """Failed keys in the last minute, for each source; bounded, in this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[str, deque[float]] = {}

    def wait(self, source: str) -> int:
        """Seconds until this source may try again; 0 = now."""
        times = self._recent(source)
        if len(times) < MOST_FAILURES:
            return 0
        return max(1, math.ceil(times[0] + WINDOW_SECONDS - self._clock()))

    def add(self, source: str) -> None:
        if source not in self._seen and len(self._seen) >= MOST_SOURCES:
            self._seen.pop(next(iter(self._seen)))
        self._seen.setdefault(source, deque(maxlen=MOST_FAILURES)).append(self._clock())

    def _recent(self, source: str) -> deque[float]:
        times = self._seen.get(source)
        if times is None:
            return deque()
        while times and times[0] <= self._clock() - WINDOW_SECONDS:
            times.popleft()
        if not times:
            del self._seen[source]
        return times


class Admin:
    """The gate. `guard` raises a `Problem` (401, 403, 429) unless the request is an admin's."""

    def __init__(self, failures: Failures | None = None, now: Callable[[], float] = time.time) -> None:
        self._failures = failures or Failures()
        self._now = now

    def guard(self, services: Services, request: Request) -> None:
        self.check(services.settings, request)

    def check(self, settings: Settings, request: Request) -> None:
        """A key decides where one is sent; else the session's cookie, else the platform's sign-in."""
        key = request.headers.get("x-admin-key")
        bearer = _bearer(request)
        if key is None and bearer is not None and not settings.platform_auth:
            key = bearer
        if key is not None:
            self._check_key(settings, request, key)
            return
        session = request.cookies.get(SESSION_COOKIE, "")
        if (session and self._valid(settings, session)) or _platform_admin(settings, request):
            check_origin(settings, request)
            return
        if bearer is not None:
            # Under App Service Authentication the header may be the platform's own token: our key comes last.
            self._check_key(settings, request, bearer)
            return
        raise _unauthorized("Sign in to the console, or send the admin key in the header x-admin-key.")

    def sign_in(self, settings: Settings, request: Request, key: str) -> Answer:
        """204 with the session's cookie."""
        check_origin(settings, request)
        self._check_key(settings, request, key)
        return Answer(204, b"", (_cookie(settings, request, self._session(settings), SESSION_SECONDS),))

    def sign_out(self, settings: Settings, request: Request) -> Answer:
        """204; the browser drops the cookie."""
        check_origin(settings, request)
        return Answer(204, b"", (_cookie(settings, request, "", 0),))

    def _check_key(self, settings: Settings, request: Request, key: str) -> None:
        source = source_of(request)
        wait = self._failures.wait(source)
        if wait:
            raise Problem(
                429,
                "too_many_failures",
                f"Too many wrong keys came from here. Try again in {wait} seconds.",
                headers=[("Retry-After", str(wait))],
            )
        if not settings.admin_key:
            raise _unauthorized("ADMIN_KEY is not set: set it in the app's settings, then sign in with it.")
        if not _same(key, settings.admin_key.reveal()):
            self._failures.add(source)
            raise _unauthorized("This is not the admin key. It stands in the app's setting ADMIN_KEY.")

    def _session(self, settings: Settings) -> str:
        payload = json.dumps({"exp": int(self._now()) + SESSION_SECONDS, "n": secrets.token_hex(8)})
        body = _encode(payload.encode())
        return f"{body}.{_encode(_sign(settings, body))}"

    def _valid(self, settings: Settings, session: str) -> bool:
        body, _, signature = session.partition(".")
        if not settings.admin_key or not hmac.compare_digest(
            _encode(_sign(settings, body)).encode(), signature.encode(errors="surrogatepass")
        ):
            return False
        payload: Any = json.loads(_decode(body))
        return bool(payload["exp"] > self._now())


def check_origin(settings: Settings, request: Request) -> None:
    """Refuse an unsafe request that a browser sent from another site. A client that names no origin is no browser."""
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    own = {request.origin, _origin(settings.public_url)}
    if (site is not None and site.lower() not in ("same-origin", "none")) or (
        origin is not None and origin.lower() not in own
    ):
        raise Problem(
            403,
            "cross_site_request",
            "This request comes from another site. Open the console and repeat it there.",
        )


def source_of(request: Request) -> str:
    """The last `X-Forwarded-For` address, which the platform adds, without its port; one common source without it."""
    last = request.headers.get("x-forwarded-for", "").split(",")[-1].strip()
    if last.startswith("["):
        return last[1:].partition("]")[0]
    return last.partition(":")[0] if last.count(":") == 1 else last


class SignIn(msgspec.Struct):
    key: str


def session_routes(admin: Admin) -> list[Route]:
    """`POST` and `DELETE /console/session`."""

    async def sign_in(services: Services, request: Request) -> Answer:
        return admin.sign_in(services.settings, request, request.json(SignIn).key)

    async def sign_out(services: Services, request: Request) -> Answer:
        return admin.sign_out(services.settings, request)

    return [
        Route("POST", "/console/session", sign_in, auth="none", max_body=16 * 1024),
        Route("DELETE", "/console/session", sign_out, auth="none"),
    ]


# One gate for the process: its count of failures holds over all functions.
admin = Admin()


def _bearer(request: Request) -> str | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else None


def _platform_admin(settings: Settings, request: Request) -> bool:
    """App Service Authentication's principal, believed only where the platform put it (`WEBSITE_AUTH_ENABLED`)."""
    header = request.headers.get("x-ms-client-principal", "")
    if not settings.platform_auth or not header:
        return False
    try:
        principal = json.loads(base64.b64decode(header + "=" * (-len(header) % 4)))
        claims = principal["claims"]
        types = {principal.get("role_typ"), *ROLE_TYPES}
        return any(claim.get("typ") in types and claim.get("val") == ADMIN_ROLE for claim in claims)
    except (ValueError, KeyError, TypeError, AttributeError):
        return False


def _unauthorized(detail: str) -> Problem:
    return Problem(401, "unauthorized", detail, headers=[("WWW-Authenticate", 'Bearer realm="halo-bc"')])


def _same(given: str, expected: str) -> bool:
    # Digests first, so that neither content nor length shows in the time taken.
    return hmac.compare_digest(
        hashlib.sha256(given.encode(errors="surrogatepass")).digest(),
        hashlib.sha256(expected.encode()).digest(),
    )


def _sign(settings: Settings, body: str) -> bytes:
    key = hmac.digest(settings.admin_key.reveal().encode(), b"halo-bc console session v1", "sha256")
    return hmac.digest(key, body.encode(errors="surrogatepass"), "sha256")


def _cookie(settings: Settings, request: Request, value: str, seconds: int) -> tuple[str, str]:
    secure = "; Secure" if (settings.public_url or request.origin).startswith("https://") else ""
    return (
        "Set-Cookie",
        f"{SESSION_COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}",
    )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
