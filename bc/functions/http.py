"""A small router under the catch-all functions: requests in, answers out, every error a problem document.

A module of handlers declares a table of `Route`s; a blueprint hands its function's requests to `Router.serve`.
"""

from __future__ import annotations

import hashlib
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

import azure.functions as func
import msgspec

from bc.errors import SyncError
from bc.functions.problems import Problem, bad_cursor, invalid, not_found, problem_of
from bc.sync.patience import AT_A_PAGE, for_a_person

if TYPE_CHECKING:
    from bc.services import Services

MAX_BODY = 1024 * 1024
MAX_LIMIT = 500
DEFAULT_LIMIT = 100
SECURITY_HEADERS: tuple[tuple[str, str], ...] = (
    (
        "Content-Security-Policy",
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    ),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
Auth = Literal["admin", "none"]

log = logging.getLogger("bc.http")
_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request, parsed once. Header names are lower-case; `args` are the parts of the path in `{}`."""

    method: str
    url: str
    path: str
    headers: Mapping[str, str]
    query: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    args: Mapping[str, str] = field(default_factory=dict)

    def param(self, name: str, default: str = "") -> str:
        """A query parameter; the last one where it is repeated."""
        return next((value for key, value in reversed(self.query) if key == name), default)

    def limit(self) -> int:
        """`?limit=` of lists: 1 to 500, default 100."""
        text = self.param("limit")
        if not text:
            return DEFAULT_LIMIT
        if not re.fullmatch(r"[0-9]{1,4}", text) or not 1 <= int(text) <= MAX_LIMIT:
            raise invalid(("limit", f"Expected a whole number from 1 to {MAX_LIMIT}."))
        return int(text)

    def json[T](self, shape: type[T]) -> T:
        """The body as `shape`; 415 for another content type, 422 with the field's name for anything unfitting."""
        kind = self.headers.get("content-type", "").split(";")[0].strip().lower()
        if self.body and kind != "application/json" and not kind.endswith("+json"):
            raise Problem(415, "unsupported_media_type", "Send the body as application/json.")
        try:
            return msgspec.json.decode(self.body or b"{}", type=shape)
        except msgspec.ValidationError as error:
            raise invalid(_field_of(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise invalid(("", "The body is not valid JSON.")) from None

    @property
    def cookies(self) -> dict[str, str]:
        """Cookies by name, the first where one is repeated. Ours need no quoting; others' oddities do not matter."""
        found: dict[str, str] = {}
        for part in self.headers.get("cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            found.setdefault(name, value)
        return found

    @property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}".lower()


@dataclass(frozen=True, slots=True)
class Answer:
    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


type Handler = Callable[[Services, Request], Awaitable[Answer]]
type Guard = Callable[[Services, Request], None]


class Listed[T](msgspec.Struct, frozen=True):
    """A page of a list. `next`: the cursor of the following one; null at the end."""

    items: list[T]
    next: str | None


# What every list takes, for a route's `params`.
PAGE: Mapping[str, Any] = {
    "limit": Annotated[int, msgspec.Meta(ge=1, le=MAX_LIMIT, extra_json_schema={"default": DEFAULT_LIMIT})],
    "cursor": Annotated[str, msgspec.Meta(description="`next` of the page before.")],
}


class Route(NamedTuple):
    """`pattern` such as `/api/connections/{id}`; a literal part wins over a `{name}`.

    The rest is what `/api/openapi.json` tells of it, as types: `params` of the address and its query, the `body`, the
    `answers` by status (None: no body; a tuple: one of these), and the codes of the rules that may forbid it (409).
    Summary and description are the handler's docstring.
    """

    method: str
    pattern: str
    handler: Handler
    auth: Auth = "admin"
    max_body: int = MAX_BODY
    params: Mapping[str, Any] = MappingProxyType({})
    body: Any = None
    answers: Mapping[int, Any] | None = None
    conflicts: tuple[str, ...] = ()


def path_names(pattern: str) -> list[str]:
    """The names in `{}` of a route's pattern, in their order."""
    return [part[1:-1] for part in _parts(pattern) if part.startswith("{")]


def json_answer(value: Any, status: int = 200, headers: Sequence[tuple[str, str]] = ()) -> Answer:
    """JSON with `snake_case` names, times in UTC with `Z`, and Decimals as they are."""
    return Answer(status, _encoder.encode(value), (("Content-Type", "application/json"), *headers))


def page_answer(items: Sequence[Any], following: str | None = None, **more: Any) -> Answer:
    """A list as the public face has it: `{"items": [...], "next": cursor or null}`."""
    return json_answer({"items": list(items), "next": following, **more})


def part_answer(items: Sequence[Any], request: Request, **more: Any) -> Answer:
    """A page of a short list that was read whole; the cursor is an offset."""
    cursor, limit = request.param("cursor") or "0", request.limit()
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 6:
        raise bad_cursor()
    start = int(cursor)
    following = str(start + limit) if len(items) > start + limit else None
    return page_answer(items[start : start + limit], following, **more)


def redirect(location: str, status: int = 302, headers: Sequence[tuple[str, str]] = ()) -> Answer:
    return Answer(status, b"", (("Location", location), ("Cache-Control", "no-store"), *headers))


def problem_answer(problem: Problem) -> Answer:
    return Answer(
        problem.status,
        _encoder.encode(problem.document()),
        (("Content-Type", "application/problem+json"), *problem.headers),
    )


class Router:
    """Finds the handler, checks who asks, and turns whatever is raised into an answer."""

    def __init__(
        self,
        routes: Sequence[Route],
        guard: Guard,
    ) -> None:
        self._guard = guard
        self._routes = sorted(
            ((_parts(route.pattern), route) for route in routes),
            key=lambda entry: sum(part.startswith("{") for part in entry[0]),
        )

    async def serve(self, request: func.HttpRequest) -> func.HttpResponse:
        """The whole way of one request of the Functions host."""
        parsed = parse(request)
        try:
            services = await composed()
        except SyncError as error:
            return to_response(problem_answer(problem_of(error)), parsed)
        return to_response(await self.answer(services, parsed), parsed)

    async def answer(self, services: Services, request: Request) -> Answer:
        """The answer to one request; never raises except on cancellation."""
        try:
            route, args = self._find(request)
            if route.auth == "admin":
                self._guard(services, request)
            _check_size(request, route.max_body)
            with for_a_person(AT_A_PAGE):
                answer = await route.handler(services, replace(request, args=args))
        except Problem as problem:
            answer = problem_answer(problem)
        except SyncError as error:
            answer = problem_answer(problem_of(error))
        except Exception:  # noqa: BLE001 - the last line of defence: logged with its number, answered in words
            answer = problem_answer(_unexpected(request))
        return _conditional(request, answer)

    def _find(self, request: Request) -> tuple[Route, dict[str, str]]:
        segments = tuple(segment for segment in request.path.split("/") if segment)
        method = "GET" if request.method == "HEAD" else request.method
        allowed = set()
        for parts, route in self._routes:
            args = _match(parts, segments)
            if args is None:
                continue
            if route.method == method:
                return route, args
            allowed.add(route.method)
        if allowed:
            if "GET" in allowed:
                allowed.add("HEAD")
            allow = ", ".join(sorted(allowed))
            raise Problem(
                405, "method_not_allowed", f"This address answers {allow}.", headers=[("Allow", allow)]
            )
        raise not_found(f"The address {request.path}")


async def composed() -> Services:
    """The process's services; imported with the first request, so that indexing the app stays light."""
    from bc.services import services

    return await services()


def parse(request: func.HttpRequest) -> Request:
    """The Functions host's request as ours. The path stays percent-encoded until it is split."""
    parts = urlsplit(request.url)
    return Request(
        method=request.method,
        url=request.url,
        path=parts.path or "/",
        headers={name.lower(): value for name, value in request.headers.items()},
        query=tuple(parse_qsl(parts.query, keep_blank_values=True)),
        body=request.get_body() or b"",
    )


def to_response(answer: Answer, request: Request) -> func.HttpResponse:
    """Ours as the Functions host's, with the security headers on every answer."""
    kind = answer.header("Content-Type") or "text/plain; charset=utf-8"
    body = b"" if request.method == "HEAD" or answer.status in (204, 304) else answer.body
    response = func.HttpResponse(body, status_code=answer.status, mimetype=kind.split(";")[0])
    given = {name.lower() for name, _ in answer.headers}
    for name, value in (*answer.headers, *(h for h in SECURITY_HEADERS if h[0].lower() not in given)):
        response.headers.add(name, value)
    if "cache-control" not in given:
        response.headers.add("Cache-Control", "no-store")
    return response


def _conditional(request: Request, answer: Answer) -> Answer:
    """A weak ETag on what was read, so that polling costs no body."""
    if request.method not in ("GET", "HEAD") or answer.status != 200 or answer.header("ETag"):
        return answer
    etag = f'W/"{hashlib.sha256(answer.body).hexdigest()[:24]}"'
    headers = (*answer.headers, ("ETag", etag), ("Cache-Control", "no-cache, private"))
    if etag_matches(request, etag):
        return Answer(304, b"", headers)
    return Answer(200, answer.body, headers)


def etag_matches(request: Request, etag: str) -> bool:
    """Whether `If-None-Match` names this ETag (weak comparison, RFC 9110 13.1.2)."""
    wanted = request.headers.get("if-none-match", "")
    return wanted.strip() == "*" or etag.removeprefix("W/") in (
        tag.strip().removeprefix("W/") for tag in wanted.split(",")
    )


def _check_size(request: Request, most: int) -> None:
    if len(request.body) > most:
        raise Problem(413, "too_large", f"The body is over {most // 1024} KiB.")


def _unexpected(request: Request) -> Problem:
    """A fault of ours: the log has it under the number the person sees."""
    number = uuid.uuid4().hex[:12]
    log.exception("unexpected error", extra={"incident": number, "method": request.method})
    return Problem(
        500,
        "internal_error",
        f"The app met an error it does not know. Try again; if it repeats, look for {number} in the app's log.",
        extra={"incident": number},
    )


def _parts(pattern: str) -> tuple[str, ...]:
    return tuple(part for part in pattern.split("/") if part)


def _match(parts: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    if len(parts) != len(segments):
        return None
    args: dict[str, str] = {}
    for part, segment in zip(parts, segments, strict=True):
        if part.startswith("{"):
            args[part[1:-1]] = unquote(segment)
        elif part.lower() != segment.lower():
            return None
    return args


_AT = re.compile(r"^(?P<words>.*?)(?: - at `\$(?P<path>.*)`)?$", re.DOTALL)
_MISSING = re.compile(r"(?:required field|contains unknown field) `(?P<name>[^`]+)`")


def _field_of(error: msgspec.ValidationError) -> tuple[str, str]:
    found = _AT.match(str(error))
    words, path = (found["words"], found["path"] or "") if found else (str(error), "")
    name = path.removeprefix(".")
    missing = _MISSING.search(words)
    if missing:
        name = f"{name}.{missing['name']}" if name else missing["name"]
        words = "This is required." if "required" in words else "There is no such field."
    return name, words.replace("`", "'")
