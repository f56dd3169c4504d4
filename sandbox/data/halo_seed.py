"""Builds Halo from a seed: customers that partly match Business Central's, products, lookups and settings."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from sandbox.data import bc, names
from sandbox.data.halo import (
    Address,
    AssetGroup,
    BusinessCentralDetails,
    Client,
    Currency,
    HaloTenant,
    Item,
    LookupRow,
    Site,
    Tax,
    TopLevel,
)
from sandbox.data.halo_invoices import build_invoices, build_recurring
from sandbox.data.halo_names import messy_name, messy_vat_number

CHARGE_TYPES = 17
ACCOUNTS_CODES = 102
COUNTRY_CODES = 103
FIRST_BRANCH = 10_000_000  # far above the main sites, whose ids follow their clients'
ITEM_TYPES = {"Service": 0, "Inventory": 1, "Non-Inventory": 2}
_GROUPS = (
    ("Hardware", ("NOTEBOOK", "DESKTOP", "MONITOR", "SERVER", "PRINTER")), ("Networking", ("NETWORK", "CABLE")),
    ("Peripherals", ("ACCESSORY",)), ("Software", ("LICENCE",)), ("Cloud", ("CLOUD",)),
    ("Managed services", ("SUPPORT",)), ("Labour", ("LABOUR", "TRAINING")), ("Telecoms", ("TELECOM",)), ("Sundries", ()),
)  # fmt: skip
_LISTS = (
    (12, "Impact"), (17, "Charge Types"), (22, "Request Source"), (27, "Urgency"), (28, "Contract Type"),
    (30, "Address Type"), (33, "Customer Type"), (39, "Quote Status"), (58, "Billing Category"),
    (ACCOUNTS_CODES, "Accounts Codes"), (COUNTRY_CODES, "Country Codes"),
)  # fmt: skip


def build_halo(seed: int, scale: int, today: date, company: bc.Company) -> HaloTenant:
    """160 clients, 250 products and 40 invoices for each unit of scale, beside `company` of BC."""
    rng = random.Random(f"{seed}/halo")
    created = datetime.combine(today, time(9), UTC) - timedelta(days=600)
    clients, sites = _clients(rng, scale, company, created)
    items = _items(rng, scale, company, created)
    lookups = _lookups(company)
    return HaloTenant(
        tenant="tamarisk",
        client_id="halo-bc-sandbox",
        client_secret="halo~Secret.Value-1",
        readonly_client_id="halo-bc-readonly",
        readonly_client_secret="halo~Secret.Value-2",
        toplevels=(TopLevel(1, "Customers"), TopLevel(2, "Prospects")),
        clients=clients,
        sites=sites,
        asset_groups=tuple(AssetGroup(index + 1, name) for index, (name, _) in enumerate(_GROUPS)),
        items=items,
        invoices=build_invoices(rng, scale, today, clients, items, lookups),
        recurring_invoices=build_recurring(rng, scale, today, clients, items),
        currencies=(
            Currency(1, "Pound sterling", "£", "GBP", Decimal(1)),
            Currency(2, "Euro", "€", "EUR", Decimal("1.1663")),
            Currency(3, "US dollar", "$", "USD", Decimal("1.2689")),
        ),
        taxes=(
            Tax(1, "VAT 20%", "S20", Decimal(20)),
            Tax(2, "VAT 5%", "R5", Decimal(5)),
            Tax(3, "Zero", "Z0", Decimal(0)),
        ),
        lookups=lookups,
        details=(
            BusinessCentralDetails(
                1,
                "Tamarisk UK (built-in)",
                "",
                "Production",
                company.id,
                company.display_name,
                False,
                1000,
                1,
            ),
        ),
        control=(
            ("enablebusinesscentralsync", False),
            ("disablebusinesscentralautosync", False),
            ("enable_legacy_dbc_integration", False),
            ("dbc_default_company", ""),
            ("dbcdefaulttenantname", ""),
            ("useaccountscodeslookup", True),
            ("autogenerate_accountsid", False),
            ("autogenerate_itemaccountsid", False),
            ("force_accounts_id", False),
            ("only_send_posted_invoices", False),
            ("show_accounts_success_message", False),
            ("invoiceaddgroupheaders", True),
            ("usecurrencyconversion", True),
            ("defaultcurrencycode", 1),
            ("decimalplacesforinvoices", 2),
        ),
    )


def _clients(
    rng: random.Random, scale: int, company: bc.Company, created: datetime
) -> tuple[tuple[Client, ...], tuple[Site, ...]]:
    """In this order, for each unit of scale: 30 known by number (a third already assigned to the company by
    the built-in integration), 25 by tax number, 20 by e-mail, 15 by name, 6 ambiguous, 64 new."""
    pairs = _pairs(rng, scale, company)
    clients: list[Client] = []
    sites: list[Site] = []
    for index, (how, twin) in enumerate(pairs):
        client_id = 101 + index
        clients.append(_client(rng, company, client_id, how, twin, created))
        sites.append(_site(rng, client_id, twin))
        if rng.random() < 0.15:
            sites.append(_branch(rng, len(pairs) + len(sites), client_id))
    return tuple(clients), tuple(sites)


def _pairs(rng: random.Random, scale: int, company: bc.Company) -> list[tuple[str, bc.Customer | None]]:
    awkward, plain = list(company.customers[-5:]), list(company.customers[:-5])
    rng.shuffle(plain)

    def take(count: int, wanted: str = "") -> list[bc.Customer]:
        found = [customer for customer in plain if not wanted or getattr(customer, wanted)][: count * scale]
        gone = {customer.id for customer in found}
        plain[:] = [customer for customer in plain if customer.id not in gone]
        return found

    by_tax = take(25, "vat_number")
    doubled = take(3, "vat_number")
    by_email = take(20, "email")
    by_name = take(15)
    by_number = take(30)[: 30 * scale - len(awkward)] + awkward
    pairs: list[tuple[str, bc.Customer | None]] = []
    pairs += [("number", customer) for customer in by_number]
    pairs += [("tax_number", customer) for customer in by_tax]
    pairs += [("email", customer) for customer in by_email]
    pairs += [("name", customer) for customer in by_name]
    pairs += [("ambiguous", customer) for customer in doubled for _ in range(2)]
    pairs += [("", None)] * (160 * scale - len(pairs))
    return pairs


def _client(
    rng: random.Random,
    company: bc.Company,
    client_id: int,
    how: str,
    twin: bc.Customer | None,
    created: datetime,
) -> Client:
    name = messy_name(rng, twin.name) if twin else _new_name(rng, client_id)
    host = f"customer{client_id}.example.com"
    changed = created + timedelta(seconds=rng.randint(0, 500 * 86_400))
    legacy = how == "number" and client_id % 3 == 0
    accountsid = (
        twin.number
        if twin and how == "number"
        else f"H{client_id:04d}"
        if not twin and client_id % 3 == 0
        else ""
    )
    email = twin.email if twin and how == "email" else f"billing@{host}" if rng.random() < 0.8 else ""
    shows_tax_number = twin is not None and how in ("tax_number", "ambiguous")
    return Client(
        id=client_id,
        name=name,
        toplevel_id=1,
        main_site_id=client_id + 1000,
        accountsid=accountsid,
        accountsemailaddress=email,
        tax_number=messy_vat_number(rng, twin.vat_number) if twin and shows_tax_number else "",
        default_currency_code={"EUR": 2, "USD": 3}.get(twin.currency if twin else "", 1),
        paymentterms=rng.choice((30, 30, 14, 60)),
        website=f"https://{host}" if rng.random() < 0.4 else "",
        inactive=False,
        excludefrominvoicesync=not twin and client_id % 29 == 0,
        dbc_company_id=company.id if legacy else "",
        dbc_company_name=company.display_name if legacy else "",
        datecreated=created,
        alastupdate=changed,
        matches_by=how,
        bc_number=twin.number if twin else "",
    )


def _new_name(rng: random.Random, client_id: int) -> str:
    first, last = rng.choice(names.PEOPLE)
    trade = rng.choice(names.SECOND)
    return rng.choice((f"{last} {trade} {client_id}", f"{first} {last} t/a {last} {trade} {client_id}"))


def _site(rng: random.Random, client_id: int, twin: bc.Customer | None) -> Site:
    """The main site; its id is the client's plus 1000."""
    town, county, postcode = (twin.city, twin.county, twin.postcode) if twin else rng.choice(names.GB_PLACES)
    street = twin.address1 if twin else f"{rng.randint(1, 180)} {rng.choice(names.STREETS)}"
    address = Address(street, twin.address2 if twin else "", town, county, postcode)
    return Site(
        id=client_id + 1000,
        name="Main",
        client_id=client_id,
        phonenumber=twin.phone if twin else f"01632 960{rng.randint(0, 999):03d}",
        country_code="",
        delivery_address=address,
        invoice_address=address,
        invoice_address_isdelivery=True,
    )


