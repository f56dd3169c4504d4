"""Signing in: the delegated flow through the browser, and app mode, which connects at once.

The flow stands sealed in storage under its state *and* the cookie of the browser that started it, for ten minutes
and one use: an answer from another browser finds nothing and redeems nothing (RFC 9700 sections 2.1, 4.5, 4.7).
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from msgspec.structs import replace

from bc.clients.entra import App, Grant, claims_of
from bc.connect.tokens import Tokens, failed
from bc.errors import NeedsAuthorization, NotConfigured, SyncError
from bc.model import Connection, LastAuthorization
from bc.settings import Secret, Settings
from bc.store import Store
from bc.store.rows import Stale

FLOW_LIFE = timedelta(minutes=10)
DELEGATED_PERMISSIONS = frozenset({"Financials.ReadWrite.All", "user_impersonation"})
APP_PERMISSIONS = frozenset({"API.ReadWrite.All", "Automation.ReadWrite.All", "app_access"})
# What Microsoft's redirect may carry that we look at; anything else is ignored, as RFC 6749 4.1.2 asks.
ANSWER_FIELDS = ("state", "code", "error", "error_description", "error_uri")

log = logging.getLogger("bc.connect")


class SignIn(Protocol):
    """The part of `bc.clients.entra.Entra` that this module calls."""

    async def start(self, app: App, redirect_uri: str, state: str) -> dict[str, Any]: ...
    async def redeem(self, app: App, flow: Mapping[str, Any], answer: Mapping[str, str]) -> Grant: ...
    async def for_app(self, app: App) -> Grant: ...


class Cures(Protocol):
    """What the engine does when a person has acted."""

    async def cured(self, key: str) -> None: ...
    async def authorized(self, connection_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Started:
    """Where the browser goes, and the cookie that ties the flow to it."""

    url: str
    cookie_name: str
    cookie_value: str
    seconds: int = int(FLOW_LIFE.total_seconds())


class ForeignAnswer(Exception):
    """The answer belongs to no sign-in of this browser: nothing was redeemed. The text is for the page."""


class Authorization:
    """`cures` queues again what waited for a connection to be usable."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        entra: SignIn,
        tokens: Tokens,
        cures: Cures,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._store = store
        self._entra = entra
        self._tokens = tokens
        self._cures = cures
        self._now = now

    async def start(self, connection: Connection) -> Started:
        """Begin a delegated sign-in. A failure is kept on the connection and raised."""
        if not self._settings.redirect_uri:
            raise NotConfigured(
                "public_url_missing",
                "The redirect URI is unknown while PUBLIC_URL is not set.",
                cure="Set PUBLIC_URL to the address of this app.",
            )
        state, cookie = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        try:
            flow = await self._entra.start(await self._app(connection), self._settings.redirect_uri, state)
        except SyncError as error:
            await self._record(connection, error)
            raise
        flow["connection_id"] = connection.id
        await self._store.tokens.put_flow(_key(state, cookie), flow, _digest(cookie), self._now() + FLOW_LIFE)
        return Started(str(flow["auth_uri"]), cookie_name(state), cookie)

    async def connect(self, connection: Connection) -> Connection:
        """Connect in app mode, without a browser. A failure is kept on the connection and raised."""
        try:
            grant = await self._entra.for_app(await self._app(connection))
            _check_permissions(connection, grant)
        except SyncError as error:
            await self._record(connection, error)
            raise
        return await self._accept(connection, grant)

    async def finish(self, answer: Sequence[tuple[str, str]], cookies: Mapping[str, str]) -> Connection:
        """Take Microsoft's answer; the result stands in `last_authorization`.

        Raises `ForeignAnswer` when state or cookie are unknown, used, expired or another browser's.
        """
        fields = _fields(answer)
        state = fields.get("state", "")
        cookie = cookies.get(cookie_name(state), "") if state else ""
        if not state:
            raise ForeignAnswer("This address carries no sign-in.")
        if not cookie:
            raise ForeignAnswer("This sign-in was not started in this browser, or it was already finished.")
        taken = await self._store.tokens.take_flow(_key(state, cookie))
        if taken is None or not hmac.compare_digest(taken[1], _digest(cookie)):
            raise ForeignAnswer("This sign-in is unknown, was already used, or is older than ten minutes.")
        flow = dict(taken[0])
        row = await self._store.connections.get(str(flow.pop("connection_id", "")))
        if row is None:
            raise ForeignAnswer("The connection of this sign-in was removed meanwhile.")
        connection = row.value
        try:
            grant = await self._entra.redeem(await self._app(connection), flow, fields)
            _check_permissions(connection, grant)
        except SyncError as error:
            return await self._record(connection, error)
        return await self._accept(connection, grant)

    async def _app(self, connection: Connection) -> App:
        secret: Secret = await self._store.connections.secret(connection.id)
        return App(connection.tenant_id, connection.client_id, secret)

    async def _record(self, connection: Connection, error: SyncError) -> Connection:
        """Keep the failure; a connection that works goes on working."""
        log.warning("authorization failed", extra={"connection_id": connection.id, "code": error.code})
        at = self._now()
        return await self._store.connections.update(
            connection.id, lambda found: replace(found, last_authorization=failed(error, at))
        )

    async def _accept(self, connection: Connection, grant: Grant) -> Connection:
        principal = principal_of(connection, grant)
        await self._save(principal, grant)
        self._tokens.keep(principal, grant)
        at = self._now()

        def authorize(found: Connection) -> Connection:
            return replace(
                found,
                status="ready" if found.company_id else "authorized",
                principal=principal,
                authorized_by=grant.user_name or "application",
                granted_permissions=grant.permissions,
                last_authorization=LastAuthorization(at=at, ok=True, code="", message=_words(grant)),
            )

        accepted = await self._store.connections.update(connection.id, authorize)
        log.info("connection authorized", extra={"connection_id": connection.id})
        revived = await self._revive(accepted)
        if connection.principal and connection.principal != principal:
            await drop_cache(self._store, self._tokens, connection.principal)
        for usable in (accepted, *revived):
            await self._cures.authorized(usable.id)
        return accepted

    async def renewed(self, connection: Connection, grant: Grant) -> Connection:
        """The connection's own sign-in works again, for example with a new secret."""
        await self._save(connection.principal, grant)
        self._tokens.keep(connection.principal, grant)
        at = self._now()

        def revive(found: Connection) -> Connection:
            if found.status != "needs_authorization":
                return found
            return replace(
                found,
                status="ready" if found.company_id else "authorized",
                last_authorization=LastAuthorization(at=at, ok=True, message="The sign-in works again."),
            )

        revived = await self._store.connections.update(connection.id, revive)
        await self._cures.authorized(connection.id)
        return revived

    async def _save(self, principal: str, grant: Grant) -> None:
        """The newest sign-in wins over whatever a refresh stored meanwhile."""
        while True:
            row = await self._store.tokens.cache(principal)
            try:
                await self._store.tokens.save_cache(
                    principal, grant.cache.reveal(), row.etag if row else None
                )
            except Stale:
                continue
            return

    async def _revive(self, accepted: Connection) -> list[Connection]:
        """Connections of the same sign-in need no second one."""

        def revive(found: Connection) -> Connection:
            return replace(
                found,
                status="ready" if found.company_id else "authorized",
                last_authorization=accepted.last_authorization,
            )

        return [
            await self._store.connections.update(other.id, revive)
            for other in await self._store.connections.list()
            if other.id != accepted.id
            and other.principal == accepted.principal
            and other.status == "needs_authorization"
        ]


