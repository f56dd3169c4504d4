"""Keys, ids and cursors."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bc.store import keys

TEXTS = st.text(st.characters(codec=None), max_size=300)
LEGAL = re.compile(r"[^/\\#?%\x00-\x1f\x7f-\x9f]{1,512}")


@given(TEXTS)
def test_any_text_comes_back_from_its_key(text: str) -> None:
    key = keys.encode(text)
    assert LEGAL.fullmatch(key)
    if "=~" not in key:
        assert keys.decode(key) == text


@given(TEXTS, TEXTS)
def test_different_texts_have_different_keys(one: str, other: str) -> None:
    assert (keys.encode(one) == keys.encode(other)) == (one == other)


@given(st.lists(TEXTS, min_size=1, max_size=3), st.lists(TEXTS, min_size=1, max_size=3))
def test_different_parts_have_different_joined_keys(one: list[str], other: list[str]) -> None:
    assert (keys.join(*one) == keys.join(*other)) == (one == other)


@given(TEXTS, TEXTS, TEXTS)
def test_a_range_holds_the_joins_that_begin_so_and_no_others(first: str, second: str, other: str) -> None:
    start, below = keys.starting_with(first, total=2)
    assert start <= keys.join(first, second) < below
    if other != first:
        assert not start <= keys.join(other, second) < below


@pytest.mark.parametrize("length", [512, 513, 5000])
def test_a_text_that_is_too_long_gets_a_key_of_its_own(length: int) -> None:
    one, other = "é" * length + "a", "é" * length + "b"
    assert keys.encode(one) != keys.encode(other)
    assert len(keys.encode(one)) <= 512
    assert len(keys.join(one, other, one)) <= 512
    with pytest.raises(ValueError, match="key"):
        keys.decode(keys.encode(one))


@pytest.mark.parametrize("key", ["", "=4", "=4g", "a/b", "=41", "=FF", "é"])
def test_what_encode_cannot_make_is_no_key(key: str) -> None:
    with pytest.raises(ValueError):
        keys.decode(key)


@given(st.lists(st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC)), max_size=5))  # noqa: DTZ001
def test_ids_sort_newest_first(times: list[datetime]) -> None:
    ids = {at: keys.new_id(at) for at in times}
    assert sorted(ids.values()) == [ids[at] for at in sorted(ids, reverse=True)]
    assert all(keys.is_id(one) for one in ids.values())


def test_the_same_message_at_the_same_time_has_one_id() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    assert keys.new_id(at, "message 1") == keys.new_id(at, "message 1")
    assert keys.new_id(at, "message 1") != keys.new_id(at, "message 2")
    assert keys.new_id(at) != keys.new_id(at)
    assert keys.new_id(at, "x") > keys.new_id(at + timedelta(microseconds=1), "x")


@given(TEXTS)
def test_a_cursor_is_a_cursor_or_refused(text: str) -> None:
    assert keys.from_cursor(keys.to_cursor(keys.encode(text))) == keys.encode(text)
    try:
        key = keys.from_cursor(text)
    except ValueError:
        return
    assert text == "" or keys.to_cursor(key) == text
