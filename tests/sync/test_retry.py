"""Waiting between tries, and the breaker."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bc.errors import NeedsAuthorization, Refused, Throttled, Transient
from bc.sync.breaker import FIRST_PAUSE, TRIPS_AFTER, Breaker
from bc.sync.retry import LONGEST, delay

DOWN = Transient("bc_unavailable", "Business Central does not answer.")


@given(st.integers(1, 1000))
def test_the_wait_grows_and_is_bounded(attempts: int) -> None:
    assert timedelta(seconds=1) < delay(DOWN, attempts) <= LONGEST * 1.2


def test_retry_after_is_a_floor_and_is_never_cut() -> None:
    asked = Throttled("throttled", "Too many requests.", retry_after=timedelta(days=3))
    assert delay(asked, 1) >= timedelta(days=3)


def test_the_breaker_opens_on_repeated_trouble_and_lets_one_probe_through() -> None:
    breaker = Breaker()
    for _ in range(TRIPS_AFTER):
        assert breaker.allows(0.0)
        breaker.failure(DOWN, 0.0)
    assert not breaker.allows(1.0)
    assert breaker.allows(FIRST_PAUSE + 1)
    assert not breaker.allows(FIRST_PAUSE + 1)
    breaker.success()
    assert breaker.allows(FIRST_PAUSE + 2)


def test_the_breaker_never_opens_for_data_errors() -> None:
    breaker = Breaker()
    for _ in range(TRIPS_AFTER * 3):
        breaker.failure(Refused("bc_rejected", "A field is wrong."))
    assert not breaker.is_open


def test_the_breaker_opens_when_sign_in_fails() -> None:
    breaker = Breaker()
    for _ in range(TRIPS_AFTER):
        breaker.failure(NeedsAuthorization("needs_authorization", "No."), 0.0)
    assert breaker.is_open
