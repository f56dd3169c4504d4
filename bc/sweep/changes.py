"""Halo's lists read from their last change backwards, down to where the last sweep ended.

A watermark is the newest of Halo's own stamps, never our clock. Each sweep reads again from some time before it, since
a record may be stored later than its stamp says, and leaves out what it met there before. Filters and orders are
hints: a tenant may ignore them silently, so every row is checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

import msgspec

from bc.clients.halo import HaloPage, halo_time
from bc.entities.values import Record, ident, text
from bc.errors import Refused
from bc.model import Entity

if TYPE_CHECKING:
    from bc.clients.halo import Halo

PAGE_SIZE = 100
MOST_PAGES = 5_000
OVERLAP = timedelta(minutes=5)
# Where stamps have no zone the tenant's clock may go back by an hour in autumn. Not while much is in the window: then
# that hour would be read again and again.
WIDE_OVERLAP = timedelta(minutes=65)
FEW = 500
MOST_SEEN = 20_000
MOST_DETAILS = 200
# A record stamped far in the future must not stop the sweep of all others until then.
LATEST = timedelta(hours=26)
_FAR_END = "2100-01-01T00:00:00"
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class ChangeList:
    """One of Halo's lists. `record` names the field that holds the id of the record to sync, `since` the filter."""

    resource: str
    entity: Entity
    stamp: str
    record: str = "id"
    since: str = ""
    more: Mapping[str, str] = field(default_factory=dict)


LISTS: tuple[ChangeList, ...] = (
    ChangeList("Client", "customer", "alastupdate", since="lastupdatefromdate"),
    # A customer's address, phone and country are on its site.
    ChangeList("Site", "customer", "slastupdate", record="client_id", since="lastupdatefromdate"),
    ChangeList("Item", "product", "lastmodified"),
    ChangeList(
        "Invoice",
        "invoice",
        "last_modified",
        since="start_date",
        more={"datesearch": "last_modified", "end_date": _FAR_END, "includecredits": "true"},
    ),
)


class Watermark(msgspec.Struct, frozen=True):
    """`at`: the newest stamp met. `seen`: by id, how many microseconds before `at` the rows behind it were stamped.

    `suffix`: what Halo writes after a time ("Z"), which a filter then carries as well. `ordered`: whether the list is
    known to come in the order that is asked for, so that reading may stop at the edge; `pages` it took last time,
    0 where the filter left out what was not wanted.
    """

    at: datetime | None = None
    seen: dict[str, int] = {}
    suffix: str = ""
    ordered: bool = False
    pages: int = 0


@dataclass(frozen=True, slots=True)
class Changed:
    """A row that changed since the last sweep; `halo_id` is the record to sync."""

    halo_id: str
    stamp: datetime
    row: Record


@dataclass(frozen=True, slots=True)
class Reading:
    changed: list[Changed]
    mark: Watermark


async def read_changes(
    halo: Halo,
    listed: ChangeList,
    mark: Watermark,
    *,
    first: datetime,
    zone: tzinfo | None,
    now: datetime,
) -> Reading:
    """What changed since `mark`, and the mark for next time; nothing is stored here.

    Without a mark everything stamped from `first` on counts as changed. `zone`: that of Halo's times, None where it is
    not known (they are then taken for UTC, both ways).
    """
    reader = _Reader(halo, listed, zone or UTC)
    if mark.at is None:
        newest = await reader.newest()
        lower = min(first, newest - WIDE_OVERLAP) if newest else first
        counts_from = first
    else:
        wide = zone is None and not mark.suffix and len(mark.seen) <= FEW
        lower = counts_from = mark.at - (WIDE_OVERLAP if wide else OVERLAP)
    stamped = await reader.rows(lower, mark)
    changed = [
        Changed(ident(row, listed.record), stamp, row)
        for row_id, (stamp, row) in stamped.items()
        if stamp >= counts_from and not _was_seen(mark, row_id, stamp) and ident(row, listed.record)
    ]
    moved = msgspec.structs.replace(
        _moved(mark, stamped, now),
        suffix=reader.suffix or mark.suffix,
        ordered=reader.ordered,
        pages=reader.pages,
    )
    return Reading(changed, moved)


def _was_seen(mark: Watermark, row_id: str, stamp: datetime) -> bool:
    return mark.at is not None and mark.seen.get(row_id) == (mark.at - stamp) // _MICROSECOND


