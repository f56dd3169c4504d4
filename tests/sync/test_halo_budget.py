"""The last tenth of Halo's calls is kept for people; the ceiling holds over all of them together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from unittest.mock import patch

import pytest

from bc.errors import Throttled
from bc.store import Store
from bc.sync.halo_budget import HaloBudget
from bc.sync.patience import a_person_waits, for_a_person

CEILING = 40


async def flood(budget: HaloBudget) -> int:
    """Calls made by nobody in particular until the next would have to wait."""
    made, dry, budgets = 0, asyncio.Event(), budget._budgets
    take = budgets.take_halo

    async def watched(n: int, ceiling: int, *, kept: int = 0) -> tuple[int, float]:
        granted, wait = await take(n, ceiling, kept=kept)
        if not granted:
            dry.set()
        return granted, wait

    with patch.object(budgets, "take_halo", watched):
        while True:
            call, ended = asyncio.create_task(budget.take(1)), asyncio.create_task(dry.wait())
            await asyncio.wait([call, ended], return_when=asyncio.FIRST_COMPLETED)
            ended.cancel()
            if dry.is_set():
                call.cancel()
                return made
            made += 1


async def test_a_flood_leaves_people_their_share_and_all_together_keep_to_the_ceiling(
    stores: Callable[[], Store],
) -> None:
    instances = [HaloBudget(stores().budgets, CEILING) for _ in range(2)]
    made = sum(await asyncio.gather(*(flood(budget) for budget in instances)))
    assert made <= CEILING - 4
    with for_a_person(0.0):
        for _ in range(4):
            await instances[0].take(1)
        with pytest.raises(Throttled) as caught:
            await instances[1].take(1)
    wait = caught.value.retry_after
    assert wait is not None
    assert 1 <= wait.total_seconds() <= 320
    assert f"{int(wait.total_seconds())} seconds" in caught.value.message
    assert await instances[0]._budgets.halo_used() == CEILING


async def test_a_person_is_served_while_a_flood_waits_for_its_next_call(stores: Callable[[], Store]) -> None:
    budget = HaloBudget(stores().budgets, CEILING)
    await flood(budget)
    waiting = asyncio.create_task(budget.take(1))
    await asyncio.sleep(0)
    with for_a_person():
        await asyncio.wait_for(budget.take(1), 10)
    assert not waiting.done()
    waiting.cancel()


async def test_a_person_is_known_by_the_task_and_what_it_starts_only() -> None:
    assert not a_person_waits()
    with for_a_person(5):
        assert a_person_waits()
    assert not a_person_waits()
