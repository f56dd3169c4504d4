"""One message of an import job: go on where the job stands, page by page, and leave a message for what remains.

Every step may be killed and repeated. What a block did to Halo is found again by number and company, what it linked
by the link; its counts become part of the job only together with its place in the page.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from bc.clients.odata import literal
from bc.entities.values import Record
from bc.errors import NeedsAuthorization, Refused, SyncError, Transient
from bc.imports import jobs
from bc.imports.apply import apply_block
from bc.imports.decisions import Block, Choice, Result, repeated_numbers
from bc.imports.directory import Directory, match_rows, read_directory, unread_words
from bc.imports.keeper import LEASE_SECONDS, Keeper, LostLease
from bc.imports.kinds import KINDS, LinkedKind
from bc.imports.matching import Match
from bc.imports.preview import forget
from bc.model import Connection, ImportPageMessage, Job

if TYPE_CHECKING:
    from bc.services import Services

PAGE_SIZE = 5_000
BLOCK = 100
MOST_DETAILS = 2_000
FEW_RECORDS = 30
MESSAGE_SECONDS = 180.0
BUSY_SECONDS = 10.0
MOST_TRIES = 60
LONGEST_WAIT = timedelta(hours=1)
_runs: dict[str, Run] = {}


@dataclass(slots=True)
class Page:
    """One BC page in hand, in order of number, with its proposals."""

    number: int
    rows: list[Record]
    matches: list[Match]
    following: str
    repeated: frozenset[str]


@dataclass(slots=True)
class Run:
    """What a process keeps of a job between messages, so that BC and Halo are read once. Worthless after a fault."""

    kind: LinkedKind
    connection: Connection
    request: jobs.ImportRequest
    choices: dict[str, Choice] | None
    directory: Directory
    page: Page | None = None
    seen: set[str] = field(default_factory=set)
    shown_at: float = 0.0


async def run_page(services: Services, message: ImportPageMessage) -> None:
    """Work on a job for some minutes at most (queue `import-pages`).

    A job that another worker has in hand is looked at again later; one that ended, or that nobody knows, is let go.
    A transient fault puts the job off; a permanent one ends it with the cause in its `detail`.
    """
    row = await services.store.jobs.get(message.job_id)
    if row is None or row.value.status in jobs.ENDED:
        _runs.pop(message.job_id, None)
        return
    job = row.value
    lease = await services.store.leases.acquire(f"import:{job.id}", uuid.uuid4().hex, LEASE_SECONDS)
    if lease is None:
        await jobs.wake(services, job.id, message.page, delay=BUSY_SECONDS)
        return
    keeper = Keeper(services, lease)
    try:
        again = await _work(services, job, keeper)
    except LostLease:
        # Another worker took over, or storage failed: one more message is harmless, a missing one is not.
        _runs.pop(job.id, None)
        await jobs.wake(services, job.id, message.page, delay=BUSY_SECONDS)
    except Transient as fault:
        _runs.pop(job.id, None)
        await _put_off(services, job, fault)
    except SyncError as fault:
        _runs.pop(job.id, None)
        if isinstance(fault, NeedsAuthorization):
            await _tell_connection(services, job, fault)
        await jobs.finish(services, job, "failed", f"{fault.message} {fault.cure}".strip())
    except KeyError as gone:
        _runs.pop(job.id, None)
        if gone.args != (job.id,):
            raise
        # The job's row went away with its connection: there is nothing left to do or to tell.
    except BaseException:
        _runs.pop(job.id, None)
        raise
    else:
        if again:
            await jobs.wake(services, job.id, message.page + 1)
        else:
            _runs.pop(job.id, None)
    finally:
        await keeper.close()


async def _tell_connection(services: Services, job: Job, fault: NeedsAuthorization) -> None:
    stored = await services.store.connections.get(job.connection_id or "")
    if stored is not None:
        await services.needs_authorization(stored.value, fault)


async def give_up(services: Services, message: ImportPageMessage) -> None:
    """The message failed too often for the host (`import-pages-poison`): end its job with that word."""
    row = await services.store.jobs.get(message.job_id)
    if row is not None and row.value.status not in jobs.ENDED:
        words = (
            "The import stopped at an error that the app does not know; the app's log has it. Start it again."
        )
        await jobs.finish(services, row.value, "failed", words)


async def _work(services: Services, job: Job, keeper: Keeper) -> bool:
    """Do blocks until the time is up (True) or the job is at its end (False)."""
    until = time.monotonic() + MESSAGE_SECONDS
    holder = await services.store.jobs.claim(job.connection_id or "", job.kind, job.id)
    if holder:
        await jobs.finish(services, job, "cancelled", jobs.NOT_STARTED)
        return False
    run = await _run_of(services, job)
    if run is None:
        await jobs.finish(services, job, "cancelled", "The connection was removed.")
        return False
    progress = await jobs.load_progress(services, job.id)
    while not progress.ended:
        page = await _page(services, run, progress)
        waiting = [index for index, row in enumerate(page.rows) if _place(run, row) > progress.after]
        if not page.following and run.choices is None:
            progress = msgspec.structs.replace(progress, total=progress.counts.done + len(waiting))
        if waiting:
            progress = await _block(services, job, run, page, waiting[:BLOCK], progress, keeper)
        else:
            progress = _next_page(page, progress)
        keeper.check()
        await jobs.save_progress(services, job.id, progress)
        shown = await jobs.show(services, job.id, progress.counts, total=progress.total)
        run.shown_at = time.monotonic()
        if shown.status in jobs.ENDED:
            return False
        if time.monotonic() >= until and not progress.ended:
            return True
    await _end(services, job, run, progress)
    return False


async def _run_of(services: Services, job: Job) -> Run | None:
    known = _runs.get(job.id)
    if known is not None:
        return known
    stored = await services.store.connections.get(job.connection_id or "")
    if stored is None:
        return None
    connection, kind = stored.value, KINDS[job.kind]
    jobs.check_ready(connection)
    request = await jobs.load_request(services, job.id)
    choices = None
    if not request.all and request.records is not None:
        choices = {choice.bc_id.lower(): choice for choice in request.records}
    # Links and Halo's list are read before BC: what they say is never newer than BC's page.
    directory = await read_directory(services, kind, connection, job=job)
    run = Run(kind, connection, request, choices, directory)
    if len(_runs) >= 4:
        _runs.pop(next(iter(_runs)))
    _runs[job.id] = run
    return run


async def _page(services: Services, run: Run, progress: jobs.Progress) -> Page:
    """The BC page in hand; read unless this process has it."""
    if run.page is not None and run.page.number == progress.page:
        return run.page
    rows, following = await services.bc.page(
        run.connection,
        progress.cursor or run.kind.endpoint,
        params=None if progress.cursor else _query(run),
        page_size=PAGE_SIZE,
    )
    unique: dict[str, Record] = {run.kind.bc_keys(row).bc_id: row for row in rows}
    ordered = sorted(unique.values(), key=lambda row: _place(run, row))
    keys = [run.kind.bc_keys(row) for row in ordered]
    matches = await match_rows(services, run.directory, keys, most_details=MOST_DETAILS)
    run.page = Page(progress.page, ordered, matches, following, repeated_numbers(run.kind, ordered))
    return run.page


def _query(run: Run) -> dict[str, str]:
    query = {"$select": run.kind.select}
    if run.choices is not None and len(run.choices) <= FEW_RECORDS:
        query["$filter"] = " or ".join(f"id eq {bc_id}" for bc_id in sorted(run.choices))
    elif run.request.changed_since is not None:
        query["$filter"] = f"lastModifiedDateTime ge {literal(run.request.changed_since)}"
    return query


def _place(run: Run, row: Record) -> str:
    """Where a row stands in its page: by number, as BC itself orders them; never empty."""
    keys = run.kind.bc_keys(row)
    return f"{keys.number.upper()}\x1f{keys.bc_id}"


async def _block(
    services: Services,
    job: Job,
    run: Run,
    page: Page,
    rows: Sequence[int],
    progress: jobs.Progress,
    keeper: Keeper,
) -> jobs.Progress:
    """Apply a block of rows and move the progress behind it."""
    creating = await jobs.load_creating(services, job.id, progress.step)

    async def announce(ids: Iterable[str]) -> None:
        keeper.check()
        await jobs.save_creating(services, job.id, progress.step, sorted(creating | set(ids)))

    async def tick(done: int) -> None:
        if time.monotonic() - run.shown_at < 1.0:
            return
        run.shown_at = time.monotonic()
        counts = msgspec.structs.replace(progress.counts, done=progress.counts.done + min(done, len(rows)))
        await jobs.show(services, job.id, counts, total=progress.total)

    block = Block(
        services=services,
        directory=run.directory,
        rows=[page.rows[index] for index in rows],
        matches=[page.matches[index] for index in rows],
        choices=run.choices,
        job_id=job.id,
        creating=creating,
        announce=announce,
        tick=tick,
        repeated_numbers=page.repeated,
    )
    results = [result for result in await apply_block(block) if result.bc_id not in run.seen]
    run.seen.update(result.bc_id for result in results)
    await _save_failures(services, job, progress.step, results)
    return msgspec.structs.replace(
        progress,
        after=_place(run, page.rows[rows[-1]]),
        step=progress.step + 1,
        tries=0,
        seen=progress.seen + (len(results) if run.choices is not None else 0),
        counts=progress.counts.plus(results),
    )


async def _save_failures(services: Services, job: Job, step: int, results: Sequence[Result]) -> None:
    failures = [result.failure for result in results if result.failure is not None]
    if failures:
        await services.store.jobs.add_failures(job.id, step, failures)


def _next_page(page: Page, progress: jobs.Progress) -> jobs.Progress:
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


async def _put_off(services: Services, job: Job, fault: Transient) -> None:
    """Try again later: after what the remote asked for, else after a growing time; not for ever."""
    progress = await jobs.load_progress(services, job.id)
    tries = progress.tries + 1
    if tries > MOST_TRIES:
        words = f"Stopped after {MOST_TRIES} tries in a row: {fault.message} {fault.cure}".strip()
        await jobs.finish(services, job, "failed", words)
        return
    await jobs.save_progress(services, job.id, msgspec.structs.replace(progress, tries=tries))
    asked = fault.retry_after or timedelta(seconds=min(300, 2 ** min(tries, 8)))
    wait = min(asked, LONGEST_WAIT)
    words = f"Waiting: {fault.message}"

    def note(current: Job) -> Job:
        return current if current.status in jobs.ENDED else msgspec.structs.replace(current, detail=words)

    await services.store.jobs.update(job.id, note)
    await jobs.wake(services, job.id, progress.page, delay=wait.total_seconds())


async def _end(services: Services, job: Job, run: Run, progress: jobs.Progress) -> None:
    """All pages are done: say what was not found, and end the job."""
    missing = len(run.choices) - progress.seen if run.choices is not None else 0
    if missing > 0:
        counts = msgspec.structs.replace(
            progress.counts, done=progress.counts.done + missing, failed=progress.counts.failed + missing
        )
        await jobs.show(services, job.id, counts, total=progress.total)
    words = _summary(progress.counts, missing, unread_words(run.directory))
    forget(run.connection.id, run.kind.name)
    await jobs.finish(services, job, "succeeded", words)


def _summary(counts: jobs.Counts, missing: int, unread: str) -> str:
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
    return f"{sentence} {unread}".strip()
