"""Entra's part of the control server: what an administrator could do, and errors to order."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from aiohttp import web

from sandbox.control import BadRequest, object_of
from sandbox.entra.authorize import without_browser
from sandbox.entra.errors import EntraError, is_known
from sandbox.entra.service import state_of
from sandbox.entra.state import App, EntraState, Ordered, Override
from sandbox.entra.tokens import GRANTS
from sandbox.world import World

ID_CLAIMS = frozenset(
    {"nonce", "tid", "aud", "iss", "exp", "oid", "preferred_username", "scp", "roles", "upn", "nbf"}
)


def control_routes(world: World) -> list[web.RouteDef]:
    """Mounted under `/entra`."""
    state = state_of(world)
    return [*_look(state), *_orders(state), *_registrations(state), *_people(state)]


def _look(state: EntraState) -> list[web.RouteDef]:
    async def show(_request: web.Request) -> web.Response:
        counts = state.counts
        return web.json_response(
            {
                "token_calls": {grant: counts[f"token {grant}"] for grant in GRANTS},
                "codes": {"issued": counts["codes issued"], "redeemed": counts["codes redeemed"]},
                "refused": {name[8:]: count for name, count in counts.items() if name.startswith("refused ")},
                "sign_ins": counts["sign-ins"],
                "access_tokens_issued": counts["access tokens issued"],
                "refresh_tokens": {
                    "live": sum(not token.revoked for token in state.refresh_tokens.values()),
                    "revoked": sum(token.revoked for token in state.refresh_tokens.values()),
                },
                "consents": sorted(list(pair) for pair in state.consents),
                "lifetime": state.lifetime,
            }
        )

    return [web.get("/state", show)]


def _orders(state: EntraState) -> list[web.RouteDef]:
    async def errors(request: web.Request) -> web.Response:
        if request.method == "DELETE":
            state.ordered.clear()
            return web.json_response({"orders": 0})
        wanted = await object_of(request)
        grant, number = wanted.get("grant", "*"), wanted.get("aadsts")
        if grant not in (*GRANTS, "authorize", "*"):
            raise BadRequest(f"grant must be one of {', '.join((*GRANTS, 'authorize', '*'))}")
        if not isinstance(number, int) or not (is_known(number) or wanted.get("error")):
            raise BadRequest("aadsts must be a known number, or come with `error`")
        state.ordered.append(
            Ordered(
                grant,
                number,
                _times(wanted),
                str(wanted.get("user", "")),
                str(wanted.get("error", "")),
                int(wanted.get("status", 0)),
            )
        )
        return web.json_response({"orders": len(state.ordered)}, status=201)

    async def claims(request: web.Request) -> web.Response:
        wanted = await object_of(request)
        changed = {name: value for name, value in wanted.items() if name in ID_CLAIMS}
        if not changed or set(wanted) - ID_CLAIMS - {"times", "token"}:
            raise BadRequest(f"claims must be among {', '.join(sorted(ID_CLAIMS))}")
        kind = wanted.get("token", "id")
        if kind not in ("id", "access"):
            raise BadRequest("token must be id or access")
        state.overrides.append(Override(kind, changed, _times(wanted)))
        return web.json_response({"overrides": len(state.overrides)}, status=201)

    async def lifetime(request: web.Request) -> web.Response:
        seconds = (await object_of(request)).get("seconds")
        if not isinstance(seconds, int) or seconds < 0:
            raise BadRequest("seconds must be a whole number")
        state.lifetime = seconds
        return web.json_response({"seconds": seconds})

    return [
        web.post("/errors", errors),
        web.delete("/errors", errors),
        web.post("/claims", claims),
        web.put("/lifetime", lifetime),
    ]


def _registrations(state: EntraState) -> list[web.RouteDef]:
    async def redirect_uris(request: web.Request) -> web.Response:
        """Add or remove redirect URIs, of one app until the next reset, or of all for good."""
        wanted = await object_of(request)
        added, removed = ({str(uri) for uri in wanted.get(name, ())} for name in ("add", "remove"))
        apps = [_app(state, wanted)] if "client_id" in wanted else list(state.apps.values())
        if "client_id" not in wanted:
            state.everywhere = (state.everywhere | added) - removed
        for app in apps:
            app.redirect_uris = (app.redirect_uris | added) - removed
        return web.json_response({app.client_id: sorted(app.redirect_uris) for app in apps})

    async def secrets(request: web.Request) -> web.Response:
        """Add a secret (`days_left` below 0: expired already), change its expiry, or remove it."""
        wanted = await object_of(request)
        app, value = _app(state, wanted), str(wanted.get("value", ""))
        app.secrets = [secret for secret in app.secrets if secret[0] != value]
        if not wanted.get("remove"):
            expiry = state.world.clock.now() + timedelta(days=float(wanted.get("days_left", 365)))
            app.secrets.append((value, expiry))
        return web.json_response({"secrets": len(app.secrets)})

    async def consent(request: web.Request) -> web.Response:
        """Grant or withdraw, for one user or (without `user`) by the administrator for all."""
        wanted = await object_of(request)
        app, user, granted = (
            _app(state, wanted),
            str(wanted.get("user", "")),
            bool(wanted.get("granted", True)),
        )
        if user and granted:
            state.consents.add((app.client_id, user))
        elif user:
            state.consents.discard((app.client_id, user))
        else:
            app.admin_consented = granted
            if not granted:
                state.consents = {pair for pair in state.consents if pair[0] != app.client_id}
        return web.json_response({"admin_consented": app.admin_consented})

    return [
        web.post("/redirect-uris", redirect_uris),
        web.post("/secrets", secrets),
        web.post("/consent", consent),
    ]


def _people(state: EntraState) -> list[web.RouteDef]:
    async def revoke(request: web.Request) -> web.Response:
        wanted = await object_of(request)
        user, client_id = str(wanted.get("user", "")), str(wanted.get("client_id", ""))
        if not user and not client_id:
            raise BadRequest("user or client_id is needed")
        ended = state.revoke(
            user=user, client_id=client_id, access_tokens=bool(wanted.get("access_tokens", True))
        )
        return web.json_response({"refresh_tokens": ended})

    async def disable(request: web.Request) -> web.Response:
        """Disable or enable a user or an app."""
        wanted = await object_of(request)
        off = bool(wanted.get("disabled", True))
        if "client_id" in wanted:
            _app(state, wanted).disabled = off
        else:
            (state.disabled.add if off else state.disabled.discard)(_user(state, wanted))
        return web.json_response({"disabled": off})

    async def sign_in(request: web.Request) -> web.Response:
        """Sign in without a browser: answers the address that the browser would be sent to."""
        wanted = await object_of(request)
        try:
            location = without_browser(
                state,
                str(wanted.get("authorization_url", "")),
                str(wanted.get("username", "")),
                str(wanted.get("password", "")),
                accept=bool(wanted.get("accept", True)),
            )
        except EntraError as error:
            raise BadRequest(error.text) from error
        return web.json_response({"location": location})

    return [web.post("/revoke", revoke), web.post("/disable", disable), web.post("/sign-in", sign_in)]


def _app(state: EntraState, wanted: dict[str, Any]) -> App:
    app = state.apps.get(str(wanted.get("client_id", "")))
    if app is None:
        raise BadRequest("client_id: no such app")
    return app


def _user(state: EntraState, wanted: dict[str, Any]) -> str:
    names = {user.username for user in state.world.data.directory.users}
    if wanted.get("user") not in names:
        raise BadRequest(f"user must be one of {', '.join(sorted(names))}")
    return str(wanted["user"])


def _times(wanted: dict[str, Any]) -> int:
    times = wanted.get("times", 1)
    if not isinstance(times, int) or times < 0:
        raise BadRequest("times must be a whole number (0: for ever)")
    return times or 10**9
