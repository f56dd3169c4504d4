"""Values at Halo's edge: JSON with the digits it had, checks of what is sent, and how stored values are written."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

import msgspec

from sandbox.halo.errors import HaloError, refused
from sandbox.halo.fields import LIMITS, Row

NET_TYPES = {
    "int": "System.Int32",
    "num": "System.Double",
    "idnum": "System.Double",
    "bool": "System.Boolean",
    "time": "System.DateTime",
    "day": "System.DateTime",
}
BIGGEST_INT = 2_147_483_647

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number")


def read_json(body: bytes) -> Any:
    """JSON with numbers exact (int or Decimal); 400 in .NET's words when it is none."""
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise refused(f"Unexpected character encountered while parsing value. {error}", "dotnet") from error


def write_json(value: Any) -> bytes:
    """JSON with each Decimal as a number of the digits it has."""
    return _encoder.encode(value)


def checked(
    resource: str, fields: Mapping[str, str], sent: Mapping[str, Any], strings_as_numbers: bool, zone: tzinfo
) -> Row:
    """The known fields of `sent` in stored form; unknown names are dropped, as Halo does.

    A null for a number, boolean or date is refused with 400, and so is a value of another type. A time without
    a zone is in `zone`.
    """
    limits = LIMITS.get(resource, {})
    row: Row = {}
    for name, value in sent.items():
        kind = fields.get(name)
        if kind is None:
            continue
        row[name] = _converted(name, kind, value, strings_as_numbers, zone)
        limit = limits.get(name)
        if limit and isinstance(row[name], str) and len(row[name]) > limit:
            raise HaloError(
                400,
                f"String or binary data would be truncated in column '{name}'.",
                "dotnet",
                "System.Data.SqlClient.SqlException",
            )
    return row


def _converted(name: str, kind: str, value: Any, strings_as_numbers: bool, zone: tzinfo) -> Any:
    if kind == "obj":
        return value
    if kind == "str":
        return _text(name, value)
    if value is None:
        raise _wrong(name, kind, "{null}")
    if kind == "bool":
        if isinstance(value, bool):
            return value
        raise _wrong(name, kind, value)
    if kind in ("time", "day"):
        return _moment(name, kind, value, zone)
    return _number(name, kind, value, strings_as_numbers)


def _text(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, int | Decimal):
        return str(value)
    raise refused(f"Unexpected character encountered while parsing value. Path '[0].{name}'.", "dotnet")


def _number(name: str, kind: str, value: Any, strings_as_numbers: bool) -> int | Decimal:
    if isinstance(value, str) and strings_as_numbers:
        try:
            value = Decimal(value)
        except ArithmeticError:
            raise _wrong(name, kind, value) from None
        if value == value.to_integral_value() and value.as_tuple().exponent == 0:
            value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _wrong(name, kind, value)
    if kind == "int":
        if isinstance(value, Decimal) or abs(value) > BIGGEST_INT:
            raise refused(f"Input string '{value}' is not a valid integer. Path '[0].{name}'.", "dotnet")
        return value
    if kind == "idnum":
        if value != int(value):
            raise _wrong(name, kind, value)
        return int(value)
    return value


def _moment(name: str, kind: str, value: Any, zone: tzinfo) -> datetime | str:
    if value == "":
        return ""
    found = parse_time(value) if isinstance(value, str) else None
    if found is None:
        raise _wrong(name, kind, value)
    if kind == "day":
        return found.replace(tzinfo=None)
    return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)


def _wrong(name: str, kind: str, value: Any) -> HaloError:
    return refused(
        f"Error converting value {value} to type '{NET_TYPES[kind]}'. Path '[0].{name}', line 1.", "dotnet"
    )


def parse_time(text: str) -> datetime | None:
    """An ISO date or time, with its zone if it has one; None when it is none."""
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return None


def end_of_day(text: str, moment: datetime) -> datetime:
    """A date without a time stands for that whole day."""
    return moment + timedelta(days=1, milliseconds=-1) if len(text.strip()) <= len("2026-01-01") else moment


def written(
    fields: Mapping[str, str], row: Mapping[str, Any], zone: tzinfo, suffix: str, doubles: bool
) -> Row:
    """The record as Halo writes it: times without zone, ids typed double with a fraction, nothing null."""
    shown: Row = {}
    for name, value in row.items():
        if value is None or name.startswith("~"):
            continue
        kind = fields.get(name, "obj")
        if isinstance(value, datetime):
            local = value.astimezone(zone) if value.tzinfo else value
            shown[name] = _net_time(local) + (suffix if value.tzinfo else "")
        elif isinstance(value, date):
            shown[name] = f"{value.isoformat()}T00:00:00"
        elif kind == "idnum" and doubles:
            shown[name] = Decimal(f"{value}.0")
        elif kind in ("time", "day") and value == "":
            continue
        else:
            shown[name] = value
    return shown


def _net_time(moment: datetime) -> str:
    """As .NET writes it: `2023-10-31T14:40:11.26`, no trailing zeros in the fraction."""
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{moment.microsecond:06d}".rstrip("0")
    return f"{text}.{fraction}" if fraction else text
