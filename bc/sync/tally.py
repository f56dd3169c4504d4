"""Counting what pushes end in, for the console's home: added up in memory, written a few times a minute."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

from bc.errors import SyncError
from bc.model import Outcome
from bc.store.counts import LastSuccess, hour_of

if TYPE_CHECKING:
    from bc.store import Store

log = logging.getLogger("bc.tally")

COUNTED = ("synced", "unchanged", "skipped", "failed")


class Tally:
    """One per process. While `held` (the pump runs and writes by itself) a count costs no storage trip of its own.

    What a killed process had not written yet is lost: a figure on a page, and never an outcome.
    """

    def __init__(self, store: Store) -> None:
        self.held = False
        self._store = store
        self._counts: dict[tuple[str, datetime], Counter[str]] = {}
        self._last: dict[str, LastSuccess] = {}

    async def note(self, outcome: Outcome) -> None:
        """Count an outcome that has ended."""
        if outcome.status not in COUNTED:
            return
        connection_id = outcome.connection_id or ""
        self._counts.setdefault((connection_id, hour_of(outcome.at)), Counter())[outcome.status] += 1
        if outcome.status == "synced":
            self._last[connection_id] = LastSuccess(
                outcome.entity, outcome.halo_id, outcome.record_name, outcome.bc_number, outcome.at
            )
        if not self.held:
            await self.write()

    async def write(self) -> None:
        """Write what was counted since the last time. What storage does not take now is kept for the next time."""
        counts, self._counts = self._counts, {}
        last, self._last = self._last, {}
        try:
            while counts:
                (connection_id, hour), counted = next(iter(counts.items()))
                await self._store.counts.add(connection_id, hour, counted)
                del counts[connection_id, hour]
            while last:
                connection_id, success = next(iter(last.items()))
                await self._store.counts.succeeded(connection_id, success)
                del last[connection_id]
        except SyncError as error:
            log.warning("counts are written later code=%s", error.code)
            for key, counted in counts.items():
                self._counts.setdefault(key, Counter()).update(counted)
            self._last = {**last, **self._last}
