"""The smallest set of line changes that turns the lines BC has into the lines it should have. No I/O.

BC forbids a change of `sequence`, so a line that stays keeps its number, a new one takes the next number by the rule
where it fits before its follower, and where it does not fit the lines from there on are deleted and inserted anew.

Where BC takes no numbers of ours (22.0 did not, F57), new lines go in order without one: BC puts each behind the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from bc.entities.invoice import LinePlan
from bc.entities.line_numbers import Numbering
from bc.model import LinkedLine

# BC works a discount out anew when quantity or price change: it goes with them, and after them.
DISCOUNT = ("discountPercent", "discountAmount")


# What BC adds to its last number for a line that comes without one.
STEP_OF_BC = 10_000


@dataclass(frozen=True, slots=True)
class Insert:
    """`sequence` below zero: BC gives the number itself, presumably this one without its sign."""

    line: LinePlan
    sequence: int

    @property
    def body(self) -> dict[str, Any]:
        return {"sequence": self.sequence, **self.line.body} if self.sequence > 0 else self.line.body


@dataclass(frozen=True, slots=True)
class Change:
    line: LinePlan
    existing: LinkedLine
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LineDiff:
    """`numbers` is the sequence of every planned line after the change, in order (see `Insert`)."""

    deletes: tuple[LinkedLine, ...]
    changes: tuple[Change, ...]
    inserts: tuple[Insert, ...]
    numbers: tuple[int, ...]

    def __bool__(self) -> bool:
        return bool(self.deletes or self.changes or self.inserts)


def diff_lines(
    existing: Sequence[LinkedLine],
    wanted: Sequence[LinePlan],
    *,
    group_increment: int,
    line_increment: int,
    ordered: bool = False,
) -> LineDiff:
    """Compare what BC has (ours and foreign lines) with the plan. `ordered`: BC takes no numbers of ours.

    Foreign lines (no `halo_line_id`) are left alone; their numbers are never taken.
    Raises `Refused` `line_number_overflow`.
    """
    ours = {line.halo_line_id: line for line in existing if line.halo_line_id}
    foreign = {line.sequence for line in existing if not line.halo_line_id}
    kept = _kept(ours, wanted)
    while True:
        numbering = Numbering(group_increment, line_increment)
        numbers: list[int] = []
        misfit = None
        behind = max((*foreign, *(ours[key].sequence for key in kept)), default=0)
        for position, line in enumerate(wanted):
            if line.key in kept:
                number = ours[line.key].sequence
                if number <= numbering.last:
                    misfit = position
                    break
                numbering.follow(line.kind, number)
            elif ordered:
                numbering.last = max(numbering.last, behind) + STEP_OF_BC
                number = -numbering.last
            else:
                number = numbering.take(line.kind)
                while number in foreign:
                    numbering.last += 1
                    number = numbering.last
            numbers.append(number)
        if misfit is None:
            break
        # The line does not fit where it stands: it and all that follow are inserted anew.
        kept -= {line.key for line in wanted[misfit:]}
    return LineDiff(
        deletes=tuple(line for key, line in ours.items() if key not in kept),
        changes=tuple(_changes(ours, wanted, kept)),
        inserts=tuple(
            Insert(line, number) for line, number in zip(wanted, numbers, strict=True) if line.key not in kept
        ),
        numbers=tuple(numbers),
    )


def _kept(ours: dict[str, LinkedLine], wanted: Sequence[LinePlan]) -> set[str]:
    """Keys of lines that can stay: still wanted, of the same line type (BC blanks a line whose type changes)."""
    return {
        line.key
        for line in wanted
        if line.key in ours and _sent(ours[line.key]).get("lineType") == line.body.get("lineType")
    }


def _changes(ours: dict[str, LinkedLine], wanted: Sequence[LinePlan], kept: set[str]) -> list[Change]:
    found = []
    for line in wanted:
        if line.key not in kept or ours[line.key].payload == line.payload:
            continue
        before = _sent(ours[line.key])
        body = {
            name: value
            for name, value in line.body.items()
            if name != "lineType" and before.get(name) != msgspec.to_builtins(value)
        }
        if body.keys() & {"itemId", "accountId"}:
            # A new number resets the line: everything after it must be sent again.
            body = {name: value for name, value in line.body.items() if name != "lineType"}
        elif "quantity" in body:
            # BC may price a line anew when its quantity changes: say the price again, and the discount after it.
            body = {n: v for n, v in line.body.items() if n in body or n in ("unitPrice", *DISCOUNT)}
        elif "unitPrice" in body:
            body = {n: v for n, v in line.body.items() if n in body or n in DISCOUNT}
        removed = {name: "" for name in before if name not in line.body and name == "description"}
        found.append(Change(line, ours[line.key], {**body, **removed}))
    return found


def _sent(line: LinkedLine) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(line.payload) if line.payload else {}
    return found
