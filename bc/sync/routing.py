"""Which connection a record belongs to, and whether that connection takes it now."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from bc.entities.values import Record, ident, text
from bc.errors import NeedsAuthorization, Refused, Skip, Transient
from bc.model import Connection, Dirty, Link
from bc.store.rows import Row

if TYPE_CHECKING:
    from bc.services import Services


class Paused(Transient):
    """The connection is paused or cannot sign in: its records wait, without counting tries."""


def prefer(connections: list[Connection]) -> Connection:
    """Of several connections to one company: the default, else production, else the older."""
    return min(
        connections,
        key=lambda c: (not c.is_default, (c.environment_type or "").lower() != "production", c.created_at),
    )


class Known(NamedTuple):
    """The connection that can be told without reading Halo, and the record's links, where they were read for that."""

    connection: Connection | None
    links: list[Row[Link]] | None = None


async def _links_of(
    services: Services, dirty: Dirty, connections: list[Connection], since: float
) -> list[Row[Link]]:
    """The links of the record in these connections, and perhaps in others."""
    if len(connections) != 1:
        return await services.store.links.rows_of(dirty.entity, dirty.halo_id)
    row = await services.link_reads.own(connections[0].id, dirty.entity, dirty.halo_id, since)
    return [row] if row else []


async def _customer_links(
    services: Services, customer_id: str, connections: list[Connection], since: float
) -> list[Link]:
    if len(connections) != 1:
        return await services.store.links.by_halo_id("customer", customer_id)
    row = await services.link_reads.shared(connections[0].id, "customer", customer_id, since)
    return [row.value] if row else []


async def known_connection(
    services: Services, dirty: Dirty, connections: list[Connection], since: float = math.inf
) -> Known:
    """The connection that can be told without reading Halo: named by the message, or holding the record's link.

    `since`: links read then or later will do (`bc.sync.link_reads`).

    Raises `Skip` `no_connection` when the message names one that does not exist, and `Refused` `company_changed` for an
    invoice that is in the books of another company: it would be booked twice.
    """
    by_id = {connection.id: connection for connection in connections}
    if dirty.connection_id and dirty.connection_id not in by_id:
        raise Skip(
            "no_connection",
            f"The connection {dirty.connection_id} does not exist.",
            cure="Leave connection_id out, or name one of the connections shown in the console.",
        )
    named = by_id[dirty.connection_id] if dirty.connection_id else None
    if named is not None and dirty.entity != "invoice":
        return Known(named)
    links = await _links_of(services, dirty, connections, since)
    linked = [by_id[link.value.connection_id] for link in links if link.value.connection_id in by_id]
    if named is None or named in linked:
        return Known(named or (prefer(linked) if linked else None), links)
    elsewhere = [one for one in linked if (one.company_id or "").lower() != (named.company_id or "").lower()]
    if not elsewhere:
        return Known(named, links)
    if dirty.source == "cure":
        # It waited for something there, and was booked here meanwhile.
        return Known(prefer(elsewhere), links)
    raise Refused(
        "company_changed",
        f"Invoice {dirty.halo_id} is in {prefer(elsewhere).company_name} in Business Central, and was to be sent to "
        f"{named.company_name} as well.",
        cure=f"Leave connection_id out. Or delete its draft in {prefer(elsewhere).company_name}, unlink it under "
        "Links, then send it again.",
    )