def _branch(rng: random.Random, number: int, client_id: int) -> Site:
    town, county, postcode = rng.choice(names.GB_PLACES)
    address = Address(f"{rng.randint(1, 180)} {rng.choice(names.STREETS)}", "", town, county, postcode)
    return Site(FIRST_BRANCH + number, f"{town} office", client_id, "", "", address, address, True)


def _items(rng: random.Random, scale: int, company: bc.Company, created: datetime) -> tuple[Item, ...]:
    """For each unit of scale 100 with BC's number (the awkward ones among them), 60 of the same name
    without a number, 90 that BC does not know."""
    awkward, plain = list(company.items[-4:]), list(company.items[:-4])
    rng.shuffle(plain)
    numbered = plain[: 100 * scale - len(awkward)] + awkward
    named = plain[100 * scale : 160 * scale]
    made = [_item(rng, 1 + index, twin, True, company, created) for index, twin in enumerate(numbered)]
    made += [
        _item(rng, 1 + len(made) + index, twin, False, company, created) for index, twin in enumerate(named)
    ]
    for _ in range(250 * scale - len(made)):
        made.append(_item(rng, 1 + len(made), None, False, company, created))
    return tuple(made)


def _item(
    rng: random.Random,
    item_id: int,
    twin: bc.Item | None,
    numbered: bool,
    company: bc.Company,
    created: datetime,
) -> Item:
    pattern = names.PRODUCTS[item_id % len(names.PRODUCTS)]
    category = twin.category if twin else pattern[0]
    cost = twin.unit_cost if twin else Decimal(pattern[4])
    price = twin.unit_price if twin else (cost * (100 + pattern[5]) / 100).quantize(Decimal("0.01"))
    monthly = category in ("CLOUD", "SUPPORT", "TELECOM", "LICENCE")
    group = next((i + 1 for i, (_, held) in enumerate(_GROUPS) if category in held), len(_GROUPS))
    legacy = numbered and item_id % 10 == 0
    return Item(
        id=item_id,
        name=twin.name if twin else f"{pattern[2].format(n=item_id)} special",
        description="",
        type=ITEM_TYPES[twin.type if twin else pattern[1]],
        assetgroup_id=group,
        accountsid=twin.number if twin and numbered else "",
        costprice=cost,
        baseprice=price,
        recurringprice=price if monthly else Decimal(0),
        recurringcost=cost if monthly else Decimal(0),
        nominalcode="",
        purchasenominalcode="",
        taxcode=1,
        supplier_part_code=f"SP{item_id:05d}" if rng.random() < 0.5 else "",
        ignore_from_accounting_sync=not twin and item_id % 41 == 0,
        dbc_company_id=company.id if legacy else "",
        dbc_company_name=company.display_name if legacy else "",
        inactive=False,
        lastmodified=created + timedelta(seconds=rng.randint(0, 500 * 86_400)),
        bc_number=twin.number if twin else "",
    )


def _lookups(company: bc.Company) -> tuple[LookupRow, ...]:
    """List 11 names the lists. Charge types: good codes, an empty one, an unknown one and a blocked item's."""
    services = [item.number for item in company.items[:-4] if item.type == "Service"]
    blocked = next(item.number for item in company.items if item.blocked)
    codes = (
        ("Remote support", services[1]), ("On-site engineer", services[2]), ("Project consultant", services[3]),
        ("Workshop", services[4]), ("Out of hours", services[5]), ("Travel", ""), ("Emergency call-out", "NOPE-1"),
        ("Legacy labour", blocked),
    )  # fmt: skip
    rows = [LookupRow(11, number, name) for number, name in _LISTS]
    rows += [
        LookupRow(CHARGE_TYPES, index + 1, name, value5=code) for index, (name, code) in enumerate(codes)
    ]
    rows += [
        LookupRow(27, 1, "High"),
        LookupRow(27, 2, "Normal"),
        LookupRow(33, 1, "Managed"),
        LookupRow(33, 2, "Ad hoc"),
    ]
    return tuple(rows)
