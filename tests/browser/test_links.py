"""Links by hand: what is linked, what only one system has, and the codes that both share."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.visitor import Visitor
from tests.e2e.acting import Acting, blocked, number

pytestmark = pytest.mark.browser


def sought(page: Page, text: str) -> None:
    """Search the list, and wait for what it finds: the rows of before go."""
    with page.expect_response(lambda answer: "search=" in answer.url):
        page.get_by_label("Search", exact=True).fill(text)


def pick(page: Page, search: str, name: str) -> None:
    """Search in the open picker and choose the record of that name."""
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Search by number or name").fill(search)
    dialog.get_by_role("button", name=name).click()


def test_an_unlinked_customer_is_linked_unlinked_and_linked_again(
    visitor: Visitor, connected: Acting
) -> None:
    row = next(row for row in connected.bc("customers") if not blocked(row))
    client = number(connected.agent("Client", {"name": "Stray & Sons", "toplevel_id": 1})["id"])
    path = f"/api/connections/{connected.connection['id']}/mappings/customers"
    page = visitor.admitted("/links?show=halo")
    sought(page, "stray")
    page.get_by_role("button", name="Link Stray & Sons to …").click()
    assert visitor.violations() == []
    pick(page, row["number"].lower(), row["displayName"])
    expect(page.get_by_text("Stray & Sons is linked.")).to_be_visible()
    expect(page.get_by_text("No unlinked customer fits “stray”")).to_be_visible()
    (link,) = connected.get(path)["items"]
    assert (link["halo_id"], link["bc_id"]) == (client, row["id"])
    page.get_by_role("button", name="Linked", exact=True).click()
    expect(page.get_by_role("link", name="Stray & Sons")).to_be_visible()
    page.get_by_role("button", name="Unlink Stray & Sons").click()
    expect(page.get_by_text("Both records stay as they are")).to_be_visible()
    assert visitor.violations() == []
    page.get_by_role("button", name="Unlink", exact=True).click()
    expect(page.get_by_text("is no longer linked")).to_be_visible()
    assert connected.get(path)["items"] == []
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Stray & Sons is linked again.")).to_be_visible()
    (link,) = connected.get(path)["items"]
    assert link["bc_id"] == row["id"]


def test_a_linked_record_is_found_by_a_word_and_within_words_when_asked(
    visitor: Visitor, connected: Acting
) -> None:
    row = [row for row in connected.bc("customers") if not blocked(row)][1]
    client = number(connected.agent("Client", {"name": "Seafood & Harbour", "toplevel_id": 1})["id"])
    path = f"/api/connections/{connected.connection['id']}/mappings/customers/{client}"
    connected.app.api.put(path, json={"bc_id": row["id"]}).raise_for_status()
    page = visitor.admitted("/links")
    sought(page, "harb")
    expect(page.get_by_role("link", name="Seafood & Harbour")).to_be_visible()
    sought(page, "arbour")
    expect(page.get_by_text("has a number or a word that starts with “arbour”")).to_be_visible()
    assert visitor.violations() == []
    page.get_by_role("button", name="Search within words too").click()
    expect(page.get_by_role("link", name="Seafood & Harbour")).to_be_visible()
    expect(page).to_have_url(re.compile("anywhere=1"))
    page.reload()
    expect(page.get_by_role("link", name="Seafood & Harbour")).to_be_visible()
    connected.app.api.delete(path).raise_for_status()


def test_a_second_link_to_the_same_record_is_made_only_on_purpose(
    visitor: Visitor, connected: Acting
) -> None:
    row = next(row for row in connected.bc("items") if row["type"] == "Service" and not row.get("blocked"))
    path = f"/api/connections/{connected.connection['id']}/mappings/products"
    first = number(connected.agent("Item", {"name": "First twin", "assetgroup_id": 1})["id"])
    connected.agent("Item", {"name": "Second twin", "assetgroup_id": 1})
    connected.app.api.put(f"{path}/{first}", json={"bc_id": row["id"]}).raise_for_status()
    page = visitor.admitted("/links?tab=products&show=halo&search=twin")
    page.get_by_role("button", name="Link Second twin to …").click()
    pick(page, row["number"], row["displayName"])
    expect(page.get_by_text("One of them is linked already")).to_be_visible()
    assert len(connected.get(path)["items"]) == 1
    assert visitor.violations() == []
    page.get_by_role("button", name="Link all the same").click()
    expect(page.get_by_text("Second twin is linked.")).to_be_visible()
    assert len(connected.get(path)["items"]) == 2


def test_a_charge_rate_gets_its_item_and_gives_it_back(visitor: Visitor, connected: Acting) -> None:
    item = next(row for row in connected.bc("items") if row["type"] == "Service" and not row.get("blocked"))
    rates = f"/api/connections/{connected.connection['id']}/charge-rates"

    def code() -> str:
        return str(next(rate["code"] for rate in connected.get(rates)["items"] if rate["name"] == "Travel"))

    page = visitor.admitted("/links?tab=charge-rates")
    expect(page.get_by_text("Business Central has no item with this code.")).to_be_visible()
    page.get_by_role("button", name="Without a usable item").click()
    expect(page).to_have_url(re.compile("show=trouble"))
    page.get_by_role("button", name="Choose the item of Travel").click()
    pick(page, item["number"], item["displayName"])
    expect(page.get_by_text(f"Travel is booked on {item['number']}")).to_be_visible()
    assert code() == item["number"]
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Travel is as it was.")).to_be_visible()
    assert code() == ""
    assert visitor.violations() == []


def test_codes_show_what_business_central_lacks_and_keep_what_is_used(
    visitor: Visitor, connected: Acting
) -> None:
    connected.import_all("accounts")
    lookups = f"/api/connections/{connected.connection['id']}/lookups/accounts"
    used = connected.get(lookups)["items"][0]
    connected.settings(default_sales_account=used["code"])
    page = visitor.admitted("/links?tab=accounts")
    sought(page, used["code"])
    page.get_by_role("button", name=f"Remove {used['name']}").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text("It stays")).to_be_visible()
    expect(page.get_by_text("Give them another code first.")).to_be_visible()
    assert visitor.violations() == []
    page.get_by_role("button", name="Keep it").click()
    page.get_by_role("button", name=f"Change {used['name']}").click()
    page.get_by_label("Name in Halo").fill("Land, renamed")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The change is saved in Halo.")).to_be_visible()
    expect(page.get_by_text("Land, renamed")).to_be_visible()
    assert connected.get(lookups)["items"][0]["name"] == "Land, renamed"


def test_a_category_is_mapped_to_a_group_and_unmapped(visitor: Visitor, connected: Acting) -> None:
    category = connected.bc("itemCategories")[0]
    group = connected.halo("AssetGroup")[0]
    page = visitor.admitted("/links?tab=item_categories")
    expect(page.get_by_text("No category is mapped yet")).to_be_visible()
    page.get_by_role("button", name="Map a group …").click()
    pick(page, group["name"], group["name"])
    pick(page, category["code"], category["displayName"])
    expect(page.get_by_role("button", name=f"Unmap {category['code']}")).to_be_visible()
    assert visitor.violations() == []
    page.get_by_role("button", name=f"Unmap {category['code']}").click()
    expect(page.get_by_text("No category is mapped yet")).to_be_visible()
