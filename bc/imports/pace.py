"""How a long reading of Halo goes on: it shows where it stands, and leaves the rest to the next message in time."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Protocol

from bc.jobs import jobs

if TYPE_CHECKING:
    from bc.jobs.keeper import Keeper
    from bc.services import Services

SHOWN_EACH = 1.0
# So that each message gets on, however late its reading began.
LEAST_CALLS = 50


class TimeIsUp(Exception):
    """The rest is for the next message. What was read is kept in memory."""


class Pace(Protocol):
    async def __call__(self, words: str, *, may_stop: bool) -> None:
        """Called before each call of a long reading. `may_stop`: raise `TimeIsUp` where another message should go on."""


class JobPace:
    """Shows a job's reading, at most once a second. Halo answers some 90 calls a minute, so thousands take many messages."""

    def __init__(self, services: Services, job_id: str, keeper: Keeper) -> None:
        self._services, self._job_id, self._keeper = services, job_id, keeper
        self._shown_at = -math.inf
        self._calls = 0

    async def __call__(self, words: str, *, may_stop: bool) -> None:
        self._keeper.check()
        self._calls += may_stop
        if self._calls > LEAST_CALLS and self._keeper.time_is_up:
            raise TimeIsUp
        if time.monotonic() - self._shown_at < SHOWN_EACH:
            return
        self._shown_at = time.monotonic()
        shown = await jobs.tell(self._services, self._job_id, words)
        if shown.status in jobs.ENDED:
            raise TimeIsUp


async def unhurried(words: str, *, may_stop: bool) -> None:
    """The pace of a reading that nobody watches."""
