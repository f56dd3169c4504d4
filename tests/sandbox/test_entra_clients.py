"""The simulated Entra, driven by its real clients: MSAL, azure-identity, a browser."""

from __future__ import annotations

import asyncio
import shutil
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from azure.identity import ClientSecretCredential
from msal.application import ConfidentialClientApplication
from playwright.async_api import async_playwright

from sandbox.data.directory import HOME
from tests.sandbox.entra_client import (
    ADA,
    APP_MODE,
    BC,
    REDIRECT,
    SIGN_IN,
    UMA,
    Entra,
)


def confidential(entra: Entra, app: tuple[str, str], tenant: str = HOME.id, host: str = "") -> Any:
    make: Any = ConfidentialClientApplication  # MSAL has no types
    return make(
        app[0],
        client_credential=app[1],
        authority=f"{host or entra.world.urls['entra']}/{tenant}",
        instance_discovery=False,
    )


@pytest.mark.parametrize("tenant", [HOME.id, HOME.domain])
async def test_msal_signs_in_by_code_flow_and_refreshes_silently(entra: Entra, tenant: str) -> None:
    app = await asyncio.to_thread(confidential, entra, SIGN_IN, tenant)
    scopes = [f"{BC}/Financials.ReadWrite.All"]
    flow = await asyncio.to_thread(app.initiate_auth_code_flow, scopes, REDIRECT)
    answer = await entra.sign_in(flow["auth_uri"])
    result = await asyncio.to_thread(app.acquire_token_by_auth_code_flow, flow, answer)
    assert "access_token" in result, result
    assert result["id_token_claims"]["tid"] == HOME.id
    assert result["id_token_claims"]["aud"] == SIGN_IN[0]
    [account] = app.get_accounts()
    assert account["username"] == ADA[0]
    again = await asyncio.to_thread(app.acquire_token_silent_with_error, scopes, account, force_refresh=True)
    assert again["access_token"] != result["access_token"]
    assert entra.world.bearer(again["access_token"]) is not None


async def test_msal_refuses_a_wrong_nonce(entra: Entra) -> None:
    await entra.order("claims", nonce="another")
    app = await asyncio.to_thread(confidential, entra, SIGN_IN)
    flow = await asyncio.to_thread(app.initiate_auth_code_flow, [f"{BC}/.default"], REDIRECT)
    answer = await entra.sign_in(flow["auth_uri"])
    with pytest.raises(RuntimeError, match="nonce"):
        await asyncio.to_thread(app.acquire_token_by_auth_code_flow, flow, answer)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_msal_gets_an_app_token_at_either_name_of_this_machine(entra: Entra, host: str) -> None:
    address = entra.world.urls["entra"].replace("127.0.0.1", host)
    app = await asyncio.to_thread(confidential, entra, APP_MODE, HOME.id, address)
    result = await asyncio.to_thread(app.acquire_token_for_client, [f"{BC}/.default"])
    token = entra.world.bearer(result["access_token"])
    assert token is not None
    assert token.app_only
    assert token.roles >= {"API.ReadWrite.All"}
    assert token.app_id == token.principal == APP_MODE[0]


async def test_msal_hears_of_a_wrong_secret_and_an_unknown_tenant(entra: Entra) -> None:
    app = await asyncio.to_thread(confidential, entra, (APP_MODE[0], "nonsense"))
    result = await asyncio.to_thread(app.acquire_token_for_client, [f"{BC}/.default"])
    assert (result["error"], result["error_codes"]) == ("invalid_client", [7000215])
    with pytest.raises(ValueError, match="tenant"):
        await asyncio.to_thread(confidential, entra, APP_MODE, "nowhere.example.com")


async def test_azure_identity_gets_an_app_token(entra: Entra) -> None:
    credential = ClientSecretCredential(
        HOME.id,
        APP_MODE[0],
        APP_MODE[1],
        authority=entra.world.urls["entra"],
        disable_instance_discovery=True,
        connection_verify=entra.world.ca_bundle,
    )
    token = await asyncio.to_thread(credential.get_token, f"{BC}/.default")
    assert entra.world.bearer(token.token) is not None
    credential.close()


@pytest.mark.browser
async def test_a_person_signs_in_with_a_real_browser(entra: Entra) -> None:
    chromium = shutil.which("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page(ignore_https_errors=True)
        await page.route(f"{REDIRECT}*", lambda route: route.fulfill(status=200, body="back at the app"))
        await page.goto(entra.authorization_url())
        await page.get_by_label("User name").fill(UMA[0])
        await page.get_by_label("Password").fill(UMA[1])
        await page.get_by_role("button", name="Sign in").click()
        await page.get_by_role("button", name="Accept").click()
        await page.wait_for_url(f"{REDIRECT}*")
        answer = dict(parse_qsl(urlsplit(page.url).query))
        await browser.close()
    assert (await entra.redeem(answer["code"])).status_code == 200
