"""Faults of FAULTS.md that meet an import, and bad input; on parts in memory."""

from __future__ import annotations

from typing import Any

import pytest

from bc.clients.halo import ArrayRefused
from bc.errors import Refused, Transient
from bc.imports.kinds import content_hash
from bc.imports.request import Choice
from bc.model import Job, Link
from tests.imports.imports_world import NOW, World, a_bc_customer, add_client


def a_world(customers: int) -> World:
    world = World()
    world.bc.rows = [a_bc_customer(number) for number in range(1, customers + 1)]
    return world


def an_item(n: int, /, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"{n:08}-0000-0000-0000-000000000000",
        "number": f"I{n}",
        "displayName": f"Item {n}",
        "type": "Service",
        "itemCategoryCode": "",
        "unitPrice": 10,
        "unitCost": 5,
        "blocked": False,
        **fields,
    }


def codes(world: World, job: Job) -> list[str]:
    return sorted(failure.code for failure in world.jobs.failures_of(job.id))


async def test_f36_a_page_larger_than_we_take_is_asked_for_in_smaller_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = a_world(3)
    before, sizes = world.bc.page, list[int]()

    async def page(*where: Any, page_size: int, **how: Any) -> Any:
        sizes.append(page_size)
        if page_size > 500:
            raise Transient("answer_too_large", "More than 64 MiB.")
        return await before(*where, page_size=page_size, **how)

    monkeypatch.setattr(world.bc, "page", page)
    job = await world.run()
    assert (job.status, job.created, sizes) == ("succeeded", 3, [5000, 500])

    async def bomb(*where: Any, **how: Any) -> Any:
        raise Transient("answer_too_large", "More than 64 MiB.")

    monkeypatch.setattr(world.bc, "page", bomb)
    job = await world.run()
    assert (job.status, job.detail) == ("failed", "More than 64 MiB.")


async def test_f37_a_next_link_to_another_host_ends_the_job_and_what_was_imported_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = a_world(4)
    world.bc.page_size = 2
    before = world.bc.page

    async def page(connection: Any, path: str, **how: Any) -> Any:
        if "://evil" in path:
            raise Refused("address_refused", "The next page is at another host.")
        rows, _ = await before(connection, path, **how)
        return rows, "https://evil.example/$skiptoken=2"

    monkeypatch.setattr(world.bc, "page", page)
    job = await world.run()
    assert (job.status, job.created, job.detail) == ("failed", 2, "The next page is at another host.")


async def test_f38_links_in_a_circle_end_the_job_in_words() -> None:
    world = a_world(30)
    world.bc.page_size, world.bc.loop = 10, True
    job = await world.run()
    assert job.status == "failed"
    assert "led back" in job.detail


async def test_f39_an_empty_page_with_a_next_link_is_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    world = a_world(3)
    before, calls = world.bc.page, [0]

    async def page(connection: Any, path: str, **how: Any) -> Any:
        calls[0] += 1
        if calls[0] == 1:
            return [], "https://bc.test/customers?$skiptoken=0"
        return await before(connection, path, **how)

    monkeypatch.setattr(world.bc, "page", page)
    job = await world.run()
    assert (job.status, job.created, calls[0]) == ("succeeded", 3, 2)


async def test_f40_a_row_that_moves_while_paging_counts_once_with_its_newest_state() -> None:
    world = a_world(10)
    world.bc.page_size = 5
    world.bc.rows.append({**world.bc.rows[1], "phoneNumber": "new", "@odata.etag": 'W/"99"'})
    job = await world.run()
    assert (job.created, job.failed, job.done) == (10, 0, 10)
    assert len(world.links.rows) == 10
    moved = next(row for row in world.halo.clients.values() if row["accountsid"] == "C00002")
    assert world.halo.sites[moved["main_site_id"]]["phonenumber"] == "new"


@pytest.mark.parametrize(("records", "requests"), [(20_000, 4), (20_001, 5)])
async def test_f46_twenty_thousand_records_and_one_take_as_many_requests_as_pages(
    records: int, requests: int
) -> None:
    world = a_world(records)
    for n, row in enumerate(world.bc.rows, 1):
        # Linked and as it was, so that only reading remains.
        add_client(world, n, accountsid=row["number"])
        link = Link(
            connection_id="c1",
            entity="customer",
            halo_id=str(n),
            bc_id=row["id"],
            linked_at=NOW,
            import_hash=content_hash(row),
        )
        world.links.put(link)
    job = await world.run()
    assert (job.status, job.done, job.total, job.unchanged) == ("succeeded", records, records, records)
    assert len(world.bc.requests) == requests
    assert world.halo.saves == []
    assert world.halo.reads == 0


