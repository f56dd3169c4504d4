"""A crowd beside the pump: everybody gets a place, in the order of coming, and storage hears of a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from unittest.mock import patch

import pytest

from bc.errors import Throttled
from bc.model import Connection
from bc.settings import Settings
from bc.store import Store, open_store
from bc.sync.bc_budget import BcBudget
from bc.sync.permits import BorrowedPermits

PLACES = 3
CONNECTION = Connection(
    id="c",
    name="n",
    tenant_id="t",
    client_id="x",
    has_secret=True,
    principal="p",
    created_at=datetime.now(UTC),
    updated_at=datetime.now(UTC),
)


@pytest.fixture
async def store(app_settings: Settings) -> AsyncIterator[Store]:
    opened = open_store(app_settings)
    yield opened
    await opened.close()


def borrowing(store: Store) -> BorrowedPermits:
    return BorrowedPermits(store.budgets, BcBudget(store.budgets, 1_000_000), PLACES)


async def waiting(store: Store) -> int:
    return len((await store.budgets._permits.read("permits", "p")).waiting)


async def test_a_crowd_is_served_in_order_and_asks_storage_a_few_at_a_time(store: Store) -> None:
    permits = borrowing(store)
    assert await store.budgets.pump_allowance("p", "pump", PLACES, PLACES) == PLACES
    served: list[int] = []

    async def call(number: int) -> None:
        async with permits.hold(CONNECTION):
            served.append(number)

    crowd = [asyncio.create_task(call(number)) for number in range(40)]
    while await waiting(store) < PLACES:
        await asyncio.sleep(0.05)
    await asyncio.sleep(1)
    assert await waiting(store) == PLACES
    # The pump yields all but one of its places to those who wait.
    for _ in range(2):
        assert await store.budgets.pump_allowance("p", "pump", PLACES, 1) == 1
    await asyncio.gather(*crowd)
    assert sorted(served) == list(range(40))
    # Those who ask at the same time may pass each other; nobody is served before his turn to ask.
    assert all(number - place < PLACES for place, number in enumerate(served)), served


async def test_who_gets_no_place_in_time_is_told_so_while_others_wait_before(store: Store) -> None:
    permits = borrowing(store)
    await store.budgets.pump_allowance("p", "pump", PLACES, PLACES)

    async def call() -> None:
        async with permits.hold(CONNECTION):
            raise AssertionError

    with patch("bc.sync.permits.BORROW_PATIENCE", 1.0):
        told = await asyncio.gather(*(call() for _ in range(3 * PLACES)), return_exceptions=True)
    assert all(isinstance(one, Throttled) and "are taken" in one.message for one in told), told
    assert await waiting(store) == 0
