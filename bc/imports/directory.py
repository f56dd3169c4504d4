"""Halo's side of an import, in memory: the list read once, indexed, and details fetched only where they decide."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bc.entities.country import Countries
from bc.entities.values import Record, ident, text
from bc.errors import Refused
from bc.imports.kinds import HaloRecord, LinkedKind
from bc.imports.matching import BcKeys, Index, Match, match_all, undecided
from bc.imports.pace import Pace, unhurried
from bc.model import Connection, Job, Link

if TYPE_CHECKING:
    from bc.clients.halo import Halo
    from bc.services import Services

PAGE_SIZE = 100
MOST_PAGES = 5_000
READERS = 4
FRESH_SECONDS = 600.0
MOST_REMEMBERED = 5_000
_details: dict[tuple[str, str], tuple[float, str, dict[str, Any]]] = {}


@dataclass(frozen=True, slots=True)
class KnownLink:
    """What a run remembers of a link: enough to tell whether anything moved."""

    halo_id: str
    etag: str
    import_hash: str
    import_job: str


@dataclass(slots=True)
class Directory:
    """Halo's records of one kind and the links of one connection, as of one reading."""

    kind: LinkedKind
    connection: Connection
    index: Index
    links: dict[str, KnownLink] = field(default_factory=dict)
    details: dict[str, dict[str, Any]] = field(default_factory=dict)
    unread: int = 0
    reading: list[str] | None = None
    """Halo ids whose full records the rows in hand still wait for; None: not settled."""
    external_links: bool | None = None
    countries: Countries = field(default_factory=Countries)

    def name_of(self, halo_id: str) -> str:
        row = self.index.rows.get(halo_id)
        return row.name if row else ""

    def put(self, record: Record) -> None:
        """Take note of a full record that was read or written."""
        keys = self.kind.halo_keys(record)
        self.index.add(keys)
        self.details[keys.halo_id] = self.kind.slim(record)

    def put_row(self, row: Record) -> None:
        """Take note of a list row, in full where it says enough or where the full record was read lately."""
        keys = self.kind.halo_keys(row)
        known = _lately(self.kind, keys.halo_id, row)
        if known is not None:
            self.put(known)
        elif self.kind.is_enough(row):
            self.put(row)
        elif keys.halo_id:
            self.index.add(keys)

    def linked(self, link: Link, *, by_job: bool) -> None:
        self.links[link.bc_id] = KnownLink(link.halo_id, link.etag, link.import_hash, link.import_job)
        self.index.link(link.bc_id, link.halo_id, by_job=by_job)


async def read_directory(
    services: Services,
    kind: LinkedKind,
    connection: Connection,
    *,
    job: Job | None = None,
    pace: Pace = unhurried,
) -> Directory:
    """Read the links and Halo's whole list (pages of 100). `job`: the run whose own links are told apart."""
    directory = Directory(kind, connection, Index(company_id=connection.company_id or ""))
    if kind.entity == "customer":
        directory.index.top_level = connection.settings.client_top_level or ""
        directory.countries = await services.halo_facts.countries(connection.settings.halo_conventions)
    async for row in _halo_rows(services.halo, kind.resource, pace):
        directory.put_row(row)
    async for link in services.store.links.all(connection.id, kind.entity):
        if link.exists:
            own = job is not None and link.import_job == job.id and link.linked_at >= job.created_at
            directory.linked(link, by_job=own)
    return directory


async def _halo_rows(halo: Halo, resource: str, pace: Pace = unhurried) -> AsyncIterator[dict[str, Any]]:
    """All rows, each once, inactive ones too: a hidden twin would otherwise be created again."""
    seen: set[str] = set()
    for page_no in range(1, MOST_PAGES + 1):
        await pace(f"Reading Halo's list: {len(seen)} so far.", may_stop=False)
        page = await halo.page(
            resource, page_no=page_no, page_size=PAGE_SIZE, params={"includeinactive": "true"}
        )
        fresh = {halo_id: row for row in page.rows if (halo_id := ident(row, "id")) not in seen}
        seen.update(fresh)
        for row in fresh.values():
            yield row
        # A short page is not the end (a tenant may give fewer than asked); a tenant that ignores the paging answers
        # the same rows again, so nothing new is the end as well.
        if not fresh or len(seen) >= (page.record_count or MOST_PAGES * PAGE_SIZE):
            return
    raise Refused("halo_list_endless", f"Halo's list of {resource} does not end after {MOST_PAGES} pages.")


