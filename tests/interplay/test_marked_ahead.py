"""A webhook marks its records in the call itself; its messages keep them where that cannot be."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import azure.functions as func
import pytest
from azure.storage.queue import QueueClient

from bc import settings
from bc.functions import halo, queues
from bc.functions.http import Request
from bc.store import open_store
from tests.interplay.acts import in_bc, push
from tests.sweep.house import House


async def delivered(house: House, *ids: str) -> None:
    """Halo calls the webhook."""
    body = json.dumps([{"id": halo_id} for halo_id in ids]).encode()
    headers = {"content-type": "application/json"}
    request = Request(
        "POST", "http://127.0.0.1/halo/events", "/halo/events", headers, (("entity", "invoice"),), body
    )
    answer = await halo._router.answer(house.services, request)
    assert answer.status == 202, answer.body


def on_the_queue(house: House) -> list[dict[str, Any]]:
    """Takes the messages that the webhook left."""
    storage = house.services.settings.storage.connection_string.reveal()
    with QueueClient.from_connection_string(storage, "entity-sync") as client:
        found = list(client.receive_messages())
        for message in found:
            client.delete_message(message)
    return [json.loads(base64.b64decode(message.content)) for message in found]


async def taken(house: House, monkeypatch: pytest.MonkeyPatch, message: dict[str, Any]) -> None:
    """What the queue's function makes of a message."""

    async def services() -> Any:
        return house.services

    monkeypatch.setattr(queues, "_services", services)
    body = json.dumps(message).encode()
    await queues.entity_sync._function.get_user_function()(func.QueueMessage(id="m1", body=body))


async def test_a_push_waits_for_no_message_and_its_message_orders_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    halo_id = house.invoice(await house.customer(), await house.product())
    await delivered(house, halo_id)
    await push(house)
    assert in_bc(house, halo_id)
    (message,) = on_the_queue(house)
    assert (message["entity"], message["halo_id"], message["operation"]) == ("invoice", halo_id, "upsert")
    await taken(house, monkeypatch, message)
    assert await house.dirty_rows() == []


async def test_while_the_tables_do_not_answer_the_message_keeps_the_change(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    halo_id = house.invoice(await house.customer(), await house.product())
    storage = house.services.settings.storage.connection_string.reveal()
    nowhere = re.sub(r"TableEndpoint=http://[^/;]+", "TableEndpoint=http://127.0.0.1:9", storage)
    down = open_store(settings.load({"AzureWebJobsStorage": nowhere}))
    try:
        with monkeypatch.context() as patch:
            patch.setattr(house.services.store, "dirty", down.dirty)
            await delivered(house, halo_id)
    finally:
        await down.close()
    assert await house.dirty_rows() == []
    (message,) = on_the_queue(house)
    await taken(house, monkeypatch, message)
    await push(house)
    assert in_bc(house, halo_id)


@pytest.mark.parametrize(
    "said",
    [
        {"requested_at": (datetime.now(UTC) - timedelta(days=1)).isoformat(), "marked_dirty": True},
        {"requested_at": None, "marked_dirty": True},
        {"requested_at": datetime.now(UTC).isoformat(), "marked_dirty": "no field of theirs"},
    ],
    ids=["put back a day later", "without a time", "another's field of that name"],
)
async def test_what_others_put_on_the_queue_is_an_order(
    house: House, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any]
) -> None:
    await taken(house, monkeypatch, {"entity": "invoice", "halo_id": "41", **said})
    assert [row.value.halo_id for row in await house.dirty_rows()] == ["41"]


@pytest.mark.parametrize("turn", [1, -1], ids=["in order", "the wrong way round"])
@pytest.mark.parametrize("last", ["delete", "upsert"])
async def test_what_a_delivery_says_last_of_a_record_counts_whatever_the_queue_gives_first(
    house: House, monkeypatch: pytest.MonkeyPatch, turn: int, last: str
) -> None:
    async def nothing_ahead(services: Any, changes: Any) -> Any:
        return changes

    monkeypatch.setattr(halo, "take_ahead", nothing_ahead)
    said = [*(["upsert", "delete"] if last == "delete" else ["upsert", "delete", "upsert"])]
    body = json.dumps([{"entity": "invoice", "halo_id": "77", "operation": one} for one in said]).encode()
    headers = {"content-type": "application/json"}
    request = Request("POST", "http://127.0.0.1/halo/events", "/halo/events", headers, (), body)
    assert (await halo._router.answer(house.services, request)).status == 202
    for message in sorted(on_the_queue(house), key=lambda one: one["requested_at"])[::turn]:
        await taken(house, monkeypatch, message)
    assert [row.value.operation for row in await house.dirty_rows()] == [last]
