"""Connections through the router, as the console and scripts use it; a store in memory, pretend Entra and BC."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pytest

from bc.clients.bc_records import Company, Environment
from bc.connect.tokens import Tokens
from bc.errors import NeedsAuthorization, NotConfigured, Refused, Transient
from bc.functions import api_connections
from bc.functions.admin import Admin
from bc.functions.http import Answer, Router
from bc.settings import Secret, Settings
from bc.store.rows import Row
from tests.connect.connect_world import (
    CLIENT,
    TENANT,
    USER,
    Clock,
    Cures,
    MemoryStore,
    PretendEntra,
    a_connection,
    settings,
)
from tests.functions.functions_world import ADMIN_KEY, a_request

if TYPE_CHECKING:
    from bc.services import Services

COMPANY = "9b1d2c3e-0000-4000-8000-000000000001"
FORM = {"name": "Contoso", "tenant_id": TENANT, "client_id": CLIENT, "client_secret": "v4lue~of.the-secret"}


class PretendBc:
    def __init__(self) -> None:
        self.environments_error: Exception | None = None
        self.companies_error: Exception | None = None

    async def environments(self, connection: object) -> list[Environment]:
        if self.environments_error:
            raise self.environments_error
        return [Environment("Production", "Production", "GB"), Environment("Test", "Sandbox", "GB")]

    async def companies(self, connection: object, environment: str) -> list[Company]:
        if self.companies_error:
            raise self.companies_error
        return [Company(COMPANY, "CONTOSO", "Contoso Ltd")]


class PretendHalo:
    async def control(self) -> dict[str, Any]:
        return {"useaccountscodeslookup": True}


class SignInEntra(PretendEntra):
    async def start(self, app: object, redirect_uri: str, state: str) -> dict[str, Any]:
        if self.refused:
            raise self.refused.pop(0)
        return {"auth_uri": f"https://login.example.test/authorize?state={state}", "state": state}


@dataclass
class Front:
    settings: Settings
    store: MemoryStore
    entra: SignInEntra
    tokens: Tokens
    bc: PretendBc
    halo: PretendHalo
    cures: Cures

    async def cured(self, key: str) -> None:
        await self.cures.cured(key)

    async def authorized(self, connection_id: str) -> None:
        await self.cures.authorized(connection_id)

    async def call(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None
    ) -> Answer:
        router = Router(api_connections.ROUTES, Admin().guard)
        request = a_request(
            method, path, json_body=body, headers={"x-admin-key": ADMIN_KEY} if headers is None else headers
        )
        return await router.answer(cast("Services", self), request)


@pytest.fixture
def front() -> Front:
    clock = Clock()
    store = MemoryStore(clock)
    entra = SignInEntra(clock)
    tokens = Tokens(store.as_store, entra, now=clock)
    return Front(settings(), store, entra, tokens, PretendBc(), PretendHalo(), Cures())


async def test_every_call_asks_for_an_admin(front: Front) -> None:
    for route in api_connections.ROUTES:
        answer = await front.call(route.method, route.pattern.replace("{id}", "c1"), {}, headers={})
        assert answer.status == 401


async def test_a_new_connection_shows_no_secret(front: Front) -> None:
    answer = await front.call("POST", "/api/connections", FORM)
    made = answer.json()
    assert answer.status == 201
    assert (made["status"], made["has_secret"], made["auth_mode"]) == ("new", True, "delegated")
    assert set(made) >= {"id", "settings", "paused", "is_default", "company_id", "last_authorization"}
    assert "principal" not in made
    assert FORM["client_secret"].encode() not in answer.body
    assert front.store.connections.secrets[made["id"]] == Secret(FORM["client_secret"])
    listed = (await front.call("GET", "/api/connections")).json()
    assert [row["id"] for row in listed["items"]] == [made["id"]]
    assert (await front.call("GET", f"/api/connections/{made['id']}")).json() == made


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"name": ""}, ["name"]),
        ({"tenant_id": "common", "client_id": "x"}, ["tenant_id", "client_id"]),
        ({"client_secret": None}, ["client_secret"]),
        ({"auth_mode": "magic"}, ["auth_mode"]),
        ({"secret_expires_on": "soon"}, ["secret_expires_on"]),
        ({"status": "ready"}, ["status"]),
        ({"settings": {"group_increment": 0}}, ["settings.group_increment"]),
    ],
)
async def test_an_unfit_form_names_its_fields(
    front: Front, change: dict[str, Any], fields: list[str]
) -> None:
    answer = await front.call("POST", "/api/connections", FORM | change)
    assert answer.status == 422
    assert sorted(error["field"] for error in answer.json()["errors"]) == sorted(fields)
    assert not front.store.connections.rows


async def test_an_empty_form_names_what_is_required(front: Front) -> None:
    answer = await front.call("POST", "/api/connections", {})
    assert [error["field"] for error in answer.json()["errors"]] == [
        "name",
        "tenant_id",
        "client_id",
        "client_secret",
    ]


async def test_without_encryption_keys_no_secret_is_taken(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(connection: object, secret: object) -> None:
        raise NotConfigured(
            "encryption_keys_missing", "No secret can be stored.", cure="Set ENCRYPTION_KEYS."
        )

    monkeypatch.setattr(front.store.connections, "insert", refuse)
    answer = await front.call("POST", "/api/connections", FORM)
    assert (answer.status, answer.json()["code"]) == (409, "encryption_keys_missing")


async def test_settings_merge_and_switching_on_releases_what_waited(front: Front) -> None:
    front.store.put(a_connection(paused=True))
    answer = await front.call(
        "PATCH", "/api/connections/c1", {"settings": {"sync_entities": ["customer"]}, "paused": False}
    )
    assert answer.status == 200
    assert answer.json()["settings"]["sync_entities"] == ["customer"]
    assert answer.json()["settings"]["group_increment"] == 1000
    assert front.cures.keys == ["entity:c1:customer", "connection:c1"]


@pytest.mark.parametrize("field", ["tenant_id", "client_id", "auth_mode", "company_id", "is_default"])
async def test_what_is_fixed_cannot_be_patched(front: Front, field: str) -> None:
    front.store.put(a_connection())
    answer = await front.call("PATCH", "/api/connections/c1", {field: TENANT})
    assert answer.json()["errors"][0]["field"] == field


async def test_a_secret_that_microsoft_refuses_is_not_stored(front: Front) -> None:
    front.store.put(a_connection(), "old")
    front.store.tokens.caches[USER] = Row(front.entra.grant("x").cache.reveal(), "0")
    front.entra.refused = [Refused("invalid_client_secret", "Not accepted.", cure="Paste the value.")]
    answer = await front.call("PATCH", "/api/connections/c1", {"client_secret": "wrong"})
    assert (answer.status, answer.json()["errors"][0]["field"]) == (422, "client_secret")
    assert front.store.connections.secrets["c1"] == Secret("old")


async def test_a_new_secret_brings_a_lost_connection_back(front: Front) -> None:
    front.store.put(a_connection(status="needs_authorization", company_id=COMPANY), "old")
    front.store.tokens.caches[USER] = Row(front.entra.grant("x").cache.reveal(), "0")
    answer = await front.call(
        "PATCH", "/api/connections/c1", {"client_secret": "new", "secret_expires_on": "2027-01-31"}
    )
    assert (answer.json()["status"], answer.json()["secret_expires_on"]) == ("ready", "2027-01-31")
    assert front.store.connections.secrets["c1"] == Secret("new")
    assert "authorized:c1" in front.cures.keys


async def test_a_secret_is_taken_while_microsoft_is_away(front: Front) -> None:
    front.store.put(a_connection(), "old")
    front.store.tokens.caches[USER] = Row(front.entra.grant("x").cache.reveal(), "0")
    front.entra.refused = [Transient("entra_unavailable", "busy")]
    assert (await front.call("PATCH", "/api/connections/c1", {"client_secret": "new"})).status == 200
    assert front.store.connections.secrets["c1"] == Secret("new")


async def test_authorizing_answers_the_address_and_ties_it_to_the_browser(front: Front) -> None:
    front.store.put(a_connection(status="new"))
    answer = await front.call("POST", "/api/connections/c1/authorize")
    assert answer.json()["authorization_url"].startswith("https://login.example.test/authorize?")
    parts = set((answer.header("Set-Cookie") or "").split("; "))
    assert {"HttpOnly", "SameSite=Lax", "Path=/auth", "Secure"} <= parts


async def test_a_failed_start_is_said_and_kept(front: Front) -> None:
    front.store.put(a_connection(status="new"))
    front.entra.refused = [Refused("tenant_not_found", "Unknown tenant.", cure="Check it.")]
    answer = await front.call("POST", "/api/connections/c1/authorize")
    assert (answer.status, answer.json()["code"]) == (409, "tenant_not_found")
    kept = (await front.call("GET", "/api/connections/c1")).json()["last_authorization"]
    assert (kept["ok"], kept["code"], kept["cure"]) == (False, "tenant_not_found", "Check it.")


async def test_app_mode_answers_the_connection(front: Front) -> None:
    front.store.put(a_connection(status="new", auth_mode="app", principal=""))
    front.entra.grant = _with_roles(front.entra.grant)  # type: ignore[method-assign,assignment]
    answer = await front.call("POST", "/api/connections/c1/authorize")
    assert (answer.status, answer.json()["status"]) == (200, "authorized")
    assert not answer.header("Set-Cookie")


def _with_roles(grant: Callable[[str], Any]) -> Callable[[str], Any]:
    from dataclasses import replace

    return lambda name: replace(grant(name), permissions=("API.ReadWrite.All",))


async def test_environments_and_companies_are_offered(front: Front) -> None:
    front.store.put(a_connection(status="authorized"))
    environments = (await front.call("GET", "/api/connections/c1/environments")).json()["items"]
    assert environments[0] == {"name": "Production", "type": "Production", "country": "GB"}
    companies = (await front.call("GET", "/api/connections/c1/companies?environment=Production")).json()
    assert companies["items"] == [{"id": COMPANY, "name": "CONTOSO", "display_name": "Contoso Ltd"}]


@pytest.mark.parametrize(
    "error",
    [
        Refused("company_gone", "No.", status=404),
        NeedsAuthorization("needs_authorization", "No.", status=401),
    ],
)
async def test_an_unknown_environment_is_said_in_words(front: Front, error: Exception) -> None:
    front.store.put(a_connection(status="authorized"))
    front.bc.companies_error = error
    answer = await front.call("GET", "/api/connections/c1/companies?environment=Nowhere")
    assert (answer.status, answer.json()["code"]) == (404, "environment_not_found")
    assert "Nowhere" in answer.json()["detail"]
    choice = {"environment_name": "Nowhere", "company_id": COMPANY}
    answer = await front.call("PUT", "/api/connections/c1/company", choice)
    assert (answer.status, answer.json()["errors"][0]["field"]) == (422, "environment_name")


async def test_the_company_is_chosen_once_and_the_first_is_the_default(front: Front) -> None:
    front.store.put(a_connection(status="authorized"))
    choice = {"environment_name": "production", "company_id": COMPANY.upper()}
    chosen = await front.call("PUT", "/api/connections/c1/company", choice)
    assert chosen.status == 200
    assert (
        chosen.json()
        | {
            "status": "ready",
            "environment_name": "Production",
            "environment_type": "Production",
            "company_id": COMPANY,
            "company_name": "Contoso Ltd",
            "is_default": True,
        }
        == chosen.json()
    )
    assert front.cures.keys == ["default", "connection:c1"]
    again = await front.call("PUT", "/api/connections/c1/company", choice)
    assert (again.status, again.json()["code"]) == (409, "company_is_fixed")


@pytest.mark.parametrize("company", ["not-a-guid", "9b1d2c3e-0000-4000-8000-00000000dead", None, 7])
async def test_a_company_that_bc_does_not_offer_is_refused(front: Front, company: object) -> None:
    front.store.put(a_connection(status="authorized"))
    choice = {"environment_name": "Production", "company_id": company}
    answer = await front.call("PUT", "/api/connections/c1/company", choice)
    assert (answer.status, answer.json()["errors"][0]["field"]) == (422, "company_id")


async def test_the_company_can_be_fixed_where_the_list_of_environments_is_refused(front: Front) -> None:
    front.store.put(a_connection(status="authorized", auth_mode="app"))
    front.bc.environments_error = NeedsAuthorization("needs_authorization", "No.", status=401)
    choice = {"environment_name": "Production", "company_id": COMPANY}
    chosen = (await front.call("PUT", "/api/connections/c1/company", choice)).json()
    assert (chosen["status"], chosen["environment_name"], chosen["environment_type"]) == (
        "ready",
        "Production",
        None,
    )


async def test_there_is_one_default(front: Front) -> None:
    front.store.put(a_connection(is_default=True))
    front.store.put(a_connection(id="c2", name="Second"))
    answer = await front.call("PUT", "/api/default-connection", {"connection_id": "c2"})
    assert answer.json()["is_default"] is True
    assert [c.is_default for c in await front.store.connections.list()] == [False, True]
    assert (await front.call("PUT", "/api/default-connection", {"connection_id": "no"})).status == 404


async def test_removing_needs_the_name_and_takes_our_rows_only(front: Front) -> None:
    front.store.put(a_connection())
    front.store.put(a_connection(id="c2", name="Second"))
    front.store.tokens.caches[USER] = Row("x|2026-11-24T09:00:00+00:00", "0")
    for confirm in ("", "?confirm=", "?confirm=contoso"):
        answer = await front.call("DELETE", f"/api/connections/c1{confirm}")
        assert (answer.status, answer.json()["code"]) == (409, "confirm_mismatch")
    assert (await front.call("DELETE", "/api/connections/c1?confirm=Contoso")).status == 204
    assert front.store.forgotten == ["c1"]
    assert (await front.call("GET", "/api/connections/c1")).status == 404
    assert USER in front.store.tokens.caches  # the other connection signs in that way too
    assert (await front.call("DELETE", "/api/connections/c2?confirm=Second")).status == 204
    assert USER not in front.store.tokens.caches


async def test_set_up_lists_what_is_needed_and_no_secret(front: Front) -> None:
    answer = await front.call("GET", "/api/setup")
    shown = answer.json()
    assert shown["redirect_uri"] == "https://bc.example.test/auth/callback"
    assert {row["kind"] for row in shown["permissions"]} == {"delegated", "application"}
    assert all(row["ok"] for row in shown["settings"])
    assert shown["halo"]["accounts_module"] is True
    assert shown["halo"]["connected"] is True
    for secret in (ADMIN_KEY, "halo-secret", front.settings.encryption_keys[0].reveal()):
        assert secret.encode() not in answer.body


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", "?confirm=x"),
        ("POST", "/authorize"),
        ("GET", "/environments"),
        ("GET", "/companies?environment=x"),
        ("PUT", "/company"),
    ],
)
async def test_an_unknown_connection_is_404(front: Front, method: str, path: str) -> None:
    answer = await front.call(method, f"/api/connections/nobody{path}", {})
    assert (answer.status, answer.json()["code"]) == (404, "not_found")
