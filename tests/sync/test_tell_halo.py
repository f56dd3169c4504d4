"""Our line in an invoice's internal note: there once, and nothing of what people wrote lost."""

from __future__ import annotations

import pytest

from bc.sync.tell_halo import noted


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "Business Central: invoice 7."),
        ("Ring first", "Ring first\nBusiness Central: invoice 7."),
        ("Business Central: not synced (x). Why", "Business Central: invoice 7."),
        ("A\nBusiness Central: invoice 6.\nB", "A\nBusiness Central: invoice 7.\nB"),
        ("A\nBusiness Central: one\nB\nBusiness Central: two\nC", "A\nBusiness Central: invoice 7.\nB\nC"),
        (None, "Business Central: invoice 7."),
    ],
)
def test_our_line_takes_its_own_place_and_no_other(before: str | None, after: str) -> None:
    assert noted({"internal_note": before}, "invoice 7.") == after
    assert noted({"internal_note": after}, "invoice 7.") is None


def test_a_note_that_halo_does_not_show_is_left_alone() -> None:
    assert noted({}, "invoice 7.") is None


def test_a_long_reason_is_one_line() -> None:
    note = noted({"internal_note": "A"}, "not synced.\n" + "why " * 200)
    assert note is not None
    assert len(note.splitlines()) == 2
    assert len(note.splitlines()[1]) <= 250
