"""Reading one value out of a Halo record: tolerant of absent, empty and oddly typed fields, never guessing.

Halo writes 0 and "" for "none", ids typed double ("12.0") and times without a zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

Record = Mapping[str, Any]


def text(record: Record, name: str) -> str:
    """The field as trimmed text; "" when absent or null."""
    value = record.get(name)
    return "" if value is None else str(value).strip()


def bc_length(value: str) -> int:
    """How long a text is for BC, which counts UTF-16 units: an emoji is two."""
    return len(value) + sum(sign > "\uffff" for sign in value)


def decimal(record: Record, name: str) -> Decimal:
    """The field as Decimal; 0 when absent or empty. Raises ValueError when it is no number."""
    value = record.get(name)
    if value is None or value == "":
        return Decimal(0)
    try:
        return value if isinstance(value, Decimal) else Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{name} is not a number: {value!r}") from None


def ident(record: Record, name: str) -> str:
    """An id as text without a fraction; "" for Halo's ways of saying none (absent, 0, -1, "")."""
    value = record.get(name)
    if value is None or value == "" or isinstance(value, bool):
        return ""
    if isinstance(value, (float, Decimal)) and value == int(value):
        value = int(value)
    found = str(value).strip()
    found = found.removesuffix(".0")
    return "" if found in ("0", "-1") else found


def flag(record: Record, name: str) -> bool:
    """A boolean; absent is False."""
    return record.get(name) in (True, "true", "True", 1)


def day(record: Record, name: str) -> date | None:
    """The date part of a Halo date-time; None for absent and for Halo's and .NET's empty dates (before 1902)."""
    value = text(record, name)
    if not value:
        return None
    try:
        found = date.fromisoformat(value[:10])
    except ValueError:
        return None
    return found if found.year > 1901 else None


def is_halo_id(value: str) -> bool:
    """Halo's ids are positive whole numbers, each written one way only: a second way would be a second record to us.

    Anything else would end up in a URL path.
    """
    return value.isascii() and value.isdigit() and len(value) < 20 and value[0] != "0" and int(value) < 2**63
