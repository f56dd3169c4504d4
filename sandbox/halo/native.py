"""Rows that Halo's own Business Central integration left behind when it was switched off (by switch)."""

from __future__ import annotations

from sandbox.data import Dataset
from sandbox.halo import fields
from sandbox.halo.fields import Row, blank

NATIVE = frozenset(("ExternalLink", "IntegrationError"))
DETAILS = 1


def native_rows(data: Dataset, module: int) -> dict[str, list[Row]]:
    """By resource: a link for each customer and product that it had assigned to the company, and one error."""
    company = data.bc.main_company
    ids = {one.number: one.id for one in company.customers} | {one.number: one.id for one in company.items}
    links = [
        {
            **blank(fields.EXTERNAL_LINK),
            "module_id": module,
            "details_id": DETAILS,
            "halo_id": record.id,
            "halo_desc": record.name,
            "third_party_id": ids.get(record.bc_number, ""),
            "third_party_desc": record.accountsid,
            "primary": True,
            "date_created": changed,
            "date_updated": changed,
            "~of": resource,
        }
        for resource, records in (
            ("Client", [(client, client.alastupdate) for client in data.halo.clients]),
            ("Item", [(item, item.lastmodified) for item in data.halo.items]),
        )
        for record, changed in records
        if record.dbc_company_id
    ]
    invoice = data.halo.invoices[0]
    error = {
        **blank(fields.INTEGRATION_ERROR),
        "module_id": module,
        "detail_id": DETAILS,
        "entity_id": invoice.id,
        "entity_type": "Invoice",
        "entity_name": invoice.invoicenumber,
        "endpoint": "salesInvoices",
        "error": "The customer is blocked.",
        "date": invoice.last_modified,
    }
    return {"ExternalLink": links, "IntegrationError": [error]}
