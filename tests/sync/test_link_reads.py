"""Links read for several pushes: never older than the change that is pushed, and absence never remembered."""

from __future__ import annotations

import math
import time
from datetime import UTC, datetime

import msgspec
import pytest

from bc.model import Link
from bc.store import Store
from bc.sync.link_reads import LinkReads

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def link(halo_id: str = "7", bc_id: str = "b7") -> Link:
    return Link(connection_id="c1", entity="customer", halo_id=halo_id, bc_id=bc_id, linked_at=NOW)


@pytest.fixture
def reads(store: Store) -> LinkReads:
    return LinkReads(store.links)


async def bc_id(reads: LinkReads, since: float, halo_id: str = "7") -> str | None:
    row = await reads.shared("c1", "customer", halo_id, since)
    return row.value.bc_id if row else None


async def test_a_link_read_after_a_change_was_known_serves_every_push_of_that_time(
    store: Store, reads: LinkReads
) -> None:
    row = await store.links.create(link())
    known = time.monotonic()
    assert await bc_id(reads, known) == "b7"
    await store.links.replace(msgspec.structs.replace(row.value, bc_id="b8"), row.etag)
    assert await bc_id(reads, known) == "b7"
    later = time.monotonic()
    assert await bc_id(reads, later) == "b8"
    assert await bc_id(reads, known) == "b8"


async def test_a_link_that_is_changed_in_the_midst_of_a_flood_is_followed_soon(
    store: Store, reads: LinkReads, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = await store.links.create(link())
    known = time.monotonic()
    assert await bc_id(reads, known) == "b7"
    await store.links.replace(msgspec.structs.replace(row.value, bc_id="b8"), row.etag)
    monkeypatch.setattr("bc.sync.link_reads.SHARED_SECONDS", 0.0)
    assert await bc_id(reads, known) == "b8"


async def test_who_knows_of_no_such_time_is_told_what_stands_there_now(
    store: Store, reads: LinkReads
) -> None:
    row = await store.links.create(link())
    assert await bc_id(reads, math.inf) == "b7"
    await store.links.delete(row.value, row.etag)
    assert await bc_id(reads, math.inf) is None
    assert await reads.own("c1", "customer", "7", math.inf) is None


async def test_that_a_record_has_no_link_is_not_remembered(store: Store, reads: LinkReads) -> None:
    known = time.monotonic()
    assert await bc_id(reads, known) is None
    await store.links.create(link())
    assert await bc_id(reads, known) == "b7"


async def test_links_read_ahead_serve_one_push_each_and_absence_too(store: Store, reads: LinkReads) -> None:
    known = time.monotonic()
    await store.links.create(link("1"))
    await reads.ahead("c1", "customer", {"1": known, "2": known})
    await store.links.create(link("2"))
    first = await reads.own("c1", "customer", "1", known)
    assert first is not None
    assert await reads.own("c1", "customer", "2", known) is None
    again = await reads.own("c1", "customer", "2", known)
    assert again is not None


async def test_links_read_ahead_are_too_old_for_a_later_change(store: Store, reads: LinkReads) -> None:
    await reads.ahead("c1", "customer", {"1": time.monotonic()})
    await store.links.create(link("1"))
    assert await reads.own("c1", "customer", "1", time.monotonic()) is not None
