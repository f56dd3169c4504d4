"""Number patterns: what they make, what they recognise, and where they end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bc.connect.fields import Unfit, number_pattern
from bc.entities.accounts_id import NumberPattern
from bc.errors import Refused


@pytest.mark.parametrize(
    ("pattern", "sequence", "number"),
    [
        ("C{seq:05}", 1, "C00001"),
        ("C{seq:05}", 123456, "C123456"),
        ("{seq}", 7, "7"),
        ("uk-{seq:3}-x", 42, "UK-042-X"),
    ],
)
def test_a_pattern_makes_numbers(pattern: str, sequence: int, number: str) -> None:
    assert NumberPattern.parse(pattern).number(sequence) == number
    assert NumberPattern.parse(pattern).sequence(number.lower()) == sequence


@pytest.mark.parametrize("number", ["C0001", "C000001", "D00001", "C", "", "C00O01", "C٠٠٠٠١"])
def test_a_number_that_the_pattern_does_not_make_is_not_its_own(number: str) -> None:
    assert NumberPattern.parse("C{seq:05}").sequence(number) is None


def test_a_number_never_grows_past_what_bc_holds() -> None:
    pattern = NumberPattern.parse("ABCDEFGHIJKLMN{seq:06}")
    assert len(pattern.number(999_999)) == 20
    with pytest.raises(Refused) as refused:
        pattern.number(1_000_000)
    assert refused.value.code == "accounts_ids_used_up"


@given(st.text(max_size=30), st.integers(1, 10**7), st.integers(1, 10**7))
def test_a_pattern_that_was_accepted_never_makes_one_number_twice(text: str, one: int, other: int) -> None:
    try:
        pattern = NumberPattern.parse(number_pattern(f"{text}{{seq:04}}"))
        numbers = [pattern.number(one), pattern.number(other)]
    except (Unfit, Refused):
        return
    assert all(len(number) <= 20 for number in numbers)
    assert (numbers[0] == numbers[1]) == (one == other)
    assert pattern.sequence(numbers[0]) == one
