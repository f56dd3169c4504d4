"""`GET /health`: what works, as last seen; no secrets, and no remote call but to storage."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import azure.functions as func

from bc import settings as configuration
from bc.connect.setup import HALO_NOTE
from bc.errors import SyncError
from bc.functions.http import Answer, composed, json_answer, parse, to_response

if TYPE_CHECKING:
    from bc.model import Connection
    from bc.services import Services
    from bc.settings import Settings

blueprint = func.Blueprint()
Status = Literal["ok", "degraded", "down"]
STORAGE_PATIENCE = 10.0


class Check(NamedTuple):
    name: str
    status: Status
    detail: str


async def health(services: Services) -> Answer:
    """200 while something works, 503 when nothing can."""
    checks = settings_checks(services.settings)
    storage = await _storage(services)
    checks.append(storage)
    if storage.status == "ok":
        checks.append(await _halo(services))
        checks += [_connection(each) for each in await services.store.connections.list()]
    return report(checks)


def settings_checks(settings: Settings) -> list[Check]:
    """One check for each setting that is missing or malformed; one that says so where all are well."""
    found = [
        Check(problem.name, "down" if problem.blocking else "degraded", problem.detail)
        for problem in settings.problems
    ]
    return found or [Check("settings", "ok", "Every setting is usable.")]


def report(checks: list[Check]) -> Answer:
    statuses = {check.status for check in checks}
    status: Status = "down" if "down" in statuses else "degraded" if "degraded" in statuses else "ok"
    body = {"status": status, "checks": [check._asdict() for check in checks]}
    return json_answer(body, 503 if status == "down" else 200)


@blueprint.function_name("health")
@blueprint.route("health", methods=["GET"], auth_level=func.AuthLevel.ANONYMOUS)
async def health_function(req: func.HttpRequest) -> func.HttpResponse:
    """Health for people and probes."""
    try:
        answer = await health(await composed())
    except SyncError as error:
        failed = Check("storage", "down", f"{error.message} {error.cure}".strip())
        answer = report([*settings_checks(configuration.load()), failed])
    return to_response(answer, parse(req))


async def _storage(services: Services) -> Check:
    try:
        async with asyncio.timeout(STORAGE_PATIENCE):
            await services.store.check()
    except TimeoutError:
        return Check("storage", "down", "Storage does not answer. Check the storage account and its network.")
    except SyncError as error:
        return Check("storage", "down", f"{error.message} {error.cure}".strip())
    return Check("storage", "ok", "Tables and queues answer.")


async def _halo(services: Services) -> Check:
    if not services.settings.halo.configured:
        return Check("halo", "degraded", "Halo is not configured.")
    seen: Any = await services.store.notes.get(HALO_NOTE)
    if not isinstance(seen, dict):
        return Check("halo", "ok", "Not called yet.")
    status: Status = "ok" if seen.get("ok") else "degraded"
    return Check("halo", status, f"{seen.get('detail', '')} Seen {seen.get('at', '')}.".strip())


def _connection(connection: Connection) -> Check:
    # By id, not by name: anybody may read this page.
    name = f"connection:{connection.id}"
    if connection.paused:
        return Check(name, "ok", "Paused.")
    if connection.status == "ready":
        return Check(name, "ok", "Ready.")
    if connection.status == "needs_authorization":
        last = connection.last_authorization
        words = (
            f"{last.message} {last.cure}".strip() if last and not last.ok else "It must be authorized again."
        )
        return Check(name, "degraded", words)
    return Check(name, "degraded", "Its set-up is not finished.")
