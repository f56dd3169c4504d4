"""Halo's modification stamps: when one may stand for "our own write and nothing else"."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from bc.entities.values import Record, ident

# What Halo moves in an invoice with each save, whatever is saved.
OF_ITSELF = ("last_modified", "last_synced", "change_seq")
# Of the members with an underscore, which are commands of one save, the only one that Halo keeps.
_KEPT = ("_itemid",)
# .NET leaves the fraction out where it is zero: such a stamp is as good as any, but cannot be told from a coarse one.
_FRACTION = re.compile(r":\d\d\.\d")


def is_exact(stamp: str) -> bool:
    """Whether the stamp is finer than a second, so that somebody's edit right after our write has another one.

    A customer's has two parts, its own and its site's ("a/b").
    """
    return bool(stamp) and all(_FRACTION.search(part) for part in stamp.split("/"))


def is_as_written(
    before: Record,
    answer: Record,
    ours: Record,
    *,
    moves: Collection[str] = (),
    whole: bool = False,
    reads: Collection[str] = (),
) -> bool:
    """Whether Halo's answer to a save holds what was read before it plus what was written, and no edit in between.

    Otherwise the answer's stamp covers somebody's change as well, which no push has seen. Members that only one of
    the two has say nothing, unless the answer must be `whole`: what it leaves out may have been edited. Nor may either
    lack what the other has of `reads`, the members that a push reads. `moves` names members that Halo works out by itself.
    """
    known = {**before, **ours}
    if any((name in known) != (name in answer) for name in reads):
        return False
    for name, value in known.items():
        if name in moves or (name.startswith("_") and name not in _KEPT):
            continue
        if name not in answer:
            if whole and name in before:
                return False
            continue
        if not _alike(value, answer[name], moves):
            return False
    return True


def offer(changes: Record, held: Record) -> str:
    """In short, what is to be written over what Halo holds: the same twice where Halo did not keep it as written."""
    told = [
        (name, _written(value), _written(held.get(name)))
        for name, value in sorted(changes.items())
        if not name.startswith("_")
    ]
    return hashlib.sha256(repr(told).encode()).hexdigest() if told else ""


def _alike(one: Any, other: Any, moves: Collection[str]) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return is_as_written(one, other, {}, moves=moves)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return _same_rows(one, other, moves)
    return bool(_plain(one) == _plain(other))


def _same_rows(ones: Any, others: Any, moves: Collection[str]) -> bool:
    """Lists of records with ids, in whatever order; other lists are worked out by Halo and say nothing."""
    if not all(isinstance(row, Mapping) and ident(row, "id") for row in (*ones, *others)):
        return True
    by_id = {ident(row, "id"): row for row in others}
    return by_id.keys() == {ident(row, "id") for row in ones} and all(
        is_as_written(row, by_id[ident(row, "id")], {}, moves=moves) for row in ones
    )


def _written(value: Any) -> str:
    plain = _plain(value)
    return str(plain.normalize() if isinstance(plain, Decimal) else plain)


def _plain(value: Any) -> Any:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return value
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return str(value).strip()
