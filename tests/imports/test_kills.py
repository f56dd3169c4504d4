"""An import whose process dies, at the border of each page or at any moment: it ends as if nothing had happened.

The process under test is the app's own code on Azurite and the sandbox; at its death every call it makes fails, and what
it kept in memory is gone. Its successor gets the same message again, as the host would deliver it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from cryptography.fernet import Fernet

from bc.imports import directory, lookups, preview
from bc.imports import run as running
from bc.jobs.run import run_job
from bc.model import ImportPageMessage
from bc.services import Services
from bc.sync.permits import principal_of
from local.azurite import shared
from local.stack import Sandbox
from tests.faults.engine import Died, How, Peril, a_process
from tests.imports.conftest import Admin
from tests.imports.halo_side import everything

SETTINGS = {"item_default_group": "1"}
ENTITY = {"customers": "customer", "products": "product"}
ENDPOINT = {"customers": "customers", "products": "items"}


@dataclass(slots=True)
class AtCall(Peril):
    """Dies before or after the `nth` call (from 1) whose name matches."""

    pattern: str = ""
    nth: int = 1
    met: int = 0

    def before(self, name: str) -> int:
        # Not super(): a dataclass with slots is another class than the one that the cell names.
        call = Peril.before(self, name)
        if re.search(self.pattern, name):
            self.met += 1
            if self.met == self.nth:
                self.at = call
                if self.how == "dies before":
                    self._die()
        return call


@dataclass(frozen=True, slots=True)
class Ending:
    """All that must not depend on what happened on the way."""

    counts: dict[str, Any]
    failures: list[tuple[str, str]]
    halo: dict[str, list[Any]]
    links: list[tuple[str, ...]]


@dataclass
class Stage:
    sandbox: Sandbox
    env: Mapping[str, str]
    path: str = ""
    company: str = ""
    job_id: str = ""
    bc_reads: int = 0
    calls: list[str] = field(default_factory=list)
    calm: dict[tuple[str, str], tuple[Ending, list[str], int]] = field(default_factory=dict)

    async def undisturbed(self, kind: str, country: str = "US") -> tuple[Ending, list[str], int]:
        """What an import that nothing happens to ends with, the calls it makes, and the BC pages it reads."""
        if (kind, country) not in self.calm:
            ending = await self.run(kind, country=country)
            self.calm[kind, country] = ending, self.calls, self.bc_reads
        return self.calm[kind, country]

    async def run(self, kind: str, peril: Peril | None = None, *, country: str = "US") -> Ending:
        """One import from a fresh world to its end; with a peril in its first process. The US company is the small one."""
        self.sandbox.reset()
        async with a_process(self.env) as services:
            admin = Admin(services, self.sandbox)
            await admin.connect(country, **SETTINGS)
            self.path, self.company = admin.path, admin.company
            started = await admin.ask("POST", f"{self.path}/imports/{kind}", {"all": True}, status=202)
            self.job_id = started["job_id"]
        self.sandbox.control.delete("/counters")
        danger = peril or Peril()
        forget_everything()
        async with a_process(self.env, danger) as services:
            with suppress(Died):
                await self.deliver(services)
        self.calls = danger.calls
        if peril is not None:
            forget_everything()
            async with a_process(self.env) as services:
                await free(services, f"job:{self.job_id}")
                await free_places(services)
                await self.deliver(services)
        self.bc_reads = Admin.requests(self._looking(None), "bc")[f"GET {ENDPOINT[kind]}"]
        return await self.ending(kind)

    async def deliver(self, services: Services) -> None:
        for page in range(30):
            await run_job(services, ImportPageMessage(job_id=self.job_id, page=page))
            row = await services.store.jobs.get(self.job_id)
            assert row is not None
            if row.value.finished_at:
                return
        raise AssertionError("the job never ended")

    async def ending(self, kind: str) -> Ending:
        async with a_process(self.env) as services:
            admin = self._looking(services)
            job = await admin.ask("GET", f"/api/jobs/{self.job_id}")
            failures = (await admin.ask("GET", f"/api/jobs/{self.job_id}/failures", limit=500))["items"]
            numbers = {
                halo_id: str(row["accountsid"])
                for halo_id, row in everything(admin, "Client" if kind == "customers" else "Item").items()
            }
            connection_id = self.path.rpartition("/")[2]
            links = [
                (link.bc_id, link.bc_number, numbers[link.halo_id], link.source, link.state, link.import_hash)
                async for link in services.store.links.all(connection_id, ENTITY[kind])
            ]
            wanted = (
                "status",
                "total",
                "done",
                "created",
                "updated",
                "unchanged",
                "skipped",
                "failed",
                "detail",
            )
            return Ending(
                {name: job[name] for name in wanted},
                sorted((failure["record"], failure["code"]) for failure in failures),
                halo_of(admin),
                sorted(links),
            )

    def _looking(self, services: Any) -> Admin:
        admin = Admin(services, self.sandbox)
        admin.path, admin.company = self.path, self.company
        return admin


def halo_of(admin: Admin) -> dict[str, list[Any]]:
    """All that Halo holds, without the ids that it gave out on the way."""
    clients = everything(admin, "Client")
    names = {halo_id: f"{row['accountsid']} {row['name']}" for halo_id, row in clients.items()}

    def plain(resource: str, row: dict[str, Any]) -> str:
        kept = {name: value for name, value in row.items() if name not in ("id", "main_site_id", "client_id")}
        if resource == "Site":
            kept["client"] = names[str(int(row["client_id"]))]
            kept["delivery_address"] = {
                name: value for name, value in row["delivery_address"].items() if name != "id"
            }
        return str(sorted(kept.items()))

    return {
        resource: sorted(plain(resource, row) for row in everything(admin, resource).values())
        for resource in ("Client", "Site", "Item", "AssetGroup")
    }


def assert_same(found: Ending, calm: Ending, place: str = "") -> None:
    """Compared part by part, so that a difference can be read."""
    assert found.counts == calm.counts, place
    assert found.failures == calm.failures, place
    for resource, rows in calm.halo.items():
        assert sorted(set(found.halo[resource]) ^ set(rows)) == [], (place, resource)
        assert found.halo[resource] == rows, (place, resource)
    assert found.links == calm.links, place


def forget_everything() -> None:
    """What a process keeps in memory between messages."""
    running._runs.clear()
    preview._kept.clear()
    directory._details.clear()
    lookups._read_before.clear()


async def free(services: Services, name: str) -> None:
    """Let the time of a dead holder's lease be over."""
    lease = await services.store.leases.read(name)
    if lease is not None:
        await services.store.leases.release(lease)


