"""What a line sells: an item or an account put on it, with its price, unit and tax."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.bc.dimensions import defaults_of
from sandbox.bc.document import UNIT_PRECISION, currency_of
from sandbox.bc.edit import Edit
from sandbox.bc.errors import dialog, must_be, must_have_value, no_record, not_in_table
from sandbox.bc.items import record as item_record
from sandbox.bc.sales import BY_LINES
from sandbox.bc.store import Row
from sandbox.bc.values import ZERO_GUID, blank, round_to
from sandbox.bc.vat import line_amount

_KEPT = frozenset({"id", "documentId", "sequence", "quantity", "lastModifiedDateTime"})


def reset(edit: Edit) -> None:
    """What validating the number does first: everything blank again, save the quantity."""
    edit.values.update({one.name: blank(one) for one in edit.kind.fields if one.name not in _KEPT})
    edit.values.update(
        lineAmount=Decimal(0),
        vatProdPostingGroup="",
        genProdPostingGroup="",
        vatKey="",
        dimensions={},
        unitCost=Decimal(0),
    )


def set_item(edit: Edit, item: Row) -> None:
    """Put an item on the line: description, unit, tax and price come from it."""
    number = item["number"]
    if item["blocked"]:
        raise must_be("Blocked", "No", item_record(number), "Yes")
    if item["salesBlocked"]:
        raise dialog(
            f"You cannot sell Item {number} because the Sales Blocked check box is selected on the Item card."
        )
    if not item["generalProductPostingGroupCode"]:
        raise must_have_value("Gen. Prod. Posting Group", item_record(number))
    if item["type"] == "Inventory" and not item["inventoryPostingGroupCode"]:
        raise must_have_value("Inventory Posting Group", item_record(number))
    values = edit.values
    reset(edit)
    values.update(
        lineType="Item",
        itemId=item.id,
        lineObjectNumber=number,
        description=item["displayName"],
        description2=item["displayName2"],
        unitOfMeasureId=item["baseUnitOfMeasureId"],
        unitOfMeasureCode=item["baseUnitOfMeasureCode"],
        genProdPostingGroup=item["generalProductPostingGroupCode"],
        unitCost=item["unitCost"],
        dimensions={**_document(edit)["dimensions"], **defaults_of(edit.session.company, item.id)},
    )
    set_tax_group(edit, _tax_group_of(edit, item))
    set_unit_price(edit)


def set_account(edit: Edit, account: Row) -> None:
    """Put a G/L account on the line; it must be one that may be posted to directly."""
    record = f"G/L Account: No.={account['number']}"
    if account["accountType"] != "Posting":
        raise must_be("Account Type", "Posting", record, account["accountType"])
    if account["blocked"]:
        raise must_be("Blocked", "No", record, "Yes")
    if not account["directPosting"]:
        raise must_be("Direct Posting", "Yes", record, "No")
    values = edit.values
    reset(edit)
    values.update(
        lineType="Account",
        accountId=account.id,
        lineObjectNumber=account["number"],
        description=account["displayName"],
        genProdPostingGroup=account["genProdPostingGroup"],
        dimensions=_document(edit)["dimensions"],
    )
    set_tax_group(edit, _tax_group_of(edit, account))


def set_tax_group(edit: Edit, group: str) -> None:
    """The line's VAT by the set-up's cell for customer and product; a pair without a cell is refused.

    With sales tax the group itself, blank too; what it costs depends on the whole document.
    """
    if not edit.session.company.vat_in_use:
        edit.values.update(taxCode=group)
        return
    business = _document(edit)["vatBusPostingGroup"]
    cell = edit.session.company.vat.get((business, group))
    if cell is None:
        raise no_record(
            "VAT Posting Setup",
            f"VAT Bus. Posting Group='{business}',VAT Prod. Posting Group='{group}'",
            400,
        )
    percent = Decimal(0) if cell.calculation == "Reverse Charge VAT" else cell.percent
    edit.values.update(
        vatProdPostingGroup=group,
        taxCode=cell.identifier,
        taxPercent=percent,
        vatKey=f"{cell.identifier}/{cell.calculation}",
    )


def _tax_group_of(edit: Edit, record: Row) -> str:
    name = "vatProdPostingGroup" if edit.session.company.vat_in_use else "taxGroupCode"
    return str(record.get(name, ""))


def set_unit(edit: Edit, code: str) -> None:
    """Another unit, which recalculates the price. An item sells only in its own units."""
    values = edit.values
    company = edit.session.company
    row = company["unitsOfMeasure"].by_key(code) if code else None
    item = company["items"].get(values["itemId"])
    if code and (row is None or (item is not None and code not in item["units"])):
        related = "Item Unit of Measure" if item is not None else "Unit of Measure"
        raise not_in_table("Unit of Measure Code", "Sales Invoice Line Aggregate", code, related)
    values.update(unitOfMeasureId=row.id if row else ZERO_GUID, unitOfMeasureCode=code)
    if item is not None:
        values["unitCost"] = item["unitCost"]
        set_unit_price(edit)


def set_unit_price(edit: Edit) -> None:
    """The item's own price, in the document's currency, net or gross as its prices are."""
    values = edit.values
    item = edit.session.company["items"].rows[values["itemId"]]
    document = _document(edit)
    price = item["unitPrice"]
    factor = 1 + values["taxPercent"] / 100
    if item["priceIncludesTax"] and not document["pricesIncludeTax"]:
        price = round_to(price / factor, UNIT_PRECISION)
    elif document["pricesIncludeTax"] and not item["priceIncludesTax"]:
        price = round_to(price * factor, UNIT_PRECISION)
    currency = currency_of(document)
    if currency:
        rate = edit.session.company.rate(currency, document["postingDate"]) or Decimal(1)
        price = round_to(price / rate, UNIT_PRECISION)
    values.update(unitPrice=price)


def worked_amounts(values: dict[str, Any]) -> None:
    """The line's amount after its own discount."""
    values["lineAmount"] = line_amount(values["quantity"], values["unitPrice"]) - values["discountAmount"]


def _document(edit: Edit) -> Row:
    return edit.session.company[BY_LINES[edit.kind.set_name].headers].rows[edit.values["documentId"]]
