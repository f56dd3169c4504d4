"""Imports over `/api` handlers, Azurite and the sandbox's Business Central, Halo and Entra over sockets."""

from __future__ import annotations

import json
from collections import Counter

import msgspec

from bc.imports import directory
from bc.model import ImportPageMessage
from tests.imports.conftest import Admin


async def test_customers_are_previewed_imported_and_imported_again_for_nothing(admin: Admin) -> None:
    await admin.connect()
    shown = await admin.ask("GET", f"{admin.path}/preview/customers", limit=500)
    by = Counter((row["match"], row.get("matched_by")) for row in shown["items"])
    assert by["matched", "number"] == 30
    assert by["matched", "tax_number"] == 25
    assert by["matched", "email"] == 20
    assert by["matched", "name"] == 15
    assert shown["counts"]["ambiguous"] == 3
    proposals = {row["bc_id"]: row for row in shown["items"]}
    admin.sandbox.control.delete("/counters")
    job = await admin.run("customers")
    assert (job["status"], job["total"], job["done"], job["failed"]) == ("succeeded", 150, 150, 0)
    assert (job["created"], job["updated"], job["skipped"]) == (57, 90, 3)
    assert admin.requests("bc") == {"GET customers": 1}
    assert sum(admin.requests("halo").values()) < 60
    failures = (await admin.ask("GET", f"/api/jobs/{job['id']}/failures"))["items"]
    assert {failure["code"] for failure in failures} == {"ambiguous_match"}

    mappings = (await admin.ask("GET", f"{admin.path}/mappings/customers", limit=500))["items"]
    assert len(mappings) == 147
    rows = {row["id"]: row for row in admin.bc_rows("customers")}
    for mapping in mappings:
        row, client = rows[mapping["bc_id"]], admin.halo("Client", mapping["halo_id"])
        site = admin.halo("Site", int(client["main_site_id"]))
        assert proposals[mapping["bc_id"]].get("halo_id") in (None, mapping["halo_id"])
        assert client["accountsid"] == row["number"] == mapping["bc_number"]
        assert client["dbc_company_id"] == admin.company
        assert not row["email"] or row["email"] in client["accountsemailaddress"]
        assert not row["taxRegistrationNumber"] or client["tax_number"] == row["taxRegistrationNumber"]
        assert not row["addressLine1"] or site["delivery_address"]["line1"] == row["addressLine1"]
        assert not row["city"] or site["delivery_address"]["line3"] == row["city"]
        assert not row["country"] or site["country_code"] == row["country"]
        assert not row["phoneNumber"] or site["phonenumber"] == row["phoneNumber"]

    admin.sandbox.control.delete("/counters")
    again = await admin.run("customers")
    assert (again["unchanged"], again["created"], again["updated"]) == (147, 0, 0)
    assert not [kind for kind in admin.requests("halo") if kind.startswith("POST") and "token" not in kind]


