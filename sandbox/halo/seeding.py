"""Turns the data's typed records into Halo's stored ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from typing import Any

from sandbox.data.halo import Address, HaloTenant, Invoice, RecurringInvoice
from sandbox.halo import fields
from sandbox.halo.fields import Row, blank

type Key = int | str | tuple[int, int]

_NOT_HALOS = frozenset(("matches_by", "bc_number"))


def seed(halo: HaloTenant) -> dict[str, dict[Key, Row]]:
    """All tables by resource, each record by its key."""
    names = {client.id: client.name for client in halo.clients}
    toplevels = {toplevel.id: toplevel.name for toplevel in halo.toplevels}
    changed = {client.id: client.alastupdate for client in halo.clients}
    clients = _rows(fields.CLIENT, halo.clients)
    for client in clients.values():
        client["toplevel_name"] = toplevels.get(client["toplevel_id"], "")
        client["main_site_name"] = "Main"
    sites = _rows(fields.SITE, halo.sites)
    for site in sites.values():
        site["client_name"] = names.get(site["client_id"], "")
        site["slastupdate"] = changed[site["client_id"]]
    items = _rows(fields.ITEM, halo.items)
    groups = {group.id: group.name for group in halo.asset_groups}
    for item in items.values():
        item["assetgroup_name"] = groups.get(item["assetgroup_id"], "")
    return {
        "Client": clients,
        "Site": sites,
        "Item": items,
        "AssetGroup": _rows(fields.ASSET_GROUP, halo.asset_groups, showasitem=True),
        "TopLevel": _rows(fields.TOP_LEVEL, halo.toplevels),
        "Invoice": {invoice.id: _invoice(invoice, names) for invoice in halo.invoices},
        "RecurringInvoice": {invoice.id: _recurring(invoice, names) for invoice in halo.recurring_invoices},
        "Lookup": {(row.lookupid, row.id): {**blank(fields.LOOKUP), **_plain(row)} for row in halo.lookups},
        "Currency": _rows(fields.CURRENCY, halo.currencies),
        "Tax": _rows(fields.TAX, halo.taxes),
        "BusinessCentralDetails": _rows(fields.DETAILS, halo.details),
        "Control": {1: {**blank(fields.CONTROL), **dict(halo.control), "id": 1}},
        "Address": {},
        "IntegrationError": {},
        "ExternalLink": {},
        "Webhook": {},
        "Notification": {},
    }


def _rows(table: Mapping[str, str], records: Iterable[Any], **more: Any) -> dict[Key, Row]:
    empty = {**blank(table), **more}
    return {record.id: empty | _plain(record) for record in records}


def _lines(lines: Iterable[Any]) -> list[Row]:
    empty = blank(fields.LINE)
    return [empty | _plain(line) for line in lines]


def _plain(record: Any) -> Row:
    """The record's own fields that Halo knows; what is None is absent, a date is its midnight."""
    plain = {one.name: getattr(record, one.name) for one in dataclasses.fields(record)}
    return {
        name: _value(value)
        for name, value in plain.items()
        if value is not None and name not in _NOT_HALOS and name != "lines"
    }


def _value(value: Any) -> Any:
    if isinstance(value, Address):
        return _plain(value)
    return datetime.combine(value, time()) if type(value) is date else value


def _invoice(invoice: Invoice, names: Mapping[int, str]) -> Row:
    row = {**blank(fields.INVOICE), **_plain(invoice)}
    row["recurring_invoice_id"] = row.pop("recurring_id")
    row["client_name"] = names.get(invoice.client_id, "")
    row["date_created"] = invoice.last_modified
    row["site_name"] = "Main"
    if invoice.posted:
        row["dateposted"] = invoice.last_modified
    row["lines"] = _lines(invoice.lines)
    return numbered(row)


def numbered(row: Row) -> Row:
    """An invoice has an internal id and a running number of its type; the UI shows both."""
    row["typeid"] = row["id"] - 1000 if row["id"] > 1000 else row["id"]
    row["invoice_display"] = f"{row['typeid']} ({row['id']})"
    return row


def _recurring(invoice: RecurringInvoice, names: Mapping[int, str]) -> Row:
    row = {**blank(fields.RECURRING_INVOICE), **_plain(invoice)}
    row["client_name"] = names.get(invoice.client_id, "")
    row["lines"] = _lines(invoice.lines)
    return row
