"""One message of an import: go on where the job stands, page by page, and leave a message for what remains.

Every step may be killed and repeated. What a block did to Halo is found again by number and company, what it linked
by the link; its counts become part of the job only together with its place in the page.
"""

from __future__ import annotations

import hashlib
import time
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import msgspec

from bc.clients.odata import literal
from bc.entities.values import Record
from bc.errors import Refused, Transient
from bc.imports.decisions import Result, Step, repeated_numbers
from bc.imports.matching import Match
from bc.imports.pace import JobPace, TimeIsUp
from bc.imports.preview import forget
from bc.imports.request import (
    Choice,
    ImportRequest,
    Progress,
    load_creating,
    load_request,
    save_creating,
)
from bc.imports.sources import Source, open_source
from bc.jobs import jobs
from bc.model import Connection, ImportKind, Job

if TYPE_CHECKING:
    from bc.jobs.keeper import Keeper
    from bc.services import Services

PAGE_SIZE = 5_000
LEAST_PAGE = 50
BLOCK = 100
MOST_DETAILS = 2_000
KEPT_SECONDS = 900.0
FEW_RECORDS = 30
NOUNS: dict[ImportKind, str] = {
    "accounts": "accounts",
    "countries": "countries",
    "item_categories": "item categories",
    "customers": "customers",
    "products": "products",
}
_runs: dict[str, Run] = {}


@dataclass(slots=True)
class Page:
    """One BC page in hand, in order of number (`places`), with its proposals."""

    number: int
    rows: list[Record]
    places: list[str]
    matches: list[Match]
    following: str
    repeated: frozenset[str]


@dataclass(slots=True)
class Run:
    """What a process keeps of a job between messages, so that BC and Halo are read once. Worthless after a fault."""

    source: Source
    connection: Connection
    request: ImportRequest
    choices: dict[str, Choice] | None
    opened_at: float
    page: Page | None = None
    read: tuple[int, list[Record], str] | None = None
    """A BC page whose proposals are not complete yet: its number, its rows, the link that follows."""
    at: tuple[int, int] = (0, 0)
    """Page and step that this process left the job at: another may have gone on since."""
    seen: set[str] = field(default_factory=set)
    shown_at: float = 0.0

    @property
    def only_read(self) -> bool:
        """Whether nothing of the page in hand was written yet, and what was read is not old."""
        return self.page is None and time.monotonic() - self.opened_at < KEPT_SECONDS


class ImportRunner:
    """Runs imports of one kind (see `bc.jobs.registry`)."""

    def __init__(self, kind: ImportKind) -> None:
        self.noun = f"import of {NOUNS[kind]}"

    async def work(self, services: Services, job: Job, keeper: Keeper) -> bool:
        """Do blocks until the time is up (True) or the job is at its end (False)."""
        keep = False
        try:
            keep = await _work(services, job, keeper)
        except TimeIsUp:
            keep = True
        except Transient:
            # Halo's calls are few: a reading goes on where it stood, while after a write its list may be out of date.
            known = _runs.get(job.id)
            keep = known is not None and known.only_read
            raise
        finally:
            if not keep:
                _runs.pop(job.id, None)
        return keep


async def _work(services: Services, job: Job, keeper: Keeper) -> bool:
    progress = await jobs.load_progress(services, job.id, Progress) or Progress()
    pace = JobPace(services, job.id, keeper)
    run = await _run_of(services, job, progress, pace)
    if run is None:
        await jobs.finish(services, job, "cancelled", "The connection was removed.")
        return False
    while not progress.ended:
        page = await _page(services, run, progress, pace)
        waiting = range(bisect_right(page.places, progress.after), len(page.rows))
        if not page.following and run.choices is None:
            progress = msgspec.structs.replace(progress, total=progress.counts.done + len(waiting))
        if waiting:
            progress = await _block(services, job, run, page, waiting[:BLOCK], progress, keeper)
        else:
            progress = _next_page(page, progress)
        keeper.check()
        await jobs.save_progress(services, job.id, progress)
        run.at = progress.page, progress.step
        shown = await jobs.show(services, job.id, progress.counts, total=progress.total)
        run.shown_at = time.monotonic()
        if shown.status in jobs.ENDED:
            return False
        if keeper.time_is_up and not progress.ended:
            return True
    await _end(services, job, run, progress)
    return False


async def _run_of(services: Services, job: Job, progress: Progress, pace: JobPace) -> Run | None:
    known = _runs.get(job.id)
    if known is not None and known.at == (progress.page, progress.step):
        return known
    opened_at = time.monotonic()
    connection = await jobs.connection_of(services, job)
    if connection is None:
        return None
    request = await load_request(services, job.id)
    source = await open_source(services, cast("ImportKind", job.kind), connection, job=job, pace=pace)
    run = Run(source, connection, request, request.choices, opened_at, at=(progress.page, progress.step))
    if len(_runs) >= 4:
        _runs.pop(next(iter(_runs)))
    _runs[job.id] = run
    return run