async def test_matched_customers_are_compared_by_the_answers_to_what_is_written_anyway(admin: Admin) -> None:
    """A thin list row has neither e-mail nor tax number nor address; an array's answer has all three, 50 at a time."""
    await admin.connect()
    shown = await admin.ask("GET", f"{admin.path}/preview/customers", limit=500)
    by_number = [row for row in shown["items"] if row.get("matched_by") == "number"]
    rows = {row["id"]: row for row in admin.bc_rows("customers")}
    held = next(row for row in by_number if rows[row["bc_id"]]["email"])
    kept = f"{rows[held['bc_id']]['email']}; second@example.com"
    client_path = f"/halo/agent/Client/{held['halo_id']}"
    admin.sandbox.control.patch(client_path, json={"accountsemailaddress": kept}).raise_for_status()
    # Nothing is certain to be written to what names its company already, unless BC has a tax number for it.
    settled = [
        row
        for row in by_number
        if admin.halo("Client", row["halo_id"])["dbc_company_id"]
        and not rows[row["bc_id"]]["taxRegistrationNumber"]
    ]
    assert len(settled) < 5
    directory._details.clear()
    admin.sandbox.control.delete("/counters")
    chosen = [{"bc_id": row["bc_id"], "action": "link", "halo_id": row["halo_id"]} for row in by_number]
    job = await admin.run("customers", records=chosen)
    assert (job["updated"], job["failed"]) == (30, 0)
    assert admin.requests("halo").get("GET Client/{id}", 0) == len(settled)
    assert admin.requests("halo")["POST Client"] <= 2
    for proposal in by_number:
        row, client = rows[proposal["bc_id"]], admin.halo("Client", proposal["halo_id"])
        site = admin.halo("Site", int(client["main_site_id"]))
        assert (client["accountsid"], client["dbc_company_id"]) == (row["number"], admin.company)
        assert not row["taxRegistrationNumber"] or client["tax_number"] == row["taxRegistrationNumber"]
        assert not row["email"] or client["accountsemailaddress"] in (row["email"], kept)
        assert not row["addressLine1"] or site["delivery_address"]["line1"] == row["addressLine1"]
    assert admin.halo("Client", held["halo_id"])["accountsemailaddress"] == kept
    again = await admin.run("customers", records=[{**one, "action": "update"} for one in chosen])
    assert (again["unchanged"], again["failed"]) == (30, 0)


async def test_products_are_imported_with_group_type_accounts_and_prices(admin: Admin) -> None:
    await admin.connect(
        item_default_group="1",
        default_sales_account="6110",
        item_group_mappings=[{"category_code": "cloud", "group_id": "2"}],
    )
    admin.sandbox.control.delete("/counters")
    job = await admin.run("products")
    assert (job["status"], job["created"], job["updated"], job["failed"]) == ("succeeded", 140, 160, 0)
    assert admin.requests("bc") == {"GET items": 1}
    assert sum(admin.requests("halo").values()) < 30
    numbers = {"Service": 0, "Inventory": 1, "Non-Inventory": 2}
    mappings = (await admin.ask("GET", f"{admin.path}/mappings/products", limit=500))["items"]
    rows = {row["id"]: row for row in admin.bc_rows("items")}
    for mapping in mappings:
        row, item = rows[mapping["bc_id"]], admin.halo("Item", mapping["halo_id"])
        assert (item["accountsid"], item["dbc_company_id"]) == (row["number"], admin.company)
        assert item["type"] == numbers[row["type"].replace("_x002D_", "-")]
        assert not row["unitPrice"] or item["baseprice"] == row["unitPrice"]
        if int(mapping["halo_id"]) > 250:
            assert item["nominalcode"] == "6110"
            assert item["assetgroup_id"] == (2 if row["itemCategoryCode"] == "CLOUD" else 1)
    assert (await admin.run("products"))["unchanged"] == 300


async def test_a_link_is_made_and_undone_by_hand(admin: Admin) -> None:
    await admin.connect()
    row = next(row for row in admin.bc_rows("customers") if row["email"] and row["taxRegistrationNumber"])
    client = admin.sandbox.control.post("/halo/agent/Client", json={"name": "Hand made"}).json()
    client_id = str(int(client["id"]))
    path = f"{admin.path}/mappings/customers/{client_id}"
    mapping = await admin.ask("PUT", path, {"bc_id": row["id"]})
    assert (mapping["source"], mapping["bc_number"], mapping["state"]) == ("manual", row["number"], "ok")
    assert admin.halo("Client", client_id)["tax_number"] == row["taxRegistrationNumber"]
    other = f"{admin.path}/mappings/customers/101"
    assert (await admin.ask("PUT", other, {"bc_id": row["id"]}, status=409))[
        "code"
    ] == "bc_record_already_linked"
    await admin.ask("PUT", f"{admin.path}/mappings/customers/999999", {"bc_id": row["id"]}, status=404)
    await admin.ask("PUT", path, {"bc_id": "99999999-0000-0000-0000-000000000000"}, status=404)
    await admin.ask("DELETE", path, status=204)
    await admin.ask("DELETE", path, status=404)


