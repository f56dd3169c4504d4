"""The importer's screen: each BC record with its proposal, before anything is written."""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
import uuid
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from bc.errors import Refused
from bc.imports.matching import BcKeys, Match, MatchKey, MatchState
from bc.imports.pace import Pace
from bc.imports.preview_reading import Readings
from bc.imports.sources import Source, open_source
from bc.model import Connection, ImportKind

if TYPE_CHECKING:
    from bc.entities.values import Record
    from bc.services import Services

PAGE_SIZE = 5_000
MOST_DETAILS = 300
"""Halo records read in full for one preview: a person waits for it, and Halo answers some 90 calls a minute."""
PATIENCE_SECONDS = 45.0
"""What those reads may take: Halo's calls may be used up by a sync that runs meanwhile."""
FRESH_SECONDS = 120.0
_MOST_KEPT = 4


class Candidate(msgspec.Struct, frozen=True):
    halo_id: str
    name: str
    number: str


class PreviewRow(msgspec.Struct, frozen=True, omit_defaults=True):
    """One BC record; `match` is always there, the rest where it applies."""

    bc_id: str
    number: str
    name: str
    match: MatchState
    halo_id: str | None = None
    halo_name: str | None = None
    matched_by: MatchKey | None = None
    candidates: list[Candidate] | None = None


class PreviewPage(NamedTuple):
    """`note` says what could not be compared; `counts` are of all rows by match, whatever the search."""

    items: list[PreviewRow]
    next: str | None
    counts: dict[str, int]
    note: str


class _Snapshot(NamedTuple):
    id: str
    made_at: float
    rows: list[PreviewRow]
    note: str


_kept: OrderedDict[tuple[str, str], _Snapshot] = OrderedDict()
readings: Readings[_Snapshot] = Readings()


async def preview(
    services: Services, connection: Connection, kind: ImportKind, *, search: str, limit: int, cursor: str
) -> PreviewPage:
    """One page of the preview. It is worked out once and kept for two minutes, so that paging stays stable.

    Raises ValueError for a malformed cursor, `SyncError` where BC or Halo cannot be read, `still_reading` among them.
    """
    wanted, offset = _position(cursor)
    snapshot = _kept.get((connection.id, kind))
    stale = snapshot is None or time.monotonic() - snapshot.made_at > FRESH_SECONDS
    if snapshot is None or (stale and snapshot.id != wanted) or (not cursor and stale):
        snapshot = await readings.get(
            (connection.id, kind), lambda pace: _snapshot(services, connection, kind, pace)
        )
    sought = search.strip().casefold()
    rows = [row for row in snapshot.rows if sought in row.name.casefold() or sought in row.number.casefold()]
    following = offset + limit
    counts: dict[str, int] = dict.fromkeys(("linked", "matched", "ambiguous", "new"), 0)
    for row in snapshot.rows:
        counts[row.match] += 1
    next_cursor = _cursor(snapshot.id, following) if following < len(rows) else None
    return PreviewPage(rows[offset:following], next_cursor, counts, snapshot.note)


def forget(connection_id: str, kind: str) -> None:
    """Links changed: work the preview out anew at the next look."""
    _kept.pop((connection_id, kind), None)


def _keep(key: tuple[str, str], snapshot: _Snapshot) -> None:
    _kept[key] = snapshot
    _kept.move_to_end(key)
    while len(_kept) > _MOST_KEPT:
        _kept.popitem(last=False)


async def _snapshot(services: Services, connection: Connection, kind: ImportKind, pace: Pace) -> _Snapshot:
    source = await open_source(services, kind, connection, pace=pace)
    found = await _bc_rows(services, connection, source)
    matches = await _proposals(source, found, pace)
    rows = [_row(source, source.keys(row), match) for row, match in zip(found, matches, strict=True)]
    rows.sort(key=lambda row: (row.number, row.bc_id))
    made = _Snapshot(uuid.uuid4().hex[:12], time.monotonic(), rows, source.note)
    _keep((connection.id, kind), made)
    return made


async def _proposals(source: Source, rows: list[Record], pace: Pace) -> list[Match]:
    """The proposals with as much of Halo's records as can be read while a person waits; the note says what is left."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await source.propose(rows, most_details=MOST_DETAILS, pace=pace)
    except TimeoutError:
        return await source.propose(rows, most_details=0)


async def _bc_rows(services: Services, connection: Connection, source: Source) -> list[Record]:
    """Every BC record, once each: a row that moved while paging counts as it was seen last (F40)."""
    found: dict[str, Record] = {}
    seen: set[str] = set()
    following, params = source.endpoint, {"$select": source.key_fields}
    if source.filter:
        params["$filter"] = source.filter
    while following:
        rows, link = await services.bc.page(
            connection,
            following,
            params=params if following == source.endpoint else None,
            page_size=PAGE_SIZE,
        )
        found |= {source.keys(row).bc_id: row for row in rows if source.wants(row)}
        if link in seen:
            raise Refused(
                "bc_paging_loop", "Business Central's list led back to a page that was read before."
            )
        seen.add(link)
        following = link
    return list(found.values())


def _row(source: Source, key: BcKeys, match: Match) -> PreviewRow:
    return PreviewRow(
        bc_id=key.bc_id,
        number=key.number,
        name=key.name,
        match=match.state,
        halo_id=match.halo_id or None,
        halo_name=source.named(match.halo_id)[0] or None,
        matched_by=match.matched_by,
        candidates=[Candidate(halo_id, *source.named(halo_id)) for halo_id in match.candidates] or None,
    )


def _cursor(snapshot: str, offset: int) -> str:
    return base64.urlsafe_b64encode(f"{snapshot}:{offset}".encode()).decode().rstrip("=")


def _position(cursor: str) -> tuple[str, int]:
    if not cursor:
        return "", 0
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ValueError("not a cursor of this list") from None
    snapshot, _, offset = text.partition(":")
    if not offset.isdecimal():
        raise ValueError("not a cursor of this list")
    return snapshot, int(offset)
