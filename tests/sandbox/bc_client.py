"""A client for the tests of the simulated Business Central, and the world that they share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from sandbox.data.bc import Company
from sandbox.server import running
from sandbox.world import Token, World

DELEGATED, APP = "delegated", "app"
ZERO = "00000000-0000-0000-0000-000000000000"
UNKNOWN = "f2a5738a-44e3-ea11-bb43-000d3a2feca1"
"""The id of nothing."""


class BcClient:
    """Calls BC as a signed-in user unless told otherwise; paths are below the main company."""

    def __init__(self, world: World, http: httpx.AsyncClient) -> None:
        self.world = world
        self.http = http
        self.token = DELEGATED
        self.environment = world.data.bc.environments[0].name

    @property
    def company(self) -> Company:
        return self.world.data.bc.main_company

    @property
    def root(self) -> str:
        return f"{self.world.urls['bc']}/v2.0/{self.world.data.bc.tenant_id}/{self.environment}/api/v2.0"

    def at(self, path: str) -> str:
        return f"{self.root}/companies({self.company.id})/{path}"

    async def call(
        self, method: str, url: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        sent = {"Authorization": f"Bearer {self.token}", "Accept": "application/json", **(headers or {})}
        return await self.http.request(method, url, json=body, headers=sent)

    async def get(self, path: str, **headers: str) -> Any:
        answer = await self.call("GET", self.at(path), headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def values(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.get(path))["value"]
        return found

    async def post(self, path: str, body: Any, status: int = 201) -> Any:
        answer = await self.call("POST", self.at(path), body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def patch(self, path: str, body: Any, etag: str = "*", status: int = 200) -> Any:
        answer = await self.call("PATCH", self.at(path), body, {"If-Match": etag} if etag else {})
        assert answer.status_code == status, answer.text
        return answer.json()

    async def delete(self, path: str, etag: str = "*") -> httpx.Response:
        return await self.call("DELETE", self.at(path), headers={"If-Match": etag} if etag else {})

    async def act(
        self, document: str, action: str = "Microsoft.NAV.post", documents: str = "salesInvoices"
    ) -> httpx.Response:
        return await self.call("POST", self.at(f"{documents}({document})/{action}"))

    async def refused(self, method: str, path: str, body: Any = None, status: int = 400) -> tuple[str, str]:
        """Code and message of a refusal, the correlation id taken off (and there)."""
        headers = {"If-Match": "*"} if method in ("PATCH", "DELETE") else {}
        answer = await self.call(method, self.at(path), body, headers)
        return refusal(answer, status)

    async def batch(self, parts: list[dict[str, Any]], **headers: str) -> list[dict[str, Any]]:
        answer = await self.call("POST", f"{self.root}/$batch", {"requests": parts}, headers)
        assert answer.status_code == 200, answer.text
        responses: list[dict[str, Any]] = answer.json()["responses"]
        return responses

    async def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.http.request(method, f"{self.world.urls['control']}/bc/{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def part(self, method: str, path: str, body: Any = None, **headers: str) -> dict[str, Any]:
        """A part of a batch, on the main company."""
        made: dict[str, Any] = {"method": method, "url": f"companies({self.company.id})/{path}"}
        if body is not None:
            made |= {"body": body, "headers": {"Content-Type": "application/json", **headers}}
        elif headers:
            made["headers"] = headers
        return made

    def customer(self, group: str = "DOMESTIC") -> Any:
        """A customer without any trouble, with the VAT group asked for."""
        return next(
            one
            for one in self.company.customers
            if one.vat_business_group == group and one.blocked == " " and not one.prices_include_vat
        )

    def item(self, kind: str = "Inventory", vat: str = "STANDARD") -> Any:
        """An item without any trouble."""
        return next(
            one
            for one in self.company.items
            if one.type == kind and one.vat_product_group == vat and not one.blocked and one.gen_product_group
        )

    async def invoice(self, *lines: dict[str, Any], **header: Any) -> Any:
        """A new draft of an unproblematic customer, its lines expanded."""
        body = {"customerNumber": self.customer().number, **header, "salesInvoiceLines": list(lines)}
        return await self.post("salesInvoices?$expand=salesInvoiceLines", body)

    async def credit_memo(self, *lines: dict[str, Any], **header: Any) -> Any:
        """A new draft credit memo of the same customer, its lines expanded."""
        body = {"customerNumber": self.customer().number, **header, "salesCreditMemoLines": list(lines)}
        return await self.post("salesCreditMemos?$expand=salesCreditMemoLines", body)

    def item_line(self, quantity: float = 2, price: float | None = 100, **more: Any) -> dict[str, Any]:
        made: dict[str, Any] = {
            "lineType": "Item",
            "lineObjectNumber": self.item().number,
            "quantity": quantity,
        }
        return made | ({} if price is None else {"unitPrice": price}) | more


def refusal(answer: httpx.Response, status: int = 400) -> tuple[str, str]:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    message, sign, correlation = error["message"].partition("  CorrelationId:  ")
    assert sign
    assert len(correlation) == 37
    assert correlation.endswith(".")
    return error["code"], message


def bearer(world: World, text: str) -> Token | None:
    """Tokens of the tests: no Entra is needed to talk to BC."""
    tenant = world.data.directory.home.id
    claims: dict[str, dict[str, Any]] = {
        DELEGATED: {"tid": tenant, "appid": "a", "upn": "uma", "scp": "Financials.ReadWrite.All"},
        APP: {"tid": tenant, "appid": "a", "idtyp": "app", "roles": ["API.ReadWrite.All"]},
        "no-rights": {"tid": tenant, "appid": "a", "idtyp": "app"},
        "other-tenant": {"tid": "other", "appid": "a", "upn": "otto", "scp": "user_impersonation"},
    }
    return Token(claims[text]) if text in claims else None


@asynccontextmanager
async def bc_client() -> AsyncIterator[BcClient]:
    """A served world with Business Central alone."""
    world = World()
    world.bearer = lambda text: bearer(world, text)
    async with running(world, services=("bc",)), httpx.AsyncClient() as http:
        yield BcClient(world, http)
