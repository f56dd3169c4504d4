"""Links between Halo and BC records, found by either side's id or by BC number.

A link and its indexes by BC id and number lie in one partition (connection and entity) and are written in one
transaction. The index by Halo id spans connections: it is written before the link and stays when the link goes.
Its rows lie in one partition for each entity, so that many of them are one transaction too.
Every index is only a hint: what it names is read and compared before it counts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import batched, groupby
from typing import Literal

from bc.model import Link
from bc.store import keys, records
from bc.store.link_search import NAMES, columns, contains, found_by, may_contain, starts
from bc.store.rows import VERSION, Codec, Page, Properties, Row, Stale
from bc.store.tables import TRANSACTION, Tables, Write
from bc.store.together import Range

_CODEC = Codec(Link)
_ROWS_PER_LINK = 3


class Links:
    """All links. A guard that no longer holds raises `Stale`."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.table("bcLinks")
        self._by_halo_id = tables.table("bcLinkIndex")

    async def get(self, connection_id: str, entity: str, halo_id: str) -> Row[Link] | None:
        """The link of a Halo record in a connection."""
        found = await self._table.one(keys.join(connection_id, entity), _key(halo_id))
        return Row(_CODEC.unpack(found.properties), found.etag) if found else None

    async def get_many(
        self, connection_id: str, entity: str, halo_ids: Iterable[str]
    ) -> dict[str, Row[Link]]:
        """The links of many Halo records, by Halo id; those without one are missing."""
        wanted = list(dict.fromkeys(halo_ids))
        rows = await records.each([(connection_id, entity, halo_id) for halo_id in wanted], self.get)
        return {halo_id: row for halo_id, row in zip(wanted, rows, strict=True) if row}

    async def create(self, link: Link) -> Row[Link]:
        """A new link. Raises `Stale` if the Halo record has one in this connection."""
        await self._index_halo_ids([link])
        writes = [Write("insert", _key(link.halo_id), _packed(link)), *_index_writes(link)]
        return Row(link, (await self._table.write(_partition(link), writes))[0])

    async def replace(self, link: Link, etag: str) -> Row[Link]:
        """The link anew."""
        writes = [Write("replace", _key(link.halo_id), _packed(link), etag), *_index_writes(link)]
        return Row(link, (await self._table.write(_partition(link), writes))[0])

    async def delete(self, link: Link, etag: str) -> None:
        """Remove a link."""
        partition = _partition(link)
        writes = [Write("delete", _key(link.halo_id), etag=etag)]
        indexes = [Write("delete", write.key) for write in _index_writes(link)]
        try:
            await self._table.write(partition, [*writes, *indexes])
        except Stale:
            # Either the link moved, or only an index row of it was never there.
            await self._table.write(partition, writes)

    async def put_many(self, links: Iterable[Link]) -> None:
        """Write links without a guard, in transactions: for imports, which alone make links in bulk."""
        await self._write_many("put", links)

    async def create_many(self, links: Iterable[Link]) -> list[Link]:
        """New links, in transactions; those are answered that were not written, since the Halo record of one has a link.

        What shares a transaction with such a one is not written either: the caller looks which it is.
        """
        return await self._write_many("insert", links)

    async def _write_many(self, operation: Literal["insert", "put"], links: Iterable[Link]) -> list[Link]:
        newest = {(link.connection_id, link.entity, link.halo_id): link for link in links}
        ordered = sorted(newest.values(), key=lambda link: (link.connection_id, link.entity))
        await self._index_halo_ids(ordered)
        size, refused = TRANSACTION // _ROWS_PER_LINK, list[Link]()
        for partition, group in groupby(ordered, key=_partition):
            for chunk in batched(group, size, strict=False):
                writes = [Write(operation, _key(link.halo_id), _packed(link)) for link in chunk]
                indexes = {write.key: write for link in chunk for write in _index_writes(link)}
                try:
                    await self._table.write(partition, [*writes, *indexes.values()])
                except Stale:
                    refused += chunk
        return refused

    async def by_bc_id(self, connection_id: str, entity: str, bc_id: str) -> list[Link]:
        """The links to a BC record: one, unless something is wrong."""
        found = await self._by_index(connection_id, entity, "b", bc_id)
        return [link for link in found if link.bc_id == bc_id]

    async def by_bc_number(self, connection_id: str, entity: str, number: str) -> list[Link]:
        """The links to the BC records with a number; BC keeps numbers trimmed and in upper case."""
        wanted = bc_number(number)
        found = await self._by_index(connection_id, entity, "n", wanted)
        return [link for link in found if bc_number(link.bc_number) == wanted]

    async def by_halo_id(self, entity: str, halo_id: str) -> list[Link]:
        """The links of a Halo record over all connections."""
        return [row.value for row in await self.rows_of(entity, halo_id)]

    async def rows_of(self, entity: str, halo_id: str) -> list[Row[Link]]:
        """As `by_halo_id`, with the ETags."""
        within = Range(*keys.starting_with(halo_id, total=2))
        found = await self._by_halo_id.within(keys.encode(entity), within)
        names = [str(row.properties["connection_id"]) for row in found]
        rows = await records.each([(name, entity, halo_id) for name in names], self.get)
        return [row for row in rows if row]

    async def page(
        self,
        connection_id: str,
        entity: str,
        *,
        search: str = "",
        anywhere: bool = False,
        state: str = "",
        limit: int = 100,
        cursor: str = "",
    ) -> Page[Link]:
        """Part of the links of an entity, in order of Halo id as text.

        `search` finds by the start of the number or of a word in a name (`link_search`), and by a whole id, which comes
        first; with `anywhere` by any part of them, for which the names of every link are read.
        """
        if anywhere and search.strip():
            return await self._containing(connection_id, entity, search, state, limit, cursor)
        text = search.strip()
        by_start = found_by(text) if text else ""
        if by_start is None:
            return Page([], None)
        named = await self._of_id(connection_id, entity, text, state) if by_start and not cursor else []
        found = await records.page(
            self._table,
            _CODEC,
            keys.join(connection_id, entity),
            keys.starting_with("l", total=2),
            limit=max(limit - len(named), 1),
            cursor=cursor,
            where={"state": state} if state else None,
            extra=by_start,
        )
        return Page([*named, *found.items], found.next)

    async def _containing(
        self, connection_id: str, entity: str, search: str, state: str, limit: int, cursor: str
    ) -> Page[Link]:
        within = keys.starting_with("l", total=2)
        items: list[Link] = []
        last = ""
        async for found in self._table.query(
            partition=keys.join(connection_id, entity),
            start=within[0],
            below=within[1],
            after=records.key_of(cursor, within),
            where={"state": state} if state else None,
            select=("halo_id", *NAMES),
        ):
            if not may_contain(found.properties, search):
                continue
            if len(items) == limit:
                return Page(items, keys.to_cursor(last))
            row = await self.get(connection_id, entity, str(found.properties["halo_id"]))
            if row is not None and contains(row.value, search):
                items.append(row.value)
                last = found.key
        return Page(items, None)

    async def _of_id(self, connection_id: str, entity: str, wanted: str, state: str) -> list[Link]:
        """The link with this Halo id or BC id, unless a search by its words finds it as well."""
        row = await self.get(connection_id, entity, wanted)
        found = [row.value] if row else await self.by_bc_id(connection_id, entity, wanted.lower())
        return [link for link in found if state in ("", link.state) and not starts(link, wanted)]

    async def all(self, connection_id: str, entity: str) -> AsyncIterator[Link]:
        """Every link of an entity, streamed."""
        start, below = keys.starting_with("l", total=2)
        async for found in self._table.query(
            partition=keys.join(connection_id, entity), start=start, below=below
        ):
            yield _CODEC.unpack(found.properties)

    async def forget(self, connection_id: str) -> None:
        """Remove every link of a connection that is removed."""
        doomed: dict[str, list[str]] = {}
        indexed: dict[str, list[str]] = {}
        async for found in self._table.query(
            partitions=keys.starting_with(connection_id, total=2), select=("entity", "halo_id")
        ):
            doomed.setdefault(found.partition, []).append(found.key)
            if entity := found.properties.get("entity"):
                index = keys.join(str(found.properties["halo_id"]), connection_id)
                indexed.setdefault(keys.encode(str(entity)), []).append(index)
        for partition, rows in indexed.items():
            await self._by_halo_id.delete_keys(partition, rows)
        for partition, rows in doomed.items():
            await self._table.delete_keys(partition, rows)

    async def _by_index(self, connection_id: str, entity: str, kind: str, value: str) -> list[Link]:
        if not value:
            return []
        start, below = keys.starting_with(kind, value, total=3)
        halo_ids = [
            str(found.properties["halo_id"])
            async for found in self._table.query(
                partition=keys.join(connection_id, entity), start=start, below=below
            )
        ]
        return [row.value for row in (await self.get_many(connection_id, entity, halo_ids)).values()]

    async def _index_halo_ids(self, links: Sequence[Link]) -> None:
        rows: dict[str, list[Write]] = {}
        for link in links:
            properties: Properties = {"v": VERSION, "connection_id": link.connection_id}
            key = keys.join(link.halo_id, link.connection_id)
            rows.setdefault(keys.encode(link.entity), []).append(Write("put", key, properties))
        for partition, writes in rows.items():
            for chunk in batched(writes, TRANSACTION, strict=False):
                await self._by_halo_id.write(partition, chunk)


def bc_number(number: str) -> str:
    """A number as BC's Code fields keep it."""
    return number.strip().upper()


def _partition(link: Link) -> str:
    return keys.join(link.connection_id, link.entity)


def _key(halo_id: str) -> str:
    return keys.join("l", halo_id)


def _packed(link: Link) -> Properties:
    return _CODEC.pack(link, entity=link.entity, halo_id=link.halo_id, state=link.state, **columns(link))


def _index_writes(link: Link) -> list[Write]:
    properties = {"v": VERSION, "halo_id": link.halo_id}
    named = (("b", link.bc_id), ("n", bc_number(link.bc_number)))
    return [Write("put", keys.join(kind, value, link.halo_id), properties) for kind, value in named if value]
