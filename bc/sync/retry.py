"""How long a record waits before its next try: growing, jittered, never shorter than what the remote asked for."""

from __future__ import annotations

import random
from datetime import timedelta

from bc.errors import SyncError, Transient

FIRST = timedelta(seconds=2)
LONGEST = timedelta(minutes=15)


def delay(error: SyncError, attempts: int, rng: random.Random | None = None) -> timedelta:
    """The wait after the `attempts`-th failed try (from 1): 2 s doubling to 15 min, ± 20 %.

    A `Retry-After` is a floor and is never cut, be it days (F31).
    """
    exponent = min(max(attempts, 1) - 1, 12)
    doubled: timedelta = FIRST * (1 << exponent)
    wait = min(doubled, LONGEST) * (rng or random).uniform(0.8, 1.2)
    asked = error.retry_after if isinstance(error, Transient) else None
    return max(wait, asked) if asked else wait
