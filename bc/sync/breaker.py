"""A breaker for each connection: after repeated trouble at BC its records wait, and one probe asks again."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from bc.errors import CompanyGone, NeedsAuthorization, SyncError, Transient
from bc.sync.routing import Paused

TRIPS_AFTER = 5
FIRST_PAUSE = 10.0
LONGEST_PAUSE = 300.0


@dataclass(slots=True)
class Breaker:
    """Opens on repeated sign-in, transport, 5xx or throttle trouble, at once on a company that is gone; never for data
    errors. Times are monotonic seconds.
    """

    failures: int = 0
    open_until: float = 0.0
    pause: float = FIRST_PAUSE
    probing: bool = False
    last: SyncError | None = field(default=None)

    def allows(self, now: float | None = None) -> bool:
        """Closed, or open long enough that one probe may go."""
        moment = time.monotonic() if now is None else now
        if self.failures < TRIPS_AFTER:
            return True
        if self.probing or moment < self.open_until:
            return False
        self.probing = True
        return True

    def opens_in(self, now: float | None = None) -> float:
        return max(0.0, self.open_until - (time.monotonic() if now is None else now))

    @property
    def is_open(self) -> bool:
        return self.failures >= TRIPS_AFTER

    def success(self) -> None:
        self.failures, self.pause, self.probing, self.last = 0, FIRST_PAUSE, False, None

    def ended(self, error: SyncError | None, *, asked: bool, now: float | None = None) -> None:
        """A push that was allowed is over. `asked`: whether the remote had a say in how; if not, another probe may go."""
        self.probing = False
        if not asked:
            return
        if error is None:
            self.success()
        else:
            self.failure(error, now)

    def failure(self, error: SyncError, now: float | None = None) -> None:
        if isinstance(error, Paused):
            return
        if isinstance(error, CompanyGone):
            # No other record would fare better.
            self.failures = max(self.failures, TRIPS_AFTER - 1)
        elif not isinstance(error, (Transient, NeedsAuthorization)):
            # An answer about data is an answer: the connection works.
            self.success()
            return
        self.failures += 1
        self.probing = False
        self.last = error
        if self.failures >= TRIPS_AFTER:
            self.open_until = (time.monotonic() if now is None else now) + self.pause
            self.pause = min(self.pause * 2, LONGEST_PAUSE)
