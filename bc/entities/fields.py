"""The field map as data: one `Field` for each pair of a Halo field and a BC property, and how values cross.

Pure: no I/O. An entity file holds a tuple of fields in the order in which BC must see them (BC validates
properties in the order of the body), and both directions read it.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

import msgspec

from bc.entities.values import Record, bc_length, decimal, text
from bc.errors import Refused
from bc.model import OutcomeWarning

_encode = msgspec.json.Encoder(decimal_format="string").encode
Part = Literal["record", "site", "address"]


@dataclass(frozen=True, slots=True)
class Field:
    """One mapped pair.

    `part`: where Halo keeps it (the record itself, its main site, or that site's address). `max`: BC's length.
    `code`: BC trims and upper-cases it. `create_only`: sent to BC only with the create. `amount`: a number.
    `convert`: Halo's text to BC's, where it is not the text itself. `label`: what a person calls it.
    """

    halo: str
    bc: str
    label: str
    max: int = 0
    part: Part = "record"
    code: bool = False
    required: bool = False
    create_only: bool = False
    amount: bool = False
    convert: Callable[[str], str] | None = None


@dataclass(frozen=True, slots=True)
class Payload:
    """What a push would send, and what BC should hold afterwards.

    `body` goes on the wire as it stands (keys in BC's order). `state` is every mapped property that an update may
    send, cleared ones as "": equal for a create and for an update of the same record, so its hash is the link's.
    """

    body: dict[str, Any]
    state: dict[str, Any]
    number: str
    name: str
    warnings: tuple[OutcomeWarning, ...] = field(default=())

    @property
    def payload(self) -> str:
        """Canonical text of `state`: what `Link.payload` keeps."""
        return canonical(self.state)

    @property
    def payload_hash(self) -> str:
        return hashed(self.payload)


def canonical(state: Mapping[str, Any]) -> str:
    """JSON text that is equal for equal values: sorted keys, amounts without trailing zeros."""
    return _encode(
        {name: plain(value) if isinstance(value, Decimal) else value for name, value in sorted(state.items())}
    ).decode()


def hashed(payload: str) -> str:
    """SHA-256 of a canonical payload, in hexadecimal."""
    return hashlib.sha256(payload.encode()).hexdigest()


def plain(value: Decimal) -> Decimal:
    """The amount without trailing zeros and without an exponent: 10.50 and 10.5 are one, 1E+2 is 100."""
    small = value.normalize() + 0
    return small.quantize(Decimal(1)) if int(small.as_tuple().exponent) > 0 else small


def one_line(value: str) -> str:
    """Text for a BC field of one line: control characters and runs of white space become one space."""
    spaced = "".join(" " if unicodedata.category(sign) in ("Cc", "Zl", "Zp") else sign for sign in value)
    return " ".join(spaced.split())


def addresses(value: str) -> list[str]:
    """The e-mail addresses of a list separated by ; or , in its order."""
    return [part for raw in value.replace(",", ";").split(";") if (part := raw.strip())]


def fitting_addresses(value: str, limit: int = 80) -> str:
    """The first addresses of a list that fit into `limit` characters together (BC: 80), joined by ;.

    An address is never cut: a first one that is too long stays whole, for the length check to refuse.
    """
    fitting = ""
    for address in addresses(value):
        longer = f"{fitting};{address}" if fitting else address
        if bc_length(longer) > limit:
            return fitting or address
        fitting = longer
    return fitting


def read_field(spec: Field, source: Record) -> Any:
    """The value of a mapped field in BC's form; text trimmed, amounts Decimal. The field must be present."""
    if spec.amount:
        return decimal(source, spec.halo)
    value = one_line(text(source, spec.halo))
    if spec.convert:
        value = spec.convert(value)
    return value.upper() if spec.code else value


def check_length(spec: Field, value: Any, record: str) -> None:
    """Refuse what BC would refuse for its length (F60). `record` names the record for a person."""
    if spec.max and isinstance(value, str) and bc_length(value) > spec.max:
        raise Refused(
            "field_too_long",
            f"The {spec.label} of {record} has {bc_length(value)} characters; Business Central holds at most {spec.max}.",
            cure=f"Shorten the {spec.label} in Halo (field {spec.halo}).",
        )


def check_amount(spec: Field, value: Any, record: str) -> None:
    """BC holds no price or cost below zero."""
    if spec.amount and isinstance(value, Decimal) and value < 0:
        raise Refused(
            "negative_amount",
            f"The {spec.label} of {record} is below zero; Business Central refuses that.",
            cure=f"Correct the {spec.label} in Halo (field {spec.halo}).",
        )


def collect(
    fields: Sequence[Field], parts: Mapping[Part, Record | None], record: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read every mapped field that its part has: `(state, create_only values)`, both in the order of `fields`.

    A field that is absent from Halo's answer is not known and therefore not sent (absent is not empty).
    """
    state: dict[str, Any] = {}
    at_creation: dict[str, Any] = {}
    for spec in fields:
        source = parts.get(spec.part)
        if source is None or spec.halo not in source:
            continue
        value = read_field(spec, source)
        check_length(spec, value, record)
        check_amount(spec, value, record)
        (at_creation if spec.create_only else state)[spec.bc] = value
    return state, at_creation


def create_body(
    fields: Sequence[Field], state: Mapping[str, Any], at_creation: Mapping[str, Any]
) -> dict[str, Any]:
    """The body of a create: everything that has a value, in the order of `fields`."""
    merged = {**state, **at_creation}
    return {
        spec.bc: merged[spec.bc] for spec in fields if spec.bc in merged and merged[spec.bc] not in ("", None)
    }


def held_state(fields: Sequence[Field], bc_row: Record) -> dict[str, Any]:
    """What a BC record holds of the updatable mapped properties, in the form of `Payload.state`."""
    state: dict[str, Any] = {}
    for spec in fields:
        if spec.create_only or spec.bc not in bc_row:
            continue
        state[spec.bc] = bc_value(spec, bc_row)
    return state


def bc_value(spec: Field, bc_row: Record) -> Any:
    """One property of a BC record; a null (F: a page with a null) reads as empty."""
    if spec.amount:
        return decimal(bc_row, spec.bc)
    value = text(bc_row, spec.bc)
    return value.upper() if spec.code else value


def differences(state: Mapping[str, Any], held: Mapping[str, Any]) -> dict[str, Any]:
    """The part of `state` that differs from what BC holds: the body of an update, in the order of `state`.

    Codes differ in case only never; an amount is compared by value; text exactly, without white space at its ends.
    """
    return {name: value for name, value in state.items() if not _same(value, held.get(name))}


def _same(wanted: Any, held: Any) -> bool:
    if isinstance(wanted, Decimal):
        try:
            return held is not None and wanted == Decimal(str(held))
        except ArithmeticError:
            return False
    return str(wanted).strip() == ("" if held is None else str(held).strip())


def company_changes(company_id: str, company_name: str, held: Record) -> dict[str, Any]:
    """The company that a Halo record should name. A name that Halo did not tell is written only with a new id."""
    changes: dict[str, Any] = {}
    if company_id and text(held, "dbc_company_id").casefold() != company_id.casefold():
        changes["dbc_company_id"] = company_id
    told = "dbc_company_name" in held
    if company_name and (changes or (told and text(held, "dbc_company_name") != company_name)):
        changes["dbc_company_name"] = company_name
    return changes
