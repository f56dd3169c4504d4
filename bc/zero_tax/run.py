"""The two jobs: all taxes to zero, and the old values put back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from bc.entities.values import Record, text
from bc.jobs import jobs
from bc.jobs.keeper import Keeper
from bc.model import Entity, Job
from bc.store.tax_values import TaxValue
from bc.zero_tax import state
from bc.zero_tax.fields import ORDER, RESOURCES, STAMPS, code, present
from bc.zero_tax.state import State, ZeroTax
from bc.zero_tax.writes import Result, conflict, failed, read_all, recognise, write, zero_records

if TYPE_CHECKING:
    from bc.services import Services

PAGE_SIZE = 100
BLOCK = 25
MOST_PAGES = 5_000


class Wish(msgspec.Struct, frozen=True):
    """What `POST /api/halo/zero-tax` asked for. `tax_id`: which of several taxes of 0 %."""

    tax_id: str = ""


class Progress(msgspec.Struct, frozen=True):
    """Where the job stands: kind of record, page of Halo's list, and how many rows of it are done."""

    part: int = 0
    page: int = 1
    rows: int = 0
    step: int = 0
    counts: jobs.Counts = jobs.Counts()


async def start(services: Services, wish: Wish) -> Job:
    """Queue the change of all taxes to zero. Raises what `state.zero_tax` raises, and `JobRunning`."""
    await state.zero_tax(services, wish.tax_id)
    await state.check_idle(services, besides=state.APPLY)
    return await jobs.start(services, kind=state.APPLY, connection=None, request=msgspec.json.encode(wish))


async def start_restore(services: Services) -> Job:
    """Queue the putting back of the old values. Raises `JobRunning`."""
    await state.check_idle(services, besides=state.RESTORE)
    values = services.store.tax_values
    total = await values.count() - await values.count("restored")
    return await jobs.start(services, kind=state.RESTORE, connection=None, request=b"{}", total=total)


class ZeroTaxRunner:
    """Walks through Halo's customers, then its products."""

    noun = state.NOUNS[state.APPLY]

    async def work(self, services: Services, job: Job, keeper: Keeper) -> bool:
        wish = msgspec.json.decode(await jobs.load_request(services, job.id) or b"{}", type=Wish)
        tax = await state.zero_tax(services, wish.tax_id)
        progress = await jobs.load_progress(services, job.id, Progress) or Progress()
        if progress == Progress():
            await state.change(services, lambda now: _begun(now, tax))
        while progress.part < len(ORDER):
            entity = ORDER[progress.part]
            page = await services.halo.page(
                RESOURCES[entity],
                page_no=progress.page,
                page_size=PAGE_SIZE,
                params={"includeinactive": "true", "order": "id"},
            )
            listed = page.record_count if page.record_count is not None else len(page.rows)
            total = await _total(services, entity, listed, progress)
            for start in range(progress.rows, len(page.rows), BLOCK):
                rows = page.rows[start : start + BLOCK]
                progress = await _block(services, job, keeper, entity, rows, tax, progress)
                shown = await jobs.show(services, job.id, progress.counts, total=total)
                if shown.status in jobs.ENDED:
                    return False
                if keeper.time_is_up:
                    return True
            progress = _turned(progress, last=_is_last(page.rows, listed, progress.page))
            keeper.check()
            await jobs.save_progress(services, job.id, progress)
        await state.change(services, lambda now: msgspec.structs.replace(now, phase="on"))
        await jobs.finish(services, job, "succeeded", _summary(progress.counts, "set to zero"))
        return False


def _begun(now: State, tax: ZeroTax) -> State:
    at = datetime.now(UTC)
    since = now.since if now.phase == "on" else at
    return State(phase="applying", since=since, tax_id=tax.tax_id, tax_name=tax.name, looked_at=at)


async def _total(services: Services, entity: Entity, listed: int, progress: Progress) -> int | None:
    """How many records there are in all; asked for once, at the first block."""
    if entity != ORDER[0]:
        return None
    if progress.page > 1 or progress.rows:
        return None
    others = await services.halo.page(
        RESOURCES[ORDER[1]], page_no=1, page_size=1, params={"includeinactive": "true"}
    )
    return listed + (others.record_count or 0)


async def _block(
    services: Services,
    job: Job,
    keeper: Keeper,
    entity: Entity,
    rows: Sequence[Record],
    tax: ZeroTax,
    progress: Progress,
) -> Progress:
    keeper.check()
    results = await zero_records(services, entity, rows, tax, job.id)
    moved = msgspec.structs.replace(progress, rows=progress.rows + len(rows))
    return await _counted(services, job, keeper, moved, results)


