"""Sending again what a filter names, with the number said first."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import Visitor
from tests.e2e.acting import Acting, Invoicing, wait_for

pytestmark = pytest.mark.browser


def test_records_are_counted_before_they_are_sent_again(
    visitor: Visitor, connected: Acting, invoicing: Invoicing
) -> None:
    connected.settings(sync_entities=["invoice"])
    halo_id = invoicing.invoice()
    connected.sync("invoice", halo_id)
    connected.outcome("invoice", halo_id)
    page = visitor.admitted("/activity")
    page.get_by_role("link", name="Send again …").click()
    page.get_by_role("button", name="Of one customer …").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Search by number or name").fill("(Halo)")
    dialog.get_by_role("button", name=f"Halo id {invoicing.customer}").click()
    page.get_by_role("button", name="Count them first").click()
    expect(page.get_by_text("1 invoice would be queued")).to_be_visible(timeout=30_000)
    assert len(connected.outcomes("invoice", halo_id)) == 1
    assert visitor.violations() == []
    page.get_by_role("button", name="Send 1 invoice again").click()
    expect(page.get_by_role("heading", name="Records queued")).to_be_visible(timeout=30_000)
    assert wait_for(lambda: len(connected.outcomes("invoice", halo_id)) > 1 or None, 60, "a second outcome")
    assert connected.outcomes("invoice", halo_id)[0]["status"] == "unchanged"
