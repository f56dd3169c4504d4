"""Whether a person waits for what is being done, and how long: their calls go before those of a flood."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

AT_A_PAGE: Final = 20.0
"""Seconds that a person at a page waits for a call; a push that a person ordered waits as long as it takes."""

_patience: ContextVar[float | None] = ContextVar("patience", default=None)


@contextmanager
def for_a_person(patience: float = math.inf) -> Iterator[None]:
    """Calls to Halo in here may use the share kept for people; `Throttled` after so many seconds without one."""
    token = _patience.set(patience)
    try:
        yield
    finally:
        _patience.reset(token)


def patience_left() -> float | None:
    """Seconds that a person waits for a call of the task under way; None where nobody does."""
    return _patience.get()


def a_person_waits() -> bool:
    return _patience.get() is not None
