"""Every kind of import, for the British company and then for the American one beside it, over real parts."""

from __future__ import annotations

from typing import Any

from bc.model import IMPORT_KINDS
from tests.imports.conftest import Admin

SETS = {
    "accounts": "accounts",
    "countries": "countriesRegions",
    "item_categories": "itemCategories",
    "customers": "customers",
    "products": "items",
}


async def import_all(admin: Admin) -> dict[str, Any]:
    return {kind: await admin.run(kind) for kind in IMPORT_KINDS}


async def test_both_companies_are_imported_beside_each_other_and_again_for_nothing(admin: Admin) -> None:
    for country in ("GB", "US"):
        await admin.connect(country, item_default_group="1")
        for kind, job in (await import_all(admin)).items():
            assert (job["status"], job["failed"]) == ("succeeded", 0), (country, kind, job)
            settled = job["created"] + job["updated"] + job["unchanged"] + job["skipped"]
            assert settled == job["done"] == job["total"]
        await check_products(admin)
        await check_customers(admin)
        await check_accounts(admin, country)
        admin.sandbox.control.delete("/counters")
        for kind, job in (await import_all(admin)).items():
            assert (job["created"], job["updated"], job["failed"]) == (0, 0, 0), (country, kind, job)
        assert not [
            kind for kind in admin.requests("halo") if kind.startswith("POST") and "token" not in kind
        ]


async def check_products(admin: Admin) -> None:
    numbers = {"Service": 0, "Inventory": 1, "Non-Inventory": 2}
    settings = (await admin.ask("GET", admin.path))["settings"]
    groups = {row["category_code"]: row["group_id"] for row in settings["item_group_mappings"]}
    rows = {row["id"]: row for row in admin.bc_rows("items")}
    items = {str(int(row["id"])): row for row in admin.all("Item")}
    before = {halo_id for halo_id in items if int(halo_id) <= 250}
    mappings = await all_mappings(admin, "products")
    assert mappings
    for mapping in mappings:
        row, item = rows[mapping["bc_id"]], items[mapping["halo_id"]]
        assert (item["accountsid"], item["dbc_company_id"]) == (row["number"], admin.company)
        assert item["type"] == numbers[row["type"].replace("_x002D_", "-")]
        assert not row["unitPrice"] or item["baseprice"] == row["unitPrice"]
        assert not row["unitCost"] or item["costprice"] == row["unitCost"]
        if mapping["halo_id"] not in before:
            assert item["name"] == row["displayName"]
            assert str(int(item["assetgroup_id"])) == groups.get(row["itemCategoryCode"], "1")


async def check_customers(admin: Admin) -> None:
    rows = {row["id"]: row for row in admin.bc_rows("customers")}
    clients = {str(int(row["id"])): row for row in admin.all("Client")}
    sites = {int(row["id"]): row for row in admin.all("Site")}
    mappings = await all_mappings(admin, "customers")
    assert mappings
    for mapping in mappings:
        row, client = rows[mapping["bc_id"]], clients[mapping["halo_id"]]
        site = sites[int(client["main_site_id"])]
        address = site["delivery_address"]
        assert (client["accountsid"], client["dbc_company_id"]) == (row["number"], admin.company)
        assert not row["email"] or row["email"] in client["accountsemailaddress"]
        assert not row["taxRegistrationNumber"] or client["tax_number"] == row["taxRegistrationNumber"]
        assert not row["country"] or site["country_code"] == row["country"]
        assert not row["phoneNumber"] or site["phonenumber"] == row["phoneNumber"]
        for name, line in (
            ("addressLine1", "line1"),
            ("addressLine2", "line2"),
            ("city", "line3"),
            ("state", "line4"),
            ("postalCode", "postcode"),
        ):
            assert not row[name] or address[line] == row[name]


async def check_accounts(admin: Admin, country: str) -> None:
    found = (await admin.ask("GET", f"{admin.path}/lookups/accounts", limit=500))["items"]
    wanted = {
        row["number"]: row["displayName"]
        for row in admin.bc_rows("accounts")
        if row["accountType"] == "Posting" and row["directPosting"] and not row["blocked"]
    }
    assert {row["code"]: row["name"] for row in found if row["in_bc"]} == wanted, country


async def all_mappings(admin: Admin, kind: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = await admin.ask("GET", f"{admin.path}/mappings/{kind}", limit=500, cursor=cursor)
        rows += page["items"]
        cursor = page["next"] or ""
        if not cursor:
            return rows
