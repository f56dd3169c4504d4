"""Items: what BC checks and fills in when one is created, changed or deleted."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sandbox.bc import default_dimensions
from sandbox.bc.customers import check_manual
from sandbox.bc.edit import Edit, Trigger, by_code, by_id
from sandbox.bc.errors import dialog, must_be, same_key
from sandbox.bc.sales import SALES_KINDS
from sandbox.bc.seeding import new_item
from sandbox.bc.session import Session
from sandbox.bc.store import Row
from sandbox.bc.types import TYPES
from sandbox.bc.values import ZERO_GUID

_KIND = TYPES["items"]


def create(session: Session, body: Mapping[str, Any]) -> Row:
    """A new item; without template rules it has neither posting groups nor a unit that was not sent."""
    edit = Edit(session, _KIND, new_item())
    edit.apply(body, _TRIGGERS, nested=(default_dimensions.SET,))
    if not edit.values["number"]:
        edit.values["number"] = session.company.next_number("ITEM", "items")
    if session.switch("template_rules"):
        _template(edit)
    row = session.company["items"].insert(edit.values)
    default_dimensions.create_all(session, row.id, body.get(default_dimensions.SET, []))
    return session.company["items"].rows[row.id]


def modify(session: Session, row: Row, body: Mapping[str, Any]) -> Row:
    """Change an item; a changed number renames it."""
    edit = Edit(session, _KIND, dict(row.values), row)
    edit.apply(body, _TRIGGERS)
    saved = session.company["items"].update(row.id, edit.values)
    if saved["number"] != row["number"]:
        for lines in (session.company[kind.lines] for kind in SALES_KINDS):
            for line in [one for one in lines if one["itemId"] == row.id]:
                lines.update(line.id, {"lineObjectNumber": saved["number"]}, touch=False)
    return saved


def delete(session: Session, row: Row) -> None:
    """Delete an item that no line and no ledger entry needs."""
    if _on_lines(session, row.id):
        raise dialog(
            f"You cannot delete Item {row['number']} because there is at least one Sales Line that includes this "
            "item."
        )
    if row["hasEntries"]:
        raise dialog(
            f"You cannot delete Item {row['number']} because it has ledger entries in a fiscal year that has not "
            "been closed yet."
        )
    default_dimensions.forget(session, row.id)
    session.company["items"].remove(row.id)


def record(number: str) -> str:
    """How messages name an item."""
    return f"Item: No.={number}"


def _on_lines(session: Session, item_id: str) -> bool:
    return any(
        session.company[kind.lines].first(lambda line: line["itemId"] == item_id) is not None
        for kind in SALES_KINDS
    )


def _number(edit: Edit, value: str) -> None:
    if value and (edit.new or value != edit.values["number"]):
        check_manual(edit, "ITEM", "manual_item_numbers")
        if edit.session.company["items"].by_key(value) is not None:
            raise same_key("Item", "No.", value, edit.session.switch("duplicate_key_status"))
    edit.values["number"] = value


def _type(edit: Edit, value: str) -> None:
    """Services and non-inventory items have no inventory posting group."""
    values = edit.values
    if edit.before is not None and value != values["type"]:
        reason = ""
        if values["hasEntries"]:
            reason = "Item Ledger Entry"
        elif _on_lines(edit.session, edit.before.id):
            reason = "Sales Line"
        if reason:
            raise dialog(
                f"You cannot change the Type field on Item {values['number']} because at least one {reason} exists "
                "for this item."
            )
    values["type"] = value
    if value != "Inventory":
        values.update(inventoryPostingGroupId=ZERO_GUID, inventoryPostingGroupCode="")


def _inventory(edit: Edit, value: Decimal) -> None:
    """On a saved item it posts an adjustment of today."""
    if edit.new:
        raise dialog("Inventory cannot be changed during on insert.")
    if value != edit.values["inventory"]:
        edit.values.update(inventory=value, hasEntries=True)


def _unit_cost(edit: Edit, value: Decimal) -> None:
    values = edit.values
    stuck = values["type"] == "Inventory" and values["costingMethod"] != "Standard" and values["hasEntries"]
    if stuck and value != values["unitCost"]:
        raise dialog(
            "You cannot change Unit Cost because there are one or more ledger entries for this item."
        )
    values["unitCost"] = value


def _unit(edit: Edit, row: Row | None) -> None:
    code = row["code"] if row else ""
    edit.values.update(baseUnitOfMeasureId=row.id if row else ZERO_GUID, baseUnitOfMeasureCode=code)
    if code and code not in edit.values["units"]:
        edit.values["units"] = (*edit.values["units"], code)


def _unit_id(edit: Edit, value: str) -> None:
    _unit(edit, edit.session.company["unitsOfMeasure"].get(value))


def _unit_code(edit: Edit, value: str) -> None:
    """A unit's code or its international code."""
    units = edit.session.company["unitsOfMeasure"]
    row = units.by_key(value) or units.first(
        lambda one: bool(value) and one["internationalStandardCode"] == value
    )
    if value and row is None:
        raise dialog(f"The Unit of Measure with Code {value} does not exist.")
    found = row.id if row else ZERO_GUID
    if "baseUnitOfMeasureId" in edit.given and edit.values["baseUnitOfMeasureId"] != found:
        raise dialog("The unit of measure values do not match to a specific Unit of Measure.")
    _unit(edit, row)


