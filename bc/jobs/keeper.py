"""One worker for each job: a lease that is renewed while its owner works, and the time that one message may take."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bc.services import Services
    from bc.store.leases import Lease

LEASE_SECONDS = 30
MESSAGE_SECONDS = 180.0


class LostLease(Exception):
    """Another worker has the job now: nothing may be written any more."""


class Keeper:
    """Holds the job's lease while its owner works, however long a single call takes."""

    def __init__(self, services: Services, lease: Lease) -> None:
        self._services = services
        self._lease: Lease | None = lease
        self._until = time.monotonic() + MESSAGE_SECONDS
        self._task = asyncio.create_task(self._renew())

    @property
    def time_is_up(self) -> bool:
        """Whether what remains should be left to the next message."""
        return time.monotonic() >= self._until

    async def _renew(self) -> None:
        while self._lease is not None:
            await asyncio.sleep(LEASE_SECONDS / 3)
            self._lease = await self._services.store.leases.renew(self._lease, LEASE_SECONDS)

    def check(self) -> None:
        """Raise `LostLease` where the lease is gone, or can no longer be renewed."""
        if self._lease is None or self._task.done():
            raise LostLease

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        broke = not self._task.cancelled() and self._task.exception() is not None
        if self._lease is not None and not broke:
            await self._services.store.leases.release(self._lease)
