"""Each kind of import, field by field, for the British company and then the American one, into an empty and a half-filled Halo.

Over real parts: the app's handlers, Azurite, and the sandbox's BC, Halo and Entra.
"""

from __future__ import annotations

from typing import Any

import pytest

from bc.model import IMPORT_KINDS
from tests.imports.conftest import Admin
from tests.imports.halo_side import (
    LISTS,
    Row,
    customer_after,
    empty_halo,
    entries,
    everything,
    mappings,
    product_after,
    site_after,
)

RESOURCES = ("Client", "Site", "Item", "AssetGroup")


@pytest.mark.parametrize("halo", ["empty", "half-filled"])
async def test_every_kind_arrives_field_by_field_and_a_second_run_writes_nothing(
    admin: Admin, halo: str
) -> None:
    if halo == "empty":
        empty_halo(admin)
    for country in ("GB", "US"):
        await admin.connect(country)
        company = company_of(admin, country)
        before = {resource: everything(admin, resource) for resource in RESOURCES}
        jobs = {kind: await admin.run(kind) for kind in ("accounts", "countries", "item_categories")}
        check_accounts(admin, company)
        check_countries(admin)
        settings = await check_categories(admin, before["AssetGroup"])
        codes = bookable(admin)
        settings |= {
            "item_default_group": settings["item_group_mappings"][0]["group_id"],
            "default_sales_account": min(codes),
            "default_purchase_account": max(codes),
        }
        wanted = ("item_default_group", "default_sales_account", "default_purchase_account")
        await admin.ask("PATCH", admin.path, {"settings": {name: settings[name] for name in wanted}})
        jobs |= {kind: await admin.run(kind) for kind in ("customers", "products")}
        for kind, job in jobs.items():
            assert (job["status"], job["failed"]) == ("succeeded", 0), (country, kind, job)
            settled = job["created"] + job["updated"] + job["unchanged"] + job["skipped"]
            assert settled == job["done"] == job["total"], (country, kind, job)
        await check_customers(admin, company, before)
        await check_products(admin, company, settings, before)
        if halo == "empty" and country == "GB":
            assert jobs["customers"]["created"] + jobs["customers"]["skipped"] == jobs["customers"]["total"]
            assert len(admin.all("Client")) == jobs["customers"]["created"]
            assert len(admin.all("Item")) == jobs["products"]["created"]

        after = {resource: admin.all(resource) for resource in (*RESOURCES, "Lookup", "ExternalLink")}
        admin.sandbox.control.delete("/counters")
        for kind in IMPORT_KINDS:
            job = await admin.run(kind)
            assert (job["created"], job["updated"], job["failed"]) == (0, 0, 0), (country, kind, job)
        written = [one for one in admin.requests("halo") if not one.startswith("GET") and "token" not in one]
        assert written == []
        assert {resource: admin.all(resource) for resource in after} == after


def company_of(admin: Admin, country: str) -> Row:
    environments = admin.sandbox.facts["bc"]["environments"]
    found = next(one for one in environments if one["country"] == country)["companies"][0]
    return {"id": found["id"], "display_name": found["display_name"]}


def bookable(admin: Admin) -> dict[str, str]:
    return {
        row["number"]: row["displayName"]
        for row in admin.bc_rows("accounts")
        if row["accountType"] == "Posting" and row["directPosting"] and not row["blocked"]
    }


def check_accounts(admin: Admin, company: Row) -> None:
    own = [row for row in entries(admin, LISTS[0]) if row["dynamics_company_name"] == company["display_name"]]
    assert {row["value2"]: row["name"] for row in own} == bookable(admin)
    assert len({row["value2"] for row in own}) == len(own)


def check_countries(admin: Admin) -> None:
    held = {row["value2"]: row["name"] for row in entries(admin, LISTS[1])}
    wanted = {row["code"]: row["displayName"] for row in admin.bc_rows("countriesRegions")}
    assert held | wanted == held
    assert len(held) == len(entries(admin, LISTS[1]))


async def check_categories(admin: Admin, before: dict[str, Row]) -> Row:
    """Every category has its group: one of its name, which was there or was made, and never two of a name."""
    settings: Row = (await admin.ask("GET", admin.path))["settings"]
    groups = everything(admin, "AssetGroup")
    mapped = {row["category_code"]: row["group_id"] for row in settings["item_group_mappings"]}
    wanted = {row["code"]: row["displayName"] for row in admin.bc_rows("itemCategories")}
    assert set(mapped) == set(wanted)
    for code, name in wanted.items():
        assert groups[mapped[code]]["name"].casefold() in (name.casefold(), code.casefold())
    names = [group["name"].casefold() for group in groups.values()]
    assert len(set(names)) == len(names)
    assert {halo_id: groups[halo_id] for halo_id in before} == before
    return settings


async def check_customers(admin: Admin, company: Row, before: dict[str, dict[str, Row]]) -> None:
    rows = {row["id"]: row for row in admin.bc_rows("customers")}
    clients, sites = everything(admin, "Client"), everything(admin, "Site")
    links = await mappings(admin, "customers")
    assert len(links) > len(rows) * 0.9
    for link in links:
        row, client = rows[link["bc_id"]], clients[link["halo_id"]]
        was = before["Client"].get(link["halo_id"])
        assert_became(client, was, customer_after(row, company, was))
        site_id = str(int(client["main_site_id"]))
        site_was = before["Site"].get(site_id)
        assert_became(sites[site_id], site_was, site_after(row, site_was))
        assert (link["bc_number"], link["bc_name"]) == (row["number"], row["displayName"])
        assert (link["halo_name"], link["source"], link["state"]) == (client["name"].strip(), "import", "ok")
    linked = {link["halo_id"] for link in links}
    unlinked = {halo_id: row for halo_id, row in before["Client"].items() if halo_id not in linked}
    assert {halo_id: clients[halo_id] for halo_id in unlinked} == unlinked
    assert len(linked) == len(links) == len({link["bc_id"] for link in links})


async def check_products(
    admin: Admin, company: Row, settings: Row, before: dict[str, dict[str, Row]]
) -> None:
    rows = {row["id"]: row for row in admin.bc_rows("items")}
    items = everything(admin, "Item")
    links = await mappings(admin, "products")
    assert len(links) > len(rows) * 0.9
    for link in links:
        row, was = rows[link["bc_id"]], before["Item"].get(link["halo_id"])
        assert_became(items[link["halo_id"]], was, product_after(row, company, settings, was))
        assert (link["bc_number"], link["bc_name"]) == (row["number"], row["displayName"])
    linked = {link["halo_id"] for link in links}
    unlinked = {halo_id: row for halo_id, row in before["Item"].items() if halo_id not in linked}
    assert {halo_id: items[halo_id] for halo_id in unlinked} == unlinked
    assert len(linked) == len(links) == len({link["bc_id"] for link in links})


def assert_became(found: Row, before: Row | None, wanted: dict[str, Any]) -> None:
    """The wanted fields have their values, and every other field of a record that was there kept its own."""
    shown = dict(found)
    if "delivery_address" in wanted:
        address = shown["delivery_address"]
        shown["delivery_address"] = {line: address[line] for line in wanted["delivery_address"]}
    assert {name: shown[name] for name in wanted} == wanted
    if before is not None:
        others = [name for name in before if name not in wanted]
        assert {name: found.get(name) for name in others} == {name: before[name] for name in others}
