"""F13-F23: messages that come twice, late, in the wrong order or not at all; two hosts on one record."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from azure.storage.queue import QueueClient

from bc.sync.context import LostLease
from bc.sync.work import push_row
from tests.e2e.acting import Acting, Invoicing, wait_for
from tests.faults.engine import a_process, drain
from tests.faults.looking import creates, deliver, edit_line, lines, log

pytestmark = pytest.mark.timeout(90)


def queue(acting: Acting, name: str = "entity-sync") -> QueueClient:
    return QueueClient.from_connection_string(acting.app.host.env["AzureWebJobsStorage"], name)


def put(acting: Acting, text: str) -> None:
    with queue(acting) as client:
        client.send_message(base64.b64encode(text.encode()).decode())


def held_create(acting: Acting, halo_id: str, when: str = "before") -> None:
    """Sync the invoice and wait until its create is on its way to BC, where it stays."""
    acting.fault(
        "bc", {"kind": "hold", "when": when, "name": halo_id}, method="POST", body=f'HALO-{halo_id}"'
    )
    acting.sync("invoice", halo_id)
    acting.held(halo_id)


def release(acting: Acting, halo_id: str) -> None:
    acting.control.post("/faults/release", json={"name": halo_id}).raise_for_status()


def at_rest(acting: Acting, halo_id: str, count: int, seconds: float = 60) -> list[str]:
    """The actions told of an invoice, newest first, once there are so many and none comes after them."""
    wait_for(lambda: len(acting.outcomes("invoice", halo_id)) >= count or None, seconds, f"{count} outcomes")
    time.sleep(1.5)
    found = acting.outcomes("invoice", halo_id)
    assert len(found) == count, found
    return [f"{one['status']} {one['action']}" for one in found]


def test_f13_a_message_delivered_twice_at_once_is_one_push(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    message = json.dumps({"entity": "invoice", "halo_id": halo_id})
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: put(acting, message), range(2)))
    outcome = acting.outcome("invoice", halo_id)
    assert (outcome["action"], outcome["attempts"]) == ("created", 1)
    time.sleep(1)
    assert len(creates(acting, halo_id)) == 1
    assert len(acting.bc_invoices(halo_id)) == 1


async def test_f14_a_holder_that_slept_past_its_lease_writes_nothing(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice()
    async with a_process(acting.app.host.env) as sleeper:
        await sleeper.store.dirty.mark("invoice", halo_id, source="queue", requested_at=datetime.now(UTC))
        (row,) = [row async for row in sleeper.store.dirty.rows() if row.value.halo_id == halo_id]
        connections = await sleeper.store.connections.list()
        sleeper.fence_until = 0.0
        with pytest.raises(LostLease):
            sleeper.check_fence()
        await push_row(sleeper, row, connections)
        assert creates(acting, halo_id) == []
        assert await sleeper.store.dirty.get("invoice", halo_id)
    async with a_process(acting.app.host.env) as winner:
        await drain(winner)
    assert len(acting.bc_invoices(halo_id)) == 1


async def test_f14_two_workers_on_one_invoice_leave_one(acting: Acting, invoicing: Invoicing) -> None:
    """Should two pumps ever run at once, the link's ETag lets one of them through."""
    halo_id = invoicing.invoice()
    env = acting.app.host.env
    async with a_process(env) as one, a_process(env) as other:
        await one.store.dirty.mark("invoice", halo_id, source="queue", requested_at=datetime.now(UTC))
        (row,) = [row async for row in one.store.dirty.rows() if row.value.halo_id == halo_id]
        connections = await one.store.connections.list()
        await asyncio.gather(push_row(one, row, connections), push_row(other, row, connections))
        await drain(one)
    assert len(acting.bc_invoices(halo_id)) == 1
    assert not [o for o in acting.outcomes("invoice", halo_id) if o["status"] not in ("synced", "unchanged")]


