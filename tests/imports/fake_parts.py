"""BC, Halo and the store in memory, as parts of a process that can be killed before and after each call."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import batched
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from bc.clients.halo import ArrayRefused, HaloPage
from bc.errors import Gone, Refused
from bc.jobs import jobs
from bc.model import Connection, Job, JobFailure, Link
from bc.store.rows import Row, Stale

if TYPE_CHECKING:
    pass


class Killed(BaseException):
    """The process is dead: nothing it still tries has an effect."""


@dataclass
class Life:
    """Counts calls; the process dies before or after call number `dies_at`."""

    calls: int = 0
    dies_at: int = 0
    after: bool = False
    dead: bool = False

    def before(self) -> None:
        self.calls += 1
        if self.dead or (self.calls == self.dies_at and not self.after):
            self.dead = True
            raise Killed

    def done(self) -> None:
        if self.calls == self.dies_at and self.after:
            self.dead = True
            raise Killed


class Part:
    def __init__(self, life: Life) -> None:
        self.life = life

    async def call[T](self, act: Callable[[], T]) -> T:
        self.life.before()
        result = act()
        self.life.done()
        return copy.deepcopy(result)


class FakeBc(Part):
    def __init__(self, life: Life) -> None:
        super().__init__(life)
        self.rows: list[dict[str, Any]] = []
        self.requests: list[tuple[str, Mapping[str, str] | None]] = []
        self.page_size: int | None = None
        self.loop = False

    async def page(
        self,
        connection: Connection,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        page_size: int = 5000,
    ) -> tuple[list[dict[str, Any]], str]:
        size = self.page_size or page_size
        self.requests.append((path, params))
        start = int(path.rpartition("=")[2]) if "skiptoken" in path else 0
        rows = self.rows[start : start + size]
        wanted = (params or {}).get("$filter", "")
        if wanted.startswith("id eq"):
            rows = [row for row in self.rows if row["id"] in wanted]
        more = start + size < len(self.rows) and not wanted.startswith("id eq")
        following = f"https://bc.test/customers?$skiptoken={0 if self.loop else start + size}" if more else ""
        return await self.call(lambda: (rows, following))

    async def get(self, connection: Connection, path: str, *, params: Any = None) -> dict[str, Any]:
        found = next((row for row in self.rows if row["id"] in path), None)
        if found is None:
            raise Gone("bc_rejected", "The Customer does not exist.")
        return await self.call(lambda: found)


class FakeHalo(Part):
    def __init__(self, life: Life) -> None:
        super().__init__(life)
        self.clients: dict[int, dict[str, Any]] = {}
        self.sites: dict[int, dict[str, Any]] = {}
        self.items: dict[int, dict[str, Any]] = {}
        self.groups: dict[int, dict[str, Any]] = {}
        self.lookups_of: dict[int, dict[int, dict[str, Any]]] = {
            11: {50: {"id": 50, "name": "Accounts Codes"}, 51: {"id": 51, "name": "Country Codes"}},
            50: {},
            51: {},
        }
        self.settings: dict[str, Any] = {"id": 1, "useaccountscodeslookup": True}
        self.links: list[dict[str, Any]] = []
        self.refuse: Callable[[str, Mapping[str, Any]], bool] = lambda resource, row: False
        self.keeps_part = False
        self.orders = True
        self.saves: list[tuple[str, int]] = []
        self.reads = 0
        self.next_id = 100

    async def page(
        self, resource: str, *, page_no: int = 1, page_size: int = 100, params: Any = None
    ) -> HaloPage:
        table = {"Client": self.clients, "Item": self.items, "Site": self.sites}[resource]
        rows = [
            self._thin(resource, row)
            for _, row in sorted(table.items(), reverse="orderdesc" in (params or {}) and self.orders)
        ]
        start = (page_no - 1) * page_size
        return await self.call(lambda: HaloPage(rows[start : start + page_size], len(rows)))

    def _thin(self, resource: str, row: dict[str, Any]) -> dict[str, Any]:
        hidden = (
            {"tax_number", "accountsemailaddress", "dbc_company_name"}
            if resource == "Client"
            else {"costprice"}
        )
        return {name: value for name, value in row.items() if name not in hidden}

    async def rows(self, resource: str, params: Any = None) -> list[dict[str, Any]]:
        assert resource == "AssetGroup"
        return await self.call(lambda: list(self.groups.values()))

    async def lookups(self, list_id: int | str) -> list[dict[str, Any]]:
        return await self.call(lambda: list(self.lookups_of.get(int(list_id), {}).values()))

    async def control(self) -> dict[str, Any]:
        return await self.call(lambda: self.settings)

    async def client(self, record_id: str) -> dict[str, Any] | None:
        self.reads += 1
        client = self.clients.get(int(record_id))
        address = self.sites[client["main_site_id"]]["delivery_address"] if client else {}
        return await self.call(lambda: {**client, "main_delivery_address": address} if client else None)

    async def site(self, record_id: str) -> dict[str, Any] | None:
        self.reads += 1
        return await self.call(lambda: self.sites.get(int(record_id)))

    async def item(self, record_id: str) -> dict[str, Any] | None:
        self.reads += 1
        return await self.call(lambda: self.items.get(int(record_id)))

    async def save(
        self, resource: str, rows: Sequence[Mapping[str, Any]], *, singles: bool = True
    ) -> list[dict[str, Any]]:
        assert len(rows) <= 50
        if not rows:
            return []
        self.saves.append((resource, len(rows)))
        blamed = [position for position, row in enumerate(rows) if self.refuse(resource, row)]
        if blamed and (len(rows) == 1 or not singles):
            if self.keeps_part:
                await self.call(
                    lambda: [
                        self._write(resource, row) for place, row in enumerate(rows) if place not in blamed
                    ]
                )
            raise Refused("halo_rejected", "Halo says no.")

        def write() -> list[dict[str, Any]]:
            return [self._write(resource, row) for place, row in enumerate(rows) if place not in blamed]

        saved = await self.call(write)
        if blamed:
            kept = [place for place in range(len(rows)) if place not in blamed]
            errors = {place: Refused("halo_rejected", "Halo says no.") for place in blamed}
            raise ArrayRefused(errors, dict(zip(kept, saved, strict=True)))
        return saved

    def _write(self, resource: str, row: Mapping[str, Any]) -> dict[str, Any]:
        if resource == "ExternalLink":
            self.links.append(dict(row))
            return {"id": len(self.links), **row}
        tables = {
            "Client": self.clients,
            "Item": self.items,
            "Site": self.sites,
            "AssetGroup": self.groups,
            "Lookup": self.lookups_of[int(row.get("lookupid", 11))],
        }
        table = tables[resource]
        if "id" in row:
            table[int(row["id"])] |= row
            return table[int(row["id"])]
        self.next_id += 1
        blank = {"tax_number": "", "accountsemailaddress": ""} if resource == "Client" else {}
        record = table[self.next_id] = {"id": self.next_id, **blank, **row}
        if resource == "Client":
            record["main_site_id"] = self.next_id + 10_000
            self.sites[self.next_id + 10_000] = {
                "id": float(self.next_id + 10_000),
                "client_id": float(self.next_id),
                "phonenumber": "",
                "country_code": "",
                "delivery_address": {"line1": "", "line2": "", "line3": "", "line4": "", "postcode": ""},
            }
        return record


class FakeJobs(Part):
    def __init__(self, life: Life) -> None:
        super().__init__(life)
        self.rows: dict[str, Job] = {}
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.failed: dict[tuple[str, int], list[JobFailure]] = {}
        self.claims: dict[tuple[str, str], str] = {}
        self.seen_done: list[int] = []

    def new_id(self, at: datetime) -> str:
        return f"job{len(self.rows)}"

    async def insert(self, job: Job) -> None:
        await self.call(lambda: self.rows.__setitem__(job.id, job))

    async def get(self, job_id: str) -> Row[Job] | None:
        return await self.call(lambda: Row(self.rows[job_id], "e") if job_id in self.rows else None)

    async def update(self, job_id: str, change: Callable[[Job], Job]) -> Job:
        def act() -> Job:
            self.rows[job_id] = change(self.rows[job_id])
            self.seen_done.append(self.rows[job_id].done)
            return self.rows[job_id]

        return await self.call(act)

    async def put_blob(self, job_id: str, name: str, data: bytes) -> None:
        await self.call(lambda: self.blobs.__setitem__((job_id, name), data))

    async def get_blob(self, job_id: str, name: str) -> bytes | None:
        return await self.call(lambda: self.blobs.get((job_id, name)))

    async def add_failures(self, job_id: str, page: int, failures: Sequence[JobFailure]) -> None:
        await self.call(lambda: self.failed.__setitem__((job_id, page), list(failures)))

    async def claim(self, connection_id: str, kind: str, job_id: str) -> str:
        def act() -> str:
            holder = self.rows.get(self.claims.get((connection_id, kind), ""))
            if holder is not None and holder.status not in jobs.ENDED and holder.id != job_id:
                return holder.id
            self.claims[connection_id, kind] = job_id
            return ""

        return await self.call(act)

    async def unclaim(self, connection_id: str, kind: str, job_id: str) -> None:
        await self.call(lambda: self.claims.pop((connection_id, kind), None))

    def failures_of(self, job_id: str) -> list[JobFailure]:
        return [row for (job, _), rows in sorted(self.failed.items()) if job == job_id for row in rows]


class FakeConnections(Part):
    def __init__(self, life: Life, connection: Connection) -> None:
        super().__init__(life)
        self.connection = connection

    async def get(self, connection_id: str) -> Row[Connection] | None:
        return Row(self.connection, "e") if connection_id == self.connection.id else None

    async def update(self, connection_id: str, change: Callable[[Connection], Connection]) -> Connection:
        def act() -> Connection:
            self.connection = change(self.connection)
            return self.connection

        return await self.call(act)


class FakeLinks(Part):
    def __init__(self, life: Life) -> None:
        super().__init__(life)
        self.rows: dict[tuple[str, str, str], tuple[Link, int]] = {}

    def _key(self, link: Link) -> tuple[str, str, str]:
        return link.connection_id, link.entity, link.halo_id

    def put(self, link: Link) -> None:
        self.rows[self._key(link)] = (link, self.rows.get(self._key(link), (link, 0))[1] + 1)

    def _row(self, key: tuple[str, str, str]) -> Row[Link] | None:
        found = self.rows.get(key)
        return Row(found[0], str(found[1])) if found else None

    async def get(self, connection_id: str, entity: str, halo_id: str) -> Row[Link] | None:
        return await self.call(lambda: self._row((connection_id, entity, halo_id)))

    async def get_many(self, connection_id: str, entity: str, ids: Sequence[str]) -> dict[str, Row[Link]]:
        found = {halo_id: self._row((connection_id, entity, halo_id)) for halo_id in ids}
        return await self.call(lambda: {halo_id: row for halo_id, row in found.items() if row})

    async def create(self, link: Link) -> Row[Link]:
        if self._key(link) in self.rows:
            raise Stale
        return await self.call(lambda: self._put_row(link))

    def _put_row(self, link: Link) -> Row[Link]:
        self.put(link)
        row = self._row(self._key(link))
        assert row
        return row

    async def replace(self, link: Link, etag: str) -> Row[Link]:
        row = self._row(self._key(link))
        if row is None or row.etag != etag:
            raise Stale
        return await self.call(lambda: self._put_row(link))

    async def delete(self, link: Link, etag: str) -> None:
        await self.call(lambda: self.rows.pop(self._key(link)))

    async def create_many(self, links: Sequence[Link]) -> list[Link]:
        # Transactions of 100: a kill between two leaves the first; one that exists spoils its own.
        refused: list[Link] = []
        for some in batched(links, 30, strict=False):
            refused += await self.call(partial(self._create_some, some))
        return refused

    def _create_some(self, links: Sequence[Link]) -> list[Link]:
        if any(self._key(link) in self.rows for link in links):
            return list(links)
        for link in links:
            self.put(link)
        return []

    async def all(self, connection_id: str, entity: str) -> AsyncIterator[Link]:
        for (owner, kind, _), (link, _) in sorted(self.rows.items()):
            if owner == connection_id and kind == entity:
                yield link

    async def by_bc_id(self, connection_id: str, entity: str, bc_id: str) -> list[Link]:
        return [
            link
            for link, _ in self.rows.values()
            if (link.connection_id, link.entity, link.bc_id) == (connection_id, entity, bc_id)
        ]

    async def by_halo_id(self, entity: str, halo_id: str) -> list[Link]:
        return [link for link, _ in self.rows.values() if (link.entity, link.halo_id) == (entity, halo_id)]


class FakeLeases(Part):
    def __init__(self, life: Life) -> None:
        super().__init__(life)
        self.held: set[str] = set()

    async def acquire(self, name: str, holder: str, seconds: float) -> Any:
        def act() -> Any:
            if name in self.held:
                return None
            self.held.add(name)
            return SimpleNamespace(name=name)

        return await self.call(act)

    async def renew(self, lease: Any, seconds: float) -> Any:
        return lease

    async def release(self, lease: Any) -> None:
        await self.call(lambda: self.held.discard(lease.name))
