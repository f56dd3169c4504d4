"""Writes to one partition that come at once: stored in few transactions, each refused or answered for itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from bc.errors import Transient
from bc.store import Store
from bc.store.group import TRANSACTION, Groups, Write
from bc.store.rows import Stale


class Storage:
    """Keeps what it is given, and answers once it is let go on."""

    def __init__(self) -> None:
        self.rows: set[str] = set()
        self.written: list[list[str]] = []
        self.begun = False
        self.going_on = asyncio.Event()
        self.fails: Exception | None = None

    async def write(self, partition: str, writes: Sequence[Write]) -> list[str]:
        self.begun = True
        await self.going_on.wait()
        self.written.append([write.key for write in writes])
        if self.fails:
            raise self.fails
        for index, write in enumerate(writes):
            if write.operation == "insert" and write.key in self.rows:
                raise Stale("it is there", index)
        self.rows |= {write.key for write in writes}
        return [f"etag {write.key}" for write in writes]


def insert(*keys: str) -> list[Write]:
    return [Write("insert", key) for key in keys]


async def behind_the_first(groups: Groups, *calls: list[Write], storage: Storage) -> list[Any]:
    tasks = [asyncio.create_task(groups.write("p", calls[0]))]
    while not storage.begun:
        await asyncio.sleep(0)
    tasks += [asyncio.create_task(groups.write("p", call)) for call in calls[1:]]
    await asyncio.sleep(0)
    storage.going_on.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_comes_while_a_write_is_under_way_shares_a_transaction() -> None:
    storage = Storage()
    groups = Groups(storage.write)
    answers = await behind_the_first(groups, insert("a"), insert("b", "c"), insert("d"), storage=storage)
    assert answers == [["etag a"], ["etag b", "etag c"], ["etag d"]]
    assert storage.written == [["a"], ["b", "c", "d"]]
    assert await groups.write("p", insert("e")) == ["etag e"]


async def test_what_comes_in_one_moment_shares_a_transaction() -> None:
    storage = Storage()
    storage.going_on.set()
    groups = Groups(storage.write)
    await asyncio.gather(*(groups.write("p", insert(key)) for key in "abc"))
    await groups.write("p", insert("d"))
    assert storage.written == [["a", "b", "c"], ["d"]]


async def test_who_is_refused_is_refused_alone() -> None:
    storage = Storage()
    storage.rows = {"c"}
    groups = Groups(storage.write)
    first, second, third, fourth = await behind_the_first(
        groups, insert("a"), insert("b"), insert("x", "c"), insert("d"), storage=storage
    )
    assert (first, second, fourth) == (["etag a"], ["etag b"], ["etag d"])
    assert isinstance(third, Stale)
    assert "x" not in storage.rows


async def test_one_row_is_never_twice_in_a_transaction_and_keeps_its_order() -> None:
    storage = Storage()
    groups = Groups(storage.write)
    again = [Write("put", "b")]
    await behind_the_first(
        groups, insert("a"), insert("b"), again, [Write("put", "b"), *insert("c")], storage=storage
    )
    assert storage.written == [["a"], ["b"], ["b"], ["b", "c"]]


async def test_a_transaction_holds_no_more_than_storage_takes() -> None:
    storage = Storage()
    groups = Groups(storage.write)
    calls = [insert(*(f"{n}-{part}" for part in range(3))) for n in range(50)]
    large = [Write("put", f"large{n}", {"data": "x" * 600_000}) for n in range(2)]
    await behind_the_first(groups, insert("a"), *calls, *([one] for one in large), storage=storage)
    assert all(len(keys) <= TRANSACTION for keys in storage.written)
    assert not any({"large0", "large1"} <= set(keys) for keys in storage.written)
    assert len(storage.rows) == 1 + 150 + 2


async def test_an_answer_that_never_came_is_everybodys() -> None:
    storage = Storage()
    storage.fails = Transient("storage_unavailable", "No answer.")
    groups = Groups(storage.write)
    answers = await behind_the_first(groups, insert("a"), insert("b"), insert("c"), storage=storage)
    assert all(isinstance(answer, Transient) for answer in answers)
    assert storage.written == [["a"], ["b", "c"]], "what may have been written is not written again"


async def test_who_stops_waiting_is_not_written_and_holds_up_nobody() -> None:
    storage = Storage()
    groups = Groups(storage.write)
    tasks = [asyncio.create_task(groups.write("p", insert(key))) for key in "abc"]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.sleep(0)
    storage.going_on.set()
    assert await tasks[2] == ["etag c"]
    with pytest.raises(asyncio.CancelledError):
        await tasks[1]
    assert storage.rows == {"a", "c"}


async def test_real_storage_tells_whose_guard_did_not_hold(store: Store) -> None:
    table = store.links._table
    await table.write("p", insert("held"))
    calls = [
        table.write("p", insert("first")),
        *(table.write("p", insert(f"k{n}", f"m{n}")) for n in range(20)),
    ]
    answers: list[Any] = await asyncio.gather(
        *calls, table.write("p", insert("new", "held")), return_exceptions=True
    )
    assert isinstance(answers[-1], Stale)
    assert all(isinstance(answer, list) for answer in answers[:-1])
    keys = {found.key async for found in table.query(partition="p")}
    assert keys == {"held", "first"} | {f"{kind}{n}" for kind in "km" for n in range(20)}
