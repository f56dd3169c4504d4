"""`/api/…`: one catch-all function for every admin call; the tables of routes are the `api_*` modules'."""

from __future__ import annotations

from functools import cache

import azure.functions as func

from bc.functions.admin import admin
from bc.functions.http import Router

blueprint = func.Blueprint()


@cache
def router() -> Router:
    """All tables together; they pull in the clients and the store, so the first request and not the start pays."""
    from bc.functions import api_connections, api_halo, api_imports, api_mappings, api_records, api_sync

    return Router(
        [
            *api_connections.ROUTES,
            *api_halo.ROUTES,
            *api_imports.ROUTES,
            *api_mappings.ROUTES,
            *api_records.ROUTES,
            *api_sync.ROUTES,
        ],
        admin.guard,
    )


@blueprint.function_name("api")
@blueprint.route("api/{*path}", auth_level=func.AuthLevel.ANONYMOUS)
async def api(req: func.HttpRequest) -> func.HttpResponse:
    """Admin API; the app itself checks who asks."""
    return await router().serve(req)
