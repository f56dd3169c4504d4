"""The line diff: few operations for small edits, and for any edit a result that is exactly what was wanted."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bc.entities.invoice import LinePlan
from bc.entities.line_diff import LineDiff, diff_lines
from bc.entities.line_numbers import LineKind
from bc.model import LinkedLine


def plan(key: str, kind: LineKind = "Service", quantity: int = 1) -> LinePlan:
    body: dict[str, Any] = (
        {"lineType": "Comment", "description": f"text {quantity}"}
        if kind in ("text", "group")
        else {
            "lineType": "Item",
            "itemId": f"item-{kind}",
            "quantity": Decimal(quantity),
            "unitPrice": Decimal(5),
        }
    )
    return LinePlan(key, kind, body)


def diff(existing: list[LinkedLine], wanted: list[LinePlan]) -> LineDiff:
    return diff_lines(existing, wanted, group_increment=1000, line_increment=1)


def held(lines: list[LinePlan], numbers: tuple[int, ...]) -> list[LinkedLine]:
    return [
        LinkedLine(
            bc_id=f"bc-{line.key}-{number}",
            sequence=number,
            etag="e",
            halo_line_id=line.key,
            payload=line.payload,
        )
        for line, number in zip(lines, numbers, strict=True)
    ]


def applied(
    existing: list[LinkedLine], change: LineDiff, wanted: list[LinePlan]
) -> dict[int, tuple[str, str]]:
    """What BC would hold after the changes, as BC would do them: deletes, changes, inserts, no number twice."""
    state = {line.sequence: (line.halo_line_id, line.payload) for line in existing}
    for line in change.deletes:
        del state[line.sequence]
    for edit in change.changes:
        state[edit.existing.sequence] = (edit.line.key, edit.line.payload)
    for insert in change.inserts:
        assert insert.sequence not in state
        state[insert.sequence] = (insert.line.key, insert.line.payload)
    return dict(sorted(state.items()))


def test_nothing_changed_is_no_operation() -> None:
    lines = [plan("1"), plan("2", "Inventory")]
    assert not diff(held(lines, (1000, 2000)), lines)


def test_three_changed_quantities_are_three_changes() -> None:
    lines = [plan(str(n)) for n in range(1, 6)]
    edited = [plan(line.key, quantity=9) if line.key in "135" else line for line in lines]
    change = diff(held(lines, (1000, 1001, 1002, 1003, 1004)), edited)
    assert (len(change.changes), len(change.inserts), len(change.deletes)) == (3, 0, 0)
    assert change.changes[0].body == {"quantity": Decimal(9), "unitPrice": Decimal(5)}


def test_a_line_added_at_the_end_takes_the_next_number() -> None:
    lines = [plan("1"), plan("2")]
    change = diff(held(lines, (1000, 1001)), [*lines, plan("3"), plan("4", "Inventory")])
    assert [insert.sequence for insert in change.inserts] == [1002, 2002]
    assert not change.deletes


def test_a_line_between_that_fits_moves_nobody() -> None:
    lines = [plan("1"), plan("2", "Inventory")]
    change = diff(held(lines, (1000, 2000)), [lines[0], plan("3"), lines[1]])
    assert [insert.sequence for insert in change.inserts] == [1001]
    assert not change.deletes


def test_a_line_between_that_does_not_fit_renews_its_followers() -> None:
    lines = [plan("1"), plan("2"), plan("3")]
    change = diff(held(lines, (1000, 1001, 1002)), [lines[0], plan("9"), lines[1], lines[2]])
    assert [line.sequence for line in change.deletes] == [1001, 1002]
    assert [(insert.line.key, insert.sequence) for insert in change.inserts] == [
        ("9", 1001),
        ("2", 1002),
        ("3", 1003),
    ]


def test_a_removed_line_is_one_delete() -> None:
    lines = [plan("1"), plan("2"), plan("3")]
    change = diff(held(lines, (1000, 1001, 1002)), [lines[0], lines[2]])
    assert [line.halo_line_id for line in change.deletes] == ["2"]
    assert not change.inserts


def test_a_line_that_turns_into_a_text_is_inserted_anew() -> None:
    lines = [plan("1"), plan("2")]
    change = diff(held(lines, (1000, 1001)), [lines[0], plan("2", "text")])
    assert len(change.deletes) == len(change.inserts) == 1


def test_a_foreign_line_is_left_alone_and_its_number_is_not_taken() -> None:
    foreign = LinkedLine(bc_id="theirs", sequence=1001, etag="e")
    lines = [plan("1")]
    change = diff([*held(lines, (1000,)), foreign], [*lines, plan("2")])
    assert [insert.sequence for insert in change.inserts] == [1002]
    assert not change.deletes


KIND: st.SearchStrategy[LineKind] = st.sampled_from(
    ("Service", "Inventory", "Non-Inventory", "Account", "text", "group")
)
LINES = st.lists(
    st.tuples(st.integers(1, 8), KIND, st.integers(1, 3)), max_size=8, unique_by=lambda line: line[0]
).map(lambda found: [plan(str(key), kind, quantity) for key, kind, quantity in found])


@given(LINES, LINES, st.lists(st.integers(1, 6000), max_size=3, unique=True))
def test_any_edit_ends_in_exactly_the_wanted_lines_in_order(
    before: list[LinePlan], after: list[LinePlan], foreign: list[int]
) -> None:
    first = diff([], before)
    existing = held(before, first.numbers)
    taken = {line.sequence for line in existing}
    theirs = [
        LinkedLine(bc_id=f"theirs-{number}", sequence=number, etag="e")
        for number in foreign
        if number not in taken
    ]
    change = diff([*existing, *theirs], after)
    state = applied([*existing, *theirs], change, after)
    ours = [value for value in state.values() if value[0]]
    assert ours == [(line.key, line.payload) for line in after]
    assert len(state) == len(after) + len(theirs)
    again = diff([*held(after, change.numbers), *theirs], after)
    assert not again


def after(existing: list[LinkedLine], change: LineDiff, done: int) -> list[LinkedLine]:
    """BC's lines once the first `done` operations of a change that was cut into pieces are there."""
    lines = {line.sequence: line for line in existing}
    deletes = change.deletes[:done]
    changes = change.changes[: max(0, done - len(change.deletes))]
    inserts = change.inserts[: max(0, done - len(change.deletes) - len(change.changes))]
    for line in deletes:
        del lines[line.sequence]
    for edit in changes:
        lines[edit.existing.sequence] = replace(edit.existing, payload=edit.line.payload)
    for insert in inserts:
        (lines[insert.sequence],) = held([insert.line], (insert.sequence,))
    return [lines[number] for number in sorted(lines)]


