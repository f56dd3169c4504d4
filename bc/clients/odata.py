"""Writing OData by hand: literals, enum names, queries and paths that cannot mean anything else.

BC turns `$filter` into a filter of its own, in which `* ? @ .. | & < >` may act as operators even inside a quoted
string: whoever filters by a text compares the rows that come back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from urllib.parse import quote as percent
from uuid import UUID

from bc.errors import Refused

# The longest text field that BC can filter on; anything longer can match nothing.
_LONGEST_TEXT = 250
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_ENCODED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_GUID = r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
_SAFE_IN_VALUE = "$(),;=/:'@!*"
_SEGMENT = rf"[$A-Za-z][A-Za-z0-9_]*(?:\({_GUID}\))?"
_PATH = re.compile(rf"{_SEGMENT}(?:/(?:{_SEGMENT}|Microsoft\.NAV\.[A-Za-z]+))*")

type Literal = str | bool | int | Decimal | date | datetime | UUID


def quote(text: str) -> str:
    """An OData string literal: `O'Brien` becomes `'O''Brien'` (not yet percent-encoded).

    Raises `Refused` for control characters (`bad_filter_value`) and for more than 250 characters (`field_too_long`).
    """
    if len(text) > _LONGEST_TEXT:
        raise Refused(
            "field_too_long",
            f"A text of {len(text):,} characters ('{text[:40]}…') is longer than anything Business Central holds.",
            cure="Shorten it in Halo.",
        )
    if _CONTROL.search(text):
        raise Refused(
            "bad_filter_value",
            f"The text {_CONTROL.sub('�', text)!r} holds control characters.",
            cure="Remove them in Halo: type the value again.",
        )
    return "'" + text.replace("'", "''") + "'"


def literal(value: Literal) -> str:
    """A `$filter` literal of a Python value: text quoted; GUIDs, dates, times (UTC, milliseconds) and numbers bare."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return quote(value)
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
        case UUID() | int():
            return str(value)


def guid(text: str) -> str:
    """An id as BC writes it, lower-case with hyphens. Raises `Refused` (`bad_id`) for anything but a GUID."""
    if not re.fullmatch(_GUID, text):
        raise Refused("bad_id", f"'{text[:80]}' is not a Business Central id.")
    return text.lower()


def decode_enum(name: str) -> str:
    """The plain name of an enum value, however the tenant writes it.

    `Non_x002D_Inventory` -> `Non-Inventory`, `In_x0020_Review` -> `In Review`, `_x0020_` and `" "` -> "".
    """
    return _ENCODED.sub(lambda found: chr(int(found[1], 16)), name).strip()


def encode_enum(name: str) -> str:
    """The encoded form of an enum value's plain name; "" (BC's blank value) becomes `_x0020_`."""
    return re.sub(r"[^A-Za-z0-9_.]", lambda found: f"_x{ord(found[0]):04X}_", name or " ")


def query(params: Mapping[str, str]) -> str:
    """`?name=value&…` percent-encoded, readable where OData allows it; "" without params."""
    pairs = (
        f"{percent(name, safe='$')}={percent(value, safe=_SAFE_IN_VALUE)}" for name, value in params.items()
    )
    return "?" + "&".join(pairs) if params else ""


def relative(path: str) -> str:
    """`path` when it is resource names, GUIDs in parentheses and actions only, as in `items`, `items({id})/picture`.

    A query may follow the first `?`, as plain text: it is percent-encoded here, and what stands between the quotes of
    a literal (`'Ben & Co'`) stays one value. Raises `Refused` (`bad_id`).
    """
    resource, mark, rest = path.partition("?")
    if not _PATH.fullmatch(resource):
        raise Refused("bad_id", f"'{resource[:120]}' is not a path in a Business Central company.")
    if not mark:
        return resource
    # Splitting at the quotes leaves the literals at the odd places (a doubled quote only adds an empty piece).
    pieces = rest.split("'")
    if len(pieces) % 2 == 0:
        raise Refused("bad_id", f"The query of '{resource}' has a quote that is not closed.")
    encoded = (percent(piece, safe="" if n % 2 else _SAFE_IN_VALUE + "&") for n, piece in enumerate(pieces))
    return f"{resource}?{"'".join(encoded)}"


def segment(text: str) -> str:
    """One path segment, percent-encoded. Raises `Refused` (`bad_id`) for what could lead to another path."""
    if not text or text in (".", "..") or re.search(r"[\x00-\x1f\x7f\\/?#%]", text) or len(text) > 128:
        raise Refused("bad_id", f"'{text[:80]}' cannot be part of an address.")
    return percent(text, safe="")
