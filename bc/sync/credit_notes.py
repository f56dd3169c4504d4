"""Which posted invoice of BC a credit memo is applied to, and what is said and remembered where it cannot be yet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from bc.clients.business_central import decode_enum
from bc.entities.credit_note import credited_invoice
from bc.entities.invoice import InvoicePlan, display_name
from bc.entities.values import Record
from bc.errors import Refused
from bc.model import Blocked, Link
from bc.sync.context import Push

if TYPE_CHECKING:
    from bc.services import Services

NOT_APPLIED = "credit_note_not_applied"
# An invoice that BC counts as settled has no open entry to apply a credit memo to.
_SETTLED = ("Paid", "Canceled", "Corrective")


async def applies_to(push: Push, credit_note: Record, link: Link | None) -> str:
    """The BC id of the posted invoice that the credit note credits; "" where there is none to apply it to.

    BC takes posted invoices only (`invoiceId`). Money is never held up for it: the credit memo is made all the same, with
    the warning `credit_note_not_applied`, and pushed again by itself when the invoice arrives or is posted. Once applied
    it stays applied, whatever becomes of the invoice: posting the credit memo itself may settle it.
    """
    invoice_id = credited_invoice(credit_note)
    if not invoice_id:
        return ""
    invoice = await _invoice(push, invoice_id)
    held = _held(link)
    if held and (invoice is None or held == invoice.bc_id.lower()):
        return held
    if link is not None and link.exists and decode_enum(link.bc_status) not in ("", "Draft"):
        # Posted: nothing of it can change any more.
        return held
    if not (invoice and invoice.posted) and not push.dry_run:
        await _remember(push, invoice_id, invoice)
        # It may have been linked or posted before it was remembered.
        invoice = await _invoice(push, invoice_id)
    if invoice is None:
        _warn(push, credit_note, f"invoice {invoice_id}, which it credits, is not in Business Central")
        return ""
    if not _is_posted(invoice):
        number = invoice.bc_number or invoice.halo_name
        _warn(push, credit_note, f"invoice {number}, which it credits, is not posted in Business Central yet")
        return ""
    if decode_enum(invoice.bc_status) in _SETTLED:
        _warn(push, credit_note, f"invoice {invoice.bc_number}, which it credits, is settled already")
        return ""
    return invoice.bc_id.lower()


def unapplied(push: Push, plan: InvoicePlan, error: Refused) -> InvoicePlan:
    """The plan without its invoice, where BC says that this is not a posted one: our word of it was old.

    Raises the error where it says anything else.
    """
    if error.code != "invoice_not_posted" or "invoiceId" not in plan.header:
        raise error
    push.warn(
        NOT_APPLIED,
        f"Credit note {plan.name} is not applied to its invoice, which Business Central has not posted yet.",
    )
    header = {name: value for name, value in plan.header.items() if name != "invoiceId"}
    return replace(plan, header=header)


async def note_credit_memo(push: Push) -> None:
    """Note that this company has credit memos of ours, so that the sweep asks for their postings too."""
    notes, key = push.services.store.notes, _notes_key(push.connection.id)
    if not await notes.get(key):
        await notes.put(key, True)


async def any_credit_memo(services: Services, connection_id: str) -> bool:
    return bool(await services.store.notes.get(_notes_key(connection_id)))


def _notes_key(connection_id: str) -> str:
    return f"credit_memos:{connection_id}"


async def _invoice(push: Push, invoice_id: str) -> Link | None:
    row = await push.services.store.links.get(push.connection.id, "invoice", invoice_id)
    return row.value if row and row.value.exists else None


def _held(link: Link | None) -> str:
    """The invoice that the credit memo is applied to as BC last took it."""
    payload: dict[str, Any] = msgspec.json.decode(link.payload) if link and link.payload else {}
    found = str(payload.get("invoiceId", "")).lower()
    return "" if found.strip("0-") == "" else found


def _is_posted(invoice: Link | None) -> bool:
    """Whether it may be posted: `Open` is a released draft too, which BC then refuses and `unapplied` takes back."""
    return invoice is not None and decode_enum(invoice.bc_status) not in ("", "Draft", "In Review")


async def _remember(push: Push, invoice_id: str, invoice: Link | None) -> None:
    kind = "posted" if invoice else "link"
    rest = invoice_id if invoice else f"invoice:{invoice_id}"
    await push.services.store.blockers.remember(
        Blocked(
            key=f"{kind}:{push.connection.id}:{rest}",
            entity="invoice",
            halo_id=push.halo_id,
            connection_id=push.connection.id,
        )
    )


def _warn(push: Push, credit_note: Record, why: str) -> None:
    push.warn(NOT_APPLIED, f"Credit note {display_name(credit_note)} is not applied to an invoice: {why}.")
