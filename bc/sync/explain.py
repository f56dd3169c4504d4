"""Explain: the real path of a push with the last step left out. Reads, writes nothing anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from bc.clients.business_central import count_requests
from bc.entities.values import Record
from bc.errors import Gone, Refused, Skip, SyncError, Throttled
from bc.model import Connection, Dirty, Entity, Link
from bc.sync.adapter import Adapter, Due, Posts
from bc.sync.context import Push, utc_now
from bc.sync.intents import ENDS_A_LINK, gone
from bc.sync.registry import ADAPTERS
from bc.sync.routing import check_open, check_takes, connection_of, known_connection, moved_connection

if TYPE_CHECKING:
    from bc.services import Services

_VERDICTS = {"create": "would_create", "update": "would_update", "none": "unchanged"}


class Step(msgspec.Struct, omit_defaults=True):
    rule: str
    ok: bool
    detail: str
    cure: str | None = None


class Explanation(msgspec.Struct):
    verdict: str
    steps: list[Step]
    requests: list[dict[str, Any]] = []


async def explain(services: Services, entity: Entity, halo_id: str, connection_id: str | None) -> Explanation:
    """Each rule in order up to the first that fails, and the requests that would be sent."""
    steps: list[Step] = []
    with count_requests():
        try:
            return await _explain(services, entity, halo_id, connection_id, steps)
        except Throttled:
            raise  # says nothing about the record: the page tells when to ask again
        except SyncError as error:
            verdict = "would_skip" if isinstance(error, Skip) else "would_fail"
            steps.append(Step(error.code, False, error.message, error.advice or None))
            return Explanation(verdict, steps)


async def _explain(
    services: Services, entity: Entity, halo_id: str, connection_id: str | None, steps: list[Step]
) -> Explanation:
    adapter = ADAPTERS[entity]
    now = utc_now()
    dirty = Dirty(
        entity=entity,
        halo_id=halo_id,
        requested_at=now,
        first_requested_at=now,
        source="manual",
        connection_id=connection_id,
    )
    record = await adapter.read(services, halo_id)
    if record is None:
        raise Refused("not_found_in_halo", f"Halo has no {entity} {halo_id}.", cure="Check the id.")
    steps.append(Step("halo_record", True, f"Halo has {entity} {adapter.name(record)}."))
    connections = await services.store.connections.list()
    connection = (await known_connection(services, dirty, connections)).connection
    if connection is None:
        connection = await connection_of(services, dirty, record, connections)
    else:
        connection = await moved_connection(services, dirty, record, connection, connections)
    steps.append(Step("connection", True, f"It belongs to {connection.name}."))
    check_open(connection)
    steps.append(Step("connection_ready", True, f"{connection.name} is ready."))
    await check_takes(services, connection, entity)
    steps.append(Step("entity_enabled", True, f"{entity.capitalize()}s are switched on."))
    row = await services.store.links.get(connection.id, entity, halo_id)
    link = row.value if row and row.value.unreported not in ENDS_A_LINK else None
    push = Push(
        services, services.bc, connection, dirty, "", now, adapter.name(record), dry_run=True, record=record
    )
    if adapter.is_void(record):
        link = link or await adapter.lost(push)
        steps.append(Step("void", True, "It is void in Halo, so its draft would be deleted."))
        return Explanation("would_update" if link and link.exists else "unchanged", steps)
    await adapter.check(push, record, link)
    steps.append(Step("opt_outs", True, "No opt-out and no date rule keeps it back."))
    if push.word != entity:
        steps.append(Step("kind", True, f"It is a {push.word}."))
    return await _planned(push, adapter, record, link, steps)


async def _planned(
    push: Push, adapter: Adapter[Any], record: Record, link: Link | None, steps: list[Step]
) -> Explanation:
    if link and link.exists:
        steps.append(Step("linked", True, f"It is linked to {link.bc_number or link.bc_id}."))
    else:
        steps.append(Step("linked", True, "It is not linked yet."))
    plan = await adapter.prepare(push, record, link)
    if known := await _known_in_bc(push, adapter, record, plan, link, steps):
        link = known
        push.warnings.clear()
        push.parts_first.clear()
        plan = await adapter.prepare(push, record, link)
    steps.append(Step("mapping", True, "Every line and field can be sent."))
    steps.extend(Step(warning.code, True, warning.message) for warning in push.warnings)
    first = [_requests(push.connection, [part])[0] for part in push.parts_first]
    if first:
        steps.append(Step("sent_first", True, "Its customer is sent first."))
    verdict, requests = _VERDICTS[plan.action], first + _requests(push.connection, plan.parts)
    if isinstance(adapter, Posts):
        due = await _posting(push, adapter, record, plan, link)
        if due.words:
            steps.append(Step("posting", True, due.words))
        if due.now:
            verdict = "would_update" if plan.action == "none" else verdict
            # The id of one that is still to be created is BC's to give.
            requests += _requests(push.connection, adapter.posting_parts(due.link.bc_id or "{id}"))
    return Explanation(verdict, steps, requests)


async def _known_in_bc(
    push: Push, adapter: Adapter[Any], record: Record, plan: Any, link: Link | None, steps: list[Step]
) -> Link | None:
    """The link by what BC holds, where a push looks there first: for a create, and after one that never answered."""
    if link is None or not link.exists:
        found = await adapter.find(push, record, plan, link)
        if found is None:
            return None
        number = found[0].bc_number or found[0].bc_id
        steps.append(
            Step("found", True, f"Business Central has it as {number} already: it is linked to that one.")
        )
        return found[0]
    if link.intent is None:
        return None
    steps.append(
        Step("unanswered", True, "The last request was never answered, so Business Central is read first.")
    )
    try:
        held: Link = await adapter.reread(push, plan, link)
    except Gone as error:
        raise gone(push, link, error) from error
    return held


async def _posting(push: Push, adapter: Posts, record: Record, plan: Any, link: Link | None) -> Due:
    """Whether the draft would be posted: as it stands, or as it will stand once the plan is carried out."""
    if plan.action == "none" and link is not None:
        return await adapter.due_to_post(push, record, plan, link, fresh=False)
    return adapter.posting_after(push, record, plan, link)


def _requests(connection: Connection, parts: Any) -> list[dict[str, Any]]:
    """What would be sent: one part is one request, several are one `$batch`."""
    sent = [{"method": part.method, "path": part.path, "body": part.body} for part in parts]
    if len(sent) < 2:
        return sent
    return [{"method": "POST", "path": "$batch", "body": None, "parts": sent}]
