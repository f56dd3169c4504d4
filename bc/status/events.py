"""When Halo last called, noted at most a few times a minute."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bc.errors import SyncError

if TYPE_CHECKING:
    from bc.store import Store

log = logging.getLogger("bc.status")

NOTE = "halo:last_event"
EVERY_SECONDS = 10.0


class EventNote:
    """Notes an event of Halo's webhook; most calls cost nothing."""

    def __init__(self) -> None:
        self._noted = float("-inf")

    async def arrived(self, store: Store) -> None:
        """Storage that fails here fails the page only, and not Halo's call."""
        if time.monotonic() - self._noted < EVERY_SECONDS:
            return
        self._noted = time.monotonic()
        try:
            await store.notes.put(NOTE, datetime.now(UTC).isoformat())
        except SyncError as error:
            log.warning("the time of Halo's call was not noted code=%s", error.code)


async def last_event_at(store: Store) -> datetime | None:
    """When Halo's webhook last brought something understood; None where it never did."""
    noted = await store.notes.get(NOTE)
    return datetime.fromisoformat(noted) if noted else None
