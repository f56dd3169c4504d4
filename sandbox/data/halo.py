"""Halo's part of the data, in Halo's own field names; absent values are empty, never null.

Money is Decimal. Times are aware UTC. Nothing is linked to Business Central yet, save a few customers,
and products that the built-in integration left behind (`dbc_company_id`, `accountsid`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Address:
    """`line3` is the town and `line4` the county, by this tenant's habit."""

    line1: str = ""
    line2: str = ""
    line3: str = ""
    line4: str = ""
    postcode: str = ""


@dataclass(frozen=True, slots=True)
class Client:
    """A customer. `default_currency_code` is a Currency id, `paymentterms` days.

    `matches_by` (no field of Halo's) says how a person would find the BC customer: `number`, `tax_number`,
    `email`, `name`, `ambiguous` or empty for a new one; `bc_number` is that customer's number.
    """

    id: int
    name: str
    toplevel_id: int
    main_site_id: int
    accountsid: str
    accountsemailaddress: str
    tax_number: str
    default_currency_code: int
    paymentterms: int
    website: str
    inactive: bool
    excludefrominvoicesync: bool
    dbc_company_id: str
    dbc_company_name: str
    datecreated: datetime
    alastupdate: datetime
    matches_by: str = ""
    bc_number: str = ""


@dataclass(frozen=True, slots=True)
class Site:
    id: int
    name: str
    client_id: int
    phonenumber: str
    country_code: str
    delivery_address: Address
    invoice_address: Address
    invoice_address_isdelivery: bool
    inactive: bool = False


@dataclass(frozen=True, slots=True)
class TopLevel:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class AssetGroup:
    """A product group."""

    id: int
    name: str
    nominalcode: str = ""
    nominalcodepurchase: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """A product. `type`: 0 Service, 1 Inventory, 2 Non-Inventory. `bc_number` (no field of Halo's) is its twin."""

    id: int
    name: str
    description: str
    type: int
    assetgroup_id: int
    accountsid: str
    costprice: Decimal
    baseprice: Decimal
    recurringprice: Decimal
    recurringcost: Decimal
    nominalcode: str
    purchasenominalcode: str
    taxcode: int
    supplier_part_code: str
    ignore_from_accounting_sync: bool
    dbc_company_id: str
    dbc_company_name: str
    inactive: bool
    lastmodified: datetime
    bc_number: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """An invoice line. A group header has `isgroupdesc`; a text line no product, quantity or price."""

    id: int
    ihid: int
    sequenceid: int
    item_shortdescription: str
    item_longdescription: str = ""
    _itemid: int = 0
    item_code: str = ""
    nominal_code: str = ""
    actioncode: int = 0
    group_id: int = 0
    isgroupdesc: bool = False
    qty_order: Decimal = Decimal(0)
    unit_price: Decimal = Decimal(0)
    unit_cost: Decimal = Decimal(0)
    discount_perc: Decimal = Decimal(0)
    net_amount: Decimal = Decimal(0)
    tax_amount: Decimal = Decimal(0)
    tax_rate: Decimal = Decimal(0)
    tax_code: str = ""
    dbc_id: str = ""
    dbc_sequence_id: int = 0


@dataclass(frozen=True, slots=True)
class Invoice:
    """`revenue` is the net sum; `total` = `revenue` + `tax_total`; `recurring_id` its recurring invoice, or 0."""

    id: int
    invoicenumber: str
    client_id: int
    sitenumber: int
    invoice_date: date
    duedate: date
    cust_order_number: str
    reference: str
    notes_1: str
    internal_note: str
    currency_code: int
    currency_conversion_rate: Decimal
    posted: bool
    voided: bool
    invoicetype: int
    creditlinkedtoinvoiceid: int
    thirdpartyinvoicenumber: str
    dont_sync_to_3rd_party: bool
    dbc_id: str
    dbc_company_id: str
    paymentstatus: int
    amountpaid: Decimal
    amountdue: Decimal
    datepaid: date | None
    revenue: Decimal
    tax_total: Decimal
    total: Decimal
    recurring_id: int
    last_modified: datetime
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class RecurringInvoice:
    id: int
    name: str
    client_id: int
    sitenumber: int
    period: str
    nextcreationdate: date
    currency_code: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Currency:
    id: int
    name: str
    symbol: str
    code: str
    conversion_rate: Decimal


@dataclass(frozen=True, slots=True)
class Tax:
    id: int
    name: str
    code: str
    value: Decimal


@dataclass(frozen=True, slots=True)
class LookupRow:
    """A row of a lookup list; a charge type's BC code stands in `value5`."""

    lookupid: int
    id: int
    name: str
    value2: str = ""
    value3: str = ""
    value4: str = ""
    value5: str = ""


@dataclass(frozen=True, slots=True)
class BusinessCentralDetails:
    """A row of Halo's built-in integration: set up once, switched off since."""

    id: int
    name: str
    tenant_id: str
    environment_name: str
    company_id: str
    company_name: str
    enable_sync: bool
    group_increment: int
    line_increment: int


@dataclass(frozen=True, slots=True)
class HaloTenant:
    """`tenant` is the name in the token address's query; `control` are the settings that matter to accounting."""

    tenant: str
    client_id: str
    client_secret: str
    readonly_client_id: str
    readonly_client_secret: str
    toplevels: tuple[TopLevel, ...]
    clients: tuple[Client, ...]
    sites: tuple[Site, ...]
    asset_groups: tuple[AssetGroup, ...]
    items: tuple[Item, ...]
    invoices: tuple[Invoice, ...]
    recurring_invoices: tuple[RecurringInvoice, ...]
    currencies: tuple[Currency, ...]
    taxes: tuple[Tax, ...]
    lookups: tuple[LookupRow, ...]
    details: tuple[BusinessCentralDetails, ...]
    control: tuple[tuple[str, bool | int | str], ...]

    @property
    def lookup_names(self) -> dict[int, str]:
        """The lists by id, as list 11 has them."""
        return {row.id: row.name for row in self.lookups if row.lookupid == 11}
