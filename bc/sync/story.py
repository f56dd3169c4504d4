"""One record as both systems hold it: its links, what waits, and an invoice's tax line by line. Reads only."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from bc.clients.halo import record_url
from bc.entities.credit_note import kind_in_halo, signs_in_halo
from bc.entities.invoice import halo_lines
from bc.entities.values import Record, decimal, flag, ident, text
from bc.errors import SyncError
from bc.model import Connection, ConnectionSettings, Dirty, Entity, Link
from bc.sync.outcomes import bc_url
from bc.sync.registry import ADAPTERS

if TYPE_CHECKING:
    from bc.services import Services


class StoryLink(msgspec.Struct, frozen=True):
    """The record in one company; `status` is BC's own word for an invoice ("Draft", "Open"), "" for others."""

    connection_id: str
    connection_name: str
    bc_id: str
    bc_number: str
    bc_name: str
    status: str
    source: str
    state: str
    linked_at: datetime
    tax_total: Decimal | None
    total: Decimal | None
    url: str


class Waiting(msgspec.Struct, frozen=True):
    """A change not yet sent; `next_at`: not before then."""

    since: datetime
    attempts: int
    next_at: datetime | None
    last_code: str


class StoryLine(msgspec.Struct, frozen=True):
    """One line; the `bc_` side is what BC last answered, None where BC has no such line. `difference` = Halo - BC.

    A credit memo's amounts, here and in `StoryLink`, have the sign that Halo gives its credit note's.
    """

    text: str
    quantity: Decimal
    net: Decimal
    halo_tax: Decimal
    halo_rate: Decimal
    sequence: int | None
    bc_net: Decimal | None
    bc_tax: Decimal | None
    bc_rate: Decimal | None
    difference: Decimal | None


class Story(msgspec.Struct, frozen=True):
    """`lines` and the totals are of an invoice; `currency` is Halo's word for it. `trouble`: why Halo was not read.

    `record_kind`: as in an outcome.
    """

    entity: Entity
    halo_id: str
    in_halo: bool | None
    name: str
    record_kind: str
    number: str
    halo_url: str
    currency: str
    links: list[StoryLink]
    waiting: Waiting | None
    lines: list[StoryLine]
    halo_tax: Decimal | None
    halo_total: Decimal | None
    trouble: str


async def story(services: Services, entity: Entity, halo_id: str) -> Story:
    """Read Halo's record once and our rows; nothing is asked of BC."""
    record, trouble = await _halo_record(services, entity, halo_id)
    connections = {each.id: each for each in await services.store.connections.list()}
    links = [
        link
        for link in await services.store.links.by_halo_id(entity, halo_id)
        if link.connection_id in connections
    ]
    dirty = await services.store.dirty.get(entity, halo_id)
    invoice = record if entity == "invoice" else None
    return Story(
        entity=entity,
        halo_id=halo_id,
        in_halo=None if trouble else record is not None,
        name=_name(entity, record, links),
        record_kind=_own_kind(connections, invoice, links) if invoice else "",
        number=text(record, "accountsid") if record and entity != "invoice" else "",
        halo_url=record_url(services.settings.halo.url, entity, halo_id),
        currency=text(invoice, "currency_code_name") or text(invoice, "currency") if invoice else "",
        links=[_link(connections[link.connection_id], link, invoice) for link in links if link.exists],
        waiting=_waiting(dirty.value) if dirty else None,
        lines=_lines(invoice, links) if invoice else [],
        halo_tax=decimal(invoice, "tax_total") if invoice else None,
        halo_total=decimal(invoice, "total") if invoice else None,
        trouble=trouble,
    )


async def _halo_record(services: Services, entity: Entity, halo_id: str) -> tuple[Record | None, str]:
    """Halo's record, or why it could not be asked: our own half of the story stands without it."""
    read = {"customer": services.halo.client, "product": services.halo.item, "invoice": services.halo.invoice}
    try:
        return await read[entity](halo_id), ""
    except SyncError as error:
        return None, f"{error.message} {error.cure}".strip()


def _name(entity: Entity, record: Record | None, links: list[Link]) -> str:
    if record is not None:
        return ADAPTERS[entity].name(record)
    return next((link.halo_name for link in links if link.halo_name), "")


def _own_kind(connections: dict[str, Connection], invoice: Record, links: list[Link]) -> str:
    link = next((each for each in links if each.exists), None)
    settings = connections[link.connection_id].settings if link else ConnectionSettings()
    return kind_in_halo(invoice, settings, link).own_word


def _link(connection: Connection, link: Link, invoice: Record | None) -> StoryLink:
    whole = _signs(invoice, link)[0] if invoice else 1
    return StoryLink(
        connection_id=connection.id,
        connection_name=connection.name,
        bc_id=link.bc_id,
        bc_number=link.bc_number,
        bc_name=link.bc_name,
        status=link.bc_status,
        source=link.source,
        state=link.state,
        linked_at=link.linked_at,
        tax_total=None if link.tax_total is None else whole * link.tax_total,
        total=None if link.total is None else whole * link.total,
        url=bc_url(connection, link.entity, link.bc_number),
    )


def _waiting(dirty: Dirty) -> Waiting:
    return Waiting(dirty.first_requested_at, dirty.attempts, dirty.not_before, dirty.last_code)


def _signs(invoice: Record, link: Link | None) -> tuple[int, int]:
    lines = halo_lines(invoice) if invoice.get("lines") is not None else []
    return signs_in_halo(invoice, lines, link)


def _lines(invoice: Record, links: list[Link]) -> list[StoryLine]:
    """Halo's lines in their order, each with BC's of the same Halo line."""
    held = next((link for link in links if link.exists), None)
    by_halo = {line.halo_line_id: line for line in held.lines if line.halo_line_id} if held else {}
    each = _signs(invoice, held)[1]
    found = []
    rows = [
        row for row in invoice.get("lines") or [] if isinstance(row, dict) and not flag(row, "isinactive")
    ]
    for row in rows:
        ours = by_halo.pop(ident(row, "id"), None)
        tax = decimal(row, "tax_amount")
        found.append(
            StoryLine(
                text=text(row, "item_shortdescription") or text(row, "item_longdescription"),
                quantity=decimal(row, "qty_order"),
                net=decimal(row, "net_amount"),
                halo_tax=tax,
                halo_rate=decimal(row, "tax_rate"),
                sequence=ours.sequence if ours else None,
                bc_net=each * ours.net_amount if ours else None,
                bc_tax=each * ours.tax_amount if ours else None,
                bc_rate=ours.tax_rate if ours else None,
                difference=tax - each * ours.tax_amount if ours else None,
            )
        )
    return found
