"""How records are shown: thin list rows, whole details, and what hangs on another record."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.halo.fields import LINE, Row
from sandbox.halo.nested import shown_nested
from sandbox.halo.resources import Resource
from sandbox.halo.seeding import Key
from sandbox.halo.store import HaloState
from sandbox.halo.values import written

TYPE_OF_ADDRESS = {"delivery_address": 1, "invoice_address": 2}


def detail(state: HaloState, resource: Resource, row: Row, *, include_details: bool) -> Row:
    """One record as `GET /{id}` answers it: without `includedetails` its heavy fields are missing, lines too."""
    whole = _with_twins(state, resource, row)
    if not include_details:
        needed = resource.heavy if state.switch("lines_need_details") else resource.heavy - {"lines"}
        whole = {name: value for name, value in whole.items() if name not in needed}
    return _written(state, resource, whole)


def list_row(
    state: HaloState, resource: Resource, row: Row, *, lines: bool = False, addresses: bool = False
) -> Row:
    """One row of a list: the thin columns; an invoice's lines with `includelines`.

    By switch a row of Invoice is then whole, as its detail is (`halo.full_invoice_rows`).
    """
    if lines and resource.name == "Invoice" and state.switch("full_invoice_rows"):
        return detail(state, resource, row, include_details=True)
    thin = bool(resource.thin) and bool(state.switch("thin_rows"))
    shown = (
        {name: value for name, value in row.items() if name in resource.thin}
        if thin
        else {name: value for name, value in row.items() if name not in resource.heavy}
    )
    if lines and "lines" in row:
        shown["lines"] = row["lines"]
    if resource.name == "Site":
        address = row.get("delivery_address") or {}
        shown["delivery_address_line1"] = address.get("line1", "")
        if addresses:
            shown |= {name: row.get(name) or {} for name in TYPE_OF_ADDRESS}
    return _written(state, resource, shown)


def raw(state: HaloState, resource: Resource, row: Row) -> Row:
    """The stored record whole, for a test's eyes."""
    return _written(state, resource, row)


def addresses(state: HaloState) -> dict[Key, Row]:
    """The addresses of all sites as records of their own: id = 10 x site id + type (1 delivery, 2 invoice)."""
    return {
        site["id"] * 10 + kind: {
            **(site.get(name) or {}),
            "id": site["id"] * 10 + kind,
            "type": kind,
            "site_id": site["id"],
            "primary": True,
        }
        for site in state.table("Site").values()
        for name, kind in TYPE_OF_ADDRESS.items()
    }


def _with_twins(state: HaloState, resource: Resource, row: Row) -> Row:
    whole = dict(row)
    if resource.name == "Client":
        site = state.find("Site", row["main_site_id"]) or {}
        whole["main_delivery_address"] = site.get("delivery_address") or {}
        whole["main_invoice_address"] = site.get("invoice_address") or {}
    elif resource.name == "Invoice":
        client = state.find("Client", row["client_id"]) or {}
        currency = state.find("Currency", row["currency_code"]) or {}
        whole["accountsid"] = client.get("accountsid", "")
        whole["currency_code_name"] = currency.get("name", "")
    elif resource.name == "Item":
        tax = state.find("Tax", row["taxcode"]) or {}
        whole["taxcode_name"] = tax.get("name", "")
    if "external_links" in resource.heavy:
        whole["external_links"] = _links(state, resource.name, row["id"])
    return whole


def _links(state: HaloState, resource: str, key: int) -> list[Row]:
    fields: Mapping[str, str] = {}
    return [
        written(fields, link, state.zone, str(state.switch("time_suffix")), doubles=False)
        for link in state.table("ExternalLink").values()
        if link.get("~of") == resource and link["halo_id"] == key
    ]


def _written(state: HaloState, resource: Resource, row: Row) -> Row:
    zone, suffix = state.zone, str(state.switch("time_suffix"))
    doubles = bool(state.switch("ids_as_double"))
    shown = written(resource.fields, shown_nested(state, row), zone, suffix, doubles)
    if "lines" in shown:
        shown["lines"] = [written(LINE, line, zone, suffix, doubles) for line in shown["lines"]]
    return shown
