"""Single records: their story in both systems, found by number or name, and errors taken as a whole."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import Visitor
from tests.e2e.acting import Acting, Invoicing

pytestmark = pytest.mark.browser
FORMULA = '=HYPERLINK("http://evil.example","click")'


def test_a_record_shows_both_systems_with_the_tax_of_each_line(
    visitor: Visitor, connected: Acting, invoicing: Invoicing
) -> None:
    connected.settings(sync_entities=["invoice"])
    halo_id = invoicing.invoice(
        invoicing.line("Service", 2, 100, "Consulting"), invoicing.line("Inventory", 1, 49.99, "Thing")
    )
    connected.sync("invoice", halo_id)
    outcome = connected.outcome("invoice", halo_id)
    page = visitor.admitted(f"/invoice/{halo_id}")
    table = page.get_by_role("table", name="Tax, line by line")
    expect(table.get_by_role("row").filter(has_text="Consulting")).to_contain_text("200.00")
    expect(page.get_by_text("Each line has the tax that Business Central worked out.")).to_be_visible()
    expect(page.get_by_text(outcome["bc_number"]).first).to_be_visible()
    expect(page.get_by_role("link", name="Open in Business Central").first).to_be_visible()
    assert visitor.violations() == []
    page.get_by_text("What was sent, and what came back").click()
    expect(page.get_by_label("Sent").first).to_contain_text("Consulting")
    expect(page.get_by_label("Came back").last).to_contain_text("totalTaxAmount")
    assert visitor.violations() == []
    line = connected.halo("Invoice", halo_id)["lines"][0]
    connected.edit("Invoice", halo_id, {"lines": [{"id": line["id"], "tax_amount": 1}]})
    page.reload()
    expect(page.get_by_text("“Sync now” writes Business Central’s tax back.")).to_be_visible()
    assert visitor.violations() == []


def test_a_record_is_found_by_its_number_or_name_and_explained(
    visitor: Visitor, connected: Acting, invoicing: Invoicing
) -> None:
    connected.settings(sync_entities=["invoice"])
    halo_id = invoicing.invoice()
    connected.sync("invoice", halo_id)
    bc_number = connected.outcome("invoice", halo_id)["bc_number"]
    page = visitor.admitted()
    expect(page.get_by_role("heading", name="Home")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type(bc_number)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name=re.compile(rf"Invoice .*\({halo_id}\)"))).to_be_visible()
    page.get_by_role("button", name="Products").click()
    expect(page).to_have_url(re.compile("kind=products"))
    page.get_by_label("Name, number or Halo id", exact=True).fill(" (Halo)")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("link", name=re.compile("^Product .*\\(Halo\\)"))).to_have_count(2)
    assert visitor.violations() == []
    page.go_back()
    page.get_by_role("button", name="Invoices").click()
    page.get_by_role("link", name="Explain invoice").click()
    expect(page.get_by_text("Nothing would be sent.")).to_be_visible()
    assert visitor.violations() == []


def test_a_credit_note_is_called_one(visitor: Visitor, connected: Acting, invoicing: Invoicing) -> None:
    connected.settings(sync_entities=["invoice"])
    halo_id = invoicing.invoice(invoicing.line("Service", 1, 10), invoicetype=2)
    connected.sync("invoice", halo_id)
    connected.outcome("invoice", halo_id)
    page = visitor.admitted(f"/invoice/{halo_id}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Credit note")
    visitor.open("/activity")
    expect(page.get_by_role("link", name=re.compile(rf"^Credit note .*\({halo_id}\)"))).to_be_visible()
    visitor.open(f"/find?kind=invoices&search={halo_id}")
    expect(page.get_by_role("link", name=re.compile(rf"^Credit note .*\({halo_id}\)"))).to_be_visible()


def test_an_unknown_id_leads_to_the_search(visitor: Visitor, connected: Acting) -> None:
    connected.settings(sync_entities=["invoice"])
    page = visitor.admitted("/invoice/99999999")
    expect(page.get_by_text("Halo has no invoice with the id 99999999")).to_be_visible()
    page.get_by_role("link", name="Search for 99999999").click()
    expect(page.get_by_text("No invoice in Halo fits “99999999”")).to_be_visible()
    assert visitor.violations() == []


def test_errors_are_taken_as_a_file_dismissed_and_retried_as_a_whole(
    visitor: Visitor, connected: Acting, invoicing: Invoicing, tmp_path: Path
) -> None:
    connected.settings(sync_entities=["invoice"])
    line = invoicing.stray_line(FORMULA, text=FORMULA)
    unlinked = [invoicing.invoice(line, invoicenumber=f"=1+{each}") for each in range(2)]
    connected.sync("invoice", *unlinked)
    for halo_id in unlinked:
        connected.outcome("invoice", halo_id)
    page = visitor.admitted("/errors")
    expect(page.get_by_text("2 records ·")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as CSV").click()
    file = tmp_path / "errors.csv"
    download.value.save_as(file)
    rows = list(csv.reader(file.read_text(encoding="utf-8-sig").splitlines()))
    assert sorted(row[3] for row in rows[1:]) == sorted(unlinked)
    assert not any(cell.lstrip().startswith(("=", "+", "@")) for row in rows for cell in row)
    page.get_by_role("button", name="Dismiss all 2").click()
    expect(page.get_by_text("No open errors")).to_be_visible()
    assert len(connected.get("/api/errors", state="dismissed")["items"]) == 2
    assert visitor.violations() == []


def test_two_tabs_show_the_same_and_do_not_fall_over_each_other(
    visitor: Visitor, connected: Acting, invoicing: Invoicing
) -> None:
    connected.settings(sync_entities=["invoice"])
    halo_id = invoicing.invoice(invoicing.stray_line())
    connected.sync("invoice", halo_id)
    connected.outcome("invoice", halo_id)
    first = visitor.admitted("/errors")
    second = visitor.context.new_page()
    second.goto("/console/errors")
    for page in (first, second):
        expect(page.get_by_role("button", name="Dismiss Invoice")).to_be_visible()
    first.get_by_role("button", name="Dismiss Invoice").click()
    expect(first.get_by_text("No open errors")).to_be_visible()
    second.bring_to_front()
    expect(second.get_by_text("No open errors")).to_be_visible()
    second.get_by_role("button", name="Sign out").click()
    expect(second.get_by_role("heading", name="Sign in")).to_be_visible()
    first.bring_to_front()
    first.get_by_label("Show").select_option("dismissed")
    expect(first.get_by_role("dialog", name="Your session has ended")).to_be_visible()
