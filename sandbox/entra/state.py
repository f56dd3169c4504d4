"""What the simulated Entra knows now: registrations, consents, codes, refresh tokens, and what a test ordered."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sandbox.data.directory import AppRegistration, Tenant, User
from sandbox.entra import jwt
from sandbox.entra.errors import EntraError
from sandbox.world import Token, World

CODE_LIFETIME = timedelta(minutes=10)
REFRESH_IDLE = timedelta(days=90)
BC_AUDIENCES = ("https://api.businesscentral.dynamics.com", "996def3d-b36c-4153-8607-a6fd3c01b89f")
BC_NAME = "https://api.businesscentral.dynamics.com"
MULTI_TENANT = ("common", "organizations", "consumers")

_TENANT = re.compile(r"[0-9a-fA-F-]{36}|[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


@dataclass(slots=True)
class App:
    """A registration as it is now; `secrets` are (value, expiry)."""

    registration: AppRegistration
    secrets: list[tuple[str, datetime]]
    redirect_uris: set[str]
    admin_consented: bool
    needs_admin: bool
    disabled: bool = False

    @property
    def client_id(self) -> str:
        return self.registration.client_id


@dataclass(slots=True)
class Request:
    """An authorization request whose user is still at the sign-in page."""

    id: str
    app: App
    tenant: Tenant
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None
    nonce: str | None
    challenge: str | None
    response_mode: str
    prompt: str
    login_hint: str
    client_info: bool
    user: User | None = None


@dataclass(slots=True)
class Code:
    value: str
    request: Request
    user: User
    issued: datetime
    redeemed: bool = False


@dataclass(slots=True)
class RefreshToken:
    value: str
    client_id: str
    user: User
    scopes: tuple[str, ...]
    issued: datetime
    revoked: bool = False


@dataclass(slots=True)
class Ordered:
    """An error that the next token or authorize calls are to meet."""

    grant: str
    number: int
    left: int
    user: str = ""
    error: str = ""
    status: int = 0


@dataclass(slots=True)
class Override:
    """Claims that the next tokens are to carry instead (None: to lack)."""

    kind: str
    claims: dict[str, Any]
    left: int


@dataclass(slots=True)
class EntraState:
    world: World
    apps: dict[str, App] = field(default_factory=dict)
    disabled: set[str] = field(default_factory=set)
    consents: set[tuple[str, str]] = field(default_factory=set)
    requests: dict[str, Request] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    refresh_tokens: dict[str, RefreshToken] = field(default_factory=dict)
    principals: dict[str, str] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    ordered: list[Ordered] = field(default_factory=list)
    overrides: list[Override] = field(default_factory=list)
    everywhere: set[str] = field(default_factory=set)  # redirect URIs of all apps; they outlive a reset
    lifetime: int = 3600
    counts: Counter[str] = field(default_factory=Counter)

    def rebuild(self) -> None:
        """The state of a new world. Access tokens given out before stay valid until they expire."""
        directory = self.world.data.directory
        now = self.world.clock.now()
        self.apps = {
            app.client_id: App(
                app,
                [(secret.value, now + timedelta(days=secret.days_left)) for secret in app.secrets],
                set(app.redirect_uris) | self.everywhere,
                app.admin_consented,
                app.needs_admin,
            )
            for app in directory.apps
        }
        self.disabled = {user.username for user in directory.users if user.disabled}
        for held in (
            self.consents,
            self.requests,
            self.codes,
            self.refresh_tokens,
            self.revoked,
            self.counts,
        ):
            held.clear()
        self.ordered.clear()
        self.overrides.clear()
        self.principals.clear()
        self.lifetime = 3600

    def tenant(self, name: str, client_id: str = "") -> Tenant:
        """A tenant by GUID or domain; EntraError 50194, 900021 or 90002 otherwise."""
        wanted = name.lower()
        for tenant in self.world.data.directory.tenants:
            if wanted in (tenant.id, tenant.domain):
                return tenant
        if wanted in MULTI_TENANT:
            raise EntraError(50194, app=client_id)
        raise EntraError(90002 if _TENANT.fullmatch(name) else 900021, tenant=name)

    def app(self, client_id: str, tenant: Tenant) -> App:
        """A registration of that tenant; EntraError 700016 otherwise."""
        app = self.apps.get(client_id.lower())
        if app is None or app.registration.tenant_id != tenant.id:
            raise EntraError(700016, app=client_id, tenant=tenant.name)
        if app.disabled:
            raise EntraError(7000112, app=client_id)
        return app

    def sign_in(self, app: App, tenant: Tenant, username: str, password: str) -> User:
        """The user of this tenant; EntraError 50034, 50126, 50020 or 50057 otherwise."""
        name = username.strip().lower()
        user = next((user for user in self.world.data.directory.users if user.username == name), None)
        if user is None:
            raise EntraError(50034, tenant=tenant.name, detail=username)
        if not secrets.compare_digest(user.password.encode(), password.encode()):
            raise EntraError(50126)
        if user.tenant_id != tenant.id:
            raise EntraError(50020, app=app.client_id, tenant=tenant.name, detail=username)
        self.check_enabled(user)
        return user

    def check_enabled(self, user: User) -> None:
        if user.username in self.disabled:
            raise EntraError(50057)

    def has_consent(self, app: App, user: User) -> bool:
        return app.admin_consented or (app.client_id, user.username) in self.consents

    def check_scopes(self, app: App, tenant: Tenant, text: str) -> tuple[str, ...]:
        """The scopes asked for, all of them known and registered; else EntraError 70011, 650052 or 650057."""
        scopes = tuple(dict.fromkeys(text.split()))
        for scope in scopes:
            if scope in ("openid", "profile", "email", "offline_access"):
                continue
            resource, _, permission = scope.rpartition("/")
            if resource.rstrip("/") not in BC_AUDIENCES:
                raise EntraError(70011, detail=scope)
            if not tenant.has_business_central:
                raise EntraError(650052, tenant=tenant.name)
            if not app.registration.scopes:
                raise EntraError(650057, app=app.client_id)
            if permission not in (".default", *app.registration.scopes):
                raise EntraError(70011, detail=scope)
        if not scopes:
            raise EntraError(900144, detail="scope")
        return scopes

    def take_order(self, grant: str, user: str = "") -> EntraError | None:
        """The error that a test ordered for such a call, if any is left."""
        for ordered in self.ordered:
            if ordered.left and ordered.grant in (grant, "*") and ordered.user in ("", user):
                ordered.left -= 1
                return EntraError(ordered.number, error=ordered.error, status=ordered.status, detail=user)
        return None

    def overridden(self, kind: str, claims: dict[str, Any]) -> dict[str, Any]:
        """The claims of an `id` or `access` token with what a test ordered."""
        for override in self.overrides:
            if override.left and override.kind == kind:
                override.left -= 1
                claims = {**claims, **override.claims}
        return {name: value for name, value in claims.items() if value is not None}

    def revoke(self, *, user: str = "", client_id: str = "", access_tokens: bool = True) -> int:
        """End the refresh tokens of a user (or of an app) and, so BC refuses them, the access tokens."""
        ended = 0
        for token in self.refresh_tokens.values():
            if token.user.username == user or (client_id and token.client_id == client_id):
                ended += not token.revoked
                token.revoked = True
        if access_tokens:
            self.revoked |= {
                jti for jti, owner in self.principals.items() if owner and owner in (user, client_id)
            }
        return ended

    def bearer(self, token: str) -> Token | None:
        """An access token for BC that we signed, that has not expired and was not revoked."""
        claims = jwt.decode(token)
        if claims is None or claims.get("aud") not in BC_AUDIENCES or "appid" not in claims:
            return None
        expires = claims.get("exp")
        if not isinstance(expires, int | float) or expires <= self.world.clock.now().timestamp():
            return None
        return None if claims.get("uti") in self.revoked else Token(claims)
