"""Imports of accounts, countries and item categories: matching, choices, death at every call; on parts in memory."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bc.imports import run as running
from bc.imports.request import Choice, ImportRequest, start_import
from bc.model import CategoryMapping, ImportKind, Job
from tests.imports.imports_world import World


def a_row(n: int, /, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"{n:08}-0000-0000-0000-000000000000",
        "number": f"6{n:03}",
        "code": f"K{n}",
        "displayName": f"Name {n}",
        "accountType": "Posting",
        "directPosting": True,
        "blocked": False,
        **fields,
    }


def a_world(count: int = 4) -> World:
    world = World()
    world.bc.rows = [a_row(n) for n in range(1, count + 1)]
    return world


def add_code(world: World, halo_id: int, list_id: int = 50, **fields: Any) -> None:
    world.halo.lookups_of[list_id][halo_id] = {"id": halo_id, "lookupid": list_id, "name": "", **fields}


def counts(job: Job) -> tuple[int, int, int, int, int]:
    return job.created, job.updated, job.unchanged, job.skipped, job.failed


def codes(world: World, list_id: int = 50) -> dict[str, str]:
    return {row.get("value2", ""): row["name"] for row in world.halo.lookups_of[list_id].values()}


async def test_only_rows_that_differ_are_written_and_by_code_whatever_its_case() -> None:
    world = a_world(4)
    add_code(world, 1, name="Name 1", value2="6001")
    add_code(world, 2, name="Old name", value2="6002")
    add_code(world, 3, name="NAME 3")
    add_code(world, 9, name="Another company's", value2="6004", dynamics_company_name="Contoso")
    job = await world.run("accounts")
    assert counts(job) == (1, 2, 1, 0, 0)
    assert world.halo.saves == [("Lookup", 1), ("Lookup", 2)]
    table = world.halo.lookups_of[50]
    assert (table[2]["name"], table[3]["name"], table[3]["value2"]) == ("Name 2", "Name 3", "6003")
    created = next(row for row in table.values() if row["name"] == "Name 4")
    assert (created["value2"], created["dynamics_company_name"]) == ("6004", "Northwind UK")
    assert table[9]["name"] == "Another company's"
    world.halo.saves.clear()
    assert counts(await world.run("accounts")) == (0, 0, 4, 0, 0)
    assert world.halo.saves == []


async def test_the_column_is_the_one_that_holds_bcs_codes() -> None:
    world = a_world(2)
    add_code(world, 1, name="Name 1", value2="a remark", value4="6001")
    job = await world.run("accounts")
    assert counts(job) == (1, 0, 1, 0, 0)
    assert {row.get("value4") for row in world.halo.lookups_of[50].values()} == {"6001", "6002"}


async def test_accounts_that_cannot_be_booked_are_left_out_though_bc_ignored_the_filter() -> None:
    world = a_world(1)
    world.bc.rows += [
        a_row(2, accountType="Total"),
        a_row(3, directPosting=False),
        a_row(4, blocked=True),
    ]
    job = await world.run("accounts")
    assert (counts(job), job.total) == ((1, 0, 0, 0, 0), 1)
    assert "directPosting eq true" in str(world.bc.requests[0][1])


async def test_two_entries_of_the_name_are_left_to_a_person_who_chooses_one() -> None:
    world = a_world(1)
    add_code(world, 1, 51, name="Name 1")
    add_code(world, 2, 51, name="name  1")
    job = await world.run("countries")
    assert counts(job) == (0, 0, 0, 1, 0)
    (failure,) = world.jobs.failures_of(job.id)
    assert (failure.code, failure.record) == ("ambiguous_match", "K1")
    chosen = [Choice(world.bc.rows[0]["id"], "link", "2")]
    assert counts(await world.run("countries", records=chosen)) == (0, 1, 0, 0, 0)
    assert world.halo.lookups_of[51][2]["value2"] == "K1"
    again = await world.run("countries", records=[Choice(world.bc.rows[0]["id"], "link", "1")])
    assert [failure.code for failure in world.jobs.failures_of(again.id)] == ["bc_record_already_linked"]
    skipped = await world.run("countries", records=[Choice(world.bc.rows[0]["id"], "skip")])
    assert counts(skipped) == (0, 0, 0, 1, 0)


async def test_bad_rows_of_a_list_end_as_reasons() -> None:
    world = a_world(3)
    world.bc.rows[0] |= {"code": None, "displayName": None}
    world.bc.rows[1] |= {"displayName": None}
    world.bc.rows += [a_row(4, code="k3"), a_row(5, code="K" * 11)]
    job = await world.run("countries")
    assert counts(job) == (1, 0, 0, 0, 4)
    found = sorted(failure.code for failure in world.jobs.failures_of(job.id))
    assert found == ["bad_record", "duplicate_number", "duplicate_number", "field_too_long"]
    assert codes(world, 51) == {"K2": "K2"}


async def test_one_refused_code_of_a_hundred_leaves_the_other_99_alone() -> None:
    world = a_world(100)
    world.halo.refuse = lambda resource, row: row.get("value2") == "6007"
    job = await world.run("accounts")
    assert counts(job) == (99, 0, 0, 0, 1)
    assert len(world.halo.lookups_of[50]) == 99


async def test_categories_take_the_mapped_group_a_namesake_or_a_new_one() -> None:
    world = a_world(5)
    world.bc.rows[4]["displayName"] = "Name 4"
    world.halo.groups |= {
        1: {"id": 1, "name": "Ours"},
        2: {"id": 2, "name": "name 2"},
        3: {"id": 3, "name": "k3"},
    }
    world.set(
        item_group_mappings=(
            CategoryMapping("k1", "1"),
            CategoryMapping("K2", "77"),
            CategoryMapping("Z", "3"),
        )
    )
    job = await world.run("item_categories")
    assert counts(job) == (2, 2, 1, 0, 0)
    mapped = {row.category_code: row.group_id for row in world.connection.settings.item_group_mappings}
    (made,) = [str(group["id"]) for group in world.halo.groups.values() if group["name"] == "Name 4"]
    assert mapped == {"k1": "1", "K2": "2", "Z": "3", "K3": "3", "K4": made, "K5": made}
    world.halo.saves.clear()
    assert counts(await world.run("item_categories")) == (0, 0, 5, 0, 0)
    assert world.halo.saves == []


async def test_a_default_account_that_halo_does_not_know_stops_an_import_of_products() -> None:
    world = a_world(1)
    await world.run("accounts")
    world.set(item_default_group="1", default_sales_account="9999")
    job = await world.run("products")
    assert job.status == "failed"
    assert "9999 is not among the account codes" in job.detail


def _state(world: World) -> Any:
    rows = [
        sorted((row.get("value2", ""), row["name"]) for row in table.values())
        for table in world.halo.lookups_of.values()
    ]
    groups = {str(group["id"]): group["name"] for group in world.halo.groups.values()}
    mapped = [
        (row.category_code, groups[row.group_id]) for row in world.connection.settings.item_group_mappings
    ]
    return rows, sorted(groups.values()), sorted(mapped)


@pytest.mark.parametrize("kind", ["accounts", "item_categories"])
async def test_death_before_and_after_every_call_ends_like_an_undisturbed_run(
    kind: ImportKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "BLOCK", 3)

    def a_start() -> World:
        world = a_world(8)
        world.bc.page_size = 5
        add_code(world, 1, name="Old", value2="6001")
        add_code(world, 2, name="Name 3")
        world.halo.groups |= {1: {"id": 1, "name": "Name 1"}}
        world.halo.refuse = lambda resource, row: row.get("name") == "Name 7"
        return world

    calm = a_start()
    calm_job = await calm.run(kind)
    assert calm_job.failed == 1
    for dies_at in range(5, calm.life.calls + 1):
        for after in (False, True):
            world = a_start()
            job = await start_import(world.services, world.connection, kind, ImportRequest(all=True))
            world.life.dies_at, world.life.after = dies_at, after
            await world.deliver()
            place = f"died {'after' if after else 'before'} call {dies_at}"
            ended = world.jobs.rows[job.id]
            assert ended.status == "succeeded", place
            assert _state(world) == _state(calm), place
            assert counts(ended) == counts(calm_job), place
            assert msgspec.structs.replace(ended, detail="").done == calm_job.done, place
