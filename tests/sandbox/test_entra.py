"""The simulated Entra, driven as its real clients drive it: MSAL, azure-identity, a form in a browser."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import secrets
import shutil
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import pytest
from azure.identity import ClientSecretCredential
from msal.application import ConfidentialClientApplication
from playwright.async_api import async_playwright

from sandbox.data.directory import HOME, OTHER
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
async def served() -> AsyncIterator[World]:
    async with running(World(), services=("entra",)) as world:
        yield world


@pytest.fixture
async def entra(served: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Entra]:
    served.reset()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", served.ca_bundle)
    trusted = ssl.create_default_context(cafile=served.ca_bundle)
    async with (
        httpx.AsyncClient(verify=trusted) as http,
        httpx.AsyncClient(base_url=served.urls["control"]) as control,
    ):
        yield Entra(served, http, control)


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


# --- with the real client libraries -----------------------------------------------------------------------------


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


# --- discovery --------------------------------------------------------------------------------------------------


async def test_configuration_names_the_tenant_by_its_guid(entra: Entra) -> None:
    found = (
        await entra.http.get(f"{entra.address(HOME.domain)}/v2.0/.well-known/openid-configuration")
    ).json()
    assert found["issuer"] == f"{entra.address()}/v2.0"
    assert found["token_endpoint"] == f"{entra.address()}/oauth2/v2.0/token"
    keys = (await entra.http.get(found["jwks_uri"])).json()["keys"]
    assert keys[0]["kty"] == "RSA"


@pytest.mark.parametrize(
    ("tenant", "number"),
    [("nowhere.example.com", 90002), (str(OTHER.id)[:-1] + "f", 90002), ("nonsense", 900021)],
)
async def test_an_unknown_tenant_is_a_400(entra: Entra, tenant: str, number: int) -> None:
    answer = await entra.http.get(f"{entra.address(tenant)}/v2.0/.well-known/openid-configuration")
    assert answer.status_code == 400
    refused(answer, number, "invalid_request")


async def test_common_does_not_serve_a_single_tenant_app(entra: Entra) -> None:
    refused(await entra.token(APP_MODE, "common", grant_type="client_credentials"), 50194, "invalid_request")


# --- the sign-in page -------------------------------------------------------------------------------------------


async def test_the_answer_carries_state_code_and_what_was_asked(entra: Entra) -> None:
    answer = await entra.sign_in(entra.authorization_url(client_info="1", state="a b&c"))
    assert answer["state"] == "a b&c"
    assert set(answer) == {"code", "state", "session_state", "client_info"}


async def test_consent_is_asked_once_for_each_user_and_an_admin_may_give_it_for_all(entra: Entra) -> None:
    asked = "Permissions requested"

    async def page_for(user: tuple[str, str]) -> httpx.Response:
        page = await entra.http.get(entra.authorization_url())
        return await entra.submit(page, username=user[0], password=user[1], action="signin")

    page = await page_for(UMA)
    assert asked in page.text
    assert "on behalf of your organization" not in page.text
    await entra.submit(page, action="accept")
    assert (await page_for(UMA)).status_code == 302
    page = await page_for(ADA)
    assert asked in page.text
    await entra.submit(page, action="accept", organization="1")
    await entra.order("consent", client_id=SIGN_IN[0], user=UMA[0], granted=False)
    assert (await page_for(UMA)).status_code == 302


async def test_declining_consent_goes_back_as_access_denied(entra: Entra) -> None:
    answer = await entra.sign_in(entra.authorization_url(), button="cancel")
    assert answer["error"] == "access_denied"
    assert answer["error_description"].startswith("AADSTS65004: ")
    assert answer["state"] == "the state"
    assert "code" not in answer


async def test_a_plain_user_cannot_consent_where_an_admin_must(entra: Entra) -> None:
    answer = await entra.sign_in(entra.authorization_url(ADMIN_ONLY), UMA, button="return")
    assert answer["error"] == "access_denied"
    assert "AADSTS90094" in answer["error_description"]
    assert "code" in await entra.sign_in(entra.authorization_url(ADMIN_ONLY), ADA)


@pytest.mark.parametrize(
    ("user", "number"),
    [
        ((f"otto@{OTHER.domain}", "Otto-pass-1"), 50020),
        ((f"dan@{HOME.domain}", "Dan-pass-1"), 50057),
        (("ada@tamarisk.example.com", "wrong"), 50126),
        (("nobody@tamarisk.example.com", "x"), 50034),
    ],
)
async def test_a_person_who_may_not_sign_in_stays_on_the_page(
    entra: Entra, user: tuple[str, str], number: int
) -> None:
    page = await entra.http.get(entra.authorization_url())
    page = await entra.submit(page, username=user[0], password=user[1], action="signin")
    assert page.status_code == 200
    assert f"AADSTS{number}: " in page.text
    page = await entra.submit(page, username=ADA[0], password=ADA[1], action="signin")
    assert "Permissions requested" in page.text


async def test_sign_in_refusals_go_back_to_the_app_where_the_switch_says_so(entra: Entra) -> None:
    await entra.control.put("/switches", json={"entra.redirect_sign_in_errors": True})
    answer = await entra.sign_in(entra.authorization_url(), (f"dan@{HOME.domain}", "Dan-pass-1"))
    assert answer["error_description"].startswith("AADSTS50057: ")


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        ({"redirect_uri": REDIRECT + "/"}, 50011),
        ({"redirect_uri": REDIRECT + "?x=1"}, 50011),
        ({"redirect_uri": None}, 50011),
        ({"client_id": "11111111-1111-1111-1111-111111111111"}, 700016),
        ({"client_id": ELSEWHERE[0]}, 700016),
    ],
)
async def test_an_app_that_is_not_who_it_says_gets_a_page_and_no_redirect(
    entra: Entra, changes: dict[str, str | None], number: int
) -> None:
    page = await entra.http.get(entra.authorization_url(**changes))
    assert page.status_code == 400
    assert "location" not in page.headers
    assert f"AADSTS{number}: " in page.text


@pytest.mark.parametrize(
    ("app", "changes", "number", "error"),
    [
        (SIGN_IN, {"scope": "https://example.com/Everything"}, 70011, "invalid_scope"),
        (SIGN_IN, {"scope": f"{BC}/Nonsense"}, 70011, "invalid_scope"),
        (NO_PERMISSION, {}, 650057, "invalid_resource"),
        (SIGN_IN, {"response_type": "token"}, 700054, "unsupported_response_type"),
        (SIGN_IN, {"code_challenge_method": "plain"}, 501481, "invalid_request"),
        (SIGN_IN, {"prompt": "none"}, 50058, "login_required"),
    ],
)
async def test_a_wrong_request_goes_back_to_the_app(
    entra: Entra, app: tuple[str, str], changes: dict[str, str | None], number: int, error: str
) -> None:
    page = await entra.http.get(entra.authorization_url(app, **changes))
    assert page.status_code == 302
    answer = parse_qs(urlsplit(page.headers["location"]).query)
    assert answer["error"] == [error]
    assert answer["error_description"][0].startswith(f"AADSTS{number}: ")
    assert answer["state"] == ["the state"]


async def test_a_tenant_without_business_central_is_told_so(entra: Entra) -> None:
    page = await entra.http.get(entra.authorization_url(ELSEWHERE, OTHER.id))
    assert "AADSTS650052" in parse_qs(urlsplit(page.headers["location"]).query)["error_description"][0]


async def test_markup_in_a_parameter_is_shown_as_text(entra: Entra) -> None:
    page = await entra.http.get(entra.authorization_url(redirect_uri="http://x/<script>"))
    assert "<script>" not in page.text
    page = await entra.http.get(entra.authorization_url(login_hint='"><script>'))
    assert "<script>" not in page.text


async def test_a_redirect_uri_of_all_apps_outlives_a_reset(entra: Entra) -> None:
    mine, theirs = "http://127.0.0.1:9/auth/callback", "http://127.0.0.1:8/auth/callback"
    await entra.order("redirect-uris", add=[mine])
    await entra.order("redirect-uris", client_id=SIGN_IN[0], add=[theirs])
    for uri in (mine, theirs):
        assert (await entra.http.get(entra.authorization_url(redirect_uri=uri))).status_code == 200
    await entra.control.post("/reset")
    assert (await entra.http.get(entra.authorization_url(redirect_uri=mine))).status_code == 200
    assert (await entra.http.get(entra.authorization_url(redirect_uri=theirs))).status_code == 400
    await entra.order("redirect-uris", remove=[mine])
    assert (await entra.http.get(entra.authorization_url(redirect_uri=mine))).status_code == 400


async def test_form_post_answers_with_a_page_that_posts(entra: Entra) -> None:
    page = await entra.http.get(entra.authorization_url(response_mode="form_post"))
    page = await entra.submit(page, username=ADA[0], password=ADA[1], action="signin")
    page = await entra.submit(page, action="accept")
    assert page.status_code == 200
    assert f'action="{REDIRECT}"' in page.text
    assert 'name="code"' in page.text


async def test_a_script_may_sign_in_without_a_browser(entra: Entra) -> None:
    wanted = {"authorization_url": entra.authorization_url(), "username": UMA[0], "password": UMA[1]}
    found = await entra.control.post("/entra/sign-in", json={**wanted, "accept": False})
    assert "AADSTS65004" in found.json()["location"]
    found = await entra.control.post("/entra/sign-in", json=wanted)
    code = parse_qs(urlsplit(found.json()["location"]).query)["code"][0]
    assert (await entra.redeem(code)).status_code == 200
    found = await entra.control.post("/entra/sign-in", json={**wanted, "password": "wrong"})
    assert found.status_code == 400
    assert "AADSTS50126" in found.json()["error"]


# --- codes ------------------------------------------------------------------------------------------------------


async def test_a_code_becomes_tokens_that_say_who_signed_in_and_what_was_granted(entra: Entra) -> None:
    tokens = await entra.tokens()
    token = entra.world.bearer(tokens["access_token"])
    assert token is not None
    assert (token.tenant_id, token.app_id, token.user) == (HOME.id, SIGN_IN[0], ADA[0])
    assert token.scopes == {"Financials.ReadWrite.All", "user_impersonation"}
    assert token.claims["aud"] == BC
    assert not token.app_only
    identity = claims_of(tokens["id_token"])
    assert (identity["aud"], identity["tid"], identity["nonce"]) == (SIGN_IN[0], HOME.id, "the nonce")
    assert identity["iss"] == f"{entra.address()}/v2.0"
    assert tokens["expires_in"] == 3600


async def test_no_refresh_token_without_offline_access(entra: Entra) -> None:
    code = (await entra.sign_in(entra.authorization_url(scope=f"{BC}/.default")))["code"]
    tokens = (await entra.redeem(code)).json()
    assert "access_token" in tokens
    assert "refresh_token" not in tokens
    assert "id_token" not in tokens


async def test_a_code_works_once(entra: Entra) -> None:
    code = (await entra.sign_in(entra.authorization_url()))["code"]
    assert (await entra.redeem(code)).status_code == 200
    refused(await entra.redeem(code), 54005, "invalid_grant")


async def test_a_code_lives_ten_minutes(entra: Entra) -> None:
    code = (await entra.sign_in(entra.authorization_url()))["code"]
    await entra.control.post("/clock", json={"shift_seconds": 601})
    refused(await entra.redeem(code), 70008, "invalid_grant")


@pytest.mark.parametrize("verifier", ["w" * 64, ""])
async def test_a_wrong_or_missing_verifier_is_refused(entra: Entra, verifier: str) -> None:
    code = (await entra.sign_in(entra.authorization_url()))["code"]
    refused(await entra.redeem(code, code_verifier=verifier), 501481, "invalid_grant")


async def test_a_verifier_without_a_challenge_is_refused(entra: Entra) -> None:
    url = entra.authorization_url(code_challenge=None, code_challenge_method=None)
    code = (await entra.sign_in(url))["code"]
    refused(await entra.redeem(code), 501481, "invalid_grant")
    assert (await entra.redeem(code, code_verifier="")).status_code == 200


async def test_a_code_needs_its_own_redirect_uri_and_client(entra: Entra) -> None:
    code = (await entra.sign_in(entra.authorization_url()))["code"]
    other = "http://127.0.0.1:7071/auth/callback"
    refused(await entra.redeem(code, redirect_uri=other), 500112, "invalid_client")
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
    }
    refused(await entra.token(APP_MODE, **form), 70000, "invalid_grant")


async def test_claims_can_be_falsified_once_for_the_products_own_checks(entra: Entra) -> None:
    await entra.order("claims", tid=OTHER.id, aud="somebody else", exp=1)
    identity = claims_of((await entra.tokens())["id_token"])
    assert (identity["tid"], identity["aud"], identity["exp"]) == (OTHER.id, "somebody else", 1)
    assert claims_of((await entra.tokens())["id_token"])["tid"] == HOME.id


# --- clients and secrets ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("app", "number", "error", "status"),
    [
        ((APP_MODE[0], "wrong"), 7000215, "invalid_client", 401),
        ((APP_MODE[0], ""), 7000218, "invalid_client", 401),
        (EXPIRED, 7000222, "invalid_client", 401),
        ((EXPIRED[0], "wrong"), 7000215, "invalid_client", 401),
        (("11111111-1111-1111-1111-111111111111", "x"), 700016, "unauthorized_client", 400),
        (ELSEWHERE, 700016, "unauthorized_client", 400),
    ],
)
async def test_a_client_that_cannot_prove_itself(
    entra: Entra, app: tuple[str, str], number: int, error: str, status: int
) -> None:
    answer = await entra.token(app, grant_type="client_credentials", scope=f"{BC}/.default")
    assert answer.status_code == status
    refused(answer, number, error)


async def test_two_secrets_work_side_by_side_until_one_is_removed(entra: Entra) -> None:
    form = {"grant_type": "client_credentials", "scope": f"{BC}/.default"}
    await entra.order("secrets", client_id=APP_MODE[0], value="new~secret")
    assert (await entra.token((APP_MODE[0], "new~secret"), **form)).status_code == 200
    assert (await entra.token(APP_MODE, **form)).status_code == 200
    await entra.order("secrets", client_id=APP_MODE[0], value=APP_MODE[1], remove=True)
    refused(await entra.token(APP_MODE, **form), 7000215, "invalid_client")
    await entra.order("secrets", client_id=APP_MODE[0], value="new~secret", days_left=-1)
    refused(await entra.token((APP_MODE[0], "new~secret"), **form), 7000222, "invalid_client")


async def test_a_client_may_use_basic_authorization(entra: Entra) -> None:
    form = {"grant_type": "client_credentials", "scope": f"{BC}/.default"}
    address = f"{entra.address()}/oauth2/v2.0/token"
    assert (await entra.http.post(address, data=form, auth=APP_MODE)).status_code == 200


@pytest.mark.parametrize(
    ("form", "number", "error"),
    [
        ({"grant_type": "client_credentials", "scope": f"{BC}/user_impersonation"}, 70011, "invalid_scope"),
        ({"grant_type": "client_credentials"}, 900144, "invalid_request"),
        (
            {"grant_type": "client_credentials", "scope": "https://example.com/.default"},
            500011,
            "invalid_resource",
        ),
        ({"grant_type": "password"}, 70003, "unsupported_grant_type"),
        ({}, 900144, "invalid_request"),
    ],
)
async def test_a_malformed_app_request(entra: Entra, form: dict[str, str], number: int, error: str) -> None:
    refused(await entra.token(APP_MODE, **form), number, error)


async def test_an_app_without_admin_consent_gets_a_token_without_roles(entra: Entra) -> None:
    answer = await entra.token(ADMIN_ONLY, grant_type="client_credentials", scope=f"{BC}/.default")
    assert "roles" not in claims_of(answer.json()["access_token"])
    assert "refresh_token" not in answer.json()


# --- refresh tokens and what ends them --------------------------------------------------------------------------


async def test_each_use_gives_a_new_refresh_token_and_leaves_the_old_one_alive(entra: Entra) -> None:
    first = (await entra.tokens())["refresh_token"]
    second = (await entra.refresh(first)).json()["refresh_token"]
    assert second != first
    assert (await entra.refresh(first)).status_code == 200
    await entra.control.put("/switches", json={"entra.revoke_old_refresh_tokens": True})
    third = (await entra.refresh(second)).json()["refresh_token"]
    refused(await entra.refresh(second), 50173, "invalid_grant")
    assert (await entra.refresh(third)).status_code == 200


async def test_a_refresh_token_dies_after_ninety_idle_days(entra: Entra) -> None:
    token = (await entra.tokens())["refresh_token"]
    await entra.control.post("/clock", json={"shift_seconds": 91 * 86_400})
    refused(await entra.refresh(token), 700082, "invalid_grant")


async def test_revoking_a_user_ends_refresh_and_access_tokens(entra: Entra) -> None:
    tokens, other = await entra.tokens(), await entra.tokens(UMA)
    await entra.order("revoke", user=ADA[0])
    refused(await entra.refresh(tokens["refresh_token"]), 50173, "invalid_grant")
    assert entra.world.bearer(tokens["access_token"]) is None
    assert entra.world.bearer(other["access_token"]) is not None
    assert (await entra.refresh(other["refresh_token"])).status_code == 200


async def test_a_disabled_user_and_withdrawn_consent_stop_the_refresh(entra: Entra) -> None:
    token = (await entra.tokens())["refresh_token"]
    await entra.order("disable", user=ADA[0])
    refused(await entra.refresh(token), 50057, "invalid_grant")
    await entra.order("disable", user=ADA[0], disabled=False)
    await entra.order("consent", client_id=SIGN_IN[0], granted=False)
    refused(await entra.refresh(token), 65001, "invalid_grant")
    await entra.order("consent", client_id=SIGN_IN[0])
    assert (await entra.refresh(token)).status_code == 200


async def test_a_foreign_or_invented_refresh_token_is_refused(entra: Entra) -> None:
    token = (await entra.tokens())["refresh_token"]
    refused(await entra.refresh(secrets.token_urlsafe(40)), 70000, "invalid_grant")
    refused(
        await entra.token(APP_MODE, grant_type="refresh_token", refresh_token=token), 70000, "invalid_grant"
    )


@pytest.mark.parametrize("number", [70008, 50173, 700082, 53003, 50076])
async def test_errors_to_order_come_as_often_as_ordered(entra: Entra, number: int) -> None:
    token = (await entra.tokens())["refresh_token"]
    await entra.order("errors", grant="refresh_token", aadsts=number, times=2)
    for _ in range(2):
        refused(await entra.refresh(token), number, "invalid_grant")
    assert (await entra.refresh(token)).status_code == 200


async def test_an_ordered_error_may_be_a_passing_one_or_meet_the_sign_in(entra: Entra) -> None:
    await entra.order("errors", grant="client_credentials", aadsts=90033)
    answer = await entra.token(APP_MODE, grant_type="client_credentials", scope=f"{BC}/.default")
    assert answer.status_code == 503
    refused(answer, 90033, "temporarily_unavailable")
    await entra.order("errors", grant="authorize", aadsts=50105)
    assert "AADSTS50105" in (await entra.sign_in(entra.authorization_url()))["error_description"]


# --- access tokens ----------------------------------------------------------------------------------------------


async def test_an_access_token_ends_with_its_lifetime(entra: Entra) -> None:
    await entra.control.put("/entra/lifetime", json={"seconds": 120})
    tokens = await entra.tokens()
    assert tokens["expires_in"] == 120
    assert entra.world.bearer(tokens["access_token"]) is not None
    await entra.control.post("/clock", json={"shift_seconds": 121})
    assert entra.world.bearer(tokens["access_token"]) is None


@pytest.mark.parametrize("harm", ["signature", "payload", "unsigned", "id token", "garbage"])
async def test_a_token_that_is_not_ours_is_no_bearer(entra: Entra, harm: str) -> None:
    tokens = await entra.tokens()
    head, body, signature = tokens["access_token"].split(".")
    forged = base64.urlsafe_b64encode(
        json.dumps({**claims_of(tokens["access_token"]), "upn": "x"}).encode()
    ).decode()
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    made = {
        "signature": f"{head}.{body}.{signature[:-8]}AAAAAAAA",
        "payload": f"{head}.{forged.rstrip('=')}.{signature}",
        "unsigned": f"{none}.{body}.",
        "id token": tokens["id_token"],
        "garbage": "no token at all",
    }
    assert entra.world.bearer(made[harm]) is None


async def test_the_state_counts_calls_and_codes(entra: Entra) -> None:
    token = (await entra.tokens())["refresh_token"]
    await entra.refresh(token)
    await entra.redeem("nonsense")
    await entra.sign_in(entra.authorization_url())
    state = (await entra.control.get("/entra/state")).json()
    assert state["token_calls"] == {"authorization_code": 2, "refresh_token": 1, "client_credentials": 0}
    assert state["codes"] == {"issued": 2, "redeemed": 1}
    assert state["refused"] == {"70000": 1}


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("errors", {"aadsts": 1}),
        ("errors", {"grant": "nonsense", "aadsts": 50173}),
        ("claims", {"times": 1}),
        ("claims", {"colour": "red"}),
        ("revoke", {}),
        ("disable", {"user": "nobody"}),
        ("secrets", {"client_id": "nobody"}),
    ],
)
async def test_a_senseless_order_is_refused_with_the_reason(
    entra: Entra, path: str, wanted: dict[str, Any]
) -> None:
    answer = await entra.control.post(f"/entra/{path}", json=wanted)
    assert answer.status_code == 400
    assert answer.json()["error"]


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
