"""Counters of outcomes by connection and hour, each connection's last success, and how many records waited when.

Read without reading outcomes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from bc.store import keys
from bc.store.records import until_it_holds
from bc.store.rows import Codec
from bc.store.tables import Found, Tables

KEPT_HOURS = 48
# The last success sorts behind the hours, so that one range holds both.
_HOUR = "h"
_LAST = "last"
SLOT = timedelta(minutes=5)
# With the minute at which a slot of the hour begins: the most that waited in it.
_WAITED = "waited"


class LastSuccess(msgspec.Struct, frozen=True):
    """The newest record that arrived in Business Central."""

    entity: str
    halo_id: str
    record_name: str
    bc_number: str
    at: datetime
    record_kind: str = ""


class Counted(msgspec.Struct, frozen=True):
    """Ended pushes by hour (its start) and status, oldest first, the last success, and what waited by `slot_of`."""

    hours: dict[datetime, dict[str, int]]
    last: LastSuccess | None
    waited: dict[datetime, int]


class Counts:
    """A row for each connection and hour. Whoever counts adds up in memory first and writes now and then."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.table("bcCounts")
        self._hour: Codec[dict[str, int]] = Codec(dict[str, int])
        self._last = Codec(LastSuccess)

    async def add(
        self,
        connection_id: str,
        hour: datetime,
        counts: Mapping[str, int],
        waited: Mapping[datetime, int] | None = None,
    ) -> None:
        """Add to an hour so that nobody's counts are lost.

        `waited`: the most records that waited at once, of every connection, by `slot_of` a time in this hour. It rides in
        whichever row is written; the most of all rows counts.
        """
        most = {f"{_WAITED}{slot.minute:02}": number for slot, number in (waited or {}).items()}
        partition, key = keys.encode(connection_id), keys.join(_HOUR, _hour_text(hour))

        async def attempt() -> None:
            found = await self._table.get(partition, key)
            before = self._hour.unpack(found.properties) if found else {}
            after = {
                **before,
                **{name: before.get(name, 0) + n for name, n in counts.items()},
                **{name: max(before.get(name, 0), n) for name, n in most.items()},
            }
            if found and after == before:
                return
            if found:
                await self._table.replace(partition, key, self._hour.pack(after), found.etag)
            else:
                await self._table.insert(partition, key, self._hour.pack(after))

        await until_it_holds(attempt)

    async def succeeded(self, connection_id: str, last: LastSuccess) -> None:
        """Note the last success over an older one."""
        await self._table.put(keys.encode(connection_id), keys.join(_LAST, ""), self._last.pack(last))

    async def read(self, since: datetime) -> dict[str, Counted]:
        """The hours from `since` on and the last success by connection: one query, a few dozen rows for each.

        What is of no connection stands under "". A connection without a row is missing.
        """
        rows: dict[str, list[Found]] = {}
        async for found in self._table.query(start=keys.join(_HOUR, _hour_text(since))):
            rows.setdefault(found.partition, []).append(found)
        return {keys.decode(partition): self._counted(of) for partition, of in rows.items()}

    def _counted(self, rows: Iterable[Found]) -> Counted:
        hours: dict[datetime, dict[str, int]] = {}
        last: LastSuccess | None = None
        waited: dict[datetime, int] = {}
        for found in rows:
            kind, text = (keys.decode(part) for part in found.key.split(keys.SEPARATOR))
            if kind == _LAST:
                last = self._last.unpack(found.properties)
            else:
                hour = datetime.fromisoformat(text)
                for name, number in self._hour.unpack(found.properties).items():
                    if name.startswith(_WAITED):
                        waited[hour + timedelta(minutes=int(name.removeprefix(_WAITED)))] = number
                    else:
                        hours.setdefault(hour, {})[name] = number
        return Counted(hours, last, waited)

    async def purge(self, now: datetime) -> None:
        """Remove hours that nobody looks at any more."""
        before = keys.join(_HOUR, _hour_text(now - timedelta(hours=KEPT_HOURS)))
        start, _ = keys.starting_with(_HOUR, total=2)
        doomed = [found async for found in self._table.query(start=start, below=before, select=("v",))]
        for found in doomed:
            await self._table.delete(found.partition, found.key)

    async def forget(self, connection_id: str) -> None:
        """Remove the counters of a connection that is removed."""
        partition = keys.encode(connection_id)
        doomed = [found.key async for found in self._table.query(partition=partition, select=("v",))]
        await self._table.delete_keys(partition, doomed)


def hour_of(at: datetime) -> datetime:
    """The start of the hour, UTC."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def slot_of(at: datetime) -> datetime:
    """The start of the five minutes, UTC."""
    hour = hour_of(at)
    return hour + (at - hour) // SLOT * SLOT


def _hour_text(at: datetime) -> str:
    return hour_of(at).isoformat()
