"""The house in one process on real parts (Azurite, sandbox), driven through the API's handlers, jobs and the pump."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet

from bc import settings
from bc.functions import api_connections, api_halo, api_imports, api_mappings, api_sync
from bc.functions.http import Request, Router
from bc.imports import directory, preview
from bc.jobs.run import run_job
from bc.model import Dirty, ImportPageMessage, Link, Outcome
from bc.services import Services, build
from bc.sync.pump import Pump
from local.azurite import shared
from local.stack import Sandbox


@contextmanager
def a_sandbox() -> Iterator[Sandbox]:
    """A sandbox of its own, whose certificates this process trusts."""
    with pytest.MonkeyPatch.context() as patch:
        started = Sandbox()
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            patch.setenv(name, started.facts["ca_bundle"])
        yield started
        started.stop()


class House:
    """An admin, an agent in Halo and a bookkeeper in Business Central."""

    def __init__(self, services: Services, sandbox: Sandbox) -> None:
        self.services, self.sandbox = services, sandbox
        self.control: httpx.Client = sandbox.control
        modules = (api_connections, api_halo, api_imports, api_mappings, api_sync)
        routes = [route for module in modules for route in module.ROUTES]
        self.router = Router(routes, lambda services, request: None)
        self.path = self.company = self.connection_id = ""

    # --- the admin ---

    async def ask(self, method: str, path: str, body: Any = None, *, status: int = 200, **query: Any) -> Any:
        request = Request(
            method,
            f"http://127.0.0.1{path}",
            path,
            {"content-type": "application/json"},
            tuple((name, str(value)) for name, value in query.items()),
            b"" if body is None else json.dumps(body).encode(),
        )
        answer = await self.router.answer(self.services, request)
        assert answer.status == status, answer.body
        return answer.json() if answer.body else None

    async def connect(self, **chosen: Any) -> None:
        """To the first company, as the default."""
        made = await self.connection(
            "UK", self.sandbox.facts["bc"]["environments"][0]["companies"][0], chosen
        )
        self.connection_id, self.company = made["id"], made["company_id"]
        self.path = f"/api/connections/{self.connection_id}"
        await self.ask("PUT", "/api/default-connection", {"connection_id": self.connection_id}, status=200)

    async def second_company(self) -> dict[str, Any]:
        """A connection to another company of the same environment, which is not the default one."""
        companies = self.sandbox.facts["bc"]["environments"][0]["companies"]
        return await self.connection(
            "Other", next(one for one in companies if one["id"] != self.company), ALL
        )

    async def connection(
        self, name: str, company: dict[str, Any], settings: dict[str, Any]
    ) -> dict[str, Any]:
        """A connection to a company of the first environment, in app mode; its id, and the company's id and name."""
        facts = self.sandbox.facts
        app = next(app for app in facts["entra"]["apps"] if app["name"] == "Halo-BC (app mode)")
        form = {
            "name": name,
            "tenant_id": app["tenant_id"],
            "client_id": app["client_id"],
            "client_secret": app["client_secrets"][0]["value"],
            "auth_mode": "app",
        }
        made: dict[str, Any] = await self.ask("POST", "/api/connections", form, status=201)
        path = f"/api/connections/{made['id']}"
        await self.ask("POST", f"{path}/authorize", {})
        place = {"environment_name": facts["bc"]["environments"][0]["name"], "company_id": company["id"]}
        await self.ask("PUT", f"{path}/company", place)
        await self.ask("PATCH", path, {"settings": settings})
        return {"id": made["id"], "company_id": company["id"], "company_name": company["name"]}

    async def run(self, method: str, path: str, body: Any = None) -> Any:
        """Start a job and work it off; its row at the end."""
        started = await self.ask(method, path, {} if body is None else body, status=202)
        return await self.work_off(started["job_id"])

    async def work_off(self, job_id: str) -> Any:
        for page in range(40):
            await run_job(self.services, ImportPageMessage(job_id=job_id, page=page))
            job = await self.ask("GET", f"/api/jobs/{job_id}")
            if job["finished_at"]:
                return job
        raise AssertionError(job)

    async def sweep(self) -> Any:
        job = await self.run("POST", "/api/halo/sweep")
        assert job["status"] == "succeeded", job
        return job

    async def push(self) -> None:
        """Let the pump work off what is dirty."""
        await Pump(self.services).run(seconds=30)

    async def dirty(self) -> set[tuple[str, str]]:
        return {(row.value.entity, row.value.halo_id) for row in await self.dirty_rows()}

    async def dirty_rows(self) -> list[Any]:
        return [row async for row in self.services.store.dirty.rows()]

    async def dirty_row(self, entity: str, halo_id: str) -> Dirty:
        found: Dirty = next(
            row.value
            for row in await self.dirty_rows()
            if (row.value.entity, row.value.halo_id) == (entity, halo_id)
        )
        return found

    async def link(self, entity: str, halo_id: str) -> Link:
        row = await self.services.store.links.get(self.connection_id, entity, halo_id)
        assert row is not None
        return row.value

    async def outcomes(self, entity: str, halo_id: str) -> list[Outcome]:
        page = await self.services.store.outcomes.page(entity=entity, halo_id=halo_id, limit=50)
        return page.items

    # --- the agent in Halo ---

    def agent(self, resource: str, record: dict[str, Any]) -> Any:
        return self._control("POST", f"/halo/agent/{resource}", record)

    def edit(self, resource: str, halo_id: str | int, changes: dict[str, Any]) -> Any:
        return self._control("PATCH", f"/halo/agent/{resource}/{halo_id}", changes)

    def remove(self, resource: str, halo_id: str | int) -> None:
        self._control("DELETE", f"/halo/agent/{resource}/{halo_id}")

    def halo(self, resource: str, halo_id: str | int = "") -> Any:
        return self._control("GET", f"/halo/raw/{resource}" + (f"/{halo_id}" if halo_id else ""))

    # --- the bookkeeper ---

    def bc(self, entity_set: str) -> list[dict[str, Any]]:
        rows: Any = self._control("GET", f"/bc/{self.company}/{entity_set}")
        return list(rows["value"]) if isinstance(rows, dict) else list(rows)

    def post_in_bc(self, bc_id: str) -> Any:
        return self._control("POST", f"/bc/post/{bc_id}", {})

    def requests(self, service: str) -> dict[str, int]:
        return dict(self.control.get("/counters").json()[service]["by_kind"])

    def clear(self) -> None:
        self._control("DELETE", "/counters")
        self._control("DELETE", "/log")

    def switch(self, **switches: Any) -> None:
        named = {name.replace("__", "."): value for name, value in switches.items()}
        self._control("PUT", "/switches", named)

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.control.request(method, path, json=body)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    # --- what both need ---

    async def customer(self) -> str:
        """A Halo customer linked to one of BC's."""
        row = next(
            row
            for row in self.bc("customers")
            if str(row.get("blocked", "")).strip() in ("", "_x0020_")
            and row.get("genBusPostingGroup", "DOMESTIC") == "DOMESTIC"
            and not row.get("pricesIncludingVat")
        )
        made = self.agent("Client", {"name": f"{row['displayName']} (Halo)", "toplevel_id": 1})
        await self.ask("PUT", f"{self.path}/mappings/customers/{whole(made['id'])}", {"bc_id": row["id"]})
        return whole(made["id"])

    async def product(self) -> str:
        row = next(row for row in self.bc("items") if row["type"] == "Service" and not row.get("blocked"))
        made = self.agent("Item", {"name": f"{row['displayName']} (Halo)", "assetgroup_id": 1})
        await self.ask("PUT", f"{self.path}/mappings/products/{whole(made['id'])}", {"bc_id": row["id"]})
        return whole(made["id"])

    def invoice(self, customer: str, product: str, **more: Any) -> str:
        line = {
            "_itemid": int(product),
            "qty_order": 2,
            "unit_price": 100,
            "item_shortdescription": "Work",
        }
        made = self.agent(
            "Invoice",
            {
                "client_id": int(customer),
                "invoice_date": "2026-11-20T00:00:00",
                "duedate": "2026-12-20T00:00:00",
                "lines": [line],
                **more,
            },
        )
        return whole(made["id"])


def whole(value: Any) -> str:
    return str(int(float(value)))


ALL = {"sync_entities": ["customer", "product", "invoice"], "sync_invoices_from": "2020-01-01"}


def environment(sandbox: Sandbox) -> dict[str, str]:
    halo = sandbox.facts["halo"]
    return {
        "AzureWebJobsStorage": shared().fresh(),
        "PUBLIC_URL": "http://127.0.0.1:7071",
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "ADMIN_KEY": "an-admin-key-for-tests",
        "HALO_URL": sandbox.url("halo"),
        "HALO_CLIENT_ID": halo["client_id"],
        "HALO_CLIENT_SECRET": halo["client_secret"],
        "HALO_TENANT": halo["tenant"],
        "HALO_REQUESTS_PER_5_MINUTES": "20000",
        "BC_API_URL": sandbox.url("bc"),
        "AZURE_AUTHORITY_HOST": sandbox.url("entra"),
    }


@asynccontextmanager
async def a_house(sandbox: Sandbox) -> AsyncIterator[House]:
    """The house on empty storage; the sandbox stays as it is."""
    preview._kept.clear()
    directory._details.clear()
    services = build(settings.load(environment(sandbox)))
    yield House(services, sandbox)
    await services.close()
