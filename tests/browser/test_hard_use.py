"""What interrupted and hurried people do: Back, reload, two windows, double clicks, a lost network, odd addresses."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.visitor import NARROW, Visitor
from tests.e2e.acting import Acting, Invoicing, number

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def skipped(connected: Acting) -> list[str]:
    """Customers that were skipped, enough for a list longer than a window."""
    connected.settings(sync_entities=["customer"])
    ids = [
        number(connected.agent("Client", {"name": f"Without an accounts id {each}", "toplevel_id": 1})["id"])
        for each in range(9)
    ]
    connected.sync("customer", *ids)
    for halo_id in ids:
        connected.outcome("customer", halo_id)
    return ids


def test_back_undoes_a_filter_and_leads_to_where_the_list_stood(visitor: Visitor, skipped: list[str]) -> None:
    visitor.resize(NARROW)
    page = visitor.admitted("/activity")
    page.get_by_label("Result").select_option("skipped")
    expect(page).to_have_url(re.compile("status=skipped"))
    page.get_by_role("combobox", name="Kind", exact=True).select_option("customer")
    page.go_back()
    expect(page.get_by_role("combobox", name="Kind", exact=True)).to_have_value("")
    expect(page.get_by_label("Result")).to_have_value("skipped")
    last = page.locator(".outcome a").last
    last.scroll_into_view_if_needed()
    stood = page.evaluate("scrollY")
    assert stood > 0
    last.click()
    expect(page.get_by_role("heading", level=1, name="Customer Without")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", level=1, name="Activity")).to_be_visible()
    page.wait_for_function("(top) => Math.abs(scrollY - top) < 2", arg=stood)
    page.go_back()
    expect(page.get_by_label("Result")).to_have_value("")


def test_a_double_click_is_one_press_even_when_the_first_is_done_at_once(
    visitor: Visitor, connected: Acting
) -> None:
    page = visitor.admitted()
    button = page.get_by_role("button", name="Pause: ")
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box is not None
    at = box["x"] + 5, box["y"] + 5
    page.mouse.click(*at)
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.method))
    page.mouse.click(*at, click_count=2)  # the second half of a double click, late
    page.get_by_role("link", name="Set-up").click()
    expect(page.get_by_role("heading", name="Set-up")).to_be_visible()
    assert "PATCH" not in asked
    assert connected.get(f"/api/connections/{connected.connection['id']}")["paused"] is True
    page = visitor.open()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Pause: ")).to_be_visible()


def test_ticks_of_an_import_survive_a_reload_and_a_look_elsewhere(
    visitor: Visitor, connected: Acting
) -> None:
    page = visitor.admitted("/import?match=new")
    boxes = page.locator(".preview tbody").get_by_role("checkbox")
    boxes.nth(0).check()
    boxes.nth(2).check()
    expect(page.locator(".import-words")).to_have_text("2 to create in Halo.")
    page.get_by_role("link", name="Links", exact=True).click()
    expect(page.get_by_role("heading", name="Links")).to_be_visible()
    page.go_back()
    expect(page.locator(".import-words")).to_have_text("2 to create in Halo.")
    expect(boxes.nth(2)).to_be_checked()
    page.reload()
    expect(page.locator(".import-words")).to_have_text("2 to create in Halo.")
    page.get_by_role("button", name="Import 2 customers").click()
    expect(page).to_have_url(re.compile("job="))
    page.reload()
    expect(page.locator(".job").get_by_text("Finished", exact=True)).to_be_visible(timeout=60_000)
    page.get_by_role("link", name="Back to the preview").click()
    expect(page.get_by_role("button", name="Nothing selected")).to_be_visible()


def test_two_windows_with_the_same_edit_lose_nothing(visitor: Visitor, connected: Acting) -> None:
    connected.settings(sync_entities=["customer"], group_increment=1000)
    path = f"/connections/{connected.connection['id']}"
    page = visitor.admitted(path)
    expect(page.get_by_role("checkbox", name="Customers")).to_be_checked()
    held = hold_still(page)
    connected.settings(sync_entities=["customer", "product"])
    page.get_by_role("checkbox", name="Invoices invoice").check()
    expect(page.get_by_text("Invoices sync from now on.")).to_be_visible()
    entities = connected.get(f"/api{path}")["settings"]["sync_entities"]
    assert sorted(entities) == ["customer", "invoice", "product"]
    held.clear()
    page.get_by_label("Step when the type of line changes").fill("500")
    connected.settings(group_increment=2000)
    expect(page.get_by_text("Somebody has set it to “2000” meanwhile.")).to_be_visible()
    assert visitor.violations() == []
    page.get_by_role("button", name="Undo changes").click()
    expect(page.get_by_label("Step when the type of line changes")).to_have_value("2000")
    connected.settings(sync_entities=[])


def hold_still(page: Page) -> list[bool]:
    """Until the list is cleared, the page's regular looks find nothing new."""
    held = [True]

    def answer(route: Route) -> None:
        if held and route.request.method == "GET" and "if-none-match" in route.request.headers:
            route.fulfill(status=304)
        else:
            route.continue_()

    page.route("**/api/connections/*", answer)
    return held


