"""One dirty row from start to end: route it, push it, tell what became of it, and let it go or wait."""

from __future__ import annotations

import logging
import math
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from bc import telemetry
from bc.clients.business_central import count_requests, requests_made
from bc.errors import CompanyGone, NeedsAuthorization, Refused, Skip, SyncError, Throttled, Transient
from bc.model import Connection, Dirty, Entity, Link, Outcome
from bc.store.rows import Row, Stale
from bc.sync import breaker_notes, retry
from bc.sync.breaker_notes import breaker_of
from bc.sync.context import LostLease, Push, current_push, utc_now
from bc.sync.foresee import foreseen
from bc.sync.intents import told_apart
from bc.sync.outcomes import outcome_of, record, status_of, unrouted, wait_for_cure
from bc.sync.patience import for_a_person
from bc.sync.permits import last_asked
from bc.sync.push import Done, push_record
from bc.sync.registry import ADAPTERS
from bc.sync.routing import (
    Paused,
    check_open,
    connection_of,
    is_elsewhere,
    known_connection,
    moved_connection,
)
from bc.sync.tell_halo import note_failure

if TYPE_CHECKING:
    from bc.services import Services

log = logging.getLogger("bc.push")

# A push that ends in an error of ours is not repeated for ever.
MAX_INTERNAL_ERRORS = 5
# Records of a connection that is paused or cannot sign in are queued by its cure; this is only the safety net.
WAIT_FOR_PERSON = timedelta(minutes=15)
WAITS = {
    "paused": WAIT_FOR_PERSON,
    "needs_authorization": WAIT_FOR_PERSON,
    CompanyGone.CODE: timedelta(minutes=1),
}
FEW_ORDERS = 20
_REPORT = "It is tried again by itself. If it stays, report it with the time: the log has the details."


class _DeletedBefore(Exception):
    """A delete that was carried out and told already: its message came twice, or its end was cut short."""


async def push_row(
    services: Services, row: Row[Dirty], connections: list[Connection], seen: float | None = None
) -> None:
    """Push one record. Ends with the row gone, moved to a later time, or left for a newer change; never raises.

    `seen`: when the row was read (monotonic seconds), so that what was read for others since then may serve.
    """
    dirty = row.value
    async with services.lane(dirty.entity, dirty.halo_id), services.halo_writes.push():
        with count_requests(), _in_whose_name(services, dirty), _traced(dirty):
            try:
                await _push(services, row, connections, seen)
            except LostLease:
                log.warning(
                    "the pump's lease was lost; %s %s stays for the next", dirty.entity, dirty.halo_id
                )
            except Stale:
                # Another worker wrote the link meanwhile: read everything again, soon.
                await _wait(services, row, timedelta(seconds=1), dirty)


def _traced(dirty: Dirty) -> AbstractContextManager[object]:
    return telemetry.span(
        "push",
        parent=dirty.traceparent,
        entity=dirty.entity,
        halo_id=dirty.halo_id,
        source=dirty.source,
        tries_before=dirty.attempts,
    )


def _in_whose_name(services: Services, dirty: Dirty) -> AbstractContextManager[None]:
    """A person's order goes before a flood, unless it is one."""
    ordered = dirty.source == "manual" and services.orders <= FEW_ORDERS
    return for_a_person() if ordered else nullcontext()


async def let_go(services: Services, row: Row[Dirty]) -> None:
    """The row tells of nothing but our own write: it goes, unless the record changed since."""
    await _finish(services, row, Done(None))


async def _push(
    services: Services, row: Row[Dirty], connections: list[Connection], seen: float | None
) -> None:
    token, asked = current_push.set(None), last_asked.set([])
    try:
        await _route_and_push(services, row, connections, seen)
    except (LostLease, Stale):
        raise
    except Exception:
        # Whatever it was, the change must not be lost with it.
        log.exception("push ended unexpectedly: %s %s", row.value.entity, row.value.halo_id)
        await _unexpected(services, row)
    finally:
        current_push.reset(token)
        last_asked.reset(asked)


