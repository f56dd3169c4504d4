"""Halo's calls: its webhook, and the button or automation that syncs one record now. The function key is the gate."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, get_args

import azure.functions as func
import msgspec

from bc import telemetry
from bc.entities.values import is_halo_id
from bc.errors import SyncError
from bc.functions.http import Answer, Request, Route, Router, json_answer
from bc.functions.problems import Problem, invalid
from bc.model import Entity, Operation, Outcome
from bc.status.events import EventNote
from bc.sync.events import Change, NoInterest, Unknown, read_event
from bc.sync.intake import QueuedChange, take, take_ahead

if TYPE_CHECKING:
    from bc.services import Services

MAX_DELIVERY = 1024 * 1024
LONGEST_WAIT = 30.0
FINAL = ("synced", "unchanged", "skipped", "failed")
blueprint = func.Blueprint()
_event_note = EventNote()


@blueprint.function_name("halo_events")
@blueprint.route("halo/events", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
async def halo_events(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    with telemetry.called_by(context.trace_context.trace_parent):
        return await _router.serve(req)


@blueprint.function_name("halo_sync")
@blueprint.route("halo/sync/{entity}/{halo_id}", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
async def halo_sync(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    with telemetry.called_by(context.trace_context.trace_parent):
        return await _router.serve(req)


async def events(services: Services, request: Request) -> Answer:
    """Turn a delivery into queue messages; nothing is synced inside the call."""
    entity, operation = _said(request)
    try:
        body: Any = msgspec.json.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem(400, "not_understood", "The body is not JSON.") from None
    if isinstance(body, list):
        readings = [read_event(one, entity=entity, operation=operation) for one in body]
    else:
        readings = [read_event(body, entity=entity, operation=operation)]
    # What is said again of a record counts where it is said last.
    changes = list(dict.fromkeys(reading for reading in reversed(readings) if isinstance(reading, Change)))[
        ::-1
    ]
    unknown = [reading for reading in readings if isinstance(reading, Unknown)]
    if not readings:
        return json_answer({"queued": 0, "reason": "The array is empty."})
    if not changes and unknown:
        raise Problem(400, "not_understood", unknown[0].reason)
    if not changes:
        reason = next(reading.reason for reading in readings if isinstance(reading, NoInterest))
        return json_answer({"queued": 0, "reason": reason})
    with telemetry.span("halo event", changes=len(changes)):
        await _queue(services, changes)
    await _event_note.arrived(services.store)
    answer: dict[str, Any] = {"queued": len(changes)}
    if isinstance(body, list):
        answer["ignored"] = len(unknown)
    return json_answer(answer, 202)


async def _queue(services: Services, changes: list[Change]) -> None:
    now = datetime.now(UTC)
    noted = [
        QueuedChange(
            entity=change.entity,
            halo_id=change.halo_id,
            operation=change.operation,
            # Of one record the last in a delivery wins, in whatever order the queue gives the messages out.
            requested_at=now - timedelta(microseconds=len(changes) - place),
            source="webhook",
            traceparent=telemetry.traceparent(),
        )
        for place, change in enumerate(changes)
    ]
    noted = await take_ahead(services, noted)
    try:
        await services.store.queues.send_many("entity-sync", map(msgspec.json.encode, noted))
    except SyncError:
        raise Problem(
            503,
            "queue_unavailable",
            "The queue cannot take the message now. Send it again; the sweep finds the change anyhow.",
            headers=[("Retry-After", "10")],
        ) from None


def _said(request: Request) -> tuple[Entity | None, Operation | None]:
    """What the webhook's own address says of its deliveries."""
    entity, operation = request.param("entity").lower(), request.param("operation").lower()
    if entity and entity not in get_args(Entity):
        raise Problem(400, "not_understood", "entity must be customer, product or invoice.")
    if operation and operation not in get_args(Operation):
        raise Problem(400, "not_understood", "operation must be upsert or delete.")
    return (entity or None), (operation or None)  # type: ignore[return-value]  # checked above


async def sync_now(services: Services, request: Request) -> Answer:
    """Sync one record; with `?wait=SECONDS` answer what became of it, in one line for an agent."""
    entity, halo_id = request.args["entity"].lower(), request.args["halo_id"]
    if entity not in get_args(Entity):
        raise invalid(("entity", "Expected customer, product or invoice."))
    if not is_halo_id(halo_id):
        raise invalid(("halo_id", "Expected Halo's id, a positive whole number."))
    wait = _wait_of(request)
    started = datetime.now(UTC)
    change = QueuedChange(entity=entity, halo_id=halo_id, requested_at=started, source="manual")  # type: ignore[arg-type]  # checked above
    try:
        await take(services, change)
    except SyncError as error:
        raise Problem(503, "queue_unavailable", error.message, headers=[("Retry-After", "10")]) from None
    outcome = await _final(services, entity, halo_id, started, wait) if wait else None
    if outcome:
        return json_answer({"outcome": outcome, "message": one_line(outcome)})
    url = f"{services.settings.public_url}/console/{entity}/{halo_id}"
    message = f"{entity.capitalize()} {halo_id} is queued; its outcome will be at {url}"
    return json_answer({"queued": 1, "outcome_url": url, "message": message}, 202)


def _wait_of(request: Request) -> float:
    text = request.param("wait")
    if not text:
        return 0.0
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_WAIT:
        raise invalid(("wait", "Expected seconds from 0 to 30."))
    return seconds


async def _final(
    services: Services, entity: str, halo_id: str, since: datetime, wait: float
) -> Outcome | None:
    """The end of the push asked for at `since`, if it comes within `wait` seconds."""
    ends = time.monotonic() + wait
    while True:
        page = await services.store.outcomes.page(entity=entity, halo_id=halo_id, limit=1)
        if page.items and page.items[0].at >= since and page.items[0].status in FINAL:
            return page.items[0]
        if time.monotonic() >= ends:
            return None
        await asyncio.sleep(min(0.3, max(0.0, ends - time.monotonic())))


def one_line(outcome: Outcome) -> str:
    """The outcome as one line fit to show to an agent."""
    return " ".join(f"{outcome.message} {outcome.cure}".split())


_router = Router(
    (
        Route("POST", "/halo/events", events, auth="none", max_body=MAX_DELIVERY),
        Route("POST", "/halo/sync/{entity}/{halo_id}", sync_now, auth="none"),
    ),
    guard=lambda services, request: None,
)
