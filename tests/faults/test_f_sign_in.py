"""F64-F70 and F75, F88: tokens that end, sign-ins that are lost, companies that go, and a Halo that is away."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bc.sync import breaker_notes
from bc.sync.pump import WORKERS
from bc.sync.work import push_row
from tests.e2e.acting import Acting, Invoicing, wait_for
from tests.faults.engine import a_process, drain
from tests.faults.looking import log

pytestmark = pytest.mark.timeout(90)


def entra(acting: Acting, method: str, path: str, body: Any = None) -> Any:
    answer = acting.control.request(method, f"/entra{path}", json=body)
    assert answer.status_code < 300, answer.text
    return answer.json()


def token_calls(acting: Acting) -> int:
    calls = log(acting, service="entra", method="POST", path="/oauth2/v2.0/token")
    return len(calls)


def drop_tokens(acting: Acting) -> None:
    """End the access tokens at BC; the app holds them for good ones."""
    client_id = acting.connection["client_id"]
    entra(acting, "POST", "/revoke", {"client_id": client_id, "access_tokens": True})


def test_f64_f68_many_pushes_with_an_expired_token_are_one_token_call(
    acting: Acting, invoicing: Invoicing
) -> None:
    ids = [invoicing.invoice() for _ in range(20)]
    drop_tokens(acting)
    acting.clear_counters()
    acting.sync("invoice", *ids)
    for halo_id in ids:
        assert acting.outcome("invoice", halo_id, seconds=60)["action"] == "created"
    assert token_calls(acting) == 1
    assert all(len(acting.bc_invoices(halo_id)) == 1 for halo_id in ids)


def test_f68_a_401_on_a_fresh_token_is_repeated_once_and_then_stops(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice()
    acting.fault("bc", {"kind": "status", "status": 401}, method="POST", body=f'HALO-{halo_id}"', times=0)
    acting.sync("invoice", halo_id)
    outcome = wait_for(lambda: acting.outcomes("invoice", halo_id) or None, 60, "an outcome")[0]
    assert (outcome["status"], outcome["code"]) == ("retrying", "needs_authorization")
    assert len(log(acting, method="POST", body=f'HALO-{halo_id}"')) == 2
    assert token_calls(acting) == 1
    acting.control.delete("/faults")
    authorize(acting)
    assert acting.outcome("invoice", halo_id)["action"] == "created"


def authorize(acting: Acting) -> None:
    acting.post(f"/api/connections/{acting.connection['id']}/authorize")
    assert acting.get(f"/api/connections/{acting.connection['id']}")["status"] == "ready"


def test_f67_a_lost_sign_in_is_one_error_and_everything_follows_its_cure(
    acting: Acting, invoicing: Invoicing
) -> None:
    ids = [invoicing.invoice() for _ in range(15)]
    entra(acting, "POST", "/errors", {"grant": "client_credentials", "aadsts": 7000215, "times": 0})
    drop_tokens(acting)
    acting.sync("invoice", *ids)
    wait_for(
        lambda: (
            acting.get(f"/api/connections/{acting.connection['id']}")["status"] == "needs_authorization"
            or None
        ),
        60,
        "the connection to say so",
    )
    wait_for(lambda: all(acting.outcomes("invoice", one) for one in ids) or None, 30, "an outcome of each")
    assert {acting.outcomes("invoice", one)[0]["status"] for one in ids} == {"retrying"}
    errors = acting.get("/api/errors", state="open")["items"]
    assert [error["entity"] for error in errors] == ["connection"], errors
    assert errors[0]["cure"]
    entra(acting, "DELETE", "/errors")
    authorize(acting)
    for halo_id in ids:
        assert acting.outcome("invoice", halo_id, seconds=30)["action"] == "created"
        assert len(acting.outcomes("invoice", halo_id)) == 1
    assert acting.get("/api/errors", state="open")["items"] == []


GONE = {
    "error": {"code": "Internal_CompanyNotFound", "message": "Cannot process the request because the default "
              "company cannot be found."}
}  # fmt: skip


def test_f69_a_secret_is_swapped_while_pushes_run_and_nothing_is_refused(
    acting: Acting, invoicing: Invoicing
) -> None:
    client_id, path = acting.connection["client_id"], f"/api/connections/{acting.connection['id']}"
    application = next(
        app for app in acting.app.sandbox.facts["entra"]["apps"] if app["client_id"] == client_id
    )
    old, new = application["client_secrets"][0]["value"], "a-second-secret~for-the-swap"
    # Tokens that end at once: each push asks for one anew.
    entra(acting, "PUT", "/lifetime", {"seconds": 30})
    drop_tokens(acting)
    acting.outcome("invoice", pushed_one(acting, invoicing))
    acting.clear_counters()
    before = [invoicing.invoice() for _ in range(8)]
    acting.sync("invoice", *before)
    entra(acting, "POST", "/secrets", {"client_id": client_id, "value": new, "days_left": 30})
    answer = acting.app.api.patch(path, json={"client_secret": new})
    assert answer.status_code == 200, answer.text
    entra(acting, "POST", "/secrets", {"client_id": client_id, "value": old, "remove": True})
    after = [invoicing.invoice() for _ in range(8)]
    acting.sync("invoice", *after)
    for halo_id in (*before, *after):
        outcome = acting.outcome("invoice", halo_id, seconds=60)
        assert (outcome["action"], outcome["attempts"]) == ("created", 1)
    calls = log(acting, service="entra", method="POST", path="/oauth2/v2.0/token")
    assert len(calls) > 1
    assert {call["status"] for call in calls} == {200}
    assert acting.get(path)["status"] == "ready"
    entra(acting, "POST", "/secrets", {"client_id": client_id, "value": old})
    entra(acting, "PUT", "/lifetime", {"seconds": 3600})


def pushed_one(acting: Acting, invoicing: Invoicing) -> str:
    halo_id = invoicing.invoice()
    acting.sync("invoice", halo_id)
    return halo_id


def test_f70_a_company_that_is_gone_is_one_error_and_everything_waits_for_it(
    acting: Acting, invoicing: Invoicing
) -> None:
    ids = [invoicing.invoice() for _ in range(WORKERS + 12)]
    acting.fault("bc", {"kind": "status", "status": 404, "body": GONE}, times=0)
    acting.clear_counters()
    acting.sync("invoice", *ids)
    wait_for(lambda: all(acting.outcomes("invoice", one) for one in ids) or None, 30, "an outcome of each")
    for halo_id in ids:
        (outcome,) = acting.outcomes("invoice", halo_id)
        assert (outcome["status"], outcome["code"]) == ("retrying", "company_gone")
        assert "admin center" in outcome["cure"]
    # Those in hand when the first came back, and a probe: no more.
    assert len(log(acting)) <= WORKERS + 1
    (error,) = acting.get("/api/errors", state="open")["items"]
    assert (error["entity"], error["code"], error["halo_id"]) == (
        "connection",
        "company_gone",
        acting.connection["id"],
    )

    def breaker() -> dict[str, Any] | None:
        (state,) = acting.get("/api/status")["connections"]
        return state if state["breaker"] else None

    state = wait_for(breaker, 60, "the breaker to be seen")
    assert state["state"]["code"] == state["breaker"]["code"] == "company_gone"
    assert state["retrying"] == len(ids)
    acting.control.delete("/faults")
    acting.post("/api/errors/retry", {"ids": [error["id"]]}, 202)
    for halo_id in ids:
        assert acting.outcome("invoice", halo_id, seconds=60)["action"] == "created"
        assert len(acting.outcomes("invoice", halo_id)) == 1
        assert len(acting.bc_invoices(halo_id)) == 1
    assert acting.get("/api/errors", state="open")["items"] == []
    wait_for(lambda: breaker() is None or None, 60, "the breaker to close")


def test_f70_a_retry_while_the_company_is_still_gone_leaves_the_one_error_open(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice()
    acting.fault("bc", {"kind": "status", "status": 404, "body": GONE}, times=0)
    acting.sync("invoice", halo_id)
    wait_for(lambda: acting.outcomes("invoice", halo_id) or None, 60, "its outcome")
    (error,) = acting.get("/api/errors", state="open")["items"]
    acting.clear_counters()
    acting.post("/api/errors/retry", {"ids": [error["id"]]}, 202)
    wait_for(lambda: log(acting) or None, 60, "the other try")
    (again,) = wait_for(lambda: acting.get("/api/errors", state="open")["items"] or None, 60, "the error")
    assert again["id"] == error["id"]
    acting.control.delete("/faults")
    authorize(acting)
    assert acting.outcome("invoice", halo_id)["action"] == "created"
    assert acting.get("/api/errors", state="open")["items"] == []


async def test_f70_a_probe_that_finds_the_company_again_lets_all_go(
    acting: Acting, invoicing: Invoicing
) -> None:
    ids = [invoicing.invoice() for _ in range(3)]
    acting.fault("bc", {"kind": "status", "status": 404, "body": GONE}, times=0)
    async with a_process(acting.app.host.env) as services:
        connections = await services.store.connections.list()
        for halo_id in ids:
            await services.store.dirty.mark(
                "invoice", halo_id, source="queue", requested_at=datetime.now(UTC)
            )
            row = await services.store.dirty.get("invoice", halo_id)
            assert row
            await push_row(services, row, connections)
        assert services.breakers[connections[0].id].is_open
    acting.control.delete("/faults")
    # Another pump takes over what is open, and its first probe closes it.
    async with a_process(acting.app.host.env) as services:
        await breaker_notes.restore(services, connections)
        breaker = services.breakers[connections[0].id]
        assert breaker.is_open
        breaker.open_until = 0.0
        row = await services.store.dirty.get("invoice", ids[0])
        assert row
        await push_row(services, row, connections)
        assert breaker.allows()
        assert await breaker_notes.read(services.store, connections[0].id) is None
        for halo_id in ids[1:]:
            row = await services.store.dirty.get("invoice", halo_id)
            assert row
            assert (row.value.not_before, row.value.source) == (None, "cure")
        await drain(services)
    assert all(len(acting.bc_invoices(halo_id)) == 1 for halo_id in ids)
    assert acting.get("/api/errors", state="open")["items"] == []


def test_f75_a_missing_permission_set_is_not_hammered(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    refusal = {
        "error": {"code": "Internal_ServerError", "message": "Sorry, the current permissions prevented the action. "
                  "(TableData 36 Sales Header Insert: Base Application)"}
    }  # fmt: skip
    acting.fault("bc", {"kind": "status", "status": 500, "body": refusal}, body=f'HALO-{halo_id}"', times=0)
    acting.sync("invoice", halo_id)
    outcome = acting.outcome("invoice", halo_id)
    assert (outcome["status"], outcome["code"], outcome["attempts"]) == ("failed", "needs_authorization", 1)
    assert "permission set" in outcome["cure"]
    assert acting.get(f"/api/connections/{acting.connection['id']}")["status"] == "ready"


def test_f88_while_halo_is_away_nothing_fails_for_good(acting: Acting, invoicing: Invoicing) -> None:
    ids = [invoicing.invoice() for _ in range(6)]
    for status in (503, 403):
        acting.fault("halo", {"kind": "status", "status": status}, path="/Invoice/", times=6)
    acting.sync("invoice", *ids)
    for halo_id in ids:
        outcome = acting.outcome("invoice", halo_id, seconds=60)
        assert outcome["status"] == "synced"
        assert len(acting.outcomes("invoice", halo_id)) == 1
    assert acting.get("/api/errors", state="open")["items"] == [] or all(
        error["halo_id"] not in ids for error in acting.get("/api/errors", state="open")["items"]
    )
