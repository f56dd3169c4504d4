"""Accounts, countries and item categories, codes in Halo and charge rates, over `/api`, Azurite and the sandbox."""

from __future__ import annotations

from typing import Any

import pytest

from tests.imports.conftest import Admin

ACCOUNTS = "Accounts Codes"


def list_id(admin: Admin, name: str) -> int:
    names = admin.sandbox.control.get("/halo/raw/Lookup").json()
    return next(int(row["id"]) for row in names if row["lookupid"] == 11 and row["name"] == name)


def lookups(admin: Admin, name: str) -> list[dict[str, Any]]:
    wanted = list_id(admin, name)
    return [row for row in admin.sandbox.control.get("/halo/raw/Lookup").json() if row["lookupid"] == wanted]


def writes(admin: Admin) -> list[str]:
    return [kind for kind in admin.requests("halo") if kind.startswith("POST") and "token" not in kind]


async def test_accounts_that_allow_direct_posting_become_codes_and_a_second_run_writes_nothing(
    admin: Admin,
) -> None:
    await admin.connect()
    shown = await admin.ask("GET", f"{admin.path}/preview/accounts", limit=500)
    wanted = {
        row["number"]: row["displayName"]
        for row in admin.bc_rows("accounts")
        if row["accountType"] == "Posting" and row["directPosting"] and not row["blocked"]
    }
    assert 0 < len(wanted) < len(admin.bc_rows("accounts"))
    assert {row["number"] for row in shown["items"]} == set(wanted)
    assert shown["counts"]["new"] == len(wanted)
    admin.sandbox.control.delete("/counters")
    job = await admin.run("accounts")
    assert (job["status"], job["created"], job["failed"]) == ("succeeded", len(wanted), 0)
    assert admin.requests("bc") == {"GET accounts": 1}
    assert {row["value2"]: row["name"] for row in lookups(admin, ACCOUNTS)} == wanted

    admin.sandbox.control.delete("/counters")
    again = await admin.run("accounts")
    assert (again["unchanged"], again["created"], again["updated"]) == (len(wanted), 0, 0)
    assert writes(admin) == []


async def test_countries_become_codes_and_an_entry_of_the_same_name_gets_its_code(admin: Admin) -> None:
    await admin.connect()
    wanted = {row["code"]: row["displayName"] for row in admin.bc_rows("countriesRegions")}
    countries = list_id(admin, "Country Codes")
    admin.sandbox.control.post(
        "/halo/agent/Lookup", json={"lookupid": countries, "name": wanted["GB"].lower()}
    ).raise_for_status()
    job = await admin.run("countries")
    assert (job["created"], job["updated"], job["failed"]) == (len(wanted) - 1, 1, 0)
    assert {row["value2"]: row["name"] for row in lookups(admin, "Country Codes")} == wanted
    assert (await admin.run("countries"))["unchanged"] == len(wanted)


async def test_item_categories_become_product_groups_and_products_go_there(admin: Admin) -> None:
    await admin.connect()
    wanted = {row["code"]: row for row in admin.bc_rows("itemCategories")}
    groups = {
        row["name"].casefold(): row["id"] for row in admin.sandbox.control.get("/halo/raw/AssetGroup").json()
    }
    job = await admin.run("item_categories")
    assert (job["status"], job["created"] + job["updated"], job["failed"]) == ("succeeded", len(wanted), 0)
    settings = (await admin.ask("GET", admin.path))["settings"]
    mapped = {row["category_code"]: row["group_id"] for row in settings["item_group_mappings"]}
    assert set(mapped) == set(wanted)
    names = {
        str(int(row["id"])): row["name"] for row in admin.sandbox.control.get("/halo/raw/AssetGroup").json()
    }
    for code, row in wanted.items():
        if row["displayName"].casefold() in groups:
            assert mapped[code] == str(int(groups[row["displayName"].casefold()]))
        else:
            assert names[mapped[code]].casefold() in (row["displayName"].casefold(), code.casefold())
    shown = await admin.ask("GET", f"{admin.path}/mappings/item_categories")
    assert {(row["bc_number"], row["halo_id"], row["state"]) for row in shown["items"]} == {
        (code, group, "ok") for code, group in mapped.items()
    }
    admin.sandbox.control.delete("/counters")
    assert (await admin.run("item_categories"))["unchanged"] == len(wanted)
    assert writes(admin) == []
    products = await admin.run("products")
    rows = {row["id"]: row for row in admin.bc_rows("items")}
    assert products["failed"] == 0
    for mapping in (await admin.ask("GET", f"{admin.path}/mappings/products", limit=500))["items"]:
        category = rows[mapping["bc_id"]]["itemCategoryCode"]
        if int(mapping["halo_id"]) > 250 and category:
            assert str(int(admin.halo("Item", mapping["halo_id"])["assetgroup_id"])) == mapped[category]


