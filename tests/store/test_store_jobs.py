"""Jobs, their failures and blobs, who may run; and notes."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from bc.model import Job, JobFailure
from bc.settings import Settings
from bc.store import Stale, Store, open_store
from bc.store.jobs import CLAIM_GRACE

T0 = datetime(2026, 1, 2, tzinfo=UTC)


def a_job(store: Store, minute: int = 0, **more: object) -> Job:
    at = T0 + timedelta(minutes=minute)
    fields = {
        "id": store.jobs.new_id(at),
        "connection_id": "c1",
        "kind": "customers",
        "created_at": at,
        "detail": str(minute),
    }
    return msgspec.convert(fields | more, Job)


def count_one(job: Job) -> Job:
    return msgspec.structs.replace(job, done=job.done + 1)


async def test_a_job_counts_what_all_workers_did(stores: Callable[[], Store]) -> None:
    one, other = stores(), stores()
    job = a_job(one)
    await one.jobs.insert(job)
    with pytest.raises(Stale):
        await one.jobs.insert(job)
    await asyncio.gather(*((one, other)[n % 2].jobs.update(job.id, count_one) for n in range(12)))
    row = await one.jobs.get(job.id)
    assert row is not None
    assert row.value.done == 12
    with pytest.raises(KeyError):
        await one.jobs.update("none", count_one)
    with pytest.raises(ValueError):
        await one.jobs.insert(msgspec.structs.replace(job, id="made up"))


async def test_jobs_come_newest_first(store: Store) -> None:
    for minute in (2, 0, 3, 1):
        await store.jobs.insert(a_job(store, minute, connection_id="c1" if minute % 2 else None))
    first = await store.jobs.page(limit=3)
    rest = await store.jobs.page(limit=3, cursor=first.next or "")
    assert [job.detail for job in [*first.items, *rest.items]] == ["3", "2", "1", "0"]
    assert rest.next is None
    assert [job.detail for job in (await store.jobs.page("c1")).items] == ["3", "1"]
    assert [job.detail for job in (await store.jobs.page(None)).items] == ["2", "0"]


async def test_the_failures_of_a_page_are_kept_once(store: Store) -> None:
    def failures(page: int, number: int) -> list[JobFailure]:
        return [JobFailure(record=f"{page}-{n}", name="x", code="c", message="m") for n in range(number)]

    await store.jobs.add_failures("j", 1, failures(1, 130))
    await store.jobs.add_failures("j", 0, failures(0, 2))
    await store.jobs.add_failures("j", 1, failures(1, 130))
    await store.jobs.add_failures("j", 1, failures(1, 120))
    await store.jobs.add_failures("other", 1, failures(9, 1))
    first = await store.jobs.failures("j", limit=100)
    rest = await store.jobs.failures("j", limit=100, cursor=first.next or "")
    wanted = [*failures(0, 2), *failures(1, 120)]
    assert [*first.items, *rest.items] == wanted


async def test_one_job_of_a_kind_runs_at_a_time(stores: Callable[[], Store]) -> None:
    several = [stores() for _ in range(4)]
    jobs = [a_job(store, minute) for minute, store in enumerate(several)]
    answers = await asyncio.gather(
        *(store.jobs.claim("c1", "customers", job.id) for store, job in zip(several, jobs, strict=True))
    )
    winner = answers.index("")
    assert set(answers) == {"", jobs[winner].id}
    store = several[0]
    assert await store.jobs.claim("c1", "customers", jobs[winner].id) == ""
    assert await store.jobs.claim("c1", "products", "another kind") == ""
    await store.jobs.unclaim("c1", "customers", "not the holder")
    assert await store.jobs.claim("c1", "customers", "new") == jobs[winner].id
    await store.jobs.unclaim("c1", "customers", jobs[winner].id)
    assert await store.jobs.claim("c1", "customers", "new") == ""


async def test_an_ended_or_vanished_job_does_not_hold_its_claim(app_settings: Settings) -> None:
    moment = T0
    store = open_store(app_settings, lambda: moment)
    job = a_job(store)
    await store.jobs.insert(job)
    assert await store.jobs.claim("c1", "customers", job.id) == ""
    moment += timedelta(hours=5)
    assert await store.jobs.claim("c1", "customers", "vanished") == job.id
    await store.jobs.update(job.id, lambda found: msgspec.structs.replace(found, status="cancelled"))
    assert await store.jobs.claim("c1", "customers", "vanished") == ""
    assert await store.jobs.claim("c1", "customers", "next") == "vanished"
    moment += CLAIM_GRACE
    assert await store.jobs.claim("c1", "customers", "next") == ""
    await store.close()


@pytest.mark.parametrize("size", [0, 1, 60_000, 720_000, 3_000_001])
async def test_a_blob_comes_back_whole(store: Store, size: int) -> None:
    data = random.Random(size).randbytes(size)
    await store.jobs.put_blob("j", "body/ö", b"former" * 1000)
    await store.jobs.put_blob("j", "body/ö", data)
    assert await store.jobs.get_blob("j", "body/ö") == data
    assert await store.jobs.get_blob("j", "other") is None


@pytest.mark.parametrize("size", [200, 3_000_001])
async def test_a_death_while_a_blob_is_replaced_leaves_the_old_one_or_the_new(
    store: Store, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a job that dies between two writes of its progress begins again."""
    old, new = b"old" * (size // 3), b"new" * (size // 3)
    table = store.jobs._blobs._table
    really = table.put
    written = 0
    for writes in range(1, 10):
        await store.jobs.put_blob("j", "progress", old)
        left = writes

        async def put(*row: Any) -> str:
            nonlocal left, written
            left -= 1
            if not left:
                raise ConnectionError
            written += 1
            return await really(*row)

        with monkeypatch.context() as patch:
            patch.setattr(table, "put", put)
            try:
                await store.jobs.put_blob("j", "progress", new)
            except ConnectionError:
                assert await store.jobs.get_blob("j", "progress") == old
            else:
                assert await store.jobs.get_blob("j", "progress") == new
                break
    assert written


async def test_ended_jobs_are_purged_with_all_they_left(store: Store) -> None:
    jobs = [a_job(store, minute, status="running" if minute == 1 else "succeeded") for minute in range(4)]
    for job in jobs:
        await store.jobs.insert(job)
        await store.jobs.add_failures(job.id, 0, [JobFailure(record="r", name="n", code="c", message="m")])
        await store.jobs.put_blob(job.id, "body", b"x" * 100_000)
    assert await store.jobs.purge(T0 + timedelta(minutes=2, seconds=30)) == 2
    assert [job.detail for job in (await store.jobs.page()).items] == ["3", "1"]
    assert await store.jobs.get_blob(jobs[0].id, "body") is None
    assert (await store.jobs.failures(jobs[0].id)).items == []
    assert await store.jobs.get_blob(jobs[1].id, "body") is not None
    assert len((await store.jobs.failures(jobs[1].id)).items) == 1


async def test_notes_keep_json_and_lose_no_change(stores: Callable[[], Store]) -> None:
    one, other = stores(), stores()
    assert await one.notes.get("health:halo") is None
    await one.notes.put("health:halo", {"ok": True, "at": "now", "list": [1, None]})
    assert await other.notes.get("health:halo") == {"ok": True, "at": "now", "list": [1, None]}
    await one.notes.put("health:halo", None)
    assert await other.notes.get("health:halo") is None
    await asyncio.gather(*(store.notes.update("n", lambda n: (n or 0) + 1) for store in (one, other) * 6))
    assert await one.notes.get("n") == 12
    await one.notes.delete("n")
    await one.notes.delete("n")
    assert await other.notes.get("n") is None
