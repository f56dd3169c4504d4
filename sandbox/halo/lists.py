"""Lists: filters, order, paging and envelope. A filter that does not apply is silently ignored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.halo.fields import Row
from sandbox.halo.reading import addresses, list_row
from sandbox.halo.resources import Resource
from sandbox.halo.store import HaloState
from sandbox.halo.values import end_of_day, parse_time

type Query = Mapping[str, str]
type Test = Callable[[Row], bool]

# Query parameters that compare with the field named; others are handled below, the rest mean nothing.
EQUAL: Mapping[str, Mapping[str, str]] = {
    "Client": {"toplevel_id": "toplevel_id"},
    "Site": {"client_id": "client_id"},
    "Item": {
        "assetgroup_id": "assetgroup_id",
        "supplier_id": "supplier_id",
        "dbc_company_id": "dbc_company_id",
    },
    "Invoice": {
        "client_id": "client_id",
        "site_id": "sitenumber",
        "recurringinvoice_id": "recurring_invoice_id",
        "contract_id": "contract_id",
        "ticket_id": "ticket_id",
    },
    "RecurringInvoice": {"client_id": "client_id"},
    "Address": {"site_id": "site_id", "type_id": "type", "postcode": "postcode"},
    "Lookup": {"lookupid": "lookupid"},
    "IntegrationError": {"module_id": "module_id", "detail_id": "detail_id"},
    "ExternalLink": {
        name: name
        for name in (
            [
                "module_id",
                "halo_id",
                "table_id",
                "details_id",
                "third_party_id",
                "third_party_secondary_id",
                "third_party_type",
            ]
        )
    },
    "Webhook": {"type": "type"},
}
SEARCHED: Mapping[str, tuple[str, ...]] = {
    "Client": ("name",),
    "Site": ("name", "client_name"),
    "Item": ("name",),
    "Invoice": ("invoicenumber", "thirdpartyinvoicenumber", "client_name"),
    "ExternalLink": ("halo_desc", "third_party_id", "third_party_desc"),
}
CHANGED_SINCE = {"Client": "alastupdate", "Site": "slastupdate"}
DATES_OF_INVOICES = {
    "invoice_date": "invoice_date",
    "duedate": "duedate",
    "last_modified": "last_modified",
}
MOST_ORDERS = 5


def answer_list(state: HaloState, resource: Resource, query: Query, visible: int | None = None) -> Any:
    """What `GET /{Resource}` answers; `visible` is how many records an agent who lost a permission sees."""
    ignored = {str(name).lower() for name in state.switch("ignored_filters")}
    query = {name: value for name, value in query.items() if name not in ignored}
    if resource.name == "Control":
        return list_row(state, resource, state.table("Control")[1])
    if resource.name == "Lookup" and "lookupid" not in query:
        return []
    rows = _ordered(resource, query, _found(state, resource, query))
    if visible is not None:
        seen = visible_ids(state, resource, visible)
        rows = [row for row in rows if row["id"] in seen]
    page, meta = _page(state, resource, query, rows)
    shown = [
        list_row(
            state,
            resource,
            row,
            lines=_yes(query, "includelines"),
            addresses=_yes(query, "includeaddress"),
        )
        for row in page
    ]
    if not resource.envelope or not state.switch("envelopes"):
        return shown
    columns = [{"name": name, "label": name.replace("_", " ").title()} for name in sorted(resource.thin)]
    return {"record_count": len(rows), **meta, "columns_id": 0, "columns": columns, resource.envelope: shown}


def visible_ids(state: HaloState, resource: Resource, count: int) -> set[Any]:
    """The ids of the first `count` records: all that an agent who lost a permission still sees."""
    return {row["id"] for row in _ordered(resource, {}, list(state.table(resource.name).values()))[:count]}


def _found(state: HaloState, resource: Resource, query: Query) -> list[Row]:
    table = addresses(state) if resource.name == "Address" else state.table(resource.name)
    tests = list(_tests(state, resource, query))
    return [row for row in table.values() if all(test(row) for test in tests)]


def _tests(state: HaloState, resource: Resource, query: Query) -> Iterable[Test]:
    for parameter, name in EQUAL.get(resource.name, {}).items():
        if query.get(parameter):
            yield _equals(resource, name, query[parameter])
    words = SEARCHED.get(resource.name)
    if words and query.get("search"):
        yield _contains(words, query["search"].strip().lower())
    if resource.name in ("Client", "Site", "Item") and not _yes(query, "includeinactive"):
        yield lambda row: not row["inactive"]
    stamp = CHANGED_SINCE.get(resource.name)
    if stamp:
        yield from _between(state, stamp, query, "lastupdatefromdate", "lastupdatetodate")
    if resource.name == "Invoice":
        yield from _invoice_tests(state, query)


def _invoice_tests(state: HaloState, query: Query) -> Iterable[Test]:
    if not _yes(query, "includecredits") and not state.switch("list_credits_by_default"):
        yield lambda row: not row["creditlinkedtoinvoiceid"] and row["invoicetype"] != 2
    if query.get("includeinvoices", "").lower() == "false":
        yield lambda row: bool(row["creditlinkedtoinvoiceid"]) or row["invoicetype"] == 2
    if _yes(query, "exclude_voided"):
        yield lambda row: not row["voided"]
    if _yes(query, "postedonly"):
        yield lambda row: bool(row["posted"])
    if _yes(query, "notpostedonly"):
        yield lambda row: not row["posted"]
    wanted = {_number(text) for text in query.get("client_ids", "").split(",") if text.strip()}
    if wanted:
        yield lambda row: Decimal(row["client_id"]) in wanted
    statuses = {_number(text) for text in query.get("paymentstatuses", "").split(",") if text.strip()}
    if statuses:
        yield lambda row: Decimal(row["paymentstatus"]) in statuses
    searched = DATES_OF_INVOICES.get(query.get("datesearch", "").lower())
    if searched:
        yield from _between(state, searched, query, "start_date", "end_date")
    yield from _between(state, "invoice_date", query, "invoicedatestart", "invoicedateend")


def _equals(resource: Resource, name: str, text: str) -> Test:
    if resource.fields[name] == "str":
        return lambda row: str(row.get(name, "")).lower() == text.lower()
    number = _number(text)
    return lambda row: number is None or Decimal(row.get(name, 0)) == number


def _contains(names: tuple[str, ...], words: str) -> Test:
    return lambda row: any(words in str(row.get(name, "")).lower() for name in names)


def _between(state: HaloState, name: str, query: Query, first: str, last: str) -> Iterable[Test]:
    starts, ends = _moment(state, query.get(first, "")), _moment(state, query.get(last, ""))
    if starts is not None:
        yield lambda row: _utc(state, row.get(name)) >= starts
    if ends is not None:
        until = end_of_day(query[last], ends)
        yield lambda row: _utc(state, row.get(name)) <= until


def _moment(state: HaloState, text: str) -> datetime | None:
    """A time of a query; without a zone it is in the tenant's. What is no time (or `true`) means nothing."""
    found = parse_time(text) if text else None
    return _utc(state, found) if found else None


