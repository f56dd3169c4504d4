"""A small world in memory for imports: BC, Halo and the store behind their seams, and a process that can be killed.

Only for what real parts cannot do: dying before and after each single call. The way through real parts is tested in
`test_through_real_parts.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import msgspec

from bc.errors import NeedsAuthorization
from bc.imports import directory, preview
from bc.imports import run as running
from bc.imports.request import ImportRequest, start_import
from bc.jobs.run import run_job
from bc.model import Connection, ConnectionSettings, ImportKind, ImportPageMessage, Job

if TYPE_CHECKING:
    from bc.services import Services

from bc.sync.halo_facts import HaloFacts
from tests.imports.fake_parts import (
    FakeBc,
    FakeConnections,
    FakeHalo,
    FakeJobs,
    FakeLeases,
    FakeLinks,
    Killed,
    Life,
)

if TYPE_CHECKING:
    from bc.clients.halo import Halo

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
COMPANY = "0e6d3c7b-0000-0000-0000-000000000001"


def a_connection() -> Connection:
    return Connection(
        id="c1",
        name="UK",
        tenant_id="t",
        client_id="a",
        has_secret=True,
        status="ready",
        environment_name="Production",
        company_id=COMPANY,
        company_name="Northwind UK",
        created_at=NOW,
        updated_at=NOW,
    )


@dataclass
class World:
    life: Life = field(default_factory=Life)
    queue: list[bytes] = field(default_factory=list)
    cured: list[str] = field(default_factory=list)

    @property
    def connection(self) -> Connection:
        return self.connections.connection

    def __post_init__(self) -> None:
        running._runs.clear()
        preview._kept.clear()
        directory._details.clear()
        self.connections = FakeConnections(self.life, a_connection())
        self.bc, self.halo = FakeBc(self.life), FakeHalo(self.life)
        self.jobs, self.links, self.leases = FakeJobs(self.life), FakeLinks(self.life), FakeLeases(self.life)
        self.facts = HaloFacts(cast("Halo", self.halo))
        store = SimpleNamespace(
            jobs=self.jobs,
            links=self.links,
            leases=self.leases,
            queues=SimpleNamespace(send=self._send),
            connections=self.connections,
        )
        self.services = cast(
            "Services",
            SimpleNamespace(
                store=store,
                bc=self.bc,
                halo=self.halo,
                halo_facts=self.facts,
                cured=self._cured,
                needs_authorization=self._needs_authorization,
            ),
        )

    def set(self, **settings: Any) -> None:
        self.connections.connection = msgspec.structs.replace(
            self.connections.connection, settings=ConnectionSettings(**settings)
        )

    async def _send(self, queue: str, body: bytes, *, delay: float = 0, ttl: int = -1) -> None:
        self.life.before()
        self.queue.append(body)
        self.life.done()

    async def _cured(self, *cures: str) -> None:
        if not cures:
            return
        self.life.before()
        self.cured += cures
        self.life.done()

    async def _needs_authorization(self, connection: Connection, fault: NeedsAuthorization) -> None:
        self.connections.connection = msgspec.structs.replace(connection, status="needs_authorization")

    async def run(self, kind: ImportKind = "customers", **request: Any) -> Job:
        """Start an import and deliver its messages until the queue is empty, restarting the process when it dies."""
        wanted = ImportRequest(**(request or {"all": True}))
        job = await start_import(self.services, self.connection, kind, wanted)
        await self.deliver()
        return self.jobs.rows[job.id]

    async def deliver(self, most: int = 200) -> None:
        for _ in range(most):
            if not self.queue:
                return
            body = self.queue.pop(0)
            try:
                await run_job(self.services, msgspec.json.decode(body, type=ImportPageMessage))
            except Killed:
                self.queue.insert(0, body)
                self.restart()
        raise AssertionError("the job never ended")

    def restart(self) -> None:
        """A new process after a kill: memory is gone, leases have run out."""
        self.life.dead = False
        self.life.dies_at = 0
        self.leases.held.clear()
        running._runs.clear()
        directory._details.clear()
        self.facts.forget()


def a_bc_customer(n: int, /, **fields: Any) -> dict[str, Any]:
    return {
        "@odata.etag": f'W/"{n}"',
        "id": f"{n:08}-0000-0000-0000-000000000000",
        "number": f"C{n:05}",
        "displayName": f"Customer {n}",
        "addressLine1": f"{n} High Street",
        "addressLine2": "",
        "city": "Leeds",
        "state": "",
        "country": "GB",
        "postalCode": "LS1 1AA",
        "phoneNumber": f"0113 {n}",
        "email": f"ap{n}@x.test",
        "taxRegistrationNumber": f"GB{n:09}",
        "blocked": "_x0020_",
        "lastModifiedDateTime": "2026-11-20T08:00:00Z",
        **fields,
    }


def a_halo_client(halo_id: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": halo_id,
        "name": f"Halo {halo_id}",
        "accountsid": "",
        "accountsemailaddress": "",
        "tax_number": "",
        "dbc_company_id": "",
        "dbc_company_name": "",
        "main_site_id": halo_id + 10_000,
        **fields,
    }


def add_client(world: World, halo_id: int, **fields: Any) -> None:
    world.halo.clients[halo_id] = a_halo_client(halo_id, **fields)
    world.halo.sites[halo_id + 10_000] = {
        "id": float(halo_id + 10_000),
        "client_id": float(halo_id),
        "phonenumber": "",
        "country_code": "",
        "delivery_address": {"line1": "", "line2": "", "line3": "", "line4": "", "postcode": ""},
    }


def a_world(customers: int = 4) -> World:
    """BC customers 1..n; Halo knows 1 by number, 2 by tax number, 3 by name, and two that both could be 4."""
    world = World()
    world.bc.rows = [a_bc_customer(number) for number in range(1, customers + 1)]
    add_client(world, 11, accountsid=" c00001 ", name="Anything")
    add_client(world, 12, name="By tax number", tax_number="gb 000000002")
    add_client(world, 13, name="Customer 3 Ltd.", accountsemailaddress="own@x.test; other@x.test")
    add_client(world, 14, name="Customer 4 GmbH")
    add_client(world, 15, name="CUSTOMER 4")
    return world


def counts(job: Job) -> dict[str, int]:
    return {name: getattr(job, name) for name in ("created", "updated", "unchanged", "skipped", "failed")}


def links_of(world: World) -> dict[str, str]:
    return {link.bc_number: link.halo_id for link, _ in world.links.rows.values()}
