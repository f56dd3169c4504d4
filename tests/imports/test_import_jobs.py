"""Import jobs as a whole, on parts in memory: every result, paging, faults, and death before and after each call."""

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
from tests.imports.imports_world import COMPANY, World, a_bc_customer, add_client


def a_world(customers: int = 4) -> World:
    """BC customers 1..n; Halo knows 1 by number, 2 by tax number, 3 by name, and two that both could be 4."""
    world = World()
    world.bc.rows = [a_bc_customer(number) for number in range(1, customers + 1)]
    add_client(world, 11, accountsid=" c00001 ", name="Anything")
    add_client(world, 12, name="By tax number", tax_number="gb 000000002")
    add_client(world, 13, name="Customer 3 Ltd.", accountsemailaddress="own@x.test; other@x.test")
    add_client(world, 14, name="Customer 4 GmbH")
    add_client(world, 15, name="CUSTOMER 4")
    return world


def counts(job: Job) -> dict[str, int]:
    return {name: getattr(job, name) for name in ("created", "updated", "unchanged", "skipped", "failed")}


def links_of(world: World) -> dict[str, str]:
    return {link.bc_number: link.halo_id for link, _ in world.links.rows.values()}


async def test_everything_is_imported_and_what_is_ambiguous_is_left_to_a_person() -> None:
    world = a_world(6)
    job = await world.run()
    assert (job.status, job.done, job.total) == ("succeeded", 6, 6)
    assert counts(job) == {"created": 2, "updated": 3, "unchanged": 0, "skipped": 1, "failed": 0}
    assert {key: links_of(world)[key] for key in ("C00001", "C00002", "C00003")} == {
        "C00001": "11",
        "C00002": "12",
        "C00003": "13",
    }
    (failure,) = world.jobs.failures_of(job.id)
    assert (failure.record, failure.code) == ("C00004", "ambiguous_match")
    assert "Customer 4 GmbH (14)" in failure.message
    created = next(row for row in world.halo.clients.values() if row["accountsid"] == "C00005")
    site = world.halo.sites[created["main_site_id"]]
    assert (created["name"], created["dbc_company_id"]) == ("Customer 5", COMPANY)
    assert (created["tax_number"], created["accountsemailaddress"]) == ("GB000000005", "ap5@x.test")
    assert site["delivery_address"]["line3"] == "Leeds"
    assert (site["country_code"], site["phonenumber"]) == ("GB", "0113 5")
    assert {row["third_party_id"] for row in world.halo.links} == {
        link.bc_id for link, _ in world.links.rows.values()
    }
    assert len(world.cured) == 5


async def test_a_second_run_writes_nothing_and_reads_no_detail() -> None:
    world = a_world(6)
    await world.run()
    world.halo.saves.clear()
    world.halo.reads = 0
    job = await world.run(
        records=[Choice(row["id"], "link") for row in world.bc.rows if row["number"] != "C00004"]
    )
    assert counts(job)["unchanged"] == 5
    assert world.halo.saves == []
    assert world.halo.reads == 0


async def test_a_change_in_bc_reaches_halo_and_nothing_else() -> None:
    world = a_world(3)
    await world.run()
    world.bc.rows[1]["phoneNumber"] = "999"
    world.halo.saves.clear()
    job = await world.run()
    assert counts(job) == {"created": 0, "updated": 1, "unchanged": 2, "skipped": 0, "failed": 0}
    assert world.halo.saves == [("Site", 1)]
    assert world.halo.sites[10_012]["phonenumber"] == "999"


async def test_a_person_chooses_for_each_record() -> None:
    world = a_world(6)
    ids = [row["id"] for row in world.bc.rows]
    choices = [
        Choice(ids[0], "skip"),
        Choice(ids[1], "update"),
        Choice(ids[2], "create"),
        Choice(ids[3], "link", "15"),
        Choice(ids[4], "link"),
        Choice("99999999-0000-0000-0000-000000000000", "create"),
    ]
    job = await world.run(records=choices)
    assert counts(job) == {"created": 1, "updated": 1, "unchanged": 0, "skipped": 2, "failed": 2}
    assert links_of(world)["C00004"] == "15"
    assert links_of(world)["C00003"] not in ("13", "")
    assert {failure.code for failure in world.jobs.failures_of(job.id)} == {"not_linked", "no_match"}
    assert (job.done, job.total) == (6, 6)
    assert "no longer exist" in job.detail
    assert len(world.bc.requests) == 1
    assert "id eq" in str(world.bc.requests[0][1])


async def test_a_halo_record_that_has_a_link_cannot_be_chosen_again() -> None:
    world = a_world(4)
    await world.run()
    job = await world.run(records=[Choice(world.bc.rows[3]["id"], "link", "11")])
    assert [failure.code for failure in world.jobs.failures_of(job.id)] == ["halo_record_already_linked"]


