"""Costs of invoice lines through our extension (G30): sent where it is, told where it is not, and never in the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.e2e.acting import Acting, Invoicing
from tests.faults.engine import a_process, drain
from tests.faults.looking import edit_line, lines, log, switch, synced

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def costing(acting: Acting) -> Iterator[Acting]:
    """The setting is on and the extension installed."""
    switch(acting, bc__line_cost_extension=True)
    acting.settings(use_advanced_cost_endpoint=True)
    yield acting
    acting.settings(use_advanced_cost_endpoint=False)


def warnings(outcome: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in outcome["warnings"]]


def costed(invoicing: Invoicing, kind: str, cost: float) -> dict[str, Any]:
    return {**invoicing.line(kind, 2, 100, f"Costs {cost}"), "unit_cost": cost}


def test_the_costs_of_a_new_invoice_are_sent_in_one_request_of_their_own(
    costing: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice(
        costed(invoicing, "Service", 12.34567),
        costed(invoicing, "Inventory", 5),
        costed(invoicing, "Service", 0),
    )
    costing.clear_counters()
    outcome = costing.pushed(halo_id)
    assert (outcome["status"], outcome["action"], outcome["warnings"]) == ("synced", "created", [])
    found = lines(costing, halo_id)
    assert [float(line["unitCost"]) for line in found[:2]] == [12.34567, 5]
    sent = log(costing, path=r"api/halobc/sync/v1\.0/\$batch", body=r'"PATCH"')
    assert len(sent) == 1
    # A line without a cost in Halo keeps that of its item.
    assert found[2]["id"] not in sent[0]["body"]
    again = costing.pushed(halo_id)
    assert (again["status"], again["requests"]) == ("unchanged", 0)


def test_only_a_cost_that_differs_is_sent(costing: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice(costed(invoicing, "Service", 1), costed(invoicing, "Inventory", 2))
    synced(costing, halo_id)
    costing.clear_counters()
    edit_line(costing, halo_id, 1, unit_cost=3)
    outcome = costing.pushed(halo_id)
    assert (outcome["status"], outcome["action"]) == ("synced", "updated"), outcome
    assert [float(line["unitCost"]) for line in lines(costing, halo_id)] == [1, 3]
    (sent,) = log(costing, path=r"api/halobc", body=r'"PATCH"')
    assert lines(costing, halo_id)[0]["id"] not in sent["body"]
    # The cost moved the ETags: the next edit finds them as they are and takes one request.
    edit_line(costing, halo_id, 0, qty_order=7)
    costing.clear_counters()
    assert costing.pushed(halo_id)["action"] == "updated"
    assert len(log(costing, method="POST", path=r"v2\.0/\$batch")) == 1
    assert [float(line["unitCost"]) for line in lines(costing, halo_id)] == [1, 3]


def test_without_the_setting_no_cost_is_sent(acting: Acting, invoicing: Invoicing) -> None:
    switch(acting, bc__line_cost_extension=True)
    halo_id = invoicing.invoice(costed(invoicing, "Service", 77))
    acting.clear_counters()
    assert acting.pushed(halo_id)["requests"] == 1
    assert log(acting, path="halobc") == []
    assert float(lines(acting, halo_id)[0]["unitCost"]) != 77


def test_an_invoice_in_another_currency_keeps_bcs_cost(costing: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice(costed(invoicing, "Service", 77), currency_code=2)
    outcome = costing.pushed(halo_id)
    assert (outcome["status"], warnings(outcome)) == ("synced", ["costs_not_sent"])
    assert float(lines(costing, halo_id)[0]["unitCost"]) != 77


def test_a_cost_that_bc_refuses_is_a_warning(costing: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice(costed(invoicing, "Service", 77))
    costing.fault(
        "bc",
        {
            "kind": "status",
            "status": 403,
            "body": {
                "error": {
                    "code": "Internal_ServerError",
                    "message": "Sorry, the current permissions prevented the action.",
                }
            },
        },
        method="POST",
        path="halobc",
    )
    outcome = costing.pushed(halo_id)
    assert (outcome["status"], outcome["action"]) == ("synced", "created"), outcome
    assert warnings(outcome)


def test_an_invoice_is_posted_only_once_its_costs_are_in_bc(costing: Acting, invoicing: Invoicing) -> None:
    """A posted invoice can get no cost any more."""
    costing.settings(post_invoices=True)
    try:
        halo_id = invoicing.invoice(costed(invoicing, "Service", 6), posted=True)
        refusal = {"error": {"code": "Application_DialogException", "message": "The cost is frozen."}}
        costing.fault(
            "bc",
            {"kind": "status", "status": 400, "body": refusal},
            method="POST",
            path="halobc",
            body='"PATCH"',
        )
        outcome = costing.pushed(halo_id)
        assert (outcome["status"], outcome["action"]) == ("synced", "created"), outcome
        assert warnings(outcome) == ["costs_not_sent", "not_posted"], outcome["warnings"]
        assert "costs" in outcome["warnings"][1]["message"]
        assert costing.bc_invoices(halo_id)[0]["status"] == "Draft"
        costing.control.delete("/faults")
        outcome = costing.pushed(halo_id)
        assert (outcome["status"], outcome["action"], outcome["warnings"]) == ("synced", "posted", [])
        assert float(lines(costing, halo_id)[0]["unitCost"]) == 6
    finally:
        costing.settings(post_invoices=False)


def test_an_invoice_in_another_currency_does_not_wait_for_costs_that_cannot_come(
    costing: Acting, invoicing: Invoicing
) -> None:
    costing.settings(post_invoices=True)
    try:
        halo_id = invoicing.invoice(costed(invoicing, "Service", 77), currency_code=2, posted=True)
        outcome = costing.pushed(halo_id)
        assert (outcome["action"], warnings(outcome)) == ("posted", ["costs_not_sent"]), outcome
    finally:
        costing.settings(post_invoices=False)


@pytest.mark.parametrize("answered", ["lost", "down"])
def test_a_lost_answer_is_made_up_for(costing: Acting, invoicing: Invoicing, answered: str) -> None:
    halo_id = invoicing.invoice(costed(invoicing, "Service", 9), costed(invoicing, "Inventory", 8))
    action = {"kind": "drop", "when": "after"} if answered == "lost" else {"kind": "status", "status": 503}
    costing.fault("bc", action, method="POST", path="halobc")
    costing.sync("invoice", halo_id)
    outcome = costing.outcome("invoice", halo_id, seconds=60)
    assert outcome["status"] == "synced", outcome
    assert len(costing.bc_invoices(halo_id)) == 1
    assert [float(line["unitCost"]) for line in lines(costing, halo_id)] == [9, 8]


async def test_where_the_extension_is_missing_the_invoice_goes_and_says_so(
    house: Acting, invoicing: Invoicing
) -> None:
    halo_ids = [invoicing.invoice(costed(invoicing, "Service", 77)) for _ in range(2)]
    switch(house, bc__line_cost_extension=False)
    house.settings(use_advanced_cost_endpoint=True)
    # A process that has not asked yet; it is the last test, so the app may go.
    house.app.host.stop()
    house.clear_counters()
    async with a_process(house.app.host.env) as services:
        for halo_id in halo_ids:
            await services.store.dirty.mark(
                "invoice", halo_id, operation="upsert", source="webhook", requested_at=datetime.now(UTC)
            )
        await drain(services)
        for halo_id in halo_ids:
            (told,) = (await services.store.outcomes.page(entity="invoice", halo_id=halo_id, limit=1)).items
            assert (told.status, told.action) == ("synced", "created"), told
            assert [warning.code for warning in told.warnings] == ["cost_extension_missing"]
    # Asked once, then remembered.
    assert len(log(house, path="halobc")) == 1
