"""Secrets and tokens are planted and then searched for: tables, queues, logs, answers."""

from __future__ import annotations

import json

from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueServiceClient

from tests.e2e.acting import Acting, Invoicing


def test_no_secret_or_token_is_anywhere_but_sealed(connected: Acting) -> None:
    invoicing = Invoicing(connected)
    halo_id = invoicing.invoice()
    connected.sync("invoice", halo_id)
    connected.outcome("invoice", halo_id)
    connected.fault("bc", {"kind": "status", "status": 401}, path=r"\$batch", times=2)
    broken = invoicing.invoice()
    connected.sync("invoice", broken)
    connected.sync("invoice", 999999)
    connected.outcome("invoice", 999999)

    app = connected.app
    secrets = {
        "client secret": app.sandbox.facts["entra"]["apps"][1]["client_secrets"][0]["value"],
        "halo secret": app.host.env["HALO_CLIENT_SECRET"],
        "admin key": app.admin_key,
        "function key": app.function_key,
        "encryption key": app.host.env["ENCRYPTION_KEYS"],
        "a token": "eyJ",
    }
    storage = app.host.env["AzureWebJobsStorage"]
    found: dict[str, str] = {}
    with TableServiceClient.from_connection_string(storage) as tables:
        for table in tables.list_tables():
            with tables.get_table_client(table.name) as client:
                for row in client.list_entities():
                    found[f"table {table.name} {row['PartitionKey']}"] = json.dumps(dict(row), default=str)
    with QueueServiceClient.from_connection_string(storage) as queues:
        for queue in queues.list_queues():
            with queues.get_queue_client(str(queue.name)) as each:
                for position, message in enumerate(each.peek_messages(32)):
                    found[f"queue {queue.name} {position}"] = str(message.content)
    found["logs"] = "\n".join(app.host.logs)
    for path in ("/api/setup", "/api/connections", "/api/outcomes", "/api/errors", "/health", "/console"):
        found[path] = app.api.get(path).text
    assert len(found) > 10
    for place, text in found.items():
        for name, secret in secrets.items():
            assert secret not in text, f"{name} in {place}"
