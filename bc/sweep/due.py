"""When something that a timer does in a rhythm has its turn."""

from __future__ import annotations

from datetime import datetime, timedelta

# The timer fires each minute, a little early or late.
SLACK = timedelta(seconds=20)


def is_due(last: datetime | None, every: timedelta, now: datetime) -> bool:
    """Whether `every` has passed since `last`, or there was no last time.

    A last time that is further ahead than the next one could be was noted by a clock that has been put right since:
    waiting for it would stop the work for as long as that clock was wrong.
    """
    if last is None:
        return True
    since = now - last
    return since >= every - SLACK or since <= -every - SLACK
