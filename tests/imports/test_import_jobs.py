"""How an import runs: once at a time, over messages, through faults, deaths and cancelling."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from bc.errors import NeedsAuthorization, Refused, Transient, UnknownOutcome
from bc.imports import pace
from bc.imports import run as running
from bc.imports.request import Choice, ImportRequest, start_import
from bc.jobs import jobs, keeper
from bc.jobs.run import run_job
from bc.model import ImportPageMessage, Job
from tests.imports.imports_world import World, a_bc_customer, a_world, add_client, counts


async def test_the_same_kind_runs_once_at_a_time_and_cancel_frees_it() -> None:
    world = a_world(2)
    first = await start_import(world.services, world.connection, "customers", ImportRequest(all=True))
    with pytest.raises(jobs.JobRunning) as refused:
        await start_import(world.services, world.connection, "customers", ImportRequest(all=True))
    assert refused.value.job_id == first.id
    await jobs.cancel(world.services, world.jobs.rows[first.id])
    await world.deliver()
    assert world.jobs.rows[first.id].status == "cancelled"
    assert world.halo.saves == []
    assert (await world.run()).status == "succeeded"


async def test_cancel_stops_between_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "BLOCK", 5)
    world = World()
    world.bc.rows = [a_bc_customer(number) for number in range(1, 31)]
    job = await start_import(world.services, world.connection, "customers", ImportRequest(all=True))
    before = world.halo.save

    async def save(resource: str, rows: Any, **how: Any) -> Any:
        if resource == "Client":
            await jobs.cancel(world.services, world.jobs.rows[job.id])
        return await before(resource, rows, **how)

    monkeypatch.setattr(world.halo, "save", save)
    await world.deliver()
    assert world.jobs.rows[job.id].status == "cancelled"
    assert len(world.halo.clients) == len(world.links.rows) == 5


async def test_a_throttled_halo_puts_the_job_off_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = a_world(6)
    monkeypatch.setattr(running, "BLOCK", 2)
    before, calls = world.halo.save, [0]

    async def save(resource: str, rows: Any, **how: Any) -> Any:
        calls[0] += 1
        if calls[0] % 3 == 0:
            raise Transient("throttled", "Halo asks us to wait.")
        return await before(resource, rows, **how)

    monkeypatch.setattr(world.halo, "save", save)
    job = await world.run()
    assert job.status == "succeeded"
    assert (job.done, len(world.halo.clients)) == (6, 7)
    assert len(world.links.rows) == 5


async def test_an_answer_that_got_lost_doubles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = a_world(6)
    before, lost = world.halo.save, [True, True, True]

    async def save(resource: str, rows: Any, **how: Any) -> Any:
        answer = await before(resource, rows, **how)
        if resource == "Client" and lost and lost.pop():
            raise UnknownOutcome("halo_unavailable", "The answer never came.")
        return answer

    monkeypatch.setattr(world.halo, "save", save)
    job = await world.run()
    assert counts(job) == {"created": 2, "updated": 3, "unchanged": 0, "skipped": 1, "failed": 0}
    assert len(world.halo.clients) == 7


async def test_a_connection_that_cannot_sign_in_ends_the_job_with_the_cure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = a_world(2)

    async def page(*_: Any, **__: Any) -> Any:
        raise NeedsAuthorization("needs_authorization", "The sign-in expired.", cure="Authorize it again.")

    monkeypatch.setattr(world.bc, "page", page)
    job = await world.run()
    assert (job.status, job.detail) == ("failed", "The sign-in expired. Authorize it again.")
    assert world.connection.status == "needs_authorization"
    with pytest.raises(Refused) as refused:
        await world.run()
    assert refused.value.code == "connection_not_ready"


async def test_a_removed_connection_stops_its_job() -> None:
    world = a_world(2)
    job = await start_import(world.services, world.connection, "customers", ImportRequest(all=True))
    world.connections.connection = msgspec.structs.replace(world.connection, id="another")
    await world.deliver()
    assert world.jobs.rows[job.id].status == "cancelled"


async def test_a_time_limit_passes_the_job_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "MESSAGE_SECONDS", 0.0)
    monkeypatch.setattr(running, "BLOCK", 3)
    world = World()
    world.bc.rows = [a_bc_customer(number) for number in range(1, 11)]
    job = await world.run()
    assert (job.status, job.created, job.done) == ("succeeded", 10, 10)


async def test_what_a_person_sees_moves_each_second_of_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock of its own: a call to Halo takes 0.3 s, one to BC 2 s, one to storage 5 ms."""
    world = a_world_to_be_read(120)
    world.bc.rows += [a_bc_customer(number) for number in range(121, 241)]
    clock, shown = [1000.0], list[tuple[float, int, str]]()
    monkeypatch.setattr(running, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr(pace, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    def takes(part: Any, seconds: float) -> None:
        before = part.call

        async def call(act: Any) -> Any:
            clock[0] += seconds
            return await before(act)

        monkeypatch.setattr(part, "call", call)

    for part, seconds in ((world.halo, 0.3), (world.bc, 2.0), (world.jobs, 0.005), (world.links, 0.005)):
        takes(part, seconds)
    update = world.jobs.update

    async def seen(job_id: str, change: Any) -> Job:
        job = await update(job_id, change)
        shown.append((clock[0], job.done, job.detail))
        return job

    monkeypatch.setattr(world.jobs, "update", seen)
    job = await world.run()
    assert (job.status, job.done) == ("succeeded", 240)
    gaps = [after[0] - before[0] for before, after in itertools.pairwise(shown)]
    # One call that was under way may add to the second; BC's page is one call of two.
    assert sorted(gaps)[-2] < 1.0 + 4 * 0.3 + 0.1
    assert max(gaps) < 1.0 + 2.0 + 0.4
    assert sum(before[1:] != after[1:] for before, after in itertools.pairwise(shown)) > len(gaps) * 0.9


def a_world_to_be_read(customers: int) -> World:
    """Nobody matches by number or name, so every one of Halo's records is read in full for its tax number."""
    world = World()
    world.bc.rows = [a_bc_customer(number) for number in range(1, customers + 1)]
    for number in range(1, customers + 1):
        add_client(world, number, name=f"Other {number}", tax_number=f"GB {number:09}")
    return world


async def test_a_long_reading_of_halo_is_spread_over_messages_and_shows_where_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = a_world_to_be_read(23)
    ends_at, most, said = [0], 5, list[str]()
    monkeypatch.setattr(
        keeper.Keeper, "time_is_up", property(lambda _: bool(ends_at[0]) and world.halo.reads >= ends_at[0])
    )
    monkeypatch.setattr(pace, "LEAST_CALLS", 0)
    tell = jobs.tell

    async def listen(services: Any, job_id: str, words: str) -> Job:
        said.append(words)
        return await tell(services, job_id, words)

    monkeypatch.setattr(jobs, "tell", listen)
    job = await start_import(world.services, world.connection, "customers", ImportRequest(all=True))
    messages = 0
    while not world.halo.saves:
        messages += 1
        before = world.halo.reads
        ends_at[0] = before + most
        body = world.queue.pop(0)
        await run_job(world.services, msgspec.json.decode(body, type=ImportPageMessage))
        assert len(world.queue) == (not world.halo.saves)
        assert 0 < world.halo.reads - before <= most + 4, "the readers in flight may end"
        assert world.jobs.rows[job.id].status == "running" or world.halo.saves
    assert messages >= 3
    assert len(world.bc.requests) == 1, "BC's page is not read again"
    assert said[0] == "Reading Halo's list: 0 so far."
    assert any(" of 23." in words for words in said)
    ends_at[0] = 0
    await world.deliver()
    ended = world.jobs.rows[job.id]
    assert (ended.status, ended.updated, ended.done, ended.detail) == (
        "succeeded",
        23,
        23,
        "23 linked or updated.",
    )
    assert world.halo.reads == 23, "each record in full once"


async def test_a_fault_while_halo_is_read_does_not_start_the_reading_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = a_world_to_be_read(12)
    before, calls = world.halo.client, [0]

    async def client(record_id: str) -> Any:
        calls[0] += 1
        if calls[0] == 7:
            raise Transient("throttled", "Halo asks us to wait.")
        return await before(record_id)

    monkeypatch.setattr(world.halo, "client", client)
    job = await world.run()
    assert (job.status, job.updated) == ("succeeded", 12)
    assert calls[0] <= 12 + 4
    assert len(world.bc.requests) == 1


async def test_cancel_ends_a_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    world = a_world_to_be_read(12)
    monkeypatch.setattr(pace, "SHOWN_EACH", 0.0)
    job = await start_import(world.services, world.connection, "customers", ImportRequest(all=True))
    before = world.halo.client

    async def client(record_id: str) -> Any:
        await jobs.cancel(world.services, world.jobs.rows[job.id])
        return await before(record_id)

    monkeypatch.setattr(world.halo, "client", client)
    await world.deliver()
    assert world.jobs.rows[job.id].status == "cancelled"
    assert world.halo.reads <= 4
    assert world.halo.saves == []


async def test_what_another_process_did_meanwhile_is_not_done_from_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two instances take turns: what the first one kept in memory is out of date when its next turn comes."""
    monkeypatch.setattr(keeper, "MESSAGE_SECONDS", 0.0)
    monkeypatch.setattr(running, "BLOCK", 1)
    world = World()
    # The second row, done by the second process, and the fourth, which is the first one's turn, want one Halo record.
    names = ((1, "One"), (2, "Two"), (3, "Three"), (4, "Two"))
    world.bc.rows = [a_bc_customer(number, displayName=name) for number, name in names]
    world.bc.page_size = 2
    add_client(world, 11, name="Two")
    job = await start_import(world.services, world.connection, "customers", ImportRequest(all=True))
    memories: list[dict[str, Any]] = [{}, {}]
    for turn in range(20):
        if not world.queue:
            break
        running._runs.clear()
        running._runs.update(memories[turn % 2])
        body = world.queue.pop(0)
        await run_job(world.services, msgspec.json.decode(body, type=ImportPageMessage))
        memories[turn % 2] = dict(running._runs)
    ended = world.jobs.rows[job.id]
    assert (ended.status, ended.done, ended.skipped) == ("succeeded", 4, 1)
    numbers = [row["accountsid"] for row in world.halo.clients.values()]
    assert len(numbers) == len(set(numbers))
    assert all(
        world.halo.clients[int(link.halo_id)]["accountsid"] == link.bc_number
        for link, _ in world.links.rows.values()
    )


async def test_a_message_of_an_unknown_or_ended_job_does_nothing() -> None:
    world = a_world(2)
    job = await world.run()
    await jobs.wake(world.services, job.id)
    await jobs.wake(world.services, "nobody")
    world.halo.saves.clear()
    await world.deliver()
    assert world.halo.saves == []


def _state(world: World) -> Any:
    """What matters of a world, without the ids that Halo gave out."""
    clients = sorted(
        (
            tuple(
                sorted((key, str(value)) for key, value in row.items() if key not in ("id", "main_site_id"))
            ),
            str(
                {
                    key: value
                    for key, value in world.halo.sites[row["main_site_id"]].items()
                    if "id" not in key
                }
            ),
        )
        for row in world.halo.clients.values()
    )
    links = sorted(
        (link.bc_id, link.bc_number, world.halo.clients[int(link.halo_id)]["accountsid"], link.payload_hash)
        for link, _ in world.links.rows.values()
    )
    return clients, links


def _chosen(world: World) -> list[Choice]:
    ids = [row["id"] for row in world.bc.rows]
    return [
        Choice(ids[0], "link"),
        Choice(ids[2], "create"),
        Choice(ids[3], "link", "15"),
        *(Choice(bc_id, "create") for bc_id in ids[4:7]),
        Choice(ids[7], "skip"),
    ]


@pytest.mark.parametrize("chosen", [False, True])
async def test_death_before_and_after_every_call_ends_like_an_undisturbed_run(
    chosen: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "BLOCK", 3)
    monkeypatch.setattr(running, "FEW_RECORDS", 0)

    def a_start() -> tuple[World, ImportRequest]:
        world = a_world(8)
        world.bc.page_size = 5
        return world, ImportRequest(records=_chosen(world)) if chosen else ImportRequest(all=True)

    calm, request = a_start()
    calm_job = await calm.run(records=request.records, all=request.all)
    failures = len(calm.jobs.failures_of(calm_job.id))
    first_call = 4  # the claim, the request, the row and the message are put down before a worker starts
    for dies_at in range(first_call + 1, calm.life.calls + 1):
        for after in (False, True):
            world, request = a_start()
            job = await start_import(world.services, world.connection, "customers", request)
            world.life.dies_at, world.life.after = dies_at, after
            await world.deliver()
            ended = world.jobs.rows[job.id]
            place = f"died {'after' if after else 'before'} call {dies_at}"
            assert ended.status == "succeeded", place
            assert _state(world) == _state(calm), place
            assert counts(ended) == counts(calm_job), place
            assert ended.done == calm_job.done, place
            assert len(world.jobs.failures_of(job.id)) == failures, place
            assert len(world.halo.links) <= len(world.links.rows), place
            assert len(set(world.cured)) == len(world.links.rows), place
