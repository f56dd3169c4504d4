"""Lines of sales documents: each property fires its trigger in the order sent, as on BC's sales line."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sandbox.bc import dimension_sets
from sandbox.bc.document import LINE_STEP, check_open, lines_of, recalculate
from sandbox.bc.edit import Edit, Trigger
from sandbox.bc.errors import bad_request, dialog, must_have_value, not_in_table
from sandbox.bc.header_customer import discount_before_tax
from sandbox.bc.line_objects import reset, set_account, set_item, set_tax_group, set_unit, set_unit_price
from sandbox.bc.line_objects import worked_amounts as _amounts
from sandbox.bc.sales import BY_LINES, INVOICE, SalesKind
from sandbox.bc.seeding import blanks
from sandbox.bc.session import Session
from sandbox.bc.store import Row
from sandbox.bc.types import TYPES
from sandbox.bc.values import ZERO_GUID, round_to
from sandbox.bc.vat import CENT, line_amount

_NUMBERED = {"Item": "items", "Account": "accounts"}


def create(session: Session, kind: SalesKind, body: Mapping[str, Any], document_id: str = "") -> Row:
    """A line of `document_id`, or of the body's `documentId` where the path names no document."""
    if not document_id:
        document_id = str(body.get("documentId", "")).lower()
        if document_id in ("", ZERO_GUID):
            raise dialog("You must specify a document id to get the lines.")
    document = session.company[kind.headers].get(document_id)
    if document is None:
        raise dialog("No document with the specified ID exists.")
    check_open(kind, document)
    line = insert(session, kind, document, body)
    recalculate(session, kind, document_id)
    return session.company[kind.lines].rows[line.id]


def insert(session: Session, kind: SalesKind, document: Row, body: Mapping[str, Any]) -> Row:
    """Save one line without working out the document's tax: the caller does that once for all its lines."""
    edit = Edit(session, TYPES[kind.lines], {**new_line(kind), "documentId": document.id})
    edit.apply(body, _TRIGGERS, nested=("dimensionSetLines",))
    edit.values["documentId"] = document.id
    taken = [line["sequence"] for line in lines_of(session, kind, document.id)]
    if not edit.values["sequence"]:
        edit.values["sequence"] = max(taken, default=0) + LINE_STEP
    elif edit.values["sequence"] in taken:
        raise dialog("You cannot insert a line because a line already exists.")
    _check(edit, kind, document)
    row = session.company[kind.lines].insert(edit.values)
    dimension_sets.insert_all(session, row.id, body.get("dimensionSetLines", []))
    return session.company[kind.lines].rows[row.id]


def modify(session: Session, kind: SalesKind, row: Row, body: Mapping[str, Any]) -> Row:
    """Change a line of a draft; the header's totals and ETag follow."""
    document = session.company[kind.headers].rows[row["documentId"]]
    check_open(kind, document)
    edit = Edit(session, TYPES[kind.lines], dict(row.values), row)
    edit.apply(body, _TRIGGERS)
    _check(edit, kind, document)
    session.company[kind.lines].update(row.id, edit.values)
    recalculate(session, kind, document.id)
    return session.company[kind.lines].rows[row.id]


def delete(session: Session, kind: SalesKind, row: Row) -> None:
    """Delete a line of a draft."""
    check_open(kind, session.company[kind.headers].rows[row["documentId"]])
    session.company[kind.lines].remove(row.id)
    recalculate(session, kind, row["documentId"])


def recreate(session: Session, kind: SalesKind, document: Row) -> None:
    """Delete and re-create all lines, as BC does when customer or currency change: new ids, renumbered, prices anew."""
    table = session.company[kind.lines]
    old = lines_of(session, kind, document.id)
    for line in old:
        table.remove(line.id)
    for line in old:
        body: dict[str, Any] = {"lineType": line["lineType"]}
        if line["lineObjectNumber"]:
            body.update(lineObjectNumber=line["lineObjectNumber"], quantity=line["quantity"])
        if line["lineType"] == "Account":
            body["unitPrice"] = line["unitPrice"]
        if line["lineType"] != "Item":
            body["description"] = line["description"]
        insert(session, kind, document, body)


def new_line(kind: SalesKind) -> dict[str, Any]:
    """A blank line (a Comment) with what BC itself keeps about it."""
    return {
        **blanks(TYPES[kind.lines]),
        "lineAmount": Decimal(0),
        "vatProdPostingGroup": "",
        "genProdPostingGroup": "",
        "vatKey": "",
        "dimensions": {},
        "unitCost": Decimal(0),
        "discountAppliedBeforeTax": True,
    }


def _check(edit: Edit, kind: SalesKind, document: Row) -> None:
    """What can be judged only when the whole body is applied."""
    values = edit.values
    values["discountAppliedBeforeTax"] = discount_before_tax(edit.session, document)
    if values["lineObjectNumber"]:
        _amounts(values)
    elif values["quantity"] or values["unitPrice"] or values["discountAmount"]:
        raise must_have_value(
            "No.",
            f"Sales Line: Document Type={kind.document_type}, Document No.={document['number']}, "
            f"Line No.={values['sequence']}",
        )


