"""Values between the wire and the tables: checked on the way in, in BC's form on the way out.

In the tables a value is str (texts, codes, GUIDs in lower case, plain enum members), Decimal, int, bool, date or
an aware UTC datetime. Blanks are "", 0, False, the zero GUID, 0001-01-01; there is no None.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.bc.errors import Refusal, bad_request, too_long
from sandbox.bc.schema import Field

ZERO_GUID = "00000000-0000-0000-0000-000000000000"
BLANK_DAY = date.min
BLANK_MOMENT = datetime.min.replace(tzinfo=UTC)
GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

_NOT_A_NAME = re.compile(r"[^A-Za-z0-9_]")
_ENCODED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_BLANKS: dict[str, Any] = {
    "guid": ZERO_GUID,
    "text": "",
    "code": "",
    "amount": Decimal(0),
    "whole": 0,
    "flag": False,
    "day": BLANK_DAY,
    "moment": BLANK_MOMENT,
    "stream": "",
}


def blank(field: Field) -> Any:
    return field.members[0] if field.kind == "choice" else _BLANKS[field.kind]


def encode_member(member: str) -> str:
    """An enum member as an XML name: `Non-Inventory` -> `Non_x002D_Inventory`, blank -> `_x0020_`."""
    return _NOT_A_NAME.sub(lambda found: f"_x{ord(found[0]):04X}_", member)


def decode_member(name: str) -> str:
    return _ENCODED.sub(lambda found: chr(int(found[1], 16)), name)


def show_moment(value: datetime) -> str:
    """`2026-01-31T12:54:20.467Z`, with as few decimals as say the same."""
    milliseconds = f"{value.microsecond // 1000:03d}".rstrip("0")
    return (
        value.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
        + (f".{milliseconds}" if milliseconds else "")
        + "Z"
    )


def show(field: Field, value: Any, *, plain_enums: bool) -> Any:
    """The wire form. Decimals stay Decimal; the answer's encoder writes them as numbers."""
    match field.kind:
        case "amount":
            return tidy(value)
        case "day":
            return value.isoformat()
        case "moment":
            return show_moment(value)
        case "choice":
            return value if plain_enums else encode_member(value)
        case _:
            return value


def tidy(value: Decimal) -> Decimal:
    """Without an exponent and without zeros at the end."""
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return Decimal("0" if text in ("-0", "") else text)


def accept(field: Field, value: Any, *, plain_enums: bool) -> Any:
    """A JSON value as the table's value: only its type is checked here (BC: the body is read before any rule)."""
    if value is None:
        raise bad_request(
            f"Field '{field.name}' must not be blank or empty.", "BadRequest_RequiredParamNotProvided"
        )
    match field.kind:
        case "text" | "code" | "choice" if isinstance(value, str):
            return _member(field, value, plain_enums) if field.kind == "choice" else value
        case "guid" if isinstance(value, str):
            if not GUID.fullmatch(value):
                raise bad_request(f"Cannot convert the literal '{value}' to the expected type 'Edm.Guid'.")
            return value.lower()
        case "amount" if isinstance(value, int | Decimal) and not isinstance(value, bool):
            return Decimal(value)
        case "whole" if isinstance(value, int) and not isinstance(value, bool):
            if not -(2**31) <= value < 2**31:
                raise bad_request("Invalid Request Body")
            return value
        case "flag" if isinstance(value, bool):
            return value
        case "day" if isinstance(value, str):
            return _day(value)
        case "moment" if isinstance(value, str):
            return parse_moment(value)
        case _:
            raise bad_request("Invalid Request Body")


def settle(field: Field, value: Any) -> Any:
    """The value as the field keeps it: Codes trimmed and upper-cased, lengths and bounds checked."""
    if field.kind == "code":
        value = value.strip().upper()
    if field.kind in ("text", "code") and field.max and len(value) > field.max:
        raise too_long(value, field.max)
    if field.kind == "amount":
        if field.low is not None and value < field.low:
            raise _out_of_bounds(field, value, "greater", field.low)
        if field.high is not None and value > field.high:
            raise _out_of_bounds(field, value, "less", field.high)
        value = round_to(value, Decimal(1).scaleb(-(field.places or 5)))
    return value


def round_to(value: Decimal, precision: Decimal) -> Decimal:
    """AL's Round: half away from zero, to a multiple of `precision`."""
    return (value / precision).quantize(Decimal(1), ROUND_HALF_UP) * precision


def parse_moment(value: str) -> datetime:
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise bad_request(f"Unable to convert value to DateTime: {value}") from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _day(value: str) -> date:
    try:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            raise ValueError(value)  # noqa: TRY301
        return date.fromisoformat(value)
    except ValueError:
        raise bad_request("Unable to convert value to Date") from None


def _member(field: Field, value: str, plain_enums: bool) -> str:
    """An enum member in the form that this tenant speaks; the other form is refused."""
    known = {(member if plain_enums else encode_member(member)): member for member in field.members}
    if value not in known:
        raise bad_request(
            f"'{value}' is not an option. The existing options are: {','.join(field.members)}", "Unknown"
        )
    return known[value]


def _out_of_bounds(field: Field, value: Decimal, side: str, bound: int) -> Refusal:
    return bad_request(
        f"The value '{tidy(value)}' can't be evaluated into the field {field.al}: it must be {side} than or equal "
        f"to {bound}.",
        "Application_EvaluateException",
    )
