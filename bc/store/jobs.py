"""Jobs: what runs longer than a request, with its counts, its failures, and who may run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bc.model import Job, JobFailure
from bc.store import keys, records
from bc.store.job_blobs import JobBlobs
from bc.store.records import until_it_holds
from bc.store.rows import ALL, VERSION, Codec, OfConnection, Page, Row, Stale
from bc.store.tables import TRANSACTION, Tables, Write

_JOBS = "jobs"
_CLAIMS = "claims"
ENDED = ("succeeded", "failed", "cancelled")
# A job is claimed before its row is written: a claim this young counts though its job is not to be seen.
CLAIM_GRACE = timedelta(seconds=60)
_CODEC = Codec(Job)
_FAILURE = Codec(JobFailure)


class Jobs:
    """All jobs, newest first."""

    def __init__(self, tables: Tables, now: Callable[[], datetime]) -> None:
        self._table = tables.table("bcJobs")
        self._failures = tables.table("bcJobFailures")
        self._blobs = JobBlobs(tables)
        self._now = now

    def new_id(self, at: datetime) -> str:
        """An id for a job; it sorts newest first."""
        return keys.new_id(at)

    async def insert(self, job: Job) -> Row[Job]:
        """A new job. Raises `Stale` if it exists, `ValueError` for an id that `new_id` did not make."""
        if not keys.is_id(job.id):
            raise ValueError("a job's id comes from new_id")
        return Row(job, await self._table.insert(_JOBS, keys.encode(job.id), _packed(job)))

    async def get(self, job_id: str) -> Row[Job] | None:
        """One job, None where there is none (any more)."""
        found = await self._table.get(_JOBS, keys.encode(job_id))
        return Row(_CODEC.unpack(found.properties), found.etag) if found else None

    async def update(self, job_id: str, change: Callable[[Job], Job]) -> Job:
        """Read, change and write until it holds; `change` may run several times. Raises `KeyError` if it is gone."""

        async def attempt() -> Job:
            row = await self.get(job_id)
            if row is None:
                raise KeyError(job_id)
            job = change(row.value)
            if job != row.value:
                await self._table.replace(_JOBS, keys.encode(job_id), _packed(job), row.etag)
            return job

        return await until_it_holds(attempt)

    async def page(self, connection_id: OfConnection = ALL, limit: int = 100, cursor: str = "") -> Page[Job]:
        """Part of the jobs, newest first. Raises `ValueError` for a bad cursor."""
        where = {} if connection_id is ALL else {"connection_id": str(connection_id or "")}
        # Ids are lower-case hex: all of them are below "g".
        return await records.page(
            self._table, _CODEC, _JOBS, ("0", "g"), limit=limit, cursor=cursor, where=where
        )

    async def add_failures(self, job_id: str, page: int, failures: Sequence[JobFailure]) -> None:
        """Keep what failed on one page of a job; the same page again replaces what it left before."""
        partition, start = keys.encode(job_id), f"{page:08d}"
        former = [
            found.key
            async for found in self._failures.query(
                partition=partition, start=start, below=f"{page + 1:08d}", select=("v",)
            )
        ]
        writes = [
            Write("put", f"{start}-{number:06d}", _FAILURE.pack(failure))
            for number, failure in enumerate(failures)
        ]
        for at in range(0, len(writes), TRANSACTION):
            await self._failures.write(partition, writes[at : at + TRANSACTION])
        kept = {write.key for write in writes}
        await self._failures.delete_keys(partition, [key for key in former if key not in kept])

    async def failures(self, job_id: str, limit: int = 100, cursor: str = "") -> Page[JobFailure]:
        """Part of what failed in a job, in order of its pages."""
        return await records.page(
            self._failures, _FAILURE, keys.encode(job_id), ("0", ":"), limit=limit, cursor=cursor
        )

    async def claim(self, connection_id: str, kind: str, job_id: str) -> str:
        """Be the only job of a kind in a connection: "" when claimed, else the id of the job that is.

        A job that ended or vanished does not hold its claim.
        """
        key = keys.join(connection_id, kind)
        properties = {"v": VERSION, "job_id": job_id, "at": self._now().isoformat()}

        async def attempt() -> str:
            found = await self._table.get(_CLAIMS, key)
            if found is None:
                await self._table.insert(_CLAIMS, key, properties)
                return ""
            holder = str(found.properties["job_id"])
            if holder != job_id:
                if await self._holds(holder, datetime.fromisoformat(str(found.properties["at"]))):
                    return holder
                await self._table.replace(_CLAIMS, key, properties, found.etag)
            return ""

        return await until_it_holds(attempt)

    async def unclaim(self, connection_id: str, kind: str, job_id: str) -> None:
        """Let others of the kind run; fine if the claim is another's by now."""
        found = await self._table.get(_CLAIMS, keys.join(connection_id, kind))
        if found is None or found.properties["job_id"] != job_id:
            return
        try:
            await self._table.delete(_CLAIMS, found.key, found.etag)
        except Stale:
            return

    async def put_blob(self, job_id: str, name: str, data: bytes) -> None:
        """Keep some MiB of a job's own, such as an import's request body, until the job is purged."""
        await self._blobs.put(job_id, name, data)

    async def get_blob(self, job_id: str, name: str) -> bytes | None:
        """What `put_blob` kept whole, else None."""
        return await self._blobs.get(job_id, name)

    async def purge(self, before: datetime) -> int:
        """Remove ended jobs older than a time, with their failures and blobs; how many."""
        removed = 0
        async for found in self._table.query(partition=_JOBS, start=keys.time_key(before), below="g"):
            job = _CODEC.unpack(found.properties)
            if job.status in ENDED:
                await self._remove(job.id)
                removed += 1
        return removed

    async def forget(self, connection_id: str) -> None:
        """Remove the jobs and claims of a connection that is removed."""
        where = {"connection_id": connection_id}
        async for found in self._table.query(partition=_JOBS, where=where, select=("v",)):
            await self._remove(found.key)
        start, below = keys.starting_with(connection_id, total=2)
        claims = [found.key async for found in self._table.query(partition=_CLAIMS, start=start, below=below)]
        await self._table.delete_keys(_CLAIMS, claims)

    async def _remove(self, job_id: str) -> None:
        partition = keys.encode(job_id)
        failures = [found.key async for found in self._failures.query(partition=partition, select=("v",))]
        await self._failures.delete_keys(partition, failures)
        await self._blobs.remove(job_id)
        await self._table.delete(_JOBS, partition)

    async def _holds(self, job_id: str, claimed_at: datetime) -> bool:
        row = await self.get(job_id)
        if row is None:
            return self._now() - claimed_at < CLAIM_GRACE
        return row.value.status not in ENDED


def _packed(job: Job) -> dict[str, object]:
    return _CODEC.pack(job, connection_id=job.connection_id or "")
