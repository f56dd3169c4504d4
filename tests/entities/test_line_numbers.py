"""Line numbering and text splitting: worked examples of the public face, and what holds for any invoice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bc.entities.line_numbers import LARGEST, LineKind, line_numbers, split_text
from bc.errors import Refused

S: LineKind = "Service"
I: LineKind = "Inventory"  # noqa: E741 - as the public face writes it
KINDS: tuple[LineKind, ...] = ("Service", "Inventory", "Non-Inventory", "Account", "text", "group")


def test_the_worked_example_of_the_public_face() -> None:
    assert line_numbers([S, S, I, I, S], 1000, 1) == [1000, 1001, 2001, 2002, 3002]


def test_a_group_header_takes_the_group_increment_and_its_first_line_the_line_increment() -> None:
    assert line_numbers(["group", S, S, "group", S, I], 1000, 1) == [1000, 1001, 1002, 2002, 2003, 3003]


def test_a_text_takes_the_line_increment_and_leaves_the_type() -> None:
    assert line_numbers([S, "text", S, "text", I], 1000, 10) == [1000, 1010, 1020, 1030, 2030]


def test_a_text_that_comes_first_leaves_the_first_typed_line_its_group_increment() -> None:
    assert line_numbers(["text", S], 1000, 1) == [1, 1001]


def test_an_account_line_is_a_type_of_its_own() -> None:
    assert line_numbers([S, "Account", "Account", S], 100, 5) == [100, 200, 205, 305]


def test_a_number_over_the_largest_integer_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        line_numbers([S, I], LARGEST, 1)
    assert caught.value.code == "line_number_overflow"
    assert "increments" in caught.value.cure


@given(
    st.lists(st.sampled_from(KINDS), max_size=40),
    st.integers(1, 1_000_000),
    st.integers(1, 1_000_000),
)
def test_numbers_grow_and_never_collide(kinds: list[LineKind], group: int, line: int) -> None:
    numbers = line_numbers(kinds, group, line)
    assert len(numbers) == len(kinds)
    assert all(number > before for before, number in zip([0, *numbers], numbers, strict=False))
    assert all(
        number - before in (group, line) for before, number in zip([0, *numbers], numbers, strict=False)
    )


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")) | st.sampled_from("\t\n\r ")))
def test_no_word_is_lost_and_no_piece_is_too_long(text: str) -> None:
    pieces = split_text(text)
    assert all(len(piece.encode("utf-16-le")) <= 2 * 100 for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_a_long_text_is_cut_at_a_space() -> None:
    words = " ".join(["service"] * 30)
    pieces = split_text(words)
    assert len(pieces) == 3
    assert " ".join(pieces) == words


def test_a_word_longer_than_a_line_is_cut_hard() -> None:
    assert split_text("x" * 205) == ["x" * 100, "x" * 100, "x" * 5]


def test_an_emoji_counts_for_two_characters_as_in_bc() -> None:
    assert split_text("😀" * 50) == ["😀" * 50]
    assert split_text("😀" * 51) == ["😀" * 50, "😀"]
    assert split_text("x" + "😀" * 50) == ["x" + "😀" * 49, "😀"]


def test_what_no_text_may_hold_is_left_out() -> None:
    assert split_text("a\x00b\x1bc\ud800d") == ["abcd"]
    assert split_text("\u200fשלום") == ["\u200fשלום"]
