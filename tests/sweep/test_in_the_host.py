"""The timers in the local Functions host: they are found, they run, and a change with no webhook reaches BC."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from local.azurite import shared
from local.stack import App, Sandbox
from tests.e2e.acting import Acting, Invoicing


@pytest.fixture
def acting(sandbox: Sandbox) -> Iterator[Acting]:
    sandbox.reset()
    with App(sandbox, shared().fresh(), env={"HALO_SWEEP_MINUTES": "1"}) as app:
        found = Acting(app)
        found.connect()
        yield found


def fire(acting: Acting, function: str) -> None:
    answer = httpx.post(
        f"{acting.app.host.url}/admin/functions/{function}",
        json={"input": ""},
        headers={"x-functions-key": acting.app.host.env["LOCAL_MASTER_KEY"]},
        timeout=60,
    )
    answer.raise_for_status()


def test_the_timers_run_and_a_sweep_by_hand_reaches_bc(acting: Acting) -> None:
    invoicing = Invoicing(acting)
    first = invoicing.invoice()
    fire(acting, "halo_sweep")
    fire(acting, "delta_imports")
    started = acting.post("/api/halo/sweep", {}, 202)
    assert acting.job(started["job_id"])["status"] == "succeeded"
    assert acting.outcome("invoice", first)["action"] == "created"
    acting.remove("Invoice", first)
    second = invoicing.invoice()
    started = acting.post("/api/halo/sweep", {}, 202)
    assert acting.job(started["job_id"])["status"] == "succeeded"
    assert acting.outcome("invoice", second)["action"] == "created"
    assert acting.outcome("invoice", first, after=1)["action"] == "deleted"
    assert "Traceback" not in "\n".join(acting.app.host.logs)
