"""The fair order: people and the rest in turns, both ends of the line, and one in so many that waits for no list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bc.model import Dirty, Source
from bc.sync.halo_reads import Stance
from bc.sync.turns import LONE_EVERY, Key, Turns

NOW = datetime(2026, 11, 26, tzinfo=UTC)


def row(number: int, source: Source = "webhook") -> tuple[Key, Dirty]:
    """A record that changed so many seconds after the others."""
    at = NOW + timedelta(seconds=number)
    dirty = Dirty(
        entity="invoice", halo_id=f"{number}", requested_at=at, first_requested_at=at, source=source
    )
    return ("invoice", f"{number}"), dirty


def taken(turns: Turns) -> list[int]:
    found = []
    while key := turns.take():
        found.append(int(key[1]))
    return found


def alone(key: Key) -> Stance:
    return "alone"


def test_the_longest_waiting_and_the_latest_take_turns() -> None:
    turns = Turns()
    turns.arrange([row(number) for number in (3, 1, 5, 2, 4)], alone)
    first = taken(turns)
    turns.arrange([row(number) for number in (3, 1, 5, 2, 4)], alone)
    assert {tuple(first), tuple(taken(turns))} == {(1, 5, 2, 4, 3), (5, 1, 4, 2, 3)}


def test_a_person_goes_first_and_nobody_starves() -> None:
    turns = Turns()
    ordered = [row(number, "manual") for number in range(100, 200)]
    turns.arrange([*(row(number) for number in range(50)), *ordered, row(300, "cure")], alone)
    order = taken(turns)
    assert order[0] >= 100
    assert sum(number < 100 for number in order[:20]) == 10
    assert len(order) == len(set(order)) == 151


def test_a_single_edit_goes_soon_however_long_the_line_is() -> None:
    turns = Turns()
    turns.arrange([row(number) for number in range(5_001)], alone)
    assert 5_000 in [int(key[1]) for _ in range(2) if (key := turns.take())]


def test_now_and_then_a_push_takes_what_waits_for_a_list_and_no_other() -> None:
    def stance(key: Key) -> Stance:
        return "ready" if int(key[1]) < 40 else "coming"

    turns = Turns()
    turns.arrange([row(number) for number in range(80)], stance)
    assert turns.wait_for_a_list
    order = taken(turns)
    assert [at for at, number in enumerate(order) if number >= 40] == [LONE_EVERY, 2 * LONE_EVERY + 1]
    assert sorted(order)[:40] == list(range(40))


def test_echoes_are_nobodys_turn() -> None:
    turns = Turns()
    turns.arrange([row(1), row(2)], lambda key: "echo" if key[1] == "1" else "alone")
    assert taken(turns) == [2]
