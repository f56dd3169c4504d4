"""Leases: one holder at a time over all instances, each new one with a higher fence number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from bc.store import keys
from bc.store.rows import Codec, Stale
from bc.store.tables import Tables

_PARTITION = "leases"
_RELEASED = datetime(1970, 1, 1, tzinfo=UTC)


class _Held(msgspec.Struct, frozen=True):
    holder: str
    fence: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as it was last written. `fence` grows with every new holder; the row stays, so it never restarts."""

    name: str
    holder: str
    fence: int
    expires_at: datetime
    etag: str


class Leases:
    """Named leases. They run out by the storage account's clock."""

    def __init__(self, tables: Tables, now: Callable[[], datetime]) -> None:
        self._table = tables.table("bcLeases")
        self._codec = Codec(_Held)
        self._now = now

    async def acquire(self, name: str, holder: str, seconds: float) -> Lease | None:
        """Take a lease that is free or ran out; None while anybody holds it, the same holder too."""
        lease = await self.read(name)
        # Read first: its answer also sets the clock of a fresh process.
        if lease is not None and lease.expires_at > self._now():
            return None
        fence = lease.fence + 1 if lease else 1
        try:
            return await self._write(name, holder, fence, self._in(seconds), lease.etag if lease else "")
        except Stale:
            return None  # another was quicker

    async def renew(self, lease: Lease, seconds: float) -> Lease | None:
        """Hold it longer, even if it ran out and nobody took it; None = lost."""
        try:
            return await self._write(lease.name, lease.holder, lease.fence, self._in(seconds), lease.etag)
        except Stale:
            found = await self._ours(lease)
        if found is None:
            return None
        try:
            return await self._write(found.name, found.holder, found.fence, self._in(seconds), found.etag)
        except Stale:
            return None

    async def release(self, lease: Lease) -> None:
        """Give it back; fine if it was lost."""
        try:
            await self._write(lease.name, lease.holder, lease.fence, _RELEASED, lease.etag)
        except Stale:
            found = await self._ours(lease)
            if found is not None and found.etag != lease.etag:
                await self.release(found)

    async def read(self, name: str) -> Lease | None:
        """The lease as it stands, held or run out; None if nobody ever took it."""
        found = await self._table.get(_PARTITION, keys.encode(name))
        if found is None:
            return None
        held = self._codec.unpack(found.properties)
        return Lease(name, held.holder, held.fence, held.expires_at, found.etag)

    async def _ours(self, lease: Lease) -> Lease | None:
        """The row, if it is still this holder's turn: a write whose answer was lost moved it under our feet."""
        found = await self.read(lease.name)
        same = found is not None and (found.holder, found.fence) == (lease.holder, lease.fence)
        return found if same else None

    async def _write(self, name: str, holder: str, fence: int, expires_at: datetime, etag: str) -> Lease:
        properties = self._codec.pack(_Held(holder, fence, expires_at))
        key = keys.encode(name)
        if etag:
            written = await self._table.replace(_PARTITION, key, properties, etag)
        else:
            written = await self._table.insert(_PARTITION, key, properties)
        return Lease(name, holder, fence, expires_at, written)

    def _in(self, seconds: float) -> datetime:
        return self._now() + timedelta(seconds=seconds)
