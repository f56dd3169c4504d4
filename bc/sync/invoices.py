"""Invoices: what to send for one, finding and reading it in BC, and what Halo is told. Sending is `invoice_writes`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import msgspec

from bc.clients.business_central import Part, quote
from bc.entities import invoice as entity
from bc.entities.credit_note import kind_in_halo, signs_in_halo
from bc.entities.document_kind import CREDIT_NOTE, DocumentKind
from bc.entities.invoice import InvoicePlan
from bc.entities.line_diff import Insert, LineDiff, diff_lines
from bc.entities.values import Record, decimal, flag, ident, text
from bc.errors import Refused
from bc.model import ConnectionSettings, Link
from bc.sync import line_numbers
from bc.sync.context import Push
from bc.sync.credit_notes import applies_to
from bc.sync.invoice_documents import Document
from bc.sync.invoice_parties import Parties
from bc.sync.payment_terms import SENT, terms_of_document
from bc.sync.references import references_of

RECREATES_LINES = frozenset(("customerId", "billToCustomerId", "currencyCode"))
# What BC works out anew, over what was sent before, when one of these changes.
OVERWRITES: Mapping[str, frozenset[str]] = {
    "customerId": frozenset(("billToCustomerId", "paymentTermsId", "currencyCode", "dueDate")),
    "billToCustomerId": frozenset(("paymentTermsId", "currencyCode", "dueDate")),
    "paymentTermsId": frozenset(("dueDate",)),
    "postingDate": frozenset(("dueDate",)),
    "invoiceDate": frozenset(("dueDate",)),
    "creditMemoDate": frozenset(("dueDate",)),
}


@dataclass(frozen=True, slots=True)
class Prepared:
    """What one push would do: `parts` is the one request, empty when BC already has everything."""

    action: str
    plan: InvoicePlan
    payload_hash: str
    diff: LineDiff
    header: dict[str, Any]
    parts: tuple[Part, ...]
    costs: Mapping[str, Decimal] = field(default_factory=dict)
    """Unit cost by BC line id, where this step sends costs and nothing else."""
    costs_follow: bool = False

    @property
    def bc_type(self) -> str:
        return self.plan.kind.entity

    @property
    def numbers(self) -> dict[str, int]:
        return {line.key: number for line, number in zip(self.plan.lines, self.diff.numbers, strict=True)}

    @property
    def goes_in_steps(self) -> bool:
        return self.header_first or self.costs_follow

    @property
    def header_first(self) -> bool:
        """Another customer or currency makes BC re-create the lines, with new ids and numbers."""
        return self.action == "update" and bool(self.header.keys() & RECREATES_LINES)


async def prepare(push: Push, invoice: Record, parties: Parties, link: Link | None) -> Prepared:
    """Plan the document and compare it with what BC last took. Reads BC only for numbers no link knows.

    Raises `Skip` and `Refused` for an invoice that cannot be booked.
    """
    settings = push.connection.settings
    references = await references_of(push, invoice)
    currency = await push.services.halo_facts.currency_code(ident(invoice, "currency_code"))
    kind = kind_in_halo(invoice, settings, link)
    target = await applies_to(push, invoice, link) if kind is CREDIT_NOTE else ""
    payer = parties.bill_to or parties.customer.bc_id
    terms = await terms_of_document(push, invoice, link, payer)
    plan = entity.plan(
        invoice,
        parties.customer,
        settings,
        references,
        currency=currency,
        kind=kind,
        applies_to=target,
        bill_to=parties.bill_to,
        payment_terms=terms.named,
        given_back={SENT: terms.given_back} if terms.given_back else {},
    )
    if line_numbers.are_refused(push):
        plan = replace(plan, ordered=True)
    prepared = compared(plan, link, settings)
    if plan.ordered and prepared.diff.inserts:
        push.warn(
            "sequence_refused",
            "This Business Central refuses line numbers of ours, so the new lines have its own: they are in order.",
        )
    return prepared


def compared(plan: InvoicePlan, link: Link | None, settings: ConnectionSettings) -> Prepared:
    """What is to be sent so that BC has what is planned."""
    digest = hashlib.sha256(plan.payload_hash_source).hexdigest()
    diff = diff_lines(
        link.lines if link else (),
        plan.lines,
        group_increment=settings.group_increment,
        line_increment=settings.line_increment,
        ordered=plan.ordered,
    )
    if link is None or not link.exists:
        return Prepared("create", plan, digest, diff, plan.header, create_parts(plan, diff.inserts))
    header = _header_changes(link, plan)
    if not header and not diff:
        return Prepared("none", plan, digest, diff, {}, ())
    return Prepared("update", plan, digest, diff, header, _update_parts(plan.kind, link, header, diff))


def _header_changes(link: Link, plan: InvoicePlan) -> dict[str, Any]:
    before: dict[str, Any] = msgspec.json.decode(link.payload) if link.payload else {}
    changed = {name for name, value in plan.header.items() if before.get(name) != value}
    if before.get("billToCustomerId") and "billToCustomerId" not in plan.header:
        # Nobody else pays any more.
        header = {**plan.header, "billToCustomerId": plan.header["customerId"]}
        changed.add("billToCustomerId")
    else:
        header = plan.header
    cleared = {
        name: value
        for name, value in {**plan.kind.blanks, **plan.given_back}.items()
        if before.get(name) and name not in plan.header
    }
    again = frozenset[str]().union(*(OVERWRITES.get(name, frozenset()) for name in changed | cleared.keys()))
    return _in_order(
        {**cleared, **{name: value for name, value in header.items() if name in changed | again}}
    )


def _in_order(header: Mapping[str, Any]) -> dict[str, Any]:
    """Customer and payer first: they overwrite what came before them."""
    first = {name: header[name] for name in ("customerId", "billToCustomerId") if name in header}
    return {**first, **header}


def create_parts(plan: InvoicePlan, inserts: Sequence[Insert]) -> tuple[Part, ...]:
    """The deep insert, and a read."""
    kind = plan.kind
    body = {**plan.header, kind.lines: [insert.body for insert in inserts]}
    # The answer of a deep insert has no settled totals; the read in the same request has.
    return (
        Part("POST", f"{kind.endpoint}?{kind.expand}", body),
        Part("GET", f"{kind.endpoint}?$filter={key_filter(plan.halo_id)}&{kind.expand}"),
    )


def key_filter(halo_id: str) -> str:
    """The OData filter by the document's natural key."""
    return f"externalDocumentNumber eq {quote(entity.external_number(halo_id))}"


