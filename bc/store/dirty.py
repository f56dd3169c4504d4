"""Dirty rows: the Halo records that changed and are not yet pushed, one row for each however many changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec

from bc.model import Blocked, Dirty, Entity, Operation, Source
from bc.store import keys
from bc.store.records import Lanes, until_it_holds
from bc.store.rows import Codec, Properties, Row, Stale
from bc.store.tables import Tables, Write

MOST_COUNTED = 10_000
PEOPLE: tuple[Source, ...] = ("manual", "cure")
_CODEC = Codec(Dirty)


class DirtyRows:
    """The work that waits. A push deletes the row under the ETag it read, so a change meanwhile is never lost."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.table("bcDirty")
        self._known: dict[tuple[str, str], Row[Dirty]] | None = None
        # What this process does to a row it does in turn: with the ETag that the one before left.
        self._lane = Lanes()

    # --- what the pump of this process has seen: hints, which an ETag that no longer matches makes nothing of ---

    def remember(self) -> None:
        """From here on keep in mind how the rows were last read or written by this process."""
        self._known = {}

    def forget_all(self) -> None:
        self._known = None

    def known(self, entity: str, halo_id: str) -> Row[Dirty] | None:
        """The row as this process last read or wrote it; None where it does not remember, or deleted it."""
        return self._known.get((entity, halo_id)) if self._known is not None else None

    def _keep(self, dirty: Dirty, etag: str) -> Row[Dirty]:
        row = Row(dirty, etag)
        if self._known is not None:
            self._known[dirty.entity, dirty.halo_id] = row
        return row

    def _forget(self, dirty: Dirty) -> None:
        if self._known is not None:
            self._known.pop((dirty.entity, dirty.halo_id), None)

    async def mark(
        self,
        entity: Entity,
        halo_id: str,
        *,
        operation: Operation = "upsert",
        source: Source,
        requested_at: datetime,
        connection_id: str | None = None,
        origin: str = "",
        traceparent: str = "",
    ) -> Dirty:
        """Note a change: a new row, or one more generation of the one that waits (see `merged`)."""
        change = Dirty(
            entity=entity,
            halo_id=halo_id,
            operation=operation,
            requested_at=requested_at,
            first_requested_at=requested_at,
            source=source,
            connection_id=connection_id,
            origin=origin,
            traceparent=traceparent,
        )

        async def attempt() -> Dirty:
            if known := self.known(entity, halo_id):
                try:
                    return (await self._replace(merged(known.value, change), known.etag)).value
                except Stale:
                    self._forget(change)
            try:
                write = Write("insert", keys.encode(halo_id), _packed(change))
                (etag,) = await self._table.write(entity, [write])
                return self._keep(change, etag).value
            except Stale:
                row = await self.get(entity, halo_id)
            if row is None:
                raise Stale(halo_id)  # pushed and gone this instant: insert again
            return (await self._replace(merged(row.value, change), row.etag)).value

        async with self._lane(entity, halo_id):
            return await until_it_holds(attempt)

    async def rows(self, changed_since: datetime | None = None) -> AsyncIterator[Row[Dirty]]:
        """The rows, or those written since a time (by the storage account's clock)."""
        extra = f"Timestamp ge datetime'{_instant(changed_since)}'" if changed_since else ""
        async for found in self._table.query(extra=extra):
            yield self._keep(_CODEC.unpack(found.properties), found.etag)

    async def get(self, entity: Entity, halo_id: str) -> Row[Dirty] | None:
        """One row, None where the record is clean."""
        found = await self._table.get(entity, keys.encode(halo_id))
        return Row(_CODEC.unpack(found.properties), found.etag) if found else None

    async def replace(self, dirty: Dirty, etag: str) -> Row[Dirty]:
        """The row anew. Raises `Stale` when it moved or is gone."""
        async with self._lane(dirty.entity, dirty.halo_id):
            return await self._replace(dirty, etag)

    async def _replace(self, dirty: Dirty, etag: str) -> Row[Dirty]:
        write = Write("replace", keys.encode(dirty.halo_id), _packed(dirty), etag)
        (written,) = await self._table.write(dirty.entity, [write])
        return self._keep(dirty, written)

    async def delete(self, dirty: Dirty, etag: str) -> None:
        """The record is pushed. Raises `Stale` when it changed since, or the row is gone."""
        async with self._lane(dirty.entity, dirty.halo_id):
            known = self.known(dirty.entity, dirty.halo_id)
            if known and known.etag != etag:
                raise Stale(dirty.halo_id)
            await self._table.delete(dirty.entity, keys.encode(dirty.halo_id), etag)
            self._forget(dirty)

    async def count(self) -> int:
        """How many rows wait; 10,000 stands for that many or more."""
        return sum((await self.census()).values())

    async def census(self) -> Counter[tuple[str, bool]]:
        """How many rows wait by (connection, tried before); "" where the connection is not known yet.

        Together 10,000 stand for that many or more.
        """
        counted: Counter[tuple[str, bool]] = Counter()
        seen = 0
        async for found in self._table.query(select=("routed_to", "tried")):
            counted[str(found.properties.get("routed_to") or ""), bool(found.properties.get("tried"))] += 1
            seen += 1
            if seen >= MOST_COUNTED:
                break
        return counted


