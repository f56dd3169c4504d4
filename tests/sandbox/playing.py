"""What the tests of the play page share: both services, its page, and an app that hears of each change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from aiohttp import web

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
async def play_server() -> AsyncIterator[Play]:
    world = World()
    async with (
        running(world, services=("bc", "halo")),
        httpx.AsyncClient(base_url=world.urls["control"]) as control,
        httpx.AsyncClient() as http,
    ):
        world.bearer = lambda text: bearer(world, text)
        yield Play(world, control, BcClient(world, http))


@pytest.fixture
async def play(play_server: Play) -> AsyncIterator[Play]:
    async def listen(request: web.Request) -> web.Response:
        play_server.heard.append(await request.json())
        return web.json_response({"queued": 1}, status=202)

    application = web.Application()
    application.router.add_post("/api/halo/events", listen)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await play_server.control.post("/reset")
    play_server.heard.clear()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/halo/events?code=key"
    await play_server.control.put("/halo/webhooks", json=[{"url": url}])
    yield play_server
    await play_server.control.put("/halo/webhooks", json=[])
    await runner.cleanup()
