"""Which tax fields a customer and a product have, and what setting them to zero changes. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from bc.entities import customer, product
from bc.entities.values import Record, ident
from bc.model import Entity
from bc.store.tax_values import TaxValue

# The first is the tax of the record itself; the others only count where they are set, and leave it alone if not.
# A product's `taxcodeother` is the tax of purchases, which no sales invoice uses.
FIELDS: Mapping[Entity, tuple[str, ...]] = {
    "customer": (
        "sales_tax_code",
        "item_tax_code",
        "service_tax_code",
        "contract_tax_code",
        "prepay_tax_code",
    ),
    "product": ("taxcode",),
}
RESOURCES: Mapping[Entity, str] = {"customer": "Client", "product": "Item"}
STAMPS: Mapping[Entity, str] = {"customer": "alastupdate", "product": "lastmodified"}
READS: Mapping[Entity, frozenset[str]] = {"customer": customer.READS, "product": product.READS}
ORDER: tuple[Entity, ...] = ("customer", "product")


def tells_all(entity: Entity, row: Record) -> bool:
    """Whether a list row already has every tax field."""
    return all(name in row for name in FIELDS[entity])


def code(record: Record, name: str) -> int:
    """A tax id as Halo holds it; 0 for none."""
    value = record.get(name)
    return 0 if value is None or value == "" else int(Decimal(str(value)))


def changes(entity: Entity, record: Record, zero: int, zeros: frozenset[str]) -> dict[str, int]:
    """The fields that must change, with their new value. A field that Halo does not show is left alone."""
    own = FIELDS[entity][0]
    wanted: dict[str, int] = {}
    for name in FIELDS[entity]:
        if name not in record:
            continue
        held = ident(record, name)
        if held not in zeros and (held or name == own):
            wanted[name] = zero
    return wanted


def present(value: TaxValue, record: Record) -> Literal["old", "zero", "other"]:
    """What the record holds now: our zero, what it held before (or a part of both), or what a person set since."""
    held = {name: code(record, name) for name in value.new}
    if held == value.new:
        return "zero"
    if all(number in (value.old[name], value.new[name]) for name, number in held.items()):
        return "old"
    return "other"