def _packed(dirty: Dirty) -> Properties:
    routed = dirty.routed_to or dirty.connection_id or ""
    return _CODEC.pack(dirty, routed_to=routed, tried="1" if dirty.attempts else "")


def merged(waiting: Dirty, change: Dirty) -> Dirty:
    """A waiting row with one more change.

    The operation asked for last wins, whatever order the messages came in. A person's order keeps its place before
    the rest until it is pushed, and ends a wait for the next try; any other change leaves the wait alone.
    """
    newer = change.requested_at >= waiting.requested_at
    by_person = change.source in PEOPLE
    return msgspec.structs.replace(
        waiting,
        generation=waiting.generation + 1,
        operation=change.operation if newer else waiting.operation,
        requested_at=max(change.requested_at, waiting.requested_at),
        first_requested_at=min(change.first_requested_at, waiting.first_requested_at),
        source=change.source if by_person or waiting.source not in PEOPLE else waiting.source,
        connection_id=change.connection_id or waiting.connection_id,
        origin=change.origin or waiting.origin,
        traceparent=change.traceparent or waiting.traceparent,
        not_before=None if by_person else waiting.not_before,
        attempts=0 if by_person else waiting.attempts,
    )


class Remembered(Blocked, frozen=True, kw_only=True):
    """A blocked record as it was read, so that forgetting it does not wipe a newer memory."""

    etag: str = ""


class Blockers:
    """Records that wait for a cure, by the cure's key (see `model.Blocked`)."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.table("bcBlockers")
        self._codec = Codec(Blocked)

    async def remember(self, blocked: Blocked) -> None:
        """Keep a record with its cure; again is once."""
        await self._table.put(keys.encode(blocked.key), _blocked_key(blocked), self._codec.pack(blocked))

    async def take(self, *cures: str) -> list[Blocked]:
        """The records that wait for a cure, or for one of several. They stay until `forget`: mark them dirty in between.

        Several are one look over all that lies between the first and the last of them, so they should be akin.
        """
        wanted = {keys.encode(cure) for cure in cures}
        if not wanted:
            return []
        if len(wanted) == 1:
            rows = await self._table.of_partition(min(wanted))
        else:
            # "!" stands before all that a key is made of: this is the next after the last.
            within = (min(wanted), max(wanted) + "!")
            rows = [
                found async for found in self._table.query(partitions=within) if found.partition in wanted
            ]
        return [
            Remembered(**msgspec.structs.asdict(self._codec.unpack(found.properties)), etag=found.etag)
            for found in rows
        ]

    async def forget(self, blocked: Blocked) -> None:
        """Drop a record that `take` gave, unless it was remembered anew since."""
        etag = blocked.etag if isinstance(blocked, Remembered) else ""
        try:
            await self._table.delete(keys.encode(blocked.key), _blocked_key(blocked), etag)
        except Stale:
            return

    async def forget_connection(self, connection_id: str) -> None:
        """Drop what waits for cures of a connection that is removed."""
        kinds = ("connection", "entity", "link", "go_live", "native")
        for kind in kinds:
            exact = keys.encode(f"{kind}:{connection_id}")
            # ":" is "=3A" in a key, so ";" ("=3B") is the first that no longer begins with it.
            deeper = (keys.encode(f"{kind}:{connection_id}:"), keys.encode(f"{kind}:{connection_id};"))
            doomed = [found async for found in self._table.query(partition=exact)]
            doomed += [found async for found in self._table.query(partitions=deeper)]
            for found in doomed:
                await self._table.delete(found.partition, found.key)


def _blocked_key(blocked: Blocked) -> str:
    return keys.join(blocked.entity, blocked.halo_id, blocked.connection_id or "")


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
