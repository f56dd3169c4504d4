"""Notes: small facts as JSON, such as watermarks and what was last seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bc.store import keys
from bc.store.records import until_it_holds
from bc.store.rows import Codec
from bc.store.tables import Tables

_PARTITION = "notes"
type Json = Any


class Notes:
    """Facts by key; None where nothing is noted."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.table("bcNotes")
        self._codec: Codec[Json] = Codec(Any)

    async def get(self, key: str) -> Json:
        """The fact, or None."""
        found = await self._table.get(_PARTITION, keys.encode(key))
        return self._codec.unpack(found.properties) if found else None

    async def beginning(self, text: str) -> dict[str, Json]:
        """The facts whose keys begin so, by the rest of their keys: one query."""
        start, below = keys.beginning(text)
        return {
            keys.decode(found.key).removeprefix(text): self._codec.unpack(found.properties)
            async for found in self._table.query(partition=_PARTITION, start=start, below=below)
        }

    async def put(self, key: str, value: Json) -> None:
        """Note a fact over whatever stands there."""
        await self._table.put(_PARTITION, keys.encode(key), self._codec.pack(value))

    async def update(self, key: str, change: Callable[[Json], Json]) -> Json:
        """Change a fact so that nobody's change is lost; `change` gets None for no fact and may run several times."""

        async def attempt() -> Json:
            found = await self._table.get(_PARTITION, keys.encode(key))
            value = change(self._codec.unpack(found.properties) if found else None)
            if found:
                await self._table.replace(_PARTITION, found.key, self._codec.pack(value), found.etag)
            else:
                await self._table.insert(_PARTITION, keys.encode(key), self._codec.pack(value))
            return value

        return await until_it_holds(attempt)

    async def delete(self, key: str) -> None:
        """Forget a fact; fine where there is none."""
        await self._table.delete(_PARTITION, keys.encode(key))

    async def check(self) -> None:
        """One cheap call. Raises `NotConfigured` or `Transient` in words."""
        await self._table.get(_PARTITION, "check")
