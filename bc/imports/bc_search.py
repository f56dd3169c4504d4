"""BC's records by a part of their number or name, for a person who chooses one.

BC's own filters compare names by case and cannot ask two fields with one `or`, so the short columns are read whole,
which costs one request for 5,000 rows, and are kept for two minutes.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

import msgspec

from bc.clients.odata import decode_enum
from bc.entities import item_category
from bc.entities.values import Record, text
from bc.imports.bc_lists import read_all
from bc.imports.kinds import KINDS
from bc.model import Connection

if TYPE_CHECKING:
    from bc.services import Services

FRESH_SECONDS = 120.0
_MOST_KEPT = 6
_FREE = ("", "false", " ")
# Number field by kind; each has `id`, `displayName`, and, but for categories, `blocked`.
NUMBERS = {"customers": "number", "products": "number", "item_categories": "code"}


class BcRecord(msgspec.Struct, frozen=True):
    bc_id: str
    number: str
    name: str
    blocked: bool


_kept: OrderedDict[tuple[str, str], tuple[float, list[BcRecord]]] = OrderedDict()


async def search_bc(services: Services, connection: Connection, kind: str, search: str) -> list[BcRecord]:
    """The records that fit, those whose number starts with the search first."""
    sought = search.strip().casefold()
    found = [
        record
        for record in await _all(services, connection, kind)
        if sought in record.number.casefold() or sought in record.name.casefold()
    ]
    found.sort(key=lambda record: (not record.number.casefold().startswith(sought), record.number))
    return found


async def _all(services: Services, connection: Connection, kind: str) -> list[BcRecord]:
    held = _kept.get((connection.id, kind))
    if held and time.monotonic() - held[0] < FRESH_SECONDS:
        return held[1]
    number = NUMBERS[kind]
    endpoint = item_category.ENDPOINT if kind == "item_categories" else KINDS[kind].endpoint
    select = f"id,{number},displayName" + ("" if kind == "item_categories" else ",blocked")
    rows = await read_all(services, connection, endpoint, select=select)
    records = [_record(row, number) for row in rows]
    _kept[connection.id, kind] = (time.monotonic(), records)
    while len(_kept) > _MOST_KEPT:
        _kept.popitem(last=False)
    return records


def _record(row: Record, number: str) -> BcRecord:
    # A customer's `blocked` is an enum whose empty member means no, an item's is a Boolean.
    held = row.get("blocked")
    blocked = held if isinstance(held, bool) else decode_enum(text(row, "blocked")).lower() not in _FREE
    return BcRecord(text(row, "id").lower(), text(row, number), text(row, "displayName"), blocked)
