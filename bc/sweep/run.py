"""One sweep: what changed in Halo is queued, lost deletes are looked for, postings are brought back."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from bc.clients.halo import halo_time
from bc.errors import NeedsAuthorization, Refused, SyncError, Transient
from bc.imports.directory import each
from bc.jobs import jobs
from bc.jobs.keeper import LEASE_SECONDS, Keeper, LostLease
from bc.model import Connection, Entity, Job
from bc.sweep import changes, from_bc
from bc.sweep.changes import LISTS, Changed, ChangeList, Watermark
from bc.sweep.deleted_in_bc import note_deleted_drafts
from bc.sweep.due import is_due
from bc.sweep.lost_deletes import look_for_deletes
from bc.zero_tax.follow import is_on, written_stamp, zero_new

if TYPE_CHECKING:
    from bc.services import Services

log = logging.getLogger("bc.sweep")

JOB_KIND = "halo_sweep"
LEASE = "halo-sweep"
SCHEDULE = "sweep:schedule"
LAST = "sweep:last"
DAY = timedelta(hours=24)
HOUR = timedelta(hours=1)
MANY_PAGES = 20
# Of one sign-in fewer are asked at once where its places are taken.
COMPANIES_AT_ONCE = 8
# The first sweep looks back to when the first connection was made, and a little more for clocks that differ.
FIRST_LOOK_BACK = timedelta(minutes=15)
_BUSY = timedelta(seconds=5)


class Report(msgspec.Struct, frozen=True):
    """What a sweep did. `known` are changes that our own writes made or that were pushed already."""

    queued: int = 0
    known: int = 0
    deletes: int = 0
    held: int = 0
    postings: int = 0
    words: tuple[str, ...] = ()

    def sentence(self) -> str:
        parts = [
            f"{number} {word}"
            for number, word in (
                (self.queued, "changed records queued"),
                (self.deletes, "deletes queued"),
                (self.postings, "invoices brought back from Business Central"),
            )
            if number
        ]
        return " ".join([f"{', '.join(parts) or 'Nothing changed'}.", *self.words])


class SweepRunner:
    """`POST /api/halo/sweep`: a sweep that a person asked for, lost deletes included."""

    noun = "sweep of Halo"

    async def work(self, services: Services, job: Job, keeper: Keeper) -> bool:
        await jobs.show(services, job.id, jobs.Counts(), total=None)
        report = await sweep(services, deletes=True)
        done = report.queued + report.deletes + report.postings
        counts = jobs.Counts(done=done, updated=done, skipped=report.held)
        await jobs.show(services, job.id, counts, total=done)
        await jobs.finish(services, job, "succeeded", report.sentence())
        return False


async def sweep_when_due(services: Services) -> Report | None:
    """The timer's call, each minute; None where it is not time yet, or another worker is at it."""
    minutes = services.settings.halo.sweep_minutes
    if not minutes or not services.settings.halo.configured:
        return None
    now = datetime.now(UTC)
    schedule = await services.store.notes.get(SCHEDULE) or {}
    last = schedule.get("at") or await _connected_at(services)
    if not last or not _due(last, timedelta(minutes=minutes), now):
        return None
    deletes = _due(schedule.get("deletes_at"), DAY, now)
    await services.store.notes.put(SCHEDULE, {**schedule, "at": now.isoformat()})
    try:
        report = await sweep(services, deletes=deletes)
    except SyncError as error:
        # The watermark stays where it was: the next sweep catches up (F88).
        log.warning("the sweep of Halo stopped code=%s", error.code)
        return None
    except LostLease:
        log.warning("the sweep of Halo lost its lease; the next one repeats what it did not note")
        return None
    if deletes:
        await services.store.notes.put(SCHEDULE, {"at": now.isoformat(), "deletes_at": now.isoformat()})
        await _deleted_drafts(services)
    log.info(
        "sweep queued=%d known=%d deletes=%d held=%d postings=%d",
        report.queued,
        report.known,
        report.deletes,
        report.held,
        report.postings,
    )
    return report


async def _connected_at(services: Services) -> str:
    """When the first connection was made, from which the first sweep is counted; "" while there is none."""
    made = [one.created_at for one in await services.store.connections.list() if one.company_id]
    return min(made).isoformat() if made else ""


def _due(last: str | None, every: timedelta, now: datetime) -> bool:
    return last is None or is_due(datetime.fromisoformat(last), every, now)


async def sweep(services: Services, *, deletes: bool) -> Report:
    """Look once at everything, one worker at a time. Raises `Transient` where Halo cannot be read, or is being read."""
    lease = await services.store.leases.acquire(LEASE, uuid.uuid4().hex, LEASE_SECONDS)
    if lease is None:
        raise Transient("sweep_running", "Another sweep of Halo is under way.", retry_after=_BUSY)
    keeper = Keeper(services, lease)
    try:
        connections = [one for one in await services.store.connections.list() if one.company_id]
        report = await _sweep(services, connections, keeper, deletes=deletes) if connections else Report()
    except SyncError as error:
        await _note_end(services, ok=False, detail=error.message)
        raise
    finally:
        await keeper.close()
    await _note_end(services, ok=True, detail=report.sentence())
    return report


