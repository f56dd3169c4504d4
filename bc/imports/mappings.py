"""Links made and undone by hand. Linking fetches the values that an import would have brought (GUIDE G13)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from bc.clients.odata import guid
from bc.entities.values import ident, text
from bc.errors import Conflict, Gone, Refused
from bc.imports.kinds import HaloRecord, LinkedKind, new_link
from bc.imports.preview import forget
from bc.imports.writes import leave_external_links
from bc.model import Connection, Link
from bc.store.rows import Row, Stale

if TYPE_CHECKING:
    from bc.services import Services


class Mapping(msgspec.Struct, frozen=True):
    """A link as the public face shows it."""

    halo_id: str
    halo_name: str
    bc_id: str
    bc_number: str
    bc_name: str
    source: str
    state: str
    linked_at: datetime | None


class AlreadyLinked(Conflict):
    """One end has a link already; a person may confirm that it should be linked all the same."""


def mapping_of(link: Link) -> Mapping:
    return Mapping(
        halo_id=link.halo_id,
        halo_name=link.halo_name,
        bc_id=link.bc_id,
        bc_number=link.bc_number,
        bc_name=link.bc_name,
        source=link.source,
        state=link.state,
        linked_at=link.linked_at,
    )


async def link_by_hand(
    services: Services,
    connection: Connection,
    kind: LinkedKind,
    halo_id: str,
    bc_id: str,
    *,
    confirmed: bool = False,
) -> Link:
    """Link a Halo record with a BC record, after checking that both exist, and bring Halo what an import would.

    Linking the same pair again is harmless and fetches the values again. Raises `Gone` `not_found_in_halo` or
    `not_found_in_bc`, and `AlreadyLinked` `bc_record_already_linked` or `halo_record_already_linked`
    unless `confirmed`.
    """
    bc_id = guid(bc_id)
    record = await _in_halo(services, kind, halo_id)
    row = await _in_bc(services, connection, kind, bc_id)
    halo_id = record.halo_id
    if not confirmed:
        await _check_free(services, connection, kind, halo_id, bc_id)
    await _bring_values(services, connection, kind, row, record)
    link = new_link(
        kind,
        connection,
        row,
        halo_id,
        halo_name=text(record.record, "name"),
        source="manual",
        at=datetime.now(UTC),
    )
    await _save(services, link)
    await leave_external_links(services.halo, [link], accepted=None)
    forget(connection.id, kind.name)
    await services.cured(f"link:{connection.id}:{kind.entity}:{halo_id}")
    return link


async def unlink(services: Services, connection: Connection, kind: LinkedKind, halo_id: str) -> bool:
    """Forget a link: our row only; Halo and BC keep their records. False when there was none."""
    removed = await _remove_link(services, connection, kind.entity, halo_id)
    if removed:
        forget(connection.id, kind.name)
    return removed


async def unlink_invoice(services: Services, connection: Connection, halo_id: str) -> bool:
    """Forget an invoice's link, for one whose draft was deleted in BC: the next sync creates it anew."""
    return await _remove_link(services, connection, "invoice", halo_id)


async def _remove_link(services: Services, connection: Connection, entity: str, halo_id: str) -> bool:
    links = services.store.links
    while True:
        stored = await links.get(connection.id, entity, halo_id)
        if stored is None:
            return False
        try:
            await links.delete(stored.value, stored.etag)
        except Stale:
            continue
        return True


async def _in_halo(services: Services, kind: LinkedKind, halo_id: str) -> HaloRecord:
    record = await kind.read(services.halo, halo_id)
    if record is None or not ident(record, "id"):
        raise Gone(
            "not_found_in_halo",
            f"Halo has no {kind.noun} {halo_id}.",
            cure="Check the number in Halo's address bar.",
        )
    return HaloRecord(record, await kind.read_site(services.halo, record))


async def _in_bc(services: Services, connection: Connection, kind: LinkedKind, bc_id: str) -> dict[str, Any]:
    try:
        return await services.bc.get(connection, f"{kind.endpoint}({bc_id})", params={"$select": kind.select})
    except Gone:
        raise Gone(
            "not_found_in_bc",
            f"{connection.company_name or 'Business Central'} has no {kind.noun} with the id {bc_id}.",
            cure="Choose it from the list.",
        ) from None


async def _check_free(
    services: Services, connection: Connection, kind: LinkedKind, halo_id: str, bc_id: str
) -> None:
    for link in await services.store.links.by_bc_id(connection.id, kind.entity, bc_id):
        if link.halo_id != halo_id and link.exists:
            raise AlreadyLinked(
                "bc_record_already_linked",
                f"{link.bc_name} ({link.bc_number}) is linked to Halo {kind.noun} {link.halo_name} ({link.halo_id}).",
                cure="Unlink that one first, or confirm that both shall be linked.",
            )
    for link in await services.store.links.by_halo_id(kind.entity, halo_id):
        same = link.connection_id == connection.id and link.bc_id == bc_id
        if link.exists and not same:
            raise AlreadyLinked(
                "halo_record_already_linked",
                f"Halo {kind.noun} {link.halo_name} ({halo_id}) is linked to {link.bc_name} ({link.bc_number}).",
                cure="Unlink it first, or confirm that it shall be linked anew.",
            )


async def _bring_values(
    services: Services, connection: Connection, kind: LinkedKind, row: dict[str, Any], record: HaloRecord
) -> None:
    countries = await services.halo_facts.countries(connection.settings.halo_conventions)
    changes = kind.changes(row, connection, record, countries)
    if changes.record:
        await services.halo.save(kind.resource, [{"id": _whole(record.record["id"]), **changes.record}])
    if not changes.site:
        return
    if record.site is None:
        raise Refused(
            "no_main_site",
            f"Halo {kind.noun} {text(record.record, 'name')} has no main site to keep address and phone.",
            cure="Give it a main site in Halo, then link it again.",
        )
    await services.halo.save("Site", [{"id": _whole(record.site["id"]), **changes.site}])


def _whole(value: Any) -> int | str:
    """Site ids come typed double; Halo wants them back whole."""
    found = ident({"id": value}, "id")
    return int(found) if found.isdigit() else found


async def _save(services: Services, link: Link) -> Row[Link]:
    """Put the link in the place of whatever was there; a person's choice wins."""
    links = services.store.links
    while True:
        stored = await links.get(link.connection_id, link.entity, link.halo_id)
        try:
            if stored is None:
                return await links.create(link)
            return await links.replace(_over(stored.value, link), stored.etag)
        except Stale:
            continue


def _over(old: Link, new: Link) -> Link:
    same = old.bc_id == new.bc_id
    return msgspec.structs.replace(new, linked_at=old.linked_at, source=old.source) if same else new
