"""The simulated world's time: the real one, shifted on demand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """`now()` is real UTC plus the shift; `stamp()` never gives the same millisecond twice."""

    def __init__(self) -> None:
        self._shift = timedelta()
        self._last = datetime.min.replace(tzinfo=UTC)

    @property
    def shifted_by(self) -> float:
        """Seconds that this clock is ahead of the machine's."""
        return self._shift.total_seconds()

    @property
    def last_stamp(self) -> datetime:
        """The newest time given to a saved record: it moves with every change."""
        return self._last

    def now(self) -> datetime:
        return datetime.now(UTC) + self._shift

    def stamp(self) -> datetime:
        """A time for a saved record: whole milliseconds, later than every stamp before it."""
        now = self.now()
        stamp = max(
            now.replace(microsecond=now.microsecond // 1000 * 1000), self._last + timedelta(milliseconds=1)
        )
        self._last = stamp
        return stamp

    def shift(self, seconds: float) -> None:
        """Move on by `seconds` (negative: back)."""
        self._shift += timedelta(seconds=seconds)
        if seconds < 0:
            self._last = datetime.min.replace(tzinfo=UTC)

    def reset(self) -> None:
        self._shift = timedelta()
