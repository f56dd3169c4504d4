"""What a push looks at in a Halo invoice: a list row that lacks any of it must be read in full (a test compares)."""

from __future__ import annotations

from typing import Final

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


def is_full(row: Record, record: Record) -> bool:
    """Whether a row has every column that a push looks at: an absent one says nothing, an empty one does.

    `record` is an invoice of this tenant read in full: a column that it lacks, the tenant does not have.
    """
    lines, theirs = row.get("lines"), record.get("lines")
    if not isinstance(lines, list) or not isinstance(theirs, list):
        return False
    columns = frozenset[str]().union(*(line.keys() for line in theirs)) or LINE
    return row.keys() >= HEADER & record.keys() and all(line.keys() >= LINE & columns for line in lines)
