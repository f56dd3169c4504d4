"""What a push looks at in a Halo invoice: a list row that lacks any of it must be read in full (a test compares)."""

from __future__ import annotations

from typing import Final

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
