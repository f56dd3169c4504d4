"""The shapes of Halo's answers where its facts are open: envelopes, ids typed double, times without a zone, links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import quote

type Row = dict[str, Any]

# The key of a list, where it is not the resource's name in lower-case plural.
_ENVELOPE_KEYS = {
    "Client": "clients",
    "Currency": "currencies",
    "Invoice": "invoices",
    "InvoicePayment": "payments",
    "Item": "items",
    "RecurringInvoice": "invoices",
    "Site": "sites",
    "Supplier": "suppliers",
    "Tax": "taxes",
}
# A list of its own in an envelope, describing the rows.
_NOT_ROWS = frozenset({"columns"})
_EMPTY_YEARS = 1901
_PAGES = {
    "customer": "customer?clientid={id}",
    "product": "items?itemid={id}",
    "invoice": "invoices?mainview=invoices&invoiceid={id}",
}


class HaloPage(NamedTuple):
    """One page of a list. `record_count`: all rows there are, None where Halo does not say (a bare array)."""

    rows: list[Row]
    record_count: int | None


def unwrap(resource: str, payload: Any) -> list[Row]:
    """The rows of an answer: a bare array, the list named for the resource, or the only list of records.

    An object without such a list is itself the one row. Raises ValueError where that cannot be told.
    """
    if isinstance(payload, list):
        return _records(payload)
    if not isinstance(payload, dict):
        payload = {}
    if "id" in payload and "record_count" not in payload:
        return [payload]
    name = resource.partition("/")[0]
    plain = f"{name.lower()}s"
    for key in (_ENVELOPE_KEYS.get(name, plain), plain, name.lower()):
        if isinstance(payload.get(key), list):
            return _records(payload[key])
    lists = {key: value for key, value in payload.items() if isinstance(value, list)}
    rows = [value for value in lists.values() if any(isinstance(row, dict) and "id" in row for row in value)]
    if len(rows) == 1:
        return _records(rows[0])
    if not rows and any(not value for key, value in lists.items() if key not in _NOT_ROWS):
        return []
    if not rows and payload.get("record_count") == 0:
        return []
    raise ValueError("no list of records in it")


def unwrap_page(resource: str, payload: Any) -> HaloPage:
    """`unwrap` with the envelope's `record_count`."""
    count = payload.get("record_count") if isinstance(payload, dict) else None
    return HaloPage(
        unwrap(resource, payload), int(count) if isinstance(count, (int, float, Decimal)) else None
    )


def _records(values: Sequence[Any]) -> list[Row]:
    if not all(isinstance(value, dict) for value in values):
        raise ValueError("a list of something else than records")
    return list(values)


def halo_id(value: Any) -> str:
    """An id as text without a fraction: `12`, `12.0` and `"12.0"` are "12"; None is ""."""
    if value is None or isinstance(value, bool):
        return ""
    if isinstance(value, (float, Decimal)):
        return str(int(value)) if value == int(value) else str(value)
    text = str(value).strip()
    whole, dot, fraction = text.partition(".")
    return whole if dot and whole.lstrip("-").isdigit() and not fraction.strip("0") else text


def halo_time(value: Any, zone: tzinfo = UTC) -> datetime | None:
    """A time as aware UTC; one without a zone is in `zone`. None for absent, unreadable and .NET's empty times."""
    if not isinstance(value, str) or not value.strip():
        return None
    try:
        found = datetime.fromisoformat(value.strip())
        if found.year <= _EMPTY_YEARS:
            return None
        return (found if found.tzinfo else found.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def record_url(base: str, entity: str, record_id: str) -> str:
    """The page of a customer, product or invoice in Halo; "" where one of the three is not known."""
    page = _PAGES.get(entity)
    return f"{base}/{page.format(id=quote(record_id, safe=''))}" if base and page and record_id else ""


def customer_url(base: str, record_id: str) -> str:
    return record_url(base, "customer", record_id)


def item_url(base: str, record_id: str) -> str:
    return record_url(base, "product", record_id)


def invoice_url(base: str, record_id: str) -> str:
    return record_url(base, "invoice", record_id)


def without_nulls(value: Any) -> Any:
    """`value` without members that are None, at any depth: Halo refuses a null number, date or flag."""
    if isinstance(value, Mapping):
        return {key: without_nulls(member) for key, member in value.items() if member is not None}
    if isinstance(value, (list, tuple)):
        return [without_nulls(member) for member in value if member is not None]
    return value
