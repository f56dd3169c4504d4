"""F57: a Business Central that refuses line numbers of ours is asked once, and gets its lines in order without them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from bc.sync.work import push_row
from tests.e2e.acting import Acting, Invoicing
from tests.faults.engine import Died, Peril, a_process, drain
from tests.faults.looking import by_control, creates, edit_line, lines, switch

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(autouse=True)
def old_version(acting: Acting) -> Iterator[None]:
    switch(acting, bc__sequence_bug=True)
    yield
    switch(acting, bc__sequence_bug=False)


def warnings(outcome: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in outcome["warnings"]]


def texts(acting: Acting, halo_id: str) -> list[str]:
    return [str(line["description"]) for line in lines(acting, halo_id)]


def three(invoicing: Invoicing, **more: Any) -> str:
    return invoicing.invoice(
        invoicing.line("Service", 1, 10, "First"),
        invoicing.line("Inventory", 2, 20, "Second"),
        invoicing.line("Service", 1, 10, "Third"),
        **more,
    )


def recurring(acting: Acting, invoicing: Invoicing, *texts: str) -> None:
    """Lines that BC adds to each new invoice of the customer, before ours."""
    linked = acting.get(f"/api/connections/{acting.connection['id']}/mappings/customers")["items"]
    number = next(item["bc_number"] for item in linked if item["halo_id"] == invoicing.customer)
    rows = [{"lineType": "Comment", "description": text} for text in texts]
    by_control(acting, "POST", "/recurring", {"customer": number, "lines": rows})


def test_f57_it_is_asked_once_and_the_lines_come_in_order(acting: Acting, invoicing: Invoicing) -> None:
    for tries in (2, 1):
        halo_id = three(invoicing)
        outcome = acting.pushed(halo_id)
        assert (outcome["status"], outcome["action"]) == ("synced", "created"), outcome
        assert warnings(outcome) == ["sequence_refused"]
        assert len(creates(acting, halo_id)) == tries
        assert texts(acting, halo_id) == ["First", "Second", "Third"]
        assert [line["sequence"] for line in lines(acting, halo_id)] == [10000, 20000, 30000]
        again = acting.pushed(halo_id)
        assert (again["status"], again["requests"]) == ("unchanged", 0)


def test_f57_a_line_between_others_keeps_its_place(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = three(invoicing)
    assert acting.pushed(halo_id)["action"] == "created"
    held = acting.halo("Invoice", halo_id)["lines"]
    between = {**invoicing.line("Service", 3, 30, "Between"), "sequenceid": held[0]["sequenceid"]}
    acting.edit("Invoice", halo_id, {"lines": [between]})
    edit_line(acting, halo_id, 0, qty_order=5)
    order = [str(line["item_shortdescription"]) for line in ordered(acting, halo_id)]
    assert order == ["First", "Between", "Second", "Third"]
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["action"]) == ("synced", "updated"), outcome
    assert texts(acting, halo_id) == order
    assert [float(line["quantity"]) for line in lines(acting, halo_id)] == [5, 3, 2, 1]
    assert acting.pushed(halo_id)["status"] == "unchanged"


def ordered(acting: Acting, halo_id: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = acting.halo("Invoice", halo_id)["lines"]
    return sorted(rows, key=lambda line: (float(line["sequenceid"]), float(line["id"])))


def test_f57_f79_a_customers_recurring_lines_are_not_taken_for_ours(
    acting: Acting, invoicing: Invoicing
) -> None:
    recurring(acting, invoicing, "Monthly", "Quarterly")
    halo_id = three(invoicing)
    try:
        outcome = acting.pushed(halo_id)
    finally:
        recurring(acting, invoicing)
    assert set(warnings(outcome)) == {"sequence_refused", "extra_lines_in_bc"}
    edit_line(acting, halo_id, 0, qty_order=4)
    edit_line(acting, halo_id, 1, item_shortdescription="Renamed")
    assert acting.pushed(halo_id)["action"] == "updated"
    assert texts(acting, halo_id) == ["Monthly", "Quarterly", "First", "Renamed", "Third"]
    assert float(lines(acting, halo_id)[2]["quantity"]) == 4


async def test_f57_f1_a_crash_after_the_create_doubles_no_line(house: Acting, invoicing: Invoicing) -> None:
    recurring(house, invoicing, "Monthly")
    several, single = three(invoicing), invoicing.invoice(invoicing.line("Service", 1, 10, "Alone"))
    # The last test of the module, so the app may go.
    house.app.host.stop()
    env = house.app.host.env
    for halo_id in (several, single):
        async with a_process(env, Peril(dies_before=r"after:bc POST .*batch")) as services:
            await services.store.dirty.mark(
                "invoice", halo_id, operation="upsert", source="webhook", requested_at=datetime.now(UTC)
            )
            # It knows, so that its first request is the one that is carried out.
            services.known_in_bc.put(environment(house), "environment", "sequence_refused", True)
            connections = await services.store.connections.list()
            row = await services.store.dirty.get("invoice", halo_id)
            assert row is not None
            with pytest.raises(Died):
                await push_row(services, row, connections)
    # What was sent is not in Halo any more: neither the text nor the quantity of the first line, nor the last line.
    edit_line(house, several, 0, item_shortdescription="Another", qty_order=7)
    last = house.halo("Invoice", several)["lines"][2]["id"]
    house.edit("Invoice", several, {"lines": [], "delete_lines": [last]})
    edit_line(house, single, 0, item_shortdescription="Still alone", qty_order=8)
    async with a_process(env) as services:
        await drain(services)
        for halo_id in (several, single):
            (outcome,) = (
                await services.store.outcomes.page(entity="invoice", halo_id=halo_id, limit=1)
            ).items
            assert outcome.status == "synced", outcome
    assert texts(house, several) == ["Monthly", "Another", "Second"]
    assert texts(house, single) == ["Monthly", "Still alone"]


def environment(acting: Acting) -> str:
    return f"{acting.connection['tenant_id']}/{acting.connection['environment_name']}".lower()
