"""When Halo's stamp stands for our own write alone."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bc.entities.stamps import is_as_written, is_exact, offer


@pytest.mark.parametrize(
    ("stamp", "exact"),
    [
        ("2026-11-25T10:00:00.123", True),
        ("2026-11-25T10:00:00.1Z", True),
        ("2026-11-25T10:00:00", False),
        ("", False),
        ("2026-11-25T10:00:00.5/2026-11-25T10:00:01.25", True),
        ("2026-11-25T10:00:00.5/2026-11-25T10:00:01", False),
        ("2026-11-25T10:00:00.5/", False),
    ],
)
def test_a_stamp_is_exact_where_each_part_has_a_fraction(stamp: str, exact: bool) -> None:
    assert is_exact(stamp) is exact


BEFORE = {"id": 7, "cust_order_number": "A", "lines": [{"id": 1, "qty_order": Decimal(2), "tax_amount": 0}]}


def test_an_answer_with_what_was_read_and_written_is_our_own() -> None:
    answer = {
        "id": 7.0,
        "cust_order_number": "A ",
        "dbc_id": "x",
        "lines": [{"id": 1, "qty_order": 2.0, "tax_amount": 5}],
        "extra": 1,
    }
    assert is_as_written(BEFORE, answer, {"dbc_id": "x", "_dont": True}, moves=("tax_amount",))


@pytest.mark.parametrize(
    "edit",
    [
        {"cust_order_number": "B"},
        {"lines": [{"id": 1, "qty_order": 3}]},
        {"lines": []},
        {"lines": [{"id": 1, "qty_order": 2}, {"id": 2}]},
        {"dbc_id": "somebody's"},
    ],
)
def test_an_answer_with_an_edit_in_it_is_not(edit: dict[str, object]) -> None:
    answer = {**BEFORE, "dbc_id": "x", **edit}
    assert not is_as_written(BEFORE, answer, {"dbc_id": "x"}, moves=("tax_amount",))


def test_what_only_one_of_the_two_tells_says_nothing() -> None:
    assert is_as_written(BEFORE, {"id": 7}, {"dbc_id": "x"})


def test_where_the_answer_must_be_whole_what_it_leaves_out_may_have_been_edited() -> None:
    assert not is_as_written(BEFORE, {"id": 7}, {"dbc_id": "x"}, whole=True)
    assert is_as_written(BEFORE, {**BEFORE, "more": 1}, {"dbc_id": "x", "_dont": True}, whole=True)


def test_what_a_push_reads_must_be_in_both_or_in_neither() -> None:
    assert is_as_written({"id": 7}, {"id": 7, "more": 1}, {"tax": 2}, reads=("name", "tax_number"))
    assert not is_as_written({"id": 7}, {"id": 7, "name": "New"}, {}, reads=("name",))
    assert not is_as_written({"id": 7, "name": "New"}, {"id": 7}, {}, reads=("name",))
    assert is_as_written({"id": 7}, {"id": 7, "name": "New"}, {"name": "New"}, reads=("name",))


def test_another_product_on_a_line_is_an_edit_though_its_name_looks_like_a_commands() -> None:
    before = {"id": 7, "lines": [{"id": 1, "_itemid": 5}]}
    assert is_as_written(before, before, {})
    assert not is_as_written(before, {"id": 7, "lines": [{"id": 1, "_itemid": 6}]}, {})


def test_the_same_offer_over_the_same_is_one_and_over_another_value_is_not() -> None:
    assert offer({"tax": Decimal("1.00"), "_dont": True}, {"tax": 2}) == offer({"tax": 1}, {"tax": "2.0"})
    assert offer({"tax": 1}, {"tax": 2}) != offer({"tax": 1}, {"tax": 3})
    assert offer({}, {"tax": 2}) == ""
