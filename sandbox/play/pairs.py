"""Pairs of records: Halo's on one side, the same thing in a BC company on the other, as far as Halo's fields tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.bc.company import Company
from sandbox.bc.control import shown
from sandbox.bc.store import Row as BcRow
from sandbox.halo.fields import Row
from sandbox.halo.reading import raw
from sandbox.halo.resources import RESOURCES
from sandbox.halo.store import HaloState

PAGE = 50
MEMOS, MEMO_LINES = "salesCreditMemos", "salesCreditMemoLines"
ITEM_TYPES = ("Service", "Inventory", "Non-Inventory")


@dataclass(frozen=True, slots=True)
class Both:
    """Halo, and one company of Business Central."""

    halo: HaloState
    company: Company


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of record in both systems; `brief_…` are a list's columns, `searched` Halo's fields and BC's.

    `set_names`: where BC keeps them; Halo's credit notes are credit memos there.
    """

    resource: str
    set_names: tuple[str, ...]
    brief_halo: Callable[[Row], dict[str, Any]]
    brief_bc: Callable[[BcRow], dict[str, Any]]
    searched: tuple[tuple[str, ...], tuple[str, ...]]
    newest_first: bool = False


def page(both: Both, name: str, *, search: str = "", number: int = 1) -> dict[str, Any]:
    """One page of pairs whose words contain `search`: Halo's records first, then what only BC has."""
    kind, words = KINDS[name], search.strip().casefold()
    found = [pair for pair in _pairs(both, kind) if _matches(kind, pair, words)]
    start = (max(number, 1) - 1) * PAGE
    return {
        "total": len(found),
        "page": max(number, 1),
        "pages": max(1, -(-len(found) // PAGE)),
        "rows": [
            {
                "halo": kind.brief_halo(halo) if halo else None,
                "bc": kind.brief_bc(bc) if bc else None,
                "link": link(both, halo, bc),
            }
            for halo, bc in found[start : start + PAGE]
        ],
    }


def one(both: Both, name: str, key: str) -> dict[str, Any] | None:
    """A pair whole, by Halo's id or BC's; None where neither system has it."""
    kind = KINDS[name]
    halo = both.halo.find(kind.resource, int(key)) if key.isdecimal() else None
    bc = _twin(both, kind, halo) if halo else _of_id(both, kind, key)
    if bc is not None and halo is None:
        halo = next((row for row, twin in _pairs(both, kind) if twin is not None and twin.id == bc.id), None)
    if halo is None and bc is None:
        return None
    memo = bc is not None and both.company[MEMOS].get(bc.id) is not None
    lines = both.company[MEMO_LINES if memo else "salesInvoiceLines"].children(bc.id) if bc else []
    return {
        "halo": raw(both.halo, RESOURCES[kind.resource], halo) if halo else None,
        "bc": shown(bc) if bc else None,
        "bc_lines": [shown(line) for line in lines],
        "credit_memo": memo,
        "link": link(both, halo, bc),
    }


def link(both: Both, halo: Row | None, bc: BcRow | None) -> str:
    """`linked`, `same number` (nothing in Halo says that it is this company's), `halo only`, `bc only`, or
    `other company`."""
    if halo is None:
        return "bc only"
    owner = str(halo["dbc_company_id"]).casefold()
    if owner and owner != both.company.id:
        return "other company"
    if bc is None:
        return "halo only"
    return "linked" if owner else "same number"


def _pairs(both: Both, kind: Kind) -> Iterator[tuple[Row | None, BcRow | None]]:
    rows = sorted(
        both.halo.table(kind.resource).values(), key=lambda row: int(row["id"]), reverse=kind.newest_first
    )
    taken: set[str] = set()
    for row in rows:
        twin = _twin(both, kind, row)
        if twin is not None:
            taken.add(twin.id)
        yield row, twin
    left = [row for name in kind.set_names for row in both.company[name] if row.id not in taken]
    for bc in sorted(left, key=lambda row: str(row["number"]), reverse=kind.newest_first):
        yield None, bc


def _twin(both: Both, kind: Kind, row: Row) -> BcRow | None:
    """BC's record of Halo's: an invoice by `dbc_id`, others by number unless they belong to another company."""
    if kind.resource == "Invoice":
        return _of_id(both, kind, str(row["dbc_id"]).lower())
    table = both.company[kind.set_names[0]]
    owner = str(row["dbc_company_id"]).casefold()
    number = str(row["accountsid"]).strip().upper()
    return table.by_key(number) if number and owner in ("", both.company.id) else None


def _of_id(both: Both, kind: Kind, bc_id: str) -> BcRow | None:
    found = (both.company[name].get(bc_id) for name in kind.set_names)
    return next((row for row in found if row is not None), None)


def _matches(kind: Kind, pair: tuple[Row | None, BcRow | None], words: str) -> bool:
    if not words:
        return True
    halo, bc = pair
    texts = [str(halo[name]) for name in kind.searched[0]] if halo else []
    texts += [str(bc[name]) for name in kind.searched[1]] if bc else []
    return any(words in text.casefold() for text in texts)


def _halo_customer(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "number": row["accountsid"],
        "email": row["accountsemailaddress"],
    }


def _bc_customer(row: BcRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row["displayName"],
        "number": row["number"],
        "email": row["email"],
        "blocked": row["blocked"].strip(),
    }


def _halo_product(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "number": row["accountsid"],
        "type": ITEM_TYPES[row["type"]] if 0 <= row["type"] < len(ITEM_TYPES) else str(row["type"]),
        "price": row["baseprice"],
    }


def _bc_product(row: BcRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row["displayName"],
        "number": row["number"],
        "type": row["type"],
        "price": row["unitPrice"],
        "blocked": "Blocked" if row["blocked"] else "",
    }


def _halo_invoice(row: Row) -> dict[str, Any]:
    state = "voided" if row["voided"] else "posted" if row["posted"] else "open"
    return {
        "id": row["id"],
        "number": row["invoicenumber"],
        "display": row["invoice_display"],
        "name": row["client_name"],
        "net": row["revenue"],
        "tax": row["tax_total"],
        "state": "credit note" if row["invoicetype"] == 2 else state,
    }


def _bc_invoice(row: BcRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "number": row["number"],
        "name": row["customerName"],
        "net": row["totalAmountExcludingTax"],
        "tax": row["totalTaxAmount"],
        # Only a credit memo has a date of that name.
        "state": f"credit memo, {row['status']}" if "creditMemoDate" in row.values else row["status"],
    }


_NAMES = ("name", "accountsid"), ("displayName", "number")
KINDS: Mapping[str, Kind] = {
    "invoices": Kind(
        "Invoice",
        ("salesInvoices", MEMOS),
        _halo_invoice,
        _bc_invoice,
        (
            ("invoicenumber", "invoice_display", "client_name", "thirdpartyinvoicenumber"),
            ("number", "customerName"),
        ),
        newest_first=True,
    ),
    "customers": Kind("Client", ("customers",), _halo_customer, _bc_customer, _NAMES),
    "products": Kind("Item", ("items",), _halo_product, _bc_product, _NAMES),
}
