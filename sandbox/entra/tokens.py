"""The token address: codes, refresh tokens and client credentials against access, id and refresh tokens."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import Any
from urllib.parse import unquote_plus
from uuid import uuid4

from aiohttp import web

from sandbox.data.directory import Tenant, User
from sandbox.entra import jwt
from sandbox.entra.errors import EntraError
from sandbox.entra.state import (
    BC_AUDIENCES,
    BC_NAME,
    CODE_LIFETIME,
    REFRESH_IDLE,
    App,
    Code,
    EntraState,
    RefreshToken,
)

GRANTS = ("authorization_code", "refresh_token", "client_credentials")


async def answer_token(state: EntraState, request: web.Request) -> dict[str, Any]:
    """The body of a good answer; EntraError for a refusal."""
    form = {name: str(value) for name, value in (await request.post()).items()}
    client_id, secret = _client(request, form)
    tenant = state.tenant(request.match_info["tenant"], client_id)
    grant = form.get("grant_type", "")
    state.counts[f"token {grant or 'without grant_type'}"] += 1
    if grant not in GRANTS:
        raise EntraError(70003, detail=grant) if grant else EntraError(900144, detail="grant_type")
    if not client_id:
        raise EntraError(900144, detail="client_id")
    app = state.app(client_id, tenant)
    _check_secret(state, app, secret)
    issuer = f"{request.scheme}://{request.host}/{tenant.id}/v2.0"
    if grant == "client_credentials":
        return _for_app(state, app, tenant, form)
    if grant == "refresh_token":
        return _refreshed(state, app, tenant, form, issuer)
    return _redeemed(state, app, tenant, form, issuer)


def _client(request: web.Request, form: dict[str, str]) -> tuple[str, str]:
    """Client id and secret from the form, or from Basic authorization (both parts percent-encoded)."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, password = base64.b64decode(value).decode().partition(":")
        except ValueError:
            return form.get("client_id", ""), ""
        return unquote_plus(name), unquote_plus(password)
    return form.get("client_id", ""), form.get("client_secret", "")


def _check_secret(state: EntraState, app: App, given: str) -> None:
    if not given:
        raise EntraError(7000218)
    expiry = next(
        (expiry for value, expiry in app.secrets if secrets.compare_digest(value.encode(), given.encode())),
        None,
    )
    if expiry is None:
        raise EntraError(7000215, app=app.client_id)
    if expiry <= state.world.clock.now():
        raise EntraError(7000222, app=app.client_id)


def _for_app(state: EntraState, app: App, tenant: Tenant, form: dict[str, str]) -> dict[str, Any]:
    if ordered := state.take_order("client_credentials"):
        raise ordered
    scope = form.get("scope", "")
    if not scope:
        raise EntraError(900144, detail="scope")
    resource = scope.removesuffix("/.default").rstrip("/")
    if not scope.endswith("/.default") or " " in scope:
        raise EntraError(70011, detail=scope)
    if resource not in BC_AUDIENCES or not tenant.has_business_central:
        raise EntraError(500011, detail=resource, tenant=tenant.name)
    roles = list(app.registration.roles) if app.admin_consented else []
    claims = {
        **_base(state, app, tenant),
        "idtyp": "app",
        "oid": app.client_id,
        "sub": app.client_id,
        "roles": roles or None,
    }
    return {
        "token_type": "Bearer",
        "expires_in": state.lifetime,
        "ext_expires_in": state.lifetime,
        "access_token": _access(state, claims, app.client_id),
    }


def _redeemed(
    state: EntraState, app: App, tenant: Tenant, form: dict[str, str], issuer: str
) -> dict[str, Any]:
    code = state.codes.get(form.get("code", ""))
    if ordered := state.take_order("authorization_code", code.user.username if code else ""):
        raise ordered
    _check_code(state, app, tenant, form, code)
    assert code is not None
    code.redeemed = True
    state.counts["codes redeemed"] += 1
    return _for_user(state, app, tenant, code.user, code.request.scopes, code.request.nonce, form, issuer)


def _check_code(state: EntraState, app: App, tenant: Tenant, form: dict[str, str], code: Code | None) -> None:
    if not form.get("code"):
        raise EntraError(900144, detail="code")
    if code is None or code.request.app is not app or code.request.tenant != tenant:
        raise EntraError(70000)
    if code.redeemed:
        raise EntraError(54005)
    if state.world.clock.now() - code.issued > CODE_LIFETIME:
        raise EntraError(70008)
    if form.get("redirect_uri", "") != code.request.redirect_uri:
        raise EntraError(500112, detail=form.get("redirect_uri", ""))
    verifier = form.get("code_verifier", "")
    challenge = code.request.challenge
    if (challenge or verifier) and jwt.b64(hashlib.sha256(verifier.encode()).digest()) != challenge:
        raise EntraError(501481)
    state.check_enabled(code.user)