def _sequence(edit: Edit, value: int) -> None:
    if edit.before is not None and edit.before["sequence"] not in (0, value):
        name = '"sequence"' if BY_LINES[edit.kind.set_name] is INVOICE else "sequence"
        raise dialog(f"The value for {name} cannot be modified. Delete and insert the line again.")
    edit.values["sequence"] = value


def _document(edit: Edit, value: str) -> None:
    if edit.before is not None and value != edit.before["documentId"]:
        raise dialog('The value for "documentId" cannot be modified.')


def _type(edit: Edit, value: str) -> None:
    """Another type blanks the number and the ids."""
    if value != edit.values["lineType"]:
        reset(edit)
    edit.values["lineType"] = value


def _object_number(edit: Edit, value: str) -> None:
    """Looked up by the type known at this point: before `lineType` that is a Comment's standard text."""
    values = edit.values
    if edit.before is not None and edit.before["lineObjectNumber"]:
        if value != edit.before["lineObjectNumber"]:
            raise dialog('The value for "lineObjectNumber" cannot be modified.')
        return
    kind = values["lineType"]
    if not value:
        return
    if kind not in _NUMBERED:
        raise not_in_table("No.", "Sales Line", value, "Standard Text" if kind in ("Comment",) else str(kind))
    row = edit.session.company[_NUMBERED[kind]].by_key(value)
    if row is None:
        raise dialog(f"{kind} does not exist.")
    (set_item if kind == "Item" else set_account)(edit, row)


def _item_id(edit: Edit, value: str) -> None:
    row = edit.session.company["items"].get(value)
    if row is None:
        raise dialog("Item does not exist.")
    set_item(edit, row)


def _account_id(edit: Edit, value: str) -> None:
    if "itemId" in edit.given and value != ZERO_GUID:
        raise dialog('Both "itemId" and "accountId" are specified. Specify only one of them.')
    row = edit.session.company["accounts"].get(value)
    if row is None and BY_LINES[edit.kind.set_name] is not INVOICE:  # that page has no check of its own
        reset(edit)
        edit.values["lineType"] = "Account"
        return
    if row is None:
        raise dialog("Account does not exist.")
    set_account(edit, row)


def _unit_id(edit: Edit, value: str) -> None:
    row = edit.session.company["unitsOfMeasure"].get(value)
    set_unit(edit, row["code"] if row else "")


def _unit_code(edit: Edit, value: str) -> None:
    set_unit(edit, value)


def _quantity(edit: Edit, value: Decimal) -> None:
    """A new quantity may put the item's own price back (price lists)."""
    values = edit.values
    again = value != values["quantity"] and values["lineType"] == "Item" and values["itemId"] != ZERO_GUID
    values["quantity"] = value
    if again and edit.session.switch("quantity_reprices"):
        set_unit_price(edit)
    _percent(edit, values["discountPercent"])


def _price(edit: Edit, value: Decimal) -> None:
    edit.values["unitPrice"] = value
    _percent(edit, edit.values["discountPercent"])


def _percent(edit: Edit, value: Decimal) -> None:
    values = edit.values
    gross = line_amount(values["quantity"], values["unitPrice"])
    values.update(discountPercent=value, discountAmount=round_to(gross * value / 100, CENT))


def _discount(edit: Edit, value: Decimal) -> None:
    values = edit.values
    gross = line_amount(values["quantity"], values["unitPrice"])
    value = round_to(value, CENT)
    percent = round_to(100 * value / gross, Decimal("0.00001")) if gross else Decimal(0)
    if not 0 <= percent <= 100:
        raise bad_request(
            f"The value '{percent}' can't be evaluated into the field Line Discount %.",
            "Application_EvaluateException",
        )
    values.update(discountAmount=value, discountPercent=percent)


def _tax_code(edit: Edit, value: str) -> None:
    """Cut to 20. With VAT written as product posting group and read as VAT identifier; else the tax group."""
    code, company = value[:20], edit.session.company
    if code and company["taxGroups"].by_key(code) is None:
        if company.vat_in_use:
            raise not_in_table("VAT Prod. Posting Group", "Sales Line", code, "VAT Product Posting Group")
        raise not_in_table("Tax Group Code", "Sales Line", code, "Tax Group")
    set_tax_group(edit, code)


_TRIGGERS: Mapping[str, Trigger] = {
    "sequence": _sequence,
    "documentId": _document,
    "lineType": _type,
    "lineObjectNumber": _object_number,
    "itemId": _item_id,
    "accountId": _account_id,
    "unitOfMeasureId": _unit_id,
    "unitOfMeasureCode": _unit_code,
    "quantity": _quantity,
    "unitPrice": _price,
    "discountPercent": _percent,
    "discountAmount": _discount,
    "taxCode": _tax_code,
}
