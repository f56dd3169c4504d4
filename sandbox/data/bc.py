"""Business Central's part of the data: the records of its tables, in our own plain names.

Ids are lower-case GUIDs, codes upper-case, amounts Decimal. `blocked` of a customer is BC's plain value
(`" "`, `"Ship"`, `"Invoice"`, `"All"`); an item's `type` is `Inventory`, `Service` or `Non-Inventory`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID, uuid5

_NAMESPACE = UUID("6f1f3c0a-5f0e-5d55-9a61-4b1f5a2f7c11")


def record_id(company: str, table: str, key: str) -> str:
    """The GUID of a seeded record: the same in every run."""
    return str(uuid5(_NAMESPACE, f"{company}/{table}/{key}"))


@dataclass(frozen=True, slots=True)
class Account:
    """A G/L account. `account_type`: Posting, Heading, Total, Begin-Total or End-Total."""

    id: str
    number: str
    name: str
    category: str
    sub_category: str = ""
    account_type: str = "Posting"
    direct_posting: bool = True
    blocked: bool = False
    gen_product_group: str = ""
    vat_product_group: str = ""
    tax_group: str = ""


@dataclass(frozen=True, slots=True)
class Country:
    id: str
    code: str
    name: str
    address_format: str = "Post Code+City"


@dataclass(frozen=True, slots=True)
class ItemCategory:
    id: str
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Unit:
    id: str
    code: str
    name: str
    international_code: str


@dataclass(frozen=True, slots=True)
class Currency:
    """A foreign currency; `rates` are (from this day on, price of one unit in local currency)."""

    id: str
    code: str
    name: str
    symbol: str
    rounding: Decimal
    rates: tuple[tuple[date, Decimal], ...]


@dataclass(frozen=True, slots=True)
class PaymentTerms:
    """`due_date` is a BC date formula: `30D`, `CM`, `1M+CM`, `0D`."""

    id: str
    code: str
    name: str
    due_date: str
    discount_date: str = ""
    discount_percent: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Method:
    """A payment or shipment method."""

    id: str
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class PostingGroup:
    """A general, customer, inventory or VAT posting group; `vat_group` is a general group's VAT default."""

    id: str
    code: str
    name: str
    vat_group: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class VatSetup:
    """One cell of the VAT posting setup. A pair without a cell is an error at BC.

    `calculation`: `Normal VAT` or `Reverse Charge VAT` (no VAT on the sales document).
    """

    business_group: str
    product_group: str
    identifier: str
    percent: Decimal
    calculation: str = "Normal VAT"


@dataclass(frozen=True, slots=True)
class TaxArea:
    """Where a customer is taxed, in a company with sales tax: the taxes of its jurisdictions add up."""

    id: str
    code: str
    name: str
    jurisdictions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TaxDetail:
    """What a jurisdiction takes of a tax group, in percent. A blank group stands for those without a row."""

    jurisdiction: str
    group: str
    percent: Decimal


@dataclass(frozen=True, slots=True)
class SalesSetup:
    """One cell of the general posting setup: which account a sale is booked to."""

    business_group: str
    product_group: str
    sales_account: str


@dataclass(frozen=True, slots=True)
class NumberSeries:
    """`prefix` and a number of `digits` digits; `next` is the first free one; `manual`: may be typed."""

    code: str
    name: str
    prefix: str
    digits: int
    next: int
    step: int = 1
    manual: bool = True


@dataclass(frozen=True, slots=True)
class Dimension:
    id: str
    code: str
    name: str
    values: tuple[Method, ...]


@dataclass(frozen=True, slots=True)
class Customer:
    id: str
    number: str
    name: str
    type: str
    address1: str
    address2: str
    city: str
    county: str
    country: str
    postcode: str
    phone: str
    email: str
    website: str
    vat_number: str
    vat_business_group: str
    gen_business_group: str
    customer_posting_group: str
    payment_terms: str
    payment_method: str
    currency: str
    blocked: str
    credit_limit: Decimal
    prices_include_vat: bool
    modified: datetime
    tax_area: str = ""
    tax_liable: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    id: str
    number: str
    name: str
    type: str
    category: str
    unit: str
    gtin: str
    unit_price: Decimal
    unit_cost: Decimal
    price_includes_vat: bool
    inventory: Decimal
    has_entries: bool
    costing_method: str
    gen_product_group: str
    vat_product_group: str
    inventory_group: str
    blocked: bool
    sales_blocked: bool
    modified: datetime
    tax_group: str = ""


@dataclass(frozen=True, slots=True)
class CompanyInformation:
    id: str
    name: str
    address1: str
    city: str
    country: str
    postcode: str
    phone: str
    email: str
    vat_number: str
    fiscal_year_start: date


@dataclass(frozen=True, slots=True)
class Company:
    """One BC company. `currency` is its local currency, which customers carry as a blank code.

    Where VAT is not in use there is sales tax: `tax_areas`, `tax_groups` and `tax_details` instead of VAT groups.
    """

    id: str
    name: str
    display_name: str
    country: str
    currency: str
    information: CompanyInformation
    accounts: tuple[Account, ...]
    countries: tuple[Country, ...]
    item_categories: tuple[ItemCategory, ...]
    units: tuple[Unit, ...]
    currencies: tuple[Currency, ...]
    payment_terms: tuple[PaymentTerms, ...]
    payment_methods: tuple[Method, ...]
    shipment_methods: tuple[Method, ...]
    vat_business_groups: tuple[PostingGroup, ...]
    vat_product_groups: tuple[PostingGroup, ...]
    vat_setup: tuple[VatSetup, ...]
    gen_business_groups: tuple[PostingGroup, ...]
    gen_product_groups: tuple[PostingGroup, ...]
    sales_setup: tuple[SalesSetup, ...]
    customer_posting_groups: tuple[PostingGroup, ...]
    inventory_groups: tuple[PostingGroup, ...]
    number_series: tuple[NumberSeries, ...]
    dimensions: tuple[Dimension, ...]
    customers: tuple[Customer, ...]
    items: tuple[Item, ...]
    created: datetime
    tax_areas: tuple[TaxArea, ...] = ()
    tax_groups: tuple[PostingGroup, ...] = ()
    tax_details: tuple[TaxDetail, ...] = ()

    @property
    def vat_in_use(self) -> bool:
        return not self.tax_groups


@dataclass(frozen=True, slots=True)
class Environment:
    """`type` is `Production` or `Sandbox`."""

    name: str
    type: str
    country: str
    companies: tuple[Company, ...]


@dataclass(frozen=True, slots=True)
class BusinessCentral:
    """All environments of the one tenant that has Business Central."""

    tenant_id: str
    environments: tuple[Environment, ...]

    @property
    def main_company(self) -> Company:
        return self.environments[0].companies[0]
