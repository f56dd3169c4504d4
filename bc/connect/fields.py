"""Checks for single values that an admin enters: each returns the value to keep or raises `Unfit` with the words."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from bc.model import NUMBER_LENGTH, NUMBER_PATTERN

GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
DOMAIN = re.compile(r"(?=.{4,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}")

type Check = Callable[[Any], Any]


class Unfit(ValueError):
    """The value cannot be used; the text says what is expected. `field` names a member inside it."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Unfit("Expected true or false.")
    return value


def whole(least: int, most: int) -> Check:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Unfit(f"Expected a whole number from {least:,} to {most:,}.")
        return value

    return check


def text(most: int, *, least: int = 1) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str):
            raise Unfit("Expected a text.")
        found = value.strip()
        if len(found) < least:
            raise Unfit("This is required.")
        if len(found) > most:
            raise Unfit(f"At most {most} characters fit.")
        if not found.isprintable():
            raise Unfit("Control characters do not fit.")
        return found

    return check


def record_id(value: Any) -> str:
    """A Halo id: text; a whole number is taken as its text."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return str(text(50)(value))


def or_null(check: Check) -> Check:
    """Null, or an empty text, clears the value."""

    def checked(value: Any) -> Any:
        return None if value is None or value == "" else check(value)

    return checked


def one_of(*values: str) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in values:
            raise Unfit(f"Expected one of: {', '.join(values)}.")
        return value

    return check


def subset(values: Sequence[str]) -> Check:
    def check(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or any(item not in values for item in value):
            raise Unfit(f"Expected a list of: {', '.join(values)}.")
        return tuple(item for item in values if item in value)

    return check


def day(value: Any) -> date:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise Unfit("Expected a date such as 2026-01-31.")


def guid(value: Any) -> str:
    if not isinstance(value, str) or not GUID.fullmatch(value.strip()):
        raise Unfit("Expected an id such as 0f8fad5b-d9cb-469f-a165-70867728950e.")
    return value.strip().lower()


def tenant(value: Any) -> str:
    """A tenant's GUID or domain; never `common`, which no single-tenant app may use."""
    found = value.strip() if isinstance(value, str) else ""
    if not GUID.fullmatch(found) and not DOMAIN.fullmatch(found):
        raise Unfit("Expected the tenant's id (a GUID) or domain, such as contoso.onmicrosoft.com.")
    return found.lower()


def number_pattern(value: Any) -> str:
    """A pattern for new accounts ids such as `C{seq:05}`; its numbers must fit BC's 20 characters."""
    pattern = str(text(60)(value))
    found = NUMBER_PATTERN.fullmatch(pattern)
    if not found:
        raise Unfit("Expected a text with {seq} or {seq:05} in it once, such as C{seq:05}.")
    width = int(found["width"] or 1)
    fixed = found["before"] + found["after"]
    if len(fixed) + max(width, 6) > NUMBER_LENGTH:
        raise Unfit(f"The numbers it makes are longer than {NUMBER_LENGTH} characters.")
    return pattern


def time_zone(value: Any) -> str:
    name = str(text(64)(value))
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise Unfit("Expected a time zone such as Europe/London.") from None
    return name
