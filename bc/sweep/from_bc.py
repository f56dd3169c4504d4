"""Each company is asked for the documents modified since, once for each kind it has: a posting's number and state reach Halo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from bc.clients.business_central import decode_enum, literal
from bc.entities.document_kind import CREDIT_NOTE, INVOICE, DocumentKind, kind_of
from bc.entities.values import Record, text
from bc.errors import Refused, SyncError
from bc.imports.directory import each
from bc.model import Action, Connection, Link, OutcomeWarning
from bc.store.rows import Row, Stale
from bc.sweep import twins
from bc.sync.credit_notes import any_credit_memo
from bc.sync.invoice_documents import is_posted
from bc.sync.outcomes import outcome_of_link
from bc.sync.posting import write_state

if TYPE_CHECKING:
    from bc.services import Services

SELECT = f"id,number,status,lastModifiedDateTime,{twins.KEY}"
# BC's stamps are its own; a transaction may commit later than it is stamped (F43).
OVERLAP = timedelta(minutes=2)
FIRST_LOOK_BACK = timedelta(minutes=15)
MOST_PAGES = 1_000


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
    mended: list[Link] = []
    strangers: list[Record] = []
    for row in rows.values():
        stamp = _stamp(row)
        links = await services.store.links.by_bc_id(connection.id, "invoice", text(row, "id").lower())
        if not links:
            strangers.append(row)
        for link in links:
            if link.intent is not None and link.intent.action == "post":
                # A push is at it, or will read the state before it goes on.
                continue
            if _differs(link, row):
                moved.append((link, row))
            if stamp and (mark is None or stamp > mark) and _may_post_now(connection, link, row):
                mended.append(link)

    async def one(pair: tuple[Link, Record]) -> None:
        await _bring(services, connection, *pair)

    await each(moved, one)
    await _post_again(services, connection, mended)
    await twins.report_twins(services, connection, kind, strangers)
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


def _may_post_now(connection: Connection, link: Link, row: Record) -> bool:
    """Whether somebody changed a draft, or approved it, that was to be posted and could not be."""
    return (
        connection.settings.post_invoices
        and link.unposted_etag not in ("", text(row, "@odata.etag"))
        and not is_posted(link, row)
    )


async def _post_again(services: Services, connection: Connection, links: Sequence[Link]) -> None:
    for link in links:
        await services.store.dirty.mark(
            "invoice",
            link.halo_id,
            source="cure",
            requested_at=datetime.now(UTC),
            connection_id=connection.id,
        )
    if links:
        await services.wake()


async def _bring(services: Services, connection: Connection, link: Link, row: Record) -> None:
    """Halo first, then what is told, then the link: a kill in between repeats what changes nothing.

    Halo is asked only where it is to know: not of a payment, nor of a draft that is released.
    """
    now = msgspec.structs.replace(
        link, bc_number=text(row, "number"), bc_status=text(row, "status"), posted=is_posted(link, row)
    )
    before = stamp = ""
    if now.posted != link.posted or now.bc_number != link.bc_number:
        invoice = await services.halo.invoice(link.halo_id)
        before = text(invoice or {}, "last_modified")
        stamp = await write_state(services, invoice, now) if invoice is not None else ""
    undone = _undone(now) if decode_enum(now.bc_status) != decode_enum(link.bc_status) else None
    if now.posted and not link.posted:
        await _tell(services, connection, now, "posted", undone)
        await services.cured(f"posted:{connection.id}:{link.halo_id}")
    elif undone:
        await _tell(services, connection, now, "none", undone)
    await _note(services, now, before=before, stamp=stamp)
    if now.posted and not link.posted:
        # What was queued above may have looked before this was noted, and waits again.
        await services.cured(f"posted:{connection.id}:{link.halo_id}")


def _undone(link: Link) -> OutcomeWarning | None:
    """A word on a posted document that was undone in BC, or undoes another: Halo's own stands as it did."""
    word = kind_of(link).word
    if decode_enum(link.bc_status) == "Canceled":
        return OutcomeWarning(
            "cancelled_in_bc",
            f"It was cancelled in Business Central by a document against it. Halo's {word} stands: void or credit it there too.",
        )
    if decode_enum(link.bc_status) == "Corrective":
        return OutcomeWarning("corrective_in_bc", "In Business Central it corrects another document.")
    return None


async def _note(services: Services, now: Link, *, before: str, stamp: str) -> None:
    """Bring the link up to date under its ETag, since a push may be writing it as well."""
    links = services.store.links
    while True:
        stored: Row[Link] | None = await links.get(now.connection_id, now.entity, now.halo_id)
        if stored is None or stored.value.bc_id != now.bc_id:
            return
        changed = msgspec.structs.replace(
            stored.value, bc_number=now.bc_number, bc_status=now.bc_status, posted=now.posted
        )
        if stamp and stored.value.halo_stamp == before:
            # Nobody else changed the invoice since its last push, so its new stamp is our own write (F85).
            changed = msgspec.structs.replace(changed, halo_stamp=stamp)
        try:
            await links.replace(changed, stored.etag)
        except Stale:
            continue
        return


async def _tell(
    services: Services, connection: Connection, link: Link, action: Action, undone: OutcomeWarning | None
) -> None:
    """Say on the record's page what became of it in BC. Errors of the record stay: a posting mends none."""
    name = f"{kind_of(link).word.capitalize()} {link.halo_name or link.halo_id}"
    if action == "posted":
        message = f"{name} was posted in Business Central as {link.bc_number}."
    else:
        message = f"{name} ({link.bc_number}) is {decode_enum(link.bc_status).lower()} in Business Central."
    warnings = (undone,) if undone else ()
    told = outcome_of_link(services, connection, link, "synced", action, message, warnings=warnings)
    await services.store.outcomes.put(told)
    await services.tally.note(told)


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