async def test_a_top_level_limits_the_company_and_takes_its_new_customers() -> None:
    world = World()
    world.set(client_top_level="7")
    world.bc.rows = [a_bc_customer(number) for number in (1, 2, 3)]
    add_client(world, 11, name="Customer 1", toplevel_id=3)
    add_client(world, 12, name="Customer 2", toplevel_id=7)
    job = await world.run()
    assert counts(job) == {"created": 1, "updated": 1, "unchanged": 0, "skipped": 1, "failed": 0}
    (failure,) = world.jobs.failures_of(job.id)
    assert (failure.record, failure.code) == ("C00001", "ambiguous_match")
    assert world.halo.clients[11]["accountsid"] == ""
    created = next(row for row in world.halo.clients.values() if row["accountsid"] == "C00003")
    assert created["toplevel_id"] == 7
    chosen = await world.run(records=[Choice(world.bc.rows[0]["id"], "link", "11")])
    assert (chosen.updated, world.halo.clients[11]["accountsid"]) == (1, "C00001")


async def test_one_refused_record_in_an_array_leaves_the_other_49_alone() -> None:
    world = World()
    world.bc.rows = [a_bc_customer(number) for number in range(1, 51)]
    world.halo.refuse = lambda resource, row: row.get("accountsid") == "C00007"
    job = await world.run()
    assert counts(job) == {"created": 49, "updated": 0, "unchanged": 0, "skipped": 0, "failed": 1}
    (failure,) = world.jobs.failures_of(job.id)
    assert (failure.record, failure.code, failure.message) == ("C00007", "halo_rejected", "Halo says no.")


async def test_a_refused_site_is_shown_and_tried_again_by_the_next_run() -> None:
    world = World()
    world.bc.rows = [a_bc_customer(1)]
    world.halo.refuse = lambda resource, row: resource == "Site"
    assert counts(await world.run())["failed"] == 1
    world.halo.refuse = lambda resource, row: False
    job = await world.run()
    assert counts(job)["updated"] == 1
    assert len(world.halo.clients) == 1


async def test_a_tenant_without_external_links_loses_nothing() -> None:
    world = a_world(3)
    world.halo.refuse = lambda resource, row: resource == "ExternalLink"
    assert counts(await world.run())["updated"] == 3


async def test_bad_rows_end_as_reasons_and_not_as_the_end_of_the_job() -> None:
    world = World()
    world.bc.rows = [
        a_bc_customer(1, number=None),
        a_bc_customer(2, displayName=None),
        a_bc_customer(3, number="dup"),
        a_bc_customer(4, number="DUP "),
        a_bc_customer(5, email=None, addressLine1=None),
    ]
    job = await world.run()
    assert counts(job) == {"created": 1, "updated": 0, "unchanged": 0, "skipped": 0, "failed": 4}
    codes = [failure.code for failure in world.jobs.failures_of(job.id)]
    assert sorted(codes) == ["bad_record", "duplicate_number", "duplicate_number", "name_missing"]


@pytest.mark.parametrize(("records", "size", "requests"), [(20, 10, 2), (21, 10, 3), (0, 10, 1)])
async def test_each_page_is_read_once(records: int, size: int, requests: int) -> None:
    world = World()
    world.bc.rows = [a_bc_customer(number) for number in range(1, records + 1)]
    world.bc.page_size = size
    job = await world.run()
    assert (job.status, job.created, len(world.bc.requests)) == ("succeeded", records, requests)
    assert world.jobs.seen_done == sorted(world.jobs.seen_done)


async def test_a_row_that_moved_to_a_later_page_counts_once() -> None:
    world = World()
    world.bc.rows = [*(a_bc_customer(number) for number in range(1, 11)), a_bc_customer(3)]
    world.bc.page_size = 10
    job = await world.run()
    assert (job.created, job.done, len(world.halo.clients)) == (10, 10, 10)


async def test_links_that_lead_in_a_circle_end_the_job_in_words() -> None:
    world = World()
    world.bc.rows = [a_bc_customer(number) for number in range(1, 31)]
    world.bc.page_size = 10
    world.bc.loop = True
    job = await world.run()
    assert job.status == "failed"
    assert "led back" in job.detail
    assert len(world.bc.requests) <= 3


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


async def test_products_are_imported_with_type_group_and_accounts() -> None:
    world = World()
    world.set(item_default_group="9", default_sales_account="6110")
    world.bc.rows = [
        {
            "id": f"{n:08}-0000-0000-0000-000000000000",
            "number": f"I{n}",
            "displayName": f"Item {n}",
            "type": kind,
            "unitPrice": 10 * n,
            "unitCost": 5,
        }
        for n, kind in enumerate(("Inventory", "Service", "Non_x002D_Inventory", "Unheard"), 1)
    ]
    world.halo.items[5] = {
        "id": 5,
        "name": "item 2",
        "accountsid": "",
        "type": 0,
        "assetgroup_id": 4,
        "costprice": 1,
        "baseprice": 2,
    }
    job = await world.run("products")
    assert counts(job) == {"created": 2, "updated": 1, "unchanged": 0, "skipped": 0, "failed": 1}
    created = next(row for row in world.halo.items.values() if row["name"] == "Item 1")
    assert (created["type"], created["assetgroup_id"], created["nominalcode"], created["baseprice"]) == (
        1,
        9,
        "6110",
        10,
    )
    assert (world.halo.items[5]["assetgroup_id"], world.halo.items[5]["baseprice"]) == (4, 20)
    link = next(link for link, _ in world.links.rows.values() if link.halo_id == "5")
    assert (link.entity, link.bc_type, str(link.bc_cost)) == ("product", "Service", "5")


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
