"""Sliding windows: how much was used in the last minutes, kept as counts of short slots.

A slot counts until it has left the window whole, so the sum never says less than what was used.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

SLOT = timedelta(seconds=5)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Window(msgspec.Struct, frozen=True):
    """Counts by slot number (slots of 5 seconds since 1970)."""

    slots: dict[int, int] = {}

    @property
    def used(self) -> int:
        return sum(self.slots.values())

    def at(self, now: datetime, length: timedelta) -> Window:
        """The same without the slots that ended `length` ago or longer. A slot ahead of the clock stays."""
        oldest = now - length
        return Window({slot: n for slot, n in self.slots.items() if _end(slot) > oldest})

    def plus(self, now: datetime, count: int) -> Window:
        """The same with more used now."""
        slot = (now - _EPOCH) // SLOT
        return Window({**self.slots, slot: self.slots.get(slot, 0) + count})

    def frees_in(self, now: datetime, length: timedelta) -> float:
        """Seconds until the oldest slot leaves; 0 with none."""
        if not self.slots:
            return 0.0
        return max(0.0, (_end(min(self.slots)) + length - now).total_seconds())


def _end(slot: int) -> datetime:
    return _EPOCH + (slot + 1) * SLOT
