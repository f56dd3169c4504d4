"""What every kind of job gets from the machinery: one worker, one of a kind, waiting, giving up; on parts in memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from bc.errors import Refused, Transient
from bc.jobs import jobs, run
from bc.jobs.keeper import Keeper, LostLease
from bc.jobs.registry import RUNNERS
from bc.model import ImportPageMessage, Job
from bc.services import Services
from tests.imports.imports_world import World

type Deed = Callable[[Services, Job], bool]


class Scripted:
    """A runner that does what the next deed of its script says."""

    noun = "great work"

    def __init__(self, *deeds: Deed | Exception) -> None:
        self.deeds = list(deeds)
        self.calls = 0

    async def work(self, services: Services, job: Job, keeper: Keeper) -> bool:
        self.calls += 1
        deed = self.deeds.pop(0)
        if isinstance(deed, Exception):
            raise deed
        await jobs.show(services, job.id, jobs.Counts(done=self.calls), total=None)
        if deed(services, job):
            return True
        await jobs.finish(services, job, "succeeded", "All done.")
        return False


def more(services: Services, job: Job) -> bool:
    return True


def end(services: Services, job: Job) -> bool:
    return False


@pytest.fixture
def world() -> World:
    return World()


def use(monkeypatch: pytest.MonkeyPatch, *deeds: Deed | Exception) -> Scripted:
    runner = Scripted(*deeds)
    monkeypatch.setattr(run, "RUNNERS", {**RUNNERS, "work": runner})
    monkeypatch.setattr("bc.jobs.registry.RUNNERS", {**RUNNERS, "work": runner})
    return runner


async def start(world: World) -> Job:
    return await jobs.start(world.services, kind="work", connection=None, request=b"{}")


async def test_a_job_goes_on_in_another_message_until_its_runner_ends_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = use(monkeypatch, more, more, end)
    job = await start(world)
    assert await jobs.load_request(world.services, job.id) == b"{}"
    await world.deliver()
    ended = world.jobs.rows[job.id]
    assert (ended.status, ended.detail, ended.connection_id, runner.calls) == (
        "succeeded",
        "All done.",
        None,
        3,
    )
    assert world.leases.held == set()


async def test_a_second_job_of_the_kind_is_refused_with_the_first_ones_id(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, end, end)
    first = await start(world)
    with pytest.raises(jobs.JobRunning) as refused:
        await start(world)
    assert (refused.value.job_id, refused.value.code) == (first.id, "job_running")
    assert refused.value.message == "A great work is running."
    await world.deliver()
    second = await start(world)
    await world.deliver()
    assert world.jobs.rows[second.id].status == "succeeded"


async def test_a_worker_that_comes_second_looks_again_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = use(monkeypatch, end)
    job = await start(world)
    world.leases.held.add(f"job:{job.id}")
    body = world.queue.pop()
    await run.run_job(world.services, msgspec.json.decode(body, type=ImportPageMessage))
    assert (runner.calls, len(world.queue)) == (0, 1)
    world.leases.held.clear()
    await world.deliver()
    assert runner.calls == 1


async def test_a_transient_fault_waits_as_long_as_asked_and_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    delays: list[float] = []

    async def send(queue: str, body: bytes, *, delay: float = 0, ttl: int = -1) -> None:
        delays.append(delay)
        world.queue.append(body)

    monkeypatch.setattr(world.services.store.queues, "send", send)
    waits = timedelta(seconds=77)
    use(monkeypatch, Transient("throttled", "Halo asks us to wait.", retry_after=waits), more, end)
    job = await start(world)
    await run.run_job(world.services, msgspec.json.decode(world.queue.pop(), type=ImportPageMessage))
    assert world.jobs.rows[job.id].detail == "Waiting: Halo asks us to wait."
    await run.run_job(world.services, msgspec.json.decode(world.queue.pop(), type=ImportPageMessage))
    assert (world.jobs.rows[job.id].detail, world.jobs.rows[job.id].status) == ("", "running")
    await world.deliver()
    assert delays == [0.0, 77.0, 0.0]


async def test_a_job_that_never_gets_on_ends_in_words_but_progress_starts_the_count_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "MOST_TRIES", 2)
    fault = Transient("halo_unavailable", "Halo is down.")
    use(monkeypatch, fault, more, fault, fault, more, end)
    job = await start(world)
    await world.deliver()
    assert world.jobs.rows[job.id].status == "succeeded"
    use(monkeypatch, fault, fault, fault)
    job = await start(world)
    await world.deliver()
    ended = world.jobs.rows[job.id]
    assert (ended.status, ended.detail) == ("failed", "Stopped after 2 tries in a row: Halo is down.")


async def test_a_refusal_ends_the_job_with_its_cure_and_frees_the_kind(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, Refused("no_tax", "Halo has no tax of zero.", cure="Make one."), LostLease(), end)
    job = await start(world)
    await world.deliver()
    assert world.jobs.rows[job.id].detail == "Halo has no tax of zero. Make one."
    again = await start(world)
    await world.deliver()
    assert world.jobs.rows[again.id].status == "succeeded"


async def test_a_kind_that_this_version_does_not_know_ends_in_words(world: World) -> None:
    job = await start(world)
    await world.deliver()
    assert world.jobs.rows[job.id].detail == "This version of the app has no work jobs."


async def test_a_message_that_the_host_gave_up_on_ends_its_job_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, end)
    job = await start(world)
    await run.give_up(world.services, ImportPageMessage(job_id=job.id))
    assert world.jobs.rows[job.id].status == "failed"
    await run.give_up(world.services, ImportPageMessage(job_id="nobody"))
    await world.deliver()
    assert world.jobs.rows[job.id].status == "failed"


async def test_cancel_ends_a_job_that_waits_and_what_ended_stays_as_it_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = use(monkeypatch, more, end)
    job = await start(world)
    cancelled = await jobs.cancel(world.services, job)
    assert cancelled.status == "cancelled"
    await world.deliver()
    assert runner.calls == 0
    ended = await jobs.finish(world.services, job, "succeeded", "Too late.")
    assert ended.status == "cancelled"
