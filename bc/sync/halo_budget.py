"""Halo's 5-minute ceiling over all instances, and the share of it that is kept for people.

A flood uses up what there is; a person who opens a page or orders one record must not wait minutes for it. So the
last tenth of the ceiling is granted to people only: to calls of console and API, and to pushes that a person ordered
as long as those are few.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bc.errors import Throttled
from bc.store.budgets import BLOCK_LIFE
from bc.sync.patience import patience_left
from bc.sync.permits import asks

if TYPE_CHECKING:
    from bc.store import Budgets

PEOPLES_SHARE: Final = 10
"""One in so many calls is kept for people."""


@dataclass(slots=True)
class _Block:
    """Calls leased and not yet made."""

    left: int = 0
    good_until: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class HaloBudget:
    """Halo calls, leased from storage in blocks so that a call costs no storage trip of its own."""

    BLOCK = 10

    def __init__(self, budgets: Budgets, ceiling: int) -> None:
        self._budgets = budgets
        self._ceiling = ceiling
        self._kept = ceiling // PEOPLES_SHARE
        # People have a block of their own: who waits for the other holds its lock.
        self._others, self._people = _Block(), _Block()

    async def take(self, calls: int) -> None:
        """Wait until `calls` more may be made. Raises `Throttled` where a person has waited long enough."""
        asks("halo")
        patience = patience_left()
        block = self._others if patience is None else self._people
        until = math.inf if patience is None else time.monotonic() + patience
        async with block.lock:
            if time.monotonic() > block.good_until:
                # The ceiling holds for any five minutes only if a block is used soon after it was granted.
                block.left = 0
            while block.left < calls:
                # A person's calls are few: a block would mostly run out unused.
                size = max(calls, min(self.BLOCK, self._ceiling // 10 or 1)) if patience is None else calls
                kept = self._kept if patience is None else 0
                granted, wait = await self._budgets.take_halo(size, self._ceiling, kept=kept)
                block.left += granted
                block.good_until = time.monotonic() + BLOCK_LIFE.total_seconds()
                if granted == 0:
                    pause = min(max(wait, 0.2), 30.0)
                    if time.monotonic() + pause > until:
                        raise _throttled(wait)
                    await asyncio.sleep(pause)
            block.left -= calls


def _throttled(wait: float) -> Throttled:
    seconds = max(1, math.ceil(wait))
    return Throttled(
        "throttled",
        f"All calls that Halo allows us in five minutes are used up; the next is free in {seconds} seconds.",
        retry_after=timedelta(seconds=seconds),
        cure=f"Try again in {seconds} seconds; a large sync or import is running.",
    )
