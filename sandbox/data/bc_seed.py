"""Builds Business Central's environments and companies from a seed."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from sandbox.data import bc_tables as tables
from sandbox.data import names
from sandbox.data.bc import (
    BusinessCentral,
    Company,
    CompanyInformation,
    Customer,
    Environment,
    record_id,
)
from sandbox.data.bc_items import build_items, some_time
from sandbox.data.us_seed import us_company


def build_business_central(seed: int, scale: int, today: date, tenant_id: str) -> BusinessCentral:
    """Production with a large and a small GB company, Sandbox with a German one, a US company with sales tax."""
    large = _company(
        seed, today, "Tamarisk UK", "Tamarisk Technology Ltd", "GB", customers=150 * scale, items=300 * scale
    )
    small = _company(seed + 1, today, "Tamarisk Retail", "Tamarisk Retail Ltd", "GB", customers=12, items=20)
    german = _company(
        seed + 2, today, "Tamarisk DE", "Tamarisk Deutschland GmbH", "DE", customers=40, items=60
    )
    return BusinessCentral(
        tenant_id,
        (
            Environment("Production", "Production", "GB", (large, small)),
            Environment("Sandbox", "Sandbox", "DE", (german,)),
            Environment("Production-US", "Production", "US", (us_company(seed + 3, today),)),
        ),
    )


def _company(
    seed: int, today: date, name: str, display_name: str, country: str, *, customers: int, items: int
) -> Company:
    rng = random.Random(f"{seed}/{name}")
    local = {"GB": "GBP", "DE": "EUR"}[country]
    standard, reduced = {"GB": ("20", "5"), "DE": ("19", "7")}[country]
    created = datetime.combine(today, time(8), UTC) - timedelta(days=700)
    items_made = build_items(rng, name, items, created)
    place = names.GB_PLACES[0] if country == "GB" else names.DE_PLACES[0]
    return Company(
        id=record_id(name, "company", name),
        name=name,
        display_name=display_name,
        country=country,
        currency=local,
        information=CompanyInformation(
            id=record_id(name, "information", name),
            name=display_name,
            address1="1 Tamarisk Square",
            city=place[0],
            country=country,
            postcode=place[2],
            phone="020 7946 0100",
            email=f"accounts@{name.lower().replace(' ', '-')}.example.com",
            vat_number=_vat_number(rng, country),
            fiscal_year_start=date(today.year, 1, 1),
        ),
        accounts=tables.accounts(name),
        countries=tables.countries(name),
        item_categories=tables.item_categories(name),
        units=tables.units(name),
        currencies=tables.currencies(name, local, today),
        payment_terms=tables.payment_terms(name),
        payment_methods=tables.methods(name, "method", (("BANK", "Bank transfer"), ("CARD", "Card"), ("CASH", "Cash"))),
        shipment_methods=tables.methods(name, "shipment", (("EXW", "Ex works"), ("DDP", "Delivered duty paid"))),
        vat_business_groups=tables.groups(
            name, "vat-business",
            (("DOMESTIC", "Domestic customers", "", ""), ("EU", "Customers in the EU", "", ""),
             ("EXPORT", "Other customers abroad", "", "")),
        ),
        vat_product_groups=tables.groups(
            name, "vat-product",
            (("STANDARD", f"Standard rate ({standard}%)", "", ""), ("REDUCED", f"Reduced rate ({reduced}%)", "", ""),
             ("ZERO", "Zero rate", "", "")),
        ),
        vat_setup=tables.vat_setup(standard, reduced),
        gen_business_groups=tables.groups(
            name, "gen-business",
            (("DOMESTIC", "Domestic", "DOMESTIC", ""), ("EU", "EU", "EU", ""), ("EXPORT", "Export", "EXPORT", "")),
        ),
        gen_product_groups=tables.groups(
            name, "gen-product",
            (("GOODS", "Goods", "STANDARD", ""), ("SERVICES", "Services and licences", "STANDARD", "")),
        ),
        sales_setup=tables.sales_setup(),
        customer_posting_groups=tables.groups(
            name, "customer-group", (("DOMESTIC", "Domestic", "", "2310"), ("FOREIGN", "Foreign", "", "2320"))
        ),
        inventory_groups=tables.groups(name, "inventory-group", (("RESALE", "Goods for resale", "", "2110"),)),
        number_series=tables.number_series(customers, items),
        dimensions=tables.dimensions(name),
        customers=_customers(rng, name, country, customers, created),
        items=items_made,
        created=created,
    )  # fmt: skip


def _customers(
    rng: random.Random, company: str, country: str, count: int, created: datetime
) -> tuple[Customer, ...]:
    """The last five are the awkward ones: blocked (two ways), no posting groups, gross prices, a hard name."""
    made: list[Customer] = []
    taken: set[str] = set()
    for index in range(count):
        name = names.fresh_name(rng, names.GB_FORMS if country == "GB" else names.DE_FORMS, taken)
        made.append(_customer(rng, company, country, index, name, created))
    if count >= 10:
        made[-5] = replace(made[-5], blocked="All")
        made[-4] = replace(made[-4], blocked="Invoice")
        made[-3] = replace(
            made[-3],
            gen_business_group="",
            vat_business_group="",
            customer_posting_group="",
            payment_terms="",
        )
        made[-2] = replace(made[-2], prices_include_vat=True)
        made[-1] = replace(made[-1], name="O'Brien & Co* (Holdings) | North")
    return tuple(made)


def _customer(
    rng: random.Random, company: str, country: str, index: int, name: str, created: datetime
) -> Customer:
    abroad = rng.random() < 0.12
    if abroad:
        land, city, county, postcode = rng.choice(names.ABROAD)
    else:
        city, county, postcode = rng.choice(names.GB_PLACES if country == "GB" else names.DE_PLACES)
        land = country
    group = "DOMESTIC" if land == country else "EU" if land in tables.EU else "EXPORT"
    number = f"C{10 * (index + 1):05d}"
    host = "".join(letter for letter in name.lower() if letter.isascii() and letter.isalnum())[:24]
    person = rng.random() < 0.04
    return Customer(
        id=record_id(company, "customer", number),
        number=number,
        name=name,
        type="Person" if person else "Company",
        address1=f"{rng.randint(1, 180)} {rng.choice(names.STREETS)}",
        address2=rng.choice(names.BUILDINGS),
        city=city,
        county=county,
        country="" if land == country and rng.random() < 0.3 else land,
        postcode=postcode,
        phone=f"01632 960{rng.randint(0, 999):03d}",
        email=f"accounts{index}@{host}.example.com" if rng.random() < 0.9 else "",
        website=f"https://{host}.example.com" if rng.random() < 0.5 else "",
        vat_number=_vat_number(rng, land)
        if rng.random() < 0.8 and land in ("GB", "DE", "IE", "FR", "NL")
        else "",
        vat_business_group=group,
        gen_business_group=group,
        customer_posting_group="DOMESTIC" if group == "DOMESTIC" else "FOREIGN",
        payment_terms=rng.choice(("30 DAYS", "30 DAYS", "30 DAYS", "14 DAYS", "CM", "60 DAYS")),
        payment_method=rng.choice(("BANK", "BANK", "CARD")),
        currency={"DOMESTIC": "", "EU": "EUR" if country == "GB" else "", "EXPORT": "USD"}[group],
        blocked=" ",
        credit_limit=Decimal(rng.choice((0, 0, 2500, 5000, 10000))),
        prices_include_vat=False,
        modified=some_time(rng, created),
    )


def _vat_number(rng: random.Random, country: str) -> str:
    return f"{country}{rng.randint(10**8, 10**9 - 1)}"
