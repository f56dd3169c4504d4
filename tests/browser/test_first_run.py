"""The first run: from nothing to a synced invoice, by what the pages offer alone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.test_connecting import ADA, application
from tests.browser.visitor import Visitor
from tests.e2e.acting import Acting, blocked, number

pytestmark = pytest.mark.browser


# Presses of the pointer from Welcome to the invoice, Microsoft's pages included; sign-in and typing not counted.
PRESSES = 25


def test_from_nothing_to_a_synced_invoice(visitor: Visitor, acting: Acting) -> None:
    presses: list[str] = []
    visitor.context.expose_function("pressed", lambda words: presses.append(words))
    visitor.context.add_init_script(
        "addEventListener('pointerdown', (e) => pressed(e.target.innerText || e.target.id), true)"
    )
    page = visitor.admitted()
    page.get_by_role("link", name="Start the set-up").click()
    page.get_by_role("link", name="Enter its ids").click()
    facts = application(visitor)
    page.get_by_label("Name", exact=True).fill("Tamarisk UK")
    page.get_by_label("Directory (tenant) ID").fill(facts["tenant_id"])
    page.get_by_label("Application (client) ID").fill(facts["client_id"])
    page.get_by_label("Client secret").fill(facts["client_secrets"][0]["value"])
    page.get_by_role("button", name="Create connection").click()
    page.get_by_role("button", name="Authorize").click()
    visitor.at_entra(*ADA)
    page.get_by_role("radio", name="Production GB").check()
    page.get_by_label("Tamarisk Technology Ltd").check()
    page.get_by_role("button", name="Use Tamarisk Technology Ltd permanently").click()
    expect(page.locator(".lead")).to_contain_text("Nothing syncs yet")
    page.get_by_role("link", name="Set-up").click()
    # The checklist leads: the first connection is the default one already.
    expect(page.get_by_text("Everything is off until you switch it on.")).to_be_visible()
    page.get_by_label("Invoices").check()
    expect(page.get_by_text("Invoices sync from now on.")).to_be_visible()
    (connection,) = acting.get("/api/connections")["items"]
    acting.connection = connection
    customer = next(row for row in acting.bc("customers") if fine(row))
    item = next(row for row in acting.bc("items") if row["type"] == "Service" and not row.get("blocked"))
    for kind, row, words in (("customers", customer, "customer"), ("products", item, "product")):
        page.get_by_role("link", name="Set-up").click()
        page.get_by_role("button", name="Import from Business Central").click()
        if not page.get_by_role("link", name="Preview").first.is_visible():
            page.get_by_role("button", name="Import from Business Central").click()
        page.locator(".check-body .row").filter(
            has_text=f"Business Central’s {'customers' if kind == 'customers' else 'items'}"
        ).get_by_role("link").click()
        page.get_by_label("Search", exact=True).fill(row["number"])
        page.get_by_role("checkbox", name=f"Select {row['number']} ").check()
        page.get_by_role("button", name=f"Import 1 {words}").click()
        expect(page.locator(".job").get_by_text("Finished", exact=True)).to_be_visible(timeout=60_000)
    path = f"/api/connections/{connection['id']}/mappings"
    linked = {kind: acting.get(f"{path}/{kind}")["items"][0]["halo_id"] for kind in ("customers", "products")}
    line = {
        "_itemid": int(linked["products"]),
        "qty_order": 2,
        "unit_price": 50,
        "item_shortdescription": "Work",
    }
    made = acting.agent(
        "Invoice", {"client_id": int(linked["customers"]), "invoice_date": today(acting), "lines": [line]}
    )
    halo_id = number(made["id"])
    page.get_by_label("Halo id, number or name").fill(halo_id)
    page.get_by_role("button", name="Find", exact=True).click()
    page.get_by_role("button", name="Sync now").click()
    expect(page.locator(".notice").first).to_contain_text("Synced")
    expect(page.get_by_text("Each line has the tax that Business Central worked out.")).to_be_visible()
    assert len(presses) <= PRESSES, presses
    page.get_by_role("link", name="Set-up").click()
    expect(page.get_by_text(f"({halo_id}) stands in Business Central")).to_be_visible()


def fine(row: dict[str, object]) -> bool:
    return (
        not blocked(row)
        and row.get("genBusPostingGroup", "DOMESTIC") == "DOMESTIC"
        and not row.get("pricesIncludingVat")
    )


def today(acting: Acting) -> str:
    """Invoices from the day on which they were switched on are sent."""
    settings = acting.get(f"/api/connections/{acting.connection['id']}")["settings"]
    return f"{settings['sync_invoices_from']}T00:00:00"
