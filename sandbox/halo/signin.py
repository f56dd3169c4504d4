"""Halo's sign-in: the anonymous authinfo, tokens for API applications, and what an agent may do."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from sandbox.halo.errors import HaloError, forbidden
from sandbox.halo.resources import Resource
from sandbox.halo.store import Grant, HaloState, Rights

type Right = Literal["read", "edit"]

AREAS = [
    "customers",
    "crm",
    "contracts",
    "suppliers",
    "items",
    "quotes",
    "sos",
    "pos",
    "invoices",
    "reporting",
    "assets",
    "tickets",
    "calendar",
    "kb",
]
SCOPES = frozenset(
    ["all", "all:standard", "admin", "admin:webhooks", "offline_access", "openid"]
    + [f"{right}:{area}" for right in ("read", "edit") for area in AREAS]
)


def authinfo(state: HaloState, base: str) -> dict[str, str]:
    """Where to sign in: `auth_url` is the base of the auth server; 404 by switch `halo.authinfo`."""
    if not state.switch("authinfo"):
        raise HaloError(404)
    path = "/auth" if state.switch("auth_url_form") == "path" else f"{base}/auth"
    return {"auth_url": path, "tenant_id": state.world.data.halo.tenant}


def token(state: HaloState, form: Mapping[str, str], query: Mapping[str, str]) -> dict[str, Any]:
    """POST {auth}/token. A wrong tenant is a 500, a wrong secret a 401 in OAuth's words."""
    tenant = query.get("tenant") or form.get("tenant", "")
    own = state.world.data.halo.tenant
    if tenant.lower() != own and (tenant or state.switch("tenant_required")):
        raise HaloError(500, "Object reference not set to an instance of an object.", "plain")
    if form.get("grant_type") != "client_credentials":
        missing = not form.get("grant_type")
        code = "invalid_request" if missing else "unsupported_grant_type"
        raise HaloError(400, "The specified 'grant_type' is missing or not supported.", "oauth", code)
    application = state.applications.get(form.get("client_id", ""))
    if application is None or not secrets.compare_digest(application.secret, form.get("client_secret", "")):
        raise HaloError(401, "The specified client credentials are invalid.", "oauth", "invalid_client")
    scopes = frozenset(form.get("scope", "").split())
    if not scopes <= SCOPES:
        raise HaloError(400, "The specified 'scope' is invalid.", "oauth", "invalid_scope")
    seconds = int(state.switch("token_seconds"))
    text = secrets.token_urlsafe(32)
    ends = state.world.clock.now() + timedelta(seconds=seconds)
    state.grants[text] = Grant(application.client_id, scopes, ends)
    return {
        "access_token": text,
        "token_type": "Bearer",
        "expires_in": seconds,
        "scope": " ".join(sorted(scopes)),
    }


def granted(state: HaloState, authorization: str) -> Grant:
    """The grant of a bearer; 401 without JSON for a missing, unknown or expired token."""
    scheme, _, text = authorization.partition(" ")
    grant = state.grants.get(text.strip()) if scheme.lower() == "bearer" else None
    if grant is None or grant.ends <= state.world.clock.now():
        raise HaloError(401)
    return grant


def permit(state: HaloState, grant: Grant, resource: Resource, right: Right) -> Rights:
    """Effective rights are the agent's, the application's and the token's together; 403 without JSON."""
    rights = state.applications[grant.client_id].rights
    if not rights.denied.isdisjoint((resource.area, resource.name)):
        raise forbidden()
    if right == "edit" and rights.read_only:
        raise forbidden()
    if not _covered(grant.scopes, resource, right):
        raise forbidden()
    return rights


def _covered(scopes: frozenset[str], resource: Resource, right: Right) -> bool:
    if "all" in scopes:
        return True
    if resource.area == "webhooks":
        return not scopes.isdisjoint(("admin", "admin:webhooks"))
    if resource.area == "admin":
        return "admin" in scopes
    return not scopes.isdisjoint(("all:standard", f"{right}:{resource.area}"))
