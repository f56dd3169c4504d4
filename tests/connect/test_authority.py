"""Which sign-in service is trusted with a client secret, and what is said where it does not answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from bc.clients.entra import App, Entra, Grant
from bc.clients.tls import ssl_context
from bc.errors import NotConfigured, Refused, Transient
from bc.settings import Secret
from sandbox.world import World
from tests.connect.connect_world import settings

pytestmark = pytest.mark.filterwarnings("ignore:response_mode")
SIGN_IN = "5d3c2a10-7e41-4b8b-9f3e-000000000001"
APP_MODE = "5d3c2a10-7e41-4b8b-9f3e-000000000002"


async def test_an_entra_that_cannot_be_reached_is_worth_waiting_for() -> None:
    entra = Entra(settings(AZURE_AUTHORITY_HOST="https://127.0.0.1:9"))
    with pytest.raises(Transient, match="entra_unavailable"):
        await entra.for_app(App("tamarisk.example.com", SIGN_IN, Secret("x")))


async def test_a_plain_http_authority_is_named() -> None:
    entra = Entra(settings(AZURE_AUTHORITY_HOST="http://127.0.0.1:9"))
    with pytest.raises(NotConfigured, match="authority_not_https"):
        await entra.for_app(App("tamarisk.example.com", SIGN_IN, Secret("x")))


def _lying(change: Callable[[str], httpx.Response]) -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(lambda request: change(str(request.url))))


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://evil.example/8f2b6c1e-4d0a-4f6e-9a51-2f7c1d9be301/oauth2/v2.0/token",
        "http://login.example.test/8f2b6c1e-4d0a-4f6e-9a51-2f7c1d9be301/oauth2/v2.0/token",
        "https://user@login.example.test/8f2b6c1e-4d0a-4f6e-9a51-2f7c1d9be301/oauth2/v2.0/token",
        "https://login.example.test:8443/8f2b6c1e-4d0a-4f6e-9a51-2f7c1d9be301/oauth2/v2.0/token",
    ],
)
async def test_the_secret_goes_to_the_configured_authority_only(endpoint: str) -> None:
    asked: list[str] = []

    def answer(url: str) -> httpx.Response:
        asked.append(url)
        base = "https://login.example.test/8f2b6c1e-4d0a-4f6e-9a51-2f7c1d9be301"
        document = {
            "token_endpoint": endpoint,
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "issuer": f"{base}/v2.0",
        }
        return httpx.Response(200, json=document)

    entra = Entra(settings(AZURE_AUTHORITY_HOST="https://login.example.test"), client=_lying(answer))
    with pytest.raises((Refused, Transient)):
        await entra.for_app(App("8f2b6c1e-4d0a-4f6e-9a51-2f7c1d9be301", SIGN_IN, Secret("x")))
    assert all("openid-configuration" in url for url in asked)


async def test_redirects_of_the_sign_in_service_are_not_followed() -> None:
    def answer(url: str) -> httpx.Response:
        return httpx.Response(302, headers={"Location": "https://evil.example/"})

    entra = Entra(settings(AZURE_AUTHORITY_HOST="https://login.example.test"), client=_lying(answer))
    with pytest.raises(Refused, match="address_refused"):
        await entra.for_app(App("8f2b6c1e-4d0a-4f6e-9a51-2f7c1d9be301", SIGN_IN, Secret("x")))


async def test_the_trusted_certificates_come_from_the_environment(world: World) -> None:
    assert ssl_context().get_ca_certs()
    entra = Entra(settings(AZURE_AUTHORITY_HOST=world.urls["entra"]))
    grant: Grant = await entra.for_app(
        App("tamarisk.example.com", APP_MODE, Secret("apponly~Secret.Value-1"))
    )
    assert grant.expires_at > datetime.now(UTC) + timedelta(minutes=30)
    entra.close()
