"""A Halo to talk to: its API signed in, and the control server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
import msgspec

from sandbox.server import running
from sandbox.world import World

_exact = msgspec.json.Decoder(float_hook=Decimal)


@dataclass
class Halo:
    """`api` carries the main application's token; `control` is the control server."""

    world: World
    api: httpx.AsyncClient
    control: httpx.AsyncClient
    url: str

    async def token(self, **form: str) -> httpx.Response:
        halo = self.world.data.halo
        sent = {
            "grant_type": "client_credentials",
            "client_id": halo.client_id,
            "client_secret": halo.client_secret,
            "scope": "all",
        }
        return await self.api.post(f"{self.url}/auth/token", data=sent | form)

    async def sign_in(self, **form: str) -> None:
        answer = await self.token(**form)
        self.api.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.api.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return exact(answer)

    async def post(self, path: str, body: Any, status: int = 201) -> Any:
        answer = await self.api.post(path, json=body)
        assert answer.status_code == status, answer.text
        return exact(answer) if answer.content else None

    async def raw(self, path: str) -> Any:
        return exact(await self.control.get(f"/halo/raw/{path}"))

    async def agent(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.control.request(method, f"/halo/agent/{path}", json=body)
        assert answer.status_code < 300, answer.text
        return exact(answer) if answer.content else None

    async def switch(self, **values: Any) -> None:
        sent = {f"halo.{name}": value for name, value in values.items()}
        answer = await self.control.put("/switches", json=sent)
        assert answer.status_code == 200, answer.text

    async def settled(self) -> list[dict[str, Any]]:
        """The deliveries, once none is on its way."""
        for _ in range(300):
            log = (await self.control.get("/halo/deliveries")).json()
            if not log["pending"]:
                found: list[dict[str, Any]] = log["deliveries"]
                return found
            await asyncio.sleep(0.01)
        raise AssertionError("deliveries never end")


def exact(answer: httpx.Response) -> Any:
    """The JSON with its digits: Decimal where a number has a fraction."""
    return _exact.decode(answer.content)


@asynccontextmanager
async def serving() -> AsyncIterator[Halo]:
    async with (
        running(World(), services=("halo",)) as world,
        httpx.AsyncClient(base_url=f"{world.urls['halo']}/api") as api,
        httpx.AsyncClient(base_url=world.urls["control"]) as control,
    ):
        halo = Halo(world, api, control, world.urls["halo"])
        await halo.sign_in()
        yield halo
