"""A remote that answers what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx

from bc.clients.business_central import BusinessCentral
from bc.clients.halo import Halo
from bc.clients.transport import Transport
from bc.model import Connection
from bc.settings import HaloSettings, Secret

BC_URL = "https://bc.test"
HALO_URL = "https://acme.halo.test"
TENANT = "11111111-2222-3333-4444-555555555555"
COMPANY = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
RECORD = "f2a5738a-44e3-ea11-bb43-000d3a2feca1"
PLANTED = "planted-bearer-eyJ0eXAiOiJKV1Qi"
ETAG = 'W/"JzE5OzE2MDsn"'

type Step = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


def answer(status: int = 200, body: Any = None, **headers: str) -> httpx.Response:
    """A JSON answer; `headers` with `_` for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return (
        httpx.Response(status, headers=named)
        if body is None
        else httpx.Response(status, json=body, headers=named)
    )


def bc_refusal(status: int, code: str, message: str, **headers: str) -> httpx.Response:
    return answer(status, {"error": {"code": code, "message": message}}, **headers)


class Remote(httpx.AsyncBaseTransport):
    """Takes one step for each request; the last step is repeated."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self.steps = list(steps)
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        self.requests.append(request)
        step = self.steps.pop(0) if len(self.steps) > 1 else self.steps[0]
        if isinstance(step, Exception):
            raise step
        if isinstance(step, httpx.Response):
            # A response can be read once; a repeated step needs a new one.
            return httpx.Response(step.status_code, headers=step.headers, content=step.content)
        return step(request)

    @property
    def last(self) -> httpx.Request:
        return self.requests[-1]

    def sent(self, number: int = -1) -> Any:
        return json.loads(self.requests[number].content)


class Tokens:
    """Hands out token-1, token-2 …; a new one each time one was refused."""

    def __init__(self) -> None:
        self.refused: list[str] = []
        self.given = 1

    async def token(self, connection: Connection, *, refused: Secret | None = None) -> Secret:
        if refused is not None:
            self.refused.append(refused.reveal())
            self.given += 1
        return Secret(f"{PLANTED}-{self.given}")


class Permits:
    """Counts how many are held at once."""

    def __init__(self) -> None:
        self.held = 0
        self.taken = 0

    @asynccontextmanager
    async def hold(self, connection: Connection, requests: int = 1) -> AsyncIterator[None]:
        self.held += 1
        self.taken += 1
        try:
            yield
        finally:
            self.held -= 1


def a_connection(**changes: Any) -> Connection:
    now = datetime(2026, 11, 23, tzinfo=UTC)
    fields: dict[str, Any] = {
        "id": "c1",
        "name": "Contoso",
        "tenant_id": TENANT,
        "client_id": TENANT,
        "has_secret": True,
        "environment_name": "Production",
        "company_id": COMPANY,
        "created_at": now,
        "updated_at": now,
    }
    return Connection(**{**fields, **changes})


def a_bc(*steps: Step) -> tuple[BusinessCentral, Remote]:
    remote = Remote(steps)
    return BusinessCentral(Transport("bc", BC_URL, transport=remote), Tokens(), Permits(), BC_URL), remote


def halo_settings(**changes: Any) -> HaloSettings:
    fields: dict[str, Any] = {
        "url": HALO_URL,
        "client_id": "client",
        "client_secret": Secret("planted-client-secret"),
        "tenant": "",
        "scope": "all",
        "requests_per_5_minutes": 450,
        "sweep_minutes": 5,
    }
    return HaloSettings(**{**fields, **changes})


class HaloRemote(Remote):
    """Answers `authinfo` and the token address by itself (`sign_ins` counts); the rest are the test's steps."""

    def __init__(self, steps: Iterable[Step], info: Any = None) -> None:
        super().__init__(steps)
        self.info = info if info is not None else {"auth_url": f"{HALO_URL}/auth", "tenant_id": "acme"}
        self.sign_ins: list[httpx.Request] = []
        self.token_steps: list[httpx.Response] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/authinfo":
            return answer(200, self.info) if self.info else answer(404)
        if request.url.path.endswith("/token"):
            await request.aread()
            self.sign_ins.append(request)
            if self.token_steps:
                return self.token_steps.pop(0)
            return answer(200, {"access_token": f"{PLANTED}-{len(self.sign_ins)}", "expires_in": 3600})
        return await super().handle_async_request(request)


async def no_limit(calls: int) -> None:
    """A budget without a ceiling."""


def a_halo(
    *steps: Step, budget: Callable[[int], Awaitable[None]] = no_limit, info: Any = None, **settings: Any
) -> tuple[Halo, HaloRemote]:
    remote = HaloRemote(steps, info)
    transport = Transport("halo", HALO_URL, transport=remote)
    return Halo(transport, halo_settings(**settings), budget), remote
