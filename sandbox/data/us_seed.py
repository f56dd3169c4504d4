"""Builds the US company: sales tax by area, jurisdiction and group instead of VAT."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from sandbox.data import bc_tables as tables
from sandbox.data import names
from sandbox.data.bc import (
    Account,
    Company,
    CompanyInformation,
    Customer,
    Item,
    PostingGroup,
    TaxArea,
    TaxDetail,
    record_id,
)
from sandbox.data.bc_items import build_items, some_time

CUSTOMERS, ITEMS = 60, 88
TAXABLE, SOFTWARE, LABOR, NONTAXABLE = "TAXABLE", "SOFTWARE", "LABOR", "NONTAXABLE"

_GROUPS = (
    (TAXABLE, "Taxable goods"), (SOFTWARE, "Software and hosted services"), (LABOR, "Labor"), (NONTAXABLE, "Not taxed"),
)  # fmt: skip
# area -> its jurisdictions, each with its percent for goods
_AREAS = {
    "SEATTLE": (("WA", "6.5"), ("WA-SEATTLE", "3.85")),
    "NEW YORK": (("NY", "4"), ("NY-CITY", "4.5"), ("NY-MCTD", "0.375")),
    "CHICAGO": (("IL", "6.25"), ("IL-COOK", "1.75"), ("IL-CHICAGO", "1.25"), ("IL-RTA", "1")),
    "ATLANTA": (("GA", "4"), ("GA-FULTON", "3"), ("GA-ATLANTA", "1.9")),
    "AUSTIN": (("TX", "6.25"), ("TX-AUSTIN", "1"), ("TX-CAPMETRO", "1")),
    "MIAMI": (("FL", "6"), ("FL-DADE", "1")),
    "PORTLAND": (("OR", "0"),),
}
_SOFTWARE_TAXED = frozenset(["WA", "NY", "TX"])
_LABOR_TAXED = frozenset(["WA"])
_LIABILITIES = {
    "5610": "Sales Tax Payable, State", "5611": "Sales Tax Payable, Local", "5630": "Use Tax Payable",
    "5780": "Sales Tax Settlement",
}  # fmt: skip


def us_company(seed: int, today: date) -> Company:
    """60 customers, 88 items, seven tax areas. The last customers are the awkward ones, see `_customers`."""
    name = "Tamarisk US"
    rng = random.Random(f"{seed}/{name}")
    created = datetime.combine(today, time(14), UTC) - timedelta(days=700)
    items = tuple(_taxed(item) for item in build_items(rng, name, ITEMS, created))
    city, _, postcode = names.US_PLACES[0]
    return Company(
        id=record_id(name, "company", name),
        name=name,
        display_name="Tamarisk Technology Inc.",
        country="US",
        currency="USD",
        information=CompanyInformation(
            id=record_id(name, "information", name),
            name="Tamarisk Technology Inc.",
            address1="500 Tamarisk Way",
            city=city,
            country="US",
            postcode=postcode,
            phone="+1 206 555 0100",
            email="accounts@tamarisk-us.example.com",
            vat_number="",
            fiscal_year_start=date(today.year, 1, 1),
        ),
        accounts=tuple(_account(account) for account in tables.accounts(name)),
        countries=tables.countries(name),
        item_categories=tables.item_categories(name),
        units=tables.units(name),
        currencies=tables.currencies(name, "USD", today),
        payment_terms=tables.payment_terms(name),
        payment_methods=tables.methods(name, "method", (("BANK", "Bank transfer"), ("CARD", "Card"), ("CHECK", "Check"))),
        shipment_methods=tables.methods(name, "shipment", (("EXW", "Ex works"), ("FOB", "Free on board"))),
        vat_business_groups=(),
        vat_product_groups=(),
        vat_setup=(),
        gen_business_groups=tables.groups(name, "gen-business", (("DOMESTIC", "Domestic", "", ""), ("EXPORT", "Export", "", ""))),
        gen_product_groups=tables.groups(
            name, "gen-product", (("GOODS", "Goods", "", ""), ("SERVICES", "Services and licenses", "", ""))
        ),
        sales_setup=tables.sales_setup(),
        customer_posting_groups=tables.groups(
            name, "customer-group", (("DOMESTIC", "Domestic", "", "2310"), ("FOREIGN", "Foreign", "", "2320"))
        ),
        inventory_groups=tables.groups(name, "inventory-group", (("RESALE", "Goods for resale", "", "2110"),)),
        number_series=tables.number_series(CUSTOMERS, ITEMS),
        dimensions=tables.dimensions(name),
        customers=_customers(rng, name, created),
        items=items,
        created=created,
        tax_areas=_areas(name),
        tax_groups=tuple(PostingGroup(record_id(name, "tax-group", code), code, text) for code, text in _GROUPS),
        tax_details=_details(),
    )  # fmt: skip


def _areas(company: str) -> tuple[TaxArea, ...]:
    states = {city.upper(): f"{city}, {state}" for city, state, _ in names.US_PLACES}
    return tuple(
        TaxArea(record_id(company, "tax-area", code), code, states[code], tuple(name for name, _ in rows))
        for code, rows in _AREAS.items()
    )


def _details() -> tuple[TaxDetail, ...]:
    """Goods are taxed everywhere, software and labor in some states (with all their jurisdictions)."""
    made = []
    for rows in _AREAS.values():
        for jurisdiction, percent in rows:
            state = jurisdiction.partition("-")[0]
            made.append(TaxDetail(jurisdiction, TAXABLE, Decimal(percent)))
            for group, states in ((SOFTWARE, _SOFTWARE_TAXED), (LABOR, _LABOR_TAXED)):
                if state in states:
                    made.append(TaxDetail(jurisdiction, group, Decimal(percent)))
    return tuple(made)


def _account(account: Account) -> Account:
    group = {"GOODS": TAXABLE, "SERVICES": LABOR}.get(account.gen_product_group, "")
    name = _LIABILITIES.get(account.number, account.name)
    return replace(account, name=name, vat_product_group="", tax_group=group)


def _taxed(item: Item) -> Item:
    """The item without posting groups has no tax group either: nothing is taxed on it."""
    if not item.gen_product_group:
        return replace(item, vat_product_group="", tax_group="")
    group = {"Inventory": TAXABLE, "Non-Inventory": SOFTWARE, "Service": LABOR}[item.type]
    return replace(item, vat_product_group="", tax_group=NONTAXABLE if item.category == "TRAINING" else group)


def _customers(rng: random.Random, company: str, created: datetime) -> tuple[Customer, ...]:
    """The last five: blocked; exempt in a tax area; liable without one; and two that lack a posting group:
    the general one (only posting refuses it, where there is no VAT), and the customer's."""
    taken: set[str] = set()
    made = [
        _customer(rng, company, index, names.fresh_name(rng, names.US_FORMS, taken), created)
        for index in range(CUSTOMERS)
    ]
    home = next(one for one in made if one.tax_area == "NEW YORK")
    made[-5] = replace(made[-5], blocked="All")
    made[-4] = replace(made[-4], tax_area=home.tax_area, tax_liable=False)
    made[-3] = replace(made[-3], tax_area="", tax_liable=True)
    made[-2] = replace(made[-2], gen_business_group="")
    made[-1] = replace(made[-1], customer_posting_group="")
    return tuple(made)


