"""Scheduled delta imports: each kind of each connection in its own rhythm (GUIDE G17), off unless an admin sets one.

The watermark is the newest of BC's own stamps, less an overlap, since a transaction may commit later than it is
stamped (F43). It moves when the import that it led to has succeeded. Where nothing changed BC is asked once and Halo
not at all.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from bc.clients.business_central import literal
from bc.entities.values import text
from bc.errors import NeedsAuthorization, Refused, SyncError
from bc.imports.request import ImportRequest, load_request, start_import
from bc.jobs.jobs import ENDED, JobRunning
from bc.model import IMPORT_KINDS, Connection, ImportKind
from bc.sweep.deleted_in_bc import note_deletions
from bc.sweep.due import is_due

if TYPE_CHECKING:
    from bc.services import Services

log = logging.getLogger("bc.delta")

OVERLAP = timedelta(minutes=2)
FIRST_LOOK_BACK = timedelta(minutes=15)
DAY = timedelta(hours=24)
MOST_PAGES = 1_000
MOST_SEEN = 20_000
ENDPOINTS: Mapping[ImportKind, str] = {
    "accounts": "accounts",
    "countries": "countriesRegions",
    "item_categories": "itemCategories",
    "customers": "customers",
    "products": "items",
}
_MICROSECOND = timedelta(microseconds=1)


class Mark(msgspec.Struct, frozen=True):
    """`at`: BC's newest stamp that was imported; `seen`: by id, how many microseconds before it rows were stamped."""

    at: datetime
    seen: dict[str, int] = {}


class Plan(msgspec.Struct, frozen=True):
    """What is noted of one kind in one connection. `next_mark` counts once `job_id` has succeeded."""

    looked_at: datetime | None = None
    mark: Mark | None = None
    job_id: str = ""
    next_mark: Mark | None = None
    swept_at: datetime | None = None


async def import_when_due(services: Services) -> int:
    """The timer's call, each minute; how many imports were started. One connection's trouble stops no other."""
    started = 0
    for connection in await services.store.connections.list():
        if connection.status != "ready" or connection.paused or not connection.company_id:
            continue
        for kind in IMPORT_KINDS:
            minutes = getattr(connection.settings.delta_imports, kind)
            if not minutes:
                continue
            try:
                started += await _one(services, connection, kind, timedelta(minutes=minutes))
            except NeedsAuthorization as error:
                await services.needs_authorization(connection, error)
                break
            except SyncError as error:
                log.warning("delta import kind=%s code=%s", kind, error.code)
    return started


async def _one(services: Services, connection: Connection, kind: ImportKind, every: timedelta) -> bool:
    key = f"delta:{connection.id}:{kind}"
    noted = await services.store.notes.get(key)
    before = msgspec.convert(noted, Plan) if noted else Plan()
    plan = await _settle(services, before)
    now = datetime.now(UTC)
    started = False
    if not plan.job_id and is_due(plan.looked_at, every, now):
        plan = await _look(services, connection, kind, plan)
        plan = msgspec.structs.replace(plan, looked_at=now)
        started = bool(plan.job_id)
    if plan != before:
        await services.store.notes.put(key, msgspec.to_builtins(plan))
    if is_due(plan.swept_at, DAY, now):
        await note_deletions(services, connection, kind)
        plan = msgspec.structs.replace(plan, swept_at=now)
        await services.store.notes.put(key, msgspec.to_builtins(plan))
    return started


async def _settle(services: Services, plan: Plan) -> Plan:
    """Move the mark where the import that was started has succeeded; one that did not is repeated when due."""
    if not plan.job_id:
        return plan
    row = await services.store.jobs.get(plan.job_id)
    if row is not None and row.value.status not in ENDED:
        return plan
    succeeded = row is not None and row.value.status == "succeeded"
    return msgspec.structs.replace(
        plan, job_id="", next_mark=None, mark=plan.next_mark if succeeded else plan.mark
    )


async def _look(services: Services, connection: Connection, kind: ImportKind, plan: Plan) -> Plan:
    """Ask BC what changed, and start an import where anything did."""
    since = plan.mark.at - OVERLAP if plan.mark else await _first(services, connection, kind)
    stamps = await _stamps(services, connection, kind, since)
    known = plan.mark.seen if plan.mark else {}
    fresh = [
        name
        for name, stamp in stamps.items()
        if plan.mark is None or known.get(name) != (plan.mark.at - stamp) // _MICROSECOND
    ]
    if not fresh:
        return plan
    at = max([*stamps.values(), *([plan.mark.at] if plan.mark else [])])
    recent = sorted(stamps.items(), key=lambda pair: pair[1], reverse=True)[:MOST_SEEN]
    seen = {name: (at - stamp) // _MICROSECOND for name, stamp in recent if stamp >= at - OVERLAP}
    try:
        job = await start_import(services, connection, kind, ImportRequest(all=True, changed_since=since))
    except JobRunning:
        # Somebody is importing this kind by hand: it may have read BC before the change.
        return plan
    return msgspec.structs.replace(plan, job_id=job.id, next_mark=Mark(at, seen))


async def _first(services: Services, connection: Connection, kind: ImportKind) -> datetime:
    """Since when to look the first time: the last import of everything, else since the connection was made."""
    cursor = ""
    while True:
        page = await services.store.jobs.page(connection.id, limit=200, cursor=cursor)
        for job in page.items:
            if job.kind != kind or job.status != "succeeded":
                continue
            request = await load_request(services, job.id)
            if request.all and request.changed_since is None:
                return job.created_at - FIRST_LOOK_BACK
        if not page.next:
            return connection.created_at - FIRST_LOOK_BACK
        cursor = page.next


async def _stamps(
    services: Services, connection: Connection, kind: ImportKind, since: datetime
) -> dict[str, datetime]:
    """When each record that changed since was modified, by BC id; a row that moved while paging counts once."""
    params: Mapping[str, str] | None = {
        "$select": "id,lastModifiedDateTime",
        "$filter": f"lastModifiedDateTime ge {literal(since)}",
    }
    path, links, found = ENDPOINTS[kind], set[str](), dict[str, datetime]()
    for _ in range(MOST_PAGES):
        rows, following = await services.bc.page(connection, path, params=params)
        for row in rows:
            stamp = _time(row)
            # The filter is a hint: what BC gives beside it is left out.
            if stamp is not None and stamp >= since.replace(microsecond=since.microsecond // 1000 * 1000):
                found[text(row, "id").lower()] = stamp
        if not following or following in links:
            return found
        links.add(following)
        path, params = following, None
    raise Refused("bc_paging_loop", f"Business Central's list of {ENDPOINTS[kind]} does not end.")


def _time(row: Mapping[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(text(row, "lastModifiedDateTime")).astimezone(UTC)
    except ValueError:
        return None
