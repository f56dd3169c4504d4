"""The bound actions of sales invoices: post, send, cancel, corrective credit memo."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal

from sandbox.bc.document import lines_of
from sandbox.bc.errors import bad_request, dialog, no_record
from sandbox.bc.invoice_customer import check_customer
from sandbox.bc.session import Session
from sandbox.bc.store import Row

_NO_MAIL = (
    "The send-to email is empty. Specify email either for the customer or for the invoice in email preview."
)


def post(session: Session, row: Row) -> None:
    """Post a draft: it keeps its id and its lines' ids, gets a number of the posted series, and stays posted.

    BC commits before it posts: nothing around it can take it back.
    """
    company = session.company
    _draft(row)
    if row["status"] == "In Review":
        raise dialog(
            f"Sales Invoice {row['number']} must be approved and released before you can perform this action."
        )
    found = _check_lines(session, row)
    _check_period(session, row)
    customer = company["customers"].rows[row["customerId"]]
    check_customer(customer, "post", ships=any(line["lineType"] == "Item" for line in found))
    _check_stock(session, found)
    company.journal.commit()
    number = company.next_number("S-INV+")
    company["salesInvoices"].update(
        row.id,
        {
            "number": number,
            "preAssignedNumber": row["number"],
            "posted": True,
            "headerStatus": "Open",
            "status": "Open" if row["totalAmountIncludingTax"] else "Paid",
            "closed": not row["totalAmountIncludingTax"],
            "remainingAmount": row["totalAmountIncludingTax"],
        },
    )
    company["customers"].update(customer.id, {"hasEntries": True}, touch=False)
    for line in found:
        item = company["items"].get(line["itemId"])
        if item is not None and item["type"] == "Inventory":
            left = item["inventory"] - line["quantity"]
            company["items"].update(item.id, {"inventory": left, "hasEntries": True}, touch=False)
    company.journal.commit()


def post_and_send(session: Session, row: Row) -> None:
    """Post, then send; without an address it stays posted and the call fails."""
    post(session, row)
    _address(row)


def send(session: Session, row: Row) -> None:
    if not lines_of(session, row.id):
        raise dialog("Please add at least one line item to the invoice.")
    _address(row)


def cancel(session: Session, row: Row) -> None:
    """Cancel a posted, unpaid invoice: BC posts a credit memo against it."""
    _posted(row)
    if row["status"] == "Canceled":
        raise dialog("The invoice cannot be canceled because it has already been canceled.")
    if row["remainingAmount"] != row["totalAmountIncludingTax"] or row["closed"]:
        raise dialog(
            "Canceling the invoice failed because of the following error: \\\\You cannot cancel this posted sales "
            "invoice because it is fully or partially paid.\\\\To reverse a paid sales invoice, you must manually "
            "create a sales credit memo.."
        )
    session.company.next_number("S-CR+")
    session.company["salesInvoices"].update(
        row.id, {"status": "Canceled", "remainingAmount": Decimal(0), "closed": True}
    )


def cancel_and_send(session: Session, row: Row) -> None:
    cancel(session, row)
    _address(row)


def correct(session: Session, row: Row) -> None:
    """Make a draft credit memo from a posted invoice, which itself does not change."""
    _posted(row)
    if row["closed"]:
        raise dialog("The invoice is closed. The corrective credit memo will not be applied to the invoice.")
    if row["remainingAmount"] != row["totalAmountIncludingTax"]:
        raise dialog(
            "The invoice is partially paid or credited. The corrective credit memo may not be fully closed by the "
            "invoice."
        )
    session.company.next_number("S-CR")


# By lower-case name: BC takes any letter case.
ACTIONS: Mapping[str, Callable[[Session, Row], None]] = {
    "post": post,
    "postandsend": post_and_send,
    "send": send,
    "cancel": cancel,
    "cancelandsend": cancel_and_send,
    "makecorrectivecreditmemo": correct,
}


def _draft(row: Row) -> None:
    if row["posted"]:
        raise dialog("The action can be applied to a draft invoice only.")


def _posted(row: Row) -> None:
    if not row["posted"]:
        raise dialog("The action can be applied to a posted invoice only.")


def _address(row: Row) -> None:
    if not row["email"]:
        raise dialog(_NO_MAIL)


def _check_lines(session: Session, row: Row) -> list[Row]:
    """The lines that are posted; their posting set-up must exist."""
    found = [line for line in lines_of(session, row.id) if line["lineObjectNumber"]]
    if not found:
        raise dialog("Please add at least one line item to the invoice.")
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


def _check_period(session: Session, row: Row) -> None:
    first = session.switch("allow_posting_from")
    if first and row["postingDate"] < date.fromisoformat(first):
        raise bad_request(
            "Posting Date is not within your range of allowed posting dates in Sales Header: Document Type=Invoice, "
            f"No.={row['number']}.",
            "Application_FieldValidationException",
        )


def _check_stock(session: Session, lines: list[Row]) -> None:
    if not session.switch("prevent_negative_inventory"):
        return
    for line in lines:
        item = session.company["items"].get(line["itemId"])
        if item is not None and item["type"] == "Inventory" and item["inventory"] < line["quantity"]:
            raise dialog(f"You have insufficient quantity of Item {item['number']} on inventory.")
