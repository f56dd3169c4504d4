"""The page to play with: what it reads."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from tests.sandbox.playing import INVOICE, Play


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