def _update_parts(
    kind: DocumentKind, link: Link, header: Mapping[str, Any], diff: LineDiff
) -> tuple[Part, ...]:
    document = kind.path(link.bc_id)
    parts = []
    if header:
        parts.append(Part("PATCH", document, dict(header), link.etag))
    # Deletes first: a line inserted anew may take a number that a deleted one had.
    parts += [
        Part("DELETE", kind.line_path(link.bc_id, line.bc_id), None, line.etag) for line in diff.deletes
    ]
    parts += [
        Part(
            "PATCH",
            kind.line_path(link.bc_id, change.existing.bc_id),
            change.body,
            change.existing.etag,
        )
        for change in diff.changes
    ]
    parts += [Part("POST", f"{document}/{kind.lines}", insert.body) for insert in diff.inserts]
    return (*parts, Part("GET", f"{document}?{kind.expand}"))


async def read(push: Push, kind: DocumentKind, bc_id: str) -> dict[str, Any]:
    """The document with its lines. Raises `Gone` when BC has it no more."""
    return await push.bc.get(push.connection, kind.path(bc_id), params={"$expand": kind.lines})


async def find(push: Push, kind: DocumentKind, halo_id: str) -> Document | None:
    """Look for the document by its natural key. Raises `Refused` when two carry it: a person must decide (F9)."""
    rows, _ = await push.bc.page(
        push.connection,
        kind.endpoint,
        params={"$filter": key_filter(halo_id), "$expand": kind.lines},
    )
    own = same_key(rows, halo_id)
    if len(own) > 1:
        numbers = ", ".join(str(row.get("number")) for row in own)
        raise Refused(
            "ambiguous_match",
            f"{kind.bc_word.capitalize()}s {numbers} in Business Central all carry {entity.external_number(halo_id)}.",
            cure="Delete the wrong drafts, or correct their external document number, then retry.",
        )
    return own[0] if own else None