async def test_a_category_is_mapped_and_unmapped_by_hand(admin: Admin) -> None:
    await admin.connect()
    one, two = admin.bc_rows("itemCategories")[:2]
    path = f"{admin.path}/mappings/item_categories"
    mapping = await admin.ask("PUT", f"{path}/1", {"bc_id": one["id"]})
    assert (mapping["halo_id"], mapping["bc_number"], mapping["state"]) == ("1", one["code"], "ok")
    refused = await admin.ask("PUT", f"{path}/2", {"bc_id": one["id"]}, status=409)
    assert refused["code"] == "bc_record_already_linked"
    await admin.ask("PUT", f"{path}/2", {"bc_id": one["id"], "confirm": True})
    await admin.ask("PUT", f"{path}/2", {"bc_id": two["id"]})
    assert len((await admin.ask("GET", path))["items"]) == 2
    assert len((await admin.ask("GET", path, search=one["code"].lower()))["items"]) == 1
    await admin.ask("DELETE", f"{path}/2", status=204, code=one["code"])
    (left,) = (await admin.ask("GET", path))["items"]
    assert left["bc_number"] == two["code"]
    await admin.ask("DELETE", f"{path}/2", status=204)
    await admin.ask("DELETE", f"{path}/2", status=404)
    await admin.ask("PUT", f"{path}/999", {"bc_id": one["id"]}, status=404)
    await admin.ask("PUT", f"{path}/1", {"bc_id": "99999999-0000-0000-0000-000000000000"}, status=404)


async def test_a_halo_without_the_account_code_module_is_said_in_words(admin: Admin) -> None:
    await admin.connect()
    changed = admin.sandbox.control.post("/halo/agent/Control", json={"useaccountscodeslookup": False})
    changed.raise_for_status()
    job = await admin.run("accounts")
    assert job["status"] == "failed"
    assert "module is off" in job["detail"]
    refused = await admin.ask("GET", f"{admin.path}/lookups/accounts", status=409)
    assert refused["code"] == "accounts_module_off"


async def test_several_lists_of_the_name_are_left_to_a_person(admin: Admin) -> None:
    await admin.connect()
    admin.sandbox.control.post("/halo/agent/Lookup", json={"lookupid": 11, "name": "Old account codes"})
    job = await admin.run("accounts")
    assert job["status"] == "failed"
    assert "accounts_lookup_id" in job["detail"]
    wanted = str(list_id(admin, ACCOUNTS))
    await admin.ask("PATCH", admin.path, {"settings": {"halo_conventions": {"accounts_lookup_id": wanted}}})
    assert (await admin.run("accounts"))["status"] == "succeeded"


async def test_codes_are_listed_changed_and_removed_unless_used(admin: Admin) -> None:
    await admin.connect()
    await admin.run("accounts")
    path = f"{admin.path}/lookups/accounts"
    found = (await admin.ask("GET", path, limit=500))["items"]
    assert all(row["in_bc"] and row["bc_name"] and row["used_by"] == [] for row in found)
    used, free = found[0], found[1]
    await admin.ask("PATCH", admin.path, {"settings": {"default_sales_account": used["code"]}})
    (shown,) = (await admin.ask("GET", path, search=used["code"]))["items"]
    assert [user["kind"] for user in shown["used_by"]] == ["setting"]
    refused = await admin.ask("DELETE", f"{path}/{used['id']}", status=409)
    assert (refused["code"], "default sales account" in refused["detail"]) == ("lookup_in_use", True)
    item = admin.sandbox.control.patch("/halo/agent/Item/7", json={"nominalcode": free["code"]}).json()
    refused = await admin.ask("DELETE", f"{path}/{free['id']}", status=409)
    assert item["name"] in refused["detail"]
    admin.sandbox.control.patch("/halo/agent/Item/7", json={"nominalcode": ""})
    await admin.ask("DELETE", f"{path}/{free['id']}", status=204)
    await admin.ask("DELETE", f"{path}/{free['id']}", status=404)

    changed = await admin.ask("PUT", f"{path}/{found[2]['id']}", {"name": "Renamed", "code": "x-1"})
    assert (changed["name"], changed["code"], changed["in_bc"]) == ("Renamed", "X-1", False)
    taken = await admin.ask("PUT", f"{path}/{found[2]['id']}", {"code": used["code"]}, status=409)
    assert taken["code"] == "code_taken"
    problem = await admin.ask("PUT", f"{path}/{found[2]['id']}", {"code": "x" * 21}, status=422)
    assert problem["errors"][0]["field"] == "code"
    await admin.ask("PUT", f"{path}/{found[2]['id']}", {}, status=422)
    await admin.ask("GET", f"{admin.path}/lookups/urgency", status=404)


