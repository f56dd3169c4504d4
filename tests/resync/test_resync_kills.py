"""A resync whose process dies at any call it makes: in the end every chosen record waits once, and no other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

import pytest

from bc.jobs.run import run_job
from bc.model import ImportPageMessage
from bc.resync.choice import Filter
from bc.resync.run import Wish, start
from bc.services import Services
from tests.e2e.acting import Acting, Invoicing
from tests.faults.engine import Died, How, Peril, a_process

pytestmark = pytest.mark.timeout(240)
DAY = date(2021, 5, 5)
# Enough for two pages of Halo's list would take long to make; where a page ends is a call like any other.
RECORDS = 3


@dataclass(frozen=True, slots=True)
class Stage:
    env: Mapping[str, str]
    halo_ids: frozenset[str]


@pytest.fixture(scope="module")
async def stage(house: Acting, invoicing: Invoicing) -> AsyncIterator[Stage]:
    chosen = [invoicing.invoice(invoice_date=f"{DAY}T00:00:00") for _ in range(RECORDS)]
    invoicing.invoice(invoice_date="2021-05-06T00:00:00")
    house.app.host.stop()
    yield Stage({**house.app.host.env, "HALO_REQUESTS_PER_5_MINUTES": "100000"}, frozenset(chosen))
    house.app.host.start()


async def interrupted(stage: Stage, how: How, at: int) -> bool:
    async with a_process(stage.env) as services:
        await forget(services)
        wish = Wish("invoice", Filter(from_=DAY, to=DAY))
        job_id = (await start(services, wish, None)).id
    peril = Peril(at, how)
    async with a_process(stage.env, peril) as services:
        with suppress(Died):
            await run_job(services, ImportPageMessage(job_id=job_id, page=0))
    where = f"{how} call {at}: {peril.calls[at - 1] if at <= len(peril.calls) else 'none'}"
    async with a_process(stage.env) as services:
        # The time of a dead holder's lease is over.
        if lease := await services.store.leases.read(f"job:{job_id}"):
            await services.store.leases.release(lease)
        await run_job(services, ImportPageMessage(job_id=job_id, page=0))
        job = await services.store.jobs.get(job_id)
        assert job is not None
        assert (job.value.status, job.value.done, job.value.total) == ("succeeded", RECORDS, RECORDS), where
        waiting = [row.value async for row in services.store.dirty.rows()]
    assert sorted(row.halo_id for row in waiting) == sorted(stage.halo_ids), where
    assert {row.source for row in waiting} == {"manual"}, where
    return len(peril.calls) >= at


async def forget(services: Services) -> None:
    async for row in services.store.dirty.rows():
        await services.store.dirty.delete(row.value, row.etag)


async def every_call(stage: Stage, how: How) -> int:
    at = 1
    while await interrupted(stage, how, at):
        at += 1
        assert at < 200, "the job never ends"
    return at - 1


async def test_a_death_after_any_call_of_a_resync_loses_no_record(stage: Stage) -> None:
    assert await every_call(stage, "dies after") > 10


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("how", ["dies before", "loses the answer of"])
async def test_an_interruption_at_any_call_of_a_resync_loses_no_record(stage: Stage, how: How) -> None:
    assert await every_call(stage, how) > 10
