"""Outcomes and error rows: newest first, filtered, paged, purged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from bc.model import ErrorRow, Outcome
from bc.store import ALL, OfConnection, Stale, Store

T0 = datetime(2026, 1, 2, tzinfo=UTC)


def fields_of(store: Store, minute: int, **more: object) -> dict[str, object]:
    at = T0 + timedelta(minutes=minute)
    return {
        "id": store.outcomes.new_id(at),
        "connection_id": "c1",
        "entity": "invoice",
        "halo_id": str(minute),
        "status": "failed",
        "code": "bc_rejected",
        "at": at,
    } | more


async def an_outcome(store: Store, minute: int, **more: object) -> Outcome:
    outcome = msgspec.convert(fields_of(store, minute, **more), Outcome)
    await store.outcomes.put(outcome)
    return outcome


async def an_error(store: Store, minute: int, **more: object) -> ErrorRow:
    error = msgspec.convert(fields_of(store, minute, **more), ErrorRow)
    await store.errors.put(error)
    return error


async def minutes(store: Store, **filters: object) -> list[int]:
    """All pages of two, as the minute each outcome is from."""
    found, cursor = list[Outcome](), ""
    while True:
        page = await store.outcomes.page(limit=2, cursor=cursor, **filters)  # type: ignore[arg-type]
        assert len(page.items) <= 2
        found += page.items
        if page.next is None:
            return [(one.at - T0) // timedelta(minutes=1) for one in found]
        cursor = page.next


async def test_outcomes_come_newest_first_by_every_filter(store: Store) -> None:
    for minute in (3, 1, 5, 2, 4):
        await an_outcome(
            store,
            minute,
            connection_id=("c1", "c2", None)[minute % 3],
            entity="customer" if minute > 3 else "invoice",
            status="synced" if minute % 2 else "failed",
            halo_id="7" if minute < 5 else "O'Brien/8",
        )
    assert await minutes(store) == [5, 4, 3, 2, 1]
    assert await minutes(store, connection_id=ALL) == [5, 4, 3, 2, 1]
    assert await minutes(store, connection_id="c1") == [3]
    assert await minutes(store, connection_id="c2") == [4, 1]
    assert await minutes(store, connection_id=None) == [5, 2]
    assert await minutes(store, connection_id="") == [5, 2]
    assert await minutes(store, entity="customer") == [5, 4]
    assert await minutes(store, status="synced") == [5, 3, 1]
    assert await minutes(store, halo_id="7") == [4, 3, 2, 1]
    assert await minutes(store, halo_id="O'Brien/8") == [5]
    assert await minutes(store, halo_id="7", entity="invoice", status="failed") == [2]
    assert await minutes(store, halo_id="7", connection_id="c2") == [4, 1]
    assert await minutes(store, entity="x' or 1 eq 1--") == []


async def test_an_outcome_is_updated_in_place_everywhere(store: Store) -> None:
    outcome = await an_outcome(store, 1, status="retrying")
    ended = msgspec.structs.replace(outcome, status="synced", attempts=2)
    await store.outcomes.put(ended)
    assert await store.outcomes.get(outcome.id) == ended
    for page in (
        await store.outcomes.page(),
        await store.outcomes.page(connection_id="c1"),
        await store.outcomes.page(halo_id="1", entity="invoice"),
    ):
        assert page.items == [ended]
    with pytest.raises(ValueError):
        await store.outcomes.put(msgspec.structs.replace(outcome, id="made up"))
    assert await store.outcomes.get("made up") is None


async def test_what_was_sent_is_kept_with_the_outcome_and_goes_with_it(store: Store) -> None:
    outcome = await an_outcome(store, 1)
    assert await store.outcomes.sent(outcome.id) == b""
    await store.outcomes.put(outcome, b"sent")
    assert await store.outcomes.sent(outcome.id) == b"sent"
    assert (await store.outcomes.page(halo_id="1")).items == [outcome]
    await store.outcomes.put(msgspec.structs.replace(outcome, attempts=2))
    assert await store.outcomes.sent(outcome.id) == b""
    assert await store.outcomes.sent(store.outcomes.new_id(T0)) is None


async def test_paging_goes_on_where_it_was_while_new_outcomes_come(store: Store) -> None:
    for minute in range(5):
        await an_outcome(store, minute)
    page = await store.outcomes.page(limit=3)
    await an_outcome(store, 9)
    rest = await store.outcomes.page(limit=3, cursor=page.next or "")
    assert [one.halo_id for one in [*page.items, *rest.items]] == ["4", "3", "2", "1", "0"]
    for cursor in ("x", "é", (page.next or "") + "A"):
        with pytest.raises(ValueError):
            await store.outcomes.page(cursor=cursor)
    with pytest.raises(ValueError):
        await store.outcomes.page(connection_id="c1", cursor=page.next or "")


async def test_old_outcomes_are_purged_from_every_list(store: Store) -> None:
    for minute in range(120):
        await an_outcome(store, minute, halo_id="7", connection_id="c1" if minute % 2 else None)
    assert await store.outcomes.purge(T0 + timedelta(minutes=110)) in (110, 111)
    assert await minutes(store, halo_id="7") == await minutes(store)
    assert set(await minutes(store)) >= set(range(111, 120))
    assert len(await minutes(store)) <= 10
    assert await store.outcomes.purge(T0) == 0


async def test_errors_are_listed_grouped_and_found_by_record(store: Store) -> None:
    first = await an_error(store, 1, halo_id="7")
    await an_error(store, 2, halo_id="7", state="retrying")
    await an_error(store, 3, halo_id="7", state="resolved")
    await an_error(store, 4, halo_id="8", code="no_lines")
    await an_error(store, 5, entity="message", halo_id="", connection_id=None, code="bad_message")
    await an_error(store, 6, halo_id="7", connection_id="c2")

    assert [one.halo_id for one in (await store.errors.page(state="open")).items] == ["7", "", "8", "7"]
    assert [one.code for one in (await store.errors.page(connection_id=None)).items] == ["bad_message"]
    assert [one.code for one in (await store.errors.page(code="no_lines")).items] == ["no_lines"]
    assert await store.errors.groups() == [("bc_rejected", 2), ("bad_message", 1), ("no_lines", 1)]
    assert await store.errors.groups("c1", "retrying") == [("bc_rejected", 1)]

    async def opened(connection_id: OfConnection) -> list[str]:
        rows = await store.errors.open_of("invoice", "7", connection_id)
        return [f"{row.value.connection_id} {row.value.state}" for row in rows]

    assert await opened(ALL) == ["c2 open", "c1 retrying", "c1 open"]
    assert await opened("c1") == ["c1 retrying", "c1 open"]

    row = await store.errors.get(first.id)
    assert row is not None
    closed = await store.errors.replace(msgspec.structs.replace(row.value, state="resolved"), row.etag)
    assert await opened("c1") == ["c1 retrying"]
    with pytest.raises(Stale):
        await store.errors.replace(row.value, row.etag)
    reopened = msgspec.structs.replace(closed.value, state="open")
    await store.errors.replace(reopened, closed.etag)
    assert await opened("c1") == ["c1 retrying", "c1 open"]


async def test_closed_errors_are_purged_and_open_ones_stay(store: Store) -> None:
    for minute, state in enumerate(("open", "retrying", "resolved", "dismissed", "resolved")):
        await an_error(store, minute, halo_id="7", state=state)
    assert await store.purge(T0 + timedelta(minutes=3, seconds=30)) == 2
    states = [one.state for one in (await store.errors.page()).items]
    assert states == ["resolved", "retrying", "open"]
    assert len(await store.errors.open_of("invoice", "7")) == 2
