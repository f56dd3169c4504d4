"""A copy made in Halo carries what its original was given: it is booked where its customer is, or its reason is true."""

from __future__ import annotations

from typing import Any

from tests.interplay.acts import push, synced, tell
from tests.sweep.house import ALL, House, whole


async def second_company(house: House) -> dict[str, Any]:
    """A connection to another company, which is not the default one."""
    first = (house.path, house.company, house.connection_id)
    facts = house.sandbox.facts
    app = next(app for app in facts["entra"]["apps"] if app["name"] == "Halo-BC (app mode)")
    form = {
        "name": "Other",
        "tenant_id": app["tenant_id"],
        "client_id": app["client_id"],
        "client_secret": app["client_secrets"][0]["value"],
        "auth_mode": "app",
    }
    made: dict[str, Any] = await house.ask("POST", "/api/connections", form, status=201)
    path = f"/api/connections/{made['id']}"
    await house.ask("POST", f"{path}/authorize", {})
    environment = facts["bc"]["environments"][0]
    company = next(one for one in environment["companies"] if one["id"] != first[1])
    place = {"environment_name": environment["name"], "company_id": company["id"]}
    await house.ask("PUT", f"{path}/company", place)
    await house.ask("PATCH", path, {"settings": ALL})
    made["company_id"], made["company_name"] = company["id"], company["name"]
    return made


async def linked_there(house: House, other: dict[str, Any]) -> str:
    """A customer of Halo that is linked in the other company."""
    rows = house._control("GET", f"/bc/{other['company_id']}/customers")
    row = next(
        row
        for row in (rows["value"] if isinstance(rows, dict) else rows)
        if str(row.get("blocked", "")).strip() in ("", "_x0020_") and not row.get("pricesIncludingVat")
    )
    halo_id = whole(house.agent("Client", {"name": "Over there", "toplevel_id": 1})["id"])
    path = f"/api/connections/{other['id']}/mappings/customers/{halo_id}"
    await house.ask("PUT", path, {"bc_id": row["id"]})
    return halo_id


async def product_there(house: House, other: dict[str, Any]) -> str:
    rows = house._control("GET", f"/bc/{other['company_id']}/items")
    row = next(
        row
        for row in (rows["value"] if isinstance(rows, dict) else rows)
        if (row["type"], row["blocked"], row["salesBlocked"]) == ("Service", False, False)
        and row["generalProductPostingGroupCode"]
    )
    halo_id = whole(house.agent("Item", {"name": "Sold there", "assetgroup_id": 1})["id"])
    path = f"/api/connections/{other['id']}/mappings/products/{halo_id}"
    await house.ask("PUT", path, {"bc_id": row["id"]})
    return halo_id


async def test_a_copy_for_a_customer_of_another_company_is_booked_there(house: House) -> None:
    other = await second_company(house)
    original = house.halo("Invoice", await synced(house))
    assert original["dbc_company_id"].lower() == house.company.lower()
    copy = house.invoice(
        await linked_there(house, other),
        await product_there(house, other),
        **{name: original[name] for name in ("dbc_id", "dbc_company_id", "thirdpartyinvoicenumber")},
    )
    await tell(house, copy)
    await push(house)
    (outcome,) = await house.outcomes("invoice", copy)
    assert (outcome.status, outcome.action, outcome.connection_id) == ("synced", "created", other["id"]), (
        outcome
    )
    held = house.halo("Invoice", copy)
    assert held["dbc_company_id"].lower() == other["company_id"].lower()
    assert held["dbc_id"] != original["dbc_id"]


async def test_an_invoice_that_names_another_company_than_its_customers_says_so(house: House) -> None:
    other = await second_company(house)
    customer = await linked_there(house, other)
    invoice = house.invoice(customer, await house.product(), dbc_company_id=house.company)
    await tell(house, invoice)
    await push(house)
    (outcome,) = await house.outcomes("invoice", invoice)
    assert (outcome.status, outcome.code) == ("skipped", "customer_not_linked"), outcome
    assert other["company_name"] in outcome.message
    assert "company" in outcome.cure
    assert [
        row for row in house.bc("salesInvoices") if row["externalDocumentNumber"] == f"HALO-{invoice}"
    ] == []
