"""Invoices that the built-in integration sent: header and lines carry BC's ids (`dbc_id`, `dbc_sequence_id`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from bc.clients.business_central import Part
from bc.clients.odata import guid
from bc.entities.credit_note import kind_in_halo
from bc.entities.document_kind import INVOICE
from bc.entities.invoice import InvoicePlan, display_name
from bc.entities.values import Record, ident, text
from bc.errors import Refused, Skip
from bc.imports.directory import each
from bc.model import Connection, Dirty, JobFailure, Link, LinkedLine
from bc.sync import invoices
from bc.sync.adopted_lines import adopted, keys_by_halo
from bc.sync.context import Push
from bc.sync.invoice_documents import Document, amount, held, is_posted, lines_of
from bc.sync.invoice_parties import Parties
from bc.takeover.records import problem

if TYPE_CHECKING:
    from bc.services import Services

DOCUMENTS_AT_ONCE = 50
LIST_PARAMS = {"includelines": "true", "order": "id"}


@dataclass(slots=True)
class Found:
    """Invoices of one page of Halo's list. `ready`: Halo id -> (full invoice, BC id)."""

    linked: int = 0
    adopted_before: int = 0
    ready: dict[str, tuple[Record, str]] = field(default_factory=dict)
    problems: list[JobFailure] = field(default_factory=list)


def is_candidate(row: Record) -> bool:
    """Whether a list row (with its lines) may have been sent before: it has ids of BC's, or BC's number."""
    if "dbc_id" in row:
        return bool(text(row, "dbc_id"))
    lines = row.get("lines") or ()
    return bool(text(row, "thirdpartyinvoicenumber")) or any(text(line, "dbc_id") for line in lines)


async def find_invoices(
    services: Services,
    connection: Connection,
    rows: Sequence[Record],
    in_bc: Mapping[str, Record],
    *,
    job_id: str = "",
) -> Found:
    """Look at the candidates of some list rows. `in_bc`: BC's invoices by id. `job_id`: whose own links are told apart."""
    found = Found()
    wanted = [ident(row, "id") for row in rows if is_candidate(row)]
    links = await services.store.links.get_many(connection.id, "invoice", wanted)
    fresh = []
    for halo_id in wanted:
        link = links[halo_id].value if halo_id in links else None
        if link is None or not link.exists:
            fresh.append(halo_id)
        elif job_id and link.import_job == job_id:
            found.adopted_before += 1
        else:
            found.linked += 1
    read: dict[str, Record] = {}

    async def look(halo_id: str) -> None:
        invoice = await services.halo.invoice(halo_id)
        if invoice is not None:
            read[halo_id] = invoice

    await each(fresh, look)
    taken: dict[str, str] = {}
    # The older first: a copy made in Halo may carry the ids of the invoice it was made from.
    for halo_id in sorted(read, key=int):
        await _judge(services, connection, found, read[halo_id], in_bc, taken)
    return found


async def _judge(
    services: Services,
    connection: Connection,
    found: Found,
    invoice: Record,
    in_bc: Mapping[str, Record],
    taken: dict[str, str],
) -> None:
    if kind_in_halo(invoice, connection.settings) is not INVOICE:
        return  # BC's invoices do not hold it; a push finds it by the id that Halo keeps
    halo_id, name = ident(invoice, "id"), display_name(invoice)
    bc_id, company = text(invoice, "dbc_id").lower(), text(invoice, "dbc_company_id").lower()
    if not bc_id or (company and company != (connection.company_id or "").lower()):
        return
    if bc_id not in in_bc:
        if company:
            words = "Business Central no longer has the invoice that it was sent as."
            found.problems.append(problem("invoice", halo_id, name, "not_found_in_bc", words))
        return
    others = await services.store.links.by_bc_id(connection.id, "invoice", bc_id)
    other = next((link.halo_id for link in others if link.halo_id != halo_id and link.exists), "")
    other = other or taken.get(bc_id, "")
    if other:
        words = f"Its invoice in Business Central belongs to Halo invoice {other} already."
        found.problems.append(problem("invoice", halo_id, name, "bc_record_already_linked", words))
        return
    taken[bc_id] = halo_id
    found.ready[halo_id] = (invoice, bc_id)


