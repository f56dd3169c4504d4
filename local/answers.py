"""Turns what a function returned into an HTTP response, cookies included."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from aiohttp import web
from multidict import CIMultiDict

from local.protos import RpcHttpCookie, SameSite, TypedData

# The server works these out itself.
_OURS = ("content-length", "transfer-encoding", "connection", "keep-alive")
_SAME_SITE = {SameSite.Lax: "lax", SameSite.Strict: "strict", SameSite.ExplicitNone: "none"}


def to_response(data: TypedData | None) -> web.Response:
    """An `HttpResponse`, a plain value as 200, nothing as 204."""
    if data is None or data.value is None:
        return web.Response(status=204)
    if data.WhichOneof("data") != "http":
        kind = "application/json" if data.WhichOneof("data") == "json" else "text/plain"
        return web.Response(body=_bytes(data), headers={"content-type": f"{kind}; charset=utf-8"})
    http = data.value
    headers: CIMultiDict[str] = CIMultiDict(
        (name, value) for name, value in http.headers.items() if name.lower() not in _OURS
    )
    for cookie in http.cookies or ():
        headers.add("Set-Cookie", set_cookie(cookie))
    return web.Response(status=int(http.status_code), body=_bytes(http.body), headers=headers)


def set_cookie(cookie: RpcHttpCookie) -> str:
    """A cookie as the real host writes it: the value percent-encoded, attributes in lower case."""
    parts = [f"{cookie.name}={quote(cookie.value, safe='')}"]
    if cookie.expires is not None:
        expires = datetime.fromtimestamp(cookie.expires.value.seconds, UTC)
        parts.append(f"expires={expires:%a, %d %b %Y %H:%M:%S} GMT")
    if cookie.max_age is not None:
        parts.append(f"max-age={int(cookie.max_age.value)}")
    for name, field in (("domain", cookie.domain), ("path", cookie.path)):
        if field is not None and field.value:
            parts.append(f"{name}={field.value}")
    if _set(cookie.secure):
        parts.append("secure")
    if cookie.same_site in _SAME_SITE:
        parts.append(f"samesite={_SAME_SITE[cookie.same_site]}")
    if _set(cookie.http_only):
        parts.append("httponly")
    return "; ".join(parts)


def _set(flag: Any) -> bool:
    return flag is not None and bool(flag.value)


def _bytes(data: TypedData | None) -> bytes:
    value = None if data is None else data.value
    if value is None:
        return b""
    return value if isinstance(value, bytes) else str(value).encode()
