"""Products: a Halo item and a BC item. Both directions; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from bc.entities.fields import (
    Field,
    Payload,
    collect,
    company_changes,
    create_body,
    differences,
    held_state,
    one_line,
    plain,
)
from bc.entities.item_category import group_of
from bc.entities.values import Record, decimal, flag, ident, text
from bc.errors import Refused, Skip
from bc.model import Connection, ConnectionSettings, ItemType, Link, OutcomeWarning

NUMBER = Field("accountsid", "number", "accounts id", max=20, code=True, required=True, create_only=True)
NAME = Field("name", "displayName", "name", max=100, required=True)
PRICE = Field("baseprice", "unitPrice", "price", amount=True)
# BC moves the cost of stock by itself, so Halo's is only the first one (GUIDE G22).
COST = Field("costprice", "unitCost", "cost price", amount=True, create_only=True)
FIELDS = (NUMBER, NAME, PRICE, COST)

# What a push reads of an item.
READS = frozenset(
    (
        *(spec.halo for spec in FIELDS),
        *("type", "ignore_from_accounting_sync", "inactive", "dbc_company_id", "dbc_dimensions"),
    )
)

ENDPOINT = "items"
SELECT = "id,number,displayName,type,itemCategoryCode,unitPrice,unitCost,blocked,lastModifiedDateTime"

# The order in which Halo's screen offers the types, until the tenant shows otherwise (halo_conventions.item_types).
ITEM_TYPES: Mapping[str, ItemType] = {"0": "Service", "1": "Inventory", "2": "Non-Inventory"}
_BC_TYPES: Mapping[str, ItemType] = {
    "inventory": "Inventory",
    "service": "Service",
    "non-inventory": "Non-Inventory",
    "non_x002d_inventory": "Non-Inventory",
}


def product_name(item: Record) -> str:
    """What a person calls this product."""
    return one_line(text(item, "name")) or f"product {ident(item, 'id')}"


def item_types(settings: ConnectionSettings) -> Mapping[str, ItemType]:
    """Halo's `type` number (as text) to BC's type."""
    return settings.halo_conventions.item_types or ITEM_TYPES


def bc_item_type(value: str) -> ItemType | None:
    """BC's item type from either way of writing it, encoded or plain; None for a member we do not know."""
    return _BC_TYPES.get(value.strip().lower())


def product_type(item: Record, settings: ConnectionSettings) -> ItemType | None:
    """The BC type of a Halo item; service where none was chosen (GUIDE G21); None for an unknown number."""
    number = _type_number(item)
    return item_types(settings).get(number) if number else "Service"


def _type_number(item: Record) -> str:
    value = item.get("type")
    if value is None or value == "":
        return ""
    return str(int(value)) if isinstance(value, (int, float, Decimal)) else str(value).strip()


def product_payload(
    item: Record, *, settings: ConnectionSettings, creating: bool, link: Link | None = None
) -> Payload:
    """The BC item that a Halo item should be (GUIDE G21, G22).

    Type, number and cost are sent with the create only; with `link`, a later difference of them is a warning.
    Raises `Skip` `opted_out` or `no_accounts_id`; `Refused` `field_too_long`, `negative_amount`, `name_missing`
    or `item_type_unknown`.
    """
    name = product_name(item)
    record = f"product '{name}'"
    if flag(item, "ignore_from_accounting_sync"):
        raise Skip(
            "opted_out",
            f"Product '{name}' is marked in Halo to be ignored by the accounting sync.",
            cure="Clear “Ignore from accounting sync” on the product.",
        )
    state, at_creation = collect(FIELDS, {"record": item}, record)
    number = str(at_creation.get(NUMBER.bc, ""))
    if not number:
        raise Skip(
            "no_accounts_id",
            f"Product '{name}' has no accounts id, so it is not synced.",
            cure="Fill in the accounts id of the product in Halo; it is then sent by itself. Or set a number pattern for "
            "products on the connection.",
        )
    if not state.get(NAME.bc):
        raise Refused(
            "name_missing", f"Product {number} has no name.", cure="Give the product a name in Halo."
        )
    kind = product_type(item, settings)
    if kind is None:
        raise Refused(
            "item_type_unknown",
            f"The type of {record} has the number {_type_number(item)} in Halo, whose meaning is not known.",
            cure="Name the item types of this Halo under “Halo conventions” in the connection's settings.",
        )
    if not creating:
        return Payload(
            dict(state), state, number, name, tuple(_later_differences(link, item, number, kind, record))
        )
    body = create_body(FIELDS, state, {**at_creation, COST.bc: at_creation.get(COST.bc) or None})
    body = {NUMBER.bc: body.pop(NUMBER.bc), NAME.bc: body.pop(NAME.bc), "type": encoded_type(kind), **body}
    return Payload(body, state, number, name)


