"""Reading many invoices with one call to Halo, while a flood of them waits.

Two kinds of waiting rows ride on a list: those whose list row tells all that a push needs, and echoes of our own
write-backs, for which the row's modification time is enough. A list counts for a dirty row only if it was read after
that row was: an edit made later moves the row's generation and comes again. Filters and orders are hints; what a list
does not bring is read alone, and a tenant whose rows are thin pays for a list only now and then.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from bc.clients.halo import halo_time
from bc.entities import invoice_columns
from bc.entities.stamps import is_exact
from bc.entities.values import Record, flag, ident, text
from bc.errors import SyncError
from bc.model import Dirty
from bc.store.rows import Row

if TYPE_CHECKING:
    from bc.clients.halo import Halo

log = logging.getLogger("bc.pump")

FLOOD = 25
PAGE_SIZE = 100
MOST_KEPT = 2 * PAGE_SIZE
# How long a write of ours is expected to come back, and how long its echo waits for others to be looked at together.
ECHO_SECONDS = 120.0
PATIENCE_SECONDS = 2.0
MOST_WRITES = 20_000
# Halo may store a record a little later than its time says.
MARGIN = timedelta(seconds=30)
# A tenant with thin rows may have been given more columns meanwhile.
PROBE_SECONDS = 900.0
REST_SECONDS = 60.0
# A list of which less than this share is waited for costs more than it brings. What is being pushed at this moment, or
# was changed just before, may fill a page or two.
LEAST_YIELD = 0.15
MOST_POOR_PAGES = 3
_STAMP = "last_modified"

type Stance = Literal["alone", "ready", "coming", "echo"]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A dirty row and when it was read (monotonic seconds)."""

    row: Row[Dirty]
    seen: float


@dataclass(slots=True)
class _Walk:
    """A walk through the list from the oldest change on, page by page. `since` is a time as Halo writes it."""

    since: str
    page_no: int = 1
    rises: bool = True
    brought: int = 0
    poor: int = 0


