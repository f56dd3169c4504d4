"""What the admin API refuses, route by route and through the real local host: who asks, from where, and with what."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from bc.functions.api import routes
from bc.functions.http import MAX_BODY, Route
from bc.functions.openapi import document
from local.azurite import Azurite
from local.stack import App, Sandbox
from tests.contract.conformity import faults
from tests.contract.conftest import SETTINGS
from tests.contract.tour import filled
from tests.e2e.acting import Acting, Invoicing

pytestmark = pytest.mark.timeout(300)
DOCUMENT = document(routes())
PROBLEM = {"$ref": "#/components/schemas/ProblemDocument"}
EVIL = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
NOWHERE = "00000000-0000-4000-8000-000000000000"
ROUTES = routes()
UNSAFE = [route for route in ROUTES if route.method != "GET"]
WITH_BODY = [route for route in ROUTES if route.body is not None]
LISTS = [route for route in ROUTES if "cursor" in route.params]
OF_A_CONNECTION = [route for route in ROUTES if "{id}" in route.pattern]


def name(route: Route) -> str:
    return f"{route.method} {route.pattern}"


@dataclass(frozen=True, slots=True)
class House:
    app: App
    acting: Acting
    http: httpx.Client

    def address(self, route: Route, **args: str) -> str:
        """An address whose parts exist, as far as they are checked before the body."""
        told = {
            each["name"]: each["schema"]["enum"][0]
            for each in DOCUMENT["paths"][route.pattern][route.method.lower()].get("parameters", ())
            if each["in"] == "path" and "enum" in each["schema"]
        }
        known = {"id": self.acting.connection["id"], "halo_id": "1", "lookup_id": "1", "rate_id": "1"}
        return self.app.host.url + filled(
            route.pattern, {**known, **told, "job_id": "x", "error_id": "x", **args}
        )

    def ask(self, method: str, address: str, **more: Any) -> httpx.Response:
        answer = self.http.request(method, address, **more)
        # Only what a test sends counts.
        self.http.cookies.clear()
        return answer

    def as_admin(self, method: str, address: str, **more: Any) -> httpx.Response:
        headers = {"x-admin-key": self.app.admin_key, **more.pop("headers", {})}
        return self.ask(method, address, headers=headers, **more)

    def session(self) -> dict[str, str]:
        answer = self.ask("POST", f"{self.app.host.url}/console/session", json={"key": self.app.admin_key})
        assert answer.status_code == 204
        return {"Cookie": answer.headers["set-cookie"].split(";")[0]}


@pytest.fixture(scope="module")
def house(azurite: Azurite, sandbox: Sandbox) -> Iterator[House]:
    sandbox.reset()
    with App(sandbox, azurite.fresh(), env=SETTINGS) as app:
        acting = Acting(app)
        acting.connect()
        acting.control.put("/switches", json={"bc.environments_for_apps": True}).raise_for_status()
        with httpx.Client(timeout=60) as http:
            yield House(app, acting, http)


@pytest.fixture(scope="module")
def under_platform_sign_in(azurite: Azurite, sandbox: Sandbox) -> Iterator[App]:
    """The app as App Service Authentication runs it."""
    with App(sandbox, azurite.fresh(), env={**SETTINGS, "WEBSITE_AUTH_ENABLED": "True"}) as app:
        yield app


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of an answer that must be this one."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), (
        answer.text
    )
    body: dict[str, Any] = answer.json()
    assert list(faults(body, PROBLEM, DOCUMENT)) == []
    assert (body["status"], body["code"], body["type"]) == (status, code, f"urn:halo-bc:problem:{code}")
    assert body["title"]
    assert body["detail"]
    return body


def principal(*roles: str) -> dict[str, str]:
    claims = [{"typ": "roles", "val": role} for role in roles]
    text = json.dumps({"auth_typ": "aad", "name_typ": "name", "role_typ": "roles", "claims": claims})
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(text.encode()).decode()}


# --- who asks ---


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_nobody_gets_anything_without_being_an_admin(house: House, route: Route) -> None:
    answer = house.ask(route.method, house.address(route), headers=principal("Admin"))
    problem(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "place",
    ["key in the query", "function key", "cookie", "basic", "bearer of another case"],
)
def test_a_key_counts_only_in_its_place(house: House, place: str) -> None:
    key = house.app.admin_key
    headers = {
        "key in the query": {},
        "function key": {"x-functions-key": house.app.function_key},
        "cookie": {"Cookie": f"halo-bc-session={key}"},
        "basic": {"Authorization": "Basic " + base64.b64encode(f"admin:{key}".encode()).decode()},
        "bearer of another case": {"Authorization": f"Bearer {key.swapcase()}"},
    }[place]
    answer = house.ask(
        "GET", f"{house.app.host.url}/api/connections?code={key}&key={key}", headers={**headers, **source(1)}
    )
    problem(answer, 401, "unauthorized")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_key_opens_as_a_bearer(house: House, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {house.app.admin_key}"}
    assert house.ask("GET", f"{house.app.host.url}/api/connections", headers=headers).status_code == 200


def test_a_session_that_was_changed_by_a_character_is_none(house: House) -> None:
    cookie = house.session()["Cookie"]
    assert (
        house.ask("GET", f"{house.app.host.url}/api/connections", headers={"Cookie": cookie}).status_code
        == 200
    )
    middle = len("halo-bc-session=") + 5
    for position in (middle, len(cookie) - 5):
        changed = cookie[:position] + ("A" if cookie[position] != "A" else "B") + cookie[position + 1 :]
        answer = house.ask("GET", f"{house.app.host.url}/api/connections", headers={"Cookie": changed})
        problem(answer, 401, "unauthorized")


@pytest.mark.parametrize("route", UNSAFE, ids=name)
def test_a_session_does_nothing_for_another_site(house: House, route: Route) -> None:
    for headers in (
        {"Origin": EVIL["Origin"]},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        answer = house.ask(
            route.method, house.address(route), headers={**house.session(), **headers}, json={}
        )
        problem(answer, 403, "cross_site_request")


def test_wrong_keys_are_counted_for_their_source_and_the_wait_is_told(house: House) -> None:
    address = f"{house.app.host.url}/api/connections"
    for _ in range(10):
        answer = house.ask("GET", address, headers={"x-admin-key": "wrong", **source(7)})
        problem(answer, 401, "unauthorized")
    closed = house.as_admin("GET", address, headers=source(7))
    problem(closed, 429, "too_many_failures")
    assert 1 <= int(closed.headers["retry-after"]) <= 60
    session = house.ask(
        "POST", f"{house.app.host.url}/console/session", json={"key": house.app.admin_key}, headers=source(7)
    )
    problem(session, 429, "too_many_failures")
    # What a client wrote before the platform's own entry does not name its source.
    forged = {"X-Forwarded-For": f"203.0.113.7, {source(8)['X-Forwarded-For']}"}
    assert house.as_admin("GET", address, headers=forged).status_code == 200


def test_the_platforms_sign_in_opens_for_the_role_and_is_checked_for_its_origin(
    under_platform_sign_in: App,
) -> None:
    address = f"{under_platform_sign_in.host.url}/api/connections"
    assert httpx.get(address, headers=principal("Admin")).status_code == 200
    problem(httpx.get(address, headers=principal("Reader")), 401, "unauthorized")
    problem(httpx.get(address), 401, "unauthorized")
    problem(httpx.post(address, headers={**principal("Admin"), **EVIL}, json={}), 403, "cross_site_request")
    problem(httpx.post(address, headers=principal("Admin"), json={}), 422, "validation_failed")


def test_scripts_use_their_key_beside_the_platforms_sign_in(under_platform_sign_in: App) -> None:
    address = f"{under_platform_sign_in.host.url}/api/connections"
    headers = {"x-admin-key": under_platform_sign_in.admin_key, "Authorization": "Bearer a.platform.token"}
    assert httpx.get(address, headers=headers).status_code == 200
    assert (
        httpx.get(address, headers={"Authorization": "Bearer a.token", **principal("Admin")}).status_code
        == 200
    )


# --- with what ---


@pytest.mark.parametrize("route", WITH_BODY, ids=name)
def test_a_body_of_another_type_size_or_form_is_refused_in_words(house: House, route: Route) -> None:
    address = house.address(route)
    text = house.as_admin(route.method, address, content=b"a=b", headers={"Content-Type": "text/plain"})
    problem(text, 415, "unsupported_media_type")
    large = house.as_admin(
        route.method, address, content=b" " * (MAX_BODY + 1), headers={"Content-Type": "application/json"}
    )
    problem(large, 413, "too_large")
    for content in (b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 50_000, b'{"\\ud800": 1}'):
        answer = house.as_admin(
            route.method, address, content=content, headers={"Content-Type": "application/json"}
        )
        assert problem(answer, 422, "validation_failed")["errors"], content[:20]


@pytest.mark.parametrize("route", WITH_BODY, ids=name)
def test_a_field_of_the_wrong_kind_is_named(house: House, route: Route) -> None:
    for field in route.body.__struct_fields__:
        answer = house.as_admin(route.method, house.address(route), json={field: {"never": "this"}})
        named = [error["field"] for error in problem(answer, 422, "validation_failed")["errors"]]
        assert any(each == field or each.startswith(f"{field}.") for each in named) or named, field


@pytest.mark.parametrize("route", LISTS, ids=name)
def test_a_list_takes_1_to_500_and_only_its_own_cursors(house: House, route: Route) -> None:
    address, extra = house.address(route), {}
    body = {"json": {"preview": True}} if route.method == "POST" else {}
    if route.pattern.endswith("/companies"):
        extra = {"environment": house.acting.connection["environment_name"]}
    if "{job_id}" in route.pattern:
        job = house.acting.post("/api/halo/sweep", status=202)
        house.acting.job(job["job_id"])
        address = house.address(route, job_id=job["job_id"])
    for limit in ("0", "501", "-1", "x", "1.0", "9" * 40):
        answer = house.as_admin(route.method, address, params={"limit": limit, **extra}, **body)
        assert [each["field"] for each in problem(answer, 422, "validation_failed")["errors"]] == ["limit"]
    for cursor in ("no cursor", "-1", "../..", "\x00", "9" * 400, "=" * 9):
        answer = house.as_admin(route.method, address, params={"cursor": cursor, **extra}, **body)
        assert [each["field"] for each in problem(answer, 422, "validation_failed")["errors"]] == ["cursor"]


@pytest.mark.parametrize("route", OF_A_CONNECTION, ids=name)
def test_an_unknown_connection_is_404_on_every_route(house: House, route: Route) -> None:
    body = {"json": valid_body(route)} if route.body is not None else {}
    for unknown in (NOWHERE, "a/b", "%2f", "é\n", "x" * 2000):
        answer = house.as_admin(route.method, house.address(route, id=unknown), **body)
        problem(answer, 404, "not_found")


def test_unknown_jobs_errors_kinds_and_addresses_are_404(house: House) -> None:
    base = f"/api/connections/{house.acting.connection['id']}"
    for method, path in (
        ("GET", "/api/jobs/x"), ("POST", "/api/jobs/x/cancel"), ("GET", "/api/jobs/x/failures"),
        ("POST", "/api/errors/x/dismiss"), ("GET", f"{base}/preview/x"), ("POST", f"{base}/imports/x"),
        ("GET", f"{base}/mappings/x"), ("PUT", f"{base}/mappings/x/1"), ("DELETE", f"{base}/mappings/x/1"),
        ("DELETE", f"{base}/mappings/customers/999999"), ("DELETE", f"{base}/mappings/invoices/999999"),
        ("GET", f"{base}/lookups/x"), ("PUT", f"{base}/lookups/x/1"), ("GET", f"{base}/bc/x"),
        ("GET", "/api/halo/records/x"), ("GET", "/api/records/x/1"), ("GET", "/api/x"), ("GET", "/api"),
    ):  # fmt: skip
        answer = house.as_admin(
            method, house.app.host.url + path, json={} if method in ("POST", "PUT") else None
        )
        problem(answer, 404, "not_found")


def test_a_method_that_an_address_does_not_have_is_405_with_those_it_has(house: House) -> None:
    answer = house.as_admin("PUT", f"{house.app.host.url}/api/connections")
    problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, POST"


# --- the rules ---


def test_a_company_is_fixed(house: House) -> None:
    connection = house.acting.connection
    place = {"environment_name": connection["environment_name"], "company_id": connection["company_id"]}
    answer = house.as_admin(
        "PUT", f"{house.app.host.url}/api/connections/{connection['id']}/company", json=place
    )
    problem(answer, 409, "company_is_fixed")


@pytest.mark.parametrize("confirm", ["", "tamarisk uk", "Tamarisk UK "])
def test_a_connection_is_removed_only_by_its_name(house: House, confirm: str) -> None:
    address = f"{house.app.host.url}/api/connections/{house.acting.connection['id']}"
    problem(house.as_admin("DELETE", address, params={"confirm": confirm}), 409, "confirm_mismatch")
    assert house.as_admin("GET", address).status_code == 200


def test_one_import_of_a_kind_runs_at_a_time_and_the_second_hears_which(house: House) -> None:
    acting = house.acting
    address = f"{house.app.host.url}/api/connections/{acting.connection['id']}/imports/countries"
    acting.fault("bc", {"kind": "hold", "name": "page"}, path="countriesRegions")
    try:
        first = house.as_admin("POST", address, json={"all": True}).json()["job_id"]
        refused = problem(house.as_admin("POST", address, json={"all": True}), 409, "import_running")
        assert refused["job_id"] == first
    finally:
        house.acting.control.delete("/faults")
    acting.job(first)


def test_a_bc_record_has_one_halo_record(house: House) -> None:
    acting = house.acting
    invoicing = Invoicing(acting)
    linked = next(
        row
        for row in acting.get(f"/api/connections/{acting.connection['id']}/mappings/customers")["items"]
        if row["halo_id"] == invoicing.customer
    )
    made = acting.agent("Client", {"name": "Another one", "toplevel_id": 1})
    halo_id = int(float(made["id"]))
    address = f"{house.app.host.url}/api/connections/{acting.connection['id']}/mappings/customers/{halo_id}"
    problem(house.as_admin("PUT", address, json={"bc_id": linked["bc_id"]}), 409, "bc_record_already_linked")


def test_a_connection_that_is_not_ready_says_so(house: House) -> None:
    form = {
        "name": "Not yet",
        "tenant_id": house.acting.connection["tenant_id"],
        "client_id": house.acting.connection["client_id"],
        "client_secret": "v4lue~of.the-secret",
    }
    made = house.as_admin("POST", f"{house.app.host.url}/api/connections", json=form).json()
    address = f"{house.app.host.url}/api/connections/{made['id']}"
    for method, path, body in (
        ("POST", "imports/customers", {"all": True}),
        ("GET", "preview/customers", None),
        ("GET", "lookups/accounts", None),
        ("GET", "charge-rates", None),
        ("GET", "takeover", None),
        ("POST", "takeover", {}),
        ("GET", "bc/customers", None),
    ):
        problem(house.as_admin(method, f"{address}/{path}", json=body), 409, "connection_not_ready")
    house.as_admin("DELETE", address, params={"confirm": "Not yet"})


def source(number: int) -> dict[str, str]:
    return {"X-Forwarded-For": f"198.51.100.{number}:4711"}


def valid_body(route: Route) -> dict[str, Any]:
    """A body that passes its form, so that nothing but the address is wrong."""
    forms: dict[str, dict[str, Any]] = {
        "CompanyForm": {"environment_name": "Production", "company_id": NOWHERE},
        "ImportRequest": {"all": True},
        "LinkForm": {"bc_id": NOWHERE},
        "LookupForm": {"name": "x"},
        "ChargeForm": {"code": "x"},
        "ConnectionChange": {"name": "x"},
    }
    return forms.get(route.body.__name__, {})
