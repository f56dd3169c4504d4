"""Connecting a company through Microsoft's sign-in, and what a refusal says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from local.stack import App
from tests.browser.visitor import Visitor

pytestmark = pytest.mark.browser
ADA = ("ada@tamarisk.example.com", "Ada-pass-1")


@pytest.fixture(autouse=True)
def cleared(app: App) -> Iterator[None]:
    """No connection of one test is there for the next."""
    yield
    for connection in app.api.get("/api/connections").json()["items"]:
        app.api.delete(
            f"/api/connections/{connection['id']}", params={"confirm": connection["name"]}
        ).raise_for_status()


def application(visitor: Visitor) -> dict[str, Any]:
    """The app registration for people who sign in."""
    apps: list[dict[str, Any]] = visitor.app.sandbox.facts["entra"]["apps"]
    return apps[0]


def test_a_company_is_connected_by_signing_in(visitor: Visitor) -> None:
    page = visitor.admitted("/setup")
    expect(page.get_by_text("2 of 11 steps done")).to_be_visible()
    expect(page.get_by_text(f"{visitor.app.host.url}/auth/callback")).to_be_visible()
    visitor.new_connection("Tamarisk UK", application(visitor))
    page.get_by_role("button", name="Authorize").click()
    visitor.at_entra(*ADA)
    expect(page.get_by_text("ada@tamarisk.example.com")).to_be_visible()
    expect(page.get_by_text("This choice is final")).to_be_visible()
    page.get_by_role("radio", name="Production GB").check()
    page.get_by_label("Tamarisk Technology Ltd").check()
    assert visitor.violations() == []
    page.get_by_role("button", name="Use Tamarisk Technology Ltd permanently").click()
    expect(page.locator(".lead")).to_contain_text("Nothing syncs yet")
    page.locator("#sync").get_by_label("Customers").check()
    expect(page.get_by_text("Customers sync from now on.")).to_be_visible()
    expect(page.locator(".lead")).to_contain_text("Ready")
    (connection,) = visitor.app.api.get("/api/connections").json()["items"]
    assert connection["status"] == "ready"
    assert connection["settings"]["sync_entities"] == ["customer"]


def test_a_refused_sign_in_says_what_to_do_and_the_new_secret_mends_it(visitor: Visitor) -> None:
    page = visitor.admitted()
    visitor.new_connection("Tamarisk UK", application(visitor), secret="not the secret")
    page.get_by_role("button", name="Authorize").click()
    visitor.at_entra(*ADA)
    alert = page.get_by_role("alert").filter(has_text="The last sign-in did not succeed")
    expect(alert).to_contain_text("Microsoft does not accept the client secret.")
    expect(alert).to_contain_text("paste the secret's value")
    assert visitor.violations() == []
    page.get_by_label("New client secret").fill(application(visitor)["client_secrets"][0]["value"])
    page.get_by_role("button", name="Use the new secret").click()
    expect(page.get_by_text("The new secret is in use.")).to_be_visible()
    page.get_by_role("button", name="Authorize").click()
    visitor.at_entra(*ADA)
    expect(page.get_by_text("This choice is final")).to_be_visible()


def test_wrong_entries_are_marked_and_a_removal_is_typed(visitor: Visitor) -> None:
    page = visitor.admitted("/connections/new")
    page.get_by_label("Directory (tenant) ID").fill("common")
    page.get_by_role("button", name="Create connection").click()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    expect(page.get_by_label("Directory (tenant) ID")).to_have_attribute("aria-invalid", "true")
    visitor.new_connection("Tamarisk UK", application(visitor))
    page.get_by_role("button", name="Remove …").click()
    remove = page.get_by_role("button", name="Remove the connection")
    expect(remove).to_have_attribute("aria-disabled", "true")
    page.get_by_label("Type the connection’s name").fill("Tamarisk UK")
    remove.click()
    expect(page.get_by_text("No connection yet")).to_be_visible()
    assert visitor.app.api.get("/api/connections").json()["items"] == []
