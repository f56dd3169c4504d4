"""Getting in: the admin key, the address kept, a session that ends under an open page."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import Visitor

pytestmark = pytest.mark.browser


def test_a_wrong_key_is_said_and_the_right_one_leads_to_the_address(visitor: Visitor) -> None:
    page = visitor.open("/errors?state=dismissed")
    visitor.sign_in("not the key")
    expect(page.locator(".field-error")).to_contain_text("This is not the admin key")
    expect(page.get_by_label("Admin key")).to_be_focused()
    visitor.sign_in()
    expect(page.get_by_role("heading", name="Errors")).to_be_visible()
    expect(page.get_by_label("Show")).to_have_value("dismissed")
    page.reload()
    expect(page.get_by_role("heading", name="Errors")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_session_that_ends_is_mended_over_the_page_and_nothing_typed_is_lost(visitor: Visitor) -> None:
    page = visitor.admitted("/connections/new")
    page.get_by_label("Name", exact=True).fill("Contoso UK")
    page.get_by_label("Client secret").fill("a secret half typed")
    visitor.context.clear_cookies()
    page.get_by_role("button", name="Create connection").click()
    dialog = page.get_by_role("dialog", name="Your session has ended")
    expect(dialog).to_be_visible()
    assert visitor.violations() == []
    dialog.get_by_label("Admin key").fill(visitor.app.admin_key)
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Contoso UK")
    expect(page.get_by_label("Client secret")).to_have_value("a secret half typed")


def test_without_a_network_the_page_says_so_and_keeps_what_it_holds(visitor: Visitor) -> None:
    page = visitor.admitted("/connections/new")
    page.get_by_label("Name", exact=True).fill("Contoso UK")
    visitor.context.set_offline(True)
    page.get_by_role("button", name="Create connection").click()
    expect(page.get_by_text("The app does not answer since")).to_be_visible()
    visitor.context.set_offline(False)
    expect(page.get_by_text("The app does not answer since")).to_be_hidden()
    page.reload()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Contoso UK")