async def _note_end(services: Services, *, ok: bool, detail: str) -> None:
    """How the last sweep ended, for the console's home."""
    await services.store.notes.put(LAST, {"at": datetime.now(UTC), "ok": ok, "detail": detail})


async def _sweep(
    services: Services, connections: Sequence[Connection], keeper: Keeper, *, deletes: bool
) -> Report:
    zone = zone_of(connections)
    zeroing = await is_on(services)
    synced = {entity for connection in connections for entity in connection.settings.sync_entities}
    wanted = synced | ({"customer", "product"} if zeroing else set())
    queued, known, words = 0, 0, list[str]()
    marked: set[tuple[Entity, str]] = set()
    for listed in LISTS:
        if listed.entity not in wanted:
            continue
        first = min(connection.created_at for connection in connections) - FIRST_LOOK_BACK
        key = changes.note_key(listed)
        mark = changes.decode_mark(await services.store.notes.get(key))
        if not deletes and _costly(mark) and not await _rested(services, key):
            continue
        try:
            reading = await changes.read_changes(
                services.halo, listed, mark, first=first, zone=zone, now=datetime.now(UTC)
            )
        except Refused as refused:
            words.append(f"{listed.resource}: {refused.message}")
            continue
        keeper.check()
        if listed.entity in synced:
            fresh, echoes = await _queue(services, listed, reading.changed, marked, zone)
            queued, known = queued + fresh, known + echoes
        if zeroing and listed.resource in ("Client", "Item"):
            await zero_new(services, listed.entity, [change.halo_id for change in reading.changed])
        # The mark moves last: killed before, the same records are queued once more, which costs nothing.
        await services.store.notes.put(key, msgspec.to_builtins(reading.mark))
    gone = None
    if deletes and "invoice" in synced:
        gone = await look_for_deletes(services, connections)
        words += [gone.words] if gone.words else []
    if queued or (gone and gone.queued):
        await services.wake()
    postings = await _postings(services, connections, words)
    return Report(
        queued=queued,
        known=known,
        deletes=gone.queued if gone else 0,
        held=gone.held if gone else 0,
        postings=postings,
        words=tuple(words),
    )


def _costly(mark: Watermark) -> bool:
    """A long list that Halo does not order must be read whole, which uses up its calls."""
    return not mark.ordered and mark.pages > MANY_PAGES


async def _rested(services: Services, key: str) -> bool:
    """Whether such a list was last read long enough ago; notes that it is read now."""
    note, now = f"{key}:whole", datetime.now(UTC)
    last = await services.store.notes.get(note)
    if not _due(last, HOUR, now):
        return False
    await services.store.notes.put(note, now.isoformat())
    return True


async def _queue(
    services: Services,
    listed: ChangeList,
    changed: Sequence[Changed],
    marked: set[tuple[Entity, str]],
    zone: tzinfo | None,
) -> tuple[int, int]:
    """Mark what changed as dirty; how many were, and how many changes we knew."""
    queued = known = 0
    for change in changed:
        if (listed.entity, change.halo_id) in marked:
            continue
        if await _is_known(services, listed, change, zone or UTC):
            known += 1
            continue
        marked.add((listed.entity, change.halo_id))
        await services.store.dirty.mark(
            listed.entity, change.halo_id, source="sweep", requested_at=datetime.now(UTC)
        )
        queued += 1
    return queued, known


async def _is_known(services: Services, listed: ChangeList, change: Changed, zone: tzinfo) -> bool:
    """Whether the record bears the stamp of our own last write, or of the state that was pushed last (F85)."""
    for link in await services.store.links.by_halo_id(listed.entity, change.halo_id):
        if changes.stamps_of_link(link.halo_stamp, listed, zone) == change.stamp:
            return True
    if listed.resource in ("Client", "Item"):
        written = await written_stamp(services, listed.entity, change.halo_id)
        return bool(written) and halo_time(written, zone) == change.stamp
    return False


async def _postings(services: Services, connections: Sequence[Connection], words: list[str]) -> int:
    """Ask each company; one that cannot answer does not hold up the others."""
    brought: list[int] = []

    async def ask(connection: Connection) -> None:
        try:
            brought.append(await from_bc.bring_postings(services, connection))
        except NeedsAuthorization as error:
            await services.needs_authorization(connection, error)
            words.append(from_bc.in_words(connection, error))
        except SyncError as error:
            words.append(from_bc.in_words(connection, error))

    await each([one for one in connections if from_bc.asked(one)], ask, width=COMPANIES_AT_ONCE)
    return sum(brought)


async def _deleted_drafts(services: Services) -> None:
    """Once a day: drafts that somebody deleted in Business Central. A company that cannot answer has its turn tomorrow."""
    for connection in await services.store.connections.list():
        if not from_bc.asked(connection):
            continue
        try:
            await note_deleted_drafts(services, connection)
        except NeedsAuthorization as error:
            await services.needs_authorization(connection, error)
        except SyncError as error:
            log.warning("deleted drafts were not looked for code=%s", error.code)


def zone_of(connections: Sequence[Connection]) -> tzinfo | None:
    """The zone of Halo's times as an admin stated it; None where nobody did."""
    for connection in sorted(connections, key=lambda one: not one.is_default):
        name = connection.settings.halo_conventions.time_zone
        if name:
            return ZoneInfo(name)
    return None
