"""The simulated Entra: what codes, secrets and refresh tokens are good for, and when no longer."""

from __future__ import annotations

import base64
import json
import secrets
from typing import Any

import pytest

from sandbox.data.directory import HOME, OTHER
from tests.sandbox.entra_client import (
    ADA,
    ADMIN_ONLY,
    APP_MODE,
    BC,
    ELSEWHERE,
    EXPIRED,
    REDIRECT,
    SIGN_IN,
    UMA,
    VERIFIER,
    Entra,
    claims_of,
    refused,
)

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