async def connection_of(
    services: Services,
    dirty: Dirty,
    record: Record,
    connections: list[Connection],
    since: float = math.inf,
) -> Connection:
    """The connection of the record's own company, an invoice's of its customer; else the default one.

    Raises `Skip` `no_connection` where there is none.
    """
    company = text(record, "dbc_company_id")
    if dirty.entity == "invoice" and (not company or await _is_copied(services, dirty, record, connections)):
        customer_id = ident(record, "client_id")
        by_id = {connection.id: connection for connection in connections}
        links = await _customer_links(services, customer_id, connections, since) if customer_id else []
        linked = [by_id[link.connection_id] for link in links if link.exists and link.connection_id in by_id]
        if linked:
            return prefer(_of_company(company, linked) or linked)
        customer = await services.halo.client(customer_id) if customer_id else None
        company = text(customer or {}, "dbc_company_id") or company
    if company:
        matching = _of_company(company, connections)
        if matching:
            return prefer(matching)
        raise Skip(
            "no_connection",
            f"Its Business Central company ({company}) is not connected.",
            cure="Connect that company, or correct the company on the record in Halo.",
        )
    default = next((c for c in connections if c.is_default), None)
    if default is None:
        raise Skip(
            "no_connection",
            "It names no Business Central company and there is no default connection.",
            cure="Choose a default connection in the console, or set the company on the record in Halo.",
        )
    return default


def _of_company(company: str, connections: list[Connection]) -> list[Connection]:
    return [one for one in connections if (one.company_id or "").lower() == company.lower()]


def is_elsewhere(record: Record, connection: Connection) -> bool:
    """Whether it is another company's: a second one here would be a double."""
    company = text(record, "dbc_company_id")
    return bool(company) and company.lower() != (connection.company_id or "").lower()


async def _is_copied(services: Services, dirty: Dirty, record: Record, connections: list[Connection]) -> bool:
    """Whether an invoice carries the ids of another one: a copy made in Halo has its original's company, chosen by nobody."""
    bc_id = text(record, "dbc_id").lower()
    if not bc_id:
        return False
    for connection in _of_company(text(record, "dbc_company_id"), connections):
        links = await services.store.links.by_bc_id(connection.id, "invoice", bc_id)
        if any(link.exists and link.halo_id != dirty.halo_id for link in links):
            return True
    return False


async def moved_connection(
    services: Services, dirty: Dirty, record: Record, known: Connection, connections: list[Connection]
) -> Connection:
    """The connection known by the record's link, unless Halo names another company by now: then that one's.

    Raises `Skip` `no_connection` where that company is not connected, and `Refused` `company_changed` for an invoice,
    which would be booked twice.
    """
    company = text(record, "dbc_company_id")
    if dirty.connection_id or not company or company.lower() == (known.company_id or "").lower():
        return known
    if dirty.entity == "invoice":
        raise Refused(
            "company_changed",
            f"Invoice {ident(record, 'invoicenumber') or dirty.halo_id} is in {known.company_name} in Business "
            f"Central, and Halo now names another company ({company}).",
            cure=f"Set its company in Halo back; or delete its draft in {known.company_name}, unlink it under Links, "
            "then retry.",
        )
    return await connection_of(services, dirty, record, connections)


def check_open(connection: Connection) -> None:
    """Raise where the connection takes no push now: `Paused`, `NeedsAuthorization`, or `Skip` for one never set up."""
    if connection.paused:
        raise Paused("paused", f"{connection.name} is paused.", cure="Resume the connection.")
    if connection.status == "needs_authorization":
        raise NeedsAuthorization(
            "needs_authorization",
            f"{connection.name} cannot sign in to Business Central.",
            cure="Authorize the connection again; waiting records are sent by themselves.",
        )
    if connection.status != "ready" or not connection.company_id:
        raise Skip(
            "connection_not_ready",
            f"{connection.name} is not set up: no company is chosen.",
            cure="Finish its set-up: authorize it, then choose the environment and company.",
        )


async def check_takes(services: Services, connection: Connection, entity: str) -> None:
    """Raise `Skip` where the connection does not sync that entity, or Halo's built-in sync would push it too."""
    if entity not in connection.settings.sync_entities:
        raise Skip(
            "not_enabled",
            f"{entity.capitalize()}s are not switched on for {connection.name}.",
            cure=f"Switch on “{entity}” under entities to sync on the connection.",
        )
    if not connection.settings.allow_native_sync and await services.halo_facts.native_sync_on():
        raise Skip(
            "native_sync_enabled",
            "Halo's built-in Business Central sync is on and would send the same records.",
            cure="Switch off “Enable sync” in Halo's Business Central integration, then sync again.",
        )
