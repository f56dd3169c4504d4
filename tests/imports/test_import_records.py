"""What an import makes of records: created, linked, brought up to date, left to a person, refused with a reason."""

from __future__ import annotations

import pytest

from bc.imports.request import Choice
from tests.imports.imports_world import COMPANY, World, a_bc_customer, a_world, add_client, counts, links_of


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
