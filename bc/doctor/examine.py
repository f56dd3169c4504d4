"""All checks of one connection, in the order in which one would mend what they find."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bc.connect.authorization import APP_PERMISSIONS, DELEGATED_PERMISSIONS
from bc.connect.expiry import secret_expiry
from bc.doctor.business_central import examine_bc
from bc.doctor.checks import Check, failed, ok, refused, warning
from bc.doctor.halo import examine_halo
from bc.errors import SyncError
from bc.model import Connection
from bc.sync import breaker_notes

if TYPE_CHECKING:
    from bc.services import Services

# Microsoft Entra adds these to every sign-in.
ALWAYS_GRANTED = frozenset({"openid", "profile", "email", "offline_access"})


async def examine(services: Services, connection: Connection) -> list[Check]:
    """Run every check now: about ten calls, and none that writes to Halo or Business Central."""
    checks = _settings(services)
    storage = await _storage(services)
    checks += storage
    if storage[0].status == "failed":
        return checks
    checks += await examine_halo(services, connection)
    checks += [_secret(connection), _sign_in(connection), *_permissions(connection)]
    checks += await examine_bc(services, connection)
    checks.append(await _flow(services, connection))
    return checks


def _settings(services: Services) -> list[Check]:
    problems = [failed(f"setting {one.name}", one.detail) for one in services.settings.problems]
    return problems or [ok("settings", "Every setting is usable.")]


async def _storage(services: Services) -> list[Check]:
    try:
        await services.store.check()
    except SyncError as error:
        return [refused("storage", error)]
    try:
        seals = await services.store.seals()
    except SyncError as error:
        return [ok("storage", "Tables and queues answer."), refused("encryption keys", error)]
    if seals.unreadable:
        words = f"{seals.unreadable} stored secrets were sealed with a key that is not in ENCRYPTION_KEYS."
        cure = "Put the former key back behind the new one, or enter the secrets again and authorize again."
        return [ok("storage", "Tables and queues answer."), failed("encryption keys", words, cure)]
    if seals.older:
        words = f"{seals.older} stored secrets are still sealed with an older key."
        cure = "Keep that key in ENCRYPTION_KEYS: they are sealed anew each night, and when they are used."
        return [ok("storage", "Tables and queues answer."), warning("encryption keys", words, cure)]
    return [
        ok("storage", "Tables and queues answer."),
        ok("encryption keys", "Every secret is sealed with the first key; older ones are no longer needed."),
    ]


def _secret(connection: Connection) -> Check:
    expiry = secret_expiry(connection, datetime.now(UTC).date())
    if expiry.warning is not None and expiry.warning <= 1:
        return failed("client secret", expiry.detail, expiry.cure)
    if expiry.warning is not None or expiry.days_left is None:
        return warning("client secret", expiry.detail, expiry.cure)
    return ok("client secret", expiry.detail)


def _sign_in(connection: Connection) -> Check:
    last = connection.last_authorization
    if connection.status == "new" or last is None:
        return failed("sign-in", "Nobody has signed in yet.", "Authorize the connection.")
    if connection.status == "needs_authorization":
        return failed("sign-in", last.message, last.cure or "Authorize the connection again.")
    who = connection.authorized_by or "application"
    return ok("sign-in", f"Signed in as {who}." if who != "application" else "Connected as an application.")


def _permissions(connection: Connection) -> list[Check]:
    """The permissions in the token: at least one of Business Central's, and none that is not needed."""
    granted = set(connection.granted_permissions)
    if connection.status == "new" or not connection.principal:
        return []
    if not granted:
        return [warning("permissions", "The token does not show its permissions.")]
    wanted = APP_PERMISSIONS if connection.auth_mode == "app" else DELEGATED_PERMISSIONS
    has, extra = sorted(granted & wanted), sorted(granted - wanted - ALWAYS_GRANTED)
    if not has:
        return [
            failed(
                "permissions",
                f"The token holds {', '.join(sorted(granted))}: none of them is Business Central's.",
                f"Add {' or '.join(sorted(wanted))} to the app registration, then authorize again.",
            )
        ]
    if extra:
        return [
            warning(
                "permissions",
                f"The token holds {', '.join(has)}, and more than is needed: {', '.join(extra)}.",
                "Remove what is not needed from the app registration.",
            )
        ]
    return [ok("permissions", f"The token holds {', '.join(has)}.")]


async def _flow(services: Services, connection: Connection) -> Check:
    """Whether records go or wait, and for what."""
    breaker = await breaker_notes.read(services.store, connection.id)
    if connection.paused:
        return warning("records", "The connection is paused: what changes waits.", "Resume it.")
    if breaker is not None:
        return warning("records", f"Records wait: {breaker.message}", breaker.cure)
    return ok("records", "Changes are sent as they come.")
