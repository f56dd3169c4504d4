"""Token caches and sign-ins under way; and that nothing secret lies open anywhere."""

from __future__ import annotations

import base64
import zlib
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from azure.data.tables.aio import TableServiceClient
from azure.storage.queue.aio import QueueServiceClient

from bc.model import Connection
from bc.settings import Secret
from bc.store import Stale, Store

T0 = datetime(2026, 1, 2, tzinfo=UTC)
LATER = timedelta(minutes=10)


async def test_a_token_cache_is_guarded(store: Store) -> None:
    assert await store.tokens.cache("user:a") is None
    first = await store.tokens.save_cache("user:a", "one", None)
    assert await store.tokens.cache("user:a") == first
    with pytest.raises(Stale):
        await store.tokens.save_cache("user:a", "two", None)
    second = await store.tokens.save_cache("user:a", "two", first.etag)
    with pytest.raises(Stale):
        await store.tokens.save_cache("user:a", "three", first.etag)
    assert await store.tokens.cache("user:a") == second
    await store.tokens.delete_cache("user:a")
    await store.tokens.delete_cache("user:a")
    assert await store.tokens.cache("user:a") is None
    with pytest.raises(Stale):
        await store.tokens.save_cache("user:a", "four", second.etag)


async def test_a_large_token_cache_fits(store: Store) -> None:
    text = "é0123456789" * 20_000
    await store.tokens.save_cache("user:a", text, None)
    row = await store.tokens.cache("user:a")
    assert row is not None
    assert row.value == text


async def test_a_flow_is_taken_once(store: Store) -> None:
    flow = {"auth_uri": "https://x", "nonce": "n", "scope": ["a"]}
    await store.tokens.put_flow("state", flow, "hash", datetime.now(UTC) + LATER)
    assert await store.tokens.take_flow("other") is None
    assert await store.tokens.take_flow("state") == (flow, "hash")
    assert await store.tokens.take_flow("state") is None


async def test_an_expired_flow_is_none_and_goes_away(store: Store) -> None:
    await store.tokens.put_flow("old", {}, "hash", datetime.now(UTC) - LATER)
    assert await store.tokens.take_flow("old") is None
    await store.tokens.put_flow("older", {}, "hash", datetime.now(UTC) - LATER)
    await store.tokens.put_flow("new", {}, "hash", datetime.now(UTC) + LATER)
    assert await store.tokens.take_flow("new") is not None


async def test_no_secret_lies_open_in_any_table_or_queue(store: Store, storage: str) -> None:
    planted = ["PLANTED-client-secret", "PLANTED-second-secret", "PLANTED-refresh-token", "PLANTED-verifier"]
    connection = Connection(
        id="c1",
        name="n",
        tenant_id="t",
        client_id="a",
        has_secret=True,
        created_at=T0,
        updated_at=T0,
    )
    await store.connections.insert(connection, Secret(planted[0]))
    await store.connections.set_secret("c1", Secret(planted[1]))
    row = await store.tokens.save_cache("user:a", planted[2], None)
    await store.tokens.save_cache("user:a", planted[2] + "x" * 30_000, row.etag)
    flow = {"code_verifier": planted[3], "state": "PLANTED-state"}
    await store.tokens.put_flow("PLANTED-state", flow, "hash", datetime.now(UTC) + LATER)
    await store.queues.send("entity-sync", b'{"entity": "invoice", "halo_id": "1"}')

    dump = [text async for text in everything_in(storage)]

    assert any("c1" in text for text in dump)
    assert any("invoice" in text for text in dump)
    assert not [text for text in dump if "PLANTED" in text]


async def everything_in(storage: str) -> AsyncIterator[str]:
    """Every property of every row and every message, as text, and what its Base64 holds."""
    async with TableServiceClient.from_connection_string(storage) as tables:
        async for table in tables.list_tables():
            async for entity in tables.get_table_client(table.name).list_entities():
                for name, value in entity.items():
                    for text in readings(value):
                        yield f"{table.name} {name} {text}"
    async with QueueServiceClient.from_connection_string(storage) as queues:
        async for queue in queues.list_queues():
            for message in await queues.get_queue_client(queue.name).peek_messages(32):
                for text in readings(message.content):
                    yield f"{queue.name} {text}"


def readings(value: object) -> list[str]:
    raw = value if isinstance(value, bytes) else str(value).encode()
    found = [raw]
    with suppress(ValueError):
        found.append(base64.urlsafe_b64decode(raw))
    with suppress(zlib.error):
        found.append(zlib.decompressobj().decompress(raw))
    return [one.decode("utf-8", "replace") for one in found]
