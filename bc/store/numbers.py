"""Accounts ids that this app draws: a counter for each connection and entity, and who was given which number.

The counter and the row of the record it was drawn for lie in one partition and are written in one transaction, so that
a crash neither loses a drawn number nor lets it be drawn twice.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from bc.store import keys
from bc.store.rows import Codec
from bc.store.tables import Tables, Write

_COUNTER = keys.join("c", "next")


class _Counter(msgspec.Struct, frozen=True):
    next: int


class _Drawn(msgspec.Struct, frozen=True):
    number: str


class Counter(NamedTuple):
    """The next number to try, from 1, and the ETag that guards taking it ("" before the first)."""

    next: int
    etag: str


class Numbers:
    """All drawn numbers. A guard that no longer holds raises `Stale`."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.table("bcNumbers")
        self._counters = Codec(_Counter)
        self._drawn = Codec(_Drawn)

    async def drawn_for(self, connection_id: str, entity: str, halo_id: str) -> str:
        """The number that was drawn for a Halo record, "" for none."""
        found = await self._table.get(keys.join(connection_id, entity), keys.join("r", halo_id))
        return self._drawn.unpack(found.properties).number if found else ""

    async def was_drawn(self, connection_id: str, entity: str, number: str) -> bool:
        """Whether the number was drawn for any record before."""
        found = await self._table.get(keys.join(connection_id, entity), keys.join("n", number))
        return found is not None

    async def counter(self, connection_id: str, entity: str) -> Counter:
        """Where to go on drawing."""
        found = await self._table.get(keys.join(connection_id, entity), _COUNTER)
        return Counter(self._counters.unpack(found.properties).next, found.etag) if found else Counter(1, "")

    async def skip(self, connection_id: str, entity: str, counter: Counter, following: int) -> None:
        """Go on at `following`: what lies before is taken. Raises `Stale`."""
        await self._table.write(keys.join(connection_id, entity), [self._moved(counter, following)])

    async def draw(
        self, connection_id: str, entity: str, halo_id: str, number: str, counter: Counter, following: int
    ) -> None:
        """Give the record this number and go on at `following`. Raises `Stale` where another was quicker."""
        writes = [self._moved(counter, following), *self._given(halo_id, number)]
        await self._table.write(keys.join(connection_id, entity), writes)

    async def keep(self, connection_id: str, entity: str, halo_id: str, number: str) -> None:
        """Remember a number that Halo drew for a record. Raises `Stale` if the record has one, or the number is given."""
        await self._table.write(keys.join(connection_id, entity), self._given(halo_id, number))

    async def discard(self, connection_id: str, entity: str, halo_id: str) -> None:
        """Take the number from the record, since somebody else's has it by now; it is not drawn again."""
        await self._table.delete(keys.join(connection_id, entity), keys.join("r", halo_id))

    async def forget(self, connection_id: str) -> None:
        """Remove every row of a connection that is removed."""
        doomed: dict[str, list[str]] = {}
        async for found in self._table.query(
            partitions=keys.starting_with(connection_id, total=2), select=("v",)
        ):
            doomed.setdefault(found.partition, []).append(found.key)
        for partition, rows in doomed.items():
            await self._table.delete_keys(partition, rows)

    def _moved(self, counter: Counter, following: int) -> Write:
        properties = self._counters.pack(_Counter(following))
        if counter.etag:
            return Write("replace", _COUNTER, properties, counter.etag)
        return Write("insert", _COUNTER, properties)

    def _given(self, halo_id: str, number: str) -> list[Write]:
        properties = self._drawn.pack(_Drawn(number))
        return [
            Write("insert", keys.join("r", halo_id), properties),
            Write("insert", keys.join("n", number), properties),
        ]