def encoded_type(kind: ItemType) -> str:
    """BC's wire form of a type."""
    return kind.replace("-", "_x002D_")


def product_changes(state: Record, held: Record) -> dict[str, Any]:
    """The body of an update: what differs from what BC holds."""
    return differences(state, held)


def product_held(bc_row: Record) -> dict[str, Any]:
    """What BC holds, in the form of `Payload.state`."""
    return held_state(FIELDS, bc_row)


def _later_differences(
    link: Link | None, item: Record, number: str, kind: ItemType, record: str
) -> list[OutcomeWarning]:
    if link is None:
        return []
    warnings = []
    if link.bc_number and link.bc_number.strip().upper() != number:
        warnings.append(
            OutcomeWarning(
                "number_differs",
                f"The accounts id of {record} is {number} in Halo, but it is linked to {link.bc_number} "
                "in Business Central; numbers are never changed there.",
            )
        )
    if link.bc_type and bc_item_type(link.bc_type) != kind:
        warnings.append(
            OutcomeWarning(
                "type_fixed",
                f"The type of {record} is {kind} in Halo and {link.bc_type} in Business Central, "
                "where it is fixed once chosen.",
            )
        )
    sent = link.bc_cost
    if sent is not None and COST.halo in item and decimal(item, COST.halo) != sent:
        warnings.append(
            OutcomeWarning(
                "cost_not_updatable",
                f"The cost price of {record} is {plain(decimal(item, COST.halo))} in Halo; Business Central was given "
                f"{plain(sent)} and keeps its own cost since.",
            )
        )
    return warnings


def product_import(bc_row: Record, connection: Connection, item: Record | None) -> dict[str, Any]:
    """The Halo item fields that differ from a BC item (GUIDE G15, G16); without an `id` for a new one.

    A price or cost of zero in BC counts as not given. The default accounts go to new products; the product group
    to new ones and to those without a group. Raises `Refused` `name_missing`, `item_type_unknown`, `category_not_mapped`
    (a new one whose category has no group, where no default group is set) or `bad_record`.
    """
    number = text(bc_row, NUMBER.bc)
    held: Record = item or {}
    changes: dict[str, Any] = {}
    if item is None:
        name = text(bc_row, NAME.bc)
        if not name:
            raise Refused(
                "name_missing",
                f"Item {number} has no description in Business Central.",
                cure="Give the item a description in Business Central and import it again.",
            )
        changes["name"] = name
    changes |= company_changes(connection.company_id or "", connection.company_name or "", held)
    if text(held, "accountsid").casefold() != number.casefold():
        changes["accountsid"] = number
    changes |= _type_change(bc_row, connection.settings, item)
    for spec in (PRICE, COST):
        amount = decimal(bc_row, spec.bc)
        if amount and (item is None or decimal(held, spec.halo) != amount):
            changes[spec.halo] = amount
    changes |= _group_and_accounts(bc_row, connection.settings, item)
    return changes


def _type_change(bc_row: Record, settings: ConnectionSettings, item: Record | None) -> dict[str, Any]:
    kind = bc_item_type(text(bc_row, "type"))
    number = next((key for key, value in item_types(settings).items() if value == kind), None)
    if number is None:
        raise Refused(
            "item_type_unknown",
            f"Item {text(bc_row, NUMBER.bc)} has the type {text(bc_row, 'type')!r} in Business Central, "
            "for which Halo has no number.",
            cure="Name the item types of this Halo under “Halo conventions” in the connection's settings.",
        )
    if item is not None and _type_number(item) == number:
        return {}
    return {"type": int(number) if number.lstrip("-").isdigit() else number}


def _group_and_accounts(bc_row: Record, settings: ConnectionSettings, item: Record | None) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if item is None or ("assetgroup_id" in item and not ident(item, "assetgroup_id")):
        category = text(bc_row, "itemCategoryCode")
        group = (group_of(category, settings) if category else "") or settings.item_default_group
        if group:
            changes["assetgroup_id"] = int(group) if group.isdigit() else group
        elif category and item is None:
            raise Refused(
                "category_not_mapped",
                f"Item {text(bc_row, NUMBER.bc)} is in the category {category}, which has no product group in Halo.",
                cure="Import or map the item categories, or choose a default product group in the settings.",
            )
    if item is None:
        if settings.default_sales_account:
            changes["nominalcode"] = settings.default_sales_account
        if settings.default_purchase_account:
            changes["purchasenominalcode"] = settings.default_purchase_account
    return changes
