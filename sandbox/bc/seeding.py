"""The seeds as rows of BC's tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from sandbox.bc.schema import EntityType
from sandbox.bc.types import TYPES
from sandbox.bc.values import ZERO_GUID, blank
from sandbox.data import bc as seeds

type Seeded = tuple[str, str, dict[str, Any], datetime]


def blanks(kind: EntityType) -> dict[str, Any]:
    """A new record: every field blank, save `id` and the system's own."""
    return {one.name: blank(one) for one in kind.fields if one.name not in ("id", "lastModifiedDateTime")}


def rows(company: seeds.Company) -> Iterator[Seeded]:
    """All rows of a new company as (entity set, id, values, time)."""
    for made in (
        _setup(company),
        _dimensions(company),
        _accounts(company),
        _customers(company),
        _items(company),
    ):
        for set_name, row_id, values, modified in made:
            yield set_name, row_id, {**blanks(TYPES[set_name]), **values}, modified


def company_row(company: seeds.Company) -> dict[str, Any]:
    return {
        **blanks(TYPES["companies"]),
        "systemVersion": "28.0.0.0",
        "timestamp": 1,
        "name": company.name,
        "displayName": company.display_name,
        "systemCreatedAt": company.created,
        "systemModifiedAt": company.created,
    }


def series_row(series: seeds.NumberSeries) -> dict[str, Any]:
    return {
        "code": series.code,
        "prefix": series.prefix,
        "digits": series.digits,
        "next": series.next,
        "step": series.step,
        "manual": series.manual,
    }


def _setup(company: seeds.Company) -> Iterator[Seeded]:
    at = company.created
    about = company.information
    yield "companyInformation", about.id, {
        "displayName": about.name, "addressLine1": about.address1, "city": about.city, "country": about.country,
        "postalCode": about.postcode, "phoneNumber": about.phone, "email": about.email,
        "taxRegistrationNumber": about.vat_number, "currencyCode": company.currency,
        "currentFiscalYearStartDate": about.fiscal_year_start, "experience": "Essential",
    }, at  # fmt: skip
    for country in company.countries:
        values = {"code": country.code, "displayName": country.name, "addressFormat": country.address_format}
        yield "countriesRegions", country.id, values, at
    for category in company.item_categories:
        yield "itemCategories", category.id, {"code": category.code, "displayName": category.name}, at
    for unit in company.units:
        yield "unitsOfMeasure", unit.id, {
            "code": unit.code, "displayName": unit.name, "internationalStandardCode": unit.international_code,
        }, at  # fmt: skip
    for currency in company.currencies:
        yield "currencies", currency.id, {
            "code": currency.code, "displayName": currency.name, "symbol": currency.symbol,
            "amountDecimalPlaces": "2:2", "amountRoundingPrecision": currency.rounding, "rates": currency.rates,
        }, at  # fmt: skip
    for terms in company.payment_terms:
        yield "paymentTerms", terms.id, {
            "code": terms.code, "displayName": terms.name, "dueDateCalculation": terms.due_date,
            "discountDateCalculation": terms.discount_date, "discountPercent": terms.discount_percent,
        }, at  # fmt: skip
    for set_name, methods in (
        ("paymentMethods", company.payment_methods),
        ("shipmentMethods", company.shipment_methods),
    ):
        for method in methods:
            yield set_name, method.id, {"code": method.code, "displayName": method.name}, at
    yield from _groups(company)


def _groups(company: seeds.Company) -> Iterator[Seeded]:
    """Posting groups; in a VAT company tax areas are VAT business groups and tax groups VAT product groups."""
    at = company.created
    kind = "VAT" if company.vat_in_use else "Sales Tax"
    areas: list[seeds.PostingGroup | seeds.TaxArea] = [*company.vat_business_groups, *company.tax_areas]
    for area in areas:
        yield "taxAreas", area.id, {"code": area.code, "displayName": area.name, "taxType": kind}, at
    for group in company.vat_product_groups or company.tax_groups:
        yield "taxGroups", group.id, {"code": group.code, "displayName": group.name, "taxType": kind}, at
    for group in company.gen_product_groups:
        yield "generalProductPostingGroups", group.id, {
            "code": group.code, "description": group.name, "defaultVATProductPostingGroup": group.vat_group,
            "autoInsertDefault": True,
        }, at  # fmt: skip
    for group in company.inventory_groups:
        yield "inventoryPostingGroups", group.id, {"code": group.code, "description": group.name}, at


def _dimensions(company: seeds.Company) -> Iterator[Seeded]:
    for dimension in company.dimensions:
        yield (
            "dimensions", dimension.id, {"code": dimension.code, "displayName": dimension.name}, company.created,
        )  # fmt: skip
        for value in dimension.values:
            values = {"code": value.code, "displayName": value.name, "dimensionId": dimension.id}
            yield "dimensionValues", value.id, values, company.created


