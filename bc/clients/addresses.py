"""Which addresses a request may go to: the configured host, by a plain path, and nothing else.

Remote answers name addresses too (`@odata.nextLink`, Halo's `auth_url`). A token must never follow one of them
to another host, and an id must never turn into another path.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

import httpx

from bc.errors import Refused

_DEFAULT_PORTS = {"http": 80, "https": 443}
# Characters that parsers disagree about, or that end a path: never in an address that we send.
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_UNSAFE_IN_PATH = re.compile(r"[\x00-\x1f\x7f\\/?#]")
_MAX_LENGTH = 16_384


def checked_address(base: httpx.URL, address: str, service: str) -> httpx.URL:
    """The address to request: `address` is a path below `base`, or absolute on the very same scheme, host and port.

    Raises `Refused` (`address_refused`) for another host, user-info, a fragment, dot segments, encoded slashes
    (however often encoded), control characters, or more than 16 KiB.
    """
    try:
        if len(address) > _MAX_LENGTH or _UNSAFE.search(address) or not address.isascii():
            raise _refusal(service, "it is too long or holds characters that do not belong there")
        absolute = re.match(r"[A-Za-z][A-Za-z0-9+.-]*:|//", address) is not None
        url = httpx.URL(address if absolute else f"{str(base).rstrip('/')}/{address.removeprefix('/')}")
    except httpx.InvalidURL:
        # Without the parser's own words: they repeat the address.
        raise _refusal(service, "it is malformed") from None
    if _origin(url) != _origin(base):
        raise _refusal(
            service, f"it leads to {url.scheme}://{url.netloc.decode('ascii', 'replace').rpartition('@')[2]}"
        )
    if url.userinfo or "@" in address.split("?", 1)[0].partition("//")[2].split("/", 1)[0]:
        raise _refusal(service, "it holds a user name")
    if "#" in address:
        raise _refusal(service, "it holds a fragment")
    # httpx resolves dot segments by itself, so the text as given is what must be judged.
    path = address.split("?", 1)[0]
    if absolute:
        path = "/" + path.partition("//")[2].partition("/")[2]
    _check_path(path, service)
    return url


def _check_path(path: str, service: str) -> None:
    for position, segment in enumerate(path.removeprefix("/").split("/")):
        text = segment
        # Decoded until nothing changes, since a proxy on the way may decode once more.
        for _ in range(5):
            if text in (".", "..") or (text != segment and _UNSAFE_IN_PATH.search(text)):
                raise _refusal(service, "its path leads elsewhere")
            decoded = unquote(text)
            if decoded == text:
                break
            text = decoded
        else:
            raise _refusal(service, "its path is encoded too often")
        if not segment and position == 0 and path.startswith("//"):
            raise _refusal(service, "its path leads elsewhere")


def _origin(url: httpx.URL) -> tuple[str, bytes, int | None]:
    return url.scheme, url.raw_host.lower(), url.port or _DEFAULT_PORTS.get(url.scheme)


def _refusal(service: str, why: str) -> Refused:
    return Refused(
        "address_refused",
        f"An address for {service} was not used: {why}.",
        cure=f"Requests go to the configured address of {service} only. Check the setting, or report the answer "
        "that named the address.",
    )
