"""The queue and the webhook as others use them: the public forms work, garbage is kept and shown, nothing loops."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from azure.storage.queue import QueueClient

from tests.e2e.acting import Acting, Invoicing, wait_for


def queue(acting: Acting, name: str = "entity-sync") -> QueueClient:
    return QueueClient.from_connection_string(acting.app.host.env["AzureWebJobsStorage"], name)


def put(acting: Acting, text: str) -> None:
    with queue(acting) as client:
        client.send_message(base64.b64encode(text.encode()).decode())


def test_a_foreign_producers_message_is_synced(connected: Acting) -> None:
    invoicing = Invoicing(connected)
    halo_id = invoicing.invoice()
    message = {
        "entity": "invoice",
        "halo_id": halo_id,
        "operation": "upsert",
        "connection_id": None,
        "requested_at": "2026-11-23T08:00:00Z",
        "something_else": {"is": "ignored"},
    }
    put(connected, json.dumps(message))
    assert connected.outcome("invoice", halo_id)["status"] == "synced"


def test_the_shortest_message_is_enough(connected: Acting) -> None:
    invoicing = Invoicing(connected)
    halo_id = invoicing.invoice()
    put(connected, json.dumps({"entity": "invoice", "halo_id": halo_id}))
    assert connected.outcome("invoice", halo_id)["action"] == "created"


GARBAGE = {
    "not json": "this is not json",
    "wrong entity": '{"entity": "ticket", "halo_id": "5"}',
    "no id": '{"entity": "invoice"}',
    "a path for an id": '{"entity": "invoice", "halo_id": "../../Control"}',
    "a list": "[1, 2, 3]",
}


def test_garbage_ends_on_the_errors_list_without_a_loop(connected: Acting) -> None:
    for text in GARBAGE.values():
        put(connected, text)
    with queue(connected) as client:
        client.send_message("%%% not base64 %%%")

    def kept() -> list[dict[str, Any]] | None:
        items: list[dict[str, Any]] = connected.get("/api/errors", state="open")["items"]
        return items if len(items) >= len(GARBAGE) + 1 else None

    errors = wait_for(kept, 60, "the errors")
    assert {error["code"] for error in errors} == {"bad_message"}
    assert all(error["connection_id"] is None and error["cure"] for error in errors)
    assert set(GARBAGE.values()) <= {error["text"] for error in errors}
    for name in ("entity-sync", "entity-sync-poison"):
        with queue(connected, name) as client:
            assert wait_for(lambda c=client: not c.peek_messages(5) or None, 20, f"an empty {name}")  # type: ignore[misc]
    time.sleep(2)
    assert len(connected.get("/api/errors", state="open")["items"]) == len(GARBAGE) + 1
    first = errors[0]["id"]
    connected.post(f"/api/errors/{first}/dismiss", status=204)
    assert first not in {error["id"] for error in connected.get("/api/errors", state="open")["items"]}


def deliver(acting: Acting, body: Any, **params: str) -> Any:
    return acting.app.api.post("/halo/events", params={"code": acting.app.function_key, **params}, json=body)


def test_the_webhook_answers_as_the_public_face_says(acting: Acting) -> None:
    answer = deliver(acting, {"event": "Invoice Updated", "id": 99999})
    assert (answer.status_code, answer.json()) == (202, {"queued": 1})
    answer = deliver(
        acting, [{"entity": "customer", "halo_id": "99998"}, {"what": "ever"}, {"invoice": {"id": 99997}}]
    )
    assert (answer.status_code, answer.json()) == (202, {"queued": 2, "ignored": 1})
    answer = deliver(acting, {"event": "Ticket Created", "id": 5})
    assert answer.status_code == 200
    assert answer.json()["queued"] == 0
    assert answer.json()["reason"]
    assert deliver(acting, []).json()["queued"] == 0
    assert deliver(acting, {"hello": "world"}).status_code == 400
    answer = deliver(acting, {"id": 99996}, entity="product", operation="upsert")
    assert (answer.status_code, answer.json()) == (202, {"queued": 1})


@pytest.mark.parametrize("code", ["", "wrong"])
def test_the_function_key_is_the_gate(acting: Acting, code: str) -> None:
    answer = acting.app.api.post("/halo/events", params={"code": code} if code else {}, json={"id": 1})
    assert answer.status_code == 401
    answer = acting.app.api.post("/halo/sync/invoice/1", params={"code": code} if code else {})
    assert answer.status_code == 401


def test_a_halo_button_waits_for_one_line_of_outcome(connected: Acting) -> None:
    invoicing = Invoicing(connected)
    halo_id = invoicing.invoice()
    answer = connected.app.api.post(
        f"/halo/sync/invoice/{halo_id}",
        params={"wait": "20"},
        headers={"x-functions-key": connected.app.function_key},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["outcome"]["status"] == "synced"
    assert "\n" not in answer.json()["message"]
    answer = connected.app.api.post(
        f"/halo/sync/invoice/{halo_id}", headers={"x-functions-key": connected.app.function_key}
    )
    assert answer.status_code == 202
    assert answer.json()["queued"] == 1
    assert answer.json()["outcome_url"].startswith(connected.app.host.url)
