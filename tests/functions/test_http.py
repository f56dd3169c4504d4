"""The router: what is found, what is refused, and in which words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from bc.errors import Gone, NeedsAuthorization, NotConfigured, Refused, SyncError, Throttled, Transient
from bc.functions.http import Answer, Request, Route, Router, json_answer, page_answer, to_response
from tests.functions.functions_world import a_request, ask

if TYPE_CHECKING:
    from bc.services import Services


class Line(msgspec.Struct):
    amount: int
    name: str = ""


class Form(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    lines: list[Line] = []


@dataclass
class Raised:
    error: Exception


async def show(services: Services, request: Request) -> Answer:
    return json_answer({"args": dict(request.args), "limit": request.limit()})


async def named(services: Services, request: Request) -> Answer:
    return json_answer({"literal": True})


async def create(services: Services, request: Request) -> Answer:
    return json_answer({"name": request.json(Form).name}, 201)


raised = Raised(ValueError("boom with a s3cret"))


async def fail(services: Services, request: Request) -> Answer:
    raise raised.error


def allow(services: Services, request: Request) -> None:
    return


def deny(services: Services, request: Request) -> None:
    raise NeedsAuthorization("never", "never")


ROUTES = [
    Route("GET", "/api/things/{id}", show),
    Route("GET", "/api/things/special", named),
    Route("POST", "/api/things", create),
    Route("PUT", "/api/things", create),
    Route("GET", "/api/fail", fail),
]
router = Router(ROUTES, allow)


def body(answer: Answer) -> Any:
    return answer.json()


async def test_a_literal_wins_over_a_name_and_arguments_are_decoded_once() -> None:
    assert body(await ask(router, a_request(path="/api/things/special"))) == {"literal": True}
    answer = await ask(router, a_request(path="/api/things/a%2Fb%2520c"))
    assert body(answer)["args"] == {"id": "a/b%20c"}
    assert body(await ask(router, a_request(path="/API/Things/7/")))["args"] == {"id": "7"}


async def test_unknown_addresses_and_methods_are_problems() -> None:
    missing = await ask(router, a_request(path="/api/nothing"))
    assert (missing.status, body(missing)["code"]) == (404, "not_found")
    assert missing.header("Content-Type") == "application/problem+json"
    wrong = await ask(router, a_request("DELETE", "/api/things"))
    assert (wrong.status, wrong.header("Allow")) == (405, "POST, PUT")
    assert set(body(wrong)) >= {"type", "title", "status", "detail", "code"}


@pytest.mark.parametrize("limit", ["0", "501", "-1", "1.5", "x", "9999999999999999"])
async def test_limits_outside_1_to_500_are_422(limit: str) -> None:
    answer = await ask(router, a_request(path=f"/api/things/1?limit={limit}"))
    assert answer.status == 422
    assert body(answer)["errors"][0]["field"] == "limit"


async def test_the_default_limit_is_100() -> None:
    assert body(await ask(router, a_request(path="/api/things/1")))["limit"] == 100
    assert body(await ask(router, a_request(path="/api/things/1?limit=500")))["limit"] == 500


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({}, "name"),
        ({"name": 7}, "name"),
        ({"name": "x", "extra": 1}, "extra"),
        ({"name": "x", "lines": [{"amount": "y"}]}, "lines[0].amount"),
        ({"name": "x", "lines": [{}]}, "lines[0].amount"),
    ],
)
async def test_unfitting_bodies_name_the_field(form: dict[str, Any], field: str) -> None:
    answer = await ask(router, a_request("POST", "/api/things", json_body=form))
    assert answer.status == 422
    assert [error["field"] for error in body(answer)["errors"]] == [field]


async def test_bodies_that_are_no_json_too_big_or_of_another_type() -> None:
    json_type = {"Content-Type": "application/json; charset=utf-8"}
    for raw in (b"{", b"\xff", b"[" * 100_000):
        answer = await ask(router, a_request("POST", "/api/things", body=raw, headers=json_type))
        assert answer.status == 422
    text = await ask(
        router, a_request("POST", "/api/things", body=b"{}", headers={"Content-Type": "text/plain"})
    )
    assert text.status == 415
    big = b'{"name": "' + b"x" * (1024 * 1024) + b'"}'
    assert (await ask(router, a_request("POST", "/api/things", body=big, headers=json_type))).status == 413


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Refused("customer_blocked", "Blocked.", cure="Unblock."), 409, "customer_blocked"),
        (NotConfigured("encryption_keys_missing", "No key."), 409, "encryption_keys_missing"),
        (NeedsAuthorization("needs_authorization", "Again."), 409, "needs_authorization"),
        (Gone("not_found_in_halo", "Gone."), 404, "not_found_in_halo"),
        (Transient("bc_unavailable", "Busy."), 503, "bc_unavailable"),
    ],
)
async def test_failures_of_the_engine_become_problems(error: SyncError, status: int, code: str) -> None:
    raised.error = error
    answer = await ask(router, a_request(path="/api/fail"))
    assert (answer.status, body(answer)["code"]) == (status, code)
    assert body(answer)["detail"] == f"{error.message} {error.cure}".strip()


async def test_throttles_say_when_to_come_back() -> None:
    raised.error = Throttled("throttled", "Slow down.", retry_after=timedelta(seconds=2.2))
    assert (await ask(router, a_request(path="/api/fail"))).header("Retry-After") == "3"


async def test_an_unknown_fault_shows_a_number_and_no_inner_words() -> None:
    raised.error = ValueError("boom with a s3cret")
    answer = await ask(router, a_request(path="/api/fail"))
    assert answer.status == 500
    assert b"s3cret" not in answer.body
    assert body(answer)["incident"] in body(answer)["detail"]


async def test_the_guard_comes_before_the_handler_but_not_for_open_routes() -> None:
    guarded = Router([*ROUTES, Route("GET", "/api/open", named, auth="none")], deny)
    assert (await ask(guarded, a_request(path="/api/things/1"))).status == 409
    assert (await ask(guarded, a_request(path="/api/open"))).status == 200


async def test_reading_again_costs_no_body() -> None:
    first = await ask(router, a_request(path="/api/things/1"))
    etag = first.header("ETag") or ""
    assert etag.startswith('W/"')
    for sent in (etag, etag.removeprefix("W/"), f'"other", {etag}', "*"):
        again = await ask(router, a_request(path="/api/things/1", headers={"If-None-Match": sent}))
        assert (again.status, again.body, again.header("ETag")) == (304, b"", etag)
    changed = await ask(router, a_request(path="/api/things/2", headers={"If-None-Match": etag}))
    assert changed.status == 200


def test_odd_cookies_do_not_hide_ours() -> None:
    request = a_request(
        headers={"Cookie": 'odd[x]="a b; \u00fc=1; halo-bc-session=abc.def; halo-bc-session=2'}
    )
    assert request.cookies["halo-bc-session"] == "abc.def"


def test_every_answer_carries_the_security_headers() -> None:
    response = to_response(json_answer({"a": 1}), a_request())
    assert response.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["Cache-Control"] == "no-store"


def test_json_keeps_times_in_utc_and_money_to_the_digit() -> None:
    answer = page_answer([{"at": datetime(2026, 11, 24, 8, 0, tzinfo=UTC), "tax": Decimal("0.10")}], "c2")
    assert answer.body == b'{"items":[{"at":"2026-11-24T08:00:00Z","tax":0.10}],"next":"c2"}'
