"""The simulated Entra: its configuration, and the pages of a sign-in."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from sandbox.data.directory import HOME, OTHER
from tests.sandbox.entra_client import (
    ADA,
    ADMIN_ONLY,
    APP_MODE,
    BC,
    ELSEWHERE,
    NO_PERMISSION,
    REDIRECT,
    SIGN_IN,
    UMA,
    Entra,
    refused,
)


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