def test_settings_typed_but_not_saved_survive_a_reload_and_an_ended_session(
    visitor: Visitor, connected: Acting
) -> None:
    page = visitor.admitted(f"/connections/{connected.connection['id']}")
    field = page.get_by_label("Default sales account")
    field.fill("6110")
    page.reload()
    expect(field).to_have_value("6110")
    expect(page.get_by_text("1 not saved yet")).to_be_visible()
    visitor.context.clear_cookies()
    page.get_by_role("button", name="Save settings").click()
    dialog = page.get_by_role("dialog", name="Your session has ended")
    dialog.get_by_label("Admin key").fill(visitor.app.admin_key)
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog).to_be_hidden()
    expect(field).to_have_value("6110")
    page.get_by_role("button", name="Undo changes").click()
    page.reload()
    expect(field).to_have_value("")


def test_a_lost_network_is_said_where_the_person_looks(visitor: Visitor, connected: Acting) -> None:
    page = visitor.admitted(f"/connections/{connected.connection['id']}")
    remove = page.get_by_role("button", name="Remove …")
    remove.scroll_into_view_if_needed()
    visitor.context.set_offline(True)
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_text("The app does not answer since")).to_be_in_viewport()
    visitor.context.set_offline(False)
    expect(page.get_by_text("The app does not answer since")).to_be_hidden()
    assert connected.get(f"/api/connections/{connected.connection['id']}")["paused"] is False


def test_a_very_long_search_is_cut_so_that_its_address_still_works(
    visitor: Visitor, connected: Acting
) -> None:
    page = visitor.admitted("/links")
    expect(page.locator(".filters input")).to_be_visible()
    page.evaluate(
        """() => {
            const field = document.querySelector('.filters input');
            field.value = 'x'.repeat(10000);
            field.dispatchEvent(new Event('input', { bubbles: true }));
        }"""
    )
    expect(page.get_by_text("No linked customer has a number")).to_be_visible()
    assert len(page.url) < 500
    page.reload()
    expect(page.get_by_text("No linked customer has a number")).to_be_visible()
    assert visitor.overflow() <= 0


def test_a_page_whose_address_names_no_connection_asks_for_its_data_once(
    visitor: Visitor, connected: Acting
) -> None:
    asked: list[str] = []
    visitor.page.on("request", lambda request: asked.append(request.url.partition("?")[0]))
    for path, call in (("/links", "/mappings/customers"), ("/doctor", "/doctor")):
        visitor.admitted(path)
        visitor.settle()
        assert len([url for url in asked if "/api/" in url and url.endswith(call)]) == 1


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/activity?entity=constructor&status=lost", "All kinds"),
        ("/activity?connection=nowhere", "nowhere (unknown)"),
        ("/errors?state=lost&code=none", "No open errors"),
        ("/links?tab=toString&show=lost", "Only in Halo"),
        ("/links/nowhere", "There is no such connection"),
        ("/import/nowhere", "There is no such connection"),
        ("/import?match=lost", "Select all"),
        ("/import?job=nowhere", "Nothing is known of this one"),
        ("/resync?state=lost&entity=__proto__", "Whatever became of them"),
        ("/invoice/INV-1082", "“INV-1082” is not an id of Halo’s"),
        ("/setup?step=lost&connection=nowhere", "Settings of the app"),
        ("/nothing/of/the/kind", "There is no such page"),
    ],
)
def test_an_odd_address_leads_to_a_usable_page(
    visitor: Visitor, connected: Acting, path: str, shown: str
) -> None:
    page = visitor.admitted(path)
    expect(page.locator("main")).to_contain_text(shown, timeout=60_000)
    expect(page.locator("main")).not_to_contain_text("Expected")
    assert visitor.violations() == []


def test_on_a_bad_day_the_keyboard_alone_finds_what_failed_why_and_what_to_press(
    visitor: Visitor, connected: Acting, invoicing: Invoicing
) -> None:
    connected.settings(sync_entities=["invoice"])
    halo_id = invoicing.invoice(invoicing.stray_line())
    connected.sync("invoice", halo_id)
    assert connected.outcome("invoice", halo_id)["status"] == "failed"
    page = visitor.admitted()
    need = page.locator(".need").first
    expect(need).to_contain_text(f"({halo_id}) failed: a product on the invoice is not linked")
    expect(need).to_contain_text("Link or import the product")
    expect(need).to_be_in_viewport()
    keys = ["Tab", "Enter"]  # skip to the content
    for key in keys:
        page.keyboard.press(key)
    keys += press_until(visitor, "Tab", "Show: ")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Errors")).to_be_focused()
    service = next(row["number"] for row in connected.bc("items") if row["type"] == "Service")
    connected.settings(default_invoice_item=service)
    keys += press_until(visitor, "Tab", "Retry Invoice")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No open errors")).to_be_visible()
    assert connected.outcome("invoice", halo_id, after=1)["status"] == "synced"
    assert len(keys) + 2 <= 14, keys
    connected.settings(sync_entities=[], default_invoice_item=None)


def press_until(visitor: Visitor, key: str, name: str) -> list[str]:
    """Press a key until what is called so has the focus; the keys pressed."""
    pressed: list[str] = []
    while len(pressed) < 40:
        visitor.page.keyboard.press(key)
        pressed.append(key)
        called = visitor.page.evaluate(
            "document.activeElement.getAttribute('aria-label') || document.activeElement.innerText"
        )
        if called.startswith(name):
            return pressed
    raise AssertionError(f"{key} does not lead to {name}")
