"""Many connections: a push for one of them asks storage about none of the others, and no page asks about each alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from msgspec import to_builtins
from msgspec.structs import replace

from bc.services import Services
from bc.settings import Secret
from bc.status.overview import overview
from bc.sync.breaker_notes import OpenBreaker
from bc.sync.pump import Pump
from tests.e2e.acting import Acting, Invoicing
from tests.faults.engine import Peril, a_process

pytestmark = pytest.mark.timeout(120)
COPIES = 40


@pytest.fixture
async def copies(acting: Acting) -> None:
    """Further connections, each with a sign-in of its own, called `copy…` in every key."""
    async with a_process(acting.app.host.env) as services:
        one, *others = await services.store.connections.list()
        if others:
            return
        for number in range(COPIES):
            copy = replace(one, id=f"copy{number}", is_default=False, principal=f"copy{number}")
            await services.store.connections.insert(copy, Secret("x"))


async def pump(services: Services) -> None:
    await Pump(services).run(seconds=60)


@pytest.mark.usefixtures("copies")
async def test_a_push_asks_storage_about_no_other_connection(acting: Acting, invoicing: Invoicing) -> None:
    halo_id, peril = str(invoicing.invoice()), Peril()
    async with a_process(acting.app.host.env, peril) as services:
        await services.store.dirty.mark("invoice", halo_id, source="manual", requested_at=datetime.now(UTC))
        await pump(services)
    assert acting.outcome("invoice", halo_id)["status"] == "synced"
    assert [call for call in peril.calls if "copy" in call] == []


@pytest.mark.usefixtures("copies")
async def test_the_status_asks_no_more_than_that_of_one_connection(acting: Acting) -> None:
    peril = Peril()
    async with a_process(acting.app.host.env) as services:
        store, now = services.store, datetime.now(UTC)
        await store.counts.add("copy7", now, {"synced": 3})
        await store.budgets.take_bc("copy7", 2, 2, 100)
        why = OpenBreaker(since=now, until=now, pause=10, code="bc_unavailable", message="Away.")
        await store.notes.put("breaker:copy8", to_builtins(why))
    async with a_process(acting.app.host.env, peril) as services:
        found = {state.connection_id: state for state in (await overview(services)).connections}
    assert len(peril.calls) < 20
    assert len(found) == COPIES + 1
    assert found["copy7"].outcomes_24h["synced"] == 3
    assert found["copy7"].bc_budget.used == 2
    assert found["copy8"].state.code == "breaker_open"
    assert found["copy9"].state.code == "ready"
    assert found["copy9"].outcomes_24h["synced"] == 0


@pytest.mark.usefixtures("copies")
async def test_a_breaker_that_an_earlier_pump_opened_is_open_for_this_one(acting: Acting) -> None:
    async with a_process(acting.app.host.env) as services:
        now = datetime.now(UTC)
        why = OpenBreaker(since=now, until=now, pause=10, code="bc_unavailable", message="Away.")
        await services.store.notes.put("breaker:copy3", to_builtins(why))
    async with a_process(acting.app.host.env) as services:
        await pump(services)
        opened = {name for name, breaker in services.breakers.items() if breaker.is_open}
    assert "copy3" in opened
    assert "copy4" not in opened


@pytest.mark.usefixtures("copies")
async def test_a_search_names_each_connection_in_which_a_record_is_linked(
    acting: Acting, invoicing: Invoicing
) -> None:
    own = str(acting.connection["id"])
    async with a_process(acting.app.host.env) as services:
        links = services.store.links
        row = await links.get(own, "customer", invoicing.customer)
        assert row is not None
        await links.put_many([replace(row.value, connection_id=name) for name in ("copy2", "copy5", "gone")])

    def found(**params: str) -> list[str]:
        (item,) = [
            item
            for item in acting.get("/api/halo/records/customers", **params)["items"]
            if item["halo_id"] == invoicing.customer
        ]
        return [link["connection_id"] for link in item["links"]]

    name = row.value.halo_name
    assert found(search=name) == [own, "copy2", "copy5"]
    assert found(search=row.value.bc_number) == [own, "copy2", "copy5"]
    assert found(search=name, connection_id="copy5") == ["copy5"]
    assert found(search=name, connection_id="copy6") == []
