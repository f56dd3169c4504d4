"""What a push looks at in a Halo invoice: a list row that lacks any of it must be read in full (a test compares)."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from typing import Any, Final

from bc.entities.values import Record

HEADER: Final = frozenset(
    (
        "id",
        "client_id",
        "client_name",
        "original_client_id",
        "invoicenumber",
        "invoice_display",
        "invoicetype",
        "invoice_date",
        "duedate",
        "currency_code",
        "paymentterms",
        "cust_order_number",
        "creditlinkedtoinvoiceid",
        "posted",
        "bcd_posted",
        "voided",
        "dont_sync_to_3rd_party",
        "dbc_id",
        "dbc_company_id",
        "thirdpartyinvoicenumber",
        "tax_total",
        "total",
        "last_modified",
        "lines",
    )
)
LINE: Final = frozenset(
    (
        "id",
        "_itemid",
        "actioncode",
        "item_code",
        "item_shortdescription",
        "item_longdescription",
        "nominal_code",
        "qty_order",
        "unit_price",
        "unit_cost",
        "discount_perc",
        "net_amount",
        "isgroupdesc",
        "isinactive",
        "sequenceid",
        "tax_amount",
        "tax_rate",
        "dbc_id",
        "dbc_sequence_id",
    )
)

# What a document's life and our own write-backs change.
_MOVING: Final = frozenset(
    (
        "posted",
        "bcd_posted",
        "voided",
        "dont_sync_to_3rd_party",
        "dbc_id",
        "dbc_company_id",
        "dbc_sequence_id",
        "thirdpartyinvoicenumber",
        "tax_amount",
        "tax_rate",
        "tax_total",
        "total",
        "last_modified",
        "lines",
    )
)


def digest(record: Record) -> str:
    """What an invoice says that a document is made of, in short: two that are alike were not changed in Halo."""
    header = {name: _plain(record.get(name)) for name in sorted(HEADER - _MOVING)}
    lines = [
        {name: _plain(line.get(name)) for name in sorted(LINE - _MOVING)}
        for line in record.get("lines") or ()
    ]
    return hashlib.sha256(json.dumps([header, lines]).encode()).hexdigest()


def _plain(value: Any) -> str:
    """Lists and single reads write numbers otherwise (2, 2.0), and empty texts too."""
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return str(Decimal(str(value)).normalize() + 0)
    return "" if value is None else str(value)


def is_full(row: Record, record: Record) -> bool:
    """Whether a row has every column that a push looks at: an absent one says nothing, an empty one does.

    `record` is an invoice of this tenant read in full: a column that it lacks, the tenant does not have.
    """
    lines, theirs = row.get("lines"), record.get("lines")
    if not isinstance(lines, list) or not isinstance(theirs, list):
        return False
    columns = frozenset[str]().union(*(line.keys() for line in theirs)) or LINE
    return row.keys() >= HEADER & record.keys() and all(line.keys() >= LINE & columns for line in lines)
