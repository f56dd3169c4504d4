"""Group commit: writes to one partition that come at the same time, or while another is under way, are one transaction.

In a flood many pushes write to the same few partitions at the same time, and a request to storage costs this process far
more than a row in it. A lone write goes at once, as it came. What one caller writes stays whole within one transaction,
is answered once it is stored, and is refused alone where its own guard does not hold.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from bc.errors import Transient
from bc.store.rows import Properties, Stale

TRANSACTION = 100
PAUSE_SECONDS = 0.03
# A transaction holds 4 MiB, with all that its parts are wrapped in.
MOST_CHARACTERS = 1_000_000


@dataclass(frozen=True, slots=True)
class Write:
    """One write of a transaction. `etag` guards a replace or delete; a put needs none and always succeeds."""

    operation: Literal["insert", "replace", "put", "delete"]
    key: str
    properties: Properties | None = None
    etag: str = ""


@dataclass(slots=True)
class _Waiting:
    writes: Sequence[Write]
    answer: asyncio.Future[list[str]]


class Groups:
    """The writes of one table. `write_apart` carries out one transaction; raises `Stale` for a guard."""

    def __init__(self, write_apart: Callable[[str, Sequence[Write]], Awaitable[list[str]]]) -> None:
        self._write_apart = write_apart
        self._waiting: dict[str, list[_Waiting]] = {}
        """By partition that is being written to."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def write(self, partition: str, writes: Sequence[Write]) -> list[str]:
        """As `Table.write`."""
        mine = _Waiting(writes, asyncio.get_running_loop().create_future())
        if partition in self._waiting:
            self._waiting[partition].append(mine)
        else:
            self._waiting[partition] = [mine]
            task = asyncio.create_task(self._write_all(partition), name=f"write to {partition}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await mine.answer

    async def _write_all(self, partition: str) -> None:
        """Write until nobody waits. The task begins in the next turn of the loop: who comes in this one is in time."""
        try:
            while self._waiting[partition]:
                group = self._next_group(partition)
                while group:
                    group = await self._try(partition, group)
                if self._waiting[partition]:
                    # Others come fast: a moment later they are more.
                    await asyncio.sleep(PAUSE_SECONDS)
        finally:
            for left in self._waiting.pop(partition):
                left.answer.cancel()

    def _next_group(self, partition: str) -> list[_Waiting]:
        """As many of those that wait as fit into a transaction, which takes no key twice; in the order they came."""
        group: list[_Waiting] = []
        later: list[_Waiting] = []
        keys: set[str] = set()
        held: set[str] = set()
        characters = 0
        for one in self._waiting[partition]:
            if one.answer.done():
                continue  # its caller was cancelled before it began
            own = {write.key for write in one.writes}
            size = _size(one.writes)
            fits = len(keys) + len(own) <= TRANSACTION and (not group or characters + size <= MOST_CHARACTERS)
            if fits and not own & (keys | held):
                group.append(one)
                keys |= own
                characters += size
            else:
                later.append(one)
                held |= own
        self._waiting[partition] = later
        return group

    async def _try(self, partition: str, group: list[_Waiting]) -> list[_Waiting]:
        """Write a group and answer its callers; those that are left when one of them was refused."""
        try:
            etags = await self._write_apart(partition, [write for one in group for write in one.writes])
        except asyncio.CancelledError:
            for one in group:
                one.answer.cancel()
            raise
        except BaseException as error:  # noqa: BLE001 - handed on to those who wait
            if len(group) > 1 and isinstance(error, Exception) and not isinstance(error, Transient):
                # Nothing was written: one of them is to blame, perhaps the one that the service named.
                blamed = _owner(group, error.index) if isinstance(error, Stale) else None
                for one in [blamed] if blamed else group:
                    await self._try(partition, [one])
                return [one for one in group if one is not blamed] if blamed else []
            for one in group:
                if not one.answer.done():
                    one.answer.set_exception(error)
            return []
        at = 0
        for one in group:
            if not one.answer.done():
                one.answer.set_result(etags[at : at + len(one.writes)])
            at += len(one.writes)
        return []


def _owner(group: Sequence[_Waiting], index: int | None) -> _Waiting | None:
    """Whose the write at this place of the transaction is."""
    if index is None:
        return None
    for one in group:
        if index < len(one.writes):
            return one
        index -= len(one.writes)
    return None


def _size(writes: Sequence[Write]) -> int:
    return sum(
        len(value)
        for write in writes
        for value in (write.properties or {}).values()
        if isinstance(value, (str, bytes))
    )
