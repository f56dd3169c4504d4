"""BC's limits for each user: 5 requests run, 95 wait, 6,000 in any 5 minutes (BC_API 6).

Counted whether the limits are on or not: `max_in_flight`, the most requests of one user here at once, running or
waiting; `max_running` of these at work. With the limits on also `max_in_5_minutes`, the most let through in one window
(the switch `limit_rate_seconds` shortens it).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

from sandbox.bc.errors import Refusal
from sandbox.world import World


class Gate:
    """Lets requests through as the switches allow; without `bc.limits` it only counts and takes time."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._here: defaultdict[str, int] = defaultdict(int)
        self._running: defaultdict[str, int] = defaultdict(int)
        self._waiting: defaultdict[str, deque[asyncio.Future[None]]] = defaultdict(deque)
        self._recent: defaultdict[str, deque[float]] = defaultdict(deque)

    @asynccontextmanager
    async def place(self, principal: str, parts: int = 1) -> AsyncIterator[None]:
        """One of the running places for `principal`; `parts` requests count against the rate.

        Refuses with 429 where rate or queue are full, and with 503 after too long a wait.
        """
        limited = bool(self._switch("limits"))
        self._here[principal] += 1
        self.world.counters.highest("bc", "max_in_flight", self._here[principal])
        try:
            if limited:
                self._count(principal, parts)
            await self._enter(principal, limited=limited)
            self.world.counters.highest("bc", "max_running", self._running[principal])
            try:
                seconds = float(self._switch("seconds_per_request"))
                if seconds:
                    await asyncio.sleep(seconds)
                yield
            finally:
                self._leave(principal)
        finally:
            self._here[principal] -= 1

    def _switch(self, name: str) -> Any:
        return self.world.switch(f"bc.{name}")

    def _count(self, principal: str, parts: int) -> None:
        """Refuse what is over rate or queue; a request that is refused counts for neither."""
        recent, rate = self._window(principal), self._switch("limit_rate")
        if len(recent) + parts > rate:
            raise self._too_many(len(recent) + parts, rate)
        running, queued = self._switch("limit_running"), self._switch("limit_queued")
        waiting = len(self._waiting[principal])
        if (self._running[principal] >= running or waiting) and waiting >= queued:
            raise self._too_many(running + waiting + 1, running + queued)
        recent.extend([self.world.clock.now().timestamp()] * parts)
        self.world.counters.highest("bc", "max_in_5_minutes", len(recent))

    def _window(self, principal: str) -> deque[float]:
        """When the requests of the last window came."""
        recent = self._recent[principal]
        first = self.world.clock.now().timestamp() - float(self._switch("limit_rate_seconds"))
        while recent and recent[0] <= first:
            recent.popleft()
        return recent

    async def _enter(self, principal: str, *, limited: bool) -> None:
        most, queue = self._switch("limit_running"), self._waiting[principal]
        if not limited or (self._running[principal] < most and not queue):
            self._running[principal] += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        self.world.counters.highest("bc", "max_queued", len(queue))
        try:
            async with asyncio.timeout(self._switch("limit_wait_seconds")):
                await turn
        except TimeoutError:
            self._give_up(principal, turn)
            raise Refusal(503, "Application_TooManyRequests", "The request waited too long.") from None
        except asyncio.CancelledError:
            self._give_up(principal, turn)
            raise

    def _give_up(self, principal: str, turn: asyncio.Future[None]) -> None:
        """Stop waiting; a place that was handed over in the same moment goes on to the next."""
        queue = self._waiting[principal]
        if turn in queue:
            queue.remove(turn)
        elif not turn.cancelled():
            self._leave(principal)

    def _leave(self, principal: str) -> None:
        """Hand the place to the next that waits, or give it back."""
        queue = self._waiting[principal]
        while queue:
            turn = queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._running[principal] -= 1

    def _too_many(self, actual: int, most: int) -> Refusal:
        self.world.counters.count("bc", "throttled")
        return Refusal(
            429,
            "Application_TooManyRequests",
            f"Too many requests reached. Actual ({actual}). Maximum ({most}).",
            headers=self._retry_after(),
            plain=True,
        )

    def _retry_after(self) -> dict[str, str]:
        wanted = self._switch("retry_after")
        if not wanted:
            return {}
        if wanted == "date":
            return {
                "Retry-After": format_datetime(self.world.clock.now() + timedelta(seconds=5), usegmt=True)
            }
        return {"Retry-After": str(wanted)}
