"""One push: read the newest Halo record, plan, write the intent, act, commit, write back, tell.

Every step may be the last before a crash. The order is what makes a repeat safe: nothing is sent to BC before the
intent is stored, a found intent is looked up before anything is repeated, an action that BC carried out is stored
with the link before Halo or the outcome learn of it, and the dirty row goes last.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from bc.entities.stamps import is_exact
from bc.entities.values import Record
from bc.errors import Conflict, Gone, Refused, Skip
from bc.model import Action, Connection, Dirty, Link, Outcome
from bc.store.rows import Row
from bc.sync.adapter import Adapter, Otherwise, Partly, Plan, Posts, Removed
from bc.sync.context import Push, current_push, utc_now
from bc.sync.intents import broken, commit, intend, reread, unless_deleted, withdraw
from bc.sync.outcomes import VERBS, outcome_of
from bc.sync.outcomes import record as keep
from bc.sync.push_delete import delete
from bc.sync.routing import check_takes

if TYPE_CHECKING:
    from bc.clients.business_central import BusinessCentral
    from bc.services import Services

ECHO_WINDOW = timedelta(minutes=2)
# A plan that goes in steps is done after two; the third is for somebody else's edit in between.
MOST_STEPS = 3


@dataclass(frozen=True, slots=True)
class Done:
    """The push has ended. `outcome` is None for an echo of our own write: nothing to tell."""

    outcome: Outcome | None


async def push_record(
    services: Services,
    bc: BusinessCentral,
    connection: Connection,
    dirty: Dirty,
    adapter: Adapter[Any],
    record: Record | None,
    *,
    links: Sequence[Row[Link]] | None = None,
    since: float = math.inf,
) -> Done:
    """Bring one record to BC. `record` is the Halo record as just read, None when Halo has it no more.

    `links`: all that the record has, where they were just read: should another one come up or change meanwhile, the
    ETag refuses the intent. `since`: links of what it refers to that were read then or later will do.

    Raises `SyncError`: what it means for the record is the caller's (`bc.sync.pump`).
    """
    push = Push(
        services=services,
        bc=bc,
        connection=connection,
        dirty=dirty,
        outcome_id=dirty.outcome_id or services.store.outcomes.new_id(utc_now()),
        started_at=utc_now(),
        record_name=adapter.name(record) if record else "",
        record=record,
        since=since,
    )
    current_push.set(push)
    if links is None:
        row = await services.store.links.get(connection.id, push.entity, push.halo_id)
    else:
        row = next((one for one in links if one.value.connection_id == connection.id), None)
    wants_delete = (
        record is None
        or adapter.is_void(record)
        or (dirty.operation == "delete" and dirty.source == "manual")
    )
    if record is None and dirty.operation != "delete":
        raise _not_in_halo(push)
    if wants_delete:
        if dirty.source != "manual":
            # What is switched off is left alone, drafts of deleted invoices too; a person's order stands.
            await check_takes(services, connection, push.entity)
        return Done(await delete(push, adapter, row))
    assert record is not None  # noqa: S101 - said above
    # Nothing says that Halo's posting moves its stamp.
    awaits = (
        row is not None and isinstance(adapter, Posts) and adapter.awaits_posting(push, record, row.value)
    )
    if row is not None and not awaits and is_known(dirty, row.value, adapter.stamp(record)):
        return Done(None)
    await check_takes(services, connection, push.entity)
    await adapter.check(push, record, row.value if row else None)
    return await _upsert(push, adapter, record, row)


def is_known(dirty: Dirty, link: Link, stamp: str) -> bool:
    """Whether an event tells of nothing but our own write (an import's too), or of a state that was pushed already.

    Only where Halo's stamp is fine enough to tell our write from an edit right after it, and nothing is left to do.
    """
    return (
        dirty.source in ("webhook", "sweep")
        and not dirty.outcome_id
        and link.exists
        and link.state == "ok"
        and link.intent is None
        and link.unreported == "none"
        and stamp == link.halo_stamp
        and is_exact(stamp)
    )


def _not_in_halo(push: Push) -> Refused:
    return Refused(
        "not_found_in_halo",
        f"Halo has no {push.entity} {push.halo_id}.",
        cure="Check the id. If it was deleted in Halo, sync it with the operation “delete”.",
    )


async def _upsert(push: Push, adapter: Adapter[Any], record: Record, row: Row[Link] | None) -> Done:
    try:
        return await _upserted(push, adapter, record, row)
    except Refused as error:
        if error.code != "invoice_posted" or not isinstance(adapter, Posts):
            raise
        links = push.services.store.links
        row = await links.get(push.connection.id, push.entity, push.halo_id)
        if row is None or not row.value.exists:
            raise
        if row.value.posted and row.value.halo_stamp and _is_echo(push, adapter, record, row.value):
            return Done(None)
        now = await _tell_posted(push, adapter, record, row)
        if row.value.posted:
            raise
    # Only BC's refusal said that it is posted: what was planned for a draft may be nothing to one that is.
    return await _upserted(push, adapter, record, now)


async def _tell_posted(push: Push, adapter: Posts, record: Record, row: Row[Link]) -> Row[Link]:
    """It is posted and may not change: bring that to Halo, and to what waits for it."""
    link = await adapter.tell_state(push, record, row.value)
    if link.unreported == "posted":
        # The refusal says so, under the same id.
        link = msgspec.structs.replace(link, unreported="none", unreported_id="")
    if link != row.value:
        row = await push.services.store.links.replace(link, row.etag)
    # Each time, for a crash may have come before it the last time.
    await push.services.cured(f"posted:{push.connection.id}:{push.halo_id}")
    return row


async def _upserted(push: Push, adapter: Adapter[Any], record: Record, row: Row[Link] | None) -> Done:
    row = await unless_deleted(push, row)
    plan: Plan = await adapter.prepare(push, record, row.value if row else None)
    intent = row.value.intent if row is not None else None
    interrupted, fresh, settled = intent is not None, False, True
    if row is None or not row.value.exists:
        found = await adapter.find(push, record, plan, row.value if row else None)
        if found:
            link, action = found
            row = await commit(push, row, link, action)
            plan, fresh = await adapter.prepare(push, record, row.value), True
    elif interrupted:
        # An update of unknown outcome: what BC holds now is the base, whatever we believed.
        held = await reread(push, adapter, plan, row)
        if held is None:
            return await _upserted(push, adapter, record, None)
        wanted, fresh = plan, True
        if held.posted and not row.value.posted:
            # First, for a posted invoice may refuse the plan, and its number must not be lost with that.
            row = await commit(push, row, held, "posted")
            plan = await adapter.prepare(push, record, held)
        else:
            plan = await adapter.prepare(push, record, held)
            # Nothing left of what was to be sent: the attempt that never answered has done it.
            done: Action = "updated" if wanted.action == "update" and plan.action == "none" else "none"
            row = await commit(push, row, held, done)
    for _ in range(MOST_STEPS):
        if plan.action == "none":
            settled = True
            break
        steps = plan.goes_in_steps
        row = await _act(push, adapter, record, plan, row, repeated=interrupted)
        fresh, settled = True, not steps
        if not steps:
            break
        plan = await adapter.prepare(push, record, row.value)
    refused = None
    if settled and row is not None and isinstance(adapter, Posts):
        again = intent is not None and intent.action == "post"
        row, refused = await _post(push, adapter, record, plan, row, fresh=fresh, repeated=again)
    return await _told(push, adapter, record, row, refused)


async def _post(
    push: Push,
    adapter: Adapter[Any],
    record: Record,
    plan: Plan,
    row: Row[Link],
    *,
    fresh: bool,
    repeated: bool,
) -> tuple[Row[Link], Refused | Conflict | None]:
    """Post the draft where that is due. What BC refuses is given back: the draft stands, and is told first."""
    assert isinstance(adapter, Posts)  # noqa: S101 - said by the caller
    links = push.services.store.links
    if not fresh and row.value.unposted_etag and _bears_our_stamp(push, adapter, record, row.value):
        # It was refused, and nothing has happened in Halo since but our own write.
        return row, None
    try:
        due = await adapter.due_to_post(push, record, plan, row.value, fresh=fresh)
    except Gone as error:
        raise await broken(push, row, error) from error
    if not due.now:
        if due.link.posted != row.value.posted:
            row = await commit(push, row, due.link, "posted")
        elif due.link != row.value:
            row = await links.replace(due.link, row.etag)
        return row, None
    row = await intend(push, plan, Row(due.link, row.etag), "post")
    try:
        link, did = await adapter.post(push, row.value, repeated=repeated)
    except Gone as error:
        raise await broken(push, row, error) from error
    except (Refused, Conflict) as error:
        return await links.replace(msgspec.structs.replace(row.value, intent=None), row.etag), error
    push.before_posting = row.value.unreported
    return await commit(push, row, link, did), None


async def _act(
    push: Push, adapter: Adapter[Any], record: Record, plan: Plan, row: Row[Link] | None, *, repeated: bool
) -> Row[Link]:
    for attempt in (1, 2):
        row = await intend(push, plan, row)
        try:
            if row.value.exists:
                link, did = await adapter.update(push, plan, row.value), "updated"
            else:
                link, did = await adapter.create(push, plan, row.value, repeated=repeated), "created"
        except (Conflict, Gone):
            # Somebody else changed it, or one of its lines is gone: compare with what stands there now.
            again = attempt == 1 and row.value.exists
            held = await reread(push, adapter, plan, row) if again else None
            if held is None:
                raise
            row = await commit(push, row, held, "none")
            plan = await adapter.prepare(push, record, row.value)
            if plan.action == "none":
                return row
        except Removed:
            await push.services.store.links.delete(row.value, row.etag)
            raise
        except Otherwise:
            plan = await adapter.prepare(push, record, row.value)
        except Partly:
            raise
        except (Refused, Skip):
            if row.value.exists or not repeated:
                await withdraw(push, row)
            # Else an earlier create may still be under way: the intent stays, so that the next try looks again.
            raise
        else:
            return await commit(push, row, link, "updated" if did == "updated" else "created")
    raise AssertionError("unreachable")


async def _told(
    push: Push,
    adapter: Adapter[Any],
    record: Record,
    row: Row[Link] | None,
    refused: Refused | Conflict | None,
) -> Done:
    """Write to Halo, keep the outcome, and close the link's books on this push. `refused`: BC would not post it."""
    assert row is not None  # noqa: S101 - an upsert that ends here has a link
    link = row.value
    stamp = await _written_back(push, adapter, record, link)
    # The action of this attempt, or of one that died before it could tell.
    action = link.unreported
    push.outcome_id = push.dirty.outcome_id or link.unreported_id or push.outcome_id
    silent = not refused and action == "none" and stamp is None and _is_echo(push, adapter, record, link)
    outcome = None if silent else _outcome(push, link, action, refused)
    if outcome:
        await keep(push.services, outcome)
        # Before the books are closed: what waits for this link must not be forgotten by a crash.
        await push.services.pushed(outcome)
    seen = adapter.stamp(record) if stamp is None else stamp
    window = utc_now() + ECHO_WINDOW if stamp is not None else link.echo_until
    told = msgspec.structs.replace(
        link,
        unreported="none",
        unreported_id="",
        halo_stamp=seen,
        echo_until=window,
        offered=push.offered or link.offered,
    )
    if told != link:
        await push.services.store.links.replace(told, row.etag)
    if stamp:
        push.services.halo_reads.wrote(push.entity, push.halo_id, stamp, record)
    return Done(outcome)


async def _written_back(push: Push, adapter: Adapter[Any], record: Record, link: Link) -> str | None:
    """As `Adapter.write_back`. Halo refuses what names a line, or a record, that somebody removed during the push."""
    try:
        return await adapter.write_back(push, record, link)
    except Refused:
        now = await adapter.read(push.services, push.halo_id)
        if now is not None and adapter.stamp(now) == adapter.stamp(record):
            raise
        if now is not None:
            await adapter.write_back(push, now, link)
        # Unknown: what was changed meanwhile is still to be pushed, and its time must not pass for our own write's.
        return ""


def _is_echo(push: Push, adapter: Adapter[Any], record: Record, link: Link) -> bool:
    """Whether the event can only be our own write coming back, or a change that was pushed already (F85, F3)."""
    if push.dirty.source not in ("webhook", "sweep"):
        return False
    if link.halo_stamp:
        return _bears_our_stamp(push, adapter, record, link)
    return link.echo_until is not None and utc_now() < link.echo_until


def _bears_our_stamp(push: Push, adapter: Adapter[Any], record: Record, link: Link) -> bool:
    return push.dirty.source in ("webhook", "sweep") and adapter.stamp(record) == link.halo_stamp


def _outcome(push: Push, link: Link, action: Action, refused: Refused | Conflict | None) -> Outcome:
    name = f"{push.word.capitalize()} {push.record_name}"
    if refused is not None:
        return outcome_of(
            push, "failed", action, link=link, at=utc_now(), error=_not_posted(name, link, action, refused)
        )
    verb = VERBS.get(action, "is the same in Business Central; nothing was sent")
    if action == "posted" and push.before_posting in ("created", "updated", "adopted"):
        verb = f"was {push.before_posting} and posted in Business Central"
    number = f" as {link.bc_number}" if action in ("created", "adopted", "posted") and link.bc_number else ""
    return outcome_of(
        push,
        "unchanged" if action == "none" else "synced",
        action,
        link=link,
        at=utc_now(),
        message=f"{name} {verb}{number}.",
    )


def _not_posted(name: str, link: Link, action: Action, refused: Refused | Conflict) -> Refused:
    """What became of the draft before BC refused to post it, and why it did."""
    verb = VERBS.get(action, "is a draft in Business Central")
    return Refused(
        refused.code,
        f"{name} {verb} as {link.bc_number} and was not posted: {refused.message}",
        cure=refused.cure,
        correlation_id=refused.correlation_id,
        status=refused.status,
        remote_code=refused.remote_code,
    )