async def _route_and_push(
    services: Services, row: Row[Dirty], connections: list[Connection], seen: float | None
) -> None:
    dirty, adapter = row.value, ADAPTERS[row.value.entity]
    connection: Connection | None = None
    admitted: Connection | None = None
    trouble: SyncError | None = None
    since = math.inf if seen is None else seen
    try:
        known = await known_connection(services, dirty, connections, since)
        connection = known.connection
        if connection is not None:
            admitted = await _admit(services, connection)
        # Halo is read once the row is in hand: an edit made later moves the generation and comes again.
        halo_record = services.halo_reads.take(row, seen) or await adapter.read(services, dirty.halo_id)
        if connection is None:
            if halo_record is None:
                raise await _unknown_in_halo(services, dirty)
            connection = await connection_of(services, dirty, halo_record, connections, since)
            admitted = await _admit(services, connection)
        elif halo_record is not None:
            moved = await moved_connection(services, dirty, halo_record, connection, connections)
            if moved is not connection:
                connection = moved
                admitted = await _admit(services, connection)
        done = await push_record(
            services,
            services.pump_bc,
            connection,
            dirty,
            adapter,
            halo_record,
            links=known.links,
            since=since,
        )
    except _DeletedBefore:
        await _finish(services, row, Done(None))
    except SyncError as error:
        trouble = error
        await _ended_badly(services, row, connection, error)
    else:
        await _finish(services, row, done)
    finally:
        if admitted is not None:
            asked_bc = requests_made() > 0 or isinstance(trouble, (Transient, NeedsAuthorization))
            asked = asked_bc and not _is_halos(trouble)
            await breaker_notes.ended(services, admitted, trouble, asked=asked)


async def push_first(services: Services, push: Push, entity: Entity, halo_id: str) -> Link | None:
    """Push a record that another one needs, now, and return its link; None when it was skipped or failed.

    Its own outcome tells why; transient trouble is raised, since it holds up the other record too.
    In a dry run nothing is sent: see `foresee`.
    """
    if push.dry_run:
        return await foreseen(services, push, entity, halo_id)
    async with services.lane(entity, halo_id):
        row = await services.store.links.get(push.connection.id, entity, halo_id)
        if row and row.value.exists:
            return row.value
        dirty = Dirty(
            entity=entity,
            halo_id=halo_id,
            requested_at=utc_now(),
            first_requested_at=utc_now(),
            source=push.dirty.source,
            connection_id=push.connection.id,
        )
        token = current_push.set(None)
        try:
            adapter = ADAPTERS[entity]
            halo_record = await adapter.read(services, halo_id)
            if halo_record is not None and is_elsewhere(halo_record, push.connection):
                return None
            await push_record(services, push.bc, push.connection, dirty, adapter, halo_record)
        except CompanyGone:
            raise
        except (Refused, Skip) as error:
            await _tell(services, dirty, push.connection, error)
            return None
        finally:
            current_push.reset(token)
        row = await services.store.links.get(push.connection.id, entity, halo_id)
        return row.value if row and row.value.exists else None


async def _unknown_in_halo(services: Services, dirty: Dirty) -> Exception:
    if dirty.operation == "delete":
        told = await services.store.outcomes.page(entity=dirty.entity, halo_id=dirty.halo_id, limit=1)
        if told.items and told.items[0].action in ("deleted", "unlinked"):
            return _DeletedBefore()
        return Skip(
            "not_linked",
            f"The deleted {dirty.entity} {dirty.halo_id} is not linked to anything in Business Central.",
        )
    return Refused(
        "not_found_in_halo",
        f"Halo has no {dirty.entity} {dirty.halo_id}.",
        cure="Check the id; if it was deleted in Halo there is nothing to do: dismiss this.",
    )


async def _admit(services: Services, connection: Connection) -> Connection:
    """The connection, if it takes a push now. Raises what keeps it from that."""
    check_open(connection)
    services.permits.check_rest(connection)
    breaker = breaker_of(services, connection)
    if not breaker.allows() and not await breaker_notes.was_closed(services, connection):
        last = breaker.last
        raise Paused(
            last.code if last else "bc_unavailable",
            last.message if last else "Business Central does not answer.",
            cure=last.cure if last else "",
            retry_after=timedelta(seconds=breaker.opens_in() + 1),
        )
    return connection


async def _finish(services: Services, row: Row[Dirty], done: Done) -> None:
    """The push is over: the row goes, unless the record changed since (then it is pushed once more)."""
    try:
        await services.store.dirty.delete(row.value, row.etag)
    except Stale:
        log.debug("%s %s changed while being pushed", row.value.entity, row.value.halo_id)
    outcome = done.outcome
    if outcome is None:
        telemetry.note(status="echo")
        return
    seconds = max(0.0, (utc_now() - row.value.first_requested_at).total_seconds())
    log.info(
        "outcome entity=%s halo_id=%s status=%s action=%s code=%s requests=%d seconds=%.1f",
        outcome.entity,
        outcome.halo_id,
        outcome.status,
        outcome.action,
        outcome.code,
        outcome.requests,
        seconds,
    )
    _note(outcome)
    telemetry.measure("push", seconds, entity=outcome.entity, status=outcome.status, code=outcome.code)


