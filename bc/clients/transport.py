"""The one seam to the network: sends a request, reads a bounded answer, and tells what certainly did not happen.

No HTTP status raises here; each client maps the answers of its remote. What raises is a request that got no whole
answer, sorted by the one question that matters for duplicates: may a write have arrived?
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final

import httpx
import msgspec

from bc import telemetry
from bc.clients.addresses import checked_address
from bc.clients.tls import ssl_context
from bc.errors import NotConfigured, Refused, SyncError, Transient, UnknownOutcome
from bc.settings import Secret

__all__ = [
    "Answer",
    "Transport",
    "decode_json",
    "encode_json",
    "header",
    "in_words",
    "retry_after",
    "ssl_context",
]

MAX_BYTES: Final = 64 * 1024 * 1024
CONNECT_SECONDS: Final = 15
_NAMES = {"bc": "Business Central", "halo": "Halo", "entra": "Microsoft Entra"}
_SETTINGS = {"bc": "BC_API_URL", "halo": "HALO_URL", "entra": "AZURE_AUTHORITY_HOST"}
# Raised by httpx before the first byte of the request went out.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
_LONGEST_WAIT = timedelta(days=366)

_log = logging.getLogger(__name__)
_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")

# Their INFO lines hold whole addresses (names and e-mail in filters), their DEBUG lines more.
for _noisy in ("httpx", "httpcore", "azure"):
    logging.getLogger(_noisy).setLevel(logging.WARNING)


def decode_json(body: bytes) -> Any:
    """Foreign JSON with a Decimal for every fraction. Raises ValueError for anything that is not JSON."""
    try:
        return _decoder.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, RecursionError):
        raise ValueError("the body is not JSON") from None


def encode_json(value: Any) -> bytes:
    """Our JSON: Decimals as numbers with the digits they have, times as RFC 3339."""
    return _encoder.encode(value)


class Answer(msgspec.Struct, frozen=True):
    """An HTTP answer, read whole and decompressed. `headers` ignores letter case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as JSON, Decimal for every fraction. Raises ValueError."""
        return decode_json(self.body)


class Transport:
    """Requests to one configured host. Created once per process; opens nothing before the first `send`.

    `service` is `bc`, `halo` or `entra`: it names the remote in messages and codes (`bc_unavailable`).
    """

    def __init__(
        self,
        service: str,
        base_url: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        self.service = service
        self.name = _NAMES.get(service, service)
        self.base_url = base_url.rstrip("/")
        self._base = httpx.URL(self.base_url)
        self._transport = transport
        self._max_bytes = max_bytes
        self._client: httpx.AsyncClient | None = None

    async def send(
        self,
        method: str,
        url: str,
        *,
        bearer: Secret | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        timeout: float = 100,
        writes: bool,
        before_bytes: Callable[[], None] | None = None,
    ) -> Answer:
        """One request. `url`: a path below the base address, or absolute on the same origin; `timeout`: seconds in all.

        Raises `Refused` (`address_refused`, `request_malformed`) and sends nothing; `Transient` where nothing was
        sent or nothing was to be changed; `UnknownOutcome` where `writes` and the request may have arrived.
        `before_bytes` is called as the last thing before headers and body leave; what it raises stops them.
        """
        if not self.base_url:
            raise self._not_configured()
        target = checked_address(self._base, url, self.name)
        request = self._request(method, target, bearer, headers or {}, content, timeout)
        if before_bytes is not None:
            request.extensions["trace"] = _guard(before_bytes)
        with telemetry.span(
            f"{self.service} {method} {telemetry.kind_of_path(target.path)}",
            call=True,
            service=self.service,
            http__request__method=method,
            server__address=target.host,
        ) as span:
            started = asyncio.get_running_loop().time()
            answer = await self._exchange(request, timeout, writes)
            seconds = asyncio.get_running_loop().time() - started
            span.set(
                http__response__status_code=answer.status,
                bc__correlation_id=header(answer.headers, "ms-correlation-x")
                or header(answer.headers, "request-id"),
            )
        telemetry.measure("call", seconds, service=self.service, method=method, status=answer.status)
        _log.debug(
            "%s %s %s answered %d in %.0f ms",
            self.service,
            method,
            target.path,
            answer.status,
            seconds * 1000,
        )
        return answer

    async def _exchange(self, request: httpx.Request, timeout: float, writes: bool) -> Answer:
        client = self._opened()
        try:
            async with asyncio.timeout(timeout):
                response = await client.send(request, stream=True)
                try:
                    body = await _read(response, self._max_bytes)
                finally:
                    await response.aclose()
        except _NOT_SENT as error:
            raise Transient(
                f"{self.service}_unavailable",
                f"{self.name} could not be reached ({in_words(error)}).",
                cure=f"This is tried again by itself. If it lasts, check {_SETTINGS.get(self.service, 'the address')} "
                "and the network.",
            ) from error
        except httpx.LocalProtocolError:
            # Its text repeats the header that it dislikes.
            raise self._malformed() from None
        except _TooLarge:
            raise self._broken("answer_too_large", f"more than {self._max_bytes:,} bytes", writes) from None
        except _Unreadable as error:
            raise self._broken(f"{self.service}_unavailable", str(error), writes) from error
        except TimeoutError as error:
            raise self._broken(
                f"{self.service}_unavailable", f"none in {timeout:g} seconds", writes
            ) from error
        except httpx.HTTPError as error:
            raise self._broken(f"{self.service}_unavailable", in_words(error), writes) from error
        return Answer(response.status_code, response.headers, body)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _request(
        self,
        method: str,
        url: httpx.URL,
        bearer: Secret | None,
        headers: Mapping[str, str],
        content: bytes | None,
        timeout: float,
    ) -> httpx.Request:
        # Only gzip: it is undone in bounded steps below.
        sent = {"User-Agent": "halo-bc", "Accept-Encoding": "gzip", **headers}
        if bearer is not None:
            sent["Authorization"] = f"Bearer {bearer.reveal()}"
        if any(not value.isascii() or not value.isprintable() for value in sent.values()):
            raise self._malformed()
        return httpx.Request(
            method,
            url,
            headers=sent,
            content=content,
            extensions={"timeout": httpx.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS)).as_dict()},
        )

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                transport=self._transport,
                verify=ssl_context(),
                follow_redirects=False,
                # Cookies of a gateway must not travel from one connection's request to another's.
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                limits=httpx.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=20),
                # A proxy of the environment is for the outside, never for this machine.
                mounts={"all://localhost": None, "all://127.0.0.1": None, "all://[::1]": None},
            )
        return self._client

    def _broken(self, code: str, why: str, writes: bool) -> SyncError:
        if writes:
            return UnknownOutcome(
                code,
                f"{self.name} gave no whole answer ({why}); the request may have been carried out.",
                cure="Before it is repeated, the record is looked up. Nothing to do.",
            )
        return Transient(
            code, f"{self.name} gave no whole answer ({why}).", cure="This is tried again by itself."
        )

    def _malformed(self) -> Refused:
        return Refused(
            "request_malformed",
            f"A request to {self.name} had a header with characters that are not allowed.",
        )

    def _not_configured(self) -> NotConfigured:
        setting = _SETTINGS.get(self.service, "the address")
        return NotConfigured(
            f"{self.service}_not_configured",
            f"The address of {self.name} is not set.",
            cure=f"Set {setting}.",
        )


def header(headers: Mapping[str, str], name: str) -> str:
    """A header's value whatever the letter case, "" when absent (headers inside a `$batch` come as plain JSON)."""
    wanted = name.lower()
    return next((str(value) for key, value in headers.items() if key.lower() == wanted), "")


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long the remote asks us to wait: seconds or an HTTP date; None when it says nothing readable.

    Never negative; days are kept (at most a year). A date is measured from the answer's own `Date` where it has one,
    since our clock may be off.
    """
    text = header(headers, "retry-after").strip()
    if not text:
        return None
    try:
        wait = timedelta(seconds=float(text))
    except OverflowError:
        return timedelta(0) if text.startswith("-") else _LONGEST_WAIT
    except ValueError:
        until = _http_date(text)
        if until is None:
            return None
        wait = until - (_http_date(header(headers, "date")) or now)
    return min(max(wait, timedelta(0)), _LONGEST_WAIT)


def _http_date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


class _TooLarge(Exception):
    pass


class _Unreadable(Exception):
    pass


def _guard(check: Callable[[], None]) -> Callable[[str, Mapping[str, Any]], Awaitable[None]]:
    """A trace hook of httpcore, which runs between the open connection and the write to it."""

    async def trace(event: str, info: Mapping[str, Any]) -> None:
        if event.endswith((".send_request_headers.started", ".send_request_body.started")):
            check()

    return trace


async def _read(response: httpx.Response, limit: int) -> bytes:
    """The body, decompressed step by step so that a small answer cannot grow over `limit` bytes."""
    if response.is_stream_consumed:
        # A test's transport hands over a response that is read already.
        if len(response.content) > limit:
            raise _TooLarge
        return response.content
    length = response.headers.get("content-length", "")
    if length.isdigit() and int(length) > limit:
        raise _TooLarge
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return await _read_plain(response, limit)
    if encoding in ("gzip", "x-gzip"):
        return await _read_gzip(response, limit)
    raise _Unreadable(f"an encoding we did not ask for: {encoding[:20]!r}")


async def _read_plain(response: httpx.Response, limit: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > limit:
            raise _TooLarge
    return bytes(body)


async def _read_gzip(response: httpx.Response, limit: int) -> bytes:
    body = bytearray()
    decoder = zlib.decompressobj(wbits=31)
    received = False
    async for chunk in response.aiter_raw():
        pending, received = chunk, received or bool(chunk)
        while pending:
            if decoder.eof:
                decoder = zlib.decompressobj(wbits=31)
            try:
                body += decoder.decompress(pending, limit + 1 - len(body))
            except zlib.error:
                raise _Unreadable("a damaged body") from None
            if len(body) > limit:
                raise _TooLarge
            pending = decoder.unused_data or decoder.unconsumed_tail
    if received and not decoder.eof:
        raise _Unreadable("a body cut short")
    return bytes(body)


# In words, the narrower ones first. What the system says of a connection that did not come about is kept: it names a
# wrong host or a certificate.
_REASONS: Final[tuple[tuple[type[httpx.HTTPError], str], ...]] = (
    (httpx.ConnectTimeout, "no connection in time"),
    (httpx.PoolTimeout, "too many calls of this app at once"),
    (httpx.ProxyError, "the proxy refused it"),
    (httpx.ConnectError, "no connection"),
    (httpx.TimeoutException, "nothing more came in time"),
    (httpx.RemoteProtocolError, "the connection ended before the answer did"),
    (httpx.NetworkError, "the connection broke off"),
)


def in_words(error: httpx.HTTPError) -> str:
    """Why there is no whole answer, for a sentence."""
    words = next((words for kind, words in _REASONS if isinstance(error, kind)), "the connection broke off")
    said = str(error) if isinstance(error, (httpx.ConnectError, httpx.ProxyError)) else ""
    return f"{words}: {said}" if said else words
