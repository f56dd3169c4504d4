"""Microsoft Entra through MSAL: sign-in flows, refreshes and app tokens, with every answer checked.

MSAL is synchronous, so each operation runs in a thread, with an app object and token cache of its own.
MSAL (since 1.38) does not validate the id token: audience, tenant, issuer and time are checked here before
anything is used. The signature needs no check, the token came over TLS straight from the token endpoint.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from bc.clients.entra_errors import entra_error
from bc.clients.entra_wire import Discovery, EntraWire, unavailable
from bc.clients.tls import ssl_context
from bc.errors import NeedsAuthorization, NotConfigured, Refused, SyncError
from bc.settings import Secret, Settings

# Everything the app registration lists for Business Central (delegated) or was granted (app mode).
SCOPES = ["https://api.businesscentral.dynamics.com/.default"]
CLOCK_SKEW = timedelta(minutes=2)
GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")

logging.getLogger("msal").setLevel(logging.WARNING)
# The callback is a GET by contract: a form_post would come back without the SameSite=Lax cookie.
warnings.filterwarnings("ignore", message="response_mode=", category=UserWarning)


@dataclass(frozen=True, slots=True)
class App:
    """Which app registration asks, in which tenant (GUID or domain)."""

    tenant_id: str
    client_id: str
    secret: Secret


@dataclass(frozen=True, slots=True)
class Grant:
    """A usable access token and where it came from. `cache` is MSAL's cache as text: it holds tokens, seal it.

    `user_id` (object id, else home account id) and `user_name` are empty for an app token.
    """

    access_token: Secret
    expires_at: datetime
    cache: Secret
    tenant_id: str
    permissions: tuple[str, ...] = ()
    user_id: str = ""
    user_name: str = ""


class Entra:
    """The sign-in service. Raises `NeedsAuthorization`, `Refused` or `Transient` with the words for the admin."""

    def __init__(
        self,
        settings: Settings,
        *,
        client: httpx.Client | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._authority = settings.authority_host
        self._http = client
        self._discovery = Discovery()
        self._now = now

    async def start(self, app: App, redirect_uri: str, state: str) -> dict[str, Any]:
        """Begin a sign-in (authorization code with PKCE S256 and nonce). The flow is secret; `auth_uri` is for the browser."""
        return await asyncio.to_thread(self._start, app, redirect_uri, state)

    async def redeem(self, app: App, flow: Mapping[str, Any], answer: Mapping[str, str]) -> Grant:
        """Exchange the browser's answer for tokens, if it belongs to `flow` and to the tenant that was asked."""
        return await asyncio.to_thread(self._redeem, app, dict(flow), dict(answer))

    async def for_app(self, app: App) -> Grant:
        """A fresh token for the app itself (client credentials)."""
        return await asyncio.to_thread(self._for_app, app)

    async def refresh(self, app: App, cache: Secret) -> Grant:
        """A fresh token for the user whose refresh token `cache` holds; the new cache replaces the old one."""
        return await asyncio.to_thread(self._refresh, app, cache)

    def cached(self, client_id: str, cache: Secret) -> Grant | None:
        """The newest access token in a cache, without any call; it may be expired."""
        store = _cache(cache)
        entries = [
            entry for entry in store.search("AccessToken") if str(entry.get("client_id", "")) == client_id
        ]
        if not entries:
            return None
        newest = max(entries, key=lambda entry: int(entry["expires_on"]))
        token = Secret(newest["secret"])
        return Grant(
            access_token=token,
            expires_at=datetime.fromtimestamp(int(newest["expires_on"]), UTC),
            cache=cache,
            tenant_id=str(newest.get("realm", "")),
            permissions=permissions(token),
        )

    def close(self) -> None:
        """End the connections to the authority."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def _start(self, app: App, redirect_uri: str, state: str) -> dict[str, Any]:
        wire, client = self._open(app)
        flow: dict[str, Any] = client.initiate_auth_code_flow(
            SCOPES, redirect_uri=redirect_uri, state=state, prompt="select_account", response_mode="query"
        )
        if not str(flow.get("auth_uri", "")).startswith(self._authority + "/"):
            raise Refused("address_refused", "The sign-in page lies outside AZURE_AUTHORITY_HOST.")
        flow["tenant"] = self._tenant(app, wire)[0]
        return flow

    def _redeem(self, app: App, flow: dict[str, Any], answer: dict[str, str]) -> Grant:
        if "error" in answer:
            raise entra_error(answer)
        wire, client = self._open(app)
        tenant, issuer = self._tenant(app, wire)
        asked = str(flow.pop("tenant", tenant))
        try:
            result = self._call(wire, lambda: client.acquire_token_by_auth_code_flow(flow, answer))
        except RuntimeError:
            raise Refused(
                "nonce_mismatch",
                "Microsoft's answer does not belong to the sign-in that was started here (nonce).",
                cure="Start the authorization again from the connection's page.",
            ) from None
        claims = result.get("id_token_claims")
        if not isinstance(claims, dict):
            raise Refused(
                "id_token_missing", "Microsoft's answer does not say who signed in.", cure="Start again."
            )
        check_id_token(claims, client_id=app.client_id, tenant=asked, issuer=issuer, now=self._now())
        return self._grant(client, result, tenant, claims)

    def _for_app(self, app: App) -> Grant:
        wire, client = self._open(app)
        tenant, _ = self._tenant(app, wire)
        result = self._call(wire, lambda: client.acquire_token_for_client(SCOPES))
        seen = claims_of(Secret(result["access_token"])).get("tid")
        if seen is not None and str(seen).lower() != tenant:
            raise _other_tenant()
        return self._grant(client, result, tenant, {})

    def _refresh(self, app: App, cache: Secret) -> Grant:
        wire, client = self._open(app, cache)
        tenant, _ = self._tenant(app, wire)
        accounts = client.get_accounts()
        if not accounts:
            raise _signed_out()
        result = self._call(
            wire, lambda: client.acquire_token_silent_with_error(SCOPES, accounts[0], force_refresh=True)
        )
        return self._grant(client, result, tenant, {})

    def _call(self, wire: EntraWire, call: Callable[[], Any]) -> dict[str, Any]:
        try:
            result = call()
        except (ValueError, KeyError) as error:
            raise Refused(
                "sign_in_mismatch",
                "Microsoft's answer does not belong to the sign-in that was started here.",
                cure="Start the authorization again from the connection's page.",
            ) from error
        if not isinstance(result, dict):
            raise _signed_out()
        if "error" in result or "access_token" not in result:
            # MSAL drops members it does not know; the wire still has Entra's own answer.
            answer = wire.last.json() if wire.last else {}
            raise entra_error(
                answer if "error" in answer else result, status=wire.last.status_code if wire.last else None
            )
        return result

    def _open(self, app: App, cache: Secret | None = None) -> tuple[EntraWire, Any]:
        if not self._authority.startswith("https://"):
            raise NotConfigured(
                "authority_not_https",
                "AZURE_AUTHORITY_HOST is not an https address.",
                cure="Set AZURE_AUTHORITY_HOST to the https address of Microsoft Entra.",
            )
        from msal.application import ConfidentialClientApplication

        if self._http is None:
            self._http = httpx.Client(
                verify=ssl_context(), timeout=httpx.Timeout(20, connect=10), follow_redirects=False
            )
        wire = EntraWire(self._http, self._authority, self._discovery)
        try:
            client = ConfidentialClientApplication(
                app.client_id,
                client_credential=app.secret.reveal(),
                authority=f"{self._authority}/{app.tenant_id}",
                instance_discovery=False,
                token_cache=_cache(cache),
                http_client=wire,
            )
        except (ValueError, KeyError) as error:
            # MSAL's words repeat addresses; Entra's own answer has the number.
            answer = wire.last.json() if wire.last else {}
            if "error" in answer:
                raise entra_error(answer, status=wire.last.status_code if wire.last else None) from None
            raise unavailable(
                "Microsoft's sign-in service gives no configuration for this tenant."
            ) from error
        return wire, client

    def _tenant(self, app: App, wire: EntraWire) -> tuple[str, str]:
        """The tenant's GUID and its issuer, as the authority's own configuration says."""
        url = f"{self._authority}/{app.tenant_id}/v2.0/.well-known/openid-configuration"
        document = wire.get(url).json()
        found = GUID.search(urlsplit(str(document.get("token_endpoint", ""))).path)
        if not found:
            raise unavailable("Microsoft's sign-in service does not name the tenant.")
        tenant = found.group(0).lower()
        if GUID.fullmatch(app.tenant_id) and tenant != app.tenant_id.lower():
            raise _other_tenant()
        return tenant, str(document.get("issuer", "")).replace("{tenantid}", tenant)

    def _grant(self, client: Any, result: dict[str, Any], tenant: str, claims: Mapping[str, Any]) -> Grant:
        token = Secret(result["access_token"])
        return Grant(
            access_token=token,
            expires_at=self._now() + timedelta(seconds=int(result.get("expires_in", 0))),
            cache=Secret(client.token_cache.serialize()),
            tenant_id=tenant,
            permissions=permissions(token),
            user_id=str(claims.get("oid") or claims.get("sub") or ""),
            user_name=str(claims.get("preferred_username") or claims.get("upn") or claims.get("name") or ""),
        )


def check_id_token(
    claims: Mapping[str, Any], *, client_id: str, tenant: str, issuer: str, now: datetime
) -> None:
    """Refuse an id token that was not issued by the asked tenant, for this app, for now (OpenID Connect Core 3.1.3.7)."""
    if str(claims.get("tid", "")).lower() != tenant.lower():
        raise _other_tenant()
    audience = claims.get("aud")
    if audience != client_id and audience != [client_id]:
        raise _bad_token("it was issued for another app")
    if not issuer or claims.get("iss") != issuer:
        raise _bad_token("it was issued by somebody else")
    expires, not_before = claims.get("exp"), claims.get("nbf", 0)
    if not isinstance(expires, (int, float)) or now.timestamp() > expires + CLOCK_SKEW.total_seconds():
        raise _bad_token("it has expired")
    if not isinstance(not_before, (int, float)) or now.timestamp() < not_before - CLOCK_SKEW.total_seconds():
        raise _bad_token("it is not valid yet")


def claims_of(token: Secret) -> dict[str, Any]:
    """A JWT's claims without any check: for diagnosis only. Empty when it is no JWT."""
    parts = token.reveal().split(".")
    try:
        value = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (IndexError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def permissions(token: Secret) -> tuple[str, ...]:
    """What an access token was granted: delegated scopes (`scp`) and application roles (`roles`), sorted."""
    claims = claims_of(token)
    scopes, roles = claims.get("scp"), claims.get("roles")
    named = set(scopes.split()) if isinstance(scopes, str) else set()
    if isinstance(roles, list):
        named |= {role for role in roles if isinstance(role, str)}
    return tuple(sorted(named))


def _cache(text: Secret | None) -> Any:
    from msal.token_cache import SerializableTokenCache

    cache = SerializableTokenCache()
    if text:
        cache.deserialize(text.reveal())
    return cache


def _other_tenant() -> SyncError:
    return Refused(
        "wrong_tenant",
        "The answer comes from another tenant than the connection's.",
        cure="Sign in with an account of the connection's tenant, or correct the tenant id in a new connection.",
    )


def _bad_token(reason: str) -> SyncError:
    return Refused(
        "id_token_refused",
        f"Microsoft's id token is not accepted: {reason}.",
        cure="Start the authorization again from the connection's page; check this server's clock if it repeats.",
    )


def _signed_out() -> SyncError:
    return NeedsAuthorization(
        "needs_authorization",
        "There is no sign-in to refresh.",
        cure="Authorize the connection again and sign in with a Business Central user.",
    )
