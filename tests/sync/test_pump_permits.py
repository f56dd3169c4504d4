"""The pump's permits with many principals: it reports for those that it pushes with, and nobody's place is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from unittest.mock import patch

import pytest

from bc.model import Connection
from bc.store import Store
from bc.sync import permits as permits_module
from bc.sync.bc_budget import BcBudget
from bc.sync.permits import AHEAD, PumpPermits

PLACES = 2
MANY = [
    Connection(
        id=f"c{number}",
        name="n",
        tenant_id="t",
        client_id="x",
        has_secret=True,
        principal=f"p{number}",
        created_at=datetime.now(UTC),
        updated_at=datetime.now(UTC),
    )
    for number in range(AHEAD + 1)
]


@pytest.fixture
def pumping(store: Store) -> PumpPermits:
    return PumpPermits(store.budgets, BcBudget(store.budgets, 1_000_000), PLACES)


async def shares(store: Store) -> set[str]:
    """The principals of which some pump holds a share."""
    held = await store.budgets._permits.all("permits")
    return {principal for principal, permits in held.items() if permits.pumps}


@asynccontextmanager
async def idle_at_once() -> AsyncIterator[None]:
    with patch.object(permits_module, "IDLE_SECONDS", 0.0):
        yield


async def test_few_principals_are_reported_for_before_anything_is_pushed(
    store: Store, pumping: PumpPermits
) -> None:
    async with idle_at_once():
        for _ in range(2):
            await pumping.refresh(MANY[:AHEAD])
            assert await shares(store) == {one.principal for one in MANY[:AHEAD]}


async def test_of_many_only_those_are_reported_for_that_something_is_pushed_with(
    store: Store, pumping: PumpPermits
) -> None:
    await pumping.refresh(MANY)
    assert await shares(store) == set()
    async with pumping.hold(MANY[3]):
        await pumping.refresh(MANY)
        assert await shares(store) == {"p3"}
    async with idle_at_once():
        await pumping.refresh(MANY)
    assert await shares(store) == set()
    async with pumping.hold(MANY[3]):
        assert await shares(store) == {"p3"}


async def test_a_call_under_way_keeps_its_share_however_long_it_takes(
    store: Store, pumping: PumpPermits
) -> None:
    async with idle_at_once(), pumping.hold(MANY[0]):
        await pumping.refresh(MANY)
        assert (await store.budgets.bc())["p0"].in_flight == 1
        # What is under way is never given to somebody beside the pump.
        assert await store.budgets.borrow("p0", "one", PLACES, 60) is False


async def test_who_comes_while_a_share_is_given_back_gets_a_place_of_the_next_report(
    store: Store, pumping: PumpPermits
) -> None:
    async with pumping.hold(MANY[0]):
        pass
    leaving, go_on = asyncio.Event(), asyncio.Event()
    give_back = store.budgets.give_back

    async def slowly(principal: str, holder: str) -> None:
        leaving.set()
        await go_on.wait()
        await give_back(principal, holder)

    async def call() -> None:
        async with pumping.hold(MANY[0]):
            assert await shares(store) == {"p0"}

    async with idle_at_once():
        with patch.object(store.budgets, "give_back", slowly):
            refreshing = asyncio.create_task(pumping.refresh(MANY))
            await leaving.wait()
            calling = asyncio.create_task(call())
            done, _ = await asyncio.wait([calling], timeout=0.3)
            assert not done, "the share was on its way back"
            go_on.set()
            await refreshing
        await asyncio.wait_for(calling, 30)


async def test_the_end_of_a_run_gives_every_share_back(store: Store, pumping: PumpPermits) -> None:
    await pumping.refresh(MANY[:AHEAD])
    await pumping.give_back()
    assert await shares(store) == set()
