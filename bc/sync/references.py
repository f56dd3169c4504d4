"""What the lines of an invoice refer to: looked up in the links, and in BC only for what the links do not know."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from bc.clients.business_central import decode_enum, quote
from bc.entities.invoice import AccountRef, ProductRef, References, halo_lines
from bc.entities.values import Record, ident, text
from bc.model import ItemType, Link
from bc.store.records import each
from bc.sync.context import Push

FRESH_SECONDS = 300
_ITEM_TYPES: Mapping[str, ItemType] = {
    "Inventory": "Inventory",
    "Service": "Service",
    "Non-Inventory": "Non-Inventory",
}


class KnownInBc:
    """BC items and accounts found by number lately, per connection; what BC does not have is remembered shorter."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str], tuple[float, Any]] = {}

    def get(self, connection_id: str, kind: str, number: str) -> tuple[bool, Any]:
        stored = self._found.get((connection_id, kind, number))
        if stored is None:
            return False, None
        until, value = stored
        return (True, value) if time.monotonic() < until else (False, None)

    def put(
        self, connection_id: str, kind: str, number: str, value: Any, *, seconds: float | None = None
    ) -> None:
        if len(self._found) > 20_000:
            self._found.clear()
        fresh = seconds or (FRESH_SECONDS if value is not None else 10)
        self._found[connection_id, kind, number] = (time.monotonic() + fresh, value)


def product_of(link: Link) -> ProductRef | None:
    item_type = _ITEM_TYPES.get(link.bc_type)
    return ProductRef(link.bc_id, link.bc_number, item_type) if link.exists and item_type else None


async def references_of(push: Push, invoice: Record) -> References:
    """Resolve every code, product, charge rate and account that the invoice's lines name."""
    lines = [line for line in halo_lines(invoice) if not line.get("isgroupdesc")]
    items = {found for line in lines if (found := ident(line, "_itemid"))}
    rows = await each(
        [(push.connection.id, "product", item, push.since) for item in sorted(items)],
        push.services.link_reads.shared,
    )
    links = {item: row for item, row in zip(sorted(items), rows, strict=True) if row}
    products = {halo_id: ref for halo_id, row in links.items() if (ref := product_of(row.value))}
    charge_codes = await _charge_codes(push, lines)
    default = push.connection.settings.default_invoice_item
    codes = {found.upper() for line in lines if (found := text(line, "item_code"))}
    codes |= {code.upper() for code in charge_codes.values()} | ({default.upper()} if default else set())
    codes |= {
        row.value.bc_number.upper()
        for key, row in links.items()
        if key not in products and row.value.bc_number
    }
    known = {ref.number.upper(): ref for ref in products.values()}
    by_code = await _products_by_number(push, codes, known)
    for key, row in links.items():
        if key not in products and (ref := by_code.get(row.value.bc_number.upper())):
            products[key] = ref
    return References(
        codes=by_code,
        products=products,
        other_company=await _other_company(push, items - products.keys()),
        charge_codes=charge_codes,
        accounts=await _accounts(push, lines),
        default_product=by_code.get(default.upper()) if default else None,
    )


async def _products_by_number(
    push: Push, codes: Iterable[str], known: Mapping[str, ProductRef]
) -> dict[str, ProductRef | None]:
    found: dict[str, ProductRef | None] = dict(known)
    cache, connection = push.services.known_in_bc, push.connection
    unknown = []
    for code in sorted(set(codes) - known.keys()):
        hit, value = cache.get(connection.id, "item", code)
        if hit:
            found[code] = value
            continue
        linked = await push.services.store.links.by_bc_number(connection.id, "product", code)
        if ref := next((ref for link in linked if (ref := product_of(link))), None):
            found[code] = ref
        else:
            unknown.append(code)
    for rows, numbers in await rows_by_number(push, "items", "id,number,type", unknown):
        for number in numbers:
            item_type = _ITEM_TYPES.get(decode_enum(str(rows[number]["type"]))) if number in rows else None
            ref = ProductRef(str(rows[number]["id"]), number, item_type) if item_type else None
            cache.put(connection.id, "item", number, ref)
            found[number] = ref
    return found


async def _accounts(push: Push, lines: Iterable[Record]) -> dict[str, AccountRef | None]:
    cache, connection = push.services.known_in_bc, push.connection
    wanted = {
        nominal.upper()
        for line in lines
        if (nominal := text(line, "nominal_code"))
        and not ident(line, "_itemid")
        and not text(line, "item_code")
    }
    found: dict[str, AccountRef | None] = {}
    unknown = []
    for number in sorted(wanted):
        hit, value = cache.get(connection.id, "account", number)
        if hit:
            found[number] = value
        else:
            unknown.append(number)
    for rows, numbers in await rows_by_number(push, "accounts", "id,number,displayName", unknown):
        for number in numbers:
            ref = AccountRef(str(rows[number]["id"]), number) if number in rows else None
            cache.put(connection.id, "account", number, ref)
            found[number] = ref
    return found


async def rows_by_number(
    push: Push, resource: str, select: str, numbers: list[str]
) -> list[tuple[dict[str, dict[str, Any]], list[str]]]:
    """Rows by number, 20 numbers a request (OR on one field; the address stays under 2,000 characters)."""
    answers = []
    for start in range(0, len(numbers), 20):
        some = [number for number in numbers[start : start + 20] if len(number) <= 20]
        too_long = [number for number in numbers[start : start + 20] if len(number) > 20]
        rows: list[dict[str, Any]] = []
        if some:
            terms = " or ".join(f"number eq {quote(number)}" for number in some)
            rows, _ = await push.bc.page(
                push.connection, resource, params={"$select": select, "$filter": terms}
            )
        # A number with * or .. acts as a wildcard in BC's filter: only exact rows count.
        exact = {str(row["number"]).strip().upper(): row for row in rows}
        answers.append(({number: exact[number] for number in some if number in exact}, some + too_long))
    return answers


async def _other_company(push: Push, items: Iterable[str]) -> frozenset[str]:
    """Of the products not linked here, those that are linked in another connection's company."""
    found = set()
    for item in items:
        links = await push.services.store.links.by_halo_id("product", item)
        if any(link.exists and link.connection_id != push.connection.id for link in links):
            found.add(item)
    return frozenset(found)


async def _charge_codes(push: Push, lines: Iterable[Record]) -> dict[str, str]:
    """The code of each charge type that a line without product is charged by."""
    wanted = {
        code
        for line in lines
        if (code := ident(line, "actioncode")) and not ident(line, "_itemid") and not text(line, "item_code")
    }
    if not wanted:
        return {}
    codes = await push.services.halo_facts.charge_codes(push.connection.settings.halo_conventions)
    return {charge: codes[charge] for charge in wanted if charge in codes}