async def test_bad_requests_name_their_field(admin: Admin) -> None:
    await admin.connect()
    path = f"{admin.path}/imports/customers"
    guid = "99999999-0000-0000-0000-000000000000"
    for body, field in (
        ({}, "records"),
        ({"all": True, "records": []}, "all"),
        ({"records": [{"bc_id": "x", "action": "create"}]}, "records[0].bc_id"),
        (
            {"records": [{"bc_id": guid, "action": "link"}, {"bc_id": guid, "action": "skip"}]},
            "records[1].bc_id",
        ),
        ({"records": [{"bc_id": guid, "action": "eat"}]}, "records[0].action"),
        ({"all": True, "changed_since": "2026-11-23T08:00:00"}, "changed_since"),
        ({"everything": True}, "everything"),
    ):
        problem = await admin.ask("POST", path, body, status=422)
        assert problem["errors"][0]["field"] == field, problem
    await admin.ask("POST", f"{admin.path}/imports/nonsense", {"all": True}, status=404)
    await admin.ask("GET", f"{admin.path}/preview/customers", cursor="%%", status=422)
    await admin.ask("GET", "/api/jobs/nobody", status=404)
    await admin.ask("GET", f"{admin.path}/preview/customers", limit=501, status=422)


async def test_two_imports_of_one_kind_are_refused_with_a_pointer_and_cancel_frees_it(admin: Admin) -> None:
    await admin.connect()
    path = f"{admin.path}/imports/customers"
    first = await admin.ask("POST", path, {"all": True}, status=202)
    refused = await admin.ask("POST", path, {"all": True}, status=409)
    assert (refused["code"], refused["job_id"]) == ("import_running", first["job_id"])
    cancelled = await admin.ask("POST", f"/api/jobs/{first['job_id']}/cancel", {}, status=202)
    assert cancelled["status"] == "cancelled"
    await admin.ask("POST", path, {"all": True}, status=202)
    assert len((await admin.ask("GET", "/api/jobs"))["items"]) == 2


async def test_a_change_in_bc_since_a_time_is_brought_alone(admin: Admin) -> None:
    await admin.connect()
    await admin.run("customers")
    mapping = (await admin.ask("GET", f"{admin.path}/mappings/customers"))["items"][0]
    changed = {"phoneNumber": "020 7946 0000"}
    edited = admin.sandbox.control.patch(f"/bc/{admin.company}/customers/{mapping['bc_id']}", json=changed)
    since = edited.json()["lastModifiedDateTime"]
    job = await admin.run("customers", all=True, changed_since=since)
    assert (job["done"], job["updated"]) == (1, 1)
    client = admin.halo("Client", mapping["halo_id"])
    assert admin.halo("Site", int(client["main_site_id"]))["phonenumber"] == "020 7946 0000"


async def test_a_next_link_to_another_host_ends_the_job_and_gets_no_token(admin: Admin) -> None:
    await admin.connect()
    body = {"value": [], "@odata.nextLink": "https://evil.example/companies"}
    action = {
        "kind": "raw",
        "status": 200,
        "body": json.dumps(body),
        "content_type": "application/json",
        "when": "before",
    }
    fault = {"service": "bc", "method": "GET", "path": "/customers", "action": action}
    admin.sandbox.control.post("/faults", json=fault).raise_for_status()
    job = await admin.run("customers")
    assert job["status"] == "failed"
    assert job["detail"]


async def test_messages_are_put_on_the_queue_that_the_host_reads(admin: Admin) -> None:
    await admin.connect()
    await admin.ask("POST", f"{admin.path}/imports/customers", {"all": True}, status=202)
    assert await admin.services.store.queues.depth("import-pages") == 1
    assert msgspec.json.decode(b'{"job_id": "x"}', type=ImportPageMessage).page == 0