async def newest_rows(halo: Halo, directory: Directory) -> list[dict[str, Any]]:
    """The records that Halo has and the directory does not know yet.

    One page, newest first, where Halo orders as it is asked and the page reaches what is known; else the whole list.
    """
    kind, known = directory.kind, directory.index.rows
    wanted = {"includeinactive": "true", "order": "id", "orderdesc": "true"}
    page = await halo.page(kind.resource, page_no=1, page_size=PAGE_SIZE, params=wanted)
    ids = [int(found) if (found := ident(row, "id")).isdigit() else 0 for row in page.rows]
    highest = max((int(halo_id) for halo_id in known if halo_id.isdigit()), default=0)
    ordered = ids == sorted(ids, reverse=True) and (ids[:1] or [0])[0] >= highest
    reaches = bool(page.rows) and ident(page.rows[-1], "id") in known
    if ordered and reaches:
        rows = list(page.rows)
    else:
        rows = [row async for row in _halo_rows(halo, kind.resource)]
    return [row for row in rows if ident(row, "id") not in known]


async def match_rows(
    services: Services,
    directory: Directory,
    rows: Sequence[BcKeys],
    *,
    most_details: int,
    pace: Pace = unhurried,
) -> list[Match]:
    """Match BC rows, reading the full Halo records that could decide, at most `most_details` of them.

    What stays unread is counted in `directory.unread`, so that the caller can say so; 0 ends a reading as it is. Where the pace stops the reading,
    a call with the same rows goes on with what is left of it.
    """
    if directory.reading is None or not most_details:
        results = match_all(rows, directory.index)
        wanted = undecided(rows, results, directory.index)
        directory.unread = max(0, len(wanted) - most_details)
        if not wanted:
            return results
        directory.reading = wanted[:most_details]
    waiting = [halo_id for halo_id in directory.reading if _is_open(directory, halo_id)]
    await read_details(services.halo, directory, waiting, pace=pace, of=len(directory.reading))
    directory.reading = None
    return match_all(rows, directory.index)


def _is_open(directory: Directory, halo_id: str) -> bool:
    row = directory.index.rows.get(halo_id)
    return row is not None and not row.complete


async def read_details(
    halo: Halo, directory: Directory, halo_ids: Sequence[str], *, pace: Pace = unhurried, of: int = 0
) -> None:
    """Read full records into the directory, a few at a time; one that is gone leaves the index.

    `of`: how many there are with those read before.
    """
    read = max(0, of - len(halo_ids))

    async def one(halo_id: str) -> None:
        nonlocal read
        await pace(f"Reading Halo's records for matching: {read} of {of}.", may_stop=True)
        read += 1
        record = await directory.kind.read(halo, halo_id)
        if record is None:
            directory.index.remove(halo_id)
        else:
            directory.put(record)
            _remember(directory.kind, halo_id, record)

    await each(halo_ids, one)


async def read_in_full(
    halo: Halo, directory: Directory, halo_id: str, *, whole_site: bool
) -> HaloRecord | None:
    """A record with its site; the record itself only once in a run. `whole_site`: read the site even where the
    record tells enough to write to it."""
    if halo_id not in directory.details:
        await read_details(halo, directory, [halo_id])
    record = directory.details.get(halo_id)
    if record is None:
        return None
    site = None if whole_site else directory.kind.known_site(record)
    return HaloRecord(record, site or await directory.kind.read_site(halo, record))


def _lately(kind: LinkedKind, halo_id: str, row: Record) -> dict[str, Any] | None:
    found = _details.get((kind.resource, halo_id))
    stamp = text(row, kind.stamp)
    if found is None or not stamp or found[1] != stamp or time.monotonic() - found[0] > FRESH_SECONDS:
        return None
    return found[2]


def _remember(kind: LinkedKind, halo_id: str, record: Record) -> None:
    """Keep a full record for the next preview or import in this process: Halo's calls are the narrowest of all."""
    stamp = text(record, kind.stamp)
    if stamp:
        _details[kind.resource, halo_id] = (time.monotonic(), stamp, kind.slim(record))
    while len(_details) > MOST_REMEMBERED:
        del _details[next(iter(_details))]


async def each[T](items: Iterable[T], act: Callable[[T], Awaitable[None]], *, width: int = READERS) -> None:
    """Run `act` for each item, `width` at once. The first error ends it and is raised as it is."""
    waiting = iter(list(items))

    async def worker() -> None:
        for item in waiting:
            await act(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(width):
                group.create_task(worker())
    except ExceptionGroup as errors:
        first: Exception = errors
        while isinstance(first, ExceptionGroup):
            first = first.exceptions[0]
        raise first from None


def unread_words(directory: Directory) -> str:
    """Says what could not be compared; "" when everything was."""
    if not directory.unread:
        return ""
    return (
        f"{directory.unread} Halo records were compared by number and name only: "
        "reading all of them in full would exceed Halo's request limit."
    )
