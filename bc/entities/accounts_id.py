"""Accounts ids by our own pattern, such as `C{seq:05}`: C00001, C00002 and on. Pure: no I/O."""

from __future__ import annotations

from dataclasses import dataclass

from bc.errors import Refused
from bc.model import NUMBER_LENGTH, NUMBER_PATTERN


@dataclass(frozen=True, slots=True)
class NumberPattern:
    """Text, a running number of at least `width` digits, text; in upper case, as BC keeps its numbers."""

    before: str
    width: int
    after: str

    @classmethod
    def parse(cls, text: str) -> NumberPattern:
        """The pattern of a setting. Raises `ValueError` for a text without exactly one {seq} or {seq:05}."""
        found = NUMBER_PATTERN.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"not a number pattern: {text!r}")
        return cls(
            found["before"].upper().lstrip(), int(found["width"] or 1), found["after"].upper().rstrip()
        )

    def number(self, sequence: int) -> str:
        """The `sequence`-th number. Raises `Refused` `accounts_ids_used_up` past what BC's number holds."""
        number = f"{self.before}{sequence:0{self.width}}{self.after}"
        if len(number) > NUMBER_LENGTH:
            raise Refused(
                "accounts_ids_used_up",
                f"The next accounts id, {number}, has {len(number)} characters; Business Central holds at most {NUMBER_LENGTH}.",
                cure="Choose a shorter number pattern in the connection's settings.",
            )
        return number

    def sequence(self, number: str) -> int | None:
        """Which number of the pattern this is; None for one that the pattern does not make."""
        text = number.strip().upper()
        fits = text.startswith(self.before) and text.endswith(self.after)
        digits = text[len(self.before) : len(text) - len(self.after)] if fits else ""
        if not (digits.isascii() and digits.isdigit()) or len(digits) < self.width:
            return None
        return int(digits) if self.number(int(digits)) == text else None

    @property
    def shown(self) -> str:
        """The pattern as an admin wrote it, for sentences."""
        return f"{self.before}{{seq:0{self.width}}}{self.after}"
