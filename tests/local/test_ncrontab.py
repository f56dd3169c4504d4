"""Six-field schedules."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.ncrontab import BadSchedule, parse


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "moment", "following"),
    [
        ("* * * * * *", "2026-11-23T08:00:00.5", "2026-11-23T08:00:01"),
        ("0 * * * * *", "2026-11-23T08:00:00", "2026-11-23T08:01:00"),
        ("*/5 * * * *", "2026-11-23T08:00:01", "2026-11-23T08:05:00"),
        ("0 */15 9-17 * * mon-fri", "2026-11-20T17:45:00", "2026-11-23T09:00:00"),
        ("0 0 0 29 feb *", "2026-11-23T08:00:00", "2028-02-29T00:00:00"),
        ("0 0 0 31 * *", "2026-11-30T08:00:00", "2026-12-31T00:00:00"),
        ("30 5/20 3 * * *", "2026-12-31T23:59:59", "2027-01-01T03:05:30"),
        ("0 0 12 13 * 5", "2026-11-23T08:00:00", "2027-08-13T12:00:00"),  # both must hold: a Friday the 13th
    ],
)
def test_the_next_instant(expression: str, moment: str, following: str) -> None:
    assert parse(expression).next_after(at(moment)) == at(following)


@pytest.mark.parametrize(
    "expression", ["", "* * *", "60 * * * * *", "a * * * * *", "*/0 * * * * *", "5-1 * * * * *"]
)
def test_what_is_no_schedule_is_refused(expression: str) -> None:
    with pytest.raises(BadSchedule):
        parse(expression)


def test_a_schedule_that_never_comes_says_so() -> None:
    with pytest.raises(BadSchedule):
        parse("0 0 0 30 2 *").next_after(at("2026-01-01T00:00:00"))


@settings(max_examples=60)
@given(
    st.sets(st.integers(0, 59), min_size=1),
    st.sets(st.integers(0, 59), min_size=1),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)),  # noqa: DTZ001  Hypothesis wants naive bounds
)
def test_no_instant_is_skipped(seconds: set[int], minutes: set[int], naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC)
    expression = f"{','.join(map(str, seconds))} {','.join(map(str, minutes))} * * * *"
    found = parse(expression).next_after(moment)
    step = moment.replace(microsecond=0) + timedelta(seconds=1)
    while not (step.second in seconds and step.minute in minutes):
        step += timedelta(seconds=1)
    assert found == step
