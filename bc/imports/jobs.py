"""Import jobs: start, cancel, and what is kept of them between two pages.

A job is a row (what a person sees), a stored request (what was asked for) and its progress (where it stands). The
progress is the truth: a queue message only says that there is work.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from bc.errors import Refused
from bc.imports.decisions import Choice, Result
from bc.imports.kinds import KINDS
from bc.model import Connection, ImportPageMessage, Job

if TYPE_CHECKING:
    from bc.services import Services

REQUEST = "request"
PROGRESS = "progress"
CREATING = "creating"
QUEUE: Literal["import-pages"] = "import-pages"
NOT_STARTED = "Not started: the same import was running already."
ENDED = frozenset(("succeeded", "failed", "cancelled"))
_encoder = msgspec.json.Encoder()


class ImportRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST …/imports/{kind}`: chosen records, or everything (changed since a time)."""

    records: list[Choice] | None = None
    all: bool = False
    changed_since: datetime | None = None


class Counts(msgspec.Struct, frozen=True):
    done: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0

    def plus(self, results: Sequence[Result]) -> Counts:
        """These and the results of one block."""
        counted = dict.fromkeys(("created", "updated", "unchanged", "skipped", "failed"), 0)
        for result in results:
            counted[result.count] += 1
        return Counts(
            done=self.done + len(results),
            **{name: getattr(self, name) + number for name, number in counted.items()},
        )


class Progress(msgspec.Struct, frozen=True):
    """Where a job stands. `page`, `cursor`: the BC page in hand; `after`: the last row of it that is done.

    `step` counts finished blocks (it names their failure rows); `seen` chosen records met so far; `pages` what BC's
    links looked like, against loops; `tries` transient faults in a row.
    """

    page: int = 0
    cursor: str = ""
    after: str = ""
    step: int = 0
    seen: int = 0
    tries: int = 0
    pages: tuple[str, ...] = ()
    counts: Counts = Counts()
    total: int | None = None
    ended: bool = False


class ImportRunning(Refused):
    """The same kind is being imported for this connection already, by `job_id`."""

    def __init__(self, kind: str, job_id: str) -> None:
        super().__init__(
            "import_running",
            f"An import of {kind} is running for this connection.",
            cure="Wait for it to end, or cancel it.",
        )
        self.job_id = job_id


async def start(services: Services, connection: Connection, kind: str, request: ImportRequest) -> Job:
    """Queue an import. Raises `ImportRunning`, or `Refused` `connection_not_ready`."""
    check_ready(connection)
    jobs = services.store.jobs
    now = datetime.now(UTC)
    job = Job(
        id=jobs.new_id(now),
        connection_id=connection.id,
        kind=kind,
        total=len(request.records) if request.records is not None else None,
        created_at=now,
    )
    holder = await jobs.claim(connection.id, kind, job.id)
    if holder:
        # It may have died before it put its first message on the queue; one more does no harm.
        await wake(services, holder)
        raise ImportRunning(f"{KINDS[kind].noun}s", holder)
    await jobs.put_blob(job.id, REQUEST, _encoder.encode(request))
    await jobs.insert(job)
    await wake(services, job.id)
    return job


def check_ready(connection: Connection) -> None:
    """Raise `Refused` where BC cannot be asked yet."""
    if connection.status != "ready" or not connection.company_id:
        raise Refused(
            "connection_not_ready",
            f"The connection {connection.name} is not ready to import.",
            cure="Authorize it and choose its company first.",
        )


async def wake(services: Services, job_id: str, page: int = 0, *, delay: float = 0.0) -> None:
    """Put the message on the queue that lets a worker go on with the job."""
    message = ImportPageMessage(job_id=job_id, page=page)
    await services.store.queues.send(QUEUE, _encoder.encode(message), delay=delay)


async def cancel(services: Services, job: Job) -> Job:
    """Stop a job: at once where it waits, after the records in hand where it runs. An ended one stays as it is."""
    if job.status in ENDED:
        return job
    ended = await _end(services, job.id, "cancelled", "Cancelled. What was imported until then stays.")
    if job.connection_id:
        await services.store.jobs.unclaim(job.connection_id, job.kind, job.id)
    return ended


async def finish(services: Services, job: Job, status: str, detail: str) -> None:
    """End a job and let the next one of its kind start."""
    await _end(services, job.id, status, detail)
    if job.connection_id:
        await services.store.jobs.unclaim(job.connection_id, job.kind, job.id)


async def _end(services: Services, job_id: str, status: str, detail: str) -> Job:
    def end(job: Job) -> Job:
        if job.status in ENDED:
            return job
        ended = {"status": status, "detail": detail, "finished_at": datetime.now(UTC)}
        return msgspec.structs.replace(job, **ended)

    return await services.store.jobs.update(job_id, end)


async def show(services: Services, job_id: str, counts: Counts, *, total: int | None) -> Job:
    """Bring the job's row up to these counts; answers the row, which tells whether the job was cancelled."""

    def move(job: Job) -> Job:
        status = "running" if job.status == "queued" else job.status
        return msgspec.structs.replace(
            job,
            # A repeated block starts from what is stored: what a person sees never goes back.
            **(msgspec.structs.asdict(counts) | {"done": max(job.done, counts.done)}),
            status=status,
            started_at=job.started_at or datetime.now(UTC),
            total=total if total is not None else job.total,
        )

    return await services.store.jobs.update(job_id, move)


async def load_request(services: Services, job_id: str) -> ImportRequest:
    stored = await services.store.jobs.get_blob(job_id, REQUEST)
    return msgspec.json.decode(stored or b"{}", type=ImportRequest)


async def load_progress(services: Services, job_id: str) -> Progress:
    stored = await services.store.jobs.get_blob(job_id, PROGRESS)
    return msgspec.json.decode(stored, type=Progress) if stored else Progress()


async def save_progress(services: Services, job_id: str, progress: Progress) -> None:
    await services.store.jobs.put_blob(job_id, PROGRESS, _encoder.encode(progress))


async def load_creating(services: Services, job_id: str, step: int) -> frozenset[str]:
    """BC ids that a killed attempt at this block may have created in Halo."""
    stored = await services.store.jobs.get_blob(job_id, CREATING)
    if not stored:
        return frozenset()
    of_step, ids = msgspec.json.decode(stored, type=tuple[int, list[str]])
    return frozenset(ids) if of_step == step else frozenset()


async def save_creating(services: Services, job_id: str, step: int, ids: Sequence[str]) -> None:
    await services.store.jobs.put_blob(job_id, CREATING, _encoder.encode((step, ids)))
