"""Large worlds: as many records as asked for, each with a number and an id of its own, and served in pages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import httpx
import pytest

from sandbox.data import Dataset, build
from sandbox.server import running
from sandbox.world import World
from tests.sandbox.bc_client import DELEGATED, bearer

SCALE = 40


@pytest.fixture(scope="module")
def large() -> Dataset:
    return build(7, SCALE, date(2026, 1, 31))


def test_scale_multiplies_the_first_company_and_halo(large: Dataset) -> None:
    company = large.bc.main_company
    assert (len(company.customers), len(company.items)) == (150 * SCALE, 300 * SCALE)
    halo = large.halo
    assert (len(halo.clients), len(halo.items), len(halo.invoices)) == (160 * SCALE, 250 * SCALE, 40 * SCALE)


def test_no_number_and_no_id_comes_twice(large: Dataset) -> None:
    company, halo = large.bc.main_company, large.halo
    for values in (
        [one.number for one in company.customers],
        [one.number for one in company.items],
        [one.id for one in company.customers],
        [one.id for one in company.items],
        [one.id for one in halo.clients],
        [one.id for one in halo.sites],
        [one.id for one in halo.items],
        [line.id for invoice in halo.invoices for line in invoice.lines],
    ):
        assert _different(values)
    assert all(len(one.number) <= 20 for one in (*company.customers,))


def test_the_ways_to_match_keep_their_shares(large: Dataset) -> None:
    ways = [client.matches_by for client in large.halo.clients]
    assert ways.count("number") == 30 * SCALE
    assert ways.count("tax_number") == 25 * SCALE
    assert ways.count("email") == 20 * SCALE
    assert ways.count("name") == 15 * SCALE
    assert ways.count("") > 60 * SCALE
    numbers = {one.number for one in large.bc.main_company.customers}
    assert all(client.bc_number in numbers for client in large.halo.clients if client.matches_by)


def test_the_same_seed_gives_the_same_world(large: Dataset) -> None:
    assert build(7, SCALE, date(2026, 1, 31)) == large


async def test_a_large_company_is_read_in_pages_and_a_reset_may_change_the_scale() -> None:
    world = World(7, SCALE)
    async with running(world, services=("bc",)), httpx.AsyncClient() as http:
        world.bearer = lambda text: bearer(world, text)
        headers = {"Authorization": f"Bearer {DELEGATED}", "Prefer": "odata.maxpagesize=5000"}
        company = f"companies({world.data.bc.main_company.id})"
        url = f"{world.urls['bc']}/v2.0/Production/api/v2.0/{company}/items?$select=number"
        sizes, numbers = [], set()
        while url:
            page = (await http.get(url, headers=headers)).json()
            sizes.append(len(page["value"]))
            numbers |= {one["number"] for one in page["value"]}
            url = page.get("@odata.nextLink", "")
        assert sizes == [5000, 5000, 2000]
        assert len(numbers) == 12_000
        shown = (await http.post(f"{world.urls['control']}/reset", json={"scale": 1})).json()
        assert shown["scale"] == 1
        assert len(world.data.bc.main_company.items) == 300


def _different(values: Iterable[str | int]) -> bool:
    found = list(values)
    return len(found) == len(set(found))
