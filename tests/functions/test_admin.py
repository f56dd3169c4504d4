"""Who may use `/api`: keys, sessions, the platform's sign-in, origins, and the limit on failures."""

from __future__ import annotations

import base64
import json

import pytest

from bc.functions.admin import Admin, Failures, source_of
from bc.functions.http import Request
from bc.functions.problems import Problem
from tests.functions.functions_world import ADMIN_KEY, a_request, settings


class Clock:
    def __init__(self) -> None:
        self.at = 1_000_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(clock: Clock) -> Admin:
    return Admin(Failures(clock), clock)


def refusal(gate: Admin, request: Request, **env: str) -> Problem:
    with pytest.raises(Problem) as caught:
        gate.check(settings(**env), request)
    return caught.value


def signed_in(gate: Admin, **env: str) -> dict[str, str]:
    request = a_request("POST", "/console/session")
    answer = gate.sign_in(settings(**env), request, ADMIN_KEY)
    cookie = answer.header("Set-Cookie") or ""
    assert answer.status == 204
    return {"Cookie": cookie.split(";")[0]}


def principal(*roles: str, claim: str = "roles") -> dict[str, str]:
    claims = [{"typ": claim, "val": role} for role in roles]
    document = {"auth_typ": "aad", "name_typ": "name", "role_typ": "roles", "claims": claims}
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(document).encode()).decode()}


@pytest.mark.parametrize("header", [{"Authorization": f"Bearer {ADMIN_KEY}"}, {"x-admin-key": ADMIN_KEY}])
def test_the_key_opens(gate: Admin, header: dict[str, str]) -> None:
    gate.check(settings(), a_request("POST", headers=header))


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"x-admin-key": ""},
        {"x-admin-key": ADMIN_KEY + "x"},
        {"x-admin-key": "\u00fc\udcff"},
        {"Authorization": f"Basic {ADMIN_KEY}"},
        {"Authorization": "Bearer"},
        {"Cookie": f"halo-bc-session={ADMIN_KEY}"},
        {"Cookie": "halo-bc-session=e30.AAAA"},
    ],
)
def test_anything_else_gets_401(gate: Admin, header: dict[str, str]) -> None:
    problem = refusal(gate, a_request(headers=header))
    assert (problem.status, problem.code) == (401, "unauthorized")
    assert ADMIN_KEY not in problem.detail


def test_without_an_admin_key_no_key_opens(gate: Admin) -> None:
    problem = refusal(gate, a_request(headers={"x-admin-key": ""}), ADMIN_KEY="")
    assert problem.status == 401
    assert "ADMIN_KEY is not set" in problem.detail


def test_a_session_lasts_eight_hours(gate: Admin, clock: Clock) -> None:
    cookie = signed_in(gate)
    clock.at += 8 * 3600 - 1
    gate.check(settings(), a_request(headers=cookie))
    clock.at += 2
    assert refusal(gate, a_request(headers=cookie)).status == 401


def test_a_session_ends_with_its_admin_key(gate: Admin) -> None:
    cookie = signed_in(gate)
    assert refusal(gate, a_request(headers=cookie), ADMIN_KEY="another-key-of-some-length").status == 401


def test_the_session_cookie_is_fenced(gate: Admin) -> None:
    def cookie(**env: str) -> str:
        request = a_request("POST", "/console/session")
        return gate.sign_in(settings(**env), request, ADMIN_KEY).header("Set-Cookie") or ""

    assert {"HttpOnly", "SameSite=Strict", "Secure", "Path=/", "Max-Age=28800"} <= set(cookie().split("; "))
    assert "Secure" not in cookie(PUBLIC_URL="http://localhost:7071")
    assert ADMIN_KEY not in cookie()


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Origin": "https://bc.example.test"}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "https://bc.example.test.evil.example"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://evil.example"}, False),
    ],
)
@pytest.mark.parametrize("way", ["session", "platform"])
def test_unsafe_methods_are_checked_for_their_origin(
    gate: Admin, headers: dict[str, str], allowed: bool, way: str
) -> None:
    proof = signed_in(gate) if way == "session" else principal("Admin")
    env = {} if way == "session" else {"WEBSITE_AUTH_ENABLED": "True"}
    gate.check(settings(**env), a_request("GET", headers=proof | headers))
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        request = a_request(method, headers=proof | headers)
        if allowed:
            gate.check(settings(**env), request)
        else:
            assert refusal(gate, request, **env).code == "cross_site_request"


def test_signing_in_from_another_site_is_refused(gate: Admin) -> None:
    request = a_request("POST", "/console/session", headers={"Origin": "https://evil.example"})
    with pytest.raises(Problem, match="another site"):
        gate.sign_in(settings(), request, ADMIN_KEY)


def test_the_platforms_principal_counts_only_where_the_platform_put_it(gate: Admin) -> None:
    gate.check(settings(WEBSITE_AUTH_ENABLED="True"), a_request(headers=principal("Reader", "Admin")))
    assert refusal(gate, a_request(headers=principal("Admin"))).status == 401


@pytest.mark.parametrize(
    "header",
    [
        principal("Reader"),
        principal(),
        principal("Admin", claim="name"),
        {"X-MS-CLIENT-PRINCIPAL": "not base64 at all"},
        {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(b'{"claims": 7}').decode()},
    ],
)
def test_a_principal_without_the_role_gets_401(gate: Admin, header: dict[str, str]) -> None:
    assert refusal(gate, a_request(headers=header), WEBSITE_AUTH_ENABLED="True").status == 401


def test_scripts_use_the_key_header_under_platform_sign_in(gate: Admin) -> None:
    headers = {"x-admin-key": ADMIN_KEY, "Authorization": "Bearer the.platforms.token"}
    gate.check(settings(WEBSITE_AUTH_ENABLED="True"), a_request(headers=headers))


def test_ten_failures_close_the_door_for_a_minute_for_that_source_only(gate: Admin, clock: Clock) -> None:
    def attempt(key: str, source: str = "203.0.113.7:51000") -> Request:
        return a_request(headers={"x-admin-key": key, "X-Forwarded-For": f"10.0.0.1, {source}"})

    for _ in range(10):
        assert refusal(gate, attempt("wrong")).status == 401
    blocked = refusal(gate, attempt(ADMIN_KEY, "203.0.113.7:52000"))
    assert (blocked.status, blocked.code) == (429, "too_many_failures")
    assert dict(blocked.headers)["Retry-After"] == "60"
    gate.check(settings(), attempt(ADMIN_KEY, "203.0.113.8:1"))
    clock.at += 60
    gate.check(settings(), attempt(ADMIN_KEY))


def test_a_session_still_works_while_its_source_is_closed(gate: Admin) -> None:
    cookie = signed_in(gate)
    for _ in range(10):
        refusal(gate, a_request(headers={"x-admin-key": "wrong"}))
    gate.check(settings(), a_request(headers=cookie))


def test_requests_without_credentials_count_for_nothing(gate: Admin) -> None:
    for _ in range(20):
        assert refusal(gate, a_request()).status == 401
    gate.check(settings(), a_request(headers={"x-admin-key": ADMIN_KEY}))


@pytest.mark.parametrize(
    ("header", "source"),
    [
        ("198.51.100.4:443", "198.51.100.4"),
        ("198.51.100.4", "198.51.100.4"),
        ("1.2.3.4, 198.51.100.4:9", "198.51.100.4"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("", ""),
    ],
)
def test_the_source_is_the_last_forwarded_address(header: str, source: str) -> None:
    assert source_of(a_request(headers={"X-Forwarded-For": header})) == source