def write_back(invoice: Record, link: Link, company_id: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The header fields and line rows that Halo does not hold yet; empty when it holds all."""
    wanted = {"dbc_id": link.bc_id, "dbc_company_id": company_id, "thirdpartyinvoicenumber": link.bc_number}
    header: dict[str, Any] = {
        name: value for name, value in wanted.items() if text(invoice, name).lower() != value.lower()
    }
    # Tax has the sign of the amounts beside it: Halo may hold a credit note below zero.
    lines = entity.halo_lines(invoice) if invoice.get("lines") is not None else []
    whole, each = signs_in_halo(invoice, lines, link)
    if link.tax_total is not None and decimal(invoice, "tax_total") != whole * link.tax_total:
        header["tax_total"] = whole * link.tax_total
    linked = {line.halo_line_id: line for line in link.lines if line.halo_line_id}
    rows = []
    for line in invoice.get("lines") or ():
        ours = linked.get(ident(line, "id"))
        if ours is None:
            continue
        row: dict[str, Any] = {}
        if decimal(line, "tax_amount") != each * ours.tax_amount:
            row["tax_amount"] = each * ours.tax_amount
        if decimal(line, "tax_rate") != ours.tax_rate:
            row["tax_rate"] = ours.tax_rate
        if text(line, "dbc_id").lower() != ours.bc_id.lower():
            row["dbc_id"] = ours.bc_id
        if decimal(line, "dbc_sequence_id") != Decimal(ours.sequence):
            row["dbc_sequence_id"] = ours.sequence
        if row:
            rows.append({"id": int(ident(line, "id")), "ihid": int(ident(invoice, "id")), **row})
    return header, rows


def tax_kept(invoice: Record, link: Link, answers: Sequence[Record]) -> str:
    """In words, what other tax Halo holds than Business Central computed; "" where it holds the same, or does not say.

    `answers`: Halo's invoice or lines as they are after a write-back. Some tenants work the tax out anew with each save.
    """
    whole, each = signs_in_halo(invoice, entity.halo_lines(invoice) if invoice.get("lines") else [], link)
    linked = {line.halo_line_id: each * line.tax_amount for line in link.lines if line.halo_line_id}
    lines: dict[str, Decimal] = {}
    for answer in answers:
        if ident(answer, "id") == link.halo_id and "tax_total" in answer:
            held = decimal(answer, "tax_total")
            if link.tax_total is not None and held != whole * link.tax_total:
                return f"Halo holds {held} as the tax of the whole, Business Central computed {whole * link.tax_total}."
        rows = (answer.get("lines") or ()) if "tax_total" in answer or "lines" in answer else (answer,)
        for line in rows:
            if "tax_amount" in line and ident(line, "id") in linked:
                lines[ident(line, "id")] = decimal(line, "tax_amount")
    differing = [key for key, held in lines.items() if held != linked[key]]
    if not differing:
        return ""
    first = differing[0]
    more = f", and another tax on {len(differing) - 1} more" if len(differing) > 1 else ""
    return f"Halo holds {lines[first]} as the tax of a line, Business Central computed {linked[first]}{more}."


def is_void(invoice: Record) -> bool:
    return flag(invoice, "voided")


def same_key(rows: Any, halo_id: str) -> list[Document]:
    """The rows that really carry the invoice's key."""
    # BC's filter is a hint: a sign in the value may act as a wildcard.
    return [
        row
        for row in rows
        if str(row.get("externalDocumentNumber", "")).strip().upper() == entity.external_number(halo_id)
    ]
