"""The engine's view of invoices: their customer first, their natural key, their tax back on every Halo line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from bc.clients.business_central import Part
from bc.entities import invoice as entity
from bc.entities.credit_note import kind_in_halo
from bc.entities.document_kind import CREDIT_NOTE, DocumentKind, kind_of
from bc.entities.invoice_columns import is_full
from bc.entities.stamps import OF_ITSELF, is_as_written, offer
from bc.entities.values import Record, flag, ident, text
from bc.errors import Gone, Refused, Skip
from bc.model import Action, Link
from bc.sync import credit_notes, invoice_writes, invoices, line_costs, line_numbers, posting
from bc.sync.adapter import Due
from bc.sync.adopted_lines import adopted, found_again
from bc.sync.context import Push
from bc.sync.invoice_documents import Document
from bc.sync.invoice_parties import parties_of
from bc.sync.invoices import Prepared
from bc.sync.tell_halo import NOTE, note_now, noted

if TYPE_CHECKING:
    from bc.services import Services


# What our write-back changes on lines and header, and what Halo works out from that.
_MOVES = frozenset(
    (
        "tax_amount",
        "tax_rate",
        "dbc_id",
        "dbc_sequence_id",
        "tax_total",
        "total",
        "amountdue",
        *OF_ITSELF,
    )
)


class InvoiceSync:
    async def read(self, services: Services, halo_id: str) -> Record | None:
        return await services.halo.invoice(halo_id)

    def name(self, record: Record) -> str:
        return entity.display_name(record)

    def stamp(self, record: Record) -> str:
        return text(record, "last_modified")

    def is_void(self, record: Record) -> bool:
        return invoices.is_void(record)

    async def check(self, push: Push, record: Record, link: Link | None) -> None:
        settings = push.connection.settings
        kind = kind_in_halo(record, settings, link)
        push.kind_word = kind.word
        entity.check_syncable(record, kind, settings, linked=bool(link and link.exists))
        if not flag(record, "posted") and await push.services.halo_facts.only_posted_invoices():
            raise Skip(
                "opted_out",
                f"{kind.word.capitalize()} {self.name(record)} is not posted, and Halo is set to send posted ones only.",
                cure=f"Post the {kind.word} in Halo.",
            )

    async def prepare(self, push: Push, record: Record, link: Link | None) -> Prepared:
        self._check_kind(push, record, link)
        parties = await parties_of(push, record, link)
        prepared = await invoices.prepare(push, record, parties, link)
        prepared = await line_costs.with_costs(push, record, prepared, link)
        for warning in prepared.plan.warnings:
            push.warn(warning.code, warning.message)
        return await posting.checked_change(push, record, prepared, link)

    def _check_kind(self, push: Push, record: Record, link: Link | None) -> None:
        """Refuse a record that is not what it was linked as: its amounts would be booked the wrong way round."""
        was, now = kind_of(link), kind_in_halo(record, push.connection.settings, link)
        if link is None or not link.exists or was is now:
            return
        number = link.bc_number or link.bc_id
        raise Refused(
            "document_kind_changed",
            f"{self.name(record)} is {_a(now.word)} in Halo now, and in Business Central {_a(was.bc_word)} ({number}).",
            cure=f"Make it {_a(was.word)} in Halo again. Or delete {was.bc_word} {number} in Business Central, unlink it "
            "here under Links, and retry.",
        )

    async def find(
        self, push: Push, record: Record, plan: Prepared, link: Link | None
    ) -> tuple[Link, Action] | None:
        interrupted = link is not None and link.intent is not None
        remembered = text(record, "dbc_id")
        if not interrupted and not remembered:
            return None
        base = link or self._new_link(push, plan)
        kind = plan.plan.kind
        if interrupted and kind_of(link) is not kind:
            # What may have been created before Halo made another kind of it: planning then says that it cannot stay.
            was = kind_of(link)
            document = await invoices.find(push, was, push.halo_id)
            if document is None:
                return None
            found = invoice_writes.recovered(document, plan, base)
            return msgspec.structs.replace(found, source="created", bc_type=was.entity), "created"
        if interrupted:
            document = await invoices.find(push, kind, push.halo_id)
        else:
            document = await self._remembered(push, kind, remembered)
        if document is None:
            return None
        if not interrupted:
            found = adopted(base, document, record, plan.plan)
            return msgspec.structs.replace(found, source="adopted"), "adopted"
        await invoice_writes.refuse_unfit(push, plan.plan, document)
        keys = invoice_writes.keys_after(document, base, plan.plan)
        found = found_again(base, document, record, plan.plan, keys)
        return msgspec.structs.replace(found, source="created"), "created"

    async def _remembered(self, push: Push, kind: DocumentKind, bc_id: str) -> Document | None:
        """The document that Halo's own field names, if BC has it and it is this one."""
        try:
            document = await invoices.read(push, kind, bc_id)
        except (Gone, Refused):
            return await invoices.find(push, kind, push.halo_id)
        if await self._is_anothers(push, document):
            return await invoices.find(push, kind, push.halo_id)
        return document

    async def _is_anothers(self, push: Push, document: Document) -> bool:
        """Whether it was made for another Halo record: a copy made in Halo carries the ids of its original."""
        number = text(document, "externalDocumentNumber").upper()
        if number.startswith(entity.EXTERNAL_PREFIX):
            return number != entity.external_number(push.halo_id)
        links = await push.services.store.links.by_bc_id(
            push.connection.id, "invoice", str(document["id"]).lower()
        )
        return any(link.exists and link.halo_id != push.halo_id for link in links)

    def _new_link(self, push: Push, plan: Prepared) -> Link:
        return Link(
            connection_id=push.connection.id,
            entity="invoice",
            halo_id=push.halo_id,
            halo_name=plan.plan.name,
            linked_at=push.started_at,
        )

    async def create(self, push: Push, plan: Prepared, link: Link, *, repeated: bool) -> Link:
        try:
            return await invoice_writes.create(push, plan, link)
        except Refused as error:
            refused = line_numbers.refused(push, error, ordered=plan.plan.ordered)
            unapplied = credit_notes.unapplied(push, plan.plan, refused)
        again = invoices.compared(unapplied, link, push.connection.settings)
        return await invoice_writes.create(push, again, link)

    async def update(self, push: Push, plan: Prepared, link: Link) -> Link:
        if plan.costs:
            return await line_costs.send_costs(push, plan, link)
        try:
            return await invoice_writes.update(push, plan, link)
        except Refused as error:
            refused = line_numbers.refused(push, error, ordered=plan.plan.ordered)
            unapplied = credit_notes.unapplied(push, plan.plan, refused)
        again = invoices.compared(unapplied, link, push.connection.settings)
        return await invoice_writes.update(push, again, link) if again.parts else link

    async def reread(self, push: Push, plan: Prepared, link: Link) -> Link:
        document = await invoices.read(push, kind_of(link), link.bc_id)
        if link.intent and link.intent.started_at >= push.started_at:
            # This very attempt was told that the invoice is not what it was: somebody else's change.
            policy = push.connection.settings.conflict_policy
            return invoice_writes.merged(document, plan, link, policy=policy)
        return invoice_writes.recovered(document, plan, link)

    async def locate(self, push: Push, link: Link) -> Link:
        document = await invoices.find(push, kind_of(link), push.halo_id)
        if document is None:
            return link
        return msgspec.structs.replace(
            link, bc_id=str(document["id"]), bc_number=str(document.get("number", ""))
        )

    async def lost(self, push: Push) -> Link | None:
        record = push.record
        if record is None or not text(record, "dbc_id"):
            return None
        kind = kind_in_halo(record, push.connection.settings)
        document = await invoices.find(push, kind, push.halo_id)
        if document is None:
            return None
        return Link(
            connection_id=push.connection.id,
            entity="invoice",
            halo_id=push.halo_id,
            halo_name=self.name(record),
            source="adopted",
            bc_id=str(document["id"]),
            bc_number=str(document.get("number", "")),
            bc_type=kind.entity,
            linked_at=push.started_at,
        )

    async def delete(self, push: Push, link: Link) -> Action:
        push.kind_word = kind_of(link).word
        return await invoice_writes.delete(push, link)

    def awaits_posting(self, push: Push, record: Record, link: Link) -> bool:
        return posting.awaits(push, record, link)

    async def due_to_post(
        self, push: Push, record: Record, plan: Prepared, link: Link, *, fresh: bool
    ) -> Due:
        return await posting.due(push, record, plan, link, fresh=fresh)

    def posting_after(self, push: Push, record: Record, plan: Prepared, link: Link | None) -> Due:
        return posting.due_after(push, record, plan, link or self._new_link(push, plan))

    def posting_parts(self, bc_id: str) -> Sequence[Part]:
        return posting.posting_parts(bc_id)

    async def post(self, push: Push, link: Link, *, repeated: bool) -> tuple[Link, Action]:
        return await posting.post(push, link, repeated=repeated)

    async def tell_state(self, push: Push, record: Record, link: Link) -> Link:
        return await posting.tell_state(push, record, link)

    async def write_back(self, push: Push, record: Record, link: Link) -> str | None:
        if kind_of(link) is CREDIT_NOTE and link.unreported in ("created", "adopted"):
            await credit_notes.note_credit_memo(push)
        header, rows = invoices.write_back(record, link, push.connection.company_id or "")
        header |= posting.state_for_halo(record, link)
        if push.connection.settings.show_message:
            said = f"{kind_of(link).bc_word} {link.bc_number}."
            note = noted(record, said) and await note_now(push.services, push.halo_id, said)
            header |= {} if note is None else {NOTE: note}
        if push.offers_again(link, _offer(record, header, rows)):
            self._warn_of_tax(push, record, link, [record])
            return None
        lines: Sequence[Record] = await push.services.halo_writes.update_lines(rows) if rows else ()
        if not header:
            self._warn_of_tax(push, record, link, lines)
            return "" if rows else None
        # The header last: its answer carries the modification time by which we know the echo.
        row = {"id": int(push.halo_id), **header, "_dont_fire_automations": True}
        saved = await push.services.halo_writes.save("Invoice", [row])
        self._warn_of_tax(push, record, link, [*lines, *saved])
        # With somebody's edit in it the stamp would hide that edit from us.
        known = saved and is_full(saved[0], record) and is_as_written(record, saved[0], row, moves=_MOVES)
        return self.stamp(saved[0]) if known else ""

    def _warn_of_tax(self, push: Push, record: Record, link: Link, answers: Sequence[Record]) -> None:
        if words := invoices.tax_kept(record, link, answers):
            push.warn("halo_tax_differs", words)


def _offer(record: Record, header: Record, rows: Sequence[Record]) -> str:
    """What the write-back changes in the invoice, in short (see `stamps.offer`)."""
    lines = {ident(line, "id"): line for line in record.get("lines") or ()}
    each = [
        offer(
            {name: row[name] for name in row if name not in ("id", "ihid")}, lines.get(ident(row, "id"), {})
        )
        for row in rows
    ]
    return offer({**header, "lines": each} if each else header, {**record, "lines": ""})


def _a(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
