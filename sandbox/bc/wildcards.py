"""AL filter expressions: OData string comparisons become these, so `*`, `?`, `@`, `..`, `|`, `&`, `<>` may act."""

from __future__ import annotations

import re

_OPERATORS = re.compile(r"[*?@|&<>]|\.\.")


def has_operators(value: str) -> bool:
    return _OPERATORS.search(value) is not None


def matches(expression: str, value: str) -> bool:
    """Whether an AL filter lets `value` through: `|` parts of `&` parts, each a range, a pattern or a comparison."""
    return any(all(_one(part, value) for part in choice.split("&")) for choice in expression.split("|"))


def _one(part: str, value: str) -> bool:
    part = part.strip()
    if part.startswith("<>"):
        return not _one(part[2:], value)
    for sign, test in (
        ("<=", value <= part[2:]),
        (">=", value >= part[2:]),
        ("<", value < part[1:]),
        (">", value > part[1:]),
    ):
        if part.startswith(sign):
            return test
    if ".." in part:
        low, _, high = part.partition("..")
        return (not low or value >= low) and (not high or value <= high)
    if part.startswith("@"):
        part, value = part[1:].casefold(), value.casefold()
    pattern = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in part)
    return re.fullmatch(pattern, value, re.DOTALL) is not None
