"""Group reading: reads of neighbouring rows that come at the same time are one query.

In a flood many pushes read at the same moment: the same customer, links whose keys lie side by side, the absence of
errors. A request costs this process far more than a row in it. Each read here is answered by a request that was made
after it was asked for, so nobody is told anything older than by a read of his own.

Several reads are one range from the first to the last, a short page of it: what lies between belongs to nobody. Where
much does, a page or two more begin behind it, what these do not reach is read alone, and everything is for a while.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

# Rows of a page for each row that is looked for.
SPARE = 4
MOST_AT_ONCE = 100
MOST_PAGES = 3
REST_SECONDS = 10.0
# Two may lie far apart, and a page for them gains little.
LEAST_TOGETHER = 3
PAUSE_SECONDS = 0.03


class Range(NamedTuple):
    """Rows with `start <= key < below`."""

    start: str
    below: str


def only(key: str) -> Range:
    """The range that holds one key: "!" stands before all that a key is made of."""
    return Range(key, f"{key}!")


@dataclass(slots=True)
class _Asked[F]:
    within: Range
    answer: asyncio.Future[list[F]]


class Reads[F]:
    """Reads within the partitions of one table, or over its partitions.

    `read` reads a range whole; `page` reads up to so many rows of one and says whether these are all; `key` is what is
    compared. What they raise is raised to everybody who asked.
    """

    def __init__(
        self,
        read: Callable[[str, Range], Awaitable[list[F]]],
        page: Callable[[str, Range, int], Awaitable[tuple[list[F], bool]]],
        key: Callable[[F], str],
    ) -> None:
        self._read, self._page, self._key = read, page, key
        self._waiting: dict[str, list[_Asked[F]]] = {}
        """By partition that is being read."""
        self._rests: dict[str, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def within(self, partition: str, wanted: Range) -> list[F]:
        """The rows of a range, in order of their keys."""
        if time.monotonic() < self._rests.get(partition, 0.0):
            return await self._read(partition, wanted)
        asked = _Asked(wanted, asyncio.get_running_loop().create_future())
        if partition in self._waiting:
            self._waiting[partition].append(asked)
        else:
            self._waiting[partition] = [asked]
            task = asyncio.create_task(self._answer_all(partition), name=f"read {partition}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await asked.answer

    async def _answer_all(self, partition: str) -> None:
        """Read until nobody waits. The task begins in the next turn of the loop: who asks in this one is in time."""
        while self._waiting[partition]:
            waiting = self._waiting[partition]
            group, self._waiting[partition] = waiting[:MOST_AT_ONCE], waiting[MOST_AT_ONCE:]
            try:
                await self._answer(partition, [one for one in group if not one.answer.done()])
            except BaseException as error:
                for one in group:
                    _fail(one.answer, error)
                if isinstance(error, asyncio.CancelledError):
                    for one in self._waiting.pop(partition):
                        _fail(one.answer, error)
                    raise
            if self._waiting[partition]:
                # Others come fast: a moment later they are more.
                await asyncio.sleep(PAUSE_SECONDS)
        del self._waiting[partition]

    async def _answer(self, partition: str, group: Sequence[_Asked[F]]) -> None:
        ranges = sorted({one.within for one in group})
        found = await self._in_pages(partition, ranges)
        left = [wanted for wanted in ranges if wanted not in found]
        rows = await asyncio.gather(*(self._read(partition, wanted) for wanted in left))
        found |= dict(zip(left, rows, strict=True))
        for one in group:
            if not one.answer.done():
                one.answer.set_result(found[one.within])

    async def _in_pages(self, partition: str, ranges: Sequence[Range]) -> dict[Range, list[F]]:
        """Those of the ranges that pages reach, each from the first that is left on: what lies thick is passed over."""
        found: dict[Range, list[F]] = {}
        if len(ranges) < LEAST_TOGETHER:
            return found
        left, pages = list(ranges), 0
        while len(left) > 1 and pages < MOST_PAGES:
            whole = Range(left[0].start, max(wanted.below for wanted in left))
            rows, is_all = await self._page(partition, whole, SPARE * len(left))
            pages += 1
            last = self._key(rows[-1]) if rows else ""
            for wanted in [one for one in left if is_all or one.below <= last]:
                found[wanted] = [row for row in rows if wanted.start <= self._key(row) < wanted.below]
            left = [wanted for wanted in left[1:] if wanted not in found]
        if (len(found) - pages) * 2 < len(ranges) - 1:
            self._rests[partition] = time.monotonic() + REST_SECONDS
        return found


def _fail[F](answer: asyncio.Future[list[F]], error: BaseException) -> None:
    if answer.done():
        return
    if isinstance(error, asyncio.CancelledError):
        answer.cancel()
    else:
        answer.set_exception(error)