class HaloReads:
    """One per process; the pump asks and feeds it."""

    def __init__(self, halo: Halo) -> None:
        self._halo = halo
        self.flood = False
        self._kept: dict[str, tuple[float, dict[str, Any]]] = {}
        self._wrote: dict[str, tuple[float, str, tuple[Any, ...]]] = {}
        self._looked: dict[str, float] = {}
        self._walk: _Walk | None = None
        self._walk_began = 0.0
        self._whole: Record = {}
        self._thin_until = 0.0
        self._rests_until = 0.0

    # --- what the pump and the pushes tell ---

    def wrote(self, entity: str, halo_id: str, stamp: str, record: Record) -> None:
        """A write-back of ours moved the time of this `record` to `stamp`: an event of that time is its echo."""
        if entity != "invoice" or not is_exact(stamp):
            return
        self._wrote.pop(halo_id, None)
        self._wrote[halo_id] = (time.monotonic(), stamp, _state(record))
        while len(self._wrote) > MOST_WRITES:
            del self._wrote[next(iter(self._wrote))]

    def take(self, row: Row[Dirty], seen: float | None) -> dict[str, Any] | None:
        """The record of a row that is pushed now, where a list brought it after the row was read."""
        read_at, record = self._kept.pop(row.value.halo_id, (0.0, None))
        if row.value.entity != "invoice" or seen is None or read_at < seen:
            return None
        return record

    def stance(self, waiting: Waiting) -> Stance:
        """Whether a waiting row is best pushed with a read of its own, has its record here, or rides on the next list."""
        dirty, now = waiting.row.value, time.monotonic()
        if (
            dirty.entity != "invoice"
            or dirty.operation != "upsert"
            or dirty.attempts
            or now < self._rests_until
        ):
            return "alone"
        if self._kept.get(dirty.halo_id, (0.0,))[0] >= waiting.seen:
            return "ready"
        if self._looked.get(dirty.halo_id, 0.0) >= waiting.seen:
            return "alone"  # a list was read for it, and did not bring it
        if self._may_be_echo(dirty, now):
            return "echo"
        return "coming" if self.flood and now >= self._thin_until else "alone"

    def _may_be_echo(self, dirty: Dirty, now: float) -> bool:
        at = self._wrote[dirty.halo_id][0] if dirty.halo_id in self._wrote else 0.0
        recent = len(self._wrote) >= FLOOD and now - at < ECHO_SECONDS
        return recent and dirty.source in ("webhook", "sweep") and not dirty.outcome_id

    # --- reading ---

    @property
    def wants_more(self) -> bool:
        """Whether lists serve, and so few records are here that the next page should be read."""
        serves = self.flood and time.monotonic() >= max(self._thin_until, self._rests_until)
        return serves and len(self._kept) < PAGE_SIZE // 2

    async def ahead(self, waiting: Mapping[str, Waiting]) -> list[Row[Dirty]]:
        """Make one step for rows that wait for a list; returns those that are nothing but echoes.

        Never raises `SyncError`: what cannot be listed is read alone.
        """
        echoes = {key: one for key, one in waiting.items() if self.stance(one) == "echo"}
        try:
            if echoes and (len(echoes) >= PAGE_SIZE or self._impatient(echoes)):
                return await self._look_at_echoes(echoes)
            coming = {key: one for key, one in waiting.items() if self.stance(one) == "coming"}
            if coming and self.wants_more:
                await self._read_page(coming)
        except SyncError as error:
            log.info("a list of invoices could not be read ahead code=%s", error.code)
            self.rest()
        return []

    def _impatient(self, echoes: Mapping[str, Waiting]) -> bool:
        return time.monotonic() - min(one.seen for one in echoes.values()) > PATIENCE_SECONDS

    def rest(self) -> None:
        """Lists bring nothing now: every record is read alone for a while."""
        self._rests_until, self._walk = time.monotonic() + REST_SECONDS, None

    async def _look_at_echoes(self, echoes: Mapping[str, Waiting]) -> list[Row[Dirty]]:
        """Walk the list from the oldest of these writes on: they stand together in it."""
        first = self._oldest_near(echoes)
        # Halo answered those writes with these times, so they are stored: no margin but for times in whole seconds.
        walk = _Walk(_earlier(self._wrote[first][1], timedelta(seconds=1)))
        left, own = dict(echoes), list[Row[Dirty]]()
        began = time.monotonic()
        for _ in range(self._pages_for(echoes) + 1):
            rows, more = await self._page(walk)
            for row in rows:
                one = left.pop(ident(row, "id"), None)
                if one is not None and (text(row, _STAMP), _state(row)) == self._wrote[ident(row, "id")][1:]:
                    own.append(one.row)
                elif one is not None:
                    self._keep(row, began)
                    self._looked[one.row.value.halo_id] = began
            if not left or not more:
                break
        for halo_id in left:
            self._looked[halo_id] = began
        if len(left) == len(echoes):
            self.rest()
        return own

    def _pages_for(self, echoes: Mapping[str, Waiting]) -> int:
        return len(echoes) // PAGE_SIZE + 2

    def _oldest_near(self, echoes: Mapping[str, Waiting]) -> str:
        """The oldest write that so many pages reach: an edit of what was written long before is no echo."""
        times = [at for at, _, _ in self._wrote.values()]
        reach = self._pages_for(echoes) * PAGE_SIZE
        earliest = times[-reach] if len(times) > reach else 0.0
        near = [halo_id for halo_id in echoes if self._wrote[halo_id][0] >= earliest]
        return min(near or echoes, key=lambda halo_id: self._wrote[halo_id][0])

    async def _read_page(self, coming: Mapping[str, Waiting]) -> None:
        """The next page of a walk through what changed since the longest waiting row did."""
        if self._walk is None:
            self._walk_began = time.monotonic()
            self._walk = await self._first_step(coming)
            if self._walk is None:
                return
        walk, began, since = self._walk, time.monotonic(), halo_time(self._walk.since)
        rows, more = await self._page(walk)
        wanted = [row for row in rows if ident(row, "id") in coming]
        walk.brought += len(wanted)
        walk.poor += len(wanted) < len(rows) * LEAST_YIELD
        ignored = since is not None and any(
            moment < since for row in rows if (moment := halo_time(text(row, _STAMP)))
        )
        full = [row for row in wanted if invoice_columns.is_full(row, self._whole)]
        for row in full:
            self._keep(row, began)
        if wanted and not full:
            self._thin_until, self._walk = time.monotonic() + PROBE_SECONDS, None
        elif not more or walk.poor >= (1 if ignored else MOST_POOR_PAGES):
            # Read to its end: what this walk did not bring is read alone.
            for halo_id, one in coming.items():
                if one.seen <= self._walk_began:
                    self._looked[halo_id] = max(self._walk_began, self._looked.get(halo_id, 0.0))
            self._walk = None
            if ignored and not walk.brought:
                # Other rows than those asked for: this tenant's filter does not hold.
                self._thin_until = time.monotonic() + REST_SECONDS

    async def _first_step(self, coming: Mapping[str, Waiting]) -> _Walk | None:
        """Begin where the longest waiting record was changed, in Halo's own words: its zone need not be known."""
        oldest = min(coming.values(), key=lambda one: one.row.value.first_requested_at).row.value.halo_id
        began = time.monotonic()
        record = await self._halo.invoice(oldest)
        self._looked[oldest] = began
        if record is None or halo_time(text(record, _STAMP)) is None:
            return None
        self._whole = record
        self._keep(record, began)
        return _Walk(_earlier(text(record, _STAMP)))

    async def _page(self, walk: _Walk) -> tuple[list[dict[str, Any]], bool]:
        """One page, and whether another may follow; the walk goes on from its last row where times rise."""
        page = await self._halo.page(
            "Invoice",
            page_no=walk.page_no,
            page_size=PAGE_SIZE,
            params={
                "datesearch": _STAMP,
                "start_date": walk.since,
                "end_date": "2100-01-01T00:00:00",
                "includelines": "true",
                "includecredits": "true",
                "order": _STAMP,
                "orderdesc": "false",
            },
        )
        stamps = [moment for row in page.rows if (moment := halo_time(text(row, _STAMP)))]
        last = text(page.rows[-1], _STAMP) if page.rows else ""
        # A page may be shorter than asked for without being the last.
        more = len(page.rows) >= PAGE_SIZE or (page.record_count or 0) > walk.page_no * len(page.rows) > 0
        walk.rises = walk.rises and len(stamps) == len(page.rows) and stamps == sorted(stamps)
        if walk.rises and walk.page_no == 1 and last and stamps[-1] > (halo_time(walk.since) or stamps[-1]):
            walk.since = last
        else:
            walk.page_no += 1
        return page.rows, more

    def _keep(self, row: dict[str, Any], read_at: float) -> None:
        if invoice_columns.is_full(row, self._whole) and (
            len(self._kept) < MOST_KEPT or ident(row, "id") in self._kept
        ):
            self._kept[ident(row, "id")] = (read_at, row)

    def settle(self, waiting: Mapping[str, Waiting]) -> None:
        """The pump has looked at all its rows: forget what none of them needs, and tell a flood from a trickle."""
        for halo_id, (read_at, _) in list(self._kept.items()):
            if halo_id not in waiting or read_at < waiting[halo_id].seen:
                del self._kept[halo_id]
        for halo_id in [halo_id for halo_id in self._looked if halo_id not in waiting]:
            del self._looked[halo_id]
        oldest = time.monotonic() - ECHO_SECONDS
        while self._wrote and next(iter(self._wrote.values()))[0] < oldest:
            del self._wrote[next(iter(self._wrote))]
        new = sum(1 for one in waiting.values() if not self._may_be_echo(one.row.value, time.monotonic()))
        self.flood = new >= (FLOOD // 2 if self.flood else FLOOD)


def _state(record: Record) -> tuple[Any, ...]:
    """What may change without moving the time of the last change; None for what the record does not say."""
    return tuple(flag(record, name) if name in record else None for name in ("posted", "voided"))


def _earlier(stamp: str, margin: timedelta = MARGIN) -> str:
    """A little before a time, written as Halo writes it."""
    moment = datetime.fromisoformat(stamp) - margin
    written = moment.replace(tzinfo=None).isoformat(timespec="milliseconds")
    return f"{written}Z" if moment.tzinfo else written
