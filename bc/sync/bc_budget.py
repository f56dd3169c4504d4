"""Business Central's 6,000 requests in 5 minutes for each principal: counted over all instances, never run into (F33)."""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from bc.errors import Throttled
from bc.store import budgets as stored

if TYPE_CHECKING:
    from bc.store import Budgets

# A single edit leases a few, a flood soon hundreds: neither wastes the window nor goes to storage for each call.
FIRST_BLOCK = 6
LARGEST_BLOCK = 200
# From this part of the ceiling on calls are spaced, so that a flood slows down and does not stand still.
PACED_FROM = 0.8


@dataclass(slots=True)
class _Leased:
    """What this process may still send for one principal, and until when. Times are monotonic seconds."""

    left: int = 0
    good_until: float = 0.0
    block: int = FIRST_BLOCK
    used: int = 0
    dry_until: float = 0.0
    next_at: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class BcBudget:
    """One per process. Requests are leased from storage in blocks that grow while they are used up in time."""

    def __init__(self, budgets: Budgets, ceiling: int) -> None:
        self._budgets = budgets
        self._ceiling = ceiling
        self._leases: dict[str, _Leased] = {}

    async def take(self, principal: str, requests: int, patience: float) -> None:
        """Wait until `requests` more may be sent. Raises `Throttled` where that is more than `patience` seconds away."""
        leased = self._leases.setdefault(principal, _Leased())
        ends = time.monotonic() + patience
        async with leased.lock:
            if time.monotonic() > leased.good_until:
                # The ceiling holds for any five minutes only if a block is used soon after it was granted.
                leased.left, leased.block = 0, FIRST_BLOCK
            while leased.left < requests:
                await self._lease(principal, leased, requests, ends)
            leased.left -= requests
            await self._pace(leased, requests)

    async def _lease(self, principal: str, leased: _Leased, requests: int, ends: float) -> None:
        wait = leased.dry_until - time.monotonic()
        if wait > 0:
            if leased.dry_until > ends:
                raise _used_up(self._ceiling, wait)
            await asyncio.sleep(wait)
        needed = requests - leased.left
        asked = time.monotonic()
        granted, wait, leased.used = await self._budgets.take_bc(
            principal, needed, max(needed, leased.block), self._ceiling
        )
        if not granted:
            leased.dry_until = time.monotonic() + wait
            return
        good_until = asked + stored.BLOCK_LIFE.total_seconds()
        leased.good_until = min(leased.good_until, good_until) if leased.left else good_until
        leased.left += granted
        leased.block = min(leased.block * 2, LARGEST_BLOCK)

    async def _pace(self, leased: _Leased, requests: int) -> None:
        now = time.monotonic()
        if leased.used < self._ceiling * PACED_FROM:
            leased.next_at = now
            return
        wait = leased.next_at - now
        leased.next_at = max(now, leased.next_at) + requests * stored.WINDOW.total_seconds() / self._ceiling
        if wait > 0:
            await asyncio.sleep(wait)


def _used_up(ceiling: int, wait: float) -> Throttled:
    return Throttled(
        "throttled",
        f"The {ceiling:,} requests in 5 minutes that we allow ourselves at Business Central are used up; "
        f"{math.ceil(wait)} seconds are left.",
        retry_after=timedelta(seconds=wait),
        cure="Nothing to do: it is tried again by itself.",
    )
