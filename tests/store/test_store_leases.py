"""Leases: one holder, a growing fence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from bc.settings import Settings
from bc.store import Store, open_store


@dataclass
class Clock:
    at: datetime = datetime(2026, 1, 2, tzinfo=UTC)

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


async def test_only_one_of_many_gets_the_lease(stores: Callable[[], Store]) -> None:
    several = [stores() for _ in range(4)]
    taken = await asyncio.gather(
        *(store.leases.acquire("pump", f"h{n}", 60) for n, store in enumerate(several))
    )
    assert len([lease for lease in taken if lease]) == 1


async def test_the_fence_grows_with_every_new_holder_and_never_restarts(timed: Store, clock: Clock) -> None:
    first = await timed.leases.acquire("pump", "a", 10)
    assert first is not None
    assert first.fence == 1
    assert await timed.leases.acquire("pump", "b", 10) is None
    assert await timed.leases.acquire("pump", "a", 10) is None
    await timed.leases.release(first)
    second = await timed.leases.acquire("pump", "b", 10)
    assert second is not None
    assert second.fence == 2
    clock.pass_seconds(11)
    third = await timed.leases.acquire("pump", "c", 10)
    assert third is not None
    assert third.fence == 3


async def test_a_holder_that_stalled_past_its_end_has_lost(timed: Store, clock: Clock) -> None:
    stalled = await timed.leases.acquire("pump", "a", 10)
    assert stalled is not None
    clock.pass_seconds(11)
    newer = await timed.leases.acquire("pump", "b", 10)
    assert newer is not None
    assert await timed.leases.renew(stalled, 10) is None
    await timed.leases.release(stalled)
    held = await timed.leases.read("pump")
    assert held is not None
    assert (held.holder, held.fence) == ("b", 2)
    assert await timed.leases.renew(newer, 10) is not None


async def test_a_lease_is_renewed_even_late_if_nobody_took_it(timed: Store, clock: Clock) -> None:
    lease = await timed.leases.acquire("pump", "a", 10)
    assert lease is not None
    clock.pass_seconds(30)
    renewed = await timed.leases.renew(lease, 10)
    assert renewed is not None
    assert renewed.fence == 1
    assert await timed.leases.acquire("pump", "b", 10) is None


async def test_a_renewal_whose_answer_was_lost_is_no_loss(timed: Store) -> None:
    lease = await timed.leases.acquire("pump", "a", 10)
    assert lease is not None
    await timed.leases.renew(lease, 10)  # storage took it, we never heard
    renewed = await timed.leases.renew(lease, 10)
    assert renewed is not None
    await timed.leases.release(lease)
    assert await timed.leases.acquire("pump", "b", 10) is not None
