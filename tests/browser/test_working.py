"""The daily work: import with a preview, an error found, cured and retried, a record explained."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Route, expect

from tests.browser.visitor import Visitor
from tests.e2e.acting import Acting, Invoicing, number

pytestmark = pytest.mark.browser
SCRIPT = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\"> شركة"


def test_an_error_is_shown_with_its_cure_and_retried(
    visitor: Visitor, connected: Acting, invoicing: Invoicing
) -> None:
    connected.settings(sync_entities=["invoice"])
    line = invoicing.stray_line(text="Mystery")
    ids = [invoicing.invoice(line) for _ in range(2)]
    connected.sync("invoice", *ids)
    for halo_id in ids:
        assert connected.outcome("invoice", halo_id)["status"] == "failed"
    page = visitor.admitted()
    expect(page.get_by_text("2 records failed: a product on the invoice is not linked")).to_be_visible()
    page.get_by_role("link", name="Show: 2 records failed").click()
    expect(page.get_by_role("heading", name="A product on the invoice is not linked")).to_be_visible()
    expect(page.get_by_text("Link or import the product")).to_be_visible()
    page.get_by_role("button", name="Dismiss Invoice").first.click()
    expect(page.get_by_text("1 record ·")).to_be_visible()
    service = next(row["number"] for row in connected.bc("items") if row["type"] == "Service")
    connected.settings(default_invoice_item=service)
    page.get_by_role("button", name="Retry Invoice").click()
    expect(page.get_by_text("No open errors")).to_be_visible()
    page.get_by_label("Show").select_option("dismissed")
    page.get_by_role("button", name="Retry Invoice").click()
    expect(page.get_by_text("Nothing is dismissed")).to_be_visible()
    for halo_id in ids:
        assert connected.outcome("invoice", halo_id, after=1)["status"] == "synced"
    page.goto(f"/console/invoice/{ids[0]}")
    expect(page.locator(".notice").first).to_contain_text("Synced")


def test_the_list_says_what_is_new_and_does_not_move(visitor: Visitor, connected: Acting) -> None:
    connected.settings(sync_entities=["customer"])
    first, second = (
        number(connected.agent("Client", {"name": name, "toplevel_id": 1})["id"])
        for name in ("First", "Second")
    )
    connected.sync("customer", first)
    connected.outcome("customer", first)
    page = visitor.admitted("/activity?entity=customer")
    expect(page.locator(".outcome")).to_have_count(1)
    connected.sync("customer", second)
    connected.outcome("customer", second)
    expect(page.get_by_role("button", name="1 new outcome")).to_be_visible()
    expect(page.locator(".outcome")).to_have_count(1)
    page.get_by_role("button", name="1 new outcome").click()
    expect(page.locator(".outcome")).to_have_count(2)


def test_script_text_in_a_name_stays_text_and_explain_says_why(visitor: Visitor, connected: Acting) -> None:
    connected.settings(sync_entities=["customer"])
    client = number(connected.agent("Client", {"name": SCRIPT, "toplevel_id": 1})["id"])
    connected.sync("customer", client)
    connected.outcome("customer", client)
    page = visitor.admitted("/activity")
    expect(page.get_by_text(SCRIPT).first).to_be_visible()
    page.get_by_role("link", name="Customer <script>").first.click()
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_text("It would be skipped.")).to_be_visible()
    expect(page.get_by_text("Stops here")).to_be_visible()
    expect(page).to_have_title(f"Customer {client} · Halo to Business Central")
    assert page.locator("main script, main img").count() == 0
    assert visitor.violations() == []


def test_customers_are_imported_from_the_preview(visitor: Visitor, connected: Acting) -> None:
    connected.settings(sync_entities=[])
    mappings = f"/api/connections/{connected.connection['id']}/mappings/customers"
    before = len(connected.get(mappings)["items"])
    page = visitor.admitted("/import")
    expect(page.get_by_role("button", name="Nothing selected")).to_be_visible()
    page.get_by_role("button", name="Several matches").click()
    expect(page).to_have_url(re.compile("match=ambiguous"))
    choice = page.locator(".preview tbody select").first
    wanted = choice.locator("option").nth(1).inner_text()
    assert wanted.startswith("Link to ")
    choice.select_option(index=1)
    expect(page.locator(".import-words")).to_have_text("1 to link to records that Halo has.")
    page.get_by_role("button", name="New ").click()
    boxes = page.locator(".preview tbody").get_by_role("checkbox")
    boxes.nth(0).check()
    boxes.nth(2).click(modifiers=["Shift"])
    expect(page.locator(".import-words")).to_contain_text("3 to create in Halo, 1 to link")
    assert visitor.violations() == []
    page.get_by_role("button", name="Import 4 customers").click()
    expect(page.get_by_text("Finished", exact=True)).to_be_visible(timeout=30_000)
    expect(page.get_by_label("Counts")).to_contain_text("3 created in Halo")
    assert visitor.violations() == []
    assert len(connected.get(mappings)["items"]) == before + 4
    page.get_by_role("link", name="Back to the preview").click()
    expect(page.get_by_role("button", name=f"Linked {before + 4}")).to_be_visible()


def test_a_large_company_shows_how_far_its_reading_is(visitor: Visitor, connected: Acting) -> None:
    read_so_far = [""]

    def slowly(route: Route) -> None:
        if not read_so_far[0]:
            route.continue_()
            return
        cure = "It goes on meanwhile: ask again in a few seconds."
        document = {"code": "still_reading", "detail": f"{read_so_far[0]} {cure}", "cure": cure}
        route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(document))

    visitor.page.route("**/preview/customers?*", slowly)
    for path, shown in (("/import", ".preview tbody tr"), ("/links?show=bc", ".list .row")):
        read_so_far[0] = "Reading Halo's records for matching: 120 of 900."
        page = visitor.admitted(path)
        status = page.locator("main").get_by_role("status")
        expect(status.filter(has_text="matching: 120 of 900.")).to_be_visible()
        assert visitor.violations() == []
        read_so_far[0] = "Reading Halo's records for matching: 640 of 900."
        expect(status.filter(has_text="matching: 640 of 900.")).to_be_visible()
        expect(page.get_by_text("ask again in a few seconds")).to_have_count(0)
        expect(page.get_by_role("alert")).to_have_count(0)
        read_so_far[0] = ""
        expect(page.locator(shown).first).to_be_visible(timeout=60_000)
        expect(page.get_by_text("of 900")).to_have_count(0)


def test_of_many_connections_all_are_listed_and_those_in_need_have_a_card_first(
    visitor: Visitor, connected: Acting
) -> None:
    one = connected.connection
    items = [one, *({**one, "id": f"c{n}", "name": f"Company {n}", "is_default": False} for n in range(129))]
    items[120] = {**items[120], "status": "needs_authorization"}

    def many(route: Route) -> None:
        asked = int(parse_qs(urlsplit(route.request.url).query).get("limit", ["100"])[0])
        page = {"items": items[:asked], "next_cursor": None}
        route.fulfill(status=200, content_type="application/json", body=json.dumps(page))

    visitor.page.route(re.compile(r"/api/connections(\?|$)"), many)
    page = visitor.admitted()
    expect(page.locator(".cards > article")).to_have_count(24)
    expect(page.locator(".cards > article").first).to_contain_text("Company 119")
    page.get_by_role("link", name="All 130 connections").click()
    expect(page.locator("main ul.list > li")).to_have_count(130)
