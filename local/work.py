"""The work a host has in hand: what must end, or be ended, before it stops."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any


class Work:
    """Tasks that outlive the poll or request that began them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def begin[T](self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run it as a task of its own; the task is kept until it ends."""
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def drain(self, patience: float) -> int:
        """Wait up to `patience` seconds for all of it, cancel the rest; returns how many were cancelled."""
        deadline = time.monotonic() + patience
        while self._tasks and (left_over := deadline - time.monotonic()) > 0:
            # One by one, since a batch just received may begin tasks that are not in this set yet.
            await asyncio.wait(self._tasks, timeout=left_over, return_when=asyncio.FIRST_COMPLETED)
        left = list(self._tasks)
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=5)
        return len(left)
