"""How many records waited is kept for the day, in rows that are written anyway."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bc.errors import Transient
from bc.model import Outcome
from bc.store import Store
from bc.store.counts import slot_of
from bc.store.tables import Table
from bc.sync import tally as module
from bc.sync.tally import Tally

T0 = datetime(2026, 11, 26, 9, 58, 30, tzinfo=UTC)
SLOT = timedelta(minutes=5)


class Clock:
    """The clock of the tally, at a test's word."""

    at = T0

    @classmethod
    def now(cls, zone: Any) -> datetime:
        return cls.at.astimezone(zone)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(module, "datetime", Clock)
    Clock.at = T0
    return Clock()


def an_outcome(store: Store, at: datetime) -> Outcome:
    return Outcome(
        id=store.outcomes.new_id(at),
        connection_id="c1",
        entity="invoice",
        halo_id="7",
        status="synced",
        at=at,
    )


async def waited(store: Store) -> dict[datetime, int]:
    since = T0 - timedelta(days=1)
    found = await store.counts.read(since)
    return {slot: number for counted in found.values() for slot, number in counted.waited.items()}


async def test_the_most_that_waited_in_five_minutes_is_kept(store: Store, clock: Clock) -> None:
    tally = Tally(store)
    tally.held = True
    for number in (3, 40, 12, 0):
        tally.waiting(number)
    await tally.write()
    # The five minutes that run are not written with each write.
    assert await waited(store) == {}
    Clock.at = T0 + SLOT
    tally.waiting(2)
    await tally.write()
    assert await waited(store) == {slot_of(T0): 40}
    tally.held = False
    await tally.write()
    assert await waited(store) == {slot_of(T0): 40, slot_of(T0 + SLOT): 2}
    # Another pump, or this one again, in the same five minutes.
    again = Tally(store)
    again.waiting(1)
    await again.write()
    again.waiting(9)
    await again.write()
    assert await waited(store) == {slot_of(T0): 40, slot_of(T0 + SLOT): 9}


async def test_what_waited_rides_in_the_row_of_the_outcomes(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def counting(write: Callable[..., Any]) -> Callable[..., Any]:
        async def counted(table: Table, partition: str, key: str, *rest: Any) -> Any:
            written.append(f"{partition} {key}")
            return await write(table, partition, key, *rest)

        return counted

    for name in ("get", "insert", "replace", "put"):
        monkeypatch.setattr(Table, name, counting(getattr(Table, name)))
    tally = Tally(store)
    tally.held = True
    await tally.note(an_outcome(store, T0))
    await tally.write()
    alone = len(written)
    written.clear()
    await tally.note(an_outcome(store, T0))
    tally.waiting(5)
    tally.held = False
    await tally.write()
    assert len(written) == alone
    assert (await store.counts.read(T0))["c1"].hours == {T0.replace(minute=0, second=0): {"synced": 2}}
    assert await waited(store) == {slot_of(T0): 5}


async def test_what_storage_did_not_take_is_written_later(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tally = Tally(store)
    tally.waiting(5)

    async def down(*_: Any) -> None:
        raise Transient("storage_unavailable", "Down.")

    with monkeypatch.context() as patch:
        patch.setattr(store.counts, "add", down)
        await tally.write()
    assert await waited(store) == {}
    tally.waiting(4)
    await tally.write()
    assert await waited(store) == {slot_of(T0): 5}
