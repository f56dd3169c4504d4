"""The reading of Halo's lists against a Halo in memory: edges, ties, unhelpful tenants, clocks, random histories."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, cast
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from bc.clients.halo import Halo, HaloPage, halo_time
from bc.sweep.changes import LISTS, MOST_SEEN, OVERLAP, Watermark, decode_mark, read_changes

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
CLIENTS = LISTS[0]
ITEMS = LISTS[2]


class Tenant:
    """One list of records by id; `filters` and `orders` tell whether it keeps to what it is asked."""

    def __init__(self, stamp: str = "alastupdate", since: str = "lastupdatefromdate") -> None:
        self.rows: dict[int, datetime] = {}
        self.stamp, self.since = stamp, since
        self.filters = self.orders = True
        self.zone: tzinfo = UTC
        self.pages = 0

    def save(self, record_id: int, at: datetime) -> None:
        self.rows[record_id] = at

    def _written(self, at: datetime) -> str:
        return at.astimezone(self.zone).replace(tzinfo=None).isoformat()

    async def page(
        self, resource: str, *, page_no: int = 1, page_size: int = 100, params: Any = None
    ) -> HaloPage:
        self.pages += 1
        rows = sorted(self.rows.items())
        if self.orders:
            down = params["orderdesc"] == "true"
            rows.sort(key=lambda pair: (self._written(pair[1]), pair[0]), reverse=down)
        if self.filters and params.get(self.since):
            lower = halo_time(params[self.since])
            rows = [pair for pair in rows if (halo_time(self._written(pair[1])) or START) >= (lower or START)]
        start = (page_no - 1) * page_size
        shown = [{"id": n, self.stamp: self._written(at)} for n, at in rows[start : start + page_size]]
        return HaloPage(shown, len(rows))


def sweep(tenant: Tenant, mark: Watermark, listed: Any = CLIENTS, **more: Any) -> tuple[list[str], Watermark]:
    halo = cast("Halo", tenant)
    options = {"first": START, "zone": UTC, "now": START, **more}
    reading = asyncio.run(read_changes(halo, listed, mark, **options))
    return sorted((change.halo_id for change in reading.changed), key=int), reading.mark


def test_what_changed_since_is_told_once_and_ties_at_the_edge_are_not_lost() -> None:
    tenant = Tenant()
    tenant.save(1, START + timedelta(minutes=1))
    found, mark = sweep(tenant, Watermark())
    assert found == ["1"]
    assert sweep(tenant, mark)[0] == []
    tenant.save(2, START + timedelta(minutes=1))
    found, mark = sweep(tenant, mark)
    assert found == ["2"]
    tenant.save(1, START + timedelta(minutes=1, microseconds=1))
    assert sweep(tenant, mark)[0] == ["1"]


def test_a_record_stored_later_than_its_stamp_says_is_found_within_the_overlap() -> None:
    tenant = Tenant()
    tenant.save(1, START + timedelta(minutes=30))
    _, mark = sweep(tenant, Watermark())
    tenant.save(2, START + timedelta(minutes=30) - OVERLAP)
    assert sweep(tenant, mark)[0] == ["2"]


def test_an_ordered_list_is_read_only_as_far_as_needed() -> None:
    tenant = Tenant("lastmodified", "")
    for number in range(1, 1001):
        tenant.save(number, START - timedelta(days=1, minutes=number))
    _, mark = sweep(tenant, Watermark(), ITEMS)
    tenant.save(7, START + timedelta(hours=1))
    tenant.pages = 0
    assert sweep(tenant, mark, ITEMS)[0] == ["7"]
    assert tenant.pages == 1


def test_a_tenant_that_ignores_filter_and_order_is_read_to_the_end() -> None:
    tenant = Tenant()
    tenant.filters = tenant.orders = False
    for number in range(1, 351):
        tenant.save(number, START - timedelta(days=number))
    found, mark = sweep(tenant, Watermark())
    assert found == []
    tenant.save(349, START + timedelta(minutes=3))
    assert sweep(tenant, mark)[0] == ["349"]


def test_a_list_is_not_taken_for_ordered_because_its_first_page_looks_so() -> None:
    tenant = Tenant("lastmodified", "")
    tenant.orders = False
    for number in range(1, 351):
        tenant.save(number, START - timedelta(days=2))
    _, mark = sweep(tenant, Watermark(), ITEMS)
    tenant.save(1, START + timedelta(minutes=1))
    found, mark = sweep(tenant, mark, ITEMS)
    assert found == ["1"]
    tenant.save(350, START + timedelta(minutes=2))
    assert sweep(tenant, mark, ITEMS)[0] == ["350"]


def test_times_without_zone_survive_the_hour_that_comes_twice() -> None:
    tenant = Tenant()
    tenant.zone = ZoneInfo("Europe/London")
    before = datetime(2026, 10, 25, 0, 55, tzinfo=UTC)  # 01:55 by the clock on the wall
    tenant.save(1, before)
    _, mark = sweep(tenant, Watermark(), zone=None, first=before - timedelta(hours=2))
    tenant.save(2, before + timedelta(minutes=10))  # 01:05 by the same clock
    assert sweep(tenant, mark, zone=None)[0] == ["2"]


def test_a_tenant_west_of_utc_loses_nothing_though_nobody_said_so() -> None:
    tenant = Tenant()
    tenant.zone = ZoneInfo("America/Los_Angeles")
    tenant.save(1, START - timedelta(days=2))
    _, mark = sweep(tenant, Watermark(), zone=None)
    tenant.save(2, START + timedelta(minutes=4))
    assert sweep(tenant, mark, zone=None)[0] == ["2"]


def test_a_stamp_in_the_far_future_does_not_stop_the_sweep() -> None:
    tenant = Tenant()
    tenant.save(1, START.replace(year=2099))
    tenant.save(2, START)
    found, mark = sweep(tenant, Watermark())
    assert found == ["1", "2"]
    tenant.save(3, START + timedelta(minutes=1))
    found, mark = sweep(tenant, mark)
    assert found == ["3"]
    assert sweep(tenant, mark)[0] == []


def test_the_mark_keeps_its_form_in_storage() -> None:
    import msgspec

    mark = Watermark(START, {"1": 0, "2": 5}, "Z")
    assert decode_mark(msgspec.json.decode(msgspec.json.encode(msgspec.to_builtins(mark)))) == mark
    assert decode_mark(None) == Watermark()
    assert MOST_SEEN * 20 < 960_000


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.integers(0, 400), st.integers(0, 290), st.booleans()),
        max_size=25,
    ),
    st.booleans(),
    st.booleans(),
)
def test_every_change_is_told_and_none_twice(
    history: list[tuple[int, int, int, bool]], filters: bool, orders: bool
) -> None:
    """Records change as time goes on, some stored up to 290 s later than stamped, swept at random moments."""
    tenant, mark, now = Tenant(), Watermark(), START + timedelta(minutes=10)
    tenant.filters, tenant.orders = filters, orders
    tenant.save(99, START - timedelta(days=1))
    waiting: dict[str, datetime] = {}
    found, mark = sweep(tenant, mark)
    assert found == []
    for record_id, seconds, late, swept in history:
        now += timedelta(seconds=seconds)
        stamp = now - timedelta(seconds=late)
        if stamp <= tenant.rows.get(record_id, START):
            continue
        tenant.save(record_id, stamp)
        waiting[str(record_id)] = stamp
        if swept:
            found, mark = sweep(tenant, mark, now=now)
            assert set(found) == set(waiting)
            waiting = {}
    found, _ = sweep(tenant, mark, now=now)
    assert set(found) == set(waiting)
