"""The pump: drains dirty rows, one holder at a time over all instances.

One pump serves the whole app and not one for each BC principal: Halo's few calls are the narrow pipe and are one per
tenant, so a second pump could only wait for the same calls. Inside, each principal has its own five permits and each
connection its own breaker, so a slow company never holds up another (docs/architecture.md, "One pump").
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from bc.errors import SyncError
from bc.model import Connection, Dirty
from bc.store import Lease
from bc.store.records import each
from bc.store.rows import Row
from bc.sync import breaker_notes
from bc.sync.context import utc_now
from bc.sync.halo_reads import Stance, Waiting
from bc.sync.turns import Key, Turns
from bc.sync.work import let_go, push_row

if TYPE_CHECKING:
    from bc.services import Services

log = logging.getLogger("bc.pump")

LEASE = "pump"
LEASE_SECONDS = 30
RENEW_SECONDS = 4
SCAN_SECONDS = 1.0
WRITE_SECONDS = 5.0
RUN_SECONDS = 240
FULL_SCAN_SECONDS = 15
# More than can be at Business Central at once: most of them wait for their rows to go to Halo with those of others.
WORKERS = 64
BUSY = 10


class Pump:
    """One run. `run()` returns when there is nothing to do now, the time is up, or the lease is lost."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.rows: dict[Key, Row[Dirty]] = {}
        self.seen: dict[Key, float] = {}
        self.active: dict[Key, asyncio.Task[None]] = {}
        self.connections: list[Connection] = []
        self.scanned_at: datetime | None = None
        self.scanned_all_at = 0.0
        self.lost = False
        self.reading: asyncio.Task[None] | None = None
        self._lease: Lease
        self._turns = Turns()
        self._arranged = False

    async def run(self, seconds: float = RUN_SECONDS) -> None:
        lease = await self._acquire()
        if lease is None:
            self.services.poke()
            return
        ends = time.monotonic() + seconds
        self.services.fence_until = time.monotonic() + LEASE_SECONDS
        self._lease = lease
        await self._look_at_connections()
        with suppress(SyncError):
            await breaker_notes.restore(self.services, self.connections)
        self.services.tally.held = True
        keeping = [asyncio.create_task(self._keep()), asyncio.create_task(self._keep_permits())]
        self.services.draining = True
        self.services.store.dirty.remember()
        try:
            await self._drain(ends)
        finally:
            # From here on a change leaves a message; what came before it is found by `_leave_wake`.
            self.services.draining = False
            self.services.store.dirty.forget_all()
            await self._finish_active()
            ending = [*keeping, *([self.reading] if self.reading else [])]
            for task in ending:
                task.cancel()
            await asyncio.wait(ending)
            with suppress(SyncError):
                await self.services.permits.give_back()
            self.services.tally.held = False
            await self.services.tally.write()
            if not self.lost:
                await self.services.store.leases.release(self._lease)
            await self._leave_wake()

    async def _acquire(self) -> Lease | None:
        """The pump's lease; None while another instance renews it. A holder that died is waited out."""
        leases, holder = self.services.store.leases, secrets.token_hex(8)
        lease = await leases.acquire(LEASE, holder, LEASE_SECONDS)
        while lease is None:
            seen = await leases.read(LEASE)
            if seen is not None:
                await asyncio.sleep(RENEW_SECONDS + 1)
                now_held = await leases.read(LEASE)
                if now_held is not None and now_held.expires_at > seen.expires_at:
                    return None
            lease = await leases.acquire(LEASE, holder, LEASE_SECONDS)
        return lease

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                renewed = await self.services.store.leases.renew(self._lease, LEASE_SECONDS)
            except SyncError:
                continue
            if renewed is None:
                self.lost = True
                self.services.fence_until = 0.0
                return
            self._lease = renewed
            self.services.fence_until = time.monotonic() + LEASE_SECONDS

    async def _keep_permits(self) -> None:
        """Each second: say what is used, learn what may be; callers beside the pump wait for that.

        Every few seconds also: write what was counted.
        """
        written = time.monotonic()
        while True:
            with suppress(SyncError):
                await self.services.permits.refresh(self.connections)
            if time.monotonic() - written > WRITE_SECONDS:
                written = time.monotonic()
                await self.services.tally.write()
            await asyncio.sleep(SCAN_SECONDS)

    async def _look_at_connections(self) -> None:
        self.connections = await self.services.store.connections.list()

    async def _drain(self, ends: float) -> None:
        while not self.lost and time.monotonic() < ends:
            await self._scan()
            self._start_workers()
            self._read_ahead()
            if not self.active and next(self._due(), None) is None:
                return
            poked = self.services.poked
            poked.clear()
            looking = asyncio.create_task(poked.wait())
            # Each event of a flood pokes: with enough in hand the next look is soon enough.
            waiting = [*self._under_way(), *([looking] if len(self.active) < BUSY else [])]
            done, _ = await asyncio.wait(waiting, timeout=SCAN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            looking.cancel()
            # Many may end at once in a flood: start the next before the next scan.
            while done and not self.lost and time.monotonic() < ends and self._scan_is_fresh():
                self._start_workers()
                if self.services.halo_reads.wants_more and self._turns.wait_for_a_list:
                    self._read_ahead()
                if not self.active:
                    break
                done, _ = await asyncio.wait(
                    self._under_way(), timeout=SCAN_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )

    def _scan_is_fresh(self) -> bool:
        return self.scanned_at is not None and utc_now() - self.scanned_at < timedelta(seconds=SCAN_SECONDS)

    async def _scan(self) -> None:
        """Read the dirty rows that changed since the last look; all of them now and then, for clocks that differ."""
        all_again = time.monotonic() - self.scanned_all_at > FULL_SCAN_SECONDS
        since = None if all_again or self.scanned_at is None else self.scanned_at - timedelta(seconds=10)
        if since is None:
            self.scanned_all_at = time.monotonic()
        started = utc_now()
        await self._look_at_connections()
        async for row in self.services.store.dirty.rows(changed_since=since):
            key = (row.value.entity, row.value.halo_id)
            held = self.rows.get(key)
            if key not in self.active and (held is None or held.etag != row.etag):
                self.rows[key], self.seen[key] = row, time.monotonic()
        self.scanned_at, self._arranged = started, False
        self.services.halo_reads.settle(self._invoices())
        self.services.tally.waiting(len(self.rows) + len(self.active))
        self.services.orders = sum(1 for row in self.rows.values() if row.value.source == "manual")

    def _invoices(self) -> dict[str, Waiting]:
        """The invoices that may be tried now."""
        now = utc_now()
        return {
            halo_id: Waiting(row, self.seen[entity, halo_id])
            for (entity, halo_id), row in self.rows.items()
            if entity == "invoice"
            and (entity, halo_id) not in self.active
            and (row.value.not_before is None or row.value.not_before <= now)
        }

    def _under_way(self) -> list[asyncio.Task[None]]:
        reading = [self.reading] if self.reading and not self.reading.done() else []
        return [*self.active.values(), *reading]

    def _read_ahead(self) -> None:
        """Have the next list read for the invoices that wait for one."""
        if self.reading is None or self.reading.done():
            reads = self.services.halo_reads
            waiting = self._invoices()
            if any(reads.stance(one) in ("coming", "echo") for one in waiting.values()):
                self.reading = asyncio.create_task(self._read(waiting), name="read ahead")

    async def _read(self, waiting: dict[str, Waiting]) -> None:
        try:
            own = await self.services.halo_reads.ahead(waiting)
            await self._read_links(waiting)
            self._arranged = False
            await each([(row,) for row in own], self._let_go)
        except Exception:
            # The rows are still there: each is pushed with a read of its own.
            log.exception("reading ahead ended unexpectedly")
            self.services.halo_reads.rest()

    async def _read_links(self, waiting: dict[str, Waiting]) -> None:
        """With the records that a list brought come their links."""
        if len(self.connections) != 1:
            return
        stance = self.services.halo_reads.stance
        since = {halo_id: one.seen for halo_id, one in waiting.items() if stance(one) == "ready"}
        with suppress(SyncError):
            await self.services.link_reads.ahead(self.connections[0].id, "invoice", since)

    async def _let_go(self, row: Row[Dirty]) -> None:
        key = (row.value.entity, row.value.halo_id)
        if self.rows.get(key) is row:
            del self.rows[key]
        await let_go(self.services, row)

    def _due(self) -> Iterator[tuple[Key, Dirty]]:
        """The rows that may be tried now."""
        now = utc_now()
        for key, row in self.rows.items():
            if key not in self.active and (row.value.not_before is None or row.value.not_before <= now):
                yield key, row.value

    def _start_workers(self) -> None:
        self.active = {key: task for key, task in self.active.items() if not task.done()}
        if not self._arranged:
            self._turns.arrange(self._due(), self._stance)
            self._arranged = True
        while len(self.active) < WORKERS and not self.lost and (key := self._turns.take()):
            if key in self.rows and key not in self.active:
                row, seen = self._newest(key)
                self.active[key] = asyncio.create_task(
                    push_row(self.services, row, self.connections, seen), name=f"push {key[0]} {key[1]}"
                )

    def _stance(self, key: Key) -> Stance:
        return self.services.halo_reads.stance(Waiting(self.rows[key], self.seen[key]))

    def _newest(self, key: Key) -> tuple[Row[Dirty], float]:
        """The row to be pushed now, and since when it is known; a change that came through this process is in it."""
        row, seen = self.rows.pop(key), self.seen.pop(key)
        known = self.services.store.dirty.known(row.value.entity, row.value.halo_id)
        return (row, seen) if known is None or known.etag == row.etag else (known, time.monotonic())

    async def _finish_active(self) -> None:
        if not self.active:
            return
        _, pending = await asyncio.wait(self.active.values(), timeout=LEASE_SECONDS / 2)
        for task in pending:
            task.cancel()
        if pending:
            await asyncio.wait(pending)

    async def _leave_wake(self) -> None:
        """Rows that came or wait: leave a message behind, due when the first of them is."""
        soonest: float | None = None
        now = utc_now()
        async for row in self.services.store.dirty.rows():
            wait = max(0.0, (row.value.not_before - now).total_seconds()) if row.value.not_before else 0.0
            soonest = wait if soonest is None else min(soonest, wait)
            if soonest == 0:
                break
        if soonest is not None:
            await self.services.wake(delay=min(soonest, 60.0))


async def due(services: Services) -> bool:
    """Whether a row could be pushed now and nobody seems to be at it: no lease, or one that is not being renewed."""
    lease = await services.store.leases.read(LEASE)
    if lease is not None and lease.expires_at - utc_now() > timedelta(
        seconds=LEASE_SECONDS - RENEW_SECONDS - 2
    ):
        return False
    now = utc_now()
    async for row in services.store.dirty.rows():
        if row.value.not_before is None or row.value.not_before <= now:
            return True
    return False
