"""What a push would send first for a record that another one needs, in a dry run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from bc.errors import CompanyGone, Refused, Skip
from bc.model import Entity, Link
from bc.sync.context import Push
from bc.sync.registry import ADAPTERS
from bc.sync.routing import check_takes, is_elsewhere

if TYPE_CHECKING:
    from bc.services import Services


async def foreseen(services: Services, push: Push, entity: Entity, halo_id: str) -> Link | None:
    """The link that the record would get, with words in place of an id that is BC's to give; `push` notes what is sent first."""
    adapter = ADAPTERS[entity]
    record = await adapter.read(services, halo_id)
    if record is None or is_elsewhere(record, push.connection):
        return None
    dirty = msgspec.structs.replace(push.dirty, entity=entity, halo_id=halo_id)
    name = adapter.name(record)
    other = Push(
        services, push.bc, push.connection, dirty, "", push.started_at, name, dry_run=True, record=record
    )
    row = await services.store.links.get(push.connection.id, entity, halo_id)
    link = row.value if row else None
    try:
        await check_takes(services, push.connection, entity)
        await adapter.check(other, record, link)
        plan = await adapter.prepare(other, record, link)
        found = await adapter.find(other, record, plan, link)
        if found:
            plan = await adapter.prepare(other, record, found[0])
    except CompanyGone:
        raise
    except (Refused, Skip):
        return None
    push.parts_first += plan.parts
    return (
        found[0]
        if found
        else Link(
            connection_id=push.connection.id,
            entity=entity,
            halo_id=halo_id,
            halo_name=name,
            linked_at=push.started_at,
            bc_id=f"{{id of {entity} {name}}}",
        )
    )