def _utc(state: HaloState, value: Any) -> datetime:
    if not isinstance(value, datetime):
        return datetime.min.replace(tzinfo=UTC)
    return (value if value.tzinfo else value.replace(tzinfo=state.zone)).astimezone(UTC)


def _ordered(resource: Resource, query: Query, rows: list[Row]) -> list[Row]:
    """By `order` … `order5`; unknown names mean nothing. Sorted from the last wish to the first."""
    fallback = resource.order.lstrip("-")
    rows = sorted(rows, key=lambda row: row["id"], reverse=resource.order == "-id")
    if fallback != "id":
        rows.sort(key=lambda row: _sortable(row.get(fallback)))
    for number in range(MOST_ORDERS, 0, -1):
        suffix = "" if number == 1 else str(number)
        name = query.get(f"order{suffix}", "").lower()
        if resource.fields.get(name, "obj") != "obj":
            down = _yes(query, f"orderdesc{suffix}")
            rows.sort(key=lambda row, name=name: _sortable(row.get(name)), reverse=down)  # type: ignore[misc]  # bound at once
    return rows


def _sortable(value: Any) -> tuple[int, Any]:
    """A key that compares within one field: absent first, then numbers, texts, times."""
    if value is None or value == "":
        return (0, 0)
    if isinstance(value, str):
        return (2, value.lower())
    if isinstance(value, datetime):
        return (3, value.timestamp() if value.tzinfo else value.replace(tzinfo=UTC).timestamp())
    return (1, value)


def _page(state: HaloState, resource: Resource, query: Query, rows: list[Row]) -> tuple[list[Row], Row]:
    """One page with `pageinate`; else the first `count`. Bare arrays come whole."""
    if not resource.paged:
        return rows, {}
    if _yes(query, "pageinate"):
        size = _whole(query, "page_size", 50)
        number = _whole(query, "page_no", 1)
        start = (number - 1) * size
        return rows[start : start + size], {"page_no": number, "page_size": size}
    return rows[: _whole(query, "count", int(state.switch("default_count")))], {}


def _whole(query: Query, name: str, default: int) -> int:
    text = query.get(name, "")
    return int(text) if text.isdecimal() and int(text) > 0 else default


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text.strip())
    except InvalidOperation:
        return None


def _yes(query: Query, name: str) -> bool:
    return query.get(name, "").lower() in ("true", "1")
