"""Posting an invoice in BC: when it is due, its one request, and what may still change once it is posted.

Posting commits by itself and cannot be undone, so it has an intent of its own and never shares a transaction. It keeps
the invoice's id and its lines' and gives it another number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from bc.clients.business_central import Part, decode_enum, part_error
from bc.entities.document_kind import INVOICE, kind_of
from bc.entities.invoice import halo_lines
from bc.entities.invoice_columns import digest, is_full
from bc.entities.stamps import OF_ITSELF, is_as_written
from bc.entities.values import Record, decimal, flag, text
from bc.errors import Gone, Refused
from bc.model import Action, Link, LinkedLine
from bc.sync import line_costs
from bc.sync.adapter import Due
from bc.sync.context import Push
from bc.sync.invoice_documents import Document, amount, is_posted, lines_of
from bc.sync.invoices import Prepared, read

if TYPE_CHECKING:
    from bc.services import Services

# Of what we send, all that BC lets change on a posted invoice.
STAYS_OPEN = frozenset({"dueDate"})
_CENT = Decimal("0.01")
_NOTHING: Mapping[str, Any] = {"deletes": (), "changes": (), "inserts": ()}


def posting_parts(bc_id: str) -> tuple[Part, ...]:
    """The action, and a read for the new number: one request, and no transaction."""
    invoice = INVOICE.path(bc_id)
    return Part("POST", f"{invoice}/Microsoft.NAV.post"), Part("GET", f"{invoice}?{INVOICE.expand}")


async def due(push: Push, record: Record, prepared: Prepared, link: Link, *, fresh: bool) -> Due:
    """Whether it is to be posted: switched on, posted in Halo, a draft in BC, the totals agree to the cent, the costs there.

    A draft that this push has not read back is read first: a bookkeeper may have changed it. Credit memos are left to
    the bookkeeper.
    """
    if reason := _not_wanted(push, record, prepared, link):
        return reason
    etag, net = link.etag, (link.total or Decimal(0)) - (link.tax_total or Decimal(0))
    if not fresh:
        document = await read(push, kind_of(link), link.bc_id)
        if is_posted(link, document):
            return Due(False, posted(link, document), "It is posted in Business Central.")
        etag, net = str(document.get("@odata.etag", "")), amount(document, "totalAmountExcludingTax")
    wrong = _disagreement(record, prepared, net)
    tried = msgspec.structs.replace(link, unposted_etag=etag)
    if not wrong and await line_costs.hold_back_posting(push, record, prepared, link):
        wrong = "the costs of its lines are not in Business Central, and cannot come there once it is posted"
    if wrong:
        push.warn("not_posted", f"Invoice {prepared.plan.name} was not posted in Business Central: {wrong}.")
        return Due(False, tried, f"It would not be posted: {wrong}.")
    return Due(True, tried, f"It is posted in Halo and its net total is {net}: it is posted.")


def awaits(push: Push, record: Record, link: Link) -> bool:
    """Whether it is a draft that is to be posted, which was never tried."""
    wanted = push.connection.settings.post_invoices and flag(record, "posted") and kind_of(link) is INVOICE
    return wanted and not link.posted and not link.unposted_etag


def due_after(push: Push, record: Record, prepared: Prepared, link: Link) -> Due:
    """As `due`, of a draft as the plan will leave it: its total is then the plan's, or the push says that it is not."""
    if reason := _not_wanted(push, record, prepared, link):
        return reason
    if wrong := _disagreement(record, prepared, prepared.plan.net_total):
        return Due(False, link, f"It would not be posted: {wrong}.")
    words = (
        f"It is posted in Halo: it is then posted, if its net total is {prepared.plan.net_total} there too."
    )
    return Due(True, link, words)


def _not_wanted(push: Push, record: Record, prepared: Prepared, link: Link) -> Due | None:
    """Why it is not to be posted at all; without words where nobody asked for it."""
    if not push.connection.settings.post_invoices or link.posted:
        return Due(False, link)
    if prepared.plan.kind is not INVOICE:
        return Due(False, link, "Credit memos are left for a bookkeeper to post.")
    if not flag(record, "posted"):
        return Due(False, link, "It is not posted in Halo, so its draft is not posted either.")
    return None


def _disagreement(record: Record, prepared: Prepared, net: Decimal) -> str:
    """In words, how BC's net total differs from Halo's own or from what was sent; "" where all agree to the cent."""
    lines = [line for line in halo_lines(record) if not flag(line, "isgroupdesc") and "net_amount" in line]
    halo = sum((decimal(line, "net_amount") for line in lines), Decimal(0)).quantize(_CENT, ROUND_HALF_UP)
    for wanted in (prepared.plan.net_total, *((halo,) if lines else ())):
        if net != wanted:
            return f"its net total is {net} in Business Central and {wanted} in Halo"
    return ""


async def post(push: Push, link: Link, *, repeated: bool) -> tuple[Link, Action]:
    """Post it and read it back, in one request. `repeated`: an earlier try has an unknown outcome.

    Raises `Refused` and `Conflict` where it is certainly still a draft.
    """
    answers = await push.bc.batch(push.connection, posting_parts(link.bc_id))
    error = part_error(answers[0], wrote=True)
    if error is None:
        unread = part_error(answers[1], wrote=False)
        if unread is not None:
            raise unread
        return posted(link, answers[1].body or {}), "posted"
    if not isinstance(error, Refused) or isinstance(error, Gone):
        raise error
    # An extension may raise it once BC has posted and committed: the state tells.
    document = await read(push, kind_of(link), link.bc_id)
    if error.code == "invoice_posted":
        return posted(link, document), "posted" if repeated else "none"
    if is_posted(link, document):
        return posted(link, document), "posted"
    raise error


