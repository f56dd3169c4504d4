"""What the set-up page shows: the redirect URI, permissions to register, settings, and whether Halo answers."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from bc.errors import SyncError
from bc.settings import Settings

if TYPE_CHECKING:
    from bc.store import Store

HALO_NOTE = "health:halo"
FRESH_SECONDS = 20.0
HALO_PATIENCE = 15.0


class Permission(Struct, frozen=True):
    """`kind`: delegated (a person signs in) or application (app mode)."""

    name: str
    kind: str
    reason: str


PERMISSIONS = (
    Permission(
        "Financials.ReadWrite.All",
        "delegated",
        "Reads and writes customers, items and sales invoices as the signed-in Business Central user.",
    ),
    Permission("user_impersonation", "delegated", "Opens Business Central's API for the signed-in user."),
    Permission(
        "API.ReadWrite.All",
        "application",
        "For app mode only: reads and writes without a signed-in user. An administrator grants it.",
    ),
)


class HaloControl(Protocol):
    """The part of `bc.clients.halo.Halo` that this module calls."""

    async def control(self) -> dict[str, Any]: ...


class HaloState(Struct, frozen=True):
    """`accounts_module`: whether Halo's account-code module is on; None = not known."""

    url: str
    connected: bool
    detail: str
    accounts_module: bool | None = None


class HaloProbe:
    """Asks Halo at most each 20 seconds, and notes what was seen for `/health`."""

    def __init__(self) -> None:
        self._seen: tuple[float, HaloState] | None = None
        self._lock = asyncio.Lock()

    async def look(self, settings: Settings, store: Store, halo: HaloControl) -> HaloState:
        async with self._lock:
            if self._seen is None or self._seen[0] + FRESH_SECONDS < time.monotonic():
                state = await _ask(settings, halo)
                self._seen = (time.monotonic(), state)
                if settings.halo.configured:
                    await note_halo(store, ok=state.connected, detail=state.detail)
            return self._seen[1]


async def note_halo(store: Store, *, ok: bool, detail: str) -> None:
    """Remember how Halo was last seen."""
    await store.notes.put(HALO_NOTE, {"at": datetime.now(UTC), "ok": ok, "detail": detail})


def settings_list(settings: Settings) -> list[dict[str, Any]]:
    """Each setting with whether it is usable; values only where they are no secret."""
    values: dict[str, str] = {
        "AzureWebJobsStorage": "identity" if settings.storage.uses_identity else "connection string",
        "PUBLIC_URL": settings.public_url,
        "ENCRYPTION_KEYS": _count(len(settings.encryption_keys)),
        "ADMIN_KEY": "set" if settings.admin_key else "not set",
        "HALO_URL": settings.halo.url,
        "HALO_CLIENT_ID": settings.halo.client_id,
        "HALO_CLIENT_SECRET": "set" if settings.halo.client_secret else "not set",
        "HALO_TENANT": settings.halo.tenant or "not set",
        "HALO_SCOPE": settings.halo.scope,
        "HALO_REQUESTS_PER_5_MINUTES": str(settings.halo.requests_per_5_minutes),
        "HALO_SWEEP_MINUTES": str(settings.halo.sweep_minutes),
        "BC_API_URL": settings.bc_api_url,
        "AZURE_AUTHORITY_HOST": settings.authority_host,
        "BC_MAX_CONCURRENCY": str(settings.bc_max_concurrency),
        "BC_REQUESTS_PER_5_MINUTES": str(settings.bc_requests_per_5_minutes),
        "OUTCOME_RETENTION_DAYS": str(settings.outcome_retention_days),
    }
    problems = {problem.name: problem.detail for problem in settings.problems}
    return [
        {"name": name, "ok": name not in problems, "detail": problems.get(name) or values.get(name, "")}
        for name in (*values, *(name for name in problems if name not in values))
    ]


async def _ask(settings: Settings, halo: HaloControl) -> HaloState:
    url = settings.halo.url
    if not settings.halo.configured:
        return HaloState(url, connected=False, detail="Set HALO_URL, HALO_CLIENT_ID and HALO_CLIENT_SECRET.")
    try:
        async with asyncio.timeout(HALO_PATIENCE):
            control = await halo.control()
    except TimeoutError:
        return HaloState(
            url, connected=False, detail="Halo does not answer. Check HALO_URL, then look again."
        )
    except SyncError as error:
        return HaloState(url, connected=False, detail=f"{error.message} {error.cure}".strip())
    module = control.get("useaccountscodeslookup")
    return HaloState(
        url,
        connected=True,
        detail="Halo answers.",
        accounts_module=None if module is None else str(module).lower() in ("true", "1"),
    )


def _count(keys: int) -> str:
    return "not set" if keys == 0 else f"{keys} key" if keys == 1 else f"{keys} keys"
