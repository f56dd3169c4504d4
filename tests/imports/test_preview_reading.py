"""A preview that takes longer than a request may goes on beside it, is shared, and is given up when nobody asks."""

from __future__ import annotations

import asyncio

import pytest

from bc.errors import Refused, Transient
from bc.imports import preview_reading
from bc.imports.pace import Pace
from bc.imports.preview_reading import Readings
from bc.sync.patience import AT_A_PAGE, for_a_person, patience_left

KEY = ("connection", "customers")


class Work:
    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.begun = 0
        self.patience: list[float | None] = []
        self.kept: list[str] = []

    async def read(self, pace: Pace) -> str:
        self.begun += 1
        self.patience.append(patience_left())
        await pace(f"Reading Halo's list: {self.begun}00 so far.", may_stop=False)
        await self.go.wait()
        self.kept.append("rows")
        return "rows"


async def test_who_asks_while_it_goes_on_is_told_how_far_it_is_and_gets_it_in_the_end() -> None:
    readings, work = Readings[str](answer_seconds=0.01), Work()
    for _ in range(3):
        with pytest.raises(Transient) as told:
            await readings.get(KEY, work.read)
        assert (told.value.code, told.value.message) == ("still_reading", "Reading Halo's list: 100 so far.")
        assert told.value.retry_after is not None
    work.go.set()
    assert await readings.get(KEY, work.read) == "rows"
    assert work.begun == 1


async def test_what_ends_while_nobody_waits_is_kept() -> None:
    readings, work = Readings[str](answer_seconds=0.01), Work()
    with pytest.raises(Transient):
        await readings.get(KEY, work.read)
    work.go.set()
    await asyncio.sleep(0.01)
    assert work.kept == ["rows"]


async def test_no_single_call_of_it_is_given_up_for_a_persons_patience() -> None:
    readings, work = Readings[str](answer_seconds=0.01), Work()
    with for_a_person(AT_A_PAGE), pytest.raises(Transient):
        await readings.get(KEY, work.read)
    assert work.patience == [None]


async def test_a_reading_that_nobody_asks_for_any_more_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview_reading, "UNASKED_SECONDS", 0.01)
    readings, work = Readings[str](answer_seconds=0.01), Work()
    with pytest.raises(Transient):
        await readings.get(KEY, work.read)
    await asyncio.sleep(0.05)
    work.go.set()
    assert await readings.get(KEY, work.read) == "rows"
    assert (work.begun, work.kept) == (2, ["rows"])


async def test_a_failure_reaches_who_asks_and_the_next_look_begins_anew() -> None:
    async def fails(pace: Pace) -> str:
        raise Refused("halo_list_endless", "It does not end.")

    readings = Readings[str](answer_seconds=5)
    for _ in range(2):
        with pytest.raises(Refused):
            await readings.get(KEY, fails)
