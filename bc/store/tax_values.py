"""The tax that Halo's customers and products had before it was set to zero: one row for each record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from bc.model import Entity
from bc.store import keys, records
from bc.store.rows import Codec, Page
from bc.store.tables import TRANSACTION, Tables, Write

TaxState = Literal["planned", "zeroed", "conflict", "restored"]
_PARTITION = "tax"


class TaxValue(msgspec.Struct, frozen=True, kw_only=True):
    """`old` and `new` are Halo's tax ids by field. `planned`: kept, and perhaps written already. `restored`: put back;
    only the stamp of that write stays until the next night.

    `stamp` is Halo's modification time after our write (for a conflict: when it was seen), `job_id` who wrote it.
    """

    entity: Entity
    halo_id: str
    name: str = ""
    old: dict[str, int]
    new: dict[str, int]
    state: TaxState = "planned"
    stamp: str = ""
    job_id: str = ""


_CODEC = Codec(TaxValue)


class TaxValues:
    """All kept values, in order of entity and Halo id."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.table("bcTaxValues")

    async def get(self, entity: Entity, halo_id: str) -> TaxValue | None:
        """What is kept of a record, None where nothing is."""
        found = await self._table.get(_PARTITION, keys.join(entity, halo_id))
        return _CODEC.unpack(found.properties) if found else None

    async def get_many(self, entity: Entity, halo_ids: Iterable[str]) -> dict[str, TaxValue]:
        """What is kept of many records, by Halo id; those without are missing."""
        wanted = list(dict.fromkeys(halo_ids))
        rows = await records.each([(entity, halo_id) for halo_id in wanted], self.get)
        return {halo_id: row for halo_id, row in zip(wanted, rows, strict=True) if row}

    async def put_many(self, values: Iterable[TaxValue]) -> None:
        """Write values over whatever is kept."""
        writes = [
            Write(
                "put",
                keys.join(value.entity, value.halo_id),
                _CODEC.pack(value, entity=value.entity, state=value.state),
            )
            for value in values
        ]
        for at in range(0, len(writes), TRANSACTION):
            await self._table.write(_PARTITION, writes[at : at + TRANSACTION])

    async def forget(self, values: Iterable[TaxValue]) -> None:
        """Remove values; those that are gone are fine."""
        await self._table.delete_keys(
            _PARTITION, [keys.join(value.entity, value.halo_id) for value in values]
        )

    async def page(self, *, state: str = "", limit: int = 100, cursor: str = "") -> Page[TaxValue]:
        """Part of what is kept. Raises `ValueError` for a bad cursor."""
        where = {"state": state} if state else None
        # Every key begins with the name of an entity.
        return await records.page(
            self._table, _CODEC, _PARTITION, ("a", "z"), limit=limit, cursor=cursor, where=where
        )

    async def purge(self) -> None:
        """Remove what is left of values that were put back."""
        doomed = [
            found.key
            async for found in self._table.query(
                partition=_PARTITION, where={"state": "restored"}, select=("v",)
            )
        ]
        await self._table.delete_keys(_PARTITION, doomed)

    async def count(self, state: str = "") -> int:
        """How many values are kept, in one state or in all."""
        where = {"state": state} if state else None
        number = 0
        async for _ in self._table.query(partition=_PARTITION, where=where, select=("v",)):
            number += 1
        return number
