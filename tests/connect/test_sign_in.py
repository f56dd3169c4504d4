"""The sign-in to the letter: real MSAL against the simulated Entra over TLS (FAULTS: OAuth start, Mix-up, F72)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest

from bc.clients.entra import Entra
from bc.connect.authorization import Authorization, ForeignAnswer, Started
from bc.connect.tokens import Tokens
from bc.errors import NeedsAuthorization, Refused, SyncError, Transient
from bc.model import Connection
from sandbox.world import World
from tests.connect.connect_world import Clock, Cures, MemoryStore, a_connection, settings

pytestmark = pytest.mark.filterwarnings("ignore:response_mode")
REDIRECT = "https://bc.example.test/auth/callback"
SIGN_IN = "5d3c2a10-7e41-4b8b-9f3e-000000000001"
APP_MODE = "5d3c2a10-7e41-4b8b-9f3e-000000000002"
EXPIRED = "5d3c2a10-7e41-4b8b-9f3e-000000000003"
ADMIN_ONLY = "5d3c2a10-7e41-4b8b-9f3e-000000000004"
NO_PERMISSION = "5d3c2a10-7e41-4b8b-9f3e-000000000005"
SECRETS = {
    SIGN_IN: "delegated~Secret.Value-1",
    APP_MODE: "apponly~Secret.Value-1",
    EXPIRED: "expired~Secret.Value-1",
    ADMIN_ONLY: "adminonly~Secret.Value-1",
    NO_PERMISSION: "nopermission~Secret.Value-1",
}
ADA = ("ada@tamarisk.example.com", "Ada-pass-1")
UMA = ("uma@tamarisk.example.com", "Uma-pass-1")


@dataclass
class Front:
    """One app with its store, and a person at a browser."""

    world: World
    store: MemoryStore
    entra: Entra
    tokens: Tokens
    cures: Cures
    clock: Clock
    authorization: Authorization

    def connection(self, client_id: str = SIGN_IN, **changes: Any) -> Connection:
        secret = changes.pop("secret", None) or SECRETS[client_id]
        values = {"client_id": client_id, "status": "new", "principal": "", **changes}
        return self.store.put(a_connection(**values), secret)

    async def control(self, path: str, body: dict[str, Any], method: str = "POST") -> dict[str, Any]:
        async with httpx.AsyncClient() as client:
            answer = await client.request(method, f"{self.world.urls['control']}/entra/{path}", json=body)
            answer.raise_for_status()
            return dict(answer.json())

    async def calls(self) -> dict[str, Any]:
        async with httpx.AsyncClient() as client:
            return dict((await client.get(f"{self.world.urls['control']}/entra/state")).json())

    async def person(self, started: Started, who: tuple[str, str] = ADA, *, accept: bool = True) -> str:
        body = {"authorization_url": started.url, "username": who[0], "password": who[1], "accept": accept}
        return str((await self.control("sign-in", body))["location"])

    async def back(self, location: str, cookies: dict[str, str]) -> Connection:
        query = parse_qsl(urlsplit(location).query, keep_blank_values=True)
        return await self.authorization.finish(query, cookies)

    async def whole(
        self, connection: Connection, who: tuple[str, str] = ADA, *, accept: bool = True
    ) -> Connection:
        started = await self.authorization.start(connection)
        return await self.back(await self.person(started, who, accept=accept), jar(started))


def jar(started: Started) -> dict[str, str]:
    return {started.cookie_name: started.cookie_value}


@pytest.fixture
async def front(world: World) -> AsyncIterator[Front]:
    clock = Clock()
    clock.at = datetime.now(UTC)
    store, cures = MemoryStore(clock), Cures()
    config = settings(AZURE_AUTHORITY_HOST=world.urls["entra"])
    entra = Entra(config)
    tokens = Tokens(store.as_store, entra, holder="w1", now=clock)
    authorization = Authorization(config, store.as_store, entra, tokens, cures, now=clock)
    made = Front(world, store, entra, tokens, cures, clock, authorization)
    await made.control("redirect-uris", {"add": [REDIRECT]})
    yield made
    entra.close()


def failure(connection: Connection) -> str:
    last = connection.last_authorization
    assert last is not None
    assert not last.ok
    assert last.message
    assert last.cure
    return last.code


async def test_a_sign_in_makes_the_connection_usable(front: Front) -> None:
    signed_in = await front.whole(front.connection())
    assert signed_in.status == "authorized"
    assert signed_in.authorized_by == ADA[0]
    assert signed_in.granted_permissions == ("Financials.ReadWrite.All", "user_impersonation")
    assert signed_in.principal.startswith(f"user:{signed_in.tenant_id}:{SIGN_IN}:")
    assert signed_in.last_authorization is not None
    assert signed_in.last_authorization.ok
    assert front.cures.keys == ["authorized:c1"]
    token = await front.tokens.token(signed_in)
    assert front.world.bearer(token.reveal())


async def test_the_address_for_the_browser_is_to_the_letter(front: Front) -> None:
    started = await front.authorization.start(front.connection())
    asked = {name: values[0] for name, values in parse_qs(urlsplit(started.url).query).items()}
    assert asked["redirect_uri"] == REDIRECT
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) >= 43
    assert len(asked["nonce"]) == 64
    assert {"openid", "offline_access"} <= set(asked["scope"].split())
    assert started.cookie_value not in started.url


async def test_two_sign_ins_at_once_in_one_browser(front: Front) -> None:
    first, second = front.connection(), front.connection(id="c2", name="Second")
    one, two = await front.authorization.start(first), await front.authorization.start(second)
    cookies = jar(one) | jar(two)
    assert (await front.back(await front.person(two), cookies)).id == "c2"
    assert (await front.back(await front.person(one), cookies)).id == "c1"


async def test_a_replayed_answer_is_refused_and_not_redeemed(front: Front) -> None:
    started = await front.authorization.start(front.connection())
    location = await front.person(started)
    await front.back(location, jar(started))
    with pytest.raises(ForeignAnswer):
        await front.back(location, jar(started))
    assert (await front.calls())["token_calls"]["authorization_code"] == 1


async def test_answers_swapped_between_two_browsers_are_refused(front: Front) -> None:
    one = await front.authorization.start(front.connection())
    two = await front.authorization.start(front.connection(id="c2"))
    first, second = await front.person(one), await front.person(two)
    for location, cookies in ((first, jar(two)), (second, jar(one)), (first, {})):
        with pytest.raises(ForeignAnswer):
            await front.back(location, cookies)
    forged = {one.cookie_name: two.cookie_value}
    with pytest.raises(ForeignAnswer):
        await front.back(first, forged)
    assert (await front.calls())["token_calls"]["authorization_code"] == 0
    assert (await front.back(first, jar(one))).status == "authorized"


async def test_a_flow_lives_ten_minutes(front: Front) -> None:
    started = await front.authorization.start(front.connection())
    location = await front.person(started)
    front.clock.pass_(minutes=10, seconds=1)
    with pytest.raises(ForeignAnswer, match="ten minutes"):
        await front.back(location, jar(started))


@pytest.mark.parametrize("repeated", ["state", "code", "error"])
async def test_a_part_given_twice_is_refused(front: Front, repeated: str) -> None:
    started = await front.authorization.start(front.connection())
    location = await front.person(started)
    extra = f"&error=x&{repeated}=again" if repeated == "error" else f"&{repeated}=again"
    with pytest.raises(ForeignAnswer):
        await front.back(location + extra, jar(started))
    with pytest.raises(ForeignAnswer):
        await front.back(location + "&error=access_denied", jar(started))
    assert (await front.calls())["token_calls"]["authorization_code"] == 0


async def test_parts_nobody_asked_for_are_ignored(front: Front) -> None:
    started = await front.authorization.start(front.connection())
    location = await front.person(started)
    extra = "&redirect_uri=https://evil.example&client_info=%FF&tenant=evil&nonce=1"
    assert (await front.back(location + extra, jar(started))).status == "authorized"


async def test_an_answer_without_code_is_refused_in_words(front: Front) -> None:
    started = await front.authorization.start(front.connection())
    state = parse_qs(urlsplit(started.url).query)["state"][0]
    assert failure(await front.back(f"{REDIRECT}?state={state}", jar(started))) == "sign_in_mismatch"


async def test_a_code_of_another_sign_in_is_refused(front: Front) -> None:
    started = await front.authorization.start(front.connection())
    other = await front.authorization.start(front.connection(id="c2"))
    code = parse_qs(urlsplit(await front.person(other)).query)["code"][0]
    state = parse_qs(urlsplit(started.url).query)["state"][0]
    back = await front.back(f"{REDIRECT}?state={state}&code={code}", jar(started))
    assert failure(back) == "sign_in_mismatch"  # PKCE: the verifier is another flow's


@pytest.mark.parametrize(
    ("claim", "value", "code"),
    [
        ("nonce", "0" * 64, "nonce_mismatch"),
        ("tid", "c41d7a90-6b35-4c0f-8e22-90b1d6f4a702", "wrong_tenant"),
        ("aud", "someone-else", "id_token_refused"),
        ("iss", "https://login.evil.example/x/v2.0", "id_token_refused"),
        ("exp", 1_600_000_000, "id_token_refused"),
        ("nbf", 4_100_000_000, "id_token_refused"),
    ],
)
async def test_an_id_token_that_is_not_ours_is_refused(
    front: Front, claim: str, value: object, code: str
) -> None:
    await front.control("claims", {claim: value, "times": 1})
    refused = await front.whole(front.connection())
    assert failure(refused) == code
    assert (refused.status, refused.principal) == ("new", "")
    assert not front.store.tokens.caches


async def test_declining_changes_nothing_of_a_working_connection(front: Front) -> None:
    await front.whole(front.connection(company_id="x"))
    await front.control("consent", {"client_id": SIGN_IN, "user": UMA[0], "granted": False})
    ready = front.store.connections.rows["c1"].value
    declined = await front.whole(ready, UMA, accept=False)
    assert failure(declined) == "consent_declined"
    assert (declined.status, declined.authorized_by) == ("ready", ADA[0])


async def test_an_administrator_must_consent(front: Front) -> None:
    assert failure(await front.whole(front.connection(ADMIN_ONLY), UMA)) == "admin_consent_needed"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"secret": "wrong"}, "invalid_client_secret"),
        ({"client_id": EXPIRED}, "secret_expired"),
    ],
)
async def test_a_bad_secret_is_said_after_the_sign_in(
    front: Front, changes: dict[str, str], code: str
) -> None:
    assert failure(await front.whole(front.connection(**changes))) == code


@pytest.mark.parametrize(
    ("tenant", "code"),
    [
        ("11111111-2222-3333-4444-555555555555", "tenant_not_found"),
        ("nobody.example.com", "tenant_not_found"),
    ],
)
async def test_an_unknown_tenant_is_said_at_once(front: Front, tenant: str, code: str) -> None:
    with pytest.raises(Refused, match=code):
        await front.authorization.start(front.connection(tenant_id=tenant))
    assert failure(front.store.connections.rows["c1"].value) == code


async def test_a_tenant_may_be_named_by_its_domain(front: Front) -> None:
    signed_in = await front.whole(front.connection(tenant_id="tamarisk.example.com"))
    assert signed_in.status == "authorized"
    assert "8f2b6c1e-4d0a-4f6e-9a51-2f7c1d9be301" in signed_in.principal


@pytest.mark.parametrize(
    ("number", "code", "kind"),
    [
        (70008, "sign_in_expired", NeedsAuthorization),
        (50173, "sign_in_revoked", NeedsAuthorization),
        (53003, "conditional_access", NeedsAuthorization),
        (50076, "mfa_required", NeedsAuthorization),
        (90033, "entra_unavailable", Transient),
    ],
)
async def test_a_refresh_that_fails_says_what_to_do(
    front: Front, number: int, code: str, kind: type[SyncError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bc.connect.tokens.ROTATION_GRACE", (0.0,))
    signed_in = await front.whole(front.connection())
    first = await front.tokens.token(signed_in)
    await front.control("errors", {"grant": "refresh_token", "aadsts": number, "times": 1})
    with pytest.raises(kind, match=code):
        await front.tokens.token(signed_in, refused=first)
    lost = front.store.connections.rows["c1"].value.status == "needs_authorization"
    assert lost == (kind is NeedsAuthorization)
    if lost:
        assert (await front.whole(signed_in)).status == "authorized"
    assert await front.tokens.token(signed_in)


async def test_signing_in_once_serves_every_connection_of_that_user(front: Front) -> None:
    first = await front.whole(front.connection(company_id="x"))
    front.store.put(
        a_connection(
            id="c2",
            client_id=SIGN_IN,
            principal=first.principal,
            status="needs_authorization",
            company_id="y",
        ),
        SECRETS[SIGN_IN],
    )
    await front.whole(first)
    assert front.store.connections.rows["c2"].value.status == "ready"
    assert "authorized:c2" in front.cures.keys


async def test_each_refresh_stores_the_newest_refresh_token(front: Front) -> None:
    front.world.switches["entra.revoke_old_refresh_tokens"] = True
    signed_in = await front.whole(front.connection())
    token = await front.tokens.token(signed_in)
    for _ in range(3):
        token = await front.tokens.token(signed_in, refused=token)
    assert front.world.bearer(token.reveal())
    assert (await front.calls())["token_calls"]["refresh_token"] == 3


async def test_app_mode_connects_at_once(front: Front) -> None:
    connected = await front.authorization.connect(front.connection(APP_MODE, auth_mode="app"))
    assert connected.status == "authorized"
    assert connected.principal == f"app:{connected.tenant_id}:{APP_MODE}"
    assert connected.granted_permissions == ("API.ReadWrite.All", "Automation.ReadWrite.All")
    first = await front.tokens.token(connected)
    assert await front.tokens.token(connected) == first
    second = await front.tokens.token(connected, refused=first)
    assert front.world.bearer(second.reveal())
    assert (await front.calls())["token_calls"]["client_credentials"] == 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": APP_MODE, "secret": "wrong"}, "invalid_client_secret"),
        ({"client_id": EXPIRED}, "secret_expired"),
        ({"client_id": NO_PERMISSION}, "admin_consent_needed"),
        ({"client_id": "5d3c2a10-7e41-4b8b-9f3e-00000000dead", "secret": "x"}, "app_not_found"),
        ({"client_id": APP_MODE, "tenant_id": "c41d7a90-6b35-4c0f-8e22-90b1d6f4a702"}, "app_not_found"),
    ],
)
async def test_app_mode_says_what_is_wrong(front: Front, changes: dict[str, str], code: str) -> None:
    connection = front.connection(auth_mode="app", **changes)
    with pytest.raises(SyncError, match=code) as caught:
        await front.authorization.connect(connection)
    assert caught.value.cure
    assert failure(front.store.connections.rows["c1"].value) == code


async def test_a_token_of_another_tenant_is_refused(front: Front) -> None:
    await front.control(
        "claims", {"token": "access", "tid": "c41d7a90-6b35-4c0f-8e22-90b1d6f4a702", "times": 1}
    )
    with pytest.raises(Refused, match="wrong_tenant"):
        await front.authorization.connect(front.connection(APP_MODE, auth_mode="app"))


async def test_no_secret_or_token_shows_in_an_error_or_log(
    front: Front, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    with pytest.raises(SyncError) as caught:
        await front.authorization.connect(front.connection(EXPIRED, auth_mode="app"))
    signed_in = await front.whole(front.connection())
    token = await front.tokens.token(signed_in)
    said = caplog.text + repr(caught.value) + str(caught.value.__dict__)
    assert SECRETS[EXPIRED] not in said
    assert SECRETS[SIGN_IN] not in said
    assert token.reveal() not in said
