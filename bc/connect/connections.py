"""A connection's life apart from sign-in: created, shown, changed, made the default, removed."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from msgspec.structs import asdict, replace

from bc.clients.entra import App, Grant
from bc.clients.entra_errors import SECRET_CODES
from bc.connect.authorization import Authorization, Cures, drop_cache
from bc.connect.fields import Check, Unfit, day, flag, guid, one_of, or_null, tenant, text
from bc.connect.settings_merge import UnfitSettings, merge, switched_on
from bc.connect.tokens import Tokens
from bc.errors import SyncError
from bc.model import Connection, ConnectionSettings
from bc.settings import Secret
from bc.store import Store

HIDDEN = ("principal",)
_NAME = text(100)
_SECRET = text(500)
NEW_FIELDS: Mapping[str, tuple[Check, bool]] = {
    "name": (_NAME, True),
    "tenant_id": (tenant, True),
    "client_id": (guid, True),
    "client_secret": (_SECRET, True),
    "auth_mode": (one_of("delegated", "app"), False),
    "secret_expires_on": (or_null(day), False),
}
CHANGE_FIELDS: Mapping[str, Check] = {
    "name": _NAME,
    "client_secret": _SECRET,
    "secret_expires_on": or_null(day),
    "paused": flag,
}


class UnfitFields(UnfitSettings):
    """The form cannot be used; nothing was stored."""


class ConfirmMismatch(Exception):
    """The name typed to confirm a removal is another one."""


class Refresher(Protocol):
    async def for_app(self, app: App) -> Grant: ...
    async def refresh(self, app: App, cache: Secret) -> Grant: ...


class ConnectionDesk:
    """Creates, changes and removes connections. Unknown ids raise `KeyError`."""

    def __init__(
        self,
        store: Store,
        entra: Refresher,
        tokens: Tokens,
        authorization: Authorization,
        cures: Cures,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._entra = entra
        self._tokens = tokens
        self._authorization = authorization
        self._cures = cures
        self._now = now

    async def create(self, form: Mapping[str, Any]) -> Connection:
        """A new connection with its sealed secret; the first one is the default. Raises `UnfitFields`."""
        values, errors = _checked_new(form)
        settings = ConnectionSettings()
        try:
            settings = merge(settings, _object(form, "settings"), today=self._now().date())
        except UnfitSettings as unfit:
            errors += unfit.errors
        if errors:
            raise UnfitFields(errors)
        at = self._now()
        connection = Connection(
            id=uuid.uuid4().hex,
            name=values["name"],
            tenant_id=values["tenant_id"],
            client_id=values["client_id"],
            has_secret=True,
            secret_expires_on=values.get("secret_expires_on"),
            auth_mode=values.get("auth_mode", "delegated"),
            settings=settings,
            created_at=at,
            updated_at=at,
        )
        return (await self._store.connections.insert(connection, Secret(values["client_secret"]))).value

    async def change(self, connection_id: str, form: Mapping[str, Any]) -> Connection:
        """Merge a change. A secret that Microsoft refuses is not stored, so that the old one goes on working."""
        current = await self._get(connection_id)
        values, errors = _checked_change(form)
        given = _object(form, "settings")
        today = self._now().date()
        try:
            merge(current.settings, given, today=today)
        except UnfitSettings as unfit:
            errors += unfit.errors
        if errors:
            raise UnfitFields(errors)
        secret = values.pop("client_secret", None)
        grant = await self._try(current, Secret(secret)) if secret else None
        if secret:
            await self._store.connections.set_secret(connection_id, Secret(secret))
            values["has_secret"] = True
            # The old date belonged to the old secret.
            values.setdefault("secret_expires_on", None)
        before = current

        def apply(found: Connection) -> Connection:
            nonlocal before
            before = found
            return replace(found, **values, settings=merge(found.settings, given, today=today))

        changed = await self._store.connections.update(connection_id, apply)
        if grant is not None and before.status == "needs_authorization":
            changed = await self._authorization.renewed(changed, grant)
        await self._cure(before, changed)
        return changed

    async def make_default(self, connection_id: str) -> Connection:
        """New records without a company go to this connection."""
        await self._get(connection_id)
        await self._store.connections.set_default(connection_id)
        await self._cures.cured("default")
        return await self._get(connection_id)

    async def remove(self, connection_id: str, confirm: str) -> None:
        """Stop the connection's work, then remove our rows; nothing changes in Halo or BC."""
        connection = await self._get(connection_id)
        if confirm != connection.name:
            raise ConfirmMismatch(connection.name)
        await self._store.connections.update(connection_id, lambda found: replace(found, paused=True))
        await self._cancel_jobs(connection_id)
        # The connection itself goes last, so a removal that was cut short can be asked for again.
        await self._store.forget(connection_id)
        await drop_cache(self._store, self._tokens, connection.principal)

    async def _get(self, connection_id: str) -> Connection:
        row = await self._store.connections.get(connection_id)
        if row is None:
            raise KeyError(connection_id)
        return row.value

    async def _try(self, connection: Connection, secret: Secret) -> Grant | None:
        """Whether Microsoft takes the new secret; None where it cannot be told now."""
        if connection.status == "new" or not connection.principal:
            return None
        app = App(connection.tenant_id, connection.client_id, secret)
        try:
            if connection.auth_mode == "app":
                return await self._entra.for_app(app)
            cache = await self._store.tokens.cache(connection.principal)
            return await self._entra.refresh(app, Secret(cache.value)) if cache else None
        except SyncError as error:
            if error.code in SECRET_CODES:
                raise UnfitFields([("client_secret", f"{error.message} {error.cure}")]) from error
            return None

    async def _cure(self, before: Connection, after: Connection) -> None:
        for entity in switched_on(before.settings, after.settings):
            await self._cures.cured(f"entity:{after.id}:{entity}")
        if before.paused and not after.paused:
            await self._cures.cured(f"connection:{after.id}")
        if after.settings.allow_native_sync and not before.settings.allow_native_sync:
            await self._cures.cured(f"native:{after.id}")
        if after.settings.sync_credit_notes and not before.settings.sync_credit_notes:
            await self._cures.cured(f"credit_notes:{after.id}")
        patterns = before.settings.accounts_id_pattern, after.settings.accounts_id_pattern
        for entity in ("customer", "product"):
            if getattr(patterns[1], entity) not in (None, getattr(patterns[0], entity)):
                await self._cures.cured(f"numbers:{after.id}:{entity}")
        started, starts = before.settings.sync_invoices_from, after.settings.sync_invoices_from
        if started and (starts is None or starts < started):
            await self._cures.cured(f"go_live:{after.id}")

    async def _cancel_jobs(self, connection_id: str) -> None:
        page = await self._store.jobs.page(connection_id, limit=100, cursor="")
        for job in page.items:
            if job.status in ("queued", "running"):
                await self._store.jobs.update(
                    job.id,
                    lambda found: replace(
                        found,
                        status="cancelled",
                        finished_at=self._now(),
                        detail="The connection was removed.",
                    ),
                )