async def adopt_invoices(
    services: Services,
    connection: Connection,
    ready: Mapping[str, tuple[Record, str]],
    job_id: str,
) -> tuple[list[Link], list[JobFailure]]:
    """The links of these invoices, with what BC holds of each line. BC is read, in one request for up to 50."""
    links, problems = [], []
    wanted = list(ready.items())
    for start in range(0, len(wanted), DOCUMENTS_AT_ONCE):
        some = wanted[start : start + DOCUMENTS_AT_ONCE]
        parts = [Part("GET", f"{INVOICE.path(guid(bc_id))}?{INVOICE.expand}") for _, (_, bc_id) in some]
        answers = await services.bc.batch(connection, parts)
        for (halo_id, (invoice, _)), answer in zip(some, answers, strict=True):
            if answer.ok and answer.body:
                links.append(await link_of(services, connection, invoice, answer.body, job_id))
            else:
                words = "Business Central did not show the invoice that it was sent as."
                problems.append(problem("invoice", halo_id, display_name(invoice), "not_found_in_bc", words))
    return links, problems


async def link_of(
    services: Services, connection: Connection, invoice: Record, document: Document, job_id: str
) -> Link:
    """One invoice's link. What BC holds is the base of the next comparison, line by line."""
    now = datetime.now(UTC)
    link = Link(
        connection_id=connection.id,
        entity="invoice",
        halo_id=ident(invoice, "id"),
        source="adopted",
        linked_at=now,
        import_job=job_id,
        halo_name=display_name(invoice),
    )
    plan = await _plan(services, connection, invoice, link)
    if plan is None:
        return _unplanned(link, document, keys_by_halo(document, invoice))
    found = adopted(link, document, invoice, plan)
    if invoices.compared(plan, found, connection.settings).action != "none":
        # Somebody changed it in Halo since it was sent: an event of that, which may be waiting, is no echo.
        return found
    return msgspec.structs.replace(found, halo_stamp=text(invoice, "last_modified"))


async def _plan(
    services: Services, connection: Connection, invoice: Record, link: Link
) -> InvoicePlan | None:
    """What a push would make of the invoice; None where it cannot be pushed as it stands. Reads only."""
    customer = await services.store.links.get(connection.id, "customer", ident(invoice, "client_id"))
    if customer is None or not customer.value.exists:
        return None
    dirty = Dirty(
        entity="invoice",
        halo_id=link.halo_id,
        requested_at=link.linked_at,
        first_requested_at=link.linked_at,
        source="import",
        connection_id=connection.id,
    )
    push = Push(services, services.bc, connection, dirty, "", link.linked_at, link.halo_name, dry_run=True)
    try:
        return (await invoices.prepare(push, invoice, Parties(customer.value), None)).plan
    except (Skip, Refused):
        return None


def _unplanned(link: Link, document: Document, keys: Mapping[str, str]) -> Link:
    """The link of an invoice that could not be pushed now: its lines are known, their content is compared anew."""
    return msgspec.structs.replace(
        link,
        bc_id=str(document["id"]),
        bc_number=str(document.get("number", "")),
        bc_name=str(document.get("customerName", "")),
        etag=str(document.get("@odata.etag", "")),
        bc_status=str(document.get("status", "")),
        posted=is_posted(link, document),
        tax_total=amount(document, "totalTaxAmount"),
        total=amount(document, "totalAmountIncludingTax"),
        lines=tuple(_line(line, keys) for line in lines_of(document)),
    )


def _line(line: Document, keys: Mapping[str, str]) -> LinkedLine:
    return LinkedLine(
        bc_id=str(line["id"]),
        sequence=int(line["sequence"]),
        etag=str(line.get("@odata.etag", "")),
        halo_line_id=keys.get(str(line["id"]), ""),
        payload=held(line, None),
        tax_amount=amount(line, "totalTaxAmount"),
        tax_rate=amount(line, "taxPercent"),
        net_amount=amount(line, "amountExcludingTax"),
    )
