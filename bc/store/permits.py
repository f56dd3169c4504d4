"""Who may have calls in flight at BC for one principal: the pump, which uses what is free, and borrowers of one.

Pure bookkeeping over one row; `budgets` reads and writes it under its ETag. The rule that holds at every moment:
calls of borrowers + `bound` of every pump <= limit.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

# A pump that does not report for so long is gone, and its calls with it.
PUMP_LIFE = timedelta(seconds=15)
# A borrower asks again several times a second.
WAIT_LIFE = timedelta(seconds=5)
TURN_SECONDS = 5


class PumpShare(msgspec.Struct, frozen=True):
    """What a pump was told last, how many calls it may have in flight until it reports again, and had when it did."""

    told: int
    bound: int
    expires_at: datetime
    in_flight: int = 0


class Permits(msgspec.Struct, frozen=True):
    """The permits of one principal. `waiting` keeps the order of asking."""

    pumps: dict[str, PumpShare] = {}
    borrowed: dict[str, datetime] = {}
    waiting: dict[str, datetime] = {}

    def at(self, now: datetime) -> Permits:
        """The same without what ran out."""
        return Permits(
            {holder: share for holder, share in self.pumps.items() if share.expires_at > now},
            {holder: until for holder, until in self.borrowed.items() if until > now},
            {holder: until for holder, until in self.waiting.items() if until > now},
        )

    @property
    def in_use(self) -> int:
        """Calls under way, as last reported."""
        return len(self.borrowed) + sum(share.in_flight for share in self.pumps.values())

    def pump(self, holder: str, limit: int, in_flight: int | None, now: datetime) -> tuple[Permits, int]:
        """What the pump may use from now on, at least 1 unless others hold everything.

        What it was told before is in force until it knows better, so that stays its bound until the next report;
        so does `in_flight`, its calls under way (unknown: as many as it was told).
        """
        others = len(self.borrowed) + sum(s.bound for name, s in self.pumps.items() if name != holder)
        free = max(0, limit - others)
        least = min(free, 1 if limit > 1 or self._pumps_turn(now) else 0)
        allowed = min(free, max(least, limit - others - len(self.waiting)))
        before = self.pumps.get(holder)
        bound = max(allowed, before.told if before else 0, in_flight or 0)
        share = PumpShare(allowed, bound, now + PUMP_LIFE, in_flight or 0)
        return msgspec.structs.replace(self, pumps={**self.pumps, holder: share}), allowed

    def borrow(self, holder: str, limit: int, until: datetime, now: datetime) -> tuple[Permits, bool]:
        """A permit for a caller whose turn it is; else it is counted as waiting, so that the pump yields."""
        waiting = {name: expiry for name, expiry in self.waiting.items() if name != holder}
        ahead = list(self.waiting).index(holder) if holder in self.waiting else len(waiting)
        free = limit - len(self.borrowed) - sum(share.bound for share in self.pumps.values())
        if holder in self.borrowed or free > ahead:
            borrowed = {**self.borrowed, holder: until}
            return msgspec.structs.replace(self, borrowed=borrowed, waiting=waiting), True
        waiting = {**self.waiting, holder: now + WAIT_LIFE}
        return msgspec.structs.replace(self, waiting=waiting), False

    def without(self, holder: str) -> Permits:
        """The same after a borrower, waiting caller or pump has gone."""
        return Permits(
            {name: share for name, share in self.pumps.items() if name != holder},
            {name: until for name, until in self.borrowed.items() if name != holder},
            {name: until for name, until in self.waiting.items() if name != holder},
        )

    def _pumps_turn(self, now: datetime) -> bool:
        """With one permit only, pump and borrowers take turns, so that neither starves."""
        return not self.waiting or int(now.timestamp()) // TURN_SECONDS % 2 == 0
