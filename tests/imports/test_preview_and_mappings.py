"""The importer's preview, and links made and undone by hand, on parts in memory."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bc.errors import Gone, Refused
from bc.imports import preview as previewing
from bc.imports.kinds import KINDS
from bc.imports.mappings import AlreadyLinked, link_by_hand, unlink
from bc.imports.preview import PreviewPage, preview
from tests.imports.imports_world import World, a_bc_customer, add_client

CUSTOMERS = KINDS["customers"]


def a_world(customers: int = 5) -> World:
    world = World()
    world.bc.rows = [a_bc_customer(number) for number in range(1, customers + 1)]
    add_client(world, 11, accountsid="C00001", name="By number")
    add_client(world, 12, name="By e-mail", accountsemailaddress="AP2@x.test")
    add_client(world, 13, name="Customer 3 Ltd")
    add_client(world, 14, name="Customer 3 Inc")
    return world


async def a_preview(world: World, *, search: str = "", limit: int = 100, cursor: str = "") -> PreviewPage:
    return await preview(
        world.services, world.connection, "customers", search=search, limit=limit, cursor=cursor
    )


async def test_each_record_has_its_proposal_and_nothing_is_written() -> None:
    world = a_world()
    await link_by_hand(world.services, world.connection, CUSTOMERS, "13", world.bc.rows[4]["id"])
    world.halo.saves.clear()
    page = await a_preview(world)
    found = {row.number: row for row in page.items}
    assert (found["C00001"].match, found["C00001"].halo_id, found["C00001"].matched_by) == (
        "matched",
        "11",
        "number",
    )
    assert (found["C00002"].match, found["C00002"].halo_id, found["C00002"].matched_by) == (
        "matched",
        "12",
        "email",
    )
    assert (found["C00003"].match, found["C00003"].halo_id) == ("matched", "14")
    assert found["C00004"].match == "new"
    assert (found["C00005"].match, found["C00005"].halo_id) == ("linked", "13")
    assert page.counts == {"linked": 1, "matched": 3, "ambiguous": 0, "new": 1}
    assert world.halo.saves == []


async def test_ambiguous_ones_name_their_candidates() -> None:
    page = await a_preview(a_world(), search="customer 3")
    (row,) = page.items
    assert row.match == "ambiguous"
    assert [(candidate.halo_id, candidate.name) for candidate in row.candidates or ()] == [
        ("13", "Customer 3 Ltd"),
        ("14", "Customer 3 Inc"),
    ]


async def test_paging_is_stable_and_reads_both_ends_once() -> None:
    world = a_world(12)
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await a_preview(world, limit=5, cursor=cursor)
        seen += [row.number for row in page.items]
        cursor = page.next
        world.bc.rows.insert(0, a_bc_customer(900 + len(seen)))
    assert seen == [f"C{number:05}" for number in range(1, 13)]
    assert len(world.bc.requests) == 1


async def test_a_foreign_cursor_is_refused() -> None:
    with pytest.raises(ValueError, match="cursor"):
        await a_preview(a_world(), cursor="%%%")


async def test_what_would_cost_too_many_calls_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previewing, "MOST_DETAILS", 1)
    world = a_world()
    page = await a_preview(world)
    assert world.halo.reads == 1
    assert "compared by number and name only" in page.note


async def test_a_preview_does_not_wait_for_a_halo_that_is_out_of_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World()
    world.bc.rows = [a_bc_customer(number) for number in range(1, 7)]
    for number in range(1, 7):
        add_client(world, number, name=f"Other {number}", tax_number=f"GB {number:09}")
    monkeypatch.setattr(previewing, "PATIENCE_SECONDS", 0.3)
    before, read = world.halo.client, list[str]()

    async def client(record_id: str) -> Any:
        if len(read) == 2:
            await asyncio.Event().wait()
        read.append(record_id)
        return await before(record_id)

    monkeypatch.setattr(world.halo, "client", client)
    page = await preview(world.services, world.connection, "customers", search="", limit=50, cursor="")
    assert page.counts == {"linked": 0, "matched": 2, "ambiguous": 0, "new": 4}
    assert page.note.startswith("4 Halo records were compared by number and name only")


async def test_linking_by_hand_brings_what_an_import_would() -> None:
    world = a_world()
    bc_row = world.bc.rows[3]
    link = await link_by_hand(world.services, world.connection, CUSTOMERS, "14", bc_row["id"].upper())
    assert (link.source, link.bc_number, link.halo_id) == ("manual", "C00004", "14")
    client, site = world.halo.clients[14], world.halo.sites[10_014]
    assert (client["accountsid"], client["tax_number"], client["name"]) == (
        "C00004",
        "GB000000004",
        "Customer 3 Inc",
    )
    assert site["delivery_address"]["line1"] == "4 High Street"
    assert world.cured == ["link:c1:customer:14"]
    world.halo.saves.clear()
    again = await link_by_hand(world.services, world.connection, CUSTOMERS, "14", bc_row["id"])
    assert [resource for resource, _ in world.halo.saves] in ([], ["ExternalLink"])
    assert again.linked_at == link.linked_at or again.source == "manual"


async def test_both_ends_must_exist() -> None:
    world = a_world()
    with pytest.raises(Gone) as gone:
        await link_by_hand(world.services, world.connection, CUSTOMERS, "999", world.bc.rows[0]["id"])
    assert gone.value.code == "not_found_in_halo"
    missing = "99999999-0000-0000-0000-000000000000"
    with pytest.raises(Gone) as gone:
        await link_by_hand(world.services, world.connection, CUSTOMERS, "11", missing)
    assert gone.value.code == "not_found_in_bc"
    with pytest.raises(Refused):
        await link_by_hand(world.services, world.connection, CUSTOMERS, "11", "../items")


async def test_neither_end_is_linked_twice_unless_confirmed() -> None:
    world = a_world()
    one, two = world.bc.rows[0]["id"], world.bc.rows[1]["id"]
    await link_by_hand(world.services, world.connection, CUSTOMERS, "11", one)
    with pytest.raises(AlreadyLinked) as refused:
        await link_by_hand(world.services, world.connection, CUSTOMERS, "12", one)
    assert refused.value.code == "bc_record_already_linked"
    with pytest.raises(AlreadyLinked) as refused:
        await link_by_hand(world.services, world.connection, CUSTOMERS, "11", two)
    assert refused.value.code == "halo_record_already_linked"
    link = await link_by_hand(world.services, world.connection, CUSTOMERS, "11", two, confirmed=True)
    assert link.bc_number == "C00002"
    assert len(world.links.rows) == 1


async def test_unlinking_removes_our_row_only() -> None:
    world = a_world()
    await link_by_hand(world.services, world.connection, CUSTOMERS, "11", world.bc.rows[0]["id"])
    world.halo.saves.clear()
    assert await unlink(world.services, world.connection, CUSTOMERS, "11")
    assert not await unlink(world.services, world.connection, CUSTOMERS, "11")
    assert world.halo.saves == []
    assert world.halo.clients[11]["accountsid"] == "C00001"
