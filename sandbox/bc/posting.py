"""Posting: a draft becomes a posted document, for good."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sandbox.bc.document import lines_of
from sandbox.bc.errors import bad_request, dialog, must_have_value, no_record
from sandbox.bc.header_customer import check_customer
from sandbox.bc.sales import CREDIT_MEMO, INVOICE, SalesKind
from sandbox.bc.session import Session
from sandbox.bc.store import Row


def post(session: Session, kind: SalesKind, row: Row) -> None:
    """Post a draft: it keeps its id and its lines' ids, gets a number of the posted series, and stays posted.

    BC commits before it posts: nothing around it can take it back.
    """
    company = session.company
    _draft(kind, row)
    if row["status"] == "In Review":
        raise dialog(
            f"Sales {kind.document_type} {row['number']} must be approved and released before you can perform this "
            "action."
        )
    found = _check_lines(session, kind, row)
    _check_period(session, kind, row)
    if session.switch("external_number_mandatory") and not row["externalDocumentNumber"]:
        raise must_have_value("External Document No.", kind.record(row["number"]))
    customer = company["customers"].rows[row["customerId"]]
    check_customer(session, kind, customer, "post", ships=any(line["lineType"] == "Item" for line in found))
    invoice = _applied_to(session, row) if kind is CREDIT_MEMO else None
    if kind is INVOICE:
        _check_stock(session, found)
    company.journal.commit()
    left = row["totalAmountIncludingTax"] - _apply(session, row, invoice)
    company[kind.headers].update(
        row.id,
        {
            "number": company.next_number(kind.posted_series),
            "preAssignedNumber": row["number"],
            "posted": True,
            "headerStatus": "Open",
            "status": "Open" if left else "Paid",
            "closed": not left,
            "remainingAmount": left,
        },
    )
    company["customers"].update(customer.id, {"hasEntries": True}, touch=False)
    if kind is INVOICE:
        _take(session, found)
    else:
        give_back(session, found)
    company.journal.commit()


def give_back(session: Session, lines: list[Row]) -> None:
    """A credit memo's items, or those of a cancelled invoice, are on stock again."""
    _take(session, lines, -1)


def _take(session: Session, lines: list[Row], times: int = 1) -> None:
    items = session.company["items"]
    for line in lines:
        item = items.get(line["itemId"])
        if item is not None and item["type"] == "Inventory":
            left = item["inventory"] - times * line["quantity"]
            items.update(item.id, {"inventory": left, "hasEntries": True}, touch=False)


def _applied_to(session: Session, row: Row) -> Row | None:
    """The open posted invoice that a credit memo names; a number without one ends the posting (BC_API 7)."""
    number = row["invoiceNumber"]
    if not number:
        return None
    invoice = session.company[INVOICE.headers].by_key(number)
    if (
        invoice is None
        or not invoice["posted"]
        or invoice["closed"]
        or invoice["billToCustomerId"] != row["billToCustomerId"]
    ):
        raise bad_request(
            "There is no Cust. Ledger Entry within the filter.\r\n\r\n"
            f"Filters: Document No.: {number}, Document Type: Invoice, Customer No.: {row['billToCustomerNumber']}, "
            "Open: Yes",
            "Internal_DataNotFoundFilter",
        )
    return invoice


def _apply(session: Session, row: Row, invoice: Row | None) -> Decimal:
    """Take a credit memo's total off its invoice, as far as that is open; only a full one touches the record.

    Amounts of two currencies are not applied: both stay open.
    """
    if invoice is None or invoice["currencyId"] != row["currencyId"]:
        return Decimal(0)
    used = min(row["totalAmountIncludingTax"], invoice["remainingAmount"])
    left = invoice["remainingAmount"] - used
    changes = {"remainingAmount": left} | ({} if left else {"status": "Paid", "closed": True})
    session.company[INVOICE.headers].update(invoice.id, changes, touch=not left)
    return Decimal(used)


def _draft(kind: SalesKind, row: Row) -> None:
    if row["posted"]:
        raise dialog(f"The action can be applied to a draft {kind.name} only.")


def _check_lines(session: Session, kind: SalesKind, row: Row) -> list[Row]:
    """The lines that are posted; their posting set-up must exist."""
    found = [line for line in lines_of(session, kind, row.id) if line["lineObjectNumber"]]
    if not found:
        raise dialog(f"Please add at least one line item to the {kind.name}.")
    if not any(line["quantity"] for line in found):
        raise dialog("There is nothing to post because the document does not contain a quantity or amount.")
    for line in found:
        pair = (row["genBusPostingGroup"], line["genProdPostingGroup"])
        if line["quantity"] and pair not in session.company.sales_accounts:
            raise no_record(
                "General Posting Setup",
                f"Gen. Bus. Posting Group='{pair[0]}',Gen. Prod. Posting Group='{pair[1]}'",
                400,
            )
    return found


def _check_period(session: Session, kind: SalesKind, row: Row) -> None:
    first = session.switch("allow_posting_from")
    if first and row["postingDate"] < date.fromisoformat(first):
        raise bad_request(
            f"Posting Date is not within your range of allowed posting dates in {kind.record(row['number'])}.",
            "Application_FieldValidationException",
        )


def _check_stock(session: Session, lines: list[Row]) -> None:
    if not session.switch("prevent_negative_inventory"):
        return
    for line in lines:
        item = session.company["items"].get(line["itemId"])
        if item is not None and item["type"] == "Inventory" and item["inventory"] < line["quantity"]:
            raise dialog(f"You have insufficient quantity of Item {item['number']} on inventory.")
