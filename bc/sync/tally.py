"""Counting what pushes end in and what waits, for the console's home: in memory, written a few times a minute."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bc.errors import SyncError
from bc.model import Outcome
from bc.store.counts import LastSuccess, hour_of, slot_of

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
        self._waited: dict[datetime, int] = {}

    def waiting(self, number: int) -> None:
        """So many records wait, those in hand included. Of each five minutes the most is kept."""
        slot = slot_of(datetime.now(UTC))
        if number:
            self._waited[slot] = max(number, self._waited.get(slot, 0))

    async def note(self, outcome: Outcome) -> None:
        """Count an outcome that has ended."""
        if outcome.status not in COUNTED:
            return
        connection_id = outcome.connection_id or ""
        self._counts.setdefault((connection_id, hour_of(outcome.at)), Counter())[outcome.status] += 1
        if outcome.status == "synced":
            self._last[connection_id] = LastSuccess(
                outcome.entity,
                outcome.halo_id,
                outcome.record_name,
                outcome.bc_number,
                outcome.at,
                outcome.record_kind,
            )
        if not self.held:
            await self.write()

    async def write(self) -> None:
        """Write what was counted since the last time. What storage does not take now is kept for the next time."""
        counts, self._counts = self._counts, {}
        last, self._last = self._last, {}
        waited = self._waited_until_now()
        try:
            while counts:
                (connection_id, hour), counted = next(iter(counts.items()))
                await self._add(connection_id, hour, counted, waited)
                del counts[connection_id, hour]
            while waited:
                await self._add("", hour_of(min(waited)), {}, waited)
            while last:
                connection_id, success = next(iter(last.items()))
                await self._store.counts.succeeded(connection_id, success)
                del last[connection_id]
        except SyncError as error:
            log.warning("counts are written later code=%s", error.code)
            for key, counted in counts.items():
                self._counts.setdefault(key, Counter()).update(counted)
            self._last = {**last, **self._last}
            for slot, number in waited.items():
                self._waited[slot] = max(number, self._waited.get(slot, 0))

    def _waited_until_now(self) -> dict[datetime, int]:
        """The five minutes that are over, and the running ones once the pump ends."""
        now = slot_of(datetime.now(UTC))
        told = {slot: number for slot, number in self._waited.items() if slot < now or not self.held}
        self._waited = {slot: number for slot, number in self._waited.items() if slot not in told}
        return told

    async def _add(
        self, connection_id: str, hour: datetime, counted: Mapping[str, int], waited: dict[datetime, int]
    ) -> None:
        """Add to an hour's row, and take what waited in that hour along."""
        riding = {slot: number for slot, number in waited.items() if hour_of(slot) == hour}
        await self._store.counts.add(connection_id, hour, counted, riding)
        for slot in riding:
            del waited[slot]
