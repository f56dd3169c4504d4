"""Previews that take longer than a request may: worked out beside it, and asked for again until they are there.

Halo gives a few hundred calls in five minutes and a list of 25,000 takes 250 of them, while the platform cuts a
request off after 230 s. So the work is a task of the process: who asks waits for it a while, and is then told how far it is.
A process that ends takes its task along; the next look begins anew, and nothing was written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import Context
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bc.errors import Transient
from bc.imports.pace import Pace

ANSWER_SECONDS = 60.0
ASK_AGAIN = timedelta(seconds=5)
UNASKED_SECONDS = 120.0
"""A reading that nobody has asked for in so long is given up: Halo's calls are for who still waits."""

type Key = tuple[str, str]


@dataclass(slots=True)
class _Reading[T]:
    task: asyncio.Task[T]
    words: str
    giving_up: asyncio.TimerHandle | None = None


class Readings[T]:
    """At most one reading for each key at a time, shared by all who ask for it."""

    def __init__(self, answer_seconds: float = ANSWER_SECONDS) -> None:
        self.answer_seconds = answer_seconds
        self._under_way: dict[Key, _Reading[T]] = {}

    async def get(self, key: Key, read: Callable[[Pace], Coroutine[Any, Any, T]]) -> T:
        """What `read` makes. Raises what it raises, and `Transient` `still_reading` with its progress when it takes long.

        `read` keeps its result itself, since it may end while nobody waits.
        """
        reading = self._under_way.get(key) or self._begin(key, read)
        if reading.giving_up:
            reading.giving_up.cancel()
        done, _ = await asyncio.wait([reading.task], timeout=self.answer_seconds)
        if not done:
            loop = asyncio.get_running_loop()
            reading.giving_up = loop.call_later(UNASKED_SECONDS, reading.task.cancel)
            raise Transient(
                "still_reading",
                reading.words,
                cure="It goes on meanwhile: ask again in a few seconds.",
                retry_after=ASK_AGAIN,
            )
        return reading.task.result()

    def _begin(self, key: Key, read: Callable[[Pace], Coroutine[Any, Any, T]]) -> _Reading[T]:
        async def tell(words: str, *, may_stop: bool) -> None:
            reading.words = words

        # In a context of its own: how long one request waits for a call must not end what others wait for too.
        task = asyncio.create_task(read(tell), name=f"reading {key[1]}", context=Context())
        reading = _Reading(task, "Reading both systems.")
        self._under_way[key] = reading
        task.add_done_callback(lambda ended: self._end(key, ended))
        return reading

    def _end(self, key: Key, ended: asyncio.Task[T]) -> None:
        self._under_way.pop(key, None)
        if not ended.cancelled():
            # Nobody may be waiting for its failure: the next look begins anew and meets it.
            ended.exception()
