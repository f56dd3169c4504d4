"""Invoices: what to send for one, sending it, and reading what BC made of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from bc.clients.business_central import Part, PartAnswer, decode_enum, part_error, quote
from bc.entities import invoice as entity
from bc.entities.invoice import InvoicePlan
from bc.entities.line_diff import LineDiff, diff_lines
from bc.entities.values import Record, decimal, flag, ident, text
from bc.errors import AlreadyExists, Conflict, Gone, Refused, Skip, UnknownOutcome
from bc.model import Action, Link
from bc.sync.adapter import Removed
from bc.sync.context import Push
from bc.sync.invoice_documents import (
    Document,
    applied,
    keys_by_number,
    keys_by_order,
    lines_of,
    net_difference,
)
from bc.sync.references import references_of

EXPAND = "$expand=salesInvoiceLines"
MAX_PARTS = 100
DRAFT = "Draft"
_DATES = ("postingDate", "invoiceDate", "dueDate")


@dataclass(frozen=True, slots=True)
class Prepared:
    """What one push would do: `parts` is the one request, empty when BC already has everything."""

    action: str
    plan: InvoicePlan
    payload_hash: str
    diff: LineDiff
    header: dict[str, Any]
    parts: tuple[Part, ...]

    @property
    def numbers(self) -> dict[str, int]:
        return {line.key: number for line, number in zip(self.plan.lines, self.diff.numbers, strict=True)}

    @property
    def goes_in_steps(self) -> bool:
        """Another customer or currency makes BC re-create the lines, with new ids and numbers."""
        return self.action == "update" and bool(self.header.keys() & {"customerId", "currencyCode"})


async def prepare(push: Push, invoice: Record, customer: Link, link: Link | None) -> Prepared:
    """Plan the invoice and compare it with what BC last took. Reads BC only for numbers no link knows.

    Raises `Skip` and `Refused` for an invoice that cannot be booked.
    """
    settings = push.connection.settings
    references = await references_of(push, invoice)
    currency = await push.services.halo_facts.currency_code(ident(invoice, "currency_code"))
    plan = entity.plan(invoice, customer, settings, references, currency=currency)
    digest = hashlib.sha256(plan.payload_hash_source).hexdigest()
    diff = diff_lines(
        link.lines if link else (),
        plan.lines,
        group_increment=settings.group_increment,
        line_increment=settings.line_increment,
    )
    if link is None or not link.exists:
        return Prepared("create", plan, digest, diff, plan.header, _create_parts(plan, diff))
    header = _header_changes(link, plan)
    if not header and not diff:
        return Prepared("none", plan, digest, diff, {}, ())
    return Prepared("update", plan, digest, diff, header, _update_parts(link, header, diff))


def _header_changes(link: Link, plan: InvoicePlan) -> dict[str, Any]:
    before: dict[str, Any] = msgspec.json.decode(link.payload) if link.payload else {}
    changed = {name: value for name, value in plan.header.items() if before.get(name) != value}
    cleared = {
        name: "" for name in before if name not in plan.header and name == "customerPurchaseOrderReference"
    }
    return {**changed, **cleared}


def _create_parts(plan: InvoicePlan, diff: LineDiff) -> tuple[Part, ...]:
    body = {**plan.header, "salesInvoiceLines": [insert.body for insert in diff.inserts]}
    # The answer of a deep insert has no settled totals; the read in the same request has.
    return (
        Part("POST", f"salesInvoices?{EXPAND}", body),
        Part("GET", f"salesInvoices?$filter=externalDocumentNumber eq {_key(plan.halo_id)}&{EXPAND}"),
    )


def _key(halo_id: str) -> str:
    return quote(entity.external_number(halo_id))


def _update_parts(link: Link, header: Mapping[str, Any], diff: LineDiff) -> tuple[Part, ...]:
    invoice = f"salesInvoices({link.bc_id})"
    parts = []
    if header:
        parts.append(Part("PATCH", invoice, dict(header), link.etag))
    # Deletes first: a line inserted anew may take a number that a deleted one had.
    parts += [
        Part("DELETE", f"{invoice}/salesInvoiceLines({line.bc_id})", None, line.etag) for line in diff.deletes
    ]
    parts += [
        Part(
            "PATCH",
            f"{invoice}/salesInvoiceLines({change.existing.bc_id})",
            change.body,
            change.existing.etag,
        )
        for change in diff.changes
    ]
    parts += [Part("POST", f"{invoice}/salesInvoiceLines", insert.body) for insert in diff.inserts]
    return (*parts, Part("GET", f"{invoice}?{EXPAND}"))


async def create(push: Push, prepared: Prepared, link: Link, *, repeated: bool) -> Link:
    """Insert header and lines, and read them back, in one request.

    `repeated`: an earlier create has an unknown outcome. Should that one have been carried out after all, ours is
    taken back and the earlier one adopted.
    """
    answers = await push.bc.batch(push.connection, prepared.parts)
    _raise_first_error(answers[:1], wrote=True)
    created = answers[0].body or {}
    new_id = str(created["id"])
    rows = _own_rows(answers[1], prepared.plan.halo_id)
    document = next((row for row in rows if str(row["id"]) == new_id), None)
    if document is None:
        document = await read(push, new_id)
    others = [row for row in rows if str(row["id"]) != new_id]
    if repeated and len(others) == 1 and decode_enum(str(others[0].get("status"))) == DRAFT:
        await push.bc.delete(push.connection, f"salesInvoices({new_id})", str(document["@odata.etag"]))
        document = others[0]
    await refuse_gross_prices(push, document, prepared.plan.name)
    keys = keys_by_number(document, prepared.numbers)
    return _taken(push, link, document, prepared, keys)


async def update(push: Push, prepared: Prepared, link: Link) -> Link:
    """Apply the changes in one transaction; all or nothing. Raises `Conflict` when somebody else was faster."""
    if prepared.goes_in_steps:
        return await _update_header(push, prepared, link)
    changes, read_back = prepared.parts[:-1], prepared.parts[-1]
    if len(changes) >= MAX_PARTS:
        return await _update_in_pieces(push, prepared, link, changes, read_back)
    answers = await push.bc.batch(push.connection, prepared.parts, snapshot=True)
    _raise_first_error(answers, wrote=True)
    document = answers[-1].body or {}
    return _taken(
        push, link, document, prepared, keys_by_number(document, prepared.numbers, _staying(link, prepared))
    )


async def _update_header(push: Push, prepared: Prepared, link: Link) -> Link:
    """The header alone. BC re-creates the lines: the link tells what they hold now, the next step mends them."""
    parts = (
        Part("PATCH", f"salesInvoices({link.bc_id})", dict(prepared.header), link.etag),
        Part("GET", f"salesInvoices({link.bc_id})?{EXPAND}"),
    )
    answers = await push.bc.batch(push.connection, parts, snapshot=True)
    _raise_first_error(answers, wrote=True)
    document = answers[-1].body or {}
    await refuse_gross_prices(push, document, prepared.plan.name)
    now = applied(link, document, prepared.plan, _keys_after(document, link))
    return msgspec.structs.replace(now, payload=prepared.plan.header_payload)


async def _update_in_pieces(
    push: Push, prepared: Prepared, link: Link, changes: Sequence[Part], read_back: Part
) -> Link:
    """More changes than one request takes: pieces in order under one intent, read back at the end."""
    for start in range(0, len(changes), MAX_PARTS):
        answers = await push.bc.batch(push.connection, changes[start : start + MAX_PARTS], snapshot=True)
        _raise_first_error(answers, wrote=True)
    document = await read(push, link.bc_id)
    return _taken(
        push, link, document, prepared, keys_by_number(document, prepared.numbers, _staying(link, prepared))
    )


def _staying(link: Link, prepared: Prepared) -> list[Any]:
    deleted = {line.bc_id for line in prepared.diff.deletes}
    return [line for line in link.lines if line.bc_id not in deleted]


def _taken(push: Push, link: Link, document: Document, prepared: Prepared, keys: Mapping[str, str]) -> Link:
    """The link after the write, with a word on what BC holds beside or other than what we sent."""
    wanted = {line.key for line in prepared.plan.lines}
    missing = wanted - set(keys.values())
    if missing:
        raise UnknownOutcome(
            "partly_applied",
            f"Business Central shows {len(wanted) - len(missing)} of {len(wanted)} lines of invoice {prepared.plan.name}.",
            cure="It is compared again and completed by itself.",
        )
    extra = len(lines_of(document)) - len(keys)
    if extra:
        push.warn(
            "extra_lines_in_bc",
            f"The draft in Business Central has {extra} line{'s' if extra > 1 else ''} that Halo did not send.",
        )
    difference = net_difference(document, keys, prepared.plan)
    if difference:
        push.warn(
            "total_differs",
            f"The net total in Business Central differs by {difference:+f} from Halo's for invoice {prepared.plan.name}.",
        )
    return msgspec.structs.replace(
        applied(link, document, prepared.plan, keys),
        # What we sent stands for what BC holds: a text BC alters on its own must not be sent for ever.
        payload=prepared.plan.header_payload,
        lines=tuple(
            msgspec.structs.replace(line, payload=_payload_of(prepared.plan, line.halo_line_id))
            if line.halo_line_id
            else line
            for line in applied(link, document, prepared.plan, keys).lines
        ),
        payload_hash=prepared.payload_hash,
        intent=None,
    )


def _payload_of(plan: InvoicePlan, key: str) -> str:
    return next(line.payload for line in plan.lines if line.key == key)


async def read(push: Push, bc_id: str) -> dict[str, Any]:
    """The invoice with its lines. Raises `Gone` when BC has it no more."""
    return await push.bc.get(
        push.connection, f"salesInvoices({bc_id})", params={"$expand": "salesInvoiceLines"}
    )


async def find(push: Push, halo_id: str) -> Document | None:
    """Look for the invoice by its natural key. Raises `Refused` when two carry it: a person must decide (F9)."""
    rows, _ = await push.bc.page(
        push.connection,
        "salesInvoices",
        params={"$filter": f"externalDocumentNumber eq {_key(halo_id)}", "$expand": "salesInvoiceLines"},
    )
    own = _same_key(rows, halo_id)
    if len(own) > 1:
        numbers = ", ".join(str(row.get("number")) for row in own)
        raise Refused(
            "ambiguous_match",
            f"Invoices {numbers} in Business Central all carry {entity.external_number(halo_id)}.",
            cure="Delete the wrong drafts, or correct their external document number, then retry.",
        )
    return own[0] if own else None


def recovered(document: Document, prepared: Prepared, link: Link) -> Link:
    """The link as BC now has it, after a write of unknown outcome or somebody else's edit."""
    return applied(link, document, prepared.plan, _keys_after(document, link))


