"""The bound actions of sales documents: post, send, cancel, corrective credit memo."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from sandbox.bc.document import lines_of
from sandbox.bc.errors import dialog
from sandbox.bc.headers import new_header
from sandbox.bc.posting import give_back, post
from sandbox.bc.sales import CREDIT_MEMO, INVOICE, SalesKind
from sandbox.bc.session import Session
from sandbox.bc.store import Row

type Action = Callable[[Session, SalesKind, Row], None]

_NO_MAIL = (
    "The send-to email is empty. Specify email either for the customer or for the invoice in email preview."
)


def post_and_send(session: Session, kind: SalesKind, row: Row) -> None:
    """Post, then send; without an address it stays posted and the call fails."""
    post(session, kind, row)
    _address(row)


def send(session: Session, kind: SalesKind, row: Row) -> None:
    """Send a document: a credit memo only when it is posted."""
    if kind is CREDIT_MEMO:
        _posted(kind, row)
    if not lines_of(session, kind, row.id):
        raise dialog(f"Please add at least one line item to the {kind.name}.")
    _address(row)


def cancel(session: Session, kind: SalesKind, row: Row) -> None:
    """Cancel a posted, unpaid invoice: BC posts a corrective credit memo against it. A credit memo likewise."""
    _posted(kind, row)
    if row["status"] == "Canceled":
        word = "canceled" if kind is INVOICE else "cancelled"
        raise dialog(f"The {kind.name} cannot be {word} because it has already been canceled.")
    if kind is INVOICE:
        _cancel_invoice(session, row)
    session.company[kind.headers].update(
        row.id, {"status": "Canceled", "remainingAmount": Decimal(0), "closed": True}
    )


def cancel_and_send(session: Session, kind: SalesKind, row: Row) -> None:
    cancel(session, kind, row)
    _address(row)


def correct(session: Session, kind: SalesKind, row: Row) -> None:
    """Make a draft credit memo from a posted invoice, which itself does not change."""
    _posted(kind, row)
    if row["closed"]:
        raise dialog("The invoice is closed. The corrective credit memo will not be applied to the invoice.")
    if row["remainingAmount"] != row["totalAmountIncludingTax"]:
        raise dialog(
            "The invoice is partially paid or credited. The corrective credit memo may not be fully closed by the "
            "invoice."
        )
    corrective(session, row)


def corrective(session: Session, invoice: Row) -> Row:
    """A draft credit memo with the customer, the lines and the amounts of a posted invoice, applied to it."""
    headers = session.company[CREDIT_MEMO.headers]
    made = new_header(session, CREDIT_MEMO)
    taken = {name: invoice[name] for name in made if name in invoice.values}
    kept = {
        name: made[name] for name in ("postingDate", "dueDate", "posted", "closed", "headerStatus", "status")
    }
    number = session.company.next_number(CREDIT_MEMO.series, CREDIT_MEMO.headers)
    applied = {"number": number, "invoiceId": invoice.id, "invoiceNumber": invoice["number"]}
    row = headers.insert({**made, **taken, **kept, **applied, "preAssignedNumber": ""})
    for line in lines_of(session, INVOICE, invoice.id):
        session.company[CREDIT_MEMO.lines].insert({**line.values, "documentId": row.id})
    return row


def _cancel_invoice(session: Session, row: Row) -> None:
    if row["remainingAmount"] != row["totalAmountIncludingTax"] or row["closed"]:
        raise dialog(
            "Canceling the invoice failed because of the following error: \\\\You cannot cancel this posted sales "
            "invoice because it is fully or partially paid.\\\\To reverse a paid sales invoice, you must manually "
            "create a sales credit memo.."
        )
    company, draft = session.company, corrective(session, row)
    company[CREDIT_MEMO.headers].update(
        draft.id,
        {
            "number": company.next_number(CREDIT_MEMO.posted_series),
            "preAssignedNumber": draft["number"],
            "posted": True,
            "status": "Corrective",
            "closed": True,
            "remainingAmount": Decimal(0),
        },
    )
    give_back(session, lines_of(session, INVOICE, row.id))


def _posted(kind: SalesKind, row: Row) -> None:
    if not row["posted"]:
        raise dialog(f"The action can be applied to a posted {kind.name} only.")


def _address(row: Row) -> None:
    if not row["email"]:
        raise dialog(_NO_MAIL)


# By entity set and lower-case name: BC takes any letter case.
ACTIONS: Mapping[str, Mapping[str, Action]] = {
    CREDIT_MEMO.headers: {
        "post": post,
        "postandsend": post_and_send,
        "send": send,
        "cancel": cancel,
        "cancelandsend": cancel_and_send,
    },
    INVOICE.headers: {
        "post": post,
        "postandsend": post_and_send,
        "send": send,
        "cancel": cancel,
        "cancelandsend": cancel_and_send,
        "makecorrectivecreditmemo": correct,
    },
}
