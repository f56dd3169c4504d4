"""A small world for connection tests: a store in memory with real ETags, a clock that stands still, a pretend Entra."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from msgspec.structs import replace

from bc.clients.entra import App, Grant, permissions
from bc.model import Connection
from bc.settings import Secret, Settings, load
from bc.store import Store
from bc.store.rows import Row, Stale

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
TENANT = "8f2b6c1e-4d0a-4f6e-9a51-2f7c1d9be301"
CLIENT = "5d3c2a10-7e41-4b8b-9f3e-000000000001"
USER = f"user:{TENANT}:{CLIENT}:u1"
ADMIN_KEY = "an-admin-key-of-some-length"
FERNET = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="


class Clock:
    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at

    def pass_(self, **span: float) -> None:
        self.at += timedelta(**span)


def settings(**env: str) -> Settings:
    return load(
        {
            "PUBLIC_URL": "https://bc.example.test",
            "ADMIN_KEY": ADMIN_KEY,
            "ENCRYPTION_KEYS": FERNET,
            "HALO_URL": "https://halo.example.test",
            "HALO_CLIENT_ID": "halo-id",
            "HALO_CLIENT_SECRET": "halo-secret",
            **env,
        }
    )


def a_connection(**changes: Any) -> Connection:
    values: dict[str, Any] = {
        "id": "c1",
        "name": "Contoso",
        "tenant_id": TENANT,
        "client_id": CLIENT,
        "has_secret": True,
        "status": "ready",
        "principal": USER,
        "created_at": START,
        "updated_at": START,
    }
    return Connection(**(values | changes))


def jwt(**claims: Any) -> Secret:
    part = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return Secret(f"e30.{part}.c2ln")


@dataclass
class Connections:
    rows: dict[str, Row[Connection]] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    count: int = 0

    def _etag(self) -> str:
        self.count += 1
        return str(self.count)

    async def list(self) -> list[Connection]:
        return [row.value for row in self.rows.values()]

    async def get(self, connection_id: str) -> Row[Connection] | None:
        return self.rows.get(connection_id)

    async def insert(self, connection: Connection, secret: Secret) -> Row[Connection]:
        self.rows[connection.id] = Row(connection, self._etag())
        self.secrets[connection.id] = secret
        return self.rows[connection.id]

    async def update(self, connection_id: str, change: Callable[[Connection], Connection]) -> Connection:
        changed = change(self.rows[connection_id].value)
        self.rows[connection_id] = Row(changed, self._etag())
        return changed

    async def secret(self, connection_id: str) -> Secret:
        return self.secrets[connection_id]

    async def set_secret(self, connection_id: str, secret: Secret) -> None:
        self.secrets[connection_id] = secret

    async def delete(self, connection_id: str) -> None:
        del self.rows[connection_id], self.secrets[connection_id]

    async def set_default(self, connection_id: str) -> None:
        for key, row in self.rows.items():
            self.rows[key] = Row(replace(row.value, is_default=key == connection_id), self._etag())


@dataclass
class Tokens:
    caches: dict[str, Row[str]] = field(default_factory=dict)
    flows: dict[str, tuple[dict[str, Any], str, datetime]] = field(default_factory=dict)
    now: Callable[[], datetime] = lambda: START
    count: int = 0

    async def cache(self, key: str) -> Row[str] | None:
        await asyncio.sleep(0)
        return self.caches.get(key)

    async def save_cache(self, key: str, text: str, etag: str | None) -> Row[str]:
        await asyncio.sleep(0)
        held = self.caches.get(key)
        if (held.etag if held else None) != etag:
            raise Stale
        self.count += 1
        self.caches[key] = Row(text, str(self.count))
        return self.caches[key]

    async def delete_cache(self, key: str) -> None:
        self.caches.pop(key, None)

    async def put_flow(
        self, state: str, flow: dict[str, Any], cookie_hash: str, expires_at: datetime
    ) -> None:
        self.flows[state] = (json.loads(json.dumps(flow)), cookie_hash, expires_at)

    async def take_flow(self, state: str) -> tuple[dict[str, Any], str] | None:
        taken = self.flows.pop(state, None)
        return taken[:2] if taken and taken[2] > self.now() else None


@dataclass
class Leases:
    held: dict[str, str] = field(default_factory=dict)

    async def acquire(self, name: str, holder: str, seconds: float) -> str | None:
        await asyncio.sleep(0)
        if name in self.held:
            return None
        self.held[name] = holder
        return name

    async def release(self, lease: str) -> None:
        self.held.pop(lease, None)


@dataclass
class Notes:
    values: dict[str, Any] = field(default_factory=dict)

    async def get(self, key: str) -> Any:
        return self.values.get(key)

    async def put(self, key: str, value: Any) -> None:
        self.values[key] = value


class Jobs:
    async def page(self, connection_id: str, *, limit: int, cursor: str) -> Any:
        return cast("Any", _Empty())


class _Empty:
    items: tuple[Any, ...] = ()
    next = None


class MemoryStore:
    """The parts of the store that connecting uses."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.connections = Connections()
        self.tokens = Tokens(now=clock or Clock())
        self.leases = Leases()
        self.notes = Notes()
        self.jobs = Jobs()
        self.forgotten: list[str] = []
        self.broken: Exception | None = None

    @property
    def as_store(self) -> Store:
        return cast("Store", self)

    async def check(self) -> None:
        if self.broken is not None:
            raise self.broken

    async def forget(self, connection_id: str) -> None:
        self.forgotten.append(connection_id)
        await self.connections.delete(connection_id)

    def put(self, connection: Connection, secret: str = "s3cret-value") -> Connection:
        self.connections.rows[connection.id] = Row(connection, "0")
        self.connections.secrets[connection.id] = Secret(secret)
        return connection


class Cures:
    def __init__(self) -> None:
        self.keys: list[str] = []

    async def cured(self, key: str) -> None:
        self.keys.append(key)

    async def authorized(self, connection_id: str) -> None:
        self.keys.append(f"authorized:{connection_id}")


class PretendEntra:
    """Issues tokens `t1`, `t2` …; the cache text is `token|expiry|refresh`. Counts its calls."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.calls = 0
        self.seconds = 3600.0
        self.refused: list[Exception] = []
        self.gate: asyncio.Event | None = None
        self.started = asyncio.Event()
        self.before_answer: Callable[[], None] = lambda: None

    async def refresh(self, app: App, cache: Secret) -> Grant:
        return await self._issue(app)

    async def for_app(self, app: App) -> Grant:
        return await self._issue(app)

    async def _issue(self, app: App) -> Grant:
        self.calls += 1
        number = self.calls
        self.started.set()
        if self.gate is not None:
            await self.gate.wait()
        await asyncio.sleep(0)
        self.before_answer()
        if self.refused:
            raise self.refused.pop(0)
        return self.grant(f"t{number}")

    def grant(self, name: str) -> Grant:
        token = jwt(n=name, scp="Financials.ReadWrite.All")
        expires = self.clock.at + timedelta(seconds=self.seconds)
        cache = Secret(f"{token.reveal()}|{expires.isoformat()}")
        return Grant(token, expires, cache, TENANT, permissions(token), "u1", "ada@example.test")

    def cached(self, client_id: str, cache: Secret) -> Grant | None:
        token, _, expires = cache.reveal().partition("|")
        return Grant(Secret(token), datetime.fromisoformat(expires), cache, TENANT)