def test_f15_f16_edits_during_a_push_are_one_further_pass(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    held_create(acting, halo_id)
    for quantity in range(2, 12):
        edit_line(acting, halo_id, qty_order=quantity)
        deliver(acting, "invoice", halo_id)
    with queue(acting) as client:
        wait_for(lambda: not client.peek_messages(5) or None, 10, "an empty queue")
    time.sleep(0.5)
    release(acting, halo_id)
    assert at_rest(acting, halo_id, 2) == ["synced updated", "synced created"]
    (line,) = lines(acting, halo_id)
    assert Decimal(str(line["quantity"])) == 11


def test_f17_an_update_before_the_create_ended_waits_for_it(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    held_create(acting, halo_id, "after")
    edit_line(acting, halo_id, qty_order=3)
    acting.sync("invoice", halo_id)
    time.sleep(1)
    assert len(log(acting, method="POST", path="batch")) == 1
    release(acting, halo_id)
    assert at_rest(acting, halo_id, 2) == ["synced updated", "synced created"]
    assert Decimal(str(lines(acting, halo_id)[0]["quantity"])) == 3


def test_f18_a_delete_before_the_create_ended_leaves_nothing(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    held_create(acting, halo_id)
    acting.remove("Invoice", halo_id)
    deliver(acting, "invoice", halo_id, "delete")
    time.sleep(1)
    release(acting, halo_id)
    wait_for(
        lambda: [o for o in acting.outcomes("invoice", halo_id) if o["action"] == "deleted"] or None,
        60,
        "the delete",
    )
    assert acting.bc_invoices(halo_id) == []


def test_f18_a_delete_after_a_lost_create_leaves_nothing(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    acting.fault("bc", {"kind": "drop", "when": "after"}, method="POST", body=f'HALO-{halo_id}"')
    acting.sync("invoice", halo_id)
    wait_for(lambda: acting.bc_invoices(halo_id) or None, 10, "the invoice in BC")
    acting.remove("Invoice", halo_id)
    deliver(acting, "invoice", halo_id, "delete")
    wait_for(lambda: not acting.bc_invoices(halo_id) or None, 60, "no invoice in BC")
    outcome = acting.outcome("invoice", halo_id)
    assert (outcome["status"], outcome["action"]) == ("synced", "deleted")


def test_f19_a_payload_that_always_fails_ends_with_its_cause_and_holds_up_nobody(
    acting: Acting, invoicing: Invoicing
) -> None:
    refusal = {"error": {"code": "Application_DialogException", "message": "The frobnicator is bent."}}
    bad, good = invoicing.invoice(), invoicing.invoice()
    acting.fault("bc", {"kind": "status", "status": 400, "body": refusal}, body=f'HALO-{bad}"', times=0)
    acting.sync("invoice", bad, good)
    assert acting.outcome("invoice", good)["status"] == "synced"
    outcome = acting.outcome("invoice", bad)
    assert (outcome["status"], outcome["code"], outcome["attempts"]) == ("failed", "bc_rejected", 1)
    assert "frobnicator" in outcome["message"]
    (error,) = [e for e in acting.get("/api/errors", state="open")["items"] if e["halo_id"] == bad]
    acting.control.delete("/faults")
    with ThreadPoolExecutor(2) as pool:
        answers = list(
            pool.map(
                lambda _: acting.app.api.post("/api/errors/retry", json={"ids": [error["id"]]}), range(2)
            )
        )
    assert sum(answer.json()["queued"] for answer in answers) == 1  # F22: two admins, one effect
    assert acting.outcome("invoice", bad, after=1)["status"] == "synced"
    assert acting.get("/api/errors", state="open")["items"] == []


async def test_f22_a_retry_that_died_half_way_can_be_asked_for_again(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice({"item_shortdescription": "Nothing to book", "qty_order": 1, "unit_price": 9})
    acting.sync("invoice", halo_id)
    assert acting.outcome("invoice", halo_id)["status"] == "failed"
    async with a_process(acting.app.host.env) as services:
        (row,) = await services.store.errors.open_of("invoice", halo_id)
        # The first half of a retry: the error is marked, the record is not queued.
        await services.store.errors.replace(msgspec.structs.replace(row.value, state="retrying"), row.etag)
    assert acting.post("/api/errors/retry", {"ids": [row.value.id]}, 202)["queued"] == 1
    acting.outcome("invoice", halo_id, after=1)


def test_f20_a_long_throttle_never_reaches_the_dead_list(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    acting.fault("bc", {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}})
    acting.sync("invoice", halo_id)
    outcome = acting.outcome("invoice", halo_id, seconds=60)
    assert outcome["status"] == "synced"
    assert len(acting.outcomes("invoice", halo_id)) == 1
    for name in ("entity-sync-poison", "pump-poison"):
        with queue(acting, name) as client, suppress(Exception):
            assert not client.peek_messages(5)


async def test_f23_a_host_that_stops_in_the_middle_loses_nothing(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice()
    acting.fault("bc", {"kind": "hold", "when": "after", "name": halo_id}, body=f'HALO-{halo_id}"')
    async with a_process(acting.app.host.env) as services:
        await services.store.dirty.mark("invoice", halo_id, source="queue", requested_at=datetime.now(UTC))
        pushing = asyncio.create_task(drain(services))
        await asyncio.to_thread(acting.held, halo_id)
        pushing.cancel()
        with suppress(asyncio.CancelledError):
            await pushing
    acting.control.delete("/faults")
    async with a_process(acting.app.host.env) as services:
        await drain(services)
    assert len(acting.bc_invoices(halo_id)) == 1
    assert acting.outcomes("invoice", halo_id)[0]["action"] == "created"


def test_f21_a_message_of_another_version_or_size_is_kept_and_shown(acting: Acting) -> None:
    before = len(acting.get("/api/errors", state="open")["items"])
    texts = [
        json.dumps({"schema": 7, "kind": "invoice", "ids": [1]}),
        json.dumps({"entity": "invoice", "halo_id": "x" * 30_000}),
        json.dumps({"entity": "invoice", "halo_id": True}),
        "\\u0000\\x00 \ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    ]
    for text in texts:
        put(acting, text)

    def kept() -> list[dict[str, Any]] | None:
        items: list[dict[str, Any]] = acting.get("/api/errors", state="open")["items"]
        return items if len(items) >= before + len(texts) else None

    found = wait_for(kept, 30, "the errors")
    assert {error["code"] for error in found[: len(texts)]} == {"bad_message"}
    assert max(len(error["text"]) for error in found) <= 8 * 1024
    for error in found[: len(texts)]:
        acting.post(f"/api/errors/{error['id']}/dismiss", status=204)


async def test_one_waiting_record_leaves_one_wake_up_whatever_else_goes_on(
    acting: Acting, invoicing: Invoicing
) -> None:
    """Each run of the pump leaves a wake-up for what waits; those must not breed."""
    async with a_process(acting.app.host.env) as services:
        await services.store.dirty.mark("invoice", "777777", source="queue", requested_at=datetime.now(UTC))
        row = await services.store.dirty.get("invoice", "777777")
        assert row
        later = datetime.now(UTC) + timedelta(minutes=10)
        waits = msgspec.structs.replace(row.value, not_before=later)
        row = await services.store.dirty.replace(waits, row.etag)
        for _ in range(4):
            halo_id = invoicing.invoice()
            acting.sync("invoice", halo_id)
            acting.outcome("invoice", halo_id)
            time.sleep(0.5)
        with queue(acting, "pump") as messages:
            depth = messages.get_queue_properties().approximate_message_count or 0
        await services.store.dirty.delete(row.value, row.etag)
    assert depth <= 2
