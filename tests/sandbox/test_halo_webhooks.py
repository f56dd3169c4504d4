"""Halo's webhooks, received by a real server: forms, batches, delay, duplicates and losses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from tests.sandbox.halo_client import Halo, serving


@dataclass
class Ear:
    """The function that the webhooks call."""

    url: str = ""
    heard: list[Any] = field(default_factory=list)
    queries: list[str] = field(default_factory=list)
    status: int = 202


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Halo]:
    async with serving() as halo:
        yield halo


@pytest.fixture
async def halo(server: Halo) -> Halo:
    await server.control.post("/reset")
    await server.control.put("/halo/webhooks", json=[])
    await server.sign_in()
    await server.switch(webhook_delay=0.01, webhook_batch_seconds=0.1, webhook_retry_seconds=0.01)
    return server


@pytest.fixture
async def ear() -> AsyncIterator[Ear]:
    ear = Ear()

    async def listen(request: web.Request) -> web.Response:
        ear.heard.append(await request.json())
        ear.queries.append(request.query_string)
        return web.json_response({"queued": 1}, status=ear.status)

    application = web.Application()
    application.router.add_post("/halo/events", listen)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ear.url = f"http://127.0.0.1:{runner.addresses[0][1]}/halo/events?code=key"
    yield ear
    await runner.cleanup()


async def listen(halo: Halo, ear: Ear, **webhook: Any) -> None:
    answer = await halo.control.put("/halo/webhooks", json=[{"url": ear.url, **webhook}])
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("form", ["event", "nested", "bare", "short"])
async def test_a_save_is_told_in_the_form_that_is_wished(halo: Halo, ear: Ear, form: str) -> None:
    await listen(halo, ear, entity="invoice", format=form)
    await halo.post("/Invoice", [{"id": 1050, "reference": "x"}])
    await halo.post("/Client", [{"id": 101, "website": "x"}])
    deliveries = await halo.settled()
    assert len(ear.heard) == 1
    body = ear.heard[0]
    match form:
        case "event":
            assert (body["event"], body["id"]) == ("Invoice Updated", 1050)
        case "nested":
            assert body["invoice"]["id"] == 1050
        case "bare":
            assert body["reference"] == "x"
        case _:
            assert body == {"entity": "invoice", "halo_id": "1050", "operation": "upsert"}
    assert ear.queries == ["code=key"]
    assert "key" not in deliveries[0]["url"]
    assert (deliveries[0]["status"], deliveries[0]["answer"]) == (202, '{"queued": 1}')


async def test_our_own_write_back_is_told_too(halo: Halo, ear: Ear) -> None:
    await listen(halo, ear)
    line = (await halo.raw("Invoice/1060"))["lines"][1]
    await halo.post("/Invoice/updatelines", [{"id": line["id"], "tax_amount": 1}])
    await halo.post("/Invoice", [{"id": 1060, "dbc_id": "x", "_dont_fire_automations": True}])
    await halo.settled()
    assert [body["id"] for body in ear.heard] == [1060, 1060]
    await halo.switch(dont_fire_automations=True, updatelines_webhook=False)
    await halo.post("/Invoice/updatelines", [{"id": line["id"], "tax_amount": 2}])
    await halo.post("/Invoice", [{"id": 1060, "dbc_id": "y", "_dont_fire_automations": True}])
    assert len(await halo.settled()) == 2


async def test_what_an_agent_does_is_told(halo: Halo, ear: Ear) -> None:
    await listen(halo, ear)
    await halo.agent("POST", "Client", {"name": "New Ltd"})
    await halo.agent("PATCH", "Site/1101", {"phonenumber": "1"})
    await halo.agent("DELETE", "Invoice/1060")
    await halo.settled()
    assert sorted(body["event"] for body in ear.heard) == [
        "Client Created",
        "Invoice Deleted",
        "Site Updated",
    ]


async def test_a_refused_array_tells_nothing(halo: Halo, ear: Ear) -> None:
    await listen(halo, ear)
    await halo.post("/Item", [{"id": 1, "note": "x"}, {"id": 99_999}], 404)
    assert await halo.settled() == []


async def test_a_batching_webhook_sends_an_array(halo: Halo, ear: Ear) -> None:
    await listen(halo, ear, batch=True)
    await halo.post("/Item", [{"id": 1, "note": "x"}, {"id": 2, "note": "x"}])
    await halo.post("/Item", [{"id": 3, "note": "x"}])
    await halo.settled()
    assert [[body["id"] for body in batch] for batch in ear.heard] == [[1, 2, 3]]


async def test_duplicates_and_losses_on_demand(halo: Halo, ear: Ear) -> None:
    await listen(halo, ear)
    await halo.switch(webhook_duplicates=1)
    await halo.post("/Item", [{"id": 1, "note": "x"}])
    await halo.settled()
    assert len(ear.heard) == 2
    await halo.switch(webhook_duplicates=0, webhook_loss=1)
    await halo.post("/Item", [{"id": 2, "note": "x"}])
    assert [delivery["outcome"] for delivery in await halo.settled()] == ["delivered", "delivered", "lost"]
    assert len(ear.heard) == 2


async def test_a_refused_delivery_is_not_repeated_unless_wished(halo: Halo, ear: Ear) -> None:
    ear.status = 503
    await listen(halo, ear)
    await halo.post("/Item", [{"id": 1, "note": "x"}])
    assert [delivery["status"] for delivery in await halo.settled()] == [503]
    await halo.switch(webhook_retries=2)
    await halo.post("/Item", [{"id": 1, "note": "y"}])
    assert [delivery["attempt"] for delivery in await halo.settled()] == [1, 1, 2, 3]


async def test_an_unreachable_address_harms_nothing(halo: Halo) -> None:
    await halo.control.put("/halo/webhooks", json=[{"url": "http://127.0.0.1:9/x"}])
    await halo.post("/Item", [{"id": 1, "note": "x"}])
    delivery = (await halo.settled())[0]
    assert (delivery["outcome"], delivery["status"]) == ("failed", 0)
    assert delivery["error"]


async def test_a_registered_webhook_needs_a_subscription_to_an_event(halo: Halo, ear: Ear) -> None:
    webhook = await halo.post(
        "/Webhook", [{"name": "Ours", "url": ear.url, "type": 0, "method": 0, "active": True}]
    )
    await halo.switch(event_numbers={"product": [4711]})
    await halo.post("/Item", [{"id": 1, "note": "x"}])
    await halo.post(
        "/Notification", [{"webhook_id": webhook["id"], "type": -2, "delivery_method": 6, "eventno": 4711}]
    )
    await halo.post("/Item", [{"id": 2, "note": "x"}])
    await halo.settled()
    assert [body["id"] for body in ear.heard] == [2]
    assert (await halo.api.delete(f"/Webhook/{webhook['id']}")).status_code == 200
    assert await halo.get("/Notification") == []


async def test_a_malformed_webhook_is_refused(halo: Halo) -> None:
    for wanted in (
        {"url": "x"},
        {"url": "http://x/", "entity": "dog"},
        {"url": "http://x/", "format": "xml"},
    ):
        assert (await halo.control.put("/halo/webhooks", json=[wanted])).status_code == 400


async def test_a_saved_site_tells_of_its_customer_only_by_switch(halo: Halo, ear: Ear) -> None:
    await listen(halo, ear, entity="customer")
    site = (await halo.raw("Client/101"))["main_site_id"]
    await halo.post("/Site", [{"id": site, "phonenumber": "1"}])
    assert await halo.settled() == []
    await halo.switch(site_fires_customer=True)
    await halo.post("/Site", [{"id": site, "phonenumber": "2"}])
    await halo.settled()
    assert [(one["event"], one["id"]) for one in ear.heard] == [("Client Updated", 101)]
