"""Which of Halo's lists holds what, and which of its columns: found from names and values, since no id is fixed.

Pure. A tenant decides both; `halo_conventions` overrides what is found here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bc.entities.values import Record, ident, text
from bc.errors import Refused
from bc.model import HaloConventions

LISTS = "11"
CHARGE_TYPES = "17"
COLUMNS = tuple(f"value{n}" for n in range(2, 10))
# Where a list is still empty, the first free column of a lookup row.
FIRST_COLUMN = "value2"

ListName = Literal["accounts", "countries"]


@dataclass(frozen=True, slots=True)
class HaloList:
    """`words` all stand in the list's name; `override` names the convention that settles which list it is."""

    what: str
    words: tuple[str, ...]
    override: str
    cure: str


HALO_LISTS: Mapping[ListName, HaloList] = {
    "accounts": HaloList(
        "account codes",
        ("account", "code"),
        "accounts_lookup_id",
        "Turn on the account-code module in Halo (Configuration, Billing), or name the list",
    ),
    "countries": HaloList(
        "country codes",
        ("countr",),
        "countries_lookup_id",
        "Check that the API application may read lookups (scope admin), or name the list",
    ),
}


def find_list(name: ListName, lists: Sequence[Record], conventions: HaloConventions) -> str:
    """The lookup list's id: as the admin named it, else the only list of that name.

    Raises `Refused` `halo_list_missing` or `halo_list_ambiguous`.
    """
    wanted = HALO_LISTS[name]
    named: str | None = getattr(conventions, wanted.override)
    if named:
        return named
    found = [row for row in lists if all(word in text(row, "name").lower() for word in wanted.words)]
    settle = f"under “Halo conventions” in the connection's settings ({wanted.override})"
    if not found:
        raise Refused(
            "halo_list_missing", f"Halo shows no list of {wanted.what}.", cure=f"{wanted.cure} {settle}."
        )
    if len(found) > 1:
        names = ", ".join(f"{text(row, 'name')} ({ident(row, 'id')})" for row in found[:5])
        raise Refused(
            "halo_list_ambiguous",
            f"Several lists in Halo could hold the {wanted.what}: {names}.",
            cure=f"Name the right one {settle}.",
        )
    return ident(found[0], "id")


def used_columns(rows: Sequence[Record]) -> list[str]:
    """The columns that hold anything but what Halo itself puts there."""
    return [name for name in COLUMNS if any(text(row, name) not in ("", "0") for row in rows)]


def code_column(rows: Sequence[Record], known: Collection[str] = ()) -> str:
    """The column that holds codes: the one with most values among `known` (BC's codes, upper-case), else the only one
    that is used; "" when several could be it or none is used."""
    used = used_columns(rows)
    hits = {name: sum(text(row, name).upper() in known for row in rows) for name in used} if known else {}
    most = max(hits.values(), default=0)
    best = [name for name, count in hits.items() if count == most] if most else used
    return best[0] if len(best) == 1 else ""


def list_column(rows: Sequence[Record], known: Collection[str] = ()) -> str:
    """`code_column` for a list that we fill ourselves: where the values do not tell, the first column."""
    return code_column(rows, known) or FIRST_COLUMN