@given(LINES, LINES, st.lists(st.integers(1, 6000), max_size=3, unique=True), st.data())
def test_a_change_that_stopped_anywhere_is_completed_to_the_same_lines(
    before: list[LinePlan], wanted: list[LinePlan], foreign: list[int], data: st.DataObject
) -> None:
    existing = held(before, diff([], before).numbers)
    taken = {line.sequence for line in existing}
    theirs = [LinkedLine(bc_id=f"theirs-{n}", sequence=n, etag="e") for n in foreign if n not in taken]
    change = diff([*existing, *theirs], wanted)
    count = len(change.deletes) + len(change.changes) + len(change.inserts)
    done = data.draw(st.integers(0, count))
    halfway = after([*existing, *theirs], change, done)
    rest = diff(halfway, wanted)
    state = applied(halfway, rest, wanted)
    assert [value for value in state.values() if value[0]] == [(line.key, line.payload) for line in wanted]
    if done >= len(change.deletes):
        # The intent's numbers hold. Before, a line that was still to go may fit where it stands.
        assert rest.numbers == change.numbers


@given(LINES, LINES)
def test_what_stays_where_it_fits_is_not_touched(before: list[LinePlan], wanted: list[LinePlan]) -> None:
    existing = {line.halo_line_id: line for line in held(before, diff([], before).numbers)}
    change = diff(list(existing.values()), wanted)
    inserted = [insert.line.key for insert in change.inserts]
    stays = [line for line in wanted if line.key not in inserted]
    assert {edit.line.key for edit in change.changes} == {
        line.key for line in stays if existing[line.key].payload != line.payload
    }
    assert {line.halo_line_id for line in change.deletes} == existing.keys() - {line.key for line in stays}
    # Of those that are inserted although BC has them: another line type, or at or behind one that did not fit.
    anew = [line for line in wanted if line.key in inserted and line.key in existing]
    moved = [line for line in anew if not _other_type(existing[line.key], line)]
    if moved:
        place = wanted.index(moved[0])
        assert existing[moved[0].key].sequence <= (change.numbers[place - 1] if place else 0)
        assert {line.key for line in wanted[place:]} <= set(inserted)


def _other_type(line: LinkedLine, planned: LinePlan) -> bool:
    found: dict[str, Any] = msgspec.json.decode(line.payload)
    return bool(found["lineType"] != planned.body["lineType"])


@given(LINES, LINES, st.sets(st.integers(1, 9), max_size=2))
def test_without_numbers_of_ours_bc_comes_to_the_same_order(
    before: list[LinePlan], after: list[LinePlan], taken: set[int]
) -> None:
    """F57: BC puts each line that comes without a number behind the last, deletes go first."""
    theirs = [LinkedLine(bc_id=f"x{n}", sequence=n * 7_000, etag="e") for n in taken]
    existing = [*held(before, tuple(range(10_000, 10_000 * len(before) + 1, 10_000))), *theirs]
    change = diff_lines(existing, after, group_increment=1000, line_increment=1, ordered=True)
    gone = {line.bc_id for line in change.deletes}
    state = {line.sequence: (line.halo_line_id, line.payload) for line in existing if line.bc_id not in gone}
    for edit in change.changes:
        state[edit.existing.sequence] = (edit.line.key, edit.line.payload)
    for insert in change.inserts:
        assert "sequence" not in insert.body
        number = max(state, default=0) + 10_000
        assert number == -insert.sequence
        state[number] = (insert.line.key, insert.line.payload)
    ours = [found for _, found in sorted(state.items()) if found[0]]
    assert ours == [(line.key, line.payload) for line in after]
    assert sum(1 for key, _ in state.values() if not key) == len(theirs)
