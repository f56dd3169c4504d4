"""Signing in to Halo: the token address from the tenant itself, one token for the process, renewed before it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from bc.clients.halo_errors import error_text, halo_error, unreadable
from bc.clients.transport import Answer, Transport
from bc.errors import NotConfigured, SyncError, Transient
from bc.settings import HaloSettings, Secret

EARLY_SECONDS = 60
_DEFAULT_LIFE = 3600
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


class HaloSignIn:
    """Client-credentials tokens. Nothing is stored: Halo gives a new one whenever it is asked."""

    def __init__(
        self, transport: Transport, settings: HaloSettings, budget: Callable[[int], Awaitable[None]]
    ) -> None:
        self._transport = transport
        self._settings = settings
        self._budget = budget
        self._lock = asyncio.Lock()
        self._token = Secret("")
        self._renew_at = 0.0
        self._address = ""

    async def token(self, *, refused: Secret | None = None) -> Secret:
        """A token good for another minute at least; `refused` is one that Halo just refused.

        However many callers wait, one asks. Raises `NotConfigured`, `Transient` (`halo_refused_us` with the cure).
        """
        async with self._lock:
            stale = refused is not None and refused.reveal() == self._token.reveal()
            if self._token and not stale and time.monotonic() < self._renew_at:
                return self._token
            return await self._renew()

    async def _renew(self) -> Secret:
        if not self._settings.configured:
            raise NotConfigured(
                "halo_not_configured",
                "Halo's address, client id or client secret is not set.",
                cure="Set HALO_URL, HALO_CLIENT_ID and HALO_CLIENT_SECRET.",
            )
        body = await self._ask()
        token, life = body.get("access_token"), body.get("expires_in", _DEFAULT_LIFE)
        if not isinstance(token, str) or not token:
            raise Transient(
                "halo_refused_us",
                "Halo's sign-in answered without a token.",
                cure="Check HALO_URL and HALO_TENANT.",
            )
        seconds = float(life) if isinstance(life, (int, float, Decimal)) else _DEFAULT_LIFE
        self._token = Secret(token)
        # A token that lives shorter than the margin is used for half its life.
        self._renew_at = time.monotonic() + max(seconds - EARLY_SECONDS, seconds / 2)
        return self._token

    async def _ask(self) -> dict[str, Any]:
        address = self._address or await self._find_address()
        form = {
            "grant_type": "client_credentials",
            "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret.reveal(),
            "scope": self._settings.scope,
        }
        content = urlencode(form).encode()
        answer = await self._post(address, content)
        if answer.status == 500:
            # Halo answers 500 for a wrong tenant; a passing fault deserves one more try.
            answer = await self._post(address, content)
        if not answer.ok:
            self._address = ""
            raise self._refusal(answer)
        try:
            body = answer.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise unreadable(answer, wrote=False)
        self._address = address
        return body

    async def _post(self, address: str, content: bytes) -> Answer:
        await self._budget(1)
        return await self._transport.send(
            "POST", address, headers=_FORM, content=content, timeout=30, writes=False
        )

    async def _find_address(self) -> str:
        """The token address with its tenant: from the anonymous `authinfo`, else `/auth/token`.

        `authinfo` may not send the client secret to another host than the configured one.
        """
        info = await self._authinfo()
        auth = str(info.get("auth_url") or "").strip().rstrip("/")
        if not auth.lower().startswith(f"{self._transport.base_url.lower()}/"):
            auth = f"{self._transport.base_url}/auth"
        tenant = self._settings.tenant or str(info.get("tenant_id") or "")
        query = f"?{urlencode({'tenant': tenant})}" if tenant else ""
        return f"{auth.removesuffix('/token')}/token{query}"

    async def _authinfo(self) -> dict[str, Any]:
        """What the tenant says of itself; {} where it does not say: the usual address is tried then."""
        await self._budget(1)
        answer = await self._transport.send(
            "GET", "api/authinfo", headers={"Accept": "application/json"}, timeout=30, writes=False
        )
        if answer.status == 429:
            raise halo_error(answer)
        try:
            info = answer.json() if answer.ok else None
        except ValueError:
            info = None
        return info if isinstance(info, dict) else {}

    def _refusal(self, answer: Answer) -> SyncError:
        said = error_text(answer)
        if answer.status == 429 or answer.status in (408, 502, 503, 504):
            return halo_error(answer)
        if answer.status == 500:
            cure = "Check HALO_TENANT: Halo answers like this for a tenant that it does not know."
        elif answer.status == 404:
            cure = "Check HALO_URL: there is no sign-in under it."
        else:
            cure = "Check HALO_CLIENT_ID, HALO_CLIENT_SECRET and HALO_SCOPE, and that the application is active in Halo."
        return Transient(
            "halo_refused_us",
            f"Halo refused our sign-in ({answer.status}): {said or 'it did not say why'}",
            cure=cure,
            status=answer.status,
        )
