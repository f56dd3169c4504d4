"""Everything that says "this record changed" ends here: a message becomes a dirty row and a wake-up."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from bc import telemetry
from bc.entities.values import is_halo_id
from bc.errors import SyncError
from bc.model import Outcome, Source, SyncMessage
from bc.store.records import each
from bc.sync.outcomes import record

if TYPE_CHECKING:
    from bc.services import Services

KEPT_TEXT = 8 * 1024
AHEAD_SECONDS = 2.0
# A copy that somebody puts back later is a new order.
MARKED_COUNTS = timedelta(hours=1)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


class QueuedChange(SyncMessage, frozen=True, kw_only=True):
    """Our own form of the message: `source` tells an echo from a person's order, `traceparent` follows the change.

    `marked_dirty`: the record's row was written before this was sent, so that no flood on the queue holds it up.
    Foreign producers may leave all three out.
    """

    source: Source = "queue"
    traceparent: str = ""
    marked_dirty: bool = False


class NotUnderstood(ValueError):
    """The text is no `entity-sync` message; `str()` says why."""


def parse(body: str | bytes) -> QueuedChange:
    """Read an `entity-sync` message. `halo_id` may be a number, a time without a zone is UTC. Raises `NotUnderstood` in words."""
    try:
        raw: Any = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise NotUnderstood(f"The message is not JSON: {error}.") from None
    if not isinstance(raw, dict):
        raise NotUnderstood("The message is not a JSON object.")
    if isinstance(raw.get("halo_id"), int) and not isinstance(raw["halo_id"], bool):
        raw["halo_id"] = str(raw["halo_id"])
    for name in ("requested_at", "source", "operation"):
        if raw.get(name) is None:
            raw.pop(name, None)
    raw["traceparent"] = telemetry.checked(raw.get("traceparent"))
    raw["marked_dirty"] = raw.get("marked_dirty") is True
    try:
        change = msgspec.convert(raw, QueuedChange)
    except msgspec.ValidationError as error:
        raise NotUnderstood(f"The message is not understood: {error}.") from None
    if not is_halo_id(change.halo_id):
        raise NotUnderstood("halo_id must be a positive whole number, without zeros before it.")
    if change.requested_at and change.requested_at.tzinfo is None:
        return msgspec.structs.replace(change, requested_at=change.requested_at.replace(tzinfo=UTC))
    return change


async def check_connection(services: Services, change: QueuedChange) -> None:
    """Raise `NotUnderstood` where the message names a connection that does not exist.

    Before it joins the row of a change that waits: that one would be led astray with it.
    """
    if change.connection_id and await services.store.connections.get(change.connection_id) is None:
        raise NotUnderstood(f"There is no connection {change.connection_id[:80]}.")


def was_marked(change: QueuedChange) -> bool:
    """Whether the sender has marked the record dirty already: the message is the one that is kept if it could not."""
    return (
        change.marked_dirty
        and change.requested_at is not None
        and datetime.now(UTC) - change.requested_at < MARKED_COUNTS
    )


async def take_ahead(services: Services, changes: list[QueuedChange]) -> list[QueuedChange]:
    """Mark records dirty before their messages are sent, which then say so.

    As they came where the tables do not answer in time: the messages alone keep a change as well.
    """
    try:
        async with asyncio.timeout(AHEAD_SECONDS):
            await each([(services, change) for change in changes], _mark)
            await services.wake()
    except (SyncError, TimeoutError):
        return changes
    return [msgspec.structs.replace(change, marked_dirty=True) for change in changes]


async def take(services: Services, change: QueuedChange, *, wake: bool = True) -> None:
    """Mark the record dirty and wake the pump."""
    await _mark(services, change)
    if wake:
        await services.wake()


async def _mark(services: Services, change: QueuedChange) -> None:
    now = datetime.now(UTC)
    requested = change.requested_at or now
    with telemetry.span(
        "change taken",
        parent=change.traceparent,
        entity=change.entity,
        halo_id=change.halo_id,
        source=change.source,
    ):
        await services.store.dirty.mark(
            change.entity,
            change.halo_id,
            operation=change.operation,
            source=change.source,
            # The operation asked for last wins: a sender whose clock is wrong must not win for ever.
            requested_at=min(max(requested, EARLIEST), now),
            connection_id=change.connection_id or None,
            traceparent=telemetry.traceparent() or change.traceparent,
        )


async def reject(
    services: Services, body: str | bytes, reason: str, message_id: str, at: datetime | None = None
) -> None:
    """Keep a message that cannot be understood as an open error that shows its text; the same message only once."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    moment = at or datetime.now(UTC)
    outcome = Outcome(
        id=services.store.outcomes.new_id(moment, message_id),
        connection_id=None,
        entity="message",
        halo_id="",
        status="failed",
        code="bad_message",
        message=reason,
        cure="Correct the sender, or dismiss this. Retry puts the text on the queue again as it was.",
        at=moment,
        attempts=1,
    )
    await record(services, outcome, text=text.encode()[:KEPT_TEXT].decode("utf-8", "ignore"))
