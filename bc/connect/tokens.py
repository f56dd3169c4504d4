"""Access tokens: one refresh at a time for each principal, over all instances.

A token is kept in process until five minutes before its end, and MSAL's cache stands sealed in storage for all
instances. Whoever finds both used up takes the principal's lease, looks once more, and refreshes. The cache is
saved against the ETag it was read with: a writer that was overtaken keeps what is stored (F64-F68).
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import secrets
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from msgspec.structs import replace

from bc.clients.entra import App, Grant
from bc.clients.entra_errors import SECRET_CODES
from bc.errors import NeedsAuthorization, Refused, SyncError, Transient
from bc.model import Connection, LastAuthorization
from bc.settings import Secret
from bc.store import Store
from bc.store.rows import Row, Stale

EARLY = timedelta(minutes=5)
LEASE_SECONDS = 60
PATIENCE = timedelta(seconds=90)
# How long another worker's rotated refresh token may take to appear after ours was refused (F66).
ROTATION_GRACE = (0.0, 1.0, 2.0)

log = logging.getLogger("bc.connect")


class Issuer(Protocol):
    """The part of `bc.clients.entra.Entra` that tokens come from."""

    async def for_app(self, app: App) -> Grant: ...
    async def refresh(self, app: App, cache: Secret) -> Grant: ...
    def cached(self, client_id: str, cache: Secret) -> Grant | None: ...


class Tokens:
    """The source of access tokens for the BC client. `holder` names this process in leases, by default by itself."""

    def __init__(
        self,
        store: Store,
        entra: Issuer,
        *,
        holder: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self._store = store
        self._entra = entra
        self._holder = holder or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._now = now
        self._lease_seconds = lease_seconds
        self._held: dict[str, Grant] = {}
        self._running: dict[str, asyncio.Task[Grant]] = {}

    async def token(self, connection: Connection, *, refused: Secret | None = None) -> Secret:
        """A token that is good for at least five minutes; never `refused`, the one BC just turned down.

        Raises `NeedsAuthorization` when a person must act (the connection is marked), else `Transient`.
        """
        principal = connection.principal
        if not principal:
            raise NeedsAuthorization(
                "needs_authorization",
                f"The connection '{connection.name}' is not authorized yet.",
                cure="Authorize it on its page in the console.",
            )
        while True:
            held = self._held.get(principal)
            if held and self._good(held, refused):
                return held.access_token
            task = self._running.get(principal)
            if task is None:
                task = asyncio.create_task(self._obtain(connection, refused))
                self._running[principal] = task
                task.add_done_callback(lambda done: self._ended(principal, done))
            # Shielded: a caller that gives up must not lose a refresh token that is on its way.
            grant = await asyncio.shield(task)
            if refused is None or grant.access_token != refused:
                return grant.access_token

    def keep(self, principal: str, grant: Grant) -> None:
        """Use this grant from now on: a person just signed in."""
        self._held[principal] = grant

    def forget(self, principal: str) -> None:
        """Drop the token held in process."""
        self._held.pop(principal, None)

    def _ended(self, principal: str, task: asyncio.Task[Grant]) -> None:
        if self._running.get(principal) is task:
            del self._running[principal]
        if not task.cancelled():
            task.exception()  # retrieved here too, for the case that every caller has gone

    def _good(self, grant: Grant, refused: Secret | None) -> bool:
        return grant.access_token != refused and grant.expires_at - EARLY > self._now()

    async def _obtain(self, connection: Connection, refused: Secret | None) -> Grant:
        principal, started = connection.principal, self._now()
        while True:
            row = await self._store.tokens.cache(principal)
            if grant := self._stored(connection, row, refused):
                break
            lease = await self._store.leases.acquire(f"token:{principal}", self._holder, self._lease_seconds)
            if lease is not None:
                try:
                    grant = await self._refresh(connection, refused, started)
                finally:
                    await self._store.leases.release(lease)
                break
            if self._now() - started > PATIENCE:
                raise Transient(
                    "token_busy", "Another worker is still fetching a token.", cure="It is tried again."
                )
            await asyncio.sleep(0.2 + random.random() * 0.2)
        self._held[principal] = grant
        return grant

    async def _refresh(self, connection: Connection, refused: Secret | None, started: datetime) -> Grant:
        principal = connection.principal
        row = await self._store.tokens.cache(principal)
        if grant := self._stored(connection, row, refused):
            return grant
        try:
            grant = await self._ask(connection, row)
        except (NeedsAuthorization, Refused) as error:
            if rotated := await self._rotated(connection, row, refused):
                return rotated
            await mark_lost(self._store, connection, error, since=started, at=self._now())
            raise NeedsAuthorization(
                error.code,
                error.message,
                cure=error.cure,
                correlation_id=error.correlation_id,
                status=error.status,
                remote_code=error.remote_code,
            ) from error
        try:
            await self._store.tokens.save_cache(principal, grant.cache.reveal(), row.etag if row else None)
        except Stale:
            stored = self._stored(connection, await self._store.tokens.cache(principal), refused)
            return stored or grant
        return grant

    async def _ask(self, connection: Connection, row: Row[str] | None) -> Grant:
        try:
            secret = await self._store.connections.secret(connection.id)
        except KeyError:
            raise Refused(
                "connection_removed",
                f"The connection '{connection.name}' was removed.",
                cure="Use another one.",
            ) from None
        app = App(connection.tenant_id, connection.client_id, secret)
        if connection.auth_mode == "app":
            return await self._entra.for_app(app)
        if row is None:
            raise NeedsAuthorization(
                "needs_authorization",
                f"The sign-in of the connection '{connection.name}' is gone.",
                cure="Authorize the connection again and sign in with a Business Central user.",
            )
        return await self._entra.refresh(app, Secret(row.value))

    async def _rotated(
        self, connection: Connection, row: Row[str] | None, refused: Secret | None
    ) -> Grant | None:
        """What another worker or a new sign-in stored meanwhile: then ours was merely old (F66)."""
        for pause in ROTATION_GRACE if connection.auth_mode == "delegated" and row else (0.0,):
            await asyncio.sleep(pause)
            newer = await self._store.tokens.cache(connection.principal)
            if newer and (row is None or newer.etag != row.etag):
                return self._stored(connection, newer, refused)
        return None

    def _stored(self, connection: Connection, row: Row[str] | None, refused: Secret | None) -> Grant | None:
        if row is None:
            return None
        grant = self._entra.cached(connection.client_id, Secret(row.value))
        return grant if grant and self._good(grant, refused) else None


async def mark_lost(
    store: Store, connection: Connection, error: SyncError, *, since: datetime, at: datetime
) -> None:
    """Set `needs_authorization` on every connection that signs in this way, with the reason in words.

    A sign-in made after `since` is left alone. A bad secret concerns its own connection only.
    """
    log.warning("connection needs authorization", extra={"connection_id": connection.id, "code": error.code})

    def lose(found: Connection) -> Connection:
        newer = (
            found.last_authorization and found.last_authorization.ok and found.last_authorization.at > since
        )
        if found.principal != connection.principal or newer or found.status not in ("authorized", "ready"):
            return found
        return replace(found, status="needs_authorization", last_authorization=failed(error, at))

    for other in await store.connections.list():
        same = other.id == connection.id or error.code not in SECRET_CODES
        if same and other.principal == connection.principal and lose(other) is not other:
            try:
                await store.connections.update(other.id, lose)
            except KeyError:
                continue  # removed meanwhile: nothing left to mark


def failed(error: SyncError, at: datetime) -> LastAuthorization:
    return LastAuthorization(at=at, ok=False, code=error.code, message=error.message, cure=error.cure)
