"""`/api/status`: how things stand, kept while records sync and never counted over their outcomes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from bc.connect.expiry import secret_expiry
from bc.model import Connection
from bc.status.overview import overview
from tests.e2e.acting import Acting, Invoicing, wait_for
from tests.faults.engine import Peril, a_process
from tests.faults.looking import deliver

pytestmark = pytest.mark.timeout(120)


def of_connection(acting: Acting) -> dict[str, Any]:
    (found,) = acting.get("/api/status")["connections"]
    return dict(found)


def until(acting: Acting, what: str, **wanted: Any) -> dict[str, Any]:
    """The connection's state once it shows these values."""

    def look() -> dict[str, Any] | None:
        found = of_connection(acting)
        return found if all(found[name] == value for name, value in wanted.items()) else None

    return wait_for(look, 60, what)


def test_what_was_synced_is_counted_and_the_last_success_shown(acting: Acting, invoicing: Invoicing) -> None:
    before = of_connection(acting)["outcomes_24h"]
    ids = [invoicing.invoice() for _ in range(5)]
    empty = invoicing.invoice(lines=[])
    acting.sync("invoice", *ids, empty)
    for halo_id in ids:
        assert acting.outcome("invoice", halo_id)["status"] == "synced"
    ended = acting.outcome("invoice", empty)["status"]
    acting.sync("invoice", ids[0])
    assert acting.outcome("invoice", ids[0], after=1)["status"] == "unchanged"
    wanted = {
        **before,
        "synced": before["synced"] + 5,
        "unchanged": before["unchanged"] + 1,
        ended: before[ended] + 1,
    }
    found = until(acting, "every outcome to be counted", outcomes_24h=wanted)
    assert found["state"]["code"] == "ready"
    assert found["last_success"]["entity"] == "invoice"
    assert found["last_success"]["halo_id"] in ids
    assert found["last_success"]["bc_number"]
    assert found["token"]["ok"]
    assert found["breaker"] is None
    hours = [datetime.fromisoformat(hour["at"]) for hour in found["hourly"]]
    assert len(hours) == 24
    assert all(later - sooner == timedelta(hours=1) for sooner, later in pairwise(hours))
    assert sum(hour["synced"] for hour in found["hourly"]) == wanted["synced"]


def test_what_waits_and_what_failed_is_shown(acting: Acting, invoicing: Invoicing) -> None:
    path = f"/api/connections/{acting.connection['id']}"
    acting.app.api.patch(path, json={"paused": True}).raise_for_status()
    ids = [invoicing.invoice() for _ in range(3)]
    acting.sync("invoice", *ids)
    found = until(acting, "three records to wait", retrying=3)
    assert found["paused"]
    assert found["state"]["code"] == "paused"
    acting.app.api.patch(path, json={"paused": False}).raise_for_status()
    until(acting, "nothing to wait", retrying=0, waiting=0)
    acting.sync("invoice", "99999999")
    assert acting.outcome("invoice", "99999999")["code"] == "not_found_in_halo"
    status = wait_for(
        lambda: next((s for s in [acting.get("/api/status")] if s["open_errors"]), None), 30, "the error"
    )
    # No connection takes a record that Halo does not have.
    assert status["open_errors"] == 1
    (error,) = acting.get("/api/errors", state="open")["items"]
    acting.post(f"/api/errors/{error['id']}/dismiss")
    wait_for(lambda: acting.get("/api/status")["open_errors"] == 0 or None, 30, "no error")


def test_halo_s_calls_and_sweeps_are_shown(acting: Acting, invoicing: Invoicing) -> None:
    deliver(acting, "invoice", invoicing.invoice())
    job = acting.post("/api/halo/sweep", None, 202)
    assert acting.job(job["job_id"])["status"] == "succeeded"

    def seen() -> dict[str, Any] | None:
        halo: dict[str, Any] = acting.get("/api/status")["halo"]
        return halo if halo["last_event_at"] and halo["last_sweep"] else None

    halo = wait_for(seen, 30, "the event and the sweep")
    assert halo["last_sweep"]["ok"] is True
    assert halo["last_sweep"]["detail"]
    assert 0 < halo["budget"]["used"] <= halo["budget"]["limit"] == 20000


async def test_a_status_asks_neither_halo_nor_business_central(acting: Acting) -> None:
    peril = Peril()
    async with a_process(acting.app.host.env, peril) as services:
        found = await overview(services)
    assert [state.connection_id for state in found.connections] == [acting.connection["id"]]
    assert peril.calls
    assert all(call.startswith("storage GET") for call in peril.calls)
    # One for each list and one for each fact, whatever number of outcomes is kept.
    assert len(peril.calls) < 20


@pytest.mark.parametrize(
    ("days", "warning"),
    [(61, None), (60, 60), (31, 60), (30, 30), (8, 30), (7, 7), (2, 7), (1, 1), (0, 1), (-1, 0)],
)
def test_a_secret_that_runs_out_is_said_in_time(days: int, warning: int | None) -> None:
    now = datetime.now(UTC)
    connection = Connection(
        id="c",
        name="Tamarisk",
        tenant_id="t",
        client_id="a",
        has_secret=True,
        secret_expires_on=(now + timedelta(days=days)).date(),
        created_at=now,
        updated_at=now,
    )
    found = secret_expiry(connection, now.date())
    assert (found.days_left, found.warning) == (days, warning)
    assert bool(found.cure) == (warning is not None)


def test_a_secret_that_runs_out_is_on_the_status(acting: Acting) -> None:
    path = f"/api/connections/{acting.connection['id']}"
    ends = (datetime.now(UTC) + timedelta(days=6)).date().isoformat()
    acting.app.api.patch(path, json={"secret_expires_on": ends}).raise_for_status()
    found = until(acting, "the warning", secret_warning=7)
    assert (found["secret_expires_on"], found["secret_days_left"]) == (ends, 6)
    assert "6 days" in found["secret_detail"]
    acting.app.api.patch(path, json={"secret_expires_on": None}).raise_for_status()
