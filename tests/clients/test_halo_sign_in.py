"""Signing in to Halo: where the secret goes, how often, and what a refusal says."""

from __future__ import annotations

import asyncio
import traceback
from typing import Any
from urllib.parse import parse_qs

import pytest

from bc.clients.halo import Halo
from bc.clients.transport import Transport
from bc.errors import NotConfigured, Transient
from tests.clients.remote import HALO_URL, PLANTED, HaloRemote, a_halo, answer, halo_settings, no_limit


async def test_the_token_address_and_tenant_come_from_the_tenant_itself() -> None:
    halo, remote = a_halo(answer(200, {"id": 12.0}))
    assert await halo.client("12") == {"id": 12.0}
    (sign_in,) = remote.sign_ins
    assert str(sign_in.url) == f"{HALO_URL}/auth/token?tenant=acme"
    assert parse_qs(sign_in.content.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["client"],
        "client_secret": ["planted-client-secret"],
        "scope": ["all"],
    }
    assert str(remote.last.url) == f"{HALO_URL}/api/Client/12?includedetails=true"
    assert remote.last.headers["authorization"] == f"Bearer {PLANTED}-1"


@pytest.mark.parametrize(
    "info",
    [
        {"auth_url": "https://evil.test/auth"},
        {"auth_url": f"{HALO_URL}.evil.test/auth"},
        {"auth_url": "http://acme.halo.test/auth"},
        {"auth_url": None},
        {"auth_url": f"{HALO_URL}/auth/token"},
        {},
    ],
)
async def test_the_client_secret_goes_to_the_configured_host_only(info: Any) -> None:
    halo, remote = a_halo(answer(200, {"id": 12}), info=info)
    await halo.client("12")
    assert [str(request.url) for request in remote.sign_ins] == [f"{HALO_URL}/auth/token"]


async def test_the_configured_tenant_goes_before_the_one_halo_names() -> None:
    halo, remote = a_halo(answer(200, {"id": 12}), tenant="mine")
    await halo.client("12")
    assert remote.sign_ins[0].url.params["tenant"] == "mine"


async def test_many_callers_sign_in_once() -> None:
    halo, remote = a_halo(answer(200, {"id": 12}))
    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(halo.client("12"))
    assert len(remote.sign_ins) == 1
    assert len(remote.requests) == 20


async def test_a_token_is_renewed_a_minute_early() -> None:
    halo, remote = a_halo(answer(200, {"id": 12}))
    remote.token_steps = [answer(200, {"access_token": "short", "expires_in": 0})]
    await halo.client("12")
    await halo.client("12")
    assert [request.headers["authorization"] for request in remote.requests] == [
        "Bearer short",
        f"Bearer {PLANTED}-2",
    ]


async def test_a_refused_token_is_renewed_once() -> None:
    halo, remote = a_halo(answer(401), answer(200, {"id": 12}))
    assert await halo.client("12") == {"id": 12}
    assert len(remote.sign_ins) == 2
    remote.steps = [answer(401)]
    remote.requests.clear()
    with pytest.raises(Transient) as caught:
        await halo.client("12")
    assert caught.value.code == "halo_refused_us"
    assert len(remote.requests) == 2


@pytest.mark.parametrize(
    ("status", "said", "calls", "cure"),
    [
        (500, None, 2, "HALO_TENANT"),
        (401, {"error": "invalid_client", "error_description": "wrong secret"}, 1, "HALO_CLIENT_SECRET"),
        (400, {"error": "invalid_scope"}, 1, "HALO_SCOPE"),
        (404, None, 1, "HALO_URL"),
    ],
)
async def test_a_refused_sign_in_says_what_to_check_and_fails_nothing_for_good(
    status: int, said: Any, calls: int, cure: str
) -> None:
    # F88
    halo, remote = a_halo(answer(200, {"id": 12}))
    remote.token_steps = [answer(status, said) for _ in range(calls)]
    with pytest.raises(Transient) as caught:
        await halo.client("12")
    assert caught.value.code == "halo_refused_us"
    assert cure in caught.value.cure
    assert len(remote.sign_ins) == calls
    shown = "".join(traceback.format_exception(caught.value))
    assert "planted-client-secret" not in shown
    assert await halo.client("12") == {"id": 12}


async def test_halo_that_is_down_is_unavailable_not_refusing() -> None:
    halo, remote = a_halo(answer(200, {"id": 12}))
    remote.token_steps = [answer(503, retry_after="30")]
    with pytest.raises(Transient) as caught:
        await halo.client("12")
    assert caught.value.code == "halo_unavailable"


async def test_missing_settings_are_named() -> None:
    halo = Halo(Transport("halo", "", transport=HaloRemote([answer(200)])), halo_settings(url=""), no_limit)
    with pytest.raises(NotConfigured) as caught:
        await halo.client("12")
    assert "HALO_URL" in caught.value.cure
