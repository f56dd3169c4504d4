"""The routes of the simulated Entra."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from sandbox.entra import authorize, jwt
from sandbox.entra.errors import EntraError
from sandbox.entra.state import MULTI_TENANT, EntraState
from sandbox.entra.tokens import answer_token
from sandbox.world import World

_Page = Callable[[EntraState, web.Request], Awaitable[web.StreamResponse]]
_HEADERS = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}


def app(world: World) -> web.Application:
    """Entra's own addresses; `world.bearer` answers for the tokens that it gives out."""
    state = state_of(world)
    application = web.Application()
    application.add_routes(
        [
            web.get("/{tenant}/v2.0/.well-known/openid-configuration", _json(state, _configuration)),
            web.get("/{tenant}/discovery/v2.0/keys", _json(state, _keys)),
            web.post("/{tenant}/oauth2/v2.0/token", _json(state, answer_token)),
            web.get("/{tenant}/oauth2/v2.0/authorize", _page(state, authorize.authorize)),
            web.post("/{tenant}/oauth2/v2.0/authorize", _page(state, authorize.authorize)),
            web.post("/{tenant}/login", _page(state, authorize.login)),
            web.post("/{tenant}/consent", _page(state, authorize.consent)),
        ]
    )
    return application


def state_of(world: World) -> EntraState:
    """This world's Entra, shared by its own server and the control server."""
    return world.part(EntraState, lambda: _new_state(world))


def _new_state(world: World) -> EntraState:
    world.register_switch(
        "entra.revoke_old_refresh_tokens", False, "each use of a refresh token ends the one that was used"
    )
    world.register_switch(
        "entra.pkce_required", False, "a request without code_challenge is refused (9002325)"
    )
    world.register_switch(
        "entra.redirect_sign_in_errors",
        False,
        "refusals at the sign-in page (50020, 50057) go back to the app instead of staying on the page",
    )
    state = EntraState(world)
    world.on_reset(state.rebuild)
    world.bearer = state.bearer
    world.name_kinds("entra", _kind)
    world.show_credentials("entra", lambda: _credentials(state))
    return state


def _kind(method: str, path: str) -> str:
    """`POST token`, `GET authorize`, `GET openid-configuration` …"""
    return f"{method} {path.rstrip('/').rsplit('/', 1)[-1]}"


def _credentials(state: EntraState) -> dict[str, Any]:
    directory = state.world.data.directory
    return {
        "tenants": [
            {"id": tenant.id, "domain": tenant.domain, "name": tenant.name} for tenant in directory.tenants
        ],
        "apps": [
            {
                "name": app.registration.name,
                "tenant_id": app.registration.tenant_id,
                "client_id": app.client_id,
                "client_secrets": [
                    {"value": value, "expires": expiry.isoformat()} for value, expiry in app.secrets
                ],
                "redirect_uris": sorted(app.redirect_uris),
                "scopes": app.registration.scopes,
                "roles": app.registration.roles,
                "admin_consented": app.admin_consented,
                "needs_admin": app.needs_admin,
            }
            for app in state.apps.values()
        ],
        "users": [
            {
                "name": user.name,
                "tenant_id": user.tenant_id,
                "username": user.username,
                "password": user.password,
                "admin": user.admin,
                "disabled": user.username in state.disabled,
            }
            for user in directory.users
        ],
    }


def _json(
    state: EntraState, answer: Callable[[EntraState, web.Request], Awaitable[dict[str, Any]]]
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        address = f"{request.scheme}://{request.host}"
        try:
            return web.json_response(await answer(state, request), headers=_HEADERS)
        except EntraError as error:
            state.counts[f"refused {error.number}"] += 1
            correlation = request.headers.get("client-request-id", "")
            body = error.as_json(state.world.clock.now(), address, correlation)
            return web.json_response(body, status=error.http_status, headers=_HEADERS)

    return handle


def _page(state: EntraState, answer: _Page) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await answer(state, request)

    return handle


async def _configuration(state: EntraState, request: web.Request) -> dict[str, Any]:
    name = request.match_info["tenant"]
    known = name if name in MULTI_TENANT else state.tenant(name).id
    issuer_tenant = "{tenantid}" if name in MULTI_TENANT else known
    host = f"{request.scheme}://{request.host}"
    return {
        "issuer": f"{host}/{issuer_tenant}/v2.0",
        "authorization_endpoint": f"{host}/{known}/oauth2/v2.0/authorize",
        "token_endpoint": f"{host}/{known}/oauth2/v2.0/token",
        "jwks_uri": f"{host}/{known}/discovery/v2.0/keys",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "response_modes_supported": ["query", "form_post"],
        "response_types_supported": ["code"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "claims_supported": [
            "sub",
            "iss",
            "aud",
            "exp",
            "iat",
            "nonce",
            "preferred_username",
            "name",
            "tid",
            "ver",
        ],
        "request_uri_parameter_supported": False,
        "tenant_region_scope": "EU",
    }


async def _keys(state: EntraState, request: web.Request) -> dict[str, Any]:
    if request.match_info["tenant"] not in MULTI_TENANT:
        state.tenant(request.match_info["tenant"])
    return jwt.public_keys()
