"""The resources of Halo's API: how each lists, what its rows show, whose permission it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sandbox.halo import fields

type Area = Literal["customers", "items", "invoices", "admin", "webhooks"]


@dataclass(frozen=True, slots=True)
class Resource:
    """`envelope` names the list in a list's answer (empty: a bare array). `thin` are the columns of its rows
    (empty: all). `heavy` fields need `includedetails`. `order` is how rows come when nobody asks (`-id`: newest
    first). `stamp` takes the time of each save. `event` is its word in webhooks, empty where it has none."""

    name: str
    fields: Mapping[str, str]
    area: Area = "admin"
    envelope: str = ""
    thin: frozenset[str] = frozenset()
    heavy: frozenset[str] = frozenset()
    order: str = "id"
    stamp: str = ""
    created: str = ""
    event: str = ""
    required: tuple[str, ...] = ()
    read_only: bool = False
    paged: bool = False


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


CLIENT = Resource(
    "Client",
    fields.CLIENT,
    "customers",
    "clients",
    thin=_names(
        "id name toplevel_id toplevel_name inactive accountsid dbc_company_id main_site_id stopped "
        "client_to_invoice alastupdate"
    ),
    heavy=_names(
        "notes popup_notes dbc_dimensions customfields external_links main_delivery_address main_invoice_address"
    ),
    order="name",
    stamp="alastupdate",
    created="datecreated",
    event="customer",
    required=("name",),
    paged=True,
)
SITE = Resource(
    "Site",
    fields.SITE,
    "customers",
    "sites",
    thin=_names("id name client_id client_name inactive phonenumber slastupdate"),
    heavy=_names("delivery_address invoice_address customfields"),
    order="name",
    stamp="slastupdate",
    event="site",
    required=("name", "client_id"),
    paged=True,
)
ITEM = Resource(
    "Item",
    fields.ITEM,
    "items",
    "items",
    thin=_names(
        "id name accountsid type assetgroup_id assetgroup_name baseprice costprice inactive dbc_company_id "
        "lastmodified"
    ),
    heavy=_names("external_links item_accounts_links dbc_dimensions customfields"),
    order="name",
    stamp="lastmodified",
    created="datecreated",
    event="product",
    required=("name",),
    paged=True,
)
INVOICE = Resource(
    "Invoice",
    fields.INVOICE,
    "invoices",
    "invoices",
    thin=_names(
        "id typeid invoice_display invoicenumber thirdpartyinvoicenumber client_id client_name sitenumber invoice_date "
        "duedate posted voided revenue tax_total total paymentstatus amountpaid amountdue invoicetype "
        "creditlinkedtoinvoiceid recurring_invoice_id last_modified"
    ),
    heavy=_names("lines external_links payments customfields"),
    order="-id",
    stamp="last_modified",
    created="date_created",
    event="invoice",
    required=("client_id",),
    paged=True,
)
RECURRING_INVOICE = Resource(
    "RecurringInvoice",
    fields.RECURRING_INVOICE,
    "invoices",
    "invoices",
    thin=_names("id name client_id client_name sitenumber period nextcreationdate"),
    heavy=_names("lines"),
    read_only=True,
    paged=True,
)

RESOURCES: Mapping[str, Resource] = {
    resource.name: resource
    for resource in (
        CLIENT,
        SITE,
        ITEM,
        INVOICE,
        RECURRING_INVOICE,
        Resource("Address", fields.ADDRESS, "customers", "addresses", read_only=True),
        Resource("AssetGroup", fields.ASSET_GROUP, "items", required=("name",)),
        Resource("TopLevel", fields.TOP_LEVEL, "customers", read_only=True),
        Resource("Lookup", fields.LOOKUP, required=("lookupid", "name")),
        Resource("Currency", fields.CURRENCY, required=("name",)),
        Resource("Tax", fields.TAX, required=("name",)),
        Resource(
            "BusinessCentralDetails", fields.DETAILS, heavy=_names("client_mappings item_group_mappings")
        ),
        Resource(
            "IntegrationError",
            fields.INTEGRATION_ERROR,
            envelope="integrationerrors",
            order="-id",
            created="date",
            paged=True,
        ),
        Resource(
            "ExternalLink",
            fields.EXTERNAL_LINK,
            envelope="externallinks",
            stamp="date_updated",
            created="date_created",
            paged=True,
        ),
        Resource("Webhook", fields.WEBHOOK, "webhooks", order="name", required=("name", "url")),
        Resource("Notification", fields.NOTIFICATION, "webhooks", required=("webhook_id", "eventno")),
        Resource("Control", fields.CONTROL),
    )
}
BY_LOWER_NAME: Mapping[str, Resource] = {name.lower(): resource for name, resource in RESOURCES.items()}