def _note(outcome: Outcome) -> None:
    telemetry.note(
        status=outcome.status,
        action=outcome.action,
        code=outcome.code,
        requests=outcome.requests,
        connection_id=outcome.connection_id or "",
        bc_id=outcome.bc_id or "",
        outcome_id=outcome.id,
        bc__correlation_id=outcome.correlation_id,
    )


def _is_halos(error: SyncError | None) -> bool:
    """Whether the trouble is Halo's: it says nothing about the connection to Business Central."""
    if error is None:
        return False
    return error.code.startswith("halo_") or (error.code == "throttled" and last_asked.get() == ["halo"])


async def _ended_badly(
    services: Services, row: Row[Dirty], connection: Connection | None, error: SyncError
) -> None:
    if connection is not None and not _is_halos(error):
        if isinstance(error, Throttled) and error.retry_after:
            services.permits.rest(connection, error.retry_after)
        if error.status == 503:
            services.permits.slow_down(connection)
    if isinstance(error, NeedsAuthorization) and connection is not None:
        await services.needs_authorization(connection, error)
    if isinstance(error, CompanyGone) and connection is not None:
        await services.company_gone(connection, error)
    if status_of(error) == "retrying":
        await _later(services, row, error, connection)
    else:
        await _finish(services, row, Done(await _tell(services, row.value, connection, error)))


async def _tell(services: Services, dirty: Dirty, connection: Connection | None, error: SyncError) -> Outcome:
    push = current_push.get()
    if push is not None:
        await told_apart(push)
    outcome = await _outcome(services, dirty, connection, error)
    await _keep(services, outcome, error)
    if push is not None and outcome.status == "failed":
        await note_failure(push, outcome)
    return outcome


async def _outcome(
    services: Services, dirty: Dirty, connection: Connection | None, error: SyncError
) -> Outcome:
    push = current_push.get()
    if push is not None:
        link = await services.store.links.get(push.connection.id, dirty.entity, dirty.halo_id)
        outcome = outcome_of(
            push, status_of(error), "none", link=link.value if link else None, at=utc_now(), error=error
        )
    else:
        outcome_id = dirty.outcome_id or services.store.outcomes.new_id(utc_now())
        outcome = unrouted(
            services, outcome_id, dirty.entity, dirty.halo_id, dirty.operation, error, utc_now()
        )
        if connection is not None:
            outcome = msgspec.structs.replace(outcome, connection_id=connection.id)
    return msgspec.structs.replace(outcome, status=status_of(error), attempts=dirty.attempts + 1)


async def _keep(services: Services, outcome: Outcome, error: SyncError) -> None:
    await record(services, outcome)
    await wait_for_cure(services, outcome, error.dependencies)


async def _later(
    services: Services, row: Row[Dirty], error: SyncError, connection: Connection | None
) -> None:
    """Wait and try again; the outcome says why it waits."""
    dirty = row.value
    outcome = await _outcome(services, dirty, connection, error)
    wait = retry.delay(error, dirty.attempts + 1)
    wait = max(wait, WAITS.get(error.code, wait))
    changed = msgspec.structs.replace(
        dirty,
        attempts=dirty.attempts + 1,
        outcome_id=outcome.id,
        last_code=error.code,
        routed_to=connection.id if connection else dirty.routed_to,
    )
    if dirty.last_code != error.code:
        # Once for each cause: a thousand rows that wait for one company would fill the log again and again.
        log.info(
            "waiting entity=%s halo_id=%s code=%s connection_id=%s wait_s=%d",
            dirty.entity,
            dirty.halo_id,
            error.code,
            changed.routed_to,
            wait.total_seconds(),
        )
    _note(outcome)
    # The row first: an outcome that no row knows would say "retrying" for ever.
    if await _wait(services, row, wait, changed) or dirty.outcome_id:
        await _keep(services, outcome, error)


async def _unexpected(services: Services, row: Row[Dirty]) -> None:
    """An error that is none of the family: try again a few times, then keep it as failed."""
    words = "The push ended unexpectedly."
    if row.value.attempts + 1 < MAX_INTERNAL_ERRORS:
        await _later(services, row, Transient("internal_error", words, cure=_REPORT), None)
        return
    error = Refused(
        "internal_error", words, cure="Report it with the time: the log has the details. Then retry."
    )
    await _finish(services, row, Done(await _tell(services, row.value, None, error)))


async def _wait(services: Services, row: Row[Dirty], wait: timedelta, changed: Dirty) -> bool:
    """Let the row wait; False where the record changed meanwhile: then it is pushed again at once."""
    try:
        await services.store.dirty.replace(
            msgspec.structs.replace(changed, not_before=utc_now() + wait), row.etag
        )
    except Stale:
        log.debug("%s %s changed while waiting", changed.entity, changed.halo_id)
        return False
    return True
