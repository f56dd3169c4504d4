"""Each company is asked for the documents modified since, once for each kind it has: a posting's number and state reach Halo."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from bc.clients.business_central import decode_enum, literal
from bc.clients.halo import record_url
from bc.entities.document_kind import CREDIT_NOTE, INVOICE, DocumentKind, kind_of
from bc.entities.stamps import is_as_written
from bc.entities.values import Record, flag, text
from bc.errors import Refused, SyncError
from bc.imports.directory import each
from bc.model import Connection, Link, Outcome
from bc.store.rows import Row, Stale
from bc.sync.credit_notes import any_credit_memo
from bc.sync.outcomes import bc_url

if TYPE_CHECKING:
    from bc.services import Services

SELECT = "id,number,status,lastModifiedDateTime"
# BC's stamps are its own; a transaction may commit later than it is stamped (F43).
OVERLAP = timedelta(minutes=2)
FIRST_LOOK_BACK = timedelta(minutes=15)
MOST_PAGES = 1_000
_NOT_POSTED = ("", "Draft", "In Review")


async def bring_postings(services: Services, connection: Connection) -> int:
    """Bring number and state of the connection's changed invoices and credit memos to links and Halo; how many changed.

    A watermark moves only once everything before it has arrived, so a fault loses nothing (F88).
    """
    brought = await _bring_postings(services, connection, INVOICE, f"sweep:bc:{connection.id}")
    if not await any_credit_memo(services, connection.id):
        return brought
    key = f"sweep:bc:{connection.id}:{CREDIT_NOTE.endpoint}"
    return brought + await _bring_postings(services, connection, CREDIT_NOTE, key)


async def _bring_postings(services: Services, connection: Connection, kind: DocumentKind, key: str) -> int:
    noted = await services.store.notes.get(key)
    mark = datetime.fromisoformat(noted) if noted else None
    since = mark - OVERLAP if mark else connection.created_at - FIRST_LOOK_BACK
    rows = await _modified(services, connection, kind, since)
    moved: list[tuple[Link, Record]] = []
    for row in rows.values():
        links = await services.store.links.by_bc_id(connection.id, "invoice", text(row, "id").lower())
        moved += [(link, row) for link in links if _differs(link, row)]

    async def one(pair: tuple[Link, Record]) -> None:
        await _bring(services, connection, *pair)

    await each(moved, one)
    newest = max((stamp for row in rows.values() if (stamp := _stamp(row))), default=None)
    if newest is not None and (mark is None or newest > mark):
        await services.store.notes.put(key, newest.isoformat())
    return len(moved)


async def _modified(
    services: Services, connection: Connection, kind: DocumentKind, since: datetime
) -> dict[str, dict[str, Any]]:
    """The documents modified at or after a time, by id; a row that moved while paging counts once, as read last."""
    found: dict[str, dict[str, Any]] = {}
    params: Mapping[str, str] | None = {
        "$select": SELECT,
        "$filter": f"lastModifiedDateTime ge {literal(since)}",
    }
    path, seen = kind.endpoint, set[str]()
    for _ in range(MOST_PAGES):
        rows, following = await services.bc.page(connection, path, params=params)
        found |= {text(row, "id").lower(): row for row in rows}
        if not following or following in seen:
            return found
        seen.add(following)
        path, params = following, None
    raise Refused("bc_paging_loop", f"Business Central's list of modified {kind.bc_word}s does not end.")


def _stamp(row: Record) -> datetime | None:
    try:
        return datetime.fromisoformat(text(row, "lastModifiedDateTime")).astimezone(UTC)
    except ValueError:
        return None


def _differs(link: Link, row: Record) -> bool:
    return (link.bc_number, decode_enum(link.bc_status)) != (
        text(row, "number"),
        decode_enum(text(row, "status")),
    )


async def _bring(services: Services, connection: Connection, link: Link, row: Record) -> None:
    """Halo first, then the link: a kill in between repeats a write that changes nothing."""
    number, status = text(row, "number"), decode_enum(text(row, "status"))
    invoice = await services.halo.invoice(link.halo_id)
    changes: dict[str, Any] = {}
    if invoice is not None:
        if number and text(invoice, "thirdpartyinvoicenumber") != number:
            changes["thirdpartyinvoicenumber"] = number
        if "bcd_posted" in invoice and not flag(invoice, "bcd_posted") and status not in _NOT_POSTED:
            changes["bcd_posted"] = True
    stamp = ""
    if invoice is not None and changes:
        body = {"id": int(link.halo_id), **changes, "_dont_fire_automations": True}
        saved = await services.halo.save("Invoice", [body])
        # With somebody's edit in it the stamp would hide that edit from us.
        known = saved and is_as_written(invoice, saved[0], body, moves=("last_modified", "last_synced"))
        stamp = text(saved[0], "last_modified") if known else ""
    before = text(invoice or {}, "last_modified")
    await _note(services, link, row, before=before, stamp=stamp)
    if decode_enum(link.bc_status) in _NOT_POSTED and status not in _NOT_POSTED:
        await _tell(services, connection, link, number)
        await services.cured(f"posted:{connection.id}:{link.halo_id}")


async def _note(services: Services, link: Link, row: Record, *, before: str, stamp: str) -> None:
    """Bring the link up to date under its ETag, since a push may be writing it as well."""
    links = services.store.links
    while True:
        stored: Row[Link] | None = await links.get(link.connection_id, link.entity, link.halo_id)
        if stored is None or stored.value.bc_id.lower() != text(row, "id").lower():
            return
        changed = msgspec.structs.replace(
            stored.value, bc_number=text(row, "number"), bc_status=text(row, "status")
        )
        if stamp and stored.value.halo_stamp == before:
            # Nobody else changed the invoice since its last push, so its new stamp is our own write (F85).
            changed = msgspec.structs.replace(changed, halo_stamp=stamp)
        try:
            await links.replace(changed, stored.etag)
        except Stale:
            continue
        return


async def _tell(services: Services, connection: Connection, link: Link, number: str) -> None:
    """Say on the record's page that it was posted. Errors of the record stay: a posting mends none."""
    name = link.halo_name or link.halo_id
    now = datetime.now(UTC)
    outcome = Outcome(
        id=services.store.outcomes.new_id(now),
        connection_id=connection.id,
        entity="invoice",
        halo_id=link.halo_id,
        status="synced",
        action="posted",
        message=f"{kind_of(link).word.capitalize()} {name} was posted in Business Central as {number}.",
        bc_id=link.bc_id,
        bc_number=number,
        at=now,
        attempts=1,
        halo_url=record_url(services.settings.halo.url, "invoice", link.halo_id),
        bc_url=bc_url(connection, "invoice", number, kind_of(link)),
        record_name=name,
    )
    await services.store.outcomes.put(outcome)
    await services.tally.note(outcome)


def asked(connection: Connection) -> bool:
    """Whether there is anything to ask this company for."""
    return (
        connection.status == "ready"
        and not connection.paused
        and bool(connection.company_id)
        and "invoice" in connection.settings.sync_entities
    )


def in_words(connection: Connection, error: SyncError) -> str:
    return f"{connection.name}: {error.message}"