def principal_of(connection: Connection, grant: Grant) -> str:
    """Whose limits BC counts: the signed-in user of this app, or the app."""
    base = f"{grant.tenant_id.lower()}:{connection.client_id.lower()}"
    return f"app:{base}" if connection.auth_mode == "app" else f"user:{base}:{grant.user_id}"


async def drop_cache(store: Store, tokens: Tokens, principal: str) -> None:
    """Forget the tokens of a principal that no connection uses any more."""
    if principal and all(other.principal != principal for other in await store.connections.list()):
        tokens.forget(principal)
        await store.tokens.delete_cache(principal)


def cookie_name(state: str) -> str:
    """One cookie for each flow, so that two sign-ins in one browser do not disturb each other."""
    return f"halo-bc-signin-{_digest(state)[:16]}"


def _key(state: str, cookie: str) -> str:
    return f"{state}:{cookie}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _fields(answer: Sequence[tuple[str, str]]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, value in answer:
        if name not in ANSWER_FIELDS:
            continue
        if name in fields:
            raise ForeignAnswer("This address carries a part of the sign-in twice.")
        fields[name] = value
    if "code" in fields and "error" in fields:
        raise ForeignAnswer("This address carries both a sign-in and a refusal.")
    return fields


def _check_permissions(connection: Connection, grant: Grant) -> None:
    """BC takes no token without one of its permissions; a token that is no JWT cannot be judged."""
    if not claims_of(grant.access_token):
        return
    app = connection.auth_mode == "app"
    if not (APP_PERMISSIONS if app else DELEGATED_PERMISSIONS) & set(grant.permissions):
        raise NeedsAuthorization(
            "admin_consent_needed" if app else "permission_not_registered",
            "The token carries no Business Central permission.",
            cure=(
                "Add the application permission API.ReadWrite.All (Dynamics 365 Business Central) "
                "to the app registration and grant admin consent."
                if app
                else "Add the delegated permission Financials.ReadWrite.All (Dynamics 365 Business Central) "
                "to the app registration, then authorize again."
            ),
        )


def _words(grant: Grant) -> str:
    return f"Signed in as {grant.user_name}." if grant.user_name else "Connected as an application."
