"""While tax is zeroed, customers and products that come later are zeroed too."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from bc.errors import Refused
from bc.jobs.jobs import JobRunning
from bc.model import Entity
from bc.zero_tax import state
from bc.zero_tax.run import Wish, start
from bc.zero_tax.writes import zero_records

if TYPE_CHECKING:
    from bc.services import Services

# More than these are left to a job, which shows how far it is and may take as long as it needs.
FEW = 50
_BRINGING = ("customers", "products")
_JOBS_LOOKED_AT = 100


async def is_on(services: Services) -> bool:
    """Whether new records are zeroed too: from the beginning of the job on, which does not turn back for them."""
    phase = (await state.load(services)).phase
    return phase == "on" or (phase == "applying" and bool(await state.running_job(services, state.APPLY)))


async def written_stamp(services: Services, entity: Entity, halo_id: str) -> str:
    """The modification time that our own zeroing (or putting back) left on the record; "" for none."""
    kept = await services.store.tax_values.get(entity, halo_id)
    return kept.stamp if kept is not None and kept.state in ("zeroed", "restored") else ""


async def zero_new(services: Services, entity: Entity, halo_ids: Sequence[str]) -> None:
    """Zero those of the changed records that are new to us. What a person changed since stays as he left it."""
    known = await services.store.tax_values.get_many(entity, halo_ids)
    fresh = [
        halo_id
        for halo_id in dict.fromkeys(halo_ids)
        if halo_id not in known or known[halo_id].state == "restored"
    ]
    # Asked again: a sweep that began before the old values were ordered back must not zero behind them.
    if not fresh or not await is_on(services):
        return
    if len(fresh) > FEW and await _whole_job(services):
        return
    try:
        tax = await state.zero_tax(services)
    except Refused:
        # Somebody removed the tax of 0 % in Halo: the state page says so, the sweep goes on.
        return
    listed = [{"id": halo_id} for halo_id in fresh]
    await zero_records(services, entity, listed, tax, "")


async def after_imports(services: Services) -> None:
    """Each minute: an import that ended since may have brought new records."""
    now = await state.load(services)
    if now.phase != "on":
        return
    page = await services.store.jobs.page(limit=_JOBS_LOOKED_AT)
    since = now.looked_at or now.since or datetime.now(UTC)
    ended = [
        job.finished_at
        for job in page.items
        if job.kind in _BRINGING and job.created and job.finished_at and job.finished_at > since
    ]
    if ended and await _whole_job(services):
        newest = max(ended)
        await state.change(services, lambda held: msgspec.structs.replace(held, looked_at=newest))


async def _whole_job(services: Services) -> bool:
    """Start the job that walks through everything; False where it cannot start now."""
    try:
        await start(services, Wish())
    except JobRunning:
        return False
    except Refused:
        return True
    return True
