"""Halo's side: zero tax and back, the look for changes, the take-over, regular imports, settings that are picked."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import Visitor
from tests.e2e.acting import Acting, number, wait_for

pytestmark = pytest.mark.browser


def test_looking_for_changes_finds_what_no_webhook_told(visitor: Visitor, connected: Acting) -> None:
    connected.settings(sync_entities=["customer"])
    page = visitor.admitted("/halo")
    page.get_by_role("button", name="Look now").click()
    expect(page.get_by_role("heading", name="Looked for changes in Halo")).to_be_visible(timeout=60_000)
    assert visitor.violations() == []


def test_links_of_the_built_in_integration_are_taken_over(visitor: Visitor, connected: Acting) -> None:
    connected.settings(sync_entities=[])
    path = f"/api/connections/{connected.connection['id']}/mappings/customers"
    assert connected.get(path)["items"] == []
    page = visitor.admitted(f"/connections/{connected.connection['id']}")
    page.get_by_role("button", name="Look what there is").click()
    take = page.get_by_role("button", name="Take over ")
    expect(take).to_be_visible(timeout=30_000)
    assert visitor.violations() == []
    take.click()
    expect(page.get_by_role("heading", name="Links taken over")).to_be_visible(timeout=60_000)
    assert connected.get(path)["items"]


def test_settings_are_picked_and_imports_are_scheduled(visitor: Visitor, connected: Acting) -> None:
    connected.settings(sync_entities=[])
    item = next(row for row in connected.bc("items") if row["type"] == "Service" and not row.get("blocked"))
    page = visitor.admitted(f"/connections/{connected.connection['id']}")
    page.get_by_role("button", name="Choose: Default product").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Search by number or name").fill(item["number"])
    expect(dialog.get_by_role("button", name=item["number"])).to_be_visible()
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Default product (optional)")).to_have_value(item["number"])
    page.get_by_label("Accounts ids for new customers").fill("C{seq:05}")
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("The settings are saved.")).to_be_visible()
    page.locator("#schedule").get_by_label("Products").select_option("60")
    page.get_by_role("button", name="Save the schedule").click()
    expect(page.get_by_text("The schedule is saved.")).to_be_visible()

    def saved() -> bool | None:
        settings = connected.get(f"/api/connections/{connected.connection['id']}")["settings"]
        return (
            settings["default_invoice_item"] == item["number"]
            and settings["accounts_id_pattern"] == {"customer": "C{seq:05}", "product": None}
            and settings["delta_imports"]["products"] == 60
        ) or None

    assert wait_for(saved, 5, "the settings")
    assert visitor.violations() == []


# Last, since it takes many of Halo's calls.
def test_taxes_are_shown_set_to_zero_and_put_back(visitor: Visitor, acting: Acting) -> None:
    client = min((number(row["id"]) for row in acting.halo("Client")), key=int)
    acting.edit("Client", client, {"sales_tax_code": 2})

    def tax() -> str:
        return number(acting.halo("Client", client)["sales_tax_code"])

    assert tax() == "2"
    page = visitor.admitted("/halo")
    page.get_by_role("button", name="Show what would change").click()
    expect(page.get_by_role("heading", name="What would change")).to_be_visible(timeout=30_000)
    assert tax() == "2"
    assert visitor.violations() == []
    page.get_by_role("button", name="Set the tax of all").click()
    # Halo takes few calls, so all of the sandbox's records would take minutes.
    expect(page.get_by_role("heading", name="Setting the taxes to zero …")).to_be_visible()
    wait_for(lambda: tax() != "2" or None, 60, "the first customers' tax to be zero")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled", exact=True)).to_be_visible(timeout=60_000)
    assert visitor.violations() == []
    page.get_by_role("link", name="Back").click()
    page.get_by_role("button", name="Put the old taxes back …").click()
    assert visitor.violations() == []
    page.get_by_role("button", name=re.compile("^Put back [0-9,]+$")).click()
    expect(page.get_by_role("heading", name="Old taxes put back")).to_be_visible(timeout=60_000)
    assert tax() == "2"
