"""Error rows: failed outcomes that wait for a person, newest first, and the open ones of a record."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from bc.model import ErrorRow
from bc.store import keys, records
from bc.store.rows import ALL, VERSION, Codec, OfConnection, Page, Row
from bc.store.tables import TRANSACTION, Tables, Write
from bc.store.together import Range

_PARTITION = "errors"
_CODEC = Codec(ErrorRow)
OPEN = ("open", "retrying")


class Errors:
    """The errors page. A row and its place among its record's errors are one transaction."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.table("bcErrors")

    async def put(self, error: ErrorRow) -> None:
        """Write an error, new or again. Raises `ValueError` for an id that `Outcomes.new_id` did not make."""
        if not keys.is_id(error.id):
            raise ValueError("an error's id comes from Outcomes.new_id")
        await self._table.write(_PARTITION, _writes(error, ""))

    async def get(self, error_id: str) -> Row[ErrorRow] | None:
        """One error, None where there is none (any more)."""
        found = await self._table.get(_PARTITION, keys.join("e", error_id))
        return Row(_CODEC.unpack(found.properties), found.etag) if found else None

    async def replace(self, error: ErrorRow, etag: str) -> Row[ErrorRow]:
        """The error anew. Raises `Stale`."""
        return Row(error, (await self._table.write(_PARTITION, _writes(error, etag)))[0])

    async def page(
        self,
        *,
        connection_id: OfConnection = ALL,
        state: str = "",
        code: str = "",
        limit: int = 100,
        cursor: str = "",
    ) -> Page[ErrorRow]:
        """Part of the errors, newest first; empty filters do not filter. Raises `ValueError` for a bad cursor."""
        where = _filters(connection_id, state, code)
        within = keys.starting_with("e", total=2)
        return await records.page(
            self._table, _CODEC, _PARTITION, within, limit=limit, cursor=cursor, where=where
        )

    async def groups(self, connection_id: OfConnection = ALL, state: str = "open") -> list[tuple[str, int]]:
        """How many errors there are of each code, the most frequent first."""
        start, below = keys.starting_with("e", total=2)
        counted: Counter[str] = Counter()
        async for found in self._table.query(
            partition=_PARTITION,
            start=start,
            below=below,
            where=_filters(connection_id, state, ""),
            select=("code",),
        ):
            counted[str(found.properties["code"])] += 1
        return sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))

    async def open_by_connection(self) -> Counter[str]:
        """How many open errors each connection has; "" counts those of none."""
        start, below = keys.starting_with("e", total=2)
        return Counter(
            [
                str(found.properties["connection_id"])
                async for found in self._table.query(
                    partition=_PARTITION,
                    start=start,
                    below=below,
                    where={"state": "open"},
                    select=("connection_id",),
                )
            ]
        )

    async def open_of(
        self, entity: str, halo_id: str, connection_id: OfConnection = ALL
    ) -> list[Row[ErrorRow]]:
        """The open and retrying errors of one record, newest first."""
        within = Range(*keys.starting_with("r", entity, halo_id, total=4))
        wanted = _filters(connection_id, "", "").items()
        ids = [
            str(found.properties["id"])
            for found in await self._table.within(_PARTITION, within)
            if found.properties["state"] in OPEN and wanted <= found.properties.items()
        ]
        rows = await records.each([(error_id,) for error_id in ids], self.get)
        return [row for row in rows if row and row.value.state in OPEN]

    async def purge(self, before: datetime) -> int:
        """Remove resolved and dismissed errors older than a time; how many. Open ones stay."""
        _, below = keys.starting_with("e", total=2)
        return await self._remove(keys.join("e", keys.time_key(before)), below, {}, closed_only=True)

    async def forget(self, connection_id: str) -> None:
        """Remove the errors of a connection that is removed."""
        start, below = keys.starting_with("e", total=2)
        await self._remove(start, below, {"connection_id": connection_id}, closed_only=False)

    async def _remove(self, start: str, below: str, where: dict[str, str], *, closed_only: bool) -> int:
        removed, doomed = 0, list[str]()
        async for found in self._table.query(
            partition=_PARTITION, start=start, below=below, where=where, select=("state", "entity", "halo_id")
        ):
            if closed_only and found.properties["state"] in OPEN:
                continue
            error_id = found.key.rsplit(keys.SEPARATOR, 1)[1]
            record = (str(found.properties["entity"]), str(found.properties["halo_id"]))
            doomed += [found.key, keys.join("r", *record, error_id)]
            removed += 1
            if len(doomed) >= TRANSACTION:
                await self._table.delete_keys(_PARTITION, doomed)
                doomed = []
        await self._table.delete_keys(_PARTITION, doomed)
        return removed


def _writes(error: ErrorRow, etag: str) -> list[Write]:
    filters = {
        "connection_id": error.connection_id or "",
        "state": error.state,
        "code": error.code,
        "entity": error.entity,
        "halo_id": error.halo_id,
    }
    row = Write("replace" if etag else "put", keys.join("e", error.id), _CODEC.pack(error, **filters), etag)
    place = keys.join("r", error.entity, error.halo_id, error.id)
    return [row, Write("put", place, {"v": VERSION, "id": error.id, **filters})]


def _filters(connection_id: OfConnection, state: str, code: str) -> dict[str, str]:
    where = {name: value for name, value in (("state", state), ("code", code)) if value}
    if connection_id is not ALL:
        where["connection_id"] = str(connection_id or "")
    return where