async def test_f60_overlong_texts_of_bc_end_as_the_reason_that_halo_gives() -> None:
    world = a_world(100)
    world.bc.rows[6]["displayName"] = "x" * 3000
    world.halo.refuse = lambda resource, row: len(str(row.get("name", ""))) > 250
    job = await world.run()
    assert (job.created, job.failed) == (99, 1)
    (failure,) = world.jobs.failures_of(job.id)
    assert (failure.record, failure.code) == ("C00007", "halo_rejected")


async def test_f62_a_blocked_record_is_created_only_when_a_person_asks_for_it() -> None:
    world = a_world(3)
    world.bc.rows[0]["blocked"] = "All"
    world.bc.rows[1]["blocked"] = "Ship"
    add_client(world, 11, accountsid="C00003")
    world.bc.rows[2]["blocked"] = "All"
    job = await world.run()
    assert (job.created, job.updated, job.skipped) == (1, 1, 1)
    (failure,) = world.jobs.failures_of(job.id)
    assert (failure.record, failure.code) == ("C00001", "customer_blocked")
    assert failure.cure
    chosen = await world.run(records=[Choice(world.bc.rows[0]["id"], "create")])
    assert chosen.created == 1

    world = World()
    world.bc.rows = [an_item(1, blocked=True), an_item(2)]
    job = await world.run("products")
    assert (job.created, job.skipped, codes(world, job)) == (1, 1, ["item_blocked"])


async def test_nulls_unknown_members_and_texts_for_numbers_end_as_reasons() -> None:
    world = World()
    world.bc.rows = [
        an_item(1, displayName=None),
        an_item(2, type="Kit"),
        an_item(3, unitPrice="a lot"),
        an_item(4, unitPrice=None, unitCost=None, blocked=None, itemCategoryCode=None),
        an_item(5, number=None),
        an_item(6, type=None),
        an_item(7, number="same"),
        an_item(8, number="SAME"),
        an_item(9, itemCategoryCode="ODD"),
    ]
    job = await world.run("products")
    assert (job.status, job.created, job.failed) == ("succeeded", 1, 8)
    assert codes(world, job) == [
        "bad_record",
        "bad_record",
        "category_not_mapped",
        "duplicate_number",
        "duplicate_number",
        "item_type_unknown",
        "item_type_unknown",
        "name_missing",
    ]
    reasons = {failure.record: failure for failure in world.jobs.failures_of(job.id)}
    assert "ODD" in reasons["I9"].message
    assert "default product group" in reasons["I9"].cure
    customers = a_world(2)
    customers.bc.rows[0] |= dict.fromkeys(
        ("addressLine1", "city", "country", "phoneNumber", "email", "taxRegistrationNumber", "blocked")
    )
    assert (await customers.run()).created == 2


@pytest.mark.parametrize("orders", [True, False])
async def test_an_array_that_halo_refused_but_kept_in_part_is_not_created_again(orders: bool) -> None:
    world = a_world(100)
    add_client(world, 11, accountsid="OTHER")
    world.halo.keeps_part, world.halo.orders = True, orders
    world.halo.refuse = lambda resource, row: row.get("accountsid") in ("C00007", "C00070")
    job = await world.run()
    assert (job.created, job.failed, codes(world, job)) == (98, 2, ["halo_rejected"] * 2)
    numbers = [row["accountsid"] for row in world.halo.clients.values()]
    assert len(numbers) == len(set(numbers)) == 99


async def test_an_update_that_halo_left_out_of_its_answer_is_not_taken_for_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = a_world(3)
    for n in (1, 2, 3):
        add_client(world, n, accountsid=f"C{n:05}")
    before = world.halo.save

    async def save(resource: str, rows: Any, **how: Any) -> Any:
        if resource != "Client":
            return await before(resource, rows, **how)
        if len(rows) == 1 and rows[0]["id"] == 2:
            raise Refused("halo_rejected", "Halo says no.")
        kept = [row for row in rows if row["id"] != 2]
        try:
            return await before(resource, kept, **how)
        except ArrayRefused as refused:
            raise AssertionError from refused

    monkeypatch.setattr(world.halo, "save", save)
    job = await world.run()
    assert (job.updated, job.failed) == (2, 1)
    (failure,) = world.jobs.failures_of(job.id)
    assert failure.record == "C00002"


async def test_a_country_goes_to_halo_as_the_id_of_its_entry_where_sites_hold_ids() -> None:
    world = a_world(1)
    world.halo.lookups_of[51] = {826: {"id": 826, "lookupid": 51, "name": "United Kingdom", "value2": "GB"}}
    add_client(world, 11, accountsid="X")
    world.halo.sites[10_011]["country_code"] = "826"
    await world.run()
    made = next(row for row in world.halo.clients.values() if row["accountsid"] == "C00001")
    assert world.halo.sites[made["main_site_id"]]["country_code"] == "826"
    world.halo.saves.clear()
    world.bc.rows[0]["phoneNumber"] = "1"
    await world.run()
    assert world.halo.saves == [("Site", 1)]