async def _counted(
    services: Services, job: Job, keeper: Keeper, progress: Progress, results: list[Result]
) -> Progress:
    failures = [result.failure for result in results if result.failure]
    if failures:
        await services.store.jobs.add_failures(job.id, progress.step, failures)
    moved = msgspec.structs.replace(
        progress,
        step=progress.step + 1,
        counts=progress.counts.plus(result.count for result in results),
    )
    keeper.check()
    await jobs.save_progress(services, job.id, moved)
    return moved


def _is_last(rows: Sequence[Record], listed: int, page_no: int) -> bool:
    return not rows or page_no * PAGE_SIZE >= listed or page_no >= MOST_PAGES


def _turned(progress: Progress, *, last: bool) -> Progress:
    if last:
        return msgspec.structs.replace(progress, part=progress.part + 1, page=1, rows=0)
    return msgspec.structs.replace(progress, page=progress.page + 1, rows=0)


class RestoreRunner:
    """Puts the old values back and forgets them, record by record."""

    noun = state.NOUNS[state.RESTORE]

    async def work(self, services: Services, job: Job, keeper: Keeper) -> bool:
        await state.change(services, lambda now: msgspec.structs.replace(now, phase="restoring"))
        progress = await jobs.load_progress(services, job.id, Progress) or Progress()
        values = services.store.tax_values
        cursor = ""
        while True:
            page = await values.page(limit=BLOCK, cursor=cursor)
            for entity in ORDER:
                of_kind = [
                    value for value in page.items if value.entity == entity and value.state != "restored"
                ]
                if not of_kind:
                    continue
                keeper.check()
                results, stamps = await _put_back(services, entity, of_kind)
                progress = await _counted(services, job, keeper, progress, results)
                await _forget(services, of_kind, results, stamps)
            shown = await jobs.show(services, job.id, progress.counts, total=None)
            if shown.status in jobs.ENDED:
                return False
            if not page.next:
                break
            cursor = page.next
            if keeper.time_is_up:
                return True
        await state.change(services, lambda now: State())
        await jobs.finish(services, job, "succeeded", _summary(progress.counts, "put back"))
        return False


async def _forget(
    services: Services, values: Sequence[TaxValue], results: Sequence[Result], stamps: Mapping[str, str]
) -> None:
    """Drop what was put back or given up. Of what we wrote only the stamp stays, by which the sweep knows its echo."""
    refused = {result.halo_id for result in results if result.count == "failed"}
    await services.store.tax_values.forget(
        value for value in values if value.halo_id not in refused and value.halo_id not in stamps
    )
    await services.store.tax_values.put_many(
        TaxValue(
            entity=value.entity,
            halo_id=value.halo_id,
            name=value.name,
            old={},
            new={},
            state="restored",
            stamp=stamps[value.halo_id],
        )
        for value in values
        if value.halo_id in stamps
    )


async def _put_back(
    services: Services, entity: Entity, values: Sequence[TaxValue]
) -> tuple[list[Result], dict[str, str]]:
    """Write the old values where our zero still stands; a record that a person changed since is left alone.

    Answers the results, and the modification times of what was written.
    """
    records = await read_all(services, entity, [{"id": value.halo_id} for value in values])
    results, rows = [], {}
    for value in values:
        record = records.get(value.halo_id)
        if record is None:
            # Gone from Halo: nothing is left to put back.
            results.append(Result(value.halo_id, "unchanged"))
            continue
        match present(value, record):
            case "zero":
                rows[value.halo_id] = {"id": int(value.halo_id), **value.old}
            case "old":
                if all(code(record, name) == number for name, number in value.old.items()):
                    results.append(Result(value.halo_id, "unchanged"))
                else:
                    rows[value.halo_id] = {"id": int(value.halo_id), **value.old}
            case "other":
                results.append(Result(value.halo_id, "skipped", conflict(value, "Its tax was not put back.")))
    written = await write(services, entity, rows) if rows else {}
    by_id = {value.halo_id: value for value in values}
    stamps: dict[str, str] = {}
    for halo_id, answer in written.items():
        if answer.failure is not None:
            results.append(Result(halo_id, "failed", failed(by_id[halo_id], answer.failure)))
            continue
        stamps[halo_id] = text(answer.record, STAMPS[entity])
        await recognise(services, entity, halo_id, records[halo_id], rows[halo_id], answer)
        results.append(Result(halo_id, "updated"))
    return results, stamps


def _summary(counts: jobs.Counts, done: str) -> str:
    parts = [
        f"{number} {word}"
        for number, word in (
            (counts.updated, done),
            (counts.unchanged, "already so"),
            (counts.skipped, "left alone because somebody else changed them"),
            (counts.failed, "refused by Halo"),
        )
        if number
    ]
    return (", ".join(parts) or "Nothing to do") + "."


__all__ = ["RestoreRunner", "Wish", "ZeroTaxRunner", "start", "start_restore"]
