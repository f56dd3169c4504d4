"""F1-F11: whatever happens around a create, BC ends with one record and nobody has to tidy up."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest

from bc.model import Entity
from tests.e2e.acting import Acting, Invoicing, number, wait_for
from tests.faults.engine import Died, Peril, a_process, drain
from tests.faults.looking import at, by_control, creates, edit_line, lines, log, lookups

pytestmark = pytest.mark.timeout(90)
BATCH = r"\$batch$"


def on_create(acting: Acting, halo_id: str, action: dict[str, Any], **more: Any) -> None:
    """A fault for the request that creates this invoice."""
    acting.fault("bc", action, method="POST", body=f'HALO-{halo_id}"', **more)


async def die(acting: Acting, entity: Entity, halo_id: str, when: str) -> None:
    """A process of its own starts the push and dies before the first call whose name holds `when`; another ends it."""
    env = acting.app.host.env
    peril = Peril(dies_before=when)
    async with a_process(env, peril) as services:
        await services.store.dirty.mark(entity, halo_id, source="queue", requested_at=datetime.now(UTC))
        with suppress(Died):
            await drain(services)
        assert peril.dead, f"nothing was called like {when}: {peril.calls}"
    acting.clear_counters()
    async with a_process(env) as services:
        await drain(services)


async def test_f1_a_death_after_the_create_adopts_the_one_invoice(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice()
    await die(acting, "invoice", halo_id, "after:bc POST")
    assert len(acting.bc_invoices(halo_id)) == 1
    assert len(lookups(acting, halo_id)) == 1
    assert creates(acting, halo_id) == []
    assert acting.outcomes("invoice", halo_id)[0]["action"] == "created"


async def test_f2_a_death_after_a_customers_create_adopts_the_one_customer(acting: Acting) -> None:
    made = acting.agent("Client", {"name": "Twice Not Ltd", "toplevel_id": 1, "accountsid": "TWICE1"})
    halo_id = number(made["id"])
    await die(acting, "customer", halo_id, "after:bc POST .*/customers$")
    assert [row["number"] for row in acting.bc("customers") if row["displayName"] == "Twice Not Ltd"] == [
        "TWICE1"
    ]
    assert acting.outcomes("customer", halo_id)[0]["action"] == "created"


async def test_f3_a_death_after_the_outcome_costs_no_request_to_bc(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice()
    env = acting.app.host.env
    async with a_process(env) as services:
        await services.store.dirty.mark("invoice", halo_id, source="queue", requested_at=datetime.now(UTC))
        with patch.object(services.store.dirty, "delete", side_effect=Died), suppress(Died):
            await drain(services)
    acting.clear_counters()
    async with a_process(env) as services:
        assert await services.store.dirty.get("invoice", halo_id)
        await drain(services)
    assert "bc" not in acting.control.get("/counters").json() or acting.counters("bc")["requests"] == 0
    assert [one["action"] for one in acting.outcomes("invoice", halo_id)][-1] == "created"


async def test_f4_a_death_before_the_create_looks_and_creates_once(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice()
    await die(acting, "invoice", halo_id, "bc POST")
    assert len(lookups(acting, halo_id)) == 1
    assert len(creates(acting, halo_id)) == 1
    assert len(acting.bc_invoices(halo_id)) == 1


@pytest.mark.parametrize(
    ("case", "action"),
    [
        ("f5 the answer never came", {"kind": "drop", "when": "after"}),
        ("f6 reset before it was handled", {"kind": "drop", "when": "before"}),
        ("f35 the answer was cut short", {"kind": "truncate", "bytes": 40}),
        ("f35 the answer was no JSON", {"kind": "raw", "body": "<html>ok</html>", "when": "after"}),
        ("f81 a deadlock", {
            "kind": "status", "status": 409, "when": "before",
            "body": {"error": {"code": "Internal_ServerError", "message": "The activity was deadlocked with another "
                               "user who was modifying the Sales Header table. Please retry the activity."}},
        }),
    ],
)  # fmt: skip
def test_f5_f6_f35_f81_an_unknown_outcome_is_looked_up_before_a_repeat(
    acting: Acting, invoicing: Invoicing, case: str, action: dict[str, Any]
) -> None:
    halo_id = invoicing.invoice()
    on_create(acting, halo_id, action)
    acting.sync("invoice", halo_id)
    outcome = acting.outcome("invoice", halo_id)
    assert (outcome["status"], outcome["action"]) == ("synced", "created"), (case, outcome)
    assert len(acting.bc_invoices(halo_id)) == 1
    looked = lookups(acting, halo_id)
    assert looked
    assert all(at(looked[0]) < at(create) for create in creates(acting, halo_id)[1:])


def test_f7_a_gateways_502_after_the_commit_honours_its_retry_after(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice()
    on_create(
        acting, halo_id, {"kind": "status", "status": 502, "headers": {"Retry-After": "4"}, "when": "after"}
    )
    acting.sync("invoice", halo_id)
    assert acting.outcome("invoice", halo_id)["action"] == "created"
    (first,) = creates(acting, halo_id)
    assert (at(lookups(acting, halo_id)[0]) - at(first)).total_seconds() >= 4
    assert len(acting.bc_invoices(halo_id)) == 1


def test_f8_while_the_look_up_fails_nothing_is_created(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    on_create(acting, halo_id, {"kind": "drop", "when": "after"})
    acting.fault("bc", {"kind": "status", "status": 503}, method="GET", path=f"HALO-{halo_id}")
    acting.sync("invoice", halo_id)
    outcome = acting.outcome("invoice", halo_id, seconds=45)
    assert outcome["action"] == "created"
    assert len(lookups(acting, halo_id)) == 2
    assert len(creates(acting, halo_id)) == 1


def test_f9_two_with_the_same_key_are_left_to_a_person(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    for _ in range(2):
        by_control(
            acting,
            "POST",
            f"/{acting.company_id}/salesInvoices",
            {"externalDocumentNumber": f"HALO-{halo_id}"},
        )
    on_create(acting, halo_id, {"kind": "drop", "when": "before"})
    acting.sync("invoice", halo_id)
    outcome = acting.outcome("invoice", halo_id)
    assert (outcome["status"], outcome["code"]) == ("failed", "ambiguous_match")
    assert len(creates(acting, halo_id)) == 1
    assert len(acting.bc_invoices(halo_id)) == 2


def test_f10_a_look_up_never_asks_a_read_replica(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    on_create(acting, halo_id, {"kind": "drop", "when": "after"})
    acting.sync("invoice", halo_id)
    acting.outcome("invoice", halo_id)
    assert lookups(acting, halo_id)
    for entry in log(acting):
        assert "data-access-intent" not in entry["headers"]
        assert "data-access-intent" not in entry["body"].lower()


def test_f11_an_invoice_found_after_a_lost_answer_is_brought_up_to_date(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice(invoicing.line("Service", 1, 10, "Early"))
    on_create(acting, halo_id, {"kind": "drop", "when": "after"})
    acting.sync("invoice", halo_id)
    wait_for(lambda: acting.bc_invoices(halo_id) or None, 10, "the invoice in BC")
    edit_line(acting, halo_id, qty_order=5, item_shortdescription="Late")
    outcome = acting.outcome("invoice", halo_id)
    assert (outcome["status"], outcome["action"]) == ("synced", "created")
    (line,) = lines(acting, halo_id)
    assert (line["description"], Decimal(str(line["quantity"]))) == ("Late", Decimal(5))
    assert len(creates(acting, halo_id)) == 1
