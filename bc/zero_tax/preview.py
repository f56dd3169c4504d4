"""What setting all taxes to zero would change, page by page; nothing is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from bc.entities.values import ident, text
from bc.zero_tax.fields import ORDER, RESOURCES, changes, code
from bc.zero_tax.state import ZeroTax, zero_tax
from bc.zero_tax.writes import read_all

if TYPE_CHECKING:
    from bc.services import Services


class FieldChange(msgspec.Struct, frozen=True):
    """One field; `old` and `new` are Halo's tax ids ("" for none), with the names of the taxes."""

    field: str
    old: str
    old_name: str
    new: str
    new_name: str


class Item(msgspec.Struct, frozen=True):
    entity: str
    halo_id: str
    name: str
    changes: list[FieldChange]


class Preview(msgspec.Struct, frozen=True):
    """`counts`: how many customers and products Halo lists; `unchanged`: of those on this page, how many are zero."""

    items: list[Item]
    next: str | None
    counts: dict[str, int]
    unchanged: int
    tax: dict[str, str]


async def preview(services: Services, *, tax_id: str, limit: int, cursor: str) -> Preview:
    """The changes of the next `limit` records. Raises `ValueError` for a bad cursor, and as `state.zero_tax`."""
    part, page_no = _place(cursor)
    tax = await zero_tax(services, tax_id)
    names = {ident(row, "id"): text(row, "name") for row in await services.halo.rows("Tax")}
    entity = ORDER[part]
    params = {"includeinactive": "true", "order": "id"}
    page = await services.halo.page(RESOURCES[entity], page_no=page_no, page_size=limit, params=params)
    listed = page.record_count if page.record_count is not None else len(page.rows)
    counts = {f"{entity}s": listed}
    if not cursor:
        for other in ORDER[1:]:
            first = await services.halo.page(RESOURCES[other], page_no=1, page_size=1, params=params)
            counts[f"{other}s"] = first.record_count if first.record_count is not None else len(first.rows)
    records = await read_all(services, entity, page.rows)
    items = []
    for row in page.rows:
        record = records.get(ident(row, "id"))
        new = changes(entity, record, int(tax.tax_id), tax.zeros) if record else {}
        if record and new:
            fields = [_change(name, code(record, name), tax, names) for name in new]
            items.append(Item(entity, ident(row, "id"), text(record, "name"), fields))
    more = bool(page.rows) and page_no * limit < listed
    following = f"{part}.{page_no + 1}" if more else f"{part + 1}.1" if part + 1 < len(ORDER) else None
    return Preview(
        items, following, counts, len(page.rows) - len(items), {"id": tax.tax_id, "name": tax.name}
    )


def _place(cursor: str) -> tuple[int, int]:
    if not cursor:
        return 0, 1
    part, _, page_no = cursor.partition(".")
    if not (part.isdecimal() and page_no.isdecimal()) or int(part) >= len(ORDER) or not int(page_no):
        raise ValueError("not a cursor of this list")
    return int(part), int(page_no)


def _change(name: str, old: int, tax: ZeroTax, names: dict[str, str]) -> FieldChange:
    held = "" if old <= 0 else str(old)
    return FieldChange(name, held, names.get(held, ""), tax.tax_id, tax.name)
