"""An admin before the app's handlers, with Azurite and the sandbox behind them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from cryptography.fernet import Fernet

from bc import settings
from bc.functions import api_connections, api_imports, api_mappings
from bc.functions.http import Request, Router
from bc.imports import directory, lookups, preview
from bc.jobs.run import run_job
from bc.model import ImportPageMessage
from bc.services import Services, build
from local.azurite import shared
from local.stack import Sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with pytest.MonkeyPatch.context() as patch:
        started = Sandbox()
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
            patch.setenv(name, started.facts["ca_bundle"])
        yield started
        started.stop()


class Admin:
    """Asks the handlers as an admin would, and works off the import messages."""

    def __init__(self, services: Services, sandbox: Sandbox) -> None:
        self.services, self.sandbox = services, sandbox
        routes = [*api_connections.ROUTES, *api_imports.ROUTES, *api_mappings.ROUTES]
        self.router = Router(routes, lambda services, request: None)
        self.path = ""

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

    async def connect(self, country: str = "GB", **chosen: Any) -> None:
        facts = self.sandbox.facts
        app = next(app for app in facts["entra"]["apps"] if app["name"] == "Halo-BC (app mode)")
        created = await self.ask(
            "POST",
            "/api/connections",
            {
                "name": country,
                "tenant_id": app["tenant_id"],
                "client_id": app["client_id"],
                "client_secret": app["client_secrets"][0]["value"],
                "auth_mode": "app",
            },
            status=201,
        )
        self.path = f"/api/connections/{created['id']}"
        await self.ask("POST", f"{self.path}/authorize", {})
        environment = next(one for one in facts["bc"]["environments"] if one["country"] == country)
        self.company = environment["companies"][0]["id"]
        place = {"environment_name": environment["name"], "company_id": self.company}
        await self.ask("PUT", f"{self.path}/company", place)
        if chosen:
            await self.ask("PATCH", self.path, {"settings": chosen})

    async def run(self, kind: str, **body: Any) -> Any:
        started = await self.ask("POST", f"{self.path}/imports/{kind}", body or {"all": True}, status=202)
        for page in range(20):
            await run_job(self.services, ImportPageMessage(job_id=started["job_id"], page=page))
            job = await self.ask("GET", f"/api/jobs/{started['job_id']}")
            if job["finished_at"]:
                return job
        raise AssertionError(job)

    def halo(self, resource: str, halo_id: str | int) -> Any:
        return self.sandbox.control.get(f"/halo/raw/{resource}/{halo_id}").json()

    def all(self, resource: str) -> list[dict[str, Any]]:
        """Every Halo record of a kind, as stored."""
        return list(self.sandbox.control.get(f"/halo/raw/{resource}").json())

    def bc_rows(self, entity_set: str) -> list[dict[str, Any]]:
        rows = self.sandbox.control.get(f"/bc/{self.company}/{entity_set}").json()
        return list(rows["value"] if isinstance(rows, dict) else rows)

    def requests(self, service: str) -> dict[str, int]:
        return dict(self.sandbox.control.get("/counters").json()[service]["by_kind"])


@pytest.fixture
async def admin(sandbox: Sandbox) -> AsyncIterator[Admin]:
    sandbox.reset()
    preview._kept.clear()
    directory._details.clear()
    lookups._read_before.clear()
    halo = sandbox.facts["halo"]
    services = build(
        settings.load(
            {
                "AzureWebJobsStorage": shared().fresh(),
                "PUBLIC_URL": "http://127.0.0.1:7071",
                "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
                "ADMIN_KEY": "an-admin-key-for-tests",
                "HALO_URL": sandbox.url("halo"),
                "HALO_CLIENT_ID": halo["client_id"],
                "HALO_CLIENT_SECRET": halo["client_secret"],
                "HALO_TENANT": halo["tenant"],
                # Thin list rows cost a read for each record: twenty thousand of them are hours within the usual share.
                "HALO_REQUESTS_PER_5_MINUTES": "100000",
                "BC_API_URL": sandbox.url("bc"),
                "AZURE_AUTHORITY_HOST": sandbox.url("entra"),
            }
        )
    )
    yield Admin(services, sandbox)
    await services.close()
