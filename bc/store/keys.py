"""Table keys: any text becomes a legal key and back; ids that sort newest first; cursors.

Azure forbids `/ \\ # ?`, control characters and more than 1 KiB of UTF-16 in a key, and `%` is trouble in
addresses. Everything but plain ASCII letters, digits, `-`, `_` and `.` is therefore written as `=XX` for each
UTF-8 byte. Joined keys put `|` between their parts, which no encoded part contains.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from datetime import UTC, datetime, timedelta

# Azure counts 1 KiB of UTF-16.
LIMIT = 512
SEPARATOR = "|"
AFTER_SEPARATOR = "}"
_HASHED = "=~"
_DIGEST = 64
_UNSAFE = re.compile(rb"[^A-Za-z0-9_.-]")
_ENCODED = re.compile(r"(?:[A-Za-z0-9_.-]|=[0-9A-F]{2})*")
_KEY = re.compile(r"[A-Za-z0-9_.=~|-]{1,512}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEWEST = 1 << 60
_ID = re.compile(r"[0-9a-f]{15}-[0-9a-f]{12}")


def encode(text: str, limit: int = LIMIT) -> str:
    """Any text as a key of 1 to `limit` characters. Equal texts only have equal keys.

    A text that is too long keeps its start and ends in its SHA-256: such a key does not decode.
    """
    if not text:
        return "="
    raw = text.encode("utf-8", "surrogatepass")
    key = _UNSAFE.sub(lambda match: b"=%02X" % match[0][0], raw).decode("ascii")
    if len(key) <= limit:
        return key
    digest = hashlib.sha256(raw).hexdigest()
    return f"{key[: limit - _DIGEST - len(_HASHED)]}{_HASHED}{digest}"


def decode(key: str) -> str:
    """The text of a key. Raises `ValueError` where `encode` could not have made it, or had to shorten it."""
    if key == "=":
        return ""
    if not key or not _ENCODED.fullmatch(key):
        raise ValueError("not a key, or one of a text that was too long to keep")
    raw = re.sub(r"=([0-9A-F]{2})", lambda match: chr(int(match[1], 16)), key).encode("latin-1")
    text = raw.decode("utf-8", "surrogatepass")
    if encode(text) != key:
        raise ValueError("not a key")
    return text


def join(*parts: str) -> str:
    """One key of several texts; different texts or another split never give the same key."""
    room = (LIMIT - len(parts) + 1) // len(parts)
    return SEPARATOR.join(encode(part, room) for part in parts)


def starting_with(*parts: str, total: int) -> tuple[str, str]:
    """The key range (from, below) of all `join`s of `total` parts that begin with these."""
    room = (LIMIT - total + 1) // total
    start = SEPARATOR.join(encode(part, room) for part in parts)
    return start + SEPARATOR, start + AFTER_SEPARATOR


def beginning(text: str) -> tuple[str, str]:
    """The key range (from, below) of the `encode`s of all texts that begin with this ASCII one."""
    start = encode(text)
    return start, f"{start}~"


def new_id(at: datetime, seed: str = "") -> str:
    """An id whose text order is newest first. The same time and `seed` give the same id, so that a repeat is one."""
    tail = hashlib.sha256(seed.encode("utf-8", "surrogatepass")).hexdigest()[:12] if seed else ""
    return f"{time_key(at)}-{tail or secrets.token_hex(6)}"


def is_id(text: str) -> bool:
    """Whether `new_id` could have made it."""
    return bool(_ID.fullmatch(text))


def time_key(at: datetime) -> str:
    """A time as text that sorts newest first, to the microsecond."""
    return f"{_NEWEST - (at - _EPOCH) // timedelta(microseconds=1):015x}"


def to_cursor(key: str) -> str:
    """Where to go on after the row with this key, as an opaque text for addresses."""
    return base64.urlsafe_b64encode(key.encode("ascii")).decode("ascii").rstrip("=")


def from_cursor(cursor: str) -> str:
    """The key in a cursor, "" for no cursor. Raises `ValueError` for anything that `to_cursor` did not make."""
    if not cursor:
        return ""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        key = raw.decode("ascii")
    except (binascii.Error, UnicodeError):
        raise ValueError("not a cursor") from None
    if not _KEY.fullmatch(key) or to_cursor(key) != cursor:
        raise ValueError("not a cursor")
    return key