def _accounts(company: seeds.Company) -> Iterator[Seeded]:
    for account in company.accounts:
        yield "accounts", account.id, {
            "number": account.number, "displayName": account.name, "category": account.category,
            "subCategory": account.sub_category, "blocked": account.blocked, "accountType": account.account_type,
            "directPosting": account.direct_posting,
            "consolidationTranslationMethod": "Average Rate (Manual)",
            "genProdPostingGroup": account.gen_product_group, "vatProdPostingGroup": account.vat_product_group,
            "taxGroupCode": account.tax_group,
        }, company.created  # fmt: skip


def _customers(company: seeds.Company) -> Iterator[Seeded]:
    currencies = {one.code: one.id for one in company.currencies}
    terms = {one.code: one.id for one in company.payment_terms}
    methods = {one.code: one.id for one in company.payment_methods}
    areas = {one.code: one.id for one in company.vat_business_groups} | {
        one.code: one.id for one in company.tax_areas
    }
    for one in company.customers:
        yield "customers", one.id, {
            "number": one.number, "displayName": one.name, "type": one.type, "addressLine1": one.address1,
            "addressLine2": one.address2, "city": one.city, "state": one.county, "country": one.country,
            "postalCode": one.postcode, "phoneNumber": one.phone, "email": one.email, "website": one.website,
            "creditLimit": one.credit_limit, "taxRegistrationNumber": one.vat_number, "blocked": one.blocked,
            "taxAreaId": areas.get(one.vat_business_group or one.tax_area, ZERO_GUID),
            "taxLiable": one.tax_liable,
            "currencyId": currencies.get(one.currency, ZERO_GUID), "currencyCode": one.currency,
            "paymentTermsId": terms.get(one.payment_terms, ZERO_GUID),
            "paymentMethodId": methods.get(one.payment_method, ZERO_GUID),
            "vatBusPostingGroup": one.vat_business_group, "genBusPostingGroup": one.gen_business_group,
            "customerPostingGroup": one.customer_posting_group, "pricesIncludeTax": one.prices_include_vat,
            "privacyBlocked": False, "hasEntries": False,
        }, one.modified  # fmt: skip


def _items(company: seeds.Company) -> Iterator[Seeded]:
    categories = {one.code: one.id for one in company.item_categories}
    units = {one.code: one.id for one in company.units}
    products = {one.code: one.id for one in company.gen_product_groups}
    inventory = {one.code: one.id for one in company.inventory_groups}
    tax_groups = {one.code: one.id for one in company.tax_groups}
    for one in company.items:
        yield "items", one.id, {
            "number": one.number, "displayName": one.name, "type": one.type,
            "itemCategoryId": categories.get(one.category, ZERO_GUID), "itemCategoryCode": one.category,
            "blocked": one.blocked, "gtin": one.gtin, "inventory": one.inventory, "unitPrice": one.unit_price,
            "priceIncludesTax": one.price_includes_vat, "unitCost": one.unit_cost,
            "baseUnitOfMeasureId": units.get(one.unit, ZERO_GUID), "baseUnitOfMeasureCode": one.unit,
            "generalProductPostingGroupId": products.get(one.gen_product_group, ZERO_GUID),
            "generalProductPostingGroupCode": one.gen_product_group,
            "inventoryPostingGroupId": inventory.get(one.inventory_group, ZERO_GUID),
            "inventoryPostingGroupCode": one.inventory_group, "vatProdPostingGroup": one.vat_product_group,
            "taxGroupId": tax_groups.get(one.tax_group, ZERO_GUID), "taxGroupCode": one.tax_group,
            "salesBlocked": one.sales_blocked, "costingMethod": one.costing_method,
            "hasEntries": one.has_entries, "units": (one.unit,) if one.unit else (),
        }, one.modified  # fmt: skip


def new_item() -> dict[str, Any]:
    """A blank item with what BC itself keeps about it."""
    return {
        **blanks(TYPES["items"]), "vatProdPostingGroup": "", "salesBlocked": False, "costingMethod": "FIFO",
        "hasEntries": False, "units": (),
    }  # fmt: skip


def new_customer() -> dict[str, Any]:
    """A blank customer with what BC itself keeps about it."""
    return {
        **blanks(TYPES["customers"]), "vatBusPostingGroup": "", "genBusPostingGroup": "", "customerPostingGroup": "",
        "pricesIncludeTax": False, "privacyBlocked": False, "hasEntries": False,
        "creditLimit": Decimal(0),
    }  # fmt: skip