def view(connection: Connection) -> dict[str, Any]:
    """A connection as the public face shows it: never a secret or token."""
    return {name: value for name, value in asdict(connection).items() if name not in HIDDEN}


def _checked_new(form: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    values: dict[str, Any] = {}
    errors = [
        (name, "There is no such field.") for name in form if name not in NEW_FIELDS and name != "settings"
    ]
    for name, (check, required) in NEW_FIELDS.items():
        if name not in form:
            if required:
                errors.append((name, "This is required."))
            continue
        _check(name, check, form[name], values, errors)
    return values, errors


def _checked_change(form: Mapping[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    values: dict[str, Any] = {}
    errors: list[tuple[str, str]] = []
    for name, value in form.items():
        if name in CHANGE_FIELDS:
            _check(name, CHANGE_FIELDS[name], value, values, errors)
        elif name in NEW_FIELDS:
            errors.append((name, "It cannot be changed. Create a new connection instead."))
        elif name != "settings":
            errors.append((name, "There is no such field."))
    return values, errors


def _check(
    name: str, check: Check, value: Any, values: dict[str, Any], errors: list[tuple[str, str]]
) -> None:
    try:
        values[name] = check(value)
    except Unfit as unfit:
        errors.append((name, unfit.message))


def _object(form: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = form.get(name, {})
    if not isinstance(value, dict):
        raise UnfitFields([(name, "Expected an object.")])
    return value
