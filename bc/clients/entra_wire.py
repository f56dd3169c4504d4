"""MSAL's HTTP client, ours: only the configured authority, no redirects, short timeouts, bounded answers."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from bc.clients.transport import in_words, retry_after
from bc.errors import Refused, Transient

MAX_ANSWER = 1024 * 1024
DISCOVERY_SECONDS = 3600


class WireAnswer:
    """An answer in the shape MSAL expects: `status_code`, `text`, `headers`, `raise_for_status()`."""

    def __init__(self, status_code: int, text: str, headers: Mapping[str, str]) -> None:
        self.status_code = status_code
        self.text = text
        self.headers = dict(headers)

    def json(self) -> dict[str, Any]:
        """The answer as an object; empty when it is none."""
        try:
            value = json.loads(self.text)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def raise_for_status(self) -> None:
        if self.status_code >= 400:
            raise unavailable(
                f"Microsoft's sign-in service answers {self.status_code}.", status=self.status_code
            )

    @property
    def wait(self) -> timedelta | None:
        return retry_after(self.headers, datetime.now(UTC))


class Discovery:
    """OpenID configurations already read, for an hour each, so that a token costs one call."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, WireAnswer]] = {}

    def get(self, url: str) -> WireAnswer | None:
        known = self._known.get(url)
        return known[1] if known and known[0] > time.monotonic() else None

    def put(self, url: str, answer: WireAnswer) -> None:
        if len(self._known) > 200:
            self._known.clear()
        self._known[url] = (time.monotonic() + DISCOVERY_SECONDS, answer)


class EntraWire:
    """One operation's way to the authority; `last` is the newest answer, where an error's words are found.

    Raises `Refused("address_refused")` for any other scheme, host or port, and `Transient("entra_unavailable")`
    when nothing usable came back. The answer's text never goes into an exception: it may hold tokens.
    """

    def __init__(self, client: httpx.Client, authority: str, discovery: Discovery) -> None:
        self._client = client
        self._origin = _origin(authority)
        self._discovery = discovery
        self.last: WireAnswer | None = None

    def get(
        self,
        url: str,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        **_: object,
    ) -> WireAnswer:
        known = self._discovery.get(url) if not params else None
        if known:
            return known
        answer = self._send("GET", url, params=params, headers=headers)
        if answer.status_code == 200 and url.endswith("/.well-known/openid-configuration"):
            self._discovery.put(url, answer)
        return answer

    def post(
        self,
        url: str,
        params: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        **_: object,
    ) -> WireAnswer:
        return self._send("POST", url, params=params, data=data, headers=headers)

    def close(self) -> None:
        """The connection pool is the process's, not this operation's."""

    def _send(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None,
        data: Mapping[str, Any] | None = None,
    ) -> WireAnswer:
        parts = urlsplit(url)
        if _origin(url) != self._origin or parts.username is not None or parts.password is not None:
            raise Refused(
                "address_refused",
                "The sign-in service names an address outside AZURE_AUTHORITY_HOST.",
                cure="Check AZURE_AUTHORITY_HOST.",
            )
        self.last = None
        try:
            with self._client.stream(method, url, params=params, headers=headers, data=data) as response:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > MAX_ANSWER:
                        raise unavailable("Microsoft's sign-in service sends an answer that is far too long.")
                answer = WireAnswer(response.status_code, body.decode("utf-8", "replace"), response.headers)
        except httpx.HTTPError as error:
            raise unavailable(
                f"Microsoft's sign-in service at {parts.hostname} cannot be reached ({in_words(error)})."
            ) from None
        self.last = answer
        if 300 <= answer.status_code < 400:
            raise Refused(
                "address_refused", "The sign-in service redirects.", cure="Check AZURE_AUTHORITY_HOST."
            )
        if answer.status_code == 429 or answer.status_code >= 500 or not answer.json():
            raise Transient(
                "entra_unavailable",
                f"Microsoft's sign-in service answers {answer.status_code}.",
                cure="Nothing to do: it is tried again.",
                status=answer.status_code,
                retry_after=answer.wait,
            )
        return answer


def unavailable(message: str, *, status: int | None = None) -> Transient:
    return Transient("entra_unavailable", message, cure="Nothing to do: it is tried again.", status=status)


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    try:
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        port = None
    return parts.scheme, (parts.hostname or "").lower(), port
