"""The page to play with: what it reads, and how it works for a person in Chromium."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from aiohttp import web
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright, expect

from sandbox.server import running
from sandbox.world import World
from tests.sandbox.bc_client import BcClient, bearer

INVOICE = 1060


@dataclass
class Play:
    """Both services, the control server, and a function app that answers each webhook with 202."""

    world: World
    control: httpx.AsyncClient
    bc: BcClient
    heard: list[Any] = field(default_factory=list)

    @property
    def company(self) -> str:
        return self.world.data.bc.main_company.id

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.control.get(f"/play/api/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def halo(self, path: str, changes: Any) -> Any:
        answer = await self.control.patch(f"/halo/agent/{path}", json=changes)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def raw(self, path: str) -> Any:
        return (await self.control.get(f"/halo/raw/{path}")).json()

    async def pushed(self) -> Any:
        """The invoice as a sync would have made it in BC, linked from Halo."""
        halo = await self.raw(f"Invoice/{INVOICE}")
        client = await self.raw(f"Client/{halo['client_id']}")
        lines = [
            {
                "lineType": "Item",
                "lineObjectNumber": line["item_code"],
                "quantity": float(line["qty_order"]),
                "unitPrice": float(line["unit_price"]),
            }
            for line in halo["lines"]
            if line["item_code"]
        ]
        made = await self.bc.invoice(*lines, customerNumber=client["accountsid"])
        link = {
            "dbc_id": made["id"],
            "dbc_company_id": self.company,
            "thirdpartyinvoicenumber": made["number"],
        }
        await self.halo(f"Invoice/{INVOICE}", link)
        return made


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Play]:
    world = World()
    async with (
        running(world, services=("bc", "halo")),
        httpx.AsyncClient(base_url=world.urls["control"]) as control,
        httpx.AsyncClient() as http,
    ):
        world.bearer = lambda text: bearer(world, text)
        yield Play(world, control, BcClient(world, http))


@pytest.fixture
async def play(served: Play) -> AsyncIterator[Play]:
    async def listen(request: web.Request) -> web.Response:
        served.heard.append(await request.json())
        return web.json_response({"queued": 1}, status=202)

    application = web.Application()
    application.router.add_post("/api/halo/events", listen)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await served.control.post("/reset")
    served.heard.clear()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/halo/events?code=key"
    await served.control.put("/halo/webhooks", json=[{"url": url}])
    yield served
    await served.control.put("/halo/webhooks", json=[])
    await runner.cleanup()


class TestWhatItReads:
    async def test_the_address_is_told(self, play: Play) -> None:
        shown = (await play.control.get("/")).json()["play"]
        assert shown == f"{play.world.urls['control']}/play"
        page = await play.control.get("/play")
        assert page.headers["Content-Security-Policy"].startswith("default-src 'self'")
        assert "http" not in page.text

    async def test_customers_stand_side_by_side_by_number(self, play: Play) -> None:
        first = await play.get("customers")
        pages = [await play.get("customers", page=number) for number in range(1, first["pages"] + 1)]
        rows = [row for page in pages for row in page["rows"]]
        assert len(rows) == first["total"]
        for row in rows:
            if row["link"] in ("linked", "same number"):
                assert row["halo"]["number"] == row["bc"]["number"]
        assert {row["link"] for row in rows} == {"linked", "same number", "halo only", "bc only"}
        assert sum(row["halo"] is not None for row in rows) == 160
        assert sum(row["bc"] is not None for row in rows) == 150

    async def test_what_belongs_to_one_company_is_not_paired_with_another(self, play: Play) -> None:
        us = play.world.data.bc.environments[2].companies[0].id
        mine = next(one for one in play.world.data.halo.clients if one.dbc_company_id)
        pair = await play.get(f"customers/{mine.id}", company=us)
        assert (pair["link"], pair["bc"]) == ("other company", None)

    async def test_search_looks_at_both_sides(self, play: Play) -> None:
        found = await play.get("products", search="rack server")
        assert found["total"]
        assert all("Rack server" in (row["halo"] or row["bc"])["name"] for row in found["rows"])

    async def test_an_invoice_comes_with_its_lines_and_bcs(self, play: Play) -> None:
        made = await play.pushed()
        pair = await play.get(f"invoices/{INVOICE}")
        assert (pair["link"], pair["bc"]["id"]) == ("linked", made["id"])
        assert len(pair["bc_lines"]) == len(made["salesInvoiceLines"])
        assert (await play.get(f"invoices/{made['id']}"))["halo"]["id"] == INVOICE

    async def test_a_credit_note_stands_beside_its_credit_memo(self, play: Play) -> None:
        memo = await play.bc.credit_memo(play.bc.item_line(2, 100))
        note = (await play.control.post(f"/halo/agent/Invoice/{INVOICE}/credit", json={})).json()
        await play.halo(f"Invoice/{note['id']}", {"dbc_id": memo["id"], "dbc_company_id": play.company})
        pair = await play.get(f"invoices/{note['id']}")
        assert (pair["link"], pair["bc"]["id"], pair["credit_memo"]) == ("linked", memo["id"], True)
        assert len(pair["bc_lines"]) == 1
        (row,) = [
            row for row in (await play.get("invoices"))["rows"] if (row["bc"] or {}).get("id") == memo["id"]
        ]
        assert (row["halo"]["id"], row["bc"]["state"]) == (note["id"], "credit memo, Draft")
        assert row["halo"]["display"].endswith(f"({note['id']})")
        assert (await play.get(f"invoices/{memo['id']}"))["halo"]["id"] == note["id"]

    async def test_the_feed_tells_of_each_request_and_delivery_once(self, play: Play) -> None:
        before = await play.get("feed")
        await play.halo("Invoice/1060", {"reference": "x"})
        await play.bc.get("customers?$top=1")
        async with asyncio.timeout(5):
            while (news := await play.get("feed"))["pending"] or not news["deliveries"]:
                await asyncio.sleep(0.02)
        assert news["changed"] != before["changed"]
        assert news["deliveries"][-1]["records"][0] == {
            "entity": "invoice",
            "id": 1060,
            "operation": "updated",
        }
        assert news["requests"][-1]["kind"] == "GET customers"
        later = await play.get(
            "feed", deliveries=news["deliveries"][-1]["id"], requests=news["requests"][-1]["id"]
        )
        assert (later["deliveries"], later["requests"]) == ([], [])

    async def test_a_delivery_is_told_once_its_end_is_known(self, play: Play) -> None:
        called, answer = asyncio.Event(), asyncio.Event()

        async def slow(request: web.Request) -> web.Response:
            called.set()
            await answer.wait()
            return web.Response(status=202)

        application = web.Application()
        application.router.add_post("/slow", slow)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}/slow"
            await play.control.put("/halo/webhooks", json=[{"url": url}])
            await play.halo("Client/101", {"name": "Renamed Ltd"})
            await asyncio.wait_for(called.wait(), 30)
            assert (await play.get("feed"))["deliveries"] == []
            answer.set()
            async with asyncio.timeout(30):
                while not (told := (await play.get("feed"))["deliveries"]):
                    await asyncio.sleep(0.05)
            assert [one["outcome"] for one in told] == ["delivered"]
        finally:
            await runner.cleanup()

    @pytest.mark.parametrize("path", ["nothing", "customers/99999", "invoices/x", "customers?company=x"])
    async def test_what_is_not_there_is_404_in_json(self, play: Play, path: str) -> None:
        answer = await play.control.get(f"/play/api/{path}")
        assert answer.status_code == 404
        assert answer.json()["error"]


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