def _customer(rng: random.Random, company: str, index: int, name: str, created: datetime) -> Customer:
    abroad = rng.random() < 0.08
    if abroad:
        city, county, postcode = rng.choice(names.GB_PLACES)
    else:
        city, county, postcode = rng.choice(names.US_PLACES)
    number = f"C{10 * (index + 1):05d}"
    host = "".join(letter for letter in name.lower() if letter.isascii() and letter.isalnum())[:24]
    group = "EXPORT" if abroad else "DOMESTIC"
    return Customer(
        id=record_id(company, "customer", number),
        number=number,
        name=name,
        type="Company",
        address1=f"{rng.randint(100, 9900)} {rng.choice(names.STREETS)}",
        address2=rng.choice(("", "", "Suite 400", "Floor 12")),
        city=city,
        county=county,
        country="GB" if abroad else "US",
        postcode=postcode,
        phone=f"+1 206 555 {rng.randint(100, 199):04d}",
        email=f"ap{index}@{host}.example.com" if rng.random() < 0.9 else "",
        website=f"https://{host}.example.com" if rng.random() < 0.5 else "",
        vat_number="",
        vat_business_group="",
        gen_business_group=group,
        customer_posting_group="FOREIGN" if abroad else "DOMESTIC",
        payment_terms=rng.choice(("30 DAYS", "30 DAYS", "14 DAYS", "60 DAYS")),
        payment_method=rng.choice(("BANK", "BANK", "CHECK")),
        currency="GBP" if abroad else "",
        blocked=" ",
        credit_limit=Decimal(rng.choice((0, 5000, 10000))),
        prices_include_vat=False,
        modified=some_time(rng, created),
        tax_area="" if abroad else city.upper(),
        tax_liable=not abroad,
    )
