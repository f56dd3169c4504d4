"""The page to play with, as it works for a person in Chromium."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright, expect

from tests.sandbox.playing import INVOICE, Play


@dataclass
class Visitor:
    """A person at the page. `strangers` are requests that left this machine, `complaints` script errors."""

    play: Play
    page: Page
    strangers: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    async def open(self, hash_: str = "") -> None:
        await self.page.goto(f"{self.play.world.urls['control']}/play{hash_}")
        await expect(self.page.locator("h1")).to_be_visible()


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("chromium-browser"),
            args=["--no-sandbox"],
        )
        yield found
        await found.close()


@pytest.fixture
async def visitor(browser: Browser, play: Play) -> AsyncIterator[Visitor]:
    context = await browser.new_context(viewport={"width": 1400, "height": 900}, locale="en-GB")
    page = await context.new_page()
    visitor = Visitor(play, page)
    page.set_default_timeout(10_000)

    def note(request: Request) -> None:
        if not request.url.startswith(play.world.urls["control"]):
            visitor.strangers.append(request.url)

    page.on("request", note)
    page.on("pageerror", lambda error: visitor.complaints.append(str(error)))

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            visitor.complaints.append(message.text)

    page.on("console", listen)
    yield visitor
    await context.close()
    assert visitor.strangers == []
    assert visitor.complaints == []


@pytest.mark.browser
class TestInABrowser:
    async def test_a_changed_quantity_is_saved_and_its_webhook_is_seen(self, visitor: Visitor) -> None:
        line = next(one for one in (await visitor.play.raw(f"Invoice/{INVOICE}"))["lines"] if one["_itemid"])
        await visitor.open(f"#/invoices/{INVOICE}")
        field_ = visitor.page.locator(f'[data-key="halo-line-{line["id"]}"]')
        await field_.fill("9")
        await field_.press("Tab")
        await expect(visitor.page.locator("#notice")).to_have_text("The quantity is changed in Halo.")
        await expect(visitor.page.locator("#feed")).to_contain_text(f"invoice {INVOICE} updated")
        await expect(visitor.page.locator("#feed")).to_contain_text("delivered 202")
        saved = await visitor.play.raw(f"Invoice/{INVOICE}")
        assert next(one for one in saved["lines"] if one["id"] == line["id"])["qty_order"] == 9
        assert visitor.play.heard[-1]["id"] == INVOICE

    async def test_a_line_is_added_and_another_deleted(self, visitor: Visitor) -> None:
        before = (await visitor.play.raw(f"Invoice/{INVOICE}"))["lines"]
        await visitor.open(f"#/invoices/{INVOICE}")
        page = visitor.page
        await page.get_by_role("button", name="Add a line").click()
        await page.get_by_label("Find a product").fill("Rack server 1")
        choice = page.get_by_role("combobox", name="Product", exact=True)
        await expect(choice.locator("option").first).to_contain_text("Rack server 1")
        await page.get_by_label("Quantity", exact=True).fill("3")
        await page.get_by_role("button", name="Add the line").click()
        await expect(page.locator("#notice")).to_have_text("The line is in Halo.")
        await page.locator(f'[data-key="drop-{before[0]["id"]}"]').click()
        await expect(page.locator("#notice")).to_have_text("The line is gone from Halo.")
        after = (await visitor.play.raw(f"Invoice/{INVOICE}"))["lines"]
        assert [one["id"] for one in after[:-1]] == [one["id"] for one in before[1:]]
        assert (after[-1]["qty_order"], after[-1]["item_shortdescription"][:13]) == (3, "Rack server 1")

    async def test_a_customer_and_an_invoice_are_created(self, visitor: Visitor) -> None:
        await visitor.open("#/customers")
        page = visitor.page
        await page.get_by_role("button", name="New customer in Halo").click()
        await page.get_by_role("textbox", name="Name", exact=True).fill("Played Ltd")
        await page.get_by_role("button", name="Create in Halo").click()
        await expect(page.locator("h1")).to_have_text("Played Ltd")
        await page.get_by_role("link", name="Invoices", exact=True).click()
        await page.get_by_role("button", name="New invoice in Halo").click()
        await page.get_by_label("Find a customer").fill("Played")
        await expect(page.get_by_role("combobox", name="Customer", exact=True)).to_contain_text("Played Ltd")
        await page.get_by_role("button", name="Create in Halo").click()
        await expect(page.locator("h1")).to_contain_text("Played Ltd")
        invoice = (await visitor.play.raw("Invoice"))[-1]
        assert (invoice["client_name"], len(invoice["lines"])) == ("Played Ltd", 1)

    async def test_an_invoice_is_credited(self, visitor: Visitor) -> None:
        await visitor.open(f"#/invoices/{INVOICE}")
        await visitor.page.get_by_role("button", name="Credit in Halo").click()
        await expect(visitor.page.locator("#notice")).to_have_text("The credit note is in Halo.")
        note = (await visitor.play.raw("Invoice"))[-1]
        assert str(note["creditlinkedtoinvoiceid"]) == str(INVOICE)
        await expect(visitor.page).to_have_url(re.compile(f"invoices/{note['id']}$"))

    async def test_an_invoice_is_deleted_only_after_a_question(self, visitor: Visitor) -> None:
        await visitor.open(f"#/invoices/{INVOICE}")
        page = visitor.page
        page.once("dialog", lambda dialog: asyncio.ensure_future(dialog.dismiss()))
        await page.get_by_role("button", name="Delete in Halo").click()
        assert (await visitor.play.raw(f"Invoice/{INVOICE}"))["id"] == INVOICE
        page.once("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
        await page.get_by_role("button", name="Delete in Halo").click()
        await expect(page.locator("h1")).to_contain_text("Invoices")
        await expect(page.locator("#feed")).to_contain_text(f"invoice {INVOICE} deleted")
        assert (await visitor.play.control.get(f"/halo/raw/Invoice/{INVOICE}")).status_code == 404

    async def test_a_bookkeeper_edits_posts_and_pays_in_bc(self, visitor: Visitor) -> None:
        made = await visitor.play.pushed()
        line = made["salesInvoiceLines"][0]
        await visitor.open(f"#/invoices/{INVOICE}")
        page = visitor.page
        await expect(page.locator(".compare")).to_contain_text("▲")
        amount = page.locator(f'[data-key="bc-line-{line["id"]}"]')
        await amount.fill("4")
        await amount.press("Enter")
        await expect(page.locator("#notice")).to_contain_text("changed the quantity in BC")
        await page.get_by_label("Reference in BC").fill("PO-7")
        await page.get_by_role("button", name="Edit as a bookkeeper").click()
        await expect(page.locator("#notice")).to_contain_text("changed the reference in BC")
        await page.get_by_role("button", name="Post in BC").click()
        await expect(page.locator("#notice")).to_have_text("Posted in BC.")
        await page.get_by_role("button", name="Pay in BC").click()
        await expect(page.locator("#notice")).to_have_text("Paid in BC.")
        found = await visitor.play.bc.get(f"salesInvoices({made['id']})?$expand=salesInvoiceLines")
        assert (found["status"], found["customerPurchaseOrderReference"]) == ("Paid", "PO-7")
        assert found["salesInvoiceLines"][0]["quantity"] == 4

    async def test_bcs_refusal_is_shown_in_its_words(self, visitor: Visitor) -> None:
        made = await visitor.play.pushed()
        await visitor.play.control.post(
            "/bc/block", json={"customer": made["customerNumber"], "blocked": "All"}
        )
        await visitor.open(f"#/invoices/{INVOICE}")
        await visitor.page.get_by_role("button", name="Post in BC").click()
        await expect(visitor.page.locator("#notice.bad")).to_contain_text("is blocked with type All")

    async def test_changes_of_others_appear_by_themselves_but_never_under_ones_typing(
        self, visitor: Visitor
    ) -> None:
        await visitor.open("#/customers/101")
        page = visitor.page
        await visitor.play.halo("Client/101", {"name": "Renamed Ltd"})
        await expect(page.locator("h1")).to_have_text("Renamed Ltd")
        mail = page.get_by_label("E-mail for invoices")
        await mail.fill("half-typed@")
        polls = 0

        def count(request: Request) -> None:
            nonlocal polls
            polls += "/feed" in request.url

        page.on("request", count)
        await visitor.play.halo("Client/101", {"name": "Again Ltd"})
        while polls < 3:
            await page.wait_for_timeout(50)
        await expect(mail).to_have_value("half-typed@")
        await expect(mail).to_be_focused()
        await mail.fill("whole@example.com")
        await mail.press("Enter")
        await expect(page.locator("h1")).to_have_text("Again Ltd")
        assert (await visitor.play.raw("Client/101"))["accountsemailaddress"] == "whole@example.com"

    async def test_the_list_of_what_happens_stands_still_while_it_is_read(self, visitor: Visitor) -> None:
        await visitor.play.bc.get("customers?$top=1")
        await visitor.open()
        page = visitor.page
        await page.locator("#feed summary").first.click()
        await expect(page.locator("#feed code").first).to_contain_text("$top=1")
        await visitor.play.bc.get("items?$top=2")
        await expect(page.locator("#feed-new")).to_have_text("1 new: show")
        await expect(page.locator("#feed li")).to_have_count(1)
        await page.locator("#feed-new").click()
        await expect(page.locator("#feed li").first).to_contain_text("GET items")

    async def test_after_a_reset_it_starts_anew(self, visitor: Visitor) -> None:
        await visitor.play.halo("Client/101", {"name": "Before Ltd"})
        await visitor.play.halo("Client/101", {"name": "Still before Ltd"})
        await visitor.open("#/customers/101")
        page = visitor.page
        await expect(page.locator("#feed li")).to_have_count(2)
        await visitor.play.control.post("/reset")
        await expect(page.locator("#feed")).to_contain_text("Nothing yet")
        await expect(page.locator("h1")).not_to_have_text("Still before Ltd")
        await visitor.play.halo("Client/101", {"name": "After Ltd"})
        await expect(page.locator("#feed li")).to_have_count(1)
        await expect(page.locator("#feed")).to_contain_text("customer 101 updated")

    async def test_it_works_from_the_keyboard(self, visitor: Visitor) -> None:
        await visitor.open()
        page = visitor.page
        await page.keyboard.press("/")
        await page.keyboard.type("INV-1060")
        await page.keyboard.press("Enter")
        await expect(page.locator("tbody tr")).to_have_count(1)
        for _ in range(6):
            await page.keyboard.press("Tab")
            if await page.evaluate("document.activeElement.textContent") == "INV-1060":
                break
        await page.keyboard.press("Enter")
        await expect(page.locator("h1")).to_be_focused()
        await expect(page.locator("h1")).to_contain_text("INV-1060")

    async def test_the_address_is_the_state(self, visitor: Visitor) -> None:
        us = visitor.play.world.data.bc.environments[2].companies[0]
        await visitor.open(f"#/customers?company={us.id}&search={us.customers[0].number}")
        page = visitor.page
        await expect(page.locator("#company")).to_have_value(us.id)
        await expect(page.locator("tbody")).to_contain_text(us.customers[0].name)
        await page.reload()
        await expect(page.locator("tbody")).to_contain_text(us.customers[0].name)

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    async def test_axe_finds_nothing(self, visitor: Visitor, scheme: Any) -> None:
        await visitor.play.pushed()
        await visitor.page.emulate_media(color_scheme=scheme)
        for place in (
            "",
            "#/customers",
            "#/products",
            f"#/invoices/{INVOICE}",
            "#/customers/101",
            "#/products/1",
        ):
            await visitor.open(place)
            await expect(visitor.page.locator("#feed li summary").first).to_be_visible()
            found = await Axe().run(visitor.page)
            assert found.violations_count == 0, found.generate_report()
        await visitor.page.get_by_role("link", name="Invoices", exact=True).click()
        await visitor.page.get_by_role("button", name="New invoice in Halo").click()
        await expect(visitor.page.get_by_role("dialog")).to_be_visible()
        found = await Axe().run(visitor.page)
        assert found.violations_count == 0, found.generate_report()

    async def test_a_narrow_window_needs_no_sideways_scrolling(self, visitor: Visitor) -> None:
        await visitor.play.pushed()
        await visitor.page.set_viewport_size({"width": 380, "height": 800})
        for place in ("", f"#/invoices/{INVOICE}", "#/customers/101"):
            await visitor.open(place)
            wide = await visitor.page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, place
