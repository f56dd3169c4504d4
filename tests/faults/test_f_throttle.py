"""F25-F36: limits, slow answers and lines that break; the app waits as long as it is asked to, and no shorter."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from bc.errors import Transient
from bc.sync.breaker import TRIPS_AFTER, Breaker
from bc.sync.work import push_row
from tests.e2e.acting import Acting, Invoicing
from tests.faults.engine import a_process, drain
from tests.faults.looking import at, creates, lines, log, switch, synced

pytestmark = pytest.mark.timeout(120)


def refusal(status: int, **headers: str) -> dict[str, Any]:
    return {
        "kind": "status",
        "status": status,
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
        "body": {"error": {"code": "Application_TooManyRequests", "message": "Too many requests reached."}}
        if status == 429
        else "",
    }


def test_f25_a_retry_after_holds_up_every_call_of_that_principal(
    acting: Acting, invoicing: Invoicing
) -> None:
    ids = [invoicing.invoice() for _ in range(12)]
    acting.fault("bc", refusal(429, Retry_After="4"), method="POST", body="HALO-")
    acting.sync("invoice", *ids)
    for halo_id in ids:
        assert acting.outcome("invoice", halo_id, seconds=60)["status"] == "synced"
    entries = log(acting)
    first = next(entry for entry in entries if entry["status"] == 429)
    ended = datetime.fromisoformat(first["ended"])
    # Those that were on their way already may arrive; none is sent once the answer is here.
    later = [at(entry) for entry in entries if at(entry) > ended + timedelta(seconds=0.3)]
    assert min(later) >= ended + timedelta(seconds=4)


def test_f26_a_retry_after_may_be_a_date(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=5), usegmt=True)
    acting.fault("bc", refusal(429, Retry_After=date), method="POST", body=f'HALO-{halo_id}"')
    acting.sync("invoice", halo_id)
    assert acting.outcome("invoice", halo_id, seconds=30)["status"] == "synced"
    tries = creates(acting, halo_id)
    assert (at(tries[-1]) - at(tries[0])).total_seconds() >= 3


def test_f27_a_429_without_a_word_is_tried_again_ever_later(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    acting.fault("bc", refusal(429), body=f'HALO-{halo_id}"', times=2)
    acting.sync("invoice", halo_id)
    assert acting.outcome("invoice", halo_id, seconds=30)["attempts"] == 3
    first, second, third = (at(entry) for entry in creates(acting, halo_id))
    assert (second - first).total_seconds() >= 1.6
    assert (third - second).total_seconds() > (second - first).total_seconds()


async def test_f28_a_503_lowers_what_is_sent_at_once(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    async with a_process(acting.app.host.env) as services:
        (connection,) = await services.store.connections.list()
        await services.permits.refresh([connection])
        acting.fault("bc", refusal(503), method="POST", body=f'HALO-{halo_id}"')
        await services.store.dirty.mark("invoice", halo_id, source="queue", requested_at=datetime.now(UTC))
        row = await services.store.dirty.get("invoice", halo_id)
        assert row
        await push_row(services, row, [connection])
        assert acting.outcomes("invoice", halo_id)[0]["code"] == "bc_unavailable"
        async with AsyncExitStack() as held:
            for _ in range(4):
                await held.enter_async_context(services.permits.hold(connection))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3), services.permits.hold(connection):
                    pass
        await services.permits.give_back()
        await drain(services)
    assert len(acting.bc_invoices(halo_id)) == 1


@pytest.mark.parametrize("status", [408, 504])
def test_f29_a_batch_that_takes_too_long_is_halved(acting: Acting, invoicing: Invoicing, status: int) -> None:
    halo_id = invoicing.invoice(*(invoicing.line("Service", 1, 10, f"L{n}") for n in range(16)))
    synced(acting, halo_id)
    halo = acting.halo("Invoice", halo_id)["lines"]
    acting.edit("Invoice", halo_id, {"lines": [{"id": line["id"], "qty_order": 5} for line in halo]})
    acting.clear_counters()
    # BC manages five changes at a time.
    acting.fault("bc", refusal(status), body=r"(PATCH.*){6}", times=0)
    acting.sync("invoice", halo_id)
    outcome = acting.outcome("invoice", halo_id, after=1, seconds=30)
    assert (outcome["status"], outcome["action"], outcome["attempts"]) == ("synced", "updated", 1), outcome
    assert {float(line["quantity"]) for line in lines(acting, halo_id)} == {5.0}


def test_f29_f30_a_create_that_is_too_much_goes_in_pieces(acting: Acting, invoicing: Invoicing) -> None:
    for status in (504, 413):
        halo_id = invoicing.invoice(*(invoicing.line("Service", 1, n, f"L{n}") for n in range(1, 13)))
        acting.fault("bc", refusal(status), body=rf'HALO-{halo_id}"(.*description){{5}}', times=0)
        acting.sync("invoice", halo_id)
        outcome = acting.outcome("invoice", halo_id, seconds=30)
        assert (outcome["status"], outcome["action"], outcome["attempts"]) == ("synced", "created", 1), (
            outcome
        )
        found = lines(acting, halo_id)
        assert [line["description"] for line in found] == [f"L{n}" for n in range(1, 13)]
        assert [line["sequence"] for line in found] == list(range(1000, 1012))
        acting.control.delete("/faults")


async def test_f31_a_retry_after_of_days_is_kept_and_a_negative_one_is_none(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice()
    async with a_process(acting.app.host.env) as services:
        for seconds, least in ((3 * 86400, timedelta(days=3)), (-5, timedelta(0))):
            acting.fault("bc", refusal(429, Retry_After=str(seconds)), body=f'HALO-{halo_id}"')
            await services.store.dirty.mark(
                "invoice", halo_id, source="manual", requested_at=datetime.now(UTC)
            )
            row = await services.store.dirty.get("invoice", halo_id)
            assert row

            services.permits._rests.clear()
            await push_row(services, row, await services.store.connections.list())
            row = await services.store.dirty.get("invoice", halo_id)
            assert row
            assert row.value.not_before
            wait = row.value.not_before - datetime.now(UTC)
            assert least - timedelta(seconds=1) <= wait <= least + timedelta(hours=1)
        services.permits._rests.clear()
        await drain(services)
    assert len(acting.bc_invoices(halo_id)) == 1


async def test_f34_no_way_to_bc_is_transient_and_opens_the_breaker(
    acting: Acting, invoicing: Invoicing
) -> None:
    ids = [invoicing.invoice() for _ in range(TRIPS_AFTER + 1)]
    env = {**acting.app.host.env, "BC_API_URL": "http://127.0.0.1:9"}
    async with a_process(env) as services:
        connections = await services.store.connections.list()
        for halo_id in ids:
            await services.store.dirty.mark(
                "invoice", halo_id, source="queue", requested_at=datetime.now(UTC)
            )
            row = await services.store.dirty.get("invoice", halo_id)
            assert row

            await push_row(services, row, connections)
        assert services.breakers[connections[0].id].is_open
        for halo_id in ids:
            row = await services.store.dirty.get("invoice", halo_id)
            assert row
            assert row.value.last_code == "bc_unavailable"
            assert acting.outcomes("invoice", halo_id)[0]["status"] == "retrying"
    async with a_process(acting.app.host.env) as services:
        await drain(services)
    assert all(len(acting.bc_invoices(halo_id)) == 1 for halo_id in ids)


async def test_a_probe_that_ends_at_halo_lets_the_next_probe_go(acting: Acting, invoicing: Invoicing) -> None:
    """An open breaker must close again, whatever became of the record that was to probe."""
    halo_id = invoicing.invoice()
    env = acting.app.host.env
    async with a_process(env) as services:
        (connection,) = await services.store.connections.list()
        breaker = services.breakers.setdefault(connection.id, Breaker())
        for _ in range(TRIPS_AFTER):
            breaker.failure(Transient("bc_unavailable", "down"))
        breaker.open_until = 0.0
        acting.fault("halo", {"kind": "status", "status": 503}, method="GET", path=f"/Invoice/{halo_id}")
        for _ in range(2):
            await services.store.dirty.mark(
                "invoice", halo_id, source="manual", requested_at=datetime.now(UTC)
            )
            row = await services.store.dirty.get("invoice", halo_id)
            assert row
            await push_row(services, row, [connection])
        assert not breaker.is_open
    assert acting.outcomes("invoice", halo_id)[0]["status"] == "synced"


async def test_trouble_at_halo_does_not_close_the_way_to_bc(acting: Acting, invoicing: Invoicing) -> None:
    """A 429 of Halo carries the same code as one of BC."""
    env = acting.app.host.env
    acting.fault("halo", {"kind": "status", "status": 429}, method="GET", path="/Invoice/", times=0)
    async with a_process(env) as services:
        (connection,) = await services.store.connections.list()
        for _ in range(TRIPS_AFTER + 1):
            halo_id = invoicing.invoice()
            await services.store.dirty.mark(
                "invoice", halo_id, source="queue", requested_at=datetime.now(UTC)
            )
            row = await services.store.dirty.get("invoice", halo_id)
            assert row
            await push_row(services, row, [connection])
            assert acting.outcomes("invoice", halo_id)[0]["code"] == "throttled"
        assert connection.id not in services.breakers or not services.breakers[connection.id].is_open
        acting.control.delete("/faults")
        await drain(services)


def test_f35_a_read_that_cannot_be_read_is_read_again(acting: Acting, invoicing: Invoicing) -> None:
    """Halo answers 200 with a page of HTML: not a word of it counts."""
    halo_id = invoicing.invoice()
    acting.fault(
        "halo",
        {"kind": "raw", "body": "<html>Please wait</html>"},
        method="GET",
        path=f"/Invoice/{halo_id}",
    )
    acting.sync("invoice", halo_id)
    outcome = acting.outcome("invoice", halo_id, seconds=40)
    assert (outcome["status"], outcome["attempts"]) == ("synced", 2)


@pytest.mark.timeout(240)
def test_f32_three_hosts_and_people_beside_forty_invoices_stay_within_five(
    acting: Acting, invoicing: Invoicing
) -> None:
    ids = [invoicing.invoice() for _ in range(40)]
    switch(acting, bc__limits=True, bc__seconds_per_request=0.1)
    path = f"/api/connections/{acting.connection['id']}"
    with acting.app.another() as another, acting.app.another() as third:
        acting.clear_counters()
        acting.sync("invoice", *ids[:14])
        Acting(another).sync("invoice", *ids[14:28])
        Acting(third).sync("invoice", *ids[28:])
        for app in (acting.app, another, third):
            app.api.get(f"{path}/companies").raise_for_status()
        for halo_id in ids:
            assert acting.outcome("invoice", halo_id, seconds=150)["action"] == "created"
    switch(acting, bc__limits=False, bc__seconds_per_request=0.0)
    counters = acting.counters("bc")
    assert counters["max_concurrent"] <= 5
    # One request for each invoice, of two parts each; the rest are people's reads.
    assert len(log(acting, method="POST", path="batch")) == len(ids)
    assert counters["max_in_5_minutes"] == counters["requests"] + len(ids)
    assert "throttled" not in counters
    assert all(len(acting.bc_invoices(halo_id)) == 1 for halo_id in ids)
