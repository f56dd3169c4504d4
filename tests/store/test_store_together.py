"""Reads that come at once: one query for them all, nobody told anything older than he asked, and no long ways round."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from bc.errors import Transient
from bc.model import Blocked
from bc.store import Store
from bc.store.together import Range, Reads, only


class Storage:
    """Rows by key; answers once it is let go on."""

    def __init__(self, *rows: str) -> None:
        self.rows = sorted(rows)
        self.asked: list[str] = []
        self.going_on = asyncio.Event()
        self.fails: BaseException | None = None
        self.reads = Reads(self.read, self.page, str)

    async def read(self, partition: str, within: Range) -> list[str]:
        self.asked.append(within.start)
        rows = [row for row in self.rows if within.start <= row < within.below]
        await self.going_on.wait()
        if self.fails:
            raise self.fails
        return rows

    async def page(self, partition: str, within: Range, most: int) -> tuple[list[str], bool]:
        self.asked.append(f"{within.start} to {within.below}")
        await self.going_on.wait()
        if self.fails:
            raise self.fails
        rows = [row for row in self.rows if within.start <= row < within.below]
        return rows[:most], len(rows) <= most

    async def at_once(self, *keys: str) -> Sequence[list[str] | BaseException]:
        tasks = [asyncio.create_task(self.reads.within("p", only(key))) for key in keys]
        await asyncio.sleep(0)
        self.going_on.set()
        return await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_lone_read_goes_as_it_is() -> None:
    storage = Storage("a", "b")
    assert await storage.at_once("a") == [["a"]]
    assert storage.asked == ["a"]


async def test_reads_of_one_moment_are_one_query() -> None:
    storage = Storage("a", "b", "c", "d")
    assert await storage.at_once("d", "a", "x", "a") == [["d"], ["a"], [], ["a"]]
    assert storage.asked == ["a to x!"]


async def test_the_same_read_is_made_once() -> None:
    storage = Storage("a")
    assert await storage.at_once("a", "a", "a") == [["a"]] * 3
    assert storage.asked == ["a"]


async def test_what_is_asked_during_a_read_is_answered_by_the_next() -> None:
    storage = Storage("a")
    first = asyncio.create_task(storage.reads.within("p", only("a")))
    while not storage.asked:
        await asyncio.sleep(0)
    second = asyncio.create_task(storage.reads.within("p", only("a")))
    await asyncio.sleep(0)
    assert storage.asked == ["a"]
    storage.rows = []
    storage.going_on.set()
    assert await first == ["a"]
    assert await second == []
    assert storage.asked == ["a", "a"]


async def test_what_pages_do_not_reach_is_read_alone_and_then_everything_is_for_a_while() -> None:
    storage = Storage(*(f"m{n:03}" for n in range(300)))
    keys = [f"m{n:03}" for n in range(0, 300, 50)]
    assert await storage.at_once(*keys) == [[key] for key in keys]
    pages = ["m000 to m250!", "m050 to m250!", "m100 to m250!"]
    assert storage.asked == [*pages, "m150", "m200", "m250"]
    storage.asked.clear()
    assert await storage.at_once("m000", "m250") == [["m000"], ["m250"]]
    assert sorted(storage.asked) == ["m000", "m250"]


async def test_what_lies_thick_between_is_passed_over() -> None:
    storage = Storage(*(f"m{n:03}" for n in range(100)), *(f"n{n}" for n in range(5)))
    keys = ["m000", "n0", "n1", "n2", "n3", "n4", "n9"]
    assert await storage.at_once(*keys) == [["m000"], ["n0"], ["n1"], ["n2"], ["n3"], ["n4"], []]
    assert storage.asked == ["m000 to n9!", "n0 to n9!"]
    storage.asked.clear()
    await storage.at_once("n0", "n1", "n2")
    assert storage.asked == ["n0 to n2!"], "it was worth its while"


@pytest.mark.parametrize("fault", [Transient("storage_unavailable", "No answer."), asyncio.CancelledError()])
async def test_a_fault_is_told_to_everybody_and_the_next_read_is_made(fault: BaseException) -> None:
    storage = Storage("a", "b")
    storage.fails = fault
    assert [type(answer) for answer in await storage.at_once("a", "b")] == [type(fault)] * 2
    storage.fails = None
    assert await storage.at_once("a", "b") == [["a"], ["b"]]


async def test_who_is_cancelled_holds_up_nobody() -> None:
    storage = Storage("a", "b")
    first, second = (asyncio.create_task(storage.reads.within("p", only(key))) for key in "ab")
    await asyncio.sleep(0)
    first.cancel()
    storage.going_on.set()
    assert await second == ["b"]


async def test_rows_and_ranges_of_a_table_are_found_together(store: Store) -> None:
    table = store._tables.table("bcTried")
    assert set(await asyncio.gather(table.one("p", "1"), table.one("p", "2"))) == {None}
    for number in range(30):
        await table.put("p", f"k|{number:03}", {"v": number})
    one, other, none, few = await asyncio.gather(
        table.one("p", "k|003"),
        table.one("p", "k|020"),
        table.one("p", "k"),
        table.within("p", Range("k|00", "k|01")),
    )
    assert one is not None
    assert other is not None
    assert (one.properties["v"], other.properties["v"], none) == (3, 20, None)
    assert [row.key for row in few] == [f"k|00{number}" for number in range(10)]
    alone = await table.get("p", "k|003")
    assert alone == one


async def test_blockers_of_several_cures_are_taken_apart(store: Store) -> None:
    cures = [f"link:c1:customer:{number}" for number in (7, 8, 70)]
    for number, cure in enumerate(cures):
        await store.blockers.remember(Blocked(key=cure, entity="invoice", halo_id=f"{number}"))
    taken = await asyncio.gather(
        *(store.blockers.take(cure) for cure in [*cures, "link:c1:customer:71", "link:c2:customer:7"])
    )
    assert [[one.halo_id for one in some] for some in taken] == [["0"], ["1"], ["2"], [], []]
