"""A copy made in Halo carries what its original was given: it is booked where its customer is, or its reason is true."""

from __future__ import annotations

from typing import Any

from tests.interplay.acts import push, synced, tell
from tests.sweep.house import House, whole


def fit(kind: str, row: dict[str, Any]) -> bool:
    """Whether an invoice can name the record, at prices without tax."""
    if kind == "customers":
        return str(row.get("blocked", "")).strip() in ("", "_x0020_") and not row.get("pricesIncludingVat")
    usable = (row["type"], row["blocked"], row["salesBlocked"]) == ("Service", False, False)
    return usable and bool(row["generalProductPostingGroupCode"])


async def linked_there(house: House, other: dict[str, Any], kind: str) -> str:
    """A customer or product of Halo that is linked in the other company."""
    entity_set, resource, more = {
        "customers": ("customers", "Client", {"toplevel_id": 1}),
        "products": ("items", "Item", {"assetgroup_id": 1}),
    }[kind]
    rows = house._control("GET", f"/bc/{other['company_id']}/{entity_set}")
    row = next(row for row in (rows["value"] if isinstance(rows, dict) else rows) if fit(kind, row))
    halo_id = whole(house.agent(resource, {"name": "Over there", **more})["id"])
    path = f"/api/connections/{other['id']}/mappings/{kind}/{halo_id}"
    await house.ask("PUT", path, {"bc_id": row["id"]})
    return halo_id


async def test_a_copy_for_a_customer_of_another_company_is_booked_there(house: House) -> None:
    other = await house.second_company()
    original = house.halo("Invoice", await synced(house))
    assert original["dbc_company_id"].lower() == house.company.lower()
    copy = house.invoice(
        await linked_there(house, other, "customers"),
        await linked_there(house, other, "products"),
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
    other = await house.second_company()
    customer = await linked_there(house, other, "customers")
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