def posted(link: Link, document: Document) -> Link:
    """The link of an invoice that is posted. What was sent stays the base of the next comparison."""
    known = {line.bc_id: line for line in link.lines}
    return msgspec.structs.replace(
        link,
        bc_number=str(document.get("number", "")),
        bc_status=str(document.get("status", "")),
        etag=str(document.get("@odata.etag", "")),
        tax_total=amount(document, "totalTaxAmount"),
        total=amount(document, "totalAmountIncludingTax"),
        lines=tuple(_line(row, known.get(str(row["id"]))) for row in lines_of(document)),
        posted=True,
        unposted_etag="",
    )


def _line(row: Document, known: LinkedLine | None) -> LinkedLine:
    return LinkedLine(
        bc_id=str(row["id"]),
        sequence=int(row["sequence"]),
        etag=str(row.get("@odata.etag", "")),
        halo_line_id=known.halo_line_id if known else "",
        payload=known.payload if known else "",
        tax_amount=amount(row, "totalTaxAmount"),
        tax_rate=amount(row, "taxPercent"),
        net_amount=amount(row, "amountExcludingTax"),
    )


async def checked_change(push: Push, record: Record, prepared: Prepared, link: Link | None) -> Prepared:
    """What of a change a posted invoice can take. Refuses any other that was made in Halo, before it is sent (F53).

    What would be booked otherwise by other settings or links of today, while Halo's invoice says what it said, is no
    change of the invoice: it stays as it was posted.
    """
    if link is None or not link.posted or prepared.action != "update":
        return prepared
    kind = kind_of(link)
    if kind is INVOICE and not prepared.diff and prepared.header.keys() <= STAYS_OPEN:
        return prepared
    if link.halo_digest and link.halo_digest == digest(record):
        push.warn(
            "posted_otherwise",
            f"{kind.word.capitalize()} {prepared.plan.name} would be booked otherwise by the links and settings of today; "
            "it stays as it was posted.",
        )
        return replace(prepared, action="none", diff=replace(prepared.diff, **_NOTHING), header={}, parts=())
    state = await push.bc.get(push.connection, kind.path(link.bc_id), params={"$select": state_fields(link)})
    what = ", ".join([*prepared.header, *(["lines"] if prepared.diff else [])])
    raise Refused(
        "invoice_posted",
        f"{kind.word.capitalize()} {prepared.plan.name} is {in_words(state)}; its change in Halo ({what}) was not sent.",
        cure=f"{kind.correction} Or set the {kind.word} in Halo back.",
    )


def state_fields(link: Link) -> str:
    """What `$select` asks for to tell a draft from a posted document, and a paid one from an open one."""
    fields = "id,number,status,totalAmountIncludingTax"
    return f"{fields},remainingAmount" if kind_of(link) is INVOICE else fields


def in_words(state: Mapping[str, Any]) -> str:
    """For a reason: posted under which number, and what was paid of it."""
    words = f"posted in Business Central as {state.get('number', '')}"
    status, total = decode_enum(str(state.get("status", ""))), amount(state, "totalAmountIncludingTax")
    if status == "Canceled":
        return f"{words} and cancelled there"
    if status == "Paid":
        return f"{words} and paid"
    if "remainingAmount" in state and amount(state, "remainingAmount") < total:
        return f"{words} and partly paid"
    return words


def refuse_delete(link: Link, state: Document) -> None:
    """Raise `Refused` unless it is a draft that nobody has released (F54, F76)."""
    status = decode_enum(str(state.get("status", "")))
    if status == "Draft":
        return
    kind = kind_of(link)
    name = f"{kind.word.capitalize()} {link.halo_name or link.halo_id}"
    if is_posted(link, state):
        raise Refused(
            "invoice_posted", f"{name} is {in_words(state)}; it is not deleted.", cure=kind.correction
        )
    waits = "waits for approval" if status == "In Review" else "is released"
    raise Refused(
        "invoice_released",
        f"{name} ({state.get('number', '')}) {waits} in Business Central; it is not deleted.",
        cure=f"Reopen it in Business Central, then retry. If it is posted there: {kind.correction}",
    )


def state_for_halo(record: Record, link: Link) -> dict[str, Any]:
    """Number and state that Halo does not hold yet. Tenants of 2026 have a field for the state."""
    changes: dict[str, Any] = {}
    if link.bc_number and text(record, "thirdpartyinvoicenumber").upper() != link.bc_number.upper():
        changes["thirdpartyinvoicenumber"] = link.bc_number
    if link.posted and "bcd_posted" in record and not flag(record, "bcd_posted"):
        changes["bcd_posted"] = True
    return changes


async def tell_state(push: Push, record: Record, link: Link) -> Link:
    """A change was refused, since it is posted: bring number and state to Halo, and nothing else.

    Where only BC's refusal said so, it is read for the number.
    """
    if not link.posted:
        link = posted(link, await read(push, kind_of(link), link.bc_id))
    stamp = await write_state(push.services, record, link)
    return msgspec.structs.replace(link, halo_stamp=stamp) if stamp else link


async def write_state(services: Services, record: Record, link: Link) -> str:
    """Write number and state to Halo where it does not hold them.

    The invoice's new modification time; "" where nothing was written, or where somebody's edit came with the answer: that
    time would hide the edit from us.
    """
    changes = state_for_halo(record, link)
    if not changes:
        return ""
    body = {"id": int(link.halo_id), **changes, "_dont_fire_automations": True}
    saved = await services.halo.save("Invoice", [body])
    known = saved and is_full(saved[0], record) and is_as_written(record, saved[0], body, moves=OF_ITSELF)
    return text(saved[0], "last_modified") if known else ""
