"""NCRONTAB: six fields, seconds first, as timer triggers use them (UTC)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

FIELDS = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTHS = {name: number for number, name in enumerate(_MONTHS, 1)}
DAYS = {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}


class BadSchedule(ValueError):
    """An expression that is no NCRONTAB."""


@dataclass(frozen=True)
class Schedule:
    """The instants an expression names. Day of month and day of week must both hold, unlike in cron."""

    seconds: frozenset[int]
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def next_after(self, moment: datetime) -> datetime:
        """The first instant strictly after `moment` (aware). Raises `BadSchedule` where there is none."""
        at = moment.replace(microsecond=0) + timedelta(seconds=1)
        last_year = moment.year + 8  # February 29 can be eight years away
        while at.year <= last_year:
            if at.month not in self.months:
                first = at.replace(day=1, hour=0, minute=0, second=0)
                at = (first + timedelta(days=32)).replace(day=1)
            elif at.day not in self.days or at.isoweekday() % 7 not in self.weekdays:
                at = at.replace(hour=0, minute=0, second=0) + timedelta(days=1)
            elif at.hour not in self.hours:
                at = at.replace(minute=0, second=0) + timedelta(hours=1)
            elif at.minute not in self.minutes:
                at = at.replace(second=0) + timedelta(minutes=1)
            elif at.second not in self.seconds:
                at += timedelta(seconds=1)
            else:
                return at
        raise BadSchedule("The schedule never fires.")


def parse(expression: str) -> Schedule:
    """Read `second minute hour day month weekday`; five fields mean second 0. Raises `BadSchedule`."""
    parts = expression.lower().split()
    if len(parts) == 5:
        parts.insert(0, "0")
    if len(parts) != 6:
        raise BadSchedule(f"{expression!r} must have six fields: second minute hour day month weekday.")
    return Schedule(
        *(_field(part, *limits, names) for part, limits, names in zip(parts, FIELDS, _NAMES, strict=True))
    )


_NAMES: tuple[dict[str, int], ...] = ({}, {}, {}, {}, MONTHS, DAYS)


def _field(text: str, least: int, most: int, names: dict[str, int]) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        span, slash, step_text = part.partition("/")
        step = int(step_text) if step_text.isdecimal() else 0 if slash else 1
        if step < 1:
            raise BadSchedule(f"{part!r} has no step.")
        if span == "*":
            first, last = least, most
        else:
            first_text, dash, last_text = span.partition("-")
            first = _number(first_text, names)
            last = _number(last_text, names) if dash else most if slash else first
        if not least <= first <= last <= most:
            raise BadSchedule(f"{part!r} must lie between {least} and {most}.")
        values.update(range(first, last + 1, step))
    return frozenset(values)


def _number(text: str, names: dict[str, int]) -> int:
    if text[:3] in names:
        return names[text[:3]]
    if not text.isdecimal():
        raise BadSchedule(f"{text!r} is not a number.")
    return int(text)