def _refreshed(
    state: EntraState, app: App, tenant: Tenant, form: dict[str, str], issuer: str
) -> dict[str, Any]:
    if not form.get("refresh_token"):
        raise EntraError(900144, detail="refresh_token")
    held = state.refresh_tokens.get(form["refresh_token"])
    if ordered := state.take_order("refresh_token", held.user.username if held else ""):
        raise ordered
    if held is None or held.client_id != app.client_id or held.user.tenant_id != tenant.id:
        raise EntraError(70000)
    if held.revoked:
        raise EntraError(50173)
    if state.world.clock.now() - held.issued > REFRESH_IDLE:
        raise EntraError(700082, detail=f"{held.issued:%Y-%m-%dT%H:%M:%S.%f}Z")
    state.check_enabled(held.user)
    if not state.has_consent(app, held.user):
        raise EntraError(65001, app=app.client_id)
    scopes = state.check_scopes(app, tenant, form["scope"]) if form.get("scope") else held.scopes
    if state.world.switch("entra.revoke_old_refresh_tokens"):
        held.revoked = True
    return _for_user(state, app, tenant, held.user, scopes, None, form, issuer)


def _for_user(
    state: EntraState,
    app: App,
    tenant: Tenant,
    user: User,
    scopes: tuple[str, ...],
    nonce: str | None,
    form: dict[str, str],
    issuer: str,
) -> dict[str, Any]:
    permissions = [f"{BC_NAME}/{name}" for name in app.registration.scopes]
    claims = {
        **_base(state, app, tenant),
        "scp": " ".join(app.registration.scopes),
        "oid": user.id,
        "sub": f"{user.id}.{app.client_id[-4:]}",
        "name": user.name,
        "unique_name": user.username,
        "upn": user.username,
    }
    answer: dict[str, Any] = {
        "token_type": "Bearer",
        "scope": " ".join(["openid", "profile", *permissions]),
        "expires_in": state.lifetime,
        "ext_expires_in": state.lifetime,
        "access_token": _access(state, claims, user.username),
    }
    if "offline_access" in scopes:
        answer["refresh_token"] = _new_refresh_token(state, app, user, scopes)
    if "openid" in scopes:
        answer["id_token"] = _id_token(state, app, tenant, user, nonce, issuer)
    if form.get("client_info") == "1":
        answer["client_info"] = client_info(user)
    return answer


def client_info(user: User) -> str:
    """Who signed in, as MSAL wants to hear it."""
    return jwt.b64(json.dumps({"uid": user.id, "utid": user.tenant_id}).encode())


def _base(state: EntraState, app: App, tenant: Tenant) -> dict[str, Any]:
    now = int(state.world.clock.now().timestamp())
    return {
        "aud": BC_NAME,
        "iss": f"https://sts.windows.net/{tenant.id}/",
        "iat": now,
        "nbf": now,
        "exp": now + state.lifetime,
        "appid": app.client_id,
        "appidacr": "1",
        "idp": f"https://sts.windows.net/{tenant.id}/",
        "tid": tenant.id,
        "uti": secrets.token_urlsafe(16),
        "ver": "1.0",
    }


def _access(state: EntraState, claims: dict[str, Any], principal: str) -> str:
    state.principals[claims["uti"]] = principal
    state.counts["access tokens issued"] += 1
    return jwt.encode(state.overridden("access", claims))


def _new_refresh_token(state: EntraState, app: App, user: User, scopes: tuple[str, ...]) -> str:
    value = f"1.{secrets.token_urlsafe(180)}"
    state.refresh_tokens[value] = RefreshToken(value, app.client_id, user, scopes, state.world.clock.now())
    return value


def _id_token(state: EntraState, app: App, tenant: Tenant, user: User, nonce: str | None, issuer: str) -> str:
    now = int(state.world.clock.now().timestamp())
    claims = {
        "aud": app.client_id,
        "iss": issuer,
        "iat": now,
        "nbf": now,
        "exp": now + state.lifetime,
        "name": user.name,
        "nonce": nonce,
        "oid": user.id,
        "preferred_username": user.username,
        "rh": str(uuid4()),
        "sub": f"{user.id}.{app.client_id[-4:]}",
        "tid": tenant.id,
        "uti": secrets.token_urlsafe(16),
        "ver": "2.0",
    }
    return jwt.encode(state.overridden("id", claims))
