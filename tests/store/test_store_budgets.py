"""Limits over all instances: windows of calls, permits in flight."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bc.settings import Settings
from bc.store import Store, open_store
from bc.store.budgets import BLOCK_LIFE, WINDOW
from bc.store.permits import PUMP_LIFE, WAIT_LIFE, Permits
from bc.store.windows import Window

T0 = datetime(2026, 1, 2, tzinfo=UTC)


@dataclass
class Clock:
    at: datetime = T0

    def __call__(self) -> datetime:
        return self.at

    def pass_seconds(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def timed(app_settings: Settings, clock: Clock) -> AsyncIterator[Store]:
    store = open_store(app_settings, clock)
    yield store
    await store.close()


steps = st.lists(st.tuples(st.floats(0, 90), st.integers(1, 30), st.floats(0, 10)), max_size=60)


@given(steps, st.integers(1, 60))
def test_no_five_minutes_hold_more_halo_calls_than_the_ceiling(
    steps: list[tuple[float, int, float]], ceiling: int
) -> None:
    """Blocks are used up to `BLOCK_LIFE` after they were granted, as late as each step says."""
    now, window = T0, Window()
    calls: list[tuple[datetime, int]] = []
    for pause, wanted, late in steps:
        now += timedelta(seconds=pause)
        window = window.at(now, WINDOW + BLOCK_LIFE)
        granted = min(wanted, ceiling - window.used)
        if granted <= 0:
            assert window.frees_in(now, WINDOW + BLOCK_LIFE) > 0
            continue
        window = window.plus(now, granted)
        calls.append((now + timedelta(seconds=late), granted))
    for start, _ in calls:
        within = sum(n for at, n in calls if start <= at < start + WINDOW)
        assert within <= ceiling


async def test_halo_blocks_of_several_instances_share_one_ceiling(stores: Callable[[], Store]) -> None:
    several = [stores() for _ in range(4)]
    taken = await asyncio.gather(*(store.budgets.take_halo(10, 95) for store in several * 5))
    assert sum(granted for granted, _ in taken) == 95
    assert all(wait > 0 for granted, wait in taken if not granted)


async def test_halo_calls_come_back_after_the_window(timed: Store, clock: Clock) -> None:
    assert await timed.budgets.take_halo(10, 15) == (10, 0.0)
    clock.pass_seconds(60)
    assert await timed.budgets.take_halo(10, 15) == (5, 0.0)
    granted, wait = await timed.budgets.take_halo(10, 15)
    assert granted == 0
    assert 240 < wait < 260
    clock.pass_seconds(wait)
    assert await timed.budgets.take_halo(10, 15) == (10, 0.0)


async def test_bc_requests_are_counted_for_each_principal(timed: Store, clock: Clock) -> None:
    budgets = timed.budgets
    assert await budgets.take_bc("user:a", 1, 5, 10) == (5, 0.0, 5)
    assert await budgets.take_bc("user:b/?", 1, 1, 10) == (1, 0.0, 1)
    clock.pass_seconds(200)
    assert await budgets.take_bc("user:a", 2, 2, 10) == (2, 0.0, 7)
    assert (await budgets.bc())["user:a"].requests == 7
    # Less than asked for, but not less than is needed.
    assert await budgets.take_bc("user:a", 1, 50, 10) == (3, 0.0, 10)
    granted, wait, used = await budgets.take_bc("user:a", 1, 1, 10)
    assert (granted, used) == (0, 10)
    assert 100 < wait < 120
    clock.pass_seconds(wait)
    assert (await budgets.bc())["user:a"].requests == 5
    granted, wait, used = await budgets.take_bc("user:a", 6, 9, 10)
    assert (granted, used) == (0, 5)
    assert 180 < wait < 220
    assert "user:none" not in await budgets.bc()


async def test_the_pump_uses_everything_until_somebody_asks_and_again_afterwards(
    timed: Store, clock: Clock
) -> None:
    budgets = timed.budgets
    assert await budgets.pump_allowance("p", "pump", 5, 0) == 5
    assert not await budgets.borrow("p", "call", 5, 180)
    # The pump learns it now, yet calls it made until now may still be under way.
    assert await budgets.pump_allowance("p", "pump", 5, 5) == 4
    assert not await budgets.borrow("p", "call", 5, 180)
    assert await budgets.pump_allowance("p", "pump", 5, 4) == 4
    assert await budgets.borrow("p", "call", 5, 180)
    assert await budgets.pump_allowance("p", "pump", 5, 4) == 4
    await budgets.give_back("p", "call")
    assert await budgets.pump_allowance("p", "pump", 5, 4) == 5


async def test_long_calls_of_the_pump_keep_their_permits(timed: Store) -> None:
    budgets = timed.budgets
    await budgets.pump_allowance("p", "pump", 5, 0)
    assert not await budgets.borrow("p", "call", 5, 180)
    for _ in range(3):
        assert await budgets.pump_allowance("p", "pump", 5, 5) == 4
        assert not await budgets.borrow("p", "call", 5, 180)


async def test_the_pump_keeps_one_permit_however_many_wait(timed: Store) -> None:
    budgets = timed.budgets
    await budgets.pump_allowance("p", "pump", 5, 0)
    names = [f"call{n}" for n in range(9)]
    for name in names:
        assert not await budgets.borrow("p", name, 5, 180)
    assert await budgets.pump_allowance("p", "pump", 5, 0) == 1
    assert await budgets.pump_allowance("p", "pump", 5, 1) == 1
    got = [name for name in names if await budgets.borrow("p", name, 5, 180)]
    assert got == names[:4]


async def test_borrowers_are_served_in_the_order_of_asking(timed: Store) -> None:
    budgets = timed.budgets
    assert await budgets.borrow("p", "a", 1, 180)
    assert not await budgets.borrow("p", "b", 1, 180)
    assert not await budgets.borrow("p", "c", 1, 180)
    await budgets.give_back("p", "a")
    assert not await budgets.borrow("p", "c", 1, 180)
    assert not await budgets.borrow("p", "late", 1, 180)
    assert await budgets.borrow("p", "b", 1, 180)


async def test_who_died_gives_way(timed: Store, clock: Clock) -> None:
    budgets = timed.budgets
    assert await budgets.pump_allowance("p", "dead pump", 5, 0) == 5
    assert await budgets.pump_allowance("p", "pump", 5, 0) == 0
    assert not await budgets.borrow("p", "dead waiter", 5, 180)
    clock.pass_seconds(max(PUMP_LIFE, WAIT_LIFE).total_seconds() + 1)
    for number in range(5):
        assert await budgets.borrow("p", f"dead {number}", 5, 180)
    assert await budgets.pump_allowance("p", "pump", 5, 0) == 0
    clock.pass_seconds(181)
    assert await budgets.pump_allowance("p", "pump", 5, 0) == 5
    await budgets.give_back("p", "pump")
    assert await budgets.borrow("p", "call", 5, 180)


async def test_with_one_permit_pump_and_callers_take_turns(timed: Store, clock: Clock) -> None:
    pumped = called = 0
    for _ in range(20):
        allowed = await timed.budgets.pump_allowance("p", "pump", 1, 0)
        borrowed = await timed.budgets.borrow("p", "call", 1, 180)
        assert allowed + borrowed <= 1
        pumped += allowed
        called += borrowed
        clock.pass_seconds(1)
        if borrowed:
            await timed.budgets.give_back("p", "call")
            await timed.budgets.borrow("p", "next", 1, 0)
    assert pumped >= 5
    assert called >= 3


@dataclass
class SimulatedPump:
    """What the engine does: report, take the answer as the new bound, start calls up to it."""

    allowed: int = 0
    in_flight: int = 0


@dataclass
class World:
    limit: int
    permits: Permits = field(default_factory=Permits)
    now: datetime = T0
    pumps: dict[str, SimulatedPump] = field(default_factory=dict)
    borrowed: set[str] = field(default_factory=set)

    def step(self, rng: random.Random) -> None:
        self.now += timedelta(seconds=rng.random())
        self.permits = self.permits.at(self.now)
        who = rng.choice(["report", "start", "start", "end", "borrow", "borrow", "back"])
        name = rng.choice(["pump1", "pump2"])
        pump = self.pumps.setdefault(name, SimulatedPump())
        if who == "report" or self.permits.pumps.get(name) is None:
            self.permits, answer = self.permits.pump(name, self.limit, pump.in_flight, self.now)
            # The answer takes a while: calls may start on the old word meanwhile.
            if rng.random() < 0.5:
                pump.in_flight = max(pump.in_flight, pump.allowed)
            pump.allowed = answer
        elif who == "start" and pump.in_flight < pump.allowed:
            pump.in_flight += 1
        elif who == "end" and pump.in_flight:
            pump.in_flight -= 1
        elif who == "borrow":
            call = f"call{rng.randrange(6)}"
            until = self.now + timedelta(hours=1)
            self.permits, granted = self.permits.borrow(call, self.limit, until, self.now)
            if granted:
                self.borrowed.add(call)
        elif who == "back" and self.borrowed:
            call = self.borrowed.pop()
            self.permits = self.permits.without(call)


@given(st.integers(0, 2**32), st.integers(1, 6))
@settings(max_examples=150)
def test_never_more_calls_in_flight_than_the_limit(seed: int, limit: int) -> None:
    rng, world = random.Random(seed), World(limit)
    for _ in range(150):
        # Both pumps report often enough to stay alive.
        for name, pump in world.pumps.items():
            share = world.permits.pumps.get(name)
            if share and share.expires_at - world.now < timedelta(seconds=2):
                world.permits, pump.allowed = world.permits.pump(name, limit, pump.in_flight, world.now)
        world.step(rng)
        assert len(world.borrowed) + sum(pump.in_flight for pump in world.pumps.values()) <= limit


async def test_many_callers_on_many_instances_stay_within_the_limit(stores: Callable[[], Store]) -> None:
    in_flight, most, served = 0, 0, 0

    async def call(store: Store, name: str) -> None:
        nonlocal in_flight, most, served
        while not await store.budgets.borrow("p", name, 5, 180):
            await asyncio.sleep(0.02)
        in_flight += 1
        most = max(most, in_flight)
        await asyncio.sleep(0.02)
        in_flight -= 1
        served += 1
        await store.budgets.give_back("p", name)

    several = [stores() for _ in range(3)]
    await asyncio.gather(*(call(several[n % 3], f"call{n}") for n in range(15)))
    assert served == 15
    assert 1 <= most <= 5
