"""Halo's authinfo, tokens, rights, rate limit and counters."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.sandbox.halo_client import Halo, serving


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Halo]:
    async with serving() as halo:
        yield halo


@pytest.fixture
async def halo(server: Halo) -> Halo:
    await server.control.post("/reset")
    await server.sign_in()
    return server


@pytest.mark.parametrize("path", ["/api/authinfo", "/api/AuthInfo", "/API/AUTHINFO"])
async def test_authinfo_is_anonymous_and_answers_any_letter_case(halo: Halo, path: str) -> None:
    async with httpx.AsyncClient() as anonymous:
        answer = await anonymous.get(f"{halo.url}{path}")
    assert answer.json() == {"auth_url": f"{halo.url}/auth", "tenant_id": "tamarisk"}


async def test_authinfo_may_name_a_path(halo: Halo) -> None:
    await halo.switch(auth_url_form="path")
    assert (await halo.get("/authinfo"))["auth_url"] == "/auth"


async def test_a_token_lasts_an_hour(halo: Halo) -> None:
    answer = await halo.token()
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 3600)
    await halo.control.post("/clock", json={"shift_seconds": 3601})
    assert (await halo.api.get("/Tax")).status_code == 401


async def test_a_wrong_secret_is_401_in_oauths_words(halo: Halo) -> None:
    answer = await halo.token(client_secret="no")
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"
    assert answer.json()["error_description"]


@pytest.mark.parametrize("where", ["query", "form"])
async def test_a_wrong_tenant_is_500(halo: Halo, where: str) -> None:
    if where == "form":
        answer = await halo.token(tenant="other")
    else:
        answer = await halo.api.post(f"{halo.url}/auth/token?tenant=other", data={"scope": "all"})
    assert answer.status_code == 500
    assert (await halo.token(tenant="tamarisk")).status_code == 200


async def test_an_unknown_scope_is_refused(halo: Halo) -> None:
    answer = await halo.token(scope="all everything")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")


async def test_revoked_tokens_are_refused_without_json(halo: Halo) -> None:
    await halo.control.post("/halo/tokens/revoke")
    answer = await halo.api.get("/Client")
    assert (answer.status_code, answer.content) == (401, b"")


async def test_a_scope_covers_its_area_only(halo: Halo) -> None:
    await halo.sign_in(scope="read:customers read:invoices edit:invoices")
    assert (await halo.api.get("/Client")).status_code == 200
    assert (await halo.api.post("/Client", json=[{"name": "x"}])).status_code == 403
    assert (await halo.api.get("/Item")).status_code == 403
    assert (await halo.api.get("/Control")).status_code == 403


async def test_a_read_only_agent_gets_403_without_json(halo: Halo) -> None:
    application = halo.world.data.halo
    await halo.sign_in(
        client_id=application.readonly_client_id, client_secret=application.readonly_client_secret
    )
    assert (await halo.api.get("/Client/101")).status_code == 200
    answer = await halo.api.post("/Client", json=[{"id": 101, "accountsid": "1"}])
    assert (answer.status_code, answer.content) == (403, b"")


async def test_a_lost_permission_shows_few_rows(halo: Halo) -> None:
    await halo.control.put("/halo/rights", json={"rows": {"Invoice": 2}})
    listed = await halo.get("/Invoice", pageinate="true", includecredits="true")
    assert (listed["record_count"], len(listed["invoices"])) == (2, 2)
    assert (await halo.api.get("/Invoice/1041")).status_code == 403
    assert (await halo.api.get(f"/Invoice/{listed['invoices'][0]['id']}")).status_code == 200


async def test_a_denied_resource_is_403(halo: Halo) -> None:
    await halo.control.put("/halo/rights", json={"denied": ["IntegrationError", "items"]})
    assert (await halo.api.get("/IntegrationError")).status_code == 403
    assert (await halo.api.get("/AssetGroup")).status_code == 403
    assert (await halo.api.get("/ExternalLink")).status_code == 200


async def test_the_rate_limit_is_450_in_five_minutes_and_off_by_default(halo: Halo) -> None:
    await halo.switch(rate_limit=True, retry_after=7)
    await halo.switch(rate_limit_requests=3)
    statuses = [(await halo.api.get("/Tax")).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert (await halo.api.get("/Tax")).headers["Retry-After"] == "7"
    await halo.control.post("/clock", json={"shift_seconds": 301})
    assert (await halo.api.get("/Tax")).status_code == 200


async def test_requests_are_counted_by_kind(halo: Halo) -> None:
    await halo.control.delete("/counters")
    await halo.api.get("/invoice/1041")
    await halo.api.get("/Invoice")
    await halo.api.post("/Invoice/updatelines", json=[])
    await halo.token()
    kinds = (await halo.control.get("/counters")).json()["halo"]["by_kind"]
    assert kinds == {
        "GET Invoice/{id}": 1,
        "GET Invoice": 1,
        "POST Invoice/updatelines": 1,
        "POST auth/token": 1,
    }
