"""What all instances together may ask of Halo and BC: call windows and permits, each one guarded row."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from bc.store import keys
from bc.store.permits import WAIT_LIFE, Permits
from bc.store.records import until_it_holds
from bc.store.rows import Codec
from bc.store.tables import Table, Tables
from bc.store.windows import Window

WINDOW = timedelta(minutes=5)
# A granted block of calls must be used within this time; the window counts it that much longer.
BLOCK_LIFE = timedelta(seconds=10)
_HALO = "halo"
_BC = "bc"
_PERMITS = "permits"


class Used(NamedTuple):
    """BC requests of a principal that are leased for the last 5 minutes, and its calls that may be under way."""

    requests: int = 0
    in_flight: int = 0


class Budgets:
    """Limits over all instances, by the storage account's clock."""

    def __init__(self, tables: Tables, now: Callable[[], datetime]) -> None:
        table = tables.table("bcBudgets")
        self._windows = _Guarded(table, Codec(Window), Window())
        self._permits = _Guarded(table, Codec(Permits), Permits())
        self._now = now

    async def take_halo(self, n: int, ceiling: int, *, kept: int = 0) -> tuple[int, float]:
        """Lease up to `n` Halo calls, to be made within `BLOCK_LIFE`: (granted, seconds to wait when 0).

        Whatever the instances do, no 5 minutes hold more than `ceiling` calls. The last `kept` of them are left to
        callers who keep none.
        """
        length = WINDOW + BLOCK_LIFE

        def take(window: Window) -> tuple[Window, tuple[int, float]]:
            now = self._now()
            window = window.at(now, length)
            granted = max(0, min(n, ceiling - kept - window.used))
            if not granted:
                return window, (0, window.frees_in(now, length) + random.random() * 0.2)
            return window.plus(now, granted), (granted, 0.0)

        return await self._windows.change(_HALO, "calls", take)

    async def halo_used(self) -> int:
        """How many Halo calls are leased for the last 5 minutes."""
        return (await self._windows.read(_HALO, "calls")).at(self._now(), WINDOW + BLOCK_LIFE).used

    async def bc(self) -> dict[str, Used]:
        """What each principal uses at this moment; one that asked for nothing yet is missing. Two queries."""
        now = self._now()
        windows, permits = await self._windows.all(_BC), await self._permits.all(_PERMITS)
        return {
            principal: Used(
                windows.get(principal, Window()).at(now, WINDOW + BLOCK_LIFE).used,
                permits.get(principal, Permits()).at(now).in_use,
            )
            for principal in windows.keys() | permits.keys()
        }

    async def take_bc(self, principal: str, least: int, most: int, ceiling: int) -> tuple[int, float, int]:
        """Lease `least` to `most` BC requests, to be sent within `BLOCK_LIFE`: (granted, seconds to wait when 0, used).

        Whatever the instances do, no 5 minutes hold more than `ceiling` requests of a principal.
        """
        length = WINDOW + BLOCK_LIFE

        def take(window: Window) -> tuple[Window, tuple[int, float, int]]:
            now = self._now()
            window = window.at(now, length)
            granted = min(most, ceiling - window.used)
            if granted < least:
                return window, (0, window.frees_in(now, length) + random.random() * 0.2, window.used)
            window = window.plus(now, granted)
            return window, (granted, 0.0, window.used)

        return await self._windows.change(_BC, principal, take)

    async def pump_allowance(
        self, principal: str, holder: str, limit: int, in_flight: int | None = None
    ) -> int:
        """What the pump may have in flight from now on; called each second while it runs.

        That is `limit` less what is borrowed and waited for, at least 1 unless others hold everything. `in_flight`
        is how many of its calls are under way: with it, a caller that waits is served as soon as they are few enough.
        """
        return await self._permits.change(
            _PERMITS,
            principal,
            lambda permits: permits.at(self._now()).pump(holder, limit, in_flight, self._now()),
        )

    async def borrow(self, principal: str, holder: str, limit: int, seconds: float) -> bool:
        """One permit for a caller beside the pump, for at most `seconds`; True when it is theirs.

        False counts the caller as waiting for a few seconds: ask again several times a second, or `give_back`.
        """

        def take(permits: Permits) -> tuple[Permits, bool]:
            now = self._now()
            current = permits.at(now)
            taken, granted = current.borrow(holder, limit, now + timedelta(seconds=seconds), now)
            waits_until = permits.waiting.get(holder)
            if not granted and waits_until and waits_until - now > WAIT_LIFE / 2:
                return permits, False  # still counted: asking again costs no write
            return taken, granted

        return await self._permits.change(_PERMITS, principal, take)

    async def give_back(self, principal: str, holder: str) -> None:
        """Return a permit, or stop waiting for one; a pump that ends returns its share with it."""
        await self._permits.change(_PERMITS, principal, lambda permits: (permits.without(holder), None))


class _Guarded[T]:
    """Rows of one type that many workers change."""

    def __init__(self, table: Table, codec: Codec[T], empty: T) -> None:
        self._table = table
        self._codec = codec
        self._empty = empty

    async def read(self, kind: str, name: str) -> T:
        found = await self._table.get(kind, keys.encode(name))
        return self._codec.unpack(found.properties) if found else self._empty

    async def all(self, kind: str) -> dict[str, T]:
        """Every row by name."""
        return {
            keys.decode(found.key): self._codec.unpack(found.properties)
            async for found in self._table.query(partition=kind)
        }

    async def change[R](self, kind: str, name: str, change: Callable[[T], tuple[T, R]]) -> R:
        """Write what `change` makes of the row, if it makes anything else of it, and give its answer."""

        async def attempt() -> R:
            found = await self._table.get(kind, keys.encode(name))
            before = self._codec.unpack(found.properties) if found else self._empty
            after, answer = change(before)
            if after == before:
                return answer
            if found:
                await self._table.replace(kind, found.key, self._codec.pack(after), found.etag)
            else:
                await self._table.insert(kind, keys.encode(name), self._codec.pack(after))
            return answer

        return await until_it_holds(attempt)
