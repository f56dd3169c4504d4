"""The job that queues what a filter names, page by page, and the number of records said before it starts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from bc.jobs import jobs
from bc.model import Connection, Entity, Job
from bc.resync.choice import Filter, choice
from bc.sync.intake import QueuedChange, take

if TYPE_CHECKING:
    from bc.jobs.keeper import Keeper
    from bc.services import Services

JOB_KIND = "resync"
# A preview answers while a person waits, and Halo's calls are few.
PREVIEW_PAGES = 20
AT_ONCE = 200


class Wish(Struct, frozen=True):
    """What was asked for."""

    entity: Entity
    filter: Filter
    connection_id: str | None = None


class Progress(Struct, frozen=True):
    """`page`: the next page of Halo's list, or block of our own list, to queue (from 1)."""

    page: int = 1
    queued: int = 0


class Preview(Struct, frozen=True):
    """`requests_estimate`: requests to Business Central at most, one each. `at_least`: there are more than these."""

    count: int
    requests_estimate: int
    at_least: bool


async def preview(services: Services, wish: Wish) -> Preview:
    """How many records would be queued; queues none."""
    chosen = await choice(services, wish.entity, wish.filter, wish.connection_id)
    if (halo_ids := chosen.without_halo) is not None:
        return Preview(len(halo_ids), len(halo_ids), at_least=False)
    found: set[str] = set()
    for page_no in range(1, PREVIEW_PAGES + 1):
        page = await chosen.page(page_no)
        found |= set(page.halo_ids)
        if not page.more:
            return Preview(len(found), len(found), at_least=False)
    return Preview(len(found), len(found), at_least=True)


async def start(services: Services, wish: Wish, connection: Connection | None) -> Job:
    """Queue the job. Raises `JobRunning` while another one queues."""
    return await jobs.start(services, kind=JOB_KIND, connection=connection, request=msgspec.json.encode(wish))


class ResyncRunner:
    """Queues in a person's name. A page that was queued before a kill is queued again, which is one push all the same."""

    noun = "resync"

    async def work(self, services: Services, job: Job, keeper: Keeper) -> bool:
        wish = msgspec.json.decode(await jobs.load_request(services, job.id), type=Wish)
        progress = await jobs.load_progress(services, job.id, Progress) or Progress()
        chosen = await choice(services, wish.entity, wish.filter, wish.connection_id)
        kept = await _kept(services, job, chosen.without_halo)
        while not keeper.time_is_up:
            if kept is not None:
                start_at = (progress.page - 1) * AT_ONCE
                halo_ids, more = kept[start_at : start_at + AT_ONCE], start_at + AT_ONCE < len(kept)
            else:
                page = await chosen.page(progress.page)
                halo_ids, more = page.halo_ids, page.more
            keeper.check()
            await _queue(services, wish, halo_ids)
            progress = Progress(progress.page + 1, progress.queued + len(halo_ids))
            await jobs.save_progress(services, job.id, progress)
            counts = jobs.Counts(done=progress.queued)
            total = len(kept) if kept is not None else None
            row = await jobs.show(services, job.id, counts, total=total if more else progress.queued)
            if row.status in jobs.ENDED:
                return False
            if not more:
                await jobs.finish(services, job, "succeeded", _words(progress.queued))
                return False
        return True


async def _kept(services: Services, job: Job, halo_ids: list[str] | None) -> list[str] | None:
    """The list as it was at the start: what is queued leaves it while the job runs."""
    if halo_ids is None:
        return None
    stored = await jobs.load_progress(services, job.id, list[str], name="ids")
    if stored is not None:
        return stored
    await jobs.save_progress(services, job.id, halo_ids, name="ids")
    return halo_ids


async def _queue(services: Services, wish: Wish, halo_ids: list[str]) -> None:
    now = datetime.now(UTC)
    for halo_id in halo_ids:
        change = QueuedChange(
            entity=wish.entity,
            halo_id=halo_id,
            connection_id=wish.connection_id,
            requested_at=now,
            source="manual",
        )
        await take(services, change, wake=False)
    if halo_ids:
        await services.wake()


def _words(queued: int) -> str:
    if not queued:
        return "No record fits the filter."
    return f"{queued} record{'' if queued == 1 else 's'} queued; their outcomes tell what became of them."
