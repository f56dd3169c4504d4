"""The push of a record that Halo has no more, or holds for void: its draft goes, everything else is only unlinked."""

from __future__ import annotations

from typing import Any

import msgspec

from bc.errors import Refused, Skip
from bc.model import Action, Link, Outcome
from bc.store.rows import Row
from bc.sync.adapter import Adapter
from bc.sync.context import Push, utc_now
from bc.sync.intents import ENDS_A_LINK, intend, withdraw
from bc.sync.outcomes import VERBS, outcome_of
from bc.sync.outcomes import record as keep


async def delete(push: Push, adapter: Adapter[Any], row: Row[Link] | None) -> Outcome:
    """Delete what the record became in BC, or unlink it, and tell. Raises `Refused` for what must stay.

    A document whose link was lost is looked for where Halo says that it was sent.
    """
    if row is None:
        lost = await adapter.lost(push)
        row = await push.services.store.links.create(lost) if lost else None
    if row is None:
        action: Action = "none"
        outcome = outcome_of(
            push,
            "unchanged",
            action,
            link=None,
            at=utc_now(),
            message=f"{push.entity.capitalize()} {push.record_name or push.halo_id} was never sent to Business Central.",
        )
        await keep(push.services, outcome)
        return outcome
    push.record_name = push.record_name or row.value.halo_name or push.halo_id
    push.services.check_fence()
    action = row.value.unreported
    if action in ENDS_A_LINK:
        push.outcome_id = push.dirty.outcome_id or row.value.unreported_id or push.outcome_id
    else:
        row, action = await _delete_in_bc(push, adapter, row)
    message = f"{push.word.capitalize()} {push.record_name} {VERBS.get(action, 'was already gone from Business Central')}."
    outcome = outcome_of(
        push,
        "unchanged" if action == "none" else "synced",
        action,
        link=row.value,
        at=utc_now(),
        message=message,
    )
    await keep(push.services, outcome)
    await push.services.store.links.delete(row.value, row.etag)
    return outcome


async def _delete_in_bc(push: Push, adapter: Adapter[Any], row: Row[Link]) -> tuple[Row[Link], Action]:
    interrupted = row.value.intent is not None and row.value.intent.action == "delete"
    link: Link = row.value if row.value.exists else await adapter.locate(push, row.value)
    action: Action = "none"
    if link.exists:
        row = await intend(push, None, Row(link, row.etag), "delete")
        try:
            action = await adapter.delete(push, row.value)
        except (Refused, Skip):
            await withdraw(push, row)
            raise
        if action == "none" and interrupted:
            # Gone, and we were at it: an earlier attempt did it and died before it could say so.
            action = "deleted"
    done = msgspec.structs.replace(
        row.value,
        unreported=action if action in ENDS_A_LINK else "none",
        unreported_id=push.outcome_id,
        intent=None,
    )
    return await push.services.store.links.replace(done, row.etag), action