def _moved(mark: Watermark, stamped: Mapping[str, tuple[datetime, Record]], now: datetime) -> Watermark:
    usable = [stamp for stamp, _ in stamped.values() if stamp <= now + LATEST]
    before = [mark.at] if mark.at else []
    if not usable and not before:
        return Watermark()
    at = max([*usable, *before])
    known = {row_id: mark.at - behind * _MICROSECOND for row_id, behind in mark.seen.items() if mark.at}
    known |= {row_id: stamp for row_id, (stamp, _) in stamped.items()}
    recent = [pair for pair in known.items() if pair[1] >= at - WIDE_OVERLAP]
    recent.sort(key=lambda pair: pair[1], reverse=True)
    return Watermark(at, {name: (at - stamp) // _MICROSECOND for name, stamp in recent[:MOST_SEEN]})


class _Reader:
    """Reads one list, newest changes first where Halo keeps to that."""

    def __init__(self, halo: Halo, listed: ChangeList, zone: tzinfo) -> None:
        self._halo, self._listed, self._zone = halo, listed, zone
        self._details = 0
        self.suffix = ""
        self.ordered = False
        self.pages = 0

    async def newest(self) -> datetime | None:
        """The stamp of the first row: the newest one, if Halo orders as it is asked to."""
        return await self._first(descending=True)

    async def _first(self, *, descending: bool) -> datetime | None:
        page = await self._page(1, 1, {}, descending=descending)
        return await self._stamp(page.rows[0]) if page.rows else None

    async def rows(self, lower: datetime, mark: Watermark) -> dict[str, tuple[datetime, Record]]:
        """The rows stamped at or after `lower`, by id."""
        listed = self._listed
        wanted = {listed.since: self._written(lower, mark.suffix), **listed.more} if listed.since else {}
        found: dict[str, tuple[datetime, Record]] = {}
        met: set[str] = set()
        stamps: list[datetime] = []
        falling = True
        for page_no in range(1, MOST_PAGES + 1):
            page = await self._page(page_no, PAGE_SIZE, wanted)
            self.pages = page_no
            fresh = [row for row in page.rows if ident(row, "id") not in met]
            for row in fresh:
                met.add(ident(row, "id"))
                stamp = await self._stamp(row)
                if stamp is None:
                    continue
                if stamp >= lower:
                    found[ident(row, "id")] = (stamp, row)
                falling = falling and (not stamps or stamp <= stamps[-1])
                stamps.append(stamp)
            # A page may be shorter than asked for: nothing new on it is the end.
            if not fresh or len(met) >= (page.record_count or MOST_PAGES * PAGE_SIZE):
                self.ordered = mark.ordered and falling
                if falling and not self.ordered and page_no > 1:
                    self.ordered = await self._is_obeyed(stamps)
                if all(stamp >= lower for stamp in stamps):
                    self.pages = 0  # the filter holds: however many they were, all of them were wanted
                return found
            if mark.ordered and falling and stamps and stamps[-1] < lower:
                self.ordered = True
                return found
        raise Refused("halo_list_endless", f"Halo's list of {listed.resource} does not end.")

    async def _is_obeyed(self, stamps: list[datetime]) -> bool:
        """Whether the whole list fell because it was asked to, and not by chance: asked to rise, it begins at its end."""
        return stamps[-1] < stamps[0] and await self._first(descending=False) == stamps[-1]

    async def _page(
        self, page_no: int, size: int, wanted: Mapping[str, str], *, descending: bool = True
    ) -> HaloPage:
        params = {
            **wanted,
            "includeinactive": "true",
            "order": self._listed.stamp,
            "orderdesc": "true" if descending else "false",
        }
        return await self._halo.page(self._listed.resource, page_no=page_no, page_size=size, params=params)

    async def _stamp(self, row: Record) -> datetime | None:
        """When the row was changed; read from its record where the list does not tell."""
        name = self._listed.stamp
        if name not in row and self._details < MOST_DETAILS:
            self._details += 1
            row = await self._halo.get_one(self._listed.resource, ident(row, "id")) or {}
        written = text(row, name)
        self.suffix = self.suffix or _suffix(written)
        return halo_time(written, self._zone)

    def _written(self, moment: datetime, suffix: str) -> str:
        """A time as Halo itself writes it."""
        if suffix:
            return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return moment.astimezone(self._zone).strftime("%Y-%m-%dT%H:%M:%S")


def _suffix(written: str) -> str:
    try:
        return "Z" if written and datetime.fromisoformat(written).tzinfo else ""
    except ValueError:
        return ""


def stamps_of_link(halo_stamp: str, listed: ChangeList, zone: tzinfo) -> datetime | None:
    """The part of a link's `halo_stamp` that belongs to this list, as a time."""
    own, _, site = halo_stamp.partition("/")
    return halo_time(site if listed.resource == "Site" else own, zone)


def note_key(listed: ChangeList) -> str:
    return f"sweep:{listed.resource}"


def decode_mark(note: Any) -> Watermark:
    """A noted watermark; an empty one where there is none."""
    return msgspec.convert(note, Watermark) if note else Watermark()
