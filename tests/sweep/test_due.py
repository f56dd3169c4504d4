"""A rhythm outlives a clock that was wrong and has been put right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bc.sweep.due import SLACK, is_due
from bc.sweep.run import SCHEDULE, sweep_when_due
from tests.sweep.house import House

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
EVERY = timedelta(minutes=5)


@pytest.mark.parametrize(
    ("last", "due"),
    [
        (None, True),
        (NOW - EVERY, True),
        (NOW - EVERY + SLACK, True),
        (NOW - EVERY + 2 * SLACK, False),
        (NOW, False),
        (NOW + EVERY, False),
        (NOW + EVERY + SLACK, True),
        (NOW + timedelta(hours=1), True),
        (NOW + timedelta(days=366), True),
    ],
)
def test_it_is_due_after_its_time_and_where_the_last_time_cannot_be_true(
    last: datetime | None, due: bool
) -> None:
    assert is_due(last, EVERY, NOW) is due


async def test_a_clock_put_back_by_an_hour_does_not_stop_the_sweep(house: House) -> None:
    ahead = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    await house.services.store.notes.put(SCHEDULE, {"at": ahead})
    assert await sweep_when_due(house.services) is not None
    assert await sweep_when_due(house.services) is None
