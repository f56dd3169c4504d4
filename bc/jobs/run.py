"""One message of a job: let its runner go on under a lease, and see that a message is left for what remains."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from bc.errors import NeedsAuthorization, SyncError, Transient
from bc.jobs import jobs
from bc.jobs.keeper import LEASE_SECONDS, Keeper, LostLease
from bc.jobs.registry import RUNNERS
from bc.model import ImportPageMessage, Job

if TYPE_CHECKING:
    from bc.services import Services

BUSY_SECONDS = 10.0
MOST_TRIES = 60
LONGEST_WAIT = timedelta(hours=1)
_TRIES = "tries"


class Tries(msgspec.Struct, frozen=True):
    """Transient faults in a row, while the job stood at `done` records."""

    count: int = 0
    done: int = 0


async def run_job(services: Services, message: ImportPageMessage) -> None:
    """Work on a job for some minutes at most (queue `import-pages`).

    A job that another worker has in hand is looked at again later; one that ended, or that nobody knows, is let go.
    A transient fault puts the job off; a permanent one ends it with the cause in its `detail`.
    """
    row = await services.store.jobs.get(message.job_id)
    if row is None or row.value.status in jobs.ENDED:
        return
    job = row.value
    lease = await services.store.leases.acquire(f"job:{job.id}", uuid.uuid4().hex, LEASE_SECONDS)
    if lease is None:
        await jobs.wake(services, job.id, message.page, delay=BUSY_SECONDS)
        return
    keeper = Keeper(services, lease)
    try:
        if await _work(services, job, keeper):
            await jobs.wake(services, job.id, message.page + 1)
    except LostLease:
        # Another worker took over, or storage failed: one more message is harmless, a missing one is not.
        await jobs.wake(services, job.id, message.page, delay=BUSY_SECONDS)
    except Transient as fault:
        await _put_off(services, job, fault, message.page)
    except SyncError as fault:
        if isinstance(fault, NeedsAuthorization):
            await _tell_connection(services, job, fault)
        await jobs.finish(services, job, "failed", f"{fault.message} {fault.cure}".strip())
    except KeyError as gone:
        if gone.args != (job.id,):
            raise
        # The job's row went away with its connection: there is nothing left to do or to tell.
    finally:
        await keeper.close()


async def _work(services: Services, job: Job, keeper: Keeper) -> bool:
    runner = RUNNERS.get(job.kind)
    if runner is None:
        await jobs.finish(services, job, "failed", f"This version of the app has no {job.kind} jobs.")
        return False
    if await services.store.jobs.claim(job.connection_id or "", job.kind, job.id):
        await jobs.finish(services, job, "cancelled", jobs.NOT_STARTED)
        return False
    return await runner.work(services, job, keeper)


async def _tell_connection(services: Services, job: Job, fault: NeedsAuthorization) -> None:
    stored = await services.store.connections.get(job.connection_id or "")
    if stored is not None:
        await services.needs_authorization(stored.value, fault)


async def _put_off(services: Services, job: Job, fault: Transient, page: int) -> None:
    """Try again later: after what the remote asked for, else after a growing time; not for ever."""
    row = await services.store.jobs.get(job.id)
    if row is None:
        return
    before = await jobs.load_progress(services, job.id, Tries, name=_TRIES) or Tries()
    tries = before.count + 1 if before.done == row.value.done else 1
    if tries > MOST_TRIES:
        words = f"Stopped after {MOST_TRIES} tries in a row: {fault.message} {fault.cure}".strip()
        await jobs.finish(services, job, "failed", words)
        return
    await jobs.save_progress(services, job.id, Tries(tries, row.value.done), name=_TRIES)
    asked = fault.retry_after or timedelta(seconds=min(300, 2 ** min(tries, 8)))
    words = f"Waiting: {fault.message}"

    def note(current: Job) -> Job:
        return current if current.status in jobs.ENDED else msgspec.structs.replace(current, detail=words)

    await services.store.jobs.update(job.id, note)
    await jobs.wake(services, job.id, page, delay=min(asked, LONGEST_WAIT).total_seconds())


async def give_up(services: Services, message: ImportPageMessage) -> None:
    """The message failed too often for the host (`import-pages-poison`): end its job with that word."""
    row = await services.store.jobs.get(message.job_id)
    if row is not None and row.value.status not in jobs.ENDED:
        words = (
            "The job stopped at an error that the app does not know; the app's log has it. Start it again."
        )
        await jobs.finish(services, row.value, "failed", words)
