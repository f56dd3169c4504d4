"""Start and cancel jobs, and what is kept of them between two messages.

A job is a row (what a person sees), a stored request (what was asked for) and its progress (where it stands). The
progress is the truth: a queue message only says that there is work.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from bc.errors import Refused
from bc.model import IMPORT_KINDS, Connection, ImportPageMessage, Job

if TYPE_CHECKING:
    from bc.services import Services

REQUEST = "request"
PROGRESS = "progress"
QUEUE: Literal["import-pages"] = "import-pages"
NOT_STARTED = "Not started: another job of this kind was running already."
ENDED = frozenset(("succeeded", "failed", "cancelled"))
_encoder = msgspec.json.Encoder()

Count = Literal["created", "updated", "unchanged", "skipped", "failed"]


class Counts(msgspec.Struct, frozen=True):
    """What a job did so far, by result. `done` is the sum and never goes back."""

    done: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0

    def plus(self, results: Iterable[Count]) -> Counts:
        """These and the results of one block, one for each record."""
        counted = msgspec.structs.asdict(self)
        for result in results:
            counted[result] += 1
            counted["done"] += 1
        return Counts(**counted)


class JobRunning(Refused):
    """A job of this kind is running already, for this connection where it has one: `job_id`."""

    def __init__(self, kind: str, noun: str, job_id: str, *, connection: Connection | None) -> None:
        where = " for this connection" if connection else ""
        super().__init__(
            "import_running" if kind in IMPORT_KINDS else "job_running",
            f"{'An' if noun[:1] in 'aeiou' else 'A'} {noun} is running{where}.",
            cure="Wait for it to end, or cancel it.",
        )
        self.job_id = job_id


async def start(
    services: Services, *, kind: str, connection: Connection | None, request: bytes, total: int | None = None
) -> Job:
    """Queue a job of a kind that `registry.RUNNERS` knows. `request` is kept for its runner (see `load_request`).

    Raises `JobRunning` while one of the kind runs for the connection (None: for the app), or `Refused`
    `connection_not_ready`.
    """
    if connection is not None:
        check_ready(connection)
    stored = services.store.jobs
    now = datetime.now(UTC)
    owner = connection.id if connection else None
    job = Job(id=stored.new_id(now), connection_id=owner, kind=kind, total=total, created_at=now)
    holder = await stored.claim(owner or "", kind, job.id)
    if holder:
        # The registry knows every runner, and runners start jobs.
        from bc.jobs.registry import RUNNERS

        # It may have died before it put its first message on the queue; one more does no harm.
        await wake(services, holder)
        raise JobRunning(kind, RUNNERS[kind].noun, holder, connection=connection)
    await stored.put_blob(job.id, REQUEST, request)
    await stored.insert(job)
    await wake(services, job.id)
    return job


def check_ready(connection: Connection) -> None:
    """Raise `Refused` `connection_not_ready` where BC cannot be asked yet."""
    if connection.status != "ready" or not connection.company_id:
        raise Refused(
            "connection_not_ready",
            f"The connection {connection.name} is not ready.",
            cure="Authorize it and choose its company first.",
        )


async def connection_of(services: Services, job: Job) -> Connection | None:
    """The job's connection as it is now, ready to be asked; None when it was removed. Raises as `check_ready`."""
    stored = await services.store.connections.get(job.connection_id or "")
    if stored is None:
        return None
    check_ready(stored.value)
    return stored.value


async def wake(services: Services, job_id: str, page: int = 0, *, delay: float = 0.0) -> None:
    """Put the message on the queue that lets a worker go on with the job."""
    message = ImportPageMessage(job_id=job_id, page=page)
    await services.store.queues.send(QUEUE, _encoder.encode(message), delay=delay)


async def cancel(services: Services, job: Job) -> Job:
    """Stop a job: at once where it waits, after the records in hand where it runs. An ended one stays as it is."""
    if job.status in ENDED:
        return job
    return await finish(services, job, "cancelled", "Cancelled. What was done until then stays.")


async def finish(
    services: Services, job: Job, status: Literal["succeeded", "failed", "cancelled"], detail: str
) -> Job:
    """End a job, unless it has ended, and let the next one of its kind start."""

    def end(current: Job) -> Job:
        if current.status in ENDED:
            return current
        return msgspec.structs.replace(current, status=status, detail=detail, finished_at=datetime.now(UTC))

    ended = await services.store.jobs.update(job.id, end)
    await services.store.jobs.unclaim(job.connection_id or "", job.kind, job.id)
    return ended


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
            # Work goes on: what it waited for is over.
            detail=job.detail if job.status in ENDED else "",
        )

    return await services.store.jobs.update(job_id, move)


async def tell(services: Services, job_id: str, words: str) -> Job:
    """Say what a running job is at; answers the row, which tells whether the job was cancelled."""

    def note(job: Job) -> Job:
        if job.status in ENDED:
            return job
        started_at = job.started_at or datetime.now(UTC)
        return msgspec.structs.replace(job, status="running", started_at=started_at, detail=words)

    return await services.store.jobs.update(job_id, note)


async def load_request(services: Services, job_id: str) -> bytes:
    """What `start` was given; b"" when it is gone."""
    return await services.store.jobs.get_blob(job_id, REQUEST) or b""


async def load_progress[T](
    services: Services, job_id: str, kind: type[T], *, name: str = PROGRESS
) -> T | None:
    """Where the job stands, None before its first step. A runner may keep several such notes by `name`."""
    stored = await services.store.jobs.get_blob(job_id, name)
    return msgspec.json.decode(stored, type=kind) if stored else None


async def save_progress(services: Services, job_id: str, progress: object, *, name: str = PROGRESS) -> None:
    await services.store.jobs.put_blob(job_id, name, _encoder.encode(progress))