def _keys_after(document: Document, link: Link) -> dict[str, str]:
    """BC line id -> key in a document that may have changed in any way since the link was written."""
    numbers = link.intent.numbers if link.intent else {}
    known = link.lines if link.bc_id == str(document["id"]) else ()
    lines = lines_of(document)
    ids = {str(line["id"]) for line in lines}
    all_new = bool(known) and len(lines) == len(known) and not any(line.bc_id in ids for line in known)
    if all_new and any(int(line["sequence"]) not in numbers.values() for line in lines):
        # Neither the old lines nor all those we meant to insert: BC re-created them.
        return keys_by_order(document, known)
    return keys_by_number(document, numbers, known)


async def delete(push: Push, link: Link) -> Action:
    """Delete the draft; its status is read first. Returns what was done; raises `Refused` for a posted one."""
    try:
        document = await push.bc.get(
            push.connection, f"salesInvoices({link.bc_id})", params={"$select": "id,number,status"}
        )
    except Gone:
        return "none"
    if decode_enum(str(document["status"])) != DRAFT:
        raise Refused(
            "invoice_posted",
            f"Invoice {link.bc_number or link.bc_id} is posted in Business Central and cannot be deleted.",
            cure="Make a corrective credit memo in Business Central.",
        )
    await push.bc.delete(push.connection, f"salesInvoices({link.bc_id})", str(document["@odata.etag"]))
    return "deleted"


