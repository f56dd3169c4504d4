"""BC's date formulas, as far as payment terms use them: `30D`, `1M`, `CM`, `1M+CM`."""

from __future__ import annotations

import calendar
import re
from datetime import date, timedelta

_PART = re.compile(r"([+-]?)(?:(\d+)([DWMY])|C([MY]))")


def add_formula(day: date, formula: str) -> date:
    """`day` moved by a formula; a blank one leaves it."""
    for sign, number, unit, current in _PART.findall(formula.replace(" ", "").upper()):
        count = int(number or 0) * (-1 if sign == "-" else 1)
        match unit or f"C{current}":
            case "D":
                day += timedelta(days=count)
            case "W":
                day += timedelta(weeks=count)
            case "M":
                day = _months(day, count)
            case "Y":
                day = _months(day, 12 * count)
            case "CM":
                day = day.replace(day=calendar.monthrange(day.year, day.month)[1])
            case _:
                day = date(day.year, 12, 31)
    return day


def _months(day: date, count: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