async def test_a_country_in_use_is_not_removed_and_its_customers_are_named(admin: Admin) -> None:
    await admin.connect()
    await admin.run("countries")
    await admin.run("customers")
    countries = (await admin.ask("GET", f"{admin.path}/lookups/countries", limit=500))["items"]
    british = next(row for row in countries if row["code"] == "GB")
    assert {user["kind"] for user in british["used_by"]} == {"customer"}
    await admin.ask("DELETE", f"{admin.path}/lookups/countries/{british['id']}", status=409)


async def test_a_country_that_a_site_holds_by_its_id_is_in_use(admin: Admin) -> None:
    await admin.connect()
    await admin.run("countries")
    path = f"{admin.path}/lookups/countries"
    one, two = (await admin.ask("GET", path))["items"][:2]
    site = admin.sandbox.control.get("/halo/raw/Site").json()[0]
    changed = admin.sandbox.control.patch(
        f"/halo/agent/Site/{int(site['id'])}", json={"country_code": one["id"]}
    )
    changed.raise_for_status()
    refused = await admin.ask("DELETE", f"{path}/{one['id']}", status=409)
    assert (refused["code"], site["name"] in refused["detail"]) == ("lookup_in_use", True)
    await admin.ask("DELETE", f"{path}/{two['id']}", status=204)


async def test_charge_rates_show_whether_bc_has_their_code_and_take_a_new_one(admin: Admin) -> None:
    await admin.connect()
    path = f"{admin.path}/charge-rates"
    admin.sandbox.control.delete("/counters")
    shown = await admin.ask("GET", path)
    assert admin.requests("bc") == {"GET items": 1}
    assert (shown["column"], shown["columns"]) == ("value5", [])
    by_name = {row["name"]: row for row in shown["items"]}
    assert by_name["Travel"]["status"] == "empty"
    assert by_name["Emergency call-out"]["status"] == "unknown_in_bc"
    assert by_name["Legacy labour"]["status"] == "blocked"
    names = {row["number"]: row["displayName"] for row in admin.bc_rows("items")}
    assert by_name["Workshop"]["bc_name"] == names[by_name["Workshop"]["code"]]
    assert by_name["Workshop"]["status"] == "ok"
    travel = f"{path}/{by_name['Travel']['id']}"
    problem = await admin.ask("PUT", travel, {"code": "NOPE-2"}, status=422)
    assert problem["errors"][0]["field"] == "code"
    code = by_name["Workshop"]["code"]
    rate = await admin.ask("PUT", travel, {"code": f" {code.lower()} "})
    assert (rate["code"], rate["status"]) == (code, "ok")
    assert next(r for r in (await admin.ask("GET", path))["items"] if r["name"] == "Travel")["code"] == code
    assert (await admin.ask("PUT", travel, {"code": ""}))["status"] == "empty"
    await admin.ask("PUT", f"{path}/999", {"code": code}, status=404)


async def test_a_charge_column_that_only_bc_can_tell_is_found_and_kept(admin: Admin) -> None:
    await admin.connect()
    admin.sandbox.control.post("/halo/agent/Lookup", json={"lookupid": 17, "id": 1, "value3": "a remark"})
    shown = await admin.ask("GET", f"{admin.path}/charge-rates")
    assert shown["column"] == "value5"
    code = next(row["code"] for row in shown["items"] if row["status"] == "ok")
    await admin.ask("PUT", f"{admin.path}/charge-rates/6", {"code": code})
    settings = (await admin.ask("GET", admin.path))["settings"]
    assert settings["halo_conventions"]["charge_rate_code_field"] == "value5"


@pytest.mark.parametrize("way", [True, "error"])
async def test_a_tenant_that_keeps_part_of_an_array_gets_no_record_twice(admin: Admin, way: Any) -> None:
    await admin.connect()
    admin.sandbox.control.put("/switches", json={"halo.array_partial": way}).raise_for_status()
    admin.sandbox.control.post(
        "/faults",
        json={
            "service": "halo",
            "method": "POST",
            "path": "/Client",
            "action": {"kind": "status", "status": 400, "when": "after", "body": '{"message": "No."}'},
        },
    ).raise_for_status()
    job = await admin.run("customers")
    assert (job["status"], job["failed"]) == ("succeeded", 0)
    numbers = [
        row["accountsid"]
        for row in admin.sandbox.control.get("/halo/raw/Client").json()
        if row["accountsid"] and row["dbc_company_id"] == admin.company
    ]
    assert len(numbers) == len(set(numbers)) == job["created"] + job["updated"]
