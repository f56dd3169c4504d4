"""What the record stores share: reading a page, changing a row until the change holds."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping

from bc.errors import Transient
from bc.store import keys
from bc.store.rows import Codec, Page, Stale
from bc.store.tables import Table

ATTEMPTS = 60
AT_ONCE = 16


async def page[T](
    table: Table,
    codec: Codec[T],
    partition: str,
    within: tuple[str, str],
    *,
    limit: int,
    cursor: str,
    where: Mapping[str, str] | None = None,
    extra: str = "",
) -> Page[T]:
    """Up to `limit` records of a key range in key order, from `cursor` on.

    Raises `ValueError` for a cursor that is not one of this list.
    """
    items: list[T] = []
    last = ""
    async for found in table.query(
        partition=partition,
        start=within[0],
        below=within[1],
        after=key_of(cursor, within),
        where=where,
        extra=extra,
        page_size=limit + 1,
    ):
        if len(items) == limit:
            return Page(items, keys.to_cursor(last))
        items.append(codec.unpack(found.properties))
        last = found.key
    return Page(items, None)


def key_of(cursor: str, within: tuple[str, str]) -> str:
    """The key that a cursor stands for, "" for none. Raises `ValueError` for one that is not of this range of keys."""
    key = keys.from_cursor(cursor)
    if key and not within[0] <= key < within[1]:
        raise ValueError("not a cursor of this list")
    return key


async def until_it_holds[T](attempt: Callable[[], Awaitable[T]]) -> T:
    """Repeat a read-change-write while others are quicker. Raises `Transient` when it never comes through."""
    for tried in range(ATTEMPTS):
        try:
            return await attempt()
        except Stale:
            await asyncio.sleep(random.random() * min(0.005 * 2**tried, 0.2))
    raise Transient(
        "storage_busy",
        "Too many workers write the same row of the storage account.",
        cure="It is tried again.",
    )


class Lanes:
    """A lock for each of any number of things, made when it is first asked for."""

    MOST = 20_000

    def __init__(self) -> None:
        self._locks: dict[tuple[str, str], asyncio.Lock] = {}

    def __call__(self, kind: str, name: str) -> asyncio.Lock:
        if len(self._locks) > self.MOST:
            self._locks = {key: lock for key, lock in self._locks.items() if lock.locked()}
        return self._locks.setdefault((kind, name), asyncio.Lock())


async def each[*A, R](calls: Iterable[tuple[*A]], function: Callable[[*A], Awaitable[R]]) -> list[R]:
    """Call a function with each tuple of arguments, some at a time; the answers in order. Raises the first error."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(*arguments: *A) -> R:
        async with gate:
            return await function(*arguments)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(*arguments)) for arguments in calls]
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