async def free_places(services: Services) -> None:
    """Let the time be over for which a dead process holds its places at Business Central: many die here, within it."""
    for connection in await services.store.connections.list():
        principal = principal_of(connection)
        held = await services.store.budgets._permits.read("permits", principal)
        for holder in held.borrowed:
            await services.store.budgets.give_back(principal, holder)


@pytest.fixture(scope="module")
def stage(sandbox: Sandbox) -> Stage:
    halo = sandbox.facts["halo"]
    return Stage(
        sandbox,
        {
            "AzureWebJobsStorage": shared().fresh(),
            "PUBLIC_URL": "http://127.0.0.1:7071",
            "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "ADMIN_KEY": "an-admin-key-for-tests",
            "HALO_URL": sandbox.url("halo"),
            "HALO_CLIENT_ID": halo["client_id"],
            "HALO_CLIENT_SECRET": halo["client_secret"],
            "HALO_TENANT": halo["tenant"],
            # Each process that dies takes its share of Halo calls with it, and here many die in few minutes.
            "HALO_REQUESTS_PER_5_MINUTES": "100000",
            "BC_API_URL": sandbox.url("bc"),
            "AZURE_AUTHORITY_HOST": sandbox.url("entra"),
        },
    )


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "PAGE_SIZE", 30)
    monkeypatch.setattr(running, "BLOCK", 20)


def page_reads(kind: str) -> str:
    return rf"^bc GET .*/{ENDPOINT[kind]}\b"


async def test_f12_a_kill_on_the_third_page_of_ten_reads_that_page_again_and_no_other(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm, _, _ = await stage.undisturbed("customers")
    assert (calm.counts["status"], calm.counts["done"], calm.counts["total"]) == ("succeeded", 60, 60)
    monkeypatch.setattr(running, "PAGE_SIZE", 6)
    peril = AtCall(how="dies after", pattern=page_reads("customers"), nth=3)
    assert_same(await stage.run("customers", peril), calm)
    assert peril.met == 3
    assert stage.bc_reads == 10 + 1
    # Within the page: some of its records are written, and their links are not.
    peril = AtCall(how="dies after", pattern="^halo POST .*/Client", nth=3)
    assert_same(await stage.run("customers", peril), calm)
    assert peril.met == 3
    assert stage.bc_reads == 10 + 1


@pytest.mark.parametrize(
    ("kind", "how", "page"), [("customers", "dies before", 2), ("products", "dies after", 3)]
)
async def test_a_kill_at_the_border_of_a_page_ends_like_an_undisturbed_run(
    stage: Stage, kind: str, how: How, page: int
) -> None:
    await at_borders(stage, kind, "US", how, [page])


@pytest.mark.parametrize("kind", ["customers", "products"])
async def test_a_kill_at_a_random_moment_ends_like_an_undisturbed_run(stage: Stage, kind: str) -> None:
    await at_random_moments(stage, kind, "US", 2)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("how", ["dies before", "dies after"])
@pytest.mark.parametrize("kind", ["customers", "products"])
async def test_a_kill_at_the_border_of_every_page_ends_like_an_undisturbed_run(
    stage: Stage, kind: str, how: How
) -> None:
    _, _, pages = await stage.undisturbed(kind, "GB")
    assert pages == (5 if kind == "customers" else 10)
    await at_borders(stage, kind, "GB", how, range(1, pages + 1))


@pytest.mark.soak
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("kind", ["customers", "products"])
async def test_kills_at_many_random_moments_end_like_an_undisturbed_run(stage: Stage, kind: str) -> None:
    await at_random_moments(stage, kind, "GB", 60)


async def at_borders(stage: Stage, kind: str, country: str, how: How, pages: Iterable[int]) -> None:
    calm, _, _ = await stage.undisturbed(kind, country)
    for page in pages:
        peril = AtCall(how=how, pattern=page_reads(kind), nth=page)
        assert_same(await stage.run(kind, peril, country=country), calm, f"page {page}")
        assert peril.met == page


async def at_random_moments(stage: Stage, kind: str, country: str, times: int) -> None:
    """The moments are drawn among the calls of an undisturbed run, so that each call is as likely."""
    calm, calls, _ = await stage.undisturbed(kind, country)
    drawn = random.Random(f"{kind} {country} {times}")
    for at in drawn.sample(range(1, len(calls) * 9 // 10), times):
        how: How = drawn.choice(["dies before", "dies after"])
        peril = Peril(at=at, how=how)
        ending = await stage.run(kind, peril, country=country)
        assert_same(ending, calm, f"{how} call {at}, about {calls[at - 1]}")
        assert peril.died