def _product_group(edit: Edit, row: Row | None) -> None:
    """The general group brings its default VAT product group along."""
    edit.values.update(
        generalProductPostingGroupId=row.id if row else ZERO_GUID,
        generalProductPostingGroupCode=row["code"] if row else "",
    )
    if row is not None:
        edit.values["vatProdPostingGroup"] = row["defaultVATProductPostingGroup"]


def _product_group_id(edit: Edit, value: str) -> None:
    _product_group(edit, edit.session.company["generalProductPostingGroups"].get(value))


def _product_group_code(edit: Edit, value: str) -> None:
    _product_group(edit, edit.session.company["generalProductPostingGroups"].by_key(value))


def _inventory_group(edit: Edit, row: Row | None) -> None:
    if row is not None and edit.values["type"] != "Inventory":
        raise must_be("Type", "Inventory", record(edit.values["number"]), edit.values["type"])
    edit.values.update(
        inventoryPostingGroupId=row.id if row else ZERO_GUID,
        inventoryPostingGroupCode=row["code"] if row else "",
    )


def _inventory_group_id(edit: Edit, value: str) -> None:
    _inventory_group(edit, edit.session.company["inventoryPostingGroups"].get(value))


def _inventory_group_code(edit: Edit, value: str) -> None:
    _inventory_group(edit, edit.session.company["inventoryPostingGroups"].by_key(value))


def _template(edit: Edit) -> None:
    """What the tenant's template rule gives: posting groups and a unit; sent fields win."""
    company = edit.session.company
    stocked = edit.values["type"] == "Inventory"
    if not edit.values["generalProductPostingGroupCode"]:
        _product_group(
            edit, company["generalProductPostingGroups"].by_key("GOODS" if stocked else "SERVICES")
        )
    if stocked and not edit.values["inventoryPostingGroupCode"]:
        _inventory_group(edit, company["inventoryPostingGroups"].by_key("RESALE"))
    if not edit.values["baseUnitOfMeasureCode"]:
        _unit(edit, company["unitsOfMeasure"].by_key("PCS"))


_TRIGGERS: Mapping[str, Trigger] = {
    "number": _number,
    "type": _type,
    "itemCategoryId": by_id("itemCategoryId", "itemCategoryCode", "Item Category"),
    "itemCategoryCode": by_code(
        "itemCategoryId",
        "itemCategoryCode",
        "Item Category",
        "The item categories values do not match to a specific item category.",
    ),
    "inventory": _inventory,
    "unitCost": _unit_cost,
    "taxGroupId": by_id("taxGroupId", "taxGroupCode", "Tax Group"),
    "taxGroupCode": by_code(
        "taxGroupId",
        "taxGroupCode",
        "Tax Group",
        "The tax group values do not match to a specific Tax Group.",
    ),
    "baseUnitOfMeasureId": _unit_id,
    "baseUnitOfMeasureCode": _unit_code,
    "generalProductPostingGroupId": _product_group_id,
    "generalProductPostingGroupCode": _product_group_code,
    "inventoryPostingGroupId": _inventory_group_id,
    "inventoryPostingGroupCode": _inventory_group_code,
}
