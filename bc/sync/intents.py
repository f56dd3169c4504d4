"""The link as the book of a push: what is about to be done, what BC did of it, and what nobody was told yet.

Nothing is sent to BC before its intent is stored, and what BC did is stored before Halo or an outcome learn of it.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from bc.errors import Gone, Refused, SyncError
from bc.model import Action, Intent, Link
from bc.store.rows import Row
from bc.sync.adapter import Adapter, Plan
from bc.sync.context import Push, utc_now

# Actions after which the link goes, once they are told.
ENDS_A_LINK = frozenset({"deleted", "unlinked"})


async def unless_deleted(push: Push, row: Row[Link] | None) -> Row[Link] | None:
    """The link, unless it is what a delete left that died before its end: then the record starts anew."""
    if row is None or row.value.unreported not in ENDS_A_LINK:
        return row
    await push.services.store.links.delete(row.value, row.etag)
    return None


async def intend(
    push: Push,
    plan: Plan | None,
    row: Row[Link] | None,
    action: Literal["create", "update", "delete", "post"] | None = None,
) -> Row[Link]:
    """Store what is about to be done; by default the plan."""
    intent = Intent(
        operation_id=push.outcome_id,
        action=action or ("update" if row and row.value.exists else "create"),
        payload_hash=plan.payload_hash if plan else "",
        started_at=utc_now(),
        numbers=dict(plan.numbers) if plan else {},
    )
    links = push.services.store.links
    push.services.check_fence()
    if row is None:
        return await links.create(
            Link(
                connection_id=push.connection.id,
                entity=push.entity,
                halo_id=push.halo_id,
                halo_name=push.record_name,
                linked_at=utc_now(),
                bc_type=plan.bc_type if plan else "",
                intent=intent,
            )
        )
    # What was intended once and is not in BC may be intended as another kind now.
    bc_type = plan.bc_type if plan and not row.value.exists else row.value.bc_type
    return await links.replace(msgspec.structs.replace(row.value, intent=intent, bc_type=bc_type), row.etag)


async def withdraw(push: Push, row: Row[Link]) -> None:
    """BC refused for good, so nothing happened: take the intent back."""
    links = push.services.store.links
    if row.value.exists:
        await links.replace(msgspec.structs.replace(row.value, intent=None), row.etag)
    else:
        await links.delete(row.value, row.etag)


async def commit(push: Push, row: Row[Link] | None, link: Link, action: Action) -> Row[Link]:
    """Store what BC did before anyone else learns of it."""
    link = msgspec.structs.replace(link, intent=None, state="ok")
    if action == "none" and row is not None and link.posted and not row.value.posted:
        action = "posted"
    # One that was created or found and then changed is told as created or found: others may wait for that word.
    if action == "posted" or (action != "none" and link.unreported not in ("created", "adopted")):
        link = msgspec.structs.replace(link, unreported=action, unreported_id=push.outcome_id)
    links = push.services.store.links
    stored = await links.create(link) if row is None else await links.replace(link, row.etag)
    if row is not None and link.posted and not row.value.posted:
        await push.services.cured(f"posted:{push.connection.id}:{push.halo_id}")
    return stored


async def told_apart(push: Push) -> None:
    """This push ends without success and is told so: what it did in BC is told by a later one, under an id of its own."""
    links = push.services.store.links
    row = await links.get(push.connection.id, push.entity, push.halo_id)
    if row is not None and row.value.unreported_id and row.value.unreported not in ENDS_A_LINK:
        await links.replace(msgspec.structs.replace(row.value, unreported_id=""), row.etag)


async def reread(push: Push, adapter: Adapter[Any], plan: Plan, row: Row[Link]) -> Link | None:
    """The link as BC has it now; None where BC has the record no more because we were deleting it."""
    try:
        link: Link = await adapter.reread(push, plan, row.value)
    except Gone as error:
        if row.value.intent is None or row.value.intent.action != "delete":
            raise await broken(push, row, error) from error
        await push.services.store.links.delete(row.value, row.etag)
        return None
    except Refused:
        if row.value.intent and row.value.intent.started_at >= push.started_at:
            await withdraw(push, row)
        raise
    return link


async def broken(push: Push, row: Row[Link], error: SyncError) -> Refused:
    """The linked BC record is gone: nothing is created anew without a person's word."""
    await push.services.store.links.replace(
        msgspec.structs.replace(row.value, state="broken", intent=None), row.etag
    )
    return gone(push, row.value, error)


def gone(push: Push, link: Link, error: SyncError) -> Refused:
    """In words, that BC has the linked record no more."""
    return Refused(
        "deleted_in_bc",
        f"The {push.word} {link.bc_number or link.bc_id} it is linked to no longer exists in Business Central.",
        cure="Unlink it under Links and sync again to create it anew, or link it to another record.",
        correlation_id=error.correlation_id,
    )
