"""Line numbers for BC's `sequence`, and the texts that BC's 100 characters force into several lines."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal

from bc.entities.values import bc_length
from bc.errors import Refused

LineKind = Literal["Inventory", "Service", "Non-Inventory", "Account", "text", "group"]
LARGEST = 2_147_483_647
DESCRIPTION_LENGTH = 100


class Numbering:
    """The running state of the rule: the last number and the type that the next line is compared with."""

    def __init__(self, group_increment: int, line_increment: int, *, last: int = 0, kind: str = "") -> None:
        self.group_increment = group_increment
        self.line_increment = line_increment
        self.last = last
        self.kind = kind
        self._after_header = False

    def follow(self, kind: LineKind, number: int) -> None:
        """Take note of a line that keeps its number."""
        self._step(kind)
        self.last = number

    def take(self, kind: LineKind) -> int:
        """The number of the next line. Raises `Refused` past BC's largest Integer."""
        self.last += self._step(kind)
        if self.last > LARGEST:
            raise Refused(
                "line_number_overflow",
                f"Line number {self.last} is larger than Business Central allows ({LARGEST}).",
                cure="Use smaller line and group increments on the connection's settings.",
            )
        return self.last

    def _step(self, kind: LineKind) -> int:
        if kind == "text":
            return self.line_increment
        if kind == "group":
            self._after_header = True
            return self.group_increment
        changed = kind != self.kind and not self._after_header
        self.kind = kind
        self._after_header = False
        return self.group_increment if changed else self.line_increment


def line_numbers(kinds: Iterable[LineKind], group_increment: int, line_increment: int) -> list[int]:
    """Number invoice lines for BC's `sequence` field (GUIDE G26).

    A line whose kind differs from the one before adds `group_increment`, any other `line_increment`; a group header
    takes `group_increment` and the typed line after it `line_increment`; a text takes `line_increment` and leaves
    the kind as it was. Raises `Refused` `line_number_overflow` past 2,147,483,647.
    """
    numbering = Numbering(group_increment, line_increment)
    return [numbering.take(kind) for kind in kinds]


def split_text(value: str, length: int = DESCRIPTION_LENGTH) -> Sequence[str]:
    """Cut a text into pieces of at most `length` characters as BC counts them (UTF-16 units: an emoji is two).

    It is cut at line breaks and spaces where there are any. Line breaks become borders, runs of white space inside a
    line stay; no character but white space at a border and control characters is lost. An empty text gives one empty
    piece.
    """
    pieces: list[str] = []
    for paragraph in _printable(value).splitlines():
        rest = paragraph.strip()
        while bc_length(rest) > length:
            fits = _fitting(rest, length)
            cut = rest.rfind(" ", 1, fits + 1)
            at = cut if cut > 0 else fits
            pieces.append(rest[:at].rstrip())
            rest = rest[at:].lstrip()
        if rest:
            pieces.append(rest)
    return pieces or [""]


def _printable(value: str) -> str:
    """Without NUL and its kin, and without halves of characters, which no JSON can carry."""
    return "".join(one for one in value if one.isspace() or unicodedata.category(one) not in ("Cc", "Cs"))


def _fitting(value: str, length: int) -> int:
    """How many of the first characters take at most `length` units."""
    left = length
    for position, one in enumerate(value):
        left -= 2 if one > "\uffff" else 1
        if left < 0:
            return position
    return len(value)
