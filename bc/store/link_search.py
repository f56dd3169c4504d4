"""Links found by the start of their number or of a word in their names, without reading the others.

Storage compares whole columns and knows no "contains". So a link has a few columns of its own for this: its number, and
its names from each of their first words on, in lower case. A text that one of them starts with finds the link.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import chain, zip_longest
from typing import Any

from bc.model import Link

# Storage takes 15 comparisons in a filter; each column is two, and keys and state are up to five.
COLUMNS = 5
NAMES = tuple(f"w{position}" for position in range(COLUMNS))
# As long as BC lets a name be.
LONGEST = 100
_WORD = re.compile(r"\w+")
_AFTER_SURROGATES = 0xE000


def columns(link: Link) -> dict[str, str]:
    """The columns of a link by name."""
    found = [_folded(link.bc_number), *chain(*zip_longest(_tails(link.halo_name), _tails(link.bc_name)))]
    kept = [text for text in dict.fromkeys(found) if text][:COLUMNS]
    return dict(zip(NAMES, kept, strict=False))


def starts(link: Link, search: str) -> bool:
    """Whether `found_by` finds the link."""
    return any(text.startswith(_folded(search)) for text in columns(link).values())


def found_by(search: str) -> str | None:
    """The OData filter for a search; None where nothing can be found by it."""
    text = _folded(search)
    if not text or not text.isprintable():
        return None
    low, high = _quoted(text), _quoted(_next(text))
    each = (f"({name} ge {low} and {name} lt {high})" for name in NAMES)
    return f"({' or '.join(each)})"


def contains(link: Link, search: str) -> bool:
    """Whether the link's number, names or Halo id have the text anywhere."""
    return _in_any(search, (*columns(link).values(), link.halo_id))


def may_contain(properties: Mapping[str, Any], search: str) -> bool:
    """As `contains`, told by the columns of a row; True where it has none, as those of earlier versions."""
    known = [str(properties[name]) for name in NAMES if properties.get(name)]
    return not known or _in_any(search, (*known, str(properties["halo_id"])))


def _in_any(search: str, texts: Iterable[str]) -> bool:
    return any(_folded(search) in each for each in texts)


def _tails(name: str) -> list[str]:
    """The name from its start on, and from each further word on."""
    folded = _folded(name)
    return [folded[word.start() :] for word in _WORD.finditer(folded)]


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()[:LONGEST]


def _next(text: str) -> str:
    """The first text behind all that begin with this one."""
    last = ord(text[-1]) + 1
    return text[:-1] + chr(_AFTER_SURROGATES if 0xD800 <= last < _AFTER_SURROGATES else last)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
