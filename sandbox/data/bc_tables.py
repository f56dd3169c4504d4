"""The tables that every seeded BC company has: chart of accounts, countries, categories, posting set-up."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from sandbox.data.bc import (
    Account,
    Country,
    Currency,
    Dimension,
    ItemCategory,
    Method,
    NumberSeries,
    PaymentTerms,
    PostingGroup,
    SalesSetup,
    Unit,
    VatSetup,
    record_id,
)

# number, name, category, type ("" posting), direct posting, sub-category
_CHART = (
    ("1000", "BALANCE SHEET", "Assets", "Heading", False, ""),
    ("1002", "ASSETS", "Assets", "Begin-Total", False, ""),
    ("1100", "Land and Buildings", "Assets", "", True, "Fixed Assets"),
    ("1110", "Buildings, Depreciation", "Assets", "", True, "Fixed Assets"),
    ("1210", "Equipment", "Assets", "", True, "Equipment"),
    ("1220", "Equipment, Depreciation", "Assets", "", True, "Equipment"),
    ("1310", "Vehicles", "Assets", "", True, "Fixed Assets"),
    ("2110", "Inventory, Hardware", "Assets", "", False, "Inventory"),
    ("2120", "Inventory, Interim", "Assets", "", False, "Inventory"),
    ("2310", "Customers, Domestic", "Assets", "", False, "Accounts Receivable"),
    ("2320", "Customers, Foreign", "Assets", "", False, "Accounts Receivable"),
    ("2340", "Other Receivables", "Assets", "", True, "Accounts Receivable"),
    ("2410", "Prepayments to Vendors", "Assets", "", True, "Prepaid Expenses"),
    ("2910", "Cash", "Assets", "", True, "Cash"),
    ("2920", "Bank, Local Currency", "Assets", "", False, "Cash"),
    ("2930", "Bank, Foreign Currencies", "Assets", "", False, "Cash"),
    ("2999", "TOTAL ASSETS", "Assets", "End-Total", False, ""),
    ("3000", "LIABILITIES AND EQUITY", "Liabilities", "Begin-Total", False, ""),
    ("3100", "Share Capital", "Equity", "", True, "Common Stock"),
    ("3200", "Retained Earnings", "Equity", "", True, "Retained Earnings"),
    ("5310", "Revolving Credit", "Liabilities", "", True, "Long-term Liabilities"),
    ("5360", "Customer Prepayments", "Liabilities", "", True, "Current Liabilities"),
    ("5410", "Vendors, Domestic", "Liabilities", "", False, "Accounts Payable"),
    ("5420", "Vendors, Foreign", "Liabilities", "", False, "Accounts Payable"),
    ("5610", "Sales VAT, Standard", "Liabilities", "", False, "Current Liabilities"),
    ("5611", "Sales VAT, Reduced", "Liabilities", "", False, "Current Liabilities"),
    ("5630", "Purchase VAT, Standard", "Liabilities", "", False, "Current Liabilities"),
    ("5780", "VAT Payable", "Liabilities", "", True, "Current Liabilities"),
    ("5810", "Payroll Taxes Payable", "Liabilities", "", True, "Payroll Liabilities"),
    ("5999", "TOTAL LIABILITIES AND EQUITY", "Liabilities", "End-Total", False, ""),
    ("6000", "INCOME STATEMENT", "Income", "Heading", False, ""),
    ("6100", "REVENUE", "Income", "Begin-Total", False, ""),
    ("6110", "Sales, Hardware", "Income", "", True, "Sales"),
    ("6120", "Sales, Hardware EU", "Income", "", True, "Sales"),
    ("6130", "Sales, Hardware Export", "Income", "", True, "Sales"),
    ("6210", "Sales, Services", "Income", "", True, "Service"),
    ("6220", "Sales, Services EU", "Income", "", True, "Service"),
    ("6230", "Sales, Services Export", "Income", "", True, "Service"),
    ("6310", "Sales, Licences", "Income", "", True, "Sales"),
    ("6410", "Sales, Support Contracts", "Income", "", True, "Service"),
    ("6610", "Sales, Other Operating", "Income", "", True, "Other Income"),
    ("6710", "Consulting Fees", "Income", "", True, "Service"),
    ("6810", "Fees and Charges Received", "Income", "", True, "Other Income"),
    ("6910", "Discount Granted", "Income", "", True, "Discounts"),
    ("6995", "TOTAL REVENUE", "Income", "Total", False, ""),
    ("7100", "COST", "Cost of Goods Sold", "Begin-Total", False, ""),
    ("7110", "Purchases, Hardware", "Cost of Goods Sold", "", True, "Cost of Materials"),
    ("7190", "Cost of Hardware Sold", "Cost of Goods Sold", "", False, "Cost of Materials"),
    ("7210", "Purchases, Licences", "Cost of Goods Sold", "", True, "Cost of Materials"),
    ("7310", "Subcontractors", "Cost of Goods Sold", "", True, "Cost of Labor"),
    ("7995", "TOTAL COST", "Cost of Goods Sold", "Total", False, ""),
    ("8110", "Cleaning", "Expense", "", True, "Other Expenses"),
    ("8120", "Electricity and Heating", "Expense", "", True, "Utilities Expense"),
    ("8130", "Repairs and Maintenance", "Expense", "", True, "Repairs and Maintenance Expense"),
    ("8210", "Office Supplies", "Expense", "", True, "Other Expenses"),
    ("8230", "Telephone and Internet", "Expense", "", True, "Utilities Expense"),
    ("8240", "Postage", "Expense", "", True, "Other Expenses"),
    ("8310", "Fuel", "Expense", "", True, "Other Expenses"),
    ("8410", "Advertising", "Expense", "", True, "Advertising Expense"),
    ("8530", "Old Suspense Account", "Expense", "", True, "Other Expenses"),
    ("8640", "Bank Charges", "Expense", "", True, "Other Expenses"),
    ("8710", "Wages", "Expense", "", True, "Payroll Expense"),
    ("8995", "TOTAL OPERATING EXPENSES", "Expense", "Total", False, ""),
    ("9140", "Payment Discount", "Expense", "", True, "Interest Expense"),
    ("9999", "NET INCOME", "Income", "Total", False, ""),
)
_BLOCKED_ACCOUNTS = frozenset({"8530"})

_COUNTRIES = (
    ("AT", "Austria"), ("AU", "Australia"), ("BE", "Belgium"), ("BG", "Bulgaria"), ("BR", "Brazil"), ("CA", "Canada"),
    ("CH", "Switzerland"), ("CN", "China"), ("CY", "Cyprus"), ("CZ", "Czechia"), ("DE", "Germany"), ("DK", "Denmark"),
    ("EE", "Estonia"), ("EL", "Greece"), ("ES", "Spain"), ("FI", "Finland"), ("FR", "France"), ("GB", "Great Britain"),
    ("HR", "Croatia"), ("HU", "Hungary"), ("IE", "Ireland"), ("IN", "India"), ("IS", "Iceland"), ("IT", "Italy"),
    ("JP", "Japan"), ("KE", "Kenya"), ("LT", "Lithuania"), ("LU", "Luxembourg"), ("LV", "Latvia"), ("MA", "Morocco"),
    ("MT", "Malta"), ("MX", "Mexico"), ("MY", "Malaysia"), ("NI", "Northern Ireland"), ("NL", "Netherlands"),
    ("NO", "Norway"), ("NZ", "New Zealand"), ("PH", "Philippines"), ("PL", "Poland"), ("PT", "Portugal"),
    ("RO", "Romania"), ("SA", "Saudi Arabia"), ("SE", "Sweden"), ("SG", "Singapore"), ("SI", "Slovenia"),
    ("SK", "Slovakia"), ("TH", "Thailand"), ("TN", "Tunisia"), ("TR", "Türkiye"), ("UG", "Uganda"), ("US", "USA"),
    ("ZA", "South Africa"),
)  # fmt: skip
EU = frozenset(
    [
        "AT",
        "BE",
        "BG",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "EL",
        "ES",
        "FI",
        "FR",
        "HR",
        "HU",
        "IE",
        "IT",
        "LT",
        "LU",
        "LV",
        "MT",
        "NI",
        "NL",
        "PL",
        "PT",
        "RO",
        "SE",
        "SI",
        "SK",
    ]
)
CATEGORIES = (
    ("NOTEBOOK", "Notebooks"), ("DESKTOP", "Desktop computers"), ("MONITOR", "Monitors"), ("NETWORK", "Network"),
    ("ACCESSORY", "Accessories"), ("CABLE", "Cables"), ("SERVER", "Servers and storage"), ("PRINTER", "Printers"),
    ("LICENCE", "Software licences"), ("CLOUD", "Cloud services"), ("SUPPORT", "Managed services"),
    ("LABOUR", "Labour"), ("TELECOM", "Telephony"), ("TRAINING", "Training"),
)  # fmt: skip
_UNITS = (
    ("PCS", "Piece", "EA"), ("HOUR", "Hour", "HUR"), ("DAY", "Day", "DAY"), ("MONTH", "Month", "MON"),
    ("USER", "User", "EA"), ("BOX", "Box", "BX"), ("SET", "Set", "SET"), ("KM", "Kilometre", "KMT"),
)  # fmt: skip
_CURRENCIES = (
    ("EUR", "Euro", "€", "0.8612", "0.8574"), ("USD", "US dollar", "$", "0.7934", "0.7881"),
    ("GBP", "Pound sterling", "£", "1.1612", "1.1660"),
)  # fmt: skip
_TERMS = (
    ("30 DAYS", "Net 30 days", "30D"), ("14 DAYS", "Net 14 days", "14D"), ("7 DAYS", "Net 7 days", "7D"),
    ("60 DAYS", "Net 60 days", "60D"), ("CM", "Current month", "CM"), ("1M", "One month", "1M"), ("COD", "Cash on delivery", "0D"),
)  # fmt: skip


def accounts(company: str) -> tuple[Account, ...]:
    return tuple(
        Account(
            record_id(company, "account", number), number, name, category, sub, kind or "Posting", direct,
            number in _BLOCKED_ACCOUNTS, *_account_groups(number),
        )
        for number, name, category, kind, direct, sub in _CHART
    )  # fmt: skip


def _account_groups(number: str) -> tuple[str, str]:
    """General and VAT product posting group of an account that sales lines may name."""
    if number in ("6995",) or not "6110" <= number <= "6910":
        return "", ""
    return ("GOODS" if number < "6200" else "SERVICES"), "STANDARD"


def countries(company: str) -> tuple[Country, ...]:
    return tuple(Country(record_id(company, "country", code), code, name) for code, name in _COUNTRIES)


def item_categories(company: str) -> tuple[ItemCategory, ...]:
    return tuple(ItemCategory(record_id(company, "category", code), code, name) for code, name in CATEGORIES)


def units(company: str) -> tuple[Unit, ...]:
    return tuple(Unit(record_id(company, "unit", code), code, name, iso) for code, name, iso in _UNITS)


_RATES_IN_DOLLARS = {"EUR": ("1.0850", "1.0912"), "GBP": ("1.2604", "1.2689")}


def currencies(company: str, local: str, today: date) -> tuple[Currency, ...]:
    """Foreign currencies with a rate of a year ago and one of last week."""
    return tuple(
        Currency(
            record_id(company, "currency", code), code, name, symbol, Decimal("0.01"),
            tuple(
                (today - timedelta(days=days), Decimal(rate))
                for days, rate in zip((365, 7), _RATES_IN_DOLLARS[code] if local == "USD" else rates, strict=True)
            ),
        )
        for code, name, symbol, *rates in _CURRENCIES
        if code != local
    )  # fmt: skip


def payment_terms(company: str) -> tuple[PaymentTerms, ...]:
    return tuple(
        PaymentTerms(record_id(company, "terms", code), code, name, due) for code, name, due in _TERMS
    )


def methods(company: str, table: str, rows: tuple[tuple[str, str], ...]) -> tuple[Method, ...]:
    return tuple(Method(record_id(company, table, code), code, name) for code, name in rows)


def groups(company: str, table: str, rows: tuple[tuple[str, str, str, str], ...]) -> tuple[PostingGroup, ...]:
    """Posting groups from (code, name, VAT default, account)."""
    return tuple(PostingGroup(record_id(company, table, row[0]), *row) for row in rows)


def vat_setup(standard: str, reduced: str) -> tuple[VatSetup, ...]:
    """Every pair of VAT groups but one: EXPORT with REDUCED has no cell, so a line with it is refused."""
    rates = {"STANDARD": Decimal(standard), "REDUCED": Decimal(reduced), "ZERO": Decimal(0)}
    cells = [VatSetup("DOMESTIC", group, f"VAT{rate}", rate) for group, rate in rates.items()]
    cells += [
        VatSetup("EU", group, f"VAT{rate}", rate, "Reverse Charge VAT") for group, rate in rates.items()
    ]
    cells += [VatSetup("EXPORT", group, "VAT0", Decimal(0)) for group in ("STANDARD", "ZERO")]
    return tuple(cells)


def sales_setup() -> tuple[SalesSetup, ...]:
    accounts_by_group = {"GOODS": ("6110", "6120", "6130"), "SERVICES": ("6210", "6220", "6230")}
    return tuple(
        SalesSetup(business, product, account)
        for product, row in accounts_by_group.items()
        for business, account in zip(("DOMESTIC", "EU", "EXPORT"), row, strict=True)
    )


def number_series(customers: int, items: int) -> tuple[NumberSeries, ...]:
    """Series for customers, items, draft and posted invoices and credit memos; drafts cannot be typed."""
    return (
        NumberSeries("CUST", "Customer", "C", 5, 10 * (customers + 1), 10),
        NumberSeries("ITEM", "Item", "", 4, 9000 + items),
        NumberSeries("S-INV", "Sales Invoice", "S-INV", 6, 102_001, manual=False),
        NumberSeries("S-INV+", "Posted Sales Invoice", "", 6, 103_001, manual=False),
        NumberSeries("S-CR", "Sales Credit Memo", "S-CR", 6, 1_001, manual=False),
        NumberSeries("S-CR+", "Posted Sales Credit Memo", "", 6, 104_001, manual=False),
    )


def dimensions(company: str) -> tuple[Dimension, ...]:
    rows = (
        ("DEPARTMENT", "Department", (("ADM", "Administration"), ("PROD", "Projects"), ("SALES", "Sales"), ("SUPP", "Support"))),
        ("REGION", "Region", (("NORTH", "North"), ("SOUTH", "South"))),
    )  # fmt: skip
    return tuple(
        Dimension(
            record_id(company, "dimension", code), code, name, methods(company, f"dimension-{code}", values)
        )
        for code, name, values in rows
    )