async def _page(services: Services, run: Run, progress: Progress, pace: JobPace) -> Page:
    """The BC page in hand; read unless this process has it."""
    if run.page is not None and run.page.number == progress.page:
        return run.page
    source, run.page = run.source, None
    if run.read is None or run.read[0] != progress.page:
        rows, following = await _read(services, run, progress.cursor)
        unique: dict[str, Record] = {source.keys(row).bc_id: row for row in rows if source.wants(row)}
        run.read = progress.page, sorted(unique.values(), key=lambda row: _place(run, row)), following
    number, ordered, following = run.read
    matches = await source.propose(ordered, most_details=MOST_DETAILS, pace=pace)
    repeated = repeated_numbers(map(source.keys, ordered))
    places = [_place(run, row) for row in ordered]
    run.page, run.read = Page(number, ordered, places, matches, following, repeated), None
    return run.page


async def _read(services: Services, run: Run, cursor: str) -> tuple[list[dict[str, Any]], str]:
    """One page of BC; a smaller one where an answer is larger than we take (F36)."""
    size = PAGE_SIZE
    while True:
        try:
            return await services.bc.page(
                run.connection,
                cursor or run.source.endpoint,
                params=None if cursor else _query(run),
                page_size=size,
            )
        except Transient as fault:
            if fault.code != "answer_too_large":
                raise
            if size <= LEAST_PAGE:
                raise Refused(fault.code, fault.message, cure=fault.cure) from None
            size //= 10


def _query(run: Run) -> dict[str, str]:
    query = {"$select": run.source.select}
    if run.choices is not None and len(run.choices) <= FEW_RECORDS:
        query["$filter"] = " or ".join(f"id eq {bc_id}" for bc_id in sorted(run.choices))
        return query
    filters = [run.source.filter] if run.source.filter else []
    if run.choices is None and run.request.changed_since is not None:
        filters.append(f"lastModifiedDateTime ge {literal(run.request.changed_since)}")
    if filters:
        query["$filter"] = " and ".join(filters)
    return query


def _place(run: Run, row: Record) -> str:
    """Where a row stands in its page: by number, as BC itself orders them; never empty."""
    keys = run.source.keys(row)
    return f"{keys.number.upper()}\x1f{keys.bc_id}"


async def _block(
    services: Services,
    job: Job,
    run: Run,
    page: Page,
    rows: Sequence[int],
    progress: Progress,
    keeper: Keeper,
) -> Progress:
    """Apply a block of rows and move the progress behind it."""
    creating = await load_creating(services, job.id, progress.step)

    async def announce(ids: Iterable[str]) -> None:
        keeper.check()
        await save_creating(services, job.id, progress.step, sorted(creating | set(ids)))

    async def tick(done: int) -> None:
        if time.monotonic() - run.shown_at < 1.0:
            return
        run.shown_at = time.monotonic()
        counts = msgspec.structs.replace(progress.counts, done=progress.counts.done + min(done, len(rows)))
        await jobs.show(services, job.id, counts, total=progress.total)

    step = Step(
        services=services,
        rows=[page.rows[index] for index in rows],
        matches=[page.matches[index] for index in rows],
        choices=run.choices,
        job_id=job.id,
        creating=creating,
        announce=announce,
        tick=tick,
        repeated_numbers=page.repeated,
    )
    results = [result for result in await run.source.apply(step) if result.bc_id not in run.seen]
    run.seen.update(result.bc_id for result in results)
    await _save_failures(services, job, progress.step, results)
    return msgspec.structs.replace(
        progress,
        after=page.places[rows[-1]],
        step=progress.step + 1,
        seen=progress.seen + (len(results) if run.choices is not None else 0),
        counts=progress.counts.plus(result.count for result in results),
    )


async def _save_failures(services: Services, job: Job, step: int, results: Sequence[Result]) -> None:
    failures = [result.failure for result in results if result.failure is not None]
    if failures:
        await services.store.jobs.add_failures(job.id, step, failures)


def _next_page(page: Page, progress: Progress) -> Progress:
    """Turn to the next page, or say that there is none."""
    mark = hashlib.sha256(page.following.encode()).hexdigest()[:16] if page.following else ""
    if mark and mark in progress.pages:
        raise Refused(
            "bc_paging_loop",
            "Business Central's list led back to a page that was read before, so the import was stopped.",
            cure="Start the import again; what was imported stays.",
        )
    return msgspec.structs.replace(
        progress,
        page=progress.page + 1,
        cursor=page.following,
        after="",
        ended=not page.following,
        pages=(*progress.pages, mark) if mark else progress.pages,
    )


async def _end(services: Services, job: Job, run: Run, progress: Progress) -> None:
    """All pages are done: say what was not found, and end the job."""
    missing = len(run.choices) - progress.seen if run.choices is not None else 0
    if missing > 0:
        counts = msgspec.structs.replace(
            progress.counts, done=progress.counts.done + missing, failed=progress.counts.failed + missing
        )
        await jobs.show(services, job.id, counts, total=progress.total)
    words = _summary(progress.counts, missing, run.source.note)
    forget(run.connection.id, job.kind)
    await jobs.finish(services, job, "succeeded", words)


def _summary(counts: jobs.Counts, missing: int, note: str) -> str:
    parts = [
        f"{number} {word}"
        for number, word in (
            (counts.created, "created"),
            (counts.updated, "linked or updated"),
            (counts.unchanged, "unchanged"),
            (counts.skipped, "skipped"),
            (counts.failed, "failed"),
        )
        if number
    ]
    sentence = (", ".join(parts) or "Nothing to import") + "."
    if missing > 0:
        sentence += f" {missing} chosen records no longer exist in Business Central."
    return f"{sentence} {note}".strip()
