"""A new encryption key: everything is sealed anew with it, and then the old one may go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from cryptography.fernet import Fernet

from bc import settings as configuration
from bc.errors import NotConfigured
from bc.model import Connection
from bc.settings import Secret
from bc.store import Store, open_store
from bc.store.rows import Stale
from bc.store.sealing import Seals

NOW = datetime(2026, 11, 25, tzinfo=UTC)
OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


@asynccontextmanager
async def with_keys(storage: str, *keys: str) -> AsyncIterator[Store]:
    env = {"AzureWebJobsStorage": storage, "ENCRYPTION_KEYS": ",".join(keys)}
    store = open_store(configuration.load(env))
    yield store
    await store.close()


async def test_after_resealing_the_old_key_may_go(storage: str) -> None:
    async with with_keys(storage, OLD) as store:
        for name in ("a", "b"):
            connection = Connection(
                id=name,
                name=name,
                tenant_id="t",
                client_id="c",
                has_secret=True,
                created_at=NOW,
                updated_at=NOW,
            )
            await store.connections.insert(connection, Secret(f"secret {name}"))
        await store.tokens.save_cache("user:1", "cache", None)
        assert await store.seals() == Seals(3, 0, 0)
    async with with_keys(storage, NEW, OLD) as store:
        assert await store.seals() == Seals(0, 3, 0)
        assert await store.reseal() == 3
        assert await store.seals() == Seals(3, 0, 0)
        assert await store.reseal() == 0
    async with with_keys(storage, NEW) as store:
        assert (await store.connections.secret("a")).reveal() == "secret a"
        cache = await store.tokens.cache("user:1")
        assert cache
        assert cache.value == "cache"


async def test_what_no_key_opens_is_counted_and_left_alone(storage: str) -> None:
    async with with_keys(storage, OLD) as store:
        await store.tokens.save_cache("user:1", "cache", None)
    async with with_keys(storage, NEW) as store:
        assert await store.seals() == Seals(0, 0, 1)
        assert await store.reseal() == 0
    async with with_keys(storage, OLD) as store:
        cache = await store.tokens.cache("user:1")
        assert cache
        assert cache.value == "cache"


async def test_a_cache_that_is_written_meanwhile_is_not_put_back(storage: str) -> None:
    async with with_keys(storage, OLD) as store:
        row = await store.tokens.save_cache("user:1", "old", None)
    async with with_keys(storage, NEW, OLD) as store:
        async for sealed in store.tokens.sealed():
            await store.tokens.save_cache("user:1", "newer", row.etag)
            with pytest.raises(Stale):
                await sealed.renew(sealed.text)
        cache = await store.tokens.cache("user:1")
        assert cache
        assert cache.value == "newer"


async def test_without_a_key_nothing_can_be_told(storage: str) -> None:
    async with with_keys(storage, OLD) as store:
        await store.tokens.save_cache("user:1", "cache", None)
    store = open_store(configuration.load({"AzureWebJobsStorage": storage}))
    with pytest.raises(NotConfigured):
        await store.seals()
    await store.close()
