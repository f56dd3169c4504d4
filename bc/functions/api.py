"""`/api/…`: one catch-all function for every admin call; the tables of routes are the `api_*` modules'.

Beside the public face:

`GET /api/status` -> `{at, connections: [{connection_id, name, is_default, state: {code, words, cure}, paused,
last_success: {entity, halo_id, record_name, bc_number, at} | null, waiting, retrying, open_errors,
outcomes_24h: {synced, unchanged, skipped, failed}, hourly: [24 x {at, synced, unchanged, skipped, failed}],
bc_budget: {used, limit, in_flight}, breaker: {open, since, until, code, message, cure} | null, secret_expires_on,
secret_days_left, secret_warning: 60 | 30 | 7 | 1 | 0 | null, secret_detail,
token: {ok, code, message, cure, authorized_by, permissions}}], halo: {budget: {used, limit},
last_sweep: {at, ok, detail} | null, sweep_minutes, last_event_at, last_seen}, waiting, waiting_capped, unrouted,
open_errors, encryption: {current, older, unreadable} | null}`. `state.code`: `ready`, `paused`, `needs_authorization`, `not_set_up`, `company_gone`, `breaker_open`.

`GET /api/connections/{id}/doctor` -> `{checks: [{name, status: ok | warning | failed, detail, cure?}], at}`.

`POST /api/sync` takes instead of `halo_ids` a filter: `{entity, filter: {from?, to?, customer_id?, state?: failed |
skipped | never | any}, connection_id?, preview?}` -> with `preview` 200 `{count, requests_estimate, at_least}`
(`at_least`: only the first pages of Halo's list were counted), else 202 `{job_id}` (kind `resync`; `done` counts what is queued).
"""

from __future__ import annotations

from functools import cache

import azure.functions as func

from bc.functions.admin import admin
from bc.functions.http import Route, Router

blueprint = func.Blueprint()


@cache
def routes() -> tuple[Route, ...]:
    """All tables together; they pull in the clients and the store, so the first request and not the start pays."""
    from bc.functions import (
        api_connections,
        api_errors,
        api_halo,
        api_imports,
        api_mappings,
        api_records,
        api_status,
        api_sync,
        openapi,
    )

    return (
        *api_connections.ROUTES,
        *api_errors.ROUTES,
        *api_halo.ROUTES,
        *api_imports.ROUTES,
        *api_mappings.ROUTES,
        *api_records.ROUTES,
        *api_status.ROUTES,
        *api_sync.ROUTES,
        *openapi.ROUTES,
    )


@cache
def router() -> Router:
    return Router(routes(), admin.guard)


@blueprint.function_name("api")
@blueprint.route("api/{*path}", auth_level=func.AuthLevel.ANONYMOUS)
async def api(req: func.HttpRequest) -> func.HttpResponse:
    """Admin API; the app itself checks who asks."""
    return await router().serve(req)
