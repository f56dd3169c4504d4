"""The job that adopts the links of Halo's built-in integration: customers, products, then invoices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from bc.entities.values import Record, text
from bc.imports.kinds import KINDS, LinkedKind
from bc.jobs import jobs
from bc.jobs.jobs import Count
from bc.jobs.keeper import Keeper
from bc.model import Connection, Job, JobFailure, Link
from bc.takeover.invoices import LIST_PARAMS, adopt_invoices, find_invoices
from bc.takeover.records import adopted, bc_rows, find_records

if TYPE_CHECKING:
    from bc.services import Services

JOB_KIND = "takeover"
BLOCK = 100
PAGE_SIZE = 100
MOST_PAGES = 5_000


class Progress(msgspec.Struct, frozen=True):
    """`part`: kinds done; `page`: of Halo's invoices, from 1; `done`: of the kind in hand."""

    part: int = 0
    page: int = 1
    step: int = 0
    counts: jobs.Counts = jobs.Counts()


async def start(services: Services, connection: Connection) -> Job:
    """Queue the take-over. Raises `JobRunning`, or `Refused` `connection_not_ready`."""
    return await jobs.start(services, kind=JOB_KIND, connection=connection, request=b"{}")


class TakeoverRunner:
    noun = "take-over"

    async def work(self, services: Services, job: Job, keeper: Keeper) -> bool:
        connection = await jobs.connection_of(services, job)
        if connection is None:
            await jobs.finish(services, job, "cancelled", "The connection was removed.")
            return False
        progress = await jobs.load_progress(services, job.id, Progress) or Progress()
        kinds = list(KINDS.values())
        while progress.part < len(kinds):
            progress = await _adopt_records(services, connection, job, keeper, kinds[progress.part], progress)
            if (await _show(services, job, progress)).status in jobs.ENDED:
                return False
            if keeper.time_is_up:
                return True
        return await _adopt_invoices(services, connection, job, keeper, progress)


async def _adopt_records(
    services: Services,
    connection: Connection,
    job: Job,
    keeper: Keeper,
    kind: LinkedKind,
    progress: Progress,
) -> Progress:
    """One kind in one go: killed, it is found anew, and what is linked by then counts as ours."""
    found = await find_records(services, connection, kind)
    ready = list(found.ready.items())
    base = progress
    for start_at in range(0, len(ready), BLOCK):
        keeper.check()
        some = ready[start_at : start_at + BLOCK]
        await _link(
            services,
            [adopted(kind, connection, row, halo_id, found.names[halo_id], job.id) for halo_id, row in some],
        )
        done: list[Count] = ["updated"] * (start_at + len(some))
        shown = await _show(services, job, msgspec.structs.replace(base, counts=base.counts.plus(done)))
        if shown.status in jobs.ENDED:
            return progress
    linked_before = await _linked_by(services, connection, kind.entity, job)
    results: list[Count] = ["updated"] * linked_before
    results += ["unchanged"] * max(0, found.linked + len(ready) - linked_before)
    results += ["skipped"] * len(found.problems)
    moved = msgspec.structs.replace(base, part=base.part + 1)
    return await _moved(services, job, keeper, moved, results, found.problems)


async def _linked_by(services: Services, connection: Connection, entity: str, job: Job) -> int:
    return sum([link.import_job == job.id async for link in services.store.links.all(connection.id, entity)])


async def _link(services: Services, links: Sequence[Link]) -> None:
    """Write the links, except where a push linked the record meanwhile."""
    if not links:
        return
    stored = await services.store.links.get_many(
        links[0].connection_id, links[0].entity, [link.halo_id for link in links]
    )
    fresh = [link for link in links if link.halo_id not in stored or not stored[link.halo_id].value.exists]
    await services.store.links.put_many(fresh)
    await services.cured(*(f"link:{link.connection_id}:{link.entity}:{link.halo_id}" for link in fresh))


async def _adopt_invoices(
    services: Services, connection: Connection, job: Job, keeper: Keeper, progress: Progress
) -> bool:
    in_bc: dict[str, Record] | None = None
    while progress.page <= MOST_PAGES:
        page = await services.halo.page(
            "Invoice", page_no=progress.page, page_size=PAGE_SIZE, params=LIST_PARAMS
        )
        if in_bc is None:
            rows = await bc_rows(services, connection, "salesInvoices", "id,number,status")
            in_bc = {text(row, "id").lower(): row for row in rows}
        found = await find_invoices(services, connection, page.rows, in_bc, job_id=job.id)
        links, problems = await adopt_invoices(services, connection, found.ready, job.id)
        keeper.check()
        await _link(services, links)
        results: list[Count] = ["updated"] * (len(links) + found.adopted_before)
        results += ["unchanged"] * found.linked
        results += ["skipped"] * (len(found.problems) + len(problems))
        listed = page.record_count if page.record_count is not None else len(page.rows)
        moved = msgspec.structs.replace(progress, page=progress.page + 1)
        progress = await _moved(services, job, keeper, moved, results, [*found.problems, *problems])
        if (await _show(services, job, progress)).status in jobs.ENDED:
            return False
        if not page.rows or (progress.page - 1) * PAGE_SIZE >= listed:
            break
        if keeper.time_is_up:
            return True
    counts = progress.counts
    words = (
        f"{counts.updated} links adopted, {counts.unchanged} were linked already, {counts.skipped} left out."
    )
    await jobs.finish(services, job, "succeeded", words)
    return False


async def _moved(
    services: Services,
    job: Job,
    keeper: Keeper,
    progress: Progress,
    results: Sequence[Count],
    problems: Sequence[JobFailure],
) -> Progress:
    if problems:
        await services.store.jobs.add_failures(job.id, progress.step, problems)
    moved = msgspec.structs.replace(progress, step=progress.step + 1, counts=progress.counts.plus(results))
    keeper.check()
    await jobs.save_progress(services, job.id, moved)
    return moved


async def _show(services: Services, job: Job, progress: Progress) -> Job:
    return await jobs.show(services, job.id, progress.counts, total=None)
