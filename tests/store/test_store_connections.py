"""Connections, their secrets, the default, and what a connection leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from bc import settings as configuration
from bc.errors import NotConfigured
from bc.model import Blocked, Connection, ErrorRow, Job, Link, Outcome
from bc.settings import Secret
from bc.store import Stale, Store, open_store

T0 = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def a_connection(number: int = 1, **more: object) -> Connection:
    fields: dict[str, object] = {
        "id": f"c{number}",
        "name": f"Company {number} Ö/#?",
        "tenant_id": "t",
        "client_id": "app",
        "has_secret": True,
        "created_at": T0 + timedelta(minutes=number),
        "updated_at": T0,
    }
    return msgspec.convert(fields | more, Connection)


async def test_a_connection_is_kept_with_its_secret(store: Store) -> None:
    row = await store.connections.insert(a_connection(), Secret("hush"))
    assert await store.connections.get("c1") == row
    assert (await store.connections.secret("c1")).reveal() == "hush"
    await store.connections.set_secret("c1", Secret("other"))
    assert (await store.connections.secret("c1")).reveal() == "other"
    assert await store.connections.get("c1") == row


async def test_connections_are_listed_oldest_first(store: Store) -> None:
    for number in (2, 3, 1):
        await store.connections.insert(a_connection(number), Secret("x"))
    assert [one.id for one in await store.connections.list()] == ["c1", "c2", "c3"]


async def test_guarded_writes_of_a_connection_are_refused_when_it_moved(store: Store) -> None:
    row = await store.connections.insert(a_connection(), Secret("first"))
    with pytest.raises(Stale):
        await store.connections.insert(a_connection(), Secret("second"))
    assert (await store.connections.secret("c1")).reveal() == "first"
    await store.connections.replace(msgspec.structs.replace(row.value, paused=True), row.etag)
    with pytest.raises(Stale):
        await store.connections.replace(row.value, row.etag)
    await store.connections.delete("c1")
    with pytest.raises(Stale):
        await store.connections.replace(row.value, row.etag)


async def test_changes_at_once_are_all_kept(stores: Callable[[], Store]) -> None:
    one, other = stores(), stores()
    await one.connections.insert(a_connection(), Secret("x"))

    def add(name: str) -> Callable[[Connection], Connection]:
        return lambda found: msgspec.structs.replace(
            found, granted_permissions=(*found.granted_permissions, name)
        )

    async with asyncio.TaskGroup() as group:
        for number in range(10):
            group.create_task((one, other)[number % 2].connections.update("c1", add(str(number))))
    row = await one.connections.get("c1")
    assert row is not None
    assert sorted(row.value.granted_permissions) == [str(n) for n in range(10)]
    assert row.value.updated_at > T0


async def test_a_change_that_changes_nothing_writes_nothing(store: Store) -> None:
    row = await store.connections.insert(a_connection(), Secret("x"))
    await store.connections.update("c1", lambda found: found)
    assert await store.connections.get("c1") == row


async def test_a_connection_that_is_gone_is_a_key_error(store: Store) -> None:
    assert await store.connections.get("c1") is None
    with pytest.raises(KeyError):
        await store.connections.secret("c1")
    with pytest.raises(KeyError):
        await store.connections.update("c1", lambda found: found)
    with pytest.raises(KeyError):
        await store.connections.set_default("c1")
    await store.connections.delete("c1")


async def test_there_is_exactly_one_default_whoever_sets_it(stores: Callable[[], Store]) -> None:
    one, other = stores(), stores()
    for number in (1, 2, 3):
        await one.connections.insert(a_connection(number), Secret("x"))
    async with asyncio.TaskGroup() as group:
        for number in range(9):
            group.create_task((one, other)[number % 2].connections.set_default(f"c{number % 3 + 1}"))
    assert sum(found.is_default for found in await one.connections.list()) == 1
    await one.connections.set_default("c2")
    await one.connections.set_default("c2")
    assert [found.id for found in await one.connections.list() if found.is_default] == ["c2"]


async def test_without_a_key_no_secret_is_stored(storage: str) -> None:
    store = open_store(configuration.load({"AzureWebJobsStorage": storage}))
    with pytest.raises(NotConfigured) as caught:
        await store.connections.insert(a_connection(), Secret("hush"))
    assert caught.value.code == "encryption_keys_missing"
    assert await store.connections.list() == []
    await store.close()


async def test_a_forgotten_connection_leaves_nothing_and_others_stay(store: Store) -> None:
    ids = {}
    for name in ("c1", "c2"):
        number = int(name[1])
        await store.connections.insert(a_connection(number), Secret("x"))
        await store.links.create(
            Link(connection_id=name, entity="customer", halo_id="1", bc_id="b", bc_number="n", linked_at=T0)
        )
        fields = {
            "connection_id": name,
            "entity": "invoice",
            "halo_id": "7",
            "status": "failed",
            "code": "x",
            "at": T0,
        }
        ids[name] = store.outcomes.new_id(T0)
        await store.outcomes.put(msgspec.convert(fields | {"id": ids[name]}, Outcome))
        await store.errors.put(msgspec.convert(fields | {"id": ids[name]}, ErrorRow))
        await store.jobs.insert(Job(id=ids[name], connection_id=name, kind="customers", created_at=T0))
        await store.jobs.claim(name, "customers", ids[name])
        for key in (f"connection:{name}", f"link:{name}:customer:1"):
            await store.blockers.remember(Blocked(key=key, entity="invoice", halo_id="7"))

    await store.forget("c1")

    assert [one.id for one in await store.connections.list()] == ["c2"]
    assert await store.links.get("c1", "customer", "1") is None
    assert [link.connection_id for link in await store.links.by_halo_id("customer", "1")] == ["c2"]
    assert await store.outcomes.get(ids["c1"]) is None
    assert [one.id for one in (await store.outcomes.page(halo_id="7")).items] == [ids["c2"]]
    assert [one.id for one in (await store.errors.page()).items] == [ids["c2"]]
    assert len(await store.errors.open_of("invoice", "7")) == 1
    assert [one.id for one in (await store.jobs.page()).items] == [ids["c2"]]
    assert await store.jobs.claim("c1", "customers", "new") == ""
    assert await store.jobs.claim("c2", "customers", "new") == ids["c2"]
    assert await store.blockers.take("connection:c1") == []
    assert await store.blockers.take("link:c1:customer:1") == []
    assert len(await store.blockers.take("link:c2:customer:1")) == 1
