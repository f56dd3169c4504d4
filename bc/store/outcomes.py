"""Outcomes: what became of each push, newest first over all, by connection and by record.

The three copies of an outcome lie in one partition and are written in one transaction, so no list tells another
story than the others.
"""

from __future__ import annotations

from datetime import datetime

from bc.model import Outcome
from bc.store import keys, records
from bc.store.rows import ALL, Codec, OfConnection, Page, Properties
from bc.store.tables import TRANSACTION, Tables, Write

_PARTITION = "outcomes"
_CODEC = Codec(Outcome)


class Outcomes:
    """One row for each push, written again from `retrying` to its end."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.table("bcOutcomes")

    def new_id(self, at: datetime, seed: str = "") -> str:
        """An id that sorts newest first; the same time and `seed` give the same id."""
        return keys.new_id(at, seed)

    async def put(self, outcome: Outcome, sent: bytes = b"") -> None:
        """Write an outcome, new or again. Raises `ValueError` for an id that `new_id` did not make.

        `sent`: what was sent for it, kept with the copy in its record's list and nowhere else.
        """
        if not keys.is_id(outcome.id):
            raise ValueError("an outcome's id comes from new_id")
        properties = _CODEC.pack(
            outcome,
            connection_id=outcome.connection_id or "",
            entity=outcome.entity,
            status=outcome.status,
            halo_id=outcome.halo_id,
        )
        writes = [Write("put", key, properties) for key in _all_keys(outcome.id, properties)]
        if sent and outcome.halo_id:
            writes[-1] = Write("put", writes[-1].key, {**properties, "sent": sent})
        await self._table.write(_PARTITION, writes)

    async def get(self, outcome_id: str) -> Outcome | None:
        """One outcome, None where there is none (any more)."""
        found = await self._table.get(_PARTITION, keys.join("o", "", outcome_id))
        return _CODEC.unpack(found.properties) if found else None

    async def sent(self, outcome_id: str) -> bytes | None:
        """What `put` was given for an outcome; None where there is no such outcome."""
        outcome = await self.get(outcome_id)
        if outcome is None:
            return None
        found = await self._table.get(_PARTITION, keys.join("r", outcome.halo_id, outcome_id))
        return bytes(found.properties.get("sent", b"")) if found else b""

    async def page(
        self,
        *,
        connection_id: OfConnection = ALL,
        entity: str = "",
        status: str = "",
        halo_id: str = "",
        limit: int = 100,
        cursor: str = "",
    ) -> Page[Outcome]:
        """Part of the outcomes, newest first; empty filters do not filter. Raises `ValueError` for a bad cursor."""
        where = {"entity": entity, "status": status}
        connection = None if connection_id is ALL else str(connection_id or "")
        if halo_id:
            within = keys.starting_with("r", halo_id, total=3)
        elif connection is not None:
            within = keys.starting_with("c", connection, total=3)
        else:
            within = keys.starting_with("o", "", total=3)
        chosen = {name: value for name, value in where.items() if value}
        if halo_id and connection is not None:
            chosen["connection_id"] = connection
        return await records.page(
            self._table, _CODEC, _PARTITION, within, limit=limit, cursor=cursor, where=chosen
        )

    async def purge(self, before: datetime) -> int:
        """Remove outcomes older than a time; how many. What a kill leaves is removed by the next call."""
        start = keys.join("o", "", keys.time_key(before))
        _, below = keys.starting_with("o", "", total=3)
        return await self._remove(start, below)

    async def forget(self, connection_id: str) -> None:
        """Remove the outcomes of a connection that is removed."""
        await self._remove(*keys.starting_with("c", connection_id, total=3))

    async def _remove(self, start: str, below: str) -> int:
        removed, doomed = 0, list[str]()
        async for found in self._table.query(
            partition=_PARTITION, start=start, below=below, select=("connection_id", "halo_id")
        ):
            outcome_id = found.key.rsplit(keys.SEPARATOR, 1)[1]
            doomed += _all_keys(outcome_id, dict(found.properties))
            removed += 1
            if len(doomed) > TRANSACTION - 3:
                await self._table.delete_keys(_PARTITION, doomed)
                doomed = []
        await self._table.delete_keys(_PARTITION, doomed)
        return removed


def _all_keys(outcome_id: str, properties: Properties) -> list[str]:
    """The key in the list of all, in that of its connection, and in that of its record."""
    found = [
        keys.join("o", "", outcome_id),
        keys.join("c", str(properties["connection_id"]), outcome_id),
    ]
    if halo_id := properties.get("halo_id"):
        found.append(keys.join("r", str(halo_id), outcome_id))
    return found
