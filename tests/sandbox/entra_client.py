"""A client of the simulated Entra: addresses, forms of its pages, codes and tokens."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from sandbox.data.directory import HOME
from sandbox.server import running
from sandbox.world import World

SIGN_IN = ("5d3c2a10-7e41-4b8b-9f3e-000000000001", "delegated~Secret.Value-1")
APP_MODE = ("5d3c2a10-7e41-4b8b-9f3e-000000000002", "apponly~Secret.Value-1")
EXPIRED = ("5d3c2a10-7e41-4b8b-9f3e-000000000003", "expired~Secret.Value-1")
ADMIN_ONLY = ("5d3c2a10-7e41-4b8b-9f3e-000000000004", "adminonly~Secret.Value-1")
NO_PERMISSION = ("5d3c2a10-7e41-4b8b-9f3e-000000000005", "nopermission~Secret.Value-1")
ELSEWHERE = ("5d3c2a10-7e41-4b8b-9f3e-000000000006", "other~Secret.Value-1")
ADA, UMA = (f"ada@{HOME.domain}", "Ada-pass-1"), (f"uma@{HOME.domain}", "Uma-pass-1")
REDIRECT = "http://localhost:7071/auth/callback"
BC = "https://api.businesscentral.dynamics.com"
SCOPE = f"{BC}/.default openid profile offline_access"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@dataclass
class Entra:
    """A running Entra, a browser that trusts it, and its control."""

    world: World
    http: httpx.AsyncClient
    control: httpx.AsyncClient

    def address(self, tenant: str = HOME.id) -> str:
        return f"{self.world.urls['entra']}/{tenant}"

    def authorization_url(
        self, app: tuple[str, str] = SIGN_IN, tenant: str = HOME.id, /, **changes: str | None
    ) -> str:
        asked: dict[str, str | None] = {
            "client_id": app[0],
            "response_type": "code",
            "redirect_uri": REDIRECT,
            "scope": SCOPE,
            "state": "the state",
            "nonce": "the nonce",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        given = {name: value for name, value in {**asked, **changes}.items() if value is not None}
        return f"{self.address(tenant)}/oauth2/v2.0/authorize?{urlencode(given)}"

    async def order(self, path: str, **wanted: Any) -> None:
        answer = await self.control.post(f"/entra/{path}", json=wanted)
        assert answer.is_success, answer.text

    async def submit(self, page: httpx.Response, **fields: str) -> httpx.Response:
        """Fill in the form of a page and press a button."""
        action = re.search(r'<form method="post" action="([^"]+)"', page.text)
        assert action, page.text
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        return await self.http.post(
            f"{self.world.urls['entra']}{unescape(action[1])}", data={**hidden, **fields}
        )

    async def sign_in(self, url: str, user: tuple[str, str] = ADA, button: str = "accept") -> dict[str, str]:
        """Through the pages to the redirect; its parameters."""
        page = await self.http.get(url)
        page = await self.submit(page, username=user[0], password=user[1], action="signin")
        if page.status_code == 200:
            page = await self.submit(page, action=button)
        assert page.status_code == 302, page.text
        return dict(parse_qsl(urlsplit(page.headers["location"]).query))

    async def token(
        self, app: tuple[str, str] = SIGN_IN, tenant: str = HOME.id, /, **form: str
    ) -> httpx.Response:
        given = {"client_id": app[0], "client_secret": app[1], **form}
        return await self.http.post(f"{self.address(tenant)}/oauth2/v2.0/token", data=given)

    async def redeem(self, code: str, **changes: str) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
        }
        return await self.token(**{**form, **changes})

    async def tokens(self, user: tuple[str, str] = ADA) -> dict[str, Any]:
        code = (await self.sign_in(self.authorization_url(), user))["code"]
        answer: dict[str, Any] = (await self.redeem(code)).json()
        return answer

    async def refresh(self, token: str, **form: str) -> httpx.Response:
        return await self.token(grant_type="refresh_token", refresh_token=token, **form)


@pytest.fixture(scope="module")
async def entra_world() -> AsyncIterator[World]:
    async with running(World(), services=("entra",)) as world:
        yield world


@pytest.fixture
async def entra(entra_world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Entra]:
    entra_world.reset()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", entra_world.ca_bundle)
    trusted = ssl.create_default_context(cafile=entra_world.ca_bundle)
    async with (
        httpx.AsyncClient(verify=trusted) as http,
        httpx.AsyncClient(base_url=entra_world.urls["control"]) as control,
    ):
        yield Entra(entra_world, http, control)


def claims_of(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


def refused(answer: httpx.Response, number: int, error: str) -> None:
    """The answer is Entra's refusal with this number, in its full shape."""
    body = answer.json()
    assert body["error_codes"] == [number], body
    assert body["error"] == error
    shape = (
        rf"AADSTS{number}: .+ Trace ID: \S+ Correlation ID: \S+ Timestamp: \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\dZ"
    )
    assert re.fullmatch(shape, body["error_description"])
    assert set(body) >= {"timestamp", "trace_id", "correlation_id", "error_uri"}
