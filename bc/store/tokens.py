"""Token caches and sign-ins under way, sealed."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import msgspec

from bc.store import keys
from bc.store.rows import Codec, Row, Stale, time_text
from bc.store.sealing import Sealed
from bc.store.tables import Tables
from bc.store.vault import Vault

_CACHES = "caches"
_FLOWS = "flows"


class _Flow(msgspec.Struct, frozen=True):
    flow: dict[str, Any]
    cookie_hash: str
    expires_at: datetime


class Tokens:
    """MSAL's token caches by principal, and auth-code flows by state. Everything is sealed."""

    def __init__(self, tables: Tables, vault: Vault, now: Callable[[], datetime]) -> None:
        self._table = tables.table("bcTokens")
        self._sealed = Codec(str)
        self._flow = Codec(_Flow)
        self._vault = vault
        self._now = now

    async def cache(self, key: str) -> Row[str] | None:
        """A token cache, opened. Raises `NotConfigured` where no key opens it."""
        found = await self._table.get(_CACHES, keys.encode(key))
        if found is None:
            return None
        return Row(self._vault.open(self._sealed.unpack(found.properties)), found.etag)

    async def save_cache(self, key: str, text: str, etag: str | None) -> Row[str]:
        """Seal and write a token cache: new without an ETag, else over that one. Raises `Stale`."""
        properties = self._sealed.pack(self._vault.seal(text))
        if etag:
            written = await self._table.replace(_CACHES, keys.encode(key), properties, etag)
        else:
            written = await self._table.insert(_CACHES, keys.encode(key), properties)
        return Row(text, written)

    async def sealed(self) -> AsyncIterator[Sealed]:
        """Every sealed token cache; sign-ins under way end within minutes."""
        async for found in self._table.query(partition=_CACHES):
            yield Sealed(self._table, found, self._sealed.unpack(found.properties), self._sealed.pack)

    async def delete_cache(self, key: str) -> None:
        """Forget a token cache; fine where there is none."""
        await self._table.delete(_CACHES, keys.encode(key))

    async def put_flow(
        self, state: str, flow: dict[str, Any], cookie_hash: str, expires_at: datetime
    ) -> None:
        """Keep a sign-in under way. `flow` is JSON; nobody can find it without the state."""
        await self._drop_expired()
        text = msgspec.json.encode(_Flow(flow, cookie_hash, expires_at)).decode("utf-8")
        properties = self._sealed.pack(self._vault.seal(text), expires_at=time_text(expires_at))
        await self._table.put(_FLOWS, _hashed(state), properties)

    async def take_flow(self, state: str) -> tuple[dict[str, Any], str] | None:
        """The flow and cookie hash of a state, once; None if unknown, used or expired."""
        found = await self._table.get(_FLOWS, _hashed(state))
        if found is None:
            return None
        try:
            await self._table.delete(_FLOWS, found.key, found.etag)
        except Stale:
            return None  # another request used it this instant
        text = self._vault.open(self._sealed.unpack(found.properties))
        kept = msgspec.json.decode(text, type=_Flow)
        return (kept.flow, kept.cookie_hash) if kept.expires_at > self._now() else None

    async def _drop_expired(self) -> None:
        limit = f"expires_at lt '{time_text(self._now())}'"
        doomed = [
            found.key async for found in self._table.query(partition=_FLOWS, extra=limit, select=("v",))
        ]
        await self._table.delete_keys(_FLOWS, doomed)


def _hashed(state: str) -> str:
    return hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()
