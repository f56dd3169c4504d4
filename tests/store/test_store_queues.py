"""Queues, and what storage trouble looks like from outside."""

from __future__ import annotations

import base64
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.queue.aio import QueueServiceClient

from bc import settings as configuration
from bc.errors import NotConfigured, SyncError, Transient
from bc.settings import StorageSettings
from bc.store import Store, open_store
from bc.store.remote import Account, ServerClock


@pytest.fixture
async def service(storage: str) -> AsyncIterator[QueueServiceClient]:
    async with QueueServiceClient.from_connection_string(storage) as client:
        yield client


async def bodies(service: QueueServiceClient, queue: str) -> list[bytes]:
    messages = service.get_queue_client(queue).receive_messages()
    return [base64.b64decode(message.content) async for message in messages]


async def test_messages_are_base64_and_never_expire(store: Store, service: QueueServiceClient) -> None:
    await store.queues.send("entity-sync", '{"name": "é"}')
    (message,) = await service.get_queue_client("entity-sync").peek_messages()
    assert base64.b64decode(message.content).decode() == '{"name": "é"}'
    assert message.expires_on is not None
    assert message.expires_on > datetime.now(UTC) + timedelta(days=365)


async def test_a_delayed_message_is_hidden_and_counted(store: Store, service: QueueServiceClient) -> None:
    assert await store.queues.depth("pump") == 0
    await store.queues.send("pump", b"now")
    await store.queues.send("pump", b"later", delay=30)
    await store.queues.send("pump", b"much later", delay=30 * 24 * 3600)
    assert await store.queues.depth("pump") == 3
    assert await bodies(service, "pump") == [b"now"]


async def test_many_messages_are_all_sent(store: Store) -> None:
    await store.queues.send_many("import-pages", [f"{n}" for n in range(40)])
    assert await store.queues.depth("import-pages") == 40
    with pytest.raises(ValueError, match="fit"):
        await store.queues.send_many("import-pages", [b"x" * 50_000])


async def test_a_working_account_passes_the_check(store: Store) -> None:
    await store.check()


async def refusal_of(connection_string: str) -> SyncError:
    store = open_store(configuration.load({"AzureWebJobsStorage": connection_string}))
    try:
        with pytest.raises(SyncError) as caught:
            await store.check()
    finally:
        await store.close()
    assert "AccountKey" not in str(caught.value)
    return caught.value


async def test_storage_that_does_not_answer_is_transient(storage: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        endpoint = f"http://127.0.0.1:{port}/account0"
        text = "AccountName=account0;AccountKey=a2V5;DefaultEndpointsProtocol=http;"
        error = await refusal_of(f"{text}TableEndpoint={endpoint};QueueEndpoint={endpoint};")
    assert isinstance(error, Transient)
    assert error.code == "storage_unavailable"


async def test_a_wrong_storage_key_is_named(storage: str) -> None:
    parts = dict(part.split("=", 1) for part in storage.rstrip(";").split(";"))
    wrong = ";".join(f"{k}={v}" for k, v in (parts | {"AccountKey": "d3Jvbmc="}).items())
    error = await refusal_of(wrong)
    assert isinstance(error, NotConfigured)
    assert error.code == "storage_refused"
    # The role that is missing is named, for an app that comes with an identity.
    assert "the role Storage " in error.cure


@pytest.mark.parametrize("text", ["AccountName=x", "a=b;c", "AccountName=x;AccountKey=y;TableEndpoint=ftp//"])
async def test_a_malformed_connection_string_is_named(text: str) -> None:
    error = await refusal_of(text)
    assert isinstance(error, NotConfigured)
    assert "AzureWebJobsStorage" in error.message or "connection string" in error.cure


def test_the_emulator_has_its_well_known_account() -> None:
    storage = configuration.load({"AzureWebJobsStorage": "UseDevelopmentStorage=true"}).storage
    text = Account(storage, ServerClock()).connection_string()
    assert "http://127.0.0.1:10001/devstoreaccount1" in text
    assert "http://127.0.0.1:10002/devstoreaccount1" in text


async def test_an_identity_opens_both_services() -> None:
    settings = configuration.load({"AzureWebJobsStorage__accountName": "acme"})
    assert isinstance(settings.storage, StorageSettings)
    store = open_store(settings)
    assert Account(settings.storage, ServerClock()).connection_string() == ""
    await store.close()