async def refuse_gross_prices(push: Push, document: Document, name: str) -> None:
    """Remove a draft whose customer has prices that include tax, and say so: Halo's are net."""
    if not document.get("pricesIncludeTax") or decode_enum(str(document.get("status"))) != DRAFT:
        return
    await push.bc.delete(push.connection, f"salesInvoices({document['id']})", str(document["@odata.etag"]))
    raise Removed(
        "prices_include_tax",
        f"Invoice {name}: this customer's prices include tax in Business Central, Halo's do not.",
        cure="Untick “Prices Including VAT” on the customer card in Business Central, then retry.",
    )


def write_back(invoice: Record, link: Link, company_id: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The header fields and line rows that Halo does not hold yet; empty when it holds all."""
    wanted = {"dbc_id": link.bc_id, "dbc_company_id": company_id, "thirdpartyinvoicenumber": link.bc_number}
    header: dict[str, Any] = {
        name: value for name, value in wanted.items() if text(invoice, name).lower() != value.lower()
    }
    if link.tax_total is not None and decimal(invoice, "tax_total") != link.tax_total:
        header["tax_total"] = link.tax_total
    linked = {line.halo_line_id: line for line in link.lines if line.halo_line_id}
    rows = []
    for line in invoice.get("lines") or ():
        ours = linked.get(ident(line, "id"))
        if ours is None:
            continue
        row: dict[str, Any] = {}
        if decimal(line, "tax_amount") != ours.tax_amount:
            row["tax_amount"] = ours.tax_amount
        if decimal(line, "tax_rate") != ours.tax_rate:
            row["tax_rate"] = ours.tax_rate
        if text(line, "dbc_id").lower() != ours.bc_id.lower():
            row["dbc_id"] = ours.bc_id
        if decimal(line, "dbc_sequence_id") != Decimal(ours.sequence):
            row["dbc_sequence_id"] = ours.sequence
        if row:
            rows.append({"id": int(ident(line, "id")), "ihid": int(ident(invoice, "id")), **row})
    return header, rows


def is_void(invoice: Record) -> bool:
    return flag(invoice, "voided")


def _own_rows(answer: PartAnswer, halo_id: str) -> list[Document]:
    return _same_key((answer.body or {}).get("value", ()), halo_id) if answer.status == 200 else []


def _same_key(rows: Any, halo_id: str) -> list[Document]:
    # BC's filter is a hint: a sign in the value may act as a wildcard.
    return [
        row
        for row in rows
        if str(row.get("externalDocumentNumber", "")).strip().upper() == entity.external_number(halo_id)
    ]


def _raise_first_error(answers: Sequence[PartAnswer], *, wrote: bool) -> None:
    for answer in answers:
        error = part_error(answer, wrote=wrote)
        if isinstance(error, AlreadyExists) or (error is not None and error.code == "sequence_taken"):
            # Somebody else added a line under that number: read the lines again and number anew.
            raise Conflict(error.code, error.message, cure=error.cure, correlation_id=error.correlation_id)
        if error is not None and answer.status != 0:
            raise error
    if any(answer.status == 0 for answer in answers):
        raise UnknownOutcome("bc_unavailable", "Business Central did not answer every part of the request.")


__all__ = [
    "Prepared",
    "Skip",
    "create",
    "delete",
    "find",
    "prepare",
    "read",
    "recovered",
    "update",
    "write_back",
]
