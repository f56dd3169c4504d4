"""Dirty rows and the records that wait for a cure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bc.model import Blocked, Dirty
from bc.store import Stale, Store
from bc.store.dirty import merged

T0 = datetime(2026, 1, 2, tzinfo=UTC)


async def mark(store: Store, halo_id: str = "7", seconds: float = 0, **more: str) -> Dirty:
    fields = {"operation": "upsert", "source": "webhook"} | more
    return await store.dirty.mark(
        "invoice",
        halo_id,
        requested_at=T0 + timedelta(seconds=seconds),
        **fields,  # type: ignore[arg-type]
    )


async def test_two_marks_at_once_are_generation_two(stores: Callable[[], Store]) -> None:
    one, other = stores(), stores()
    marked = await asyncio.gather(mark(one), mark(other))
    assert sorted(dirty.generation for dirty in marked) == [1, 2]
    row = await one.dirty.get("invoice", "7")
    assert row is not None
    assert row.value.generation == 2


async def test_twenty_marks_at_once_are_one_row_of_generation_twenty(stores: Callable[[], Store]) -> None:
    several = [stores() for _ in range(4)]
    await asyncio.gather(*(mark(several[n % 4], seconds=n) for n in range(20)))
    rows = [row async for row in several[0].dirty.rows()]
    assert [row.value.generation for row in rows] == [20]
    assert rows[0].value.first_requested_at == T0
    assert rows[0].value.requested_at == T0 + timedelta(seconds=19)


async def test_a_record_that_changed_while_it_was_pushed_stays_dirty(store: Store) -> None:
    await mark(store)
    row = await store.dirty.get("invoice", "7")
    assert row is not None
    await mark(store)
    with pytest.raises(Stale):
        await store.dirty.delete(row.value, row.etag)
    with pytest.raises(Stale):
        await store.dirty.replace(row.value, row.etag)
    newer = await store.dirty.get("invoice", "7")
    assert newer is not None
    await store.dirty.delete(newer.value, newer.etag)
    assert await store.dirty.get("invoice", "7") is None
    for gone in (store.dirty.delete(newer.value, newer.etag), store.dirty.replace(newer.value, newer.etag)):
        with pytest.raises(Stale):
            await gone


async def test_the_operation_asked_for_last_wins_in_whatever_order_it_comes(store: Store) -> None:
    await mark(store, seconds=5, operation="delete")
    assert (await mark(store, seconds=1)).operation == "delete"
    assert (await mark(store, seconds=6)).operation == "upsert"


async def test_a_person_ends_the_wait_and_keeps_the_place(store: Store) -> None:
    await mark(store)
    row = await store.dirty.get("invoice", "7")
    assert row is not None
    waiting = msgspec.structs.replace(
        row.value, not_before=T0 + timedelta(hours=1), attempts=3, outcome_id="o"
    )
    await store.dirty.replace(waiting, row.etag)
    again = await mark(store)
    assert (again.not_before, again.attempts) == (waiting.not_before, 3)
    by_person = await mark(store, source="manual")
    assert (by_person.not_before, by_person.attempts, by_person.outcome_id) == (None, 0, "o")
    assert (await mark(store)).source == "manual"


@given(st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["upsert", "delete"])), min_size=1, max_size=6))
def test_merging_does_not_depend_on_the_order_of_delivery(changes: list[tuple[int, str]]) -> None:
    unique = list(dict(changes).items())
    rows = [
        Dirty(
            entity="invoice",
            halo_id="1",
            operation=operation,  # type: ignore[arg-type]
            requested_at=T0 + timedelta(seconds=second),
            first_requested_at=T0 + timedelta(seconds=second),
        )
        for second, operation in unique
    ]

    def all_of(rows: list[Dirty]) -> Dirty:
        result = rows[0]
        for row in rows[1:]:
            result = merged(result, row)
        return result

    assert all_of(rows) == all_of(rows[::-1])


async def test_only_rows_written_since_a_time_are_read(store: Store) -> None:
    await mark(store, "1")
    await asyncio.sleep(0.05)
    since = datetime.now(UTC)
    await asyncio.sleep(0.05)
    await mark(store, "2")
    assert [row.value.halo_id async for row in store.dirty.rows(changed_since=since)] == ["2"]
    assert await store.dirty.count() == 2
    row = await store.dirty.get("invoice", "1")
    assert row is not None
    await store.dirty.replace(row.value, row.etag)
    rows = [row async for row in store.dirty.rows(changed_since=since)]
    assert [row.value.halo_id for row in rows] == ["1", "2"]
    await store.dirty.delete(rows[1].value, rows[1].etag)


async def test_a_blocked_record_waits_for_its_cure_until_forgotten(store: Store) -> None:
    blocked = Blocked(key="link:c1:customer:9", entity="invoice", halo_id="7")
    await store.blockers.remember(blocked)
    await store.blockers.remember(blocked)
    await store.blockers.remember(Blocked(key="default", entity="invoice", halo_id="7"))
    taken = await store.blockers.take("link:c1:customer:9")
    assert [(one.key, one.halo_id) for one in taken] == [("link:c1:customer:9", "7")]
    assert len(await store.blockers.take("link:c1:customer:9")) == 1
    await store.blockers.forget(taken[0])
    assert await store.blockers.take("link:c1:customer:9") == []
    assert len(await store.blockers.take("default")) == 1
    await store.blockers.forget(taken[0])


async def test_a_record_blocked_anew_meanwhile_is_not_forgotten(store: Store) -> None:
    blocked = Blocked(key="default", entity="invoice", halo_id="7")
    await store.blockers.remember(blocked)
    (taken,) = await store.blockers.take("default")
    await store.blockers.remember(blocked)
    await store.blockers.forget(taken)
    assert len(await store.blockers.take("default")) == 1


async def test_one_look_finds_the_records_that_wait_for_any_of_many_cures(store: Store) -> None:
    for number in ("1", "10", "2", "9"):
        key = f"link:c1:customer:{number}"
        await store.blockers.remember(Blocked(key=key, entity="invoice", halo_id=f"i{number}"))
    await store.blockers.remember(Blocked(key="link:c1:customer:91", entity="invoice", halo_id="other"))
    taken = await store.blockers.take(*(f"link:c1:customer:{number}" for number in ("1", "10", "9", "3")))
    assert sorted(one.halo_id for one in taken) == ["i1", "i10", "i9"]
    for one in taken:
        await store.blockers.forget(one)
    assert await store.blockers.take("link:c1:customer:1", "link:c1:customer:9") == []
    assert len(await store.blockers.take("link:c1:customer:2", "link:c1:customer:91")) == 2
    assert await store.blockers.take() == []
