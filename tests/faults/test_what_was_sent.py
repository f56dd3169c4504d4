"""What an outcome's last try sent to Business Central and what came back can be looked at afterwards."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from bc.services import Services
from bc.sync.exchanges import MOST_BYTES
from tests.e2e.acting import Acting, Invoicing, number
from tests.faults.engine import Peril, a_process, drain
from tests.faults.looking import log

pytestmark = pytest.mark.timeout(120)


def requests_of(acting: Acting, outcome: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = acting.get(f"/api/outcomes/{outcome['id']}/requests")["requests"]
    return found


def test_an_invoice_shows_its_request_and_the_tax_of_each_line(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice(*[invoicing.line("Service", n, 10, f"Day {n}") for n in range(1, 11)])
    acting.sync("invoice", halo_id)
    outcome = acting.outcome("invoice", halo_id)
    *_, batch = requests_of(acting, outcome)
    assert batch["path"] == "$batch"
    create, read = batch["parts"]
    sent = json.loads(create["sent"])["salesInvoiceLines"]
    assert [line["quantity"] for line in sent] == list(range(1, 11))
    assert create["status"] == 201
    (document,) = json.loads(read["answer"])["value"]
    assert document["number"] == outcome["bc_number"]
    (invoice,) = acting.bc_invoices(halo_id)
    taxes = {line["sequence"]: line["totalTaxAmount"] for line in acting.bc_lines(invoice["id"])}
    assert {line["sequence"]: line["totalTaxAmount"] for line in document["salesInvoiceLines"]} == taxes
    # What the sandbox saw is what is shown.
    (seen,) = log(acting, body=rf"HALO-{halo_id}", method="POST")
    assert json.loads(seen["body"])["requests"][0]["body"] == json.loads(create["sent"])
    kept = json.dumps(acting.get(f"/api/outcomes/{outcome['id']}/requests"))
    assert "Bearer" not in kept
    assert "eyJ" not in kept


def test_a_refusal_shows_what_was_refused_in_bc_s_words(acting: Acting, invoicing: Invoicing) -> None:
    client = number(
        acting.agent("Client", {"name": "Refused Ltd", "toplevel_id": 1, "accountsid": "R-1"})["id"]
    )
    refusal = {"error": {"code": "Application_DialogException", "message": "Nobody may do this."}}
    acting.fault(
        "bc",
        {"kind": "status", "status": 400, "body": json.dumps(refusal)},
        method="POST",
        path="customers",
        times=0,
    )
    acting.sync("customer", client)
    outcome = acting.outcome("customer", client)
    assert outcome["status"] == "failed", outcome
    *_, refused = requests_of(acting, outcome)
    (part,) = refused["parts"]
    assert (part["method"], part["path"], part["status"]) == ("POST", "customers", 400)
    assert json.loads(part["sent"])["displayName"] == "Refused Ltd"
    assert json.loads(part["answer"]) == refusal


def test_an_outcome_without_requests_shows_none_and_one_that_is_not_there_is_said(
    acting: Acting, invoicing: Invoicing
) -> None:
    client = number(acting.agent("Client", {"name": "Without a number", "toplevel_id": 1})["id"])
    acting.sync("customer", client)
    assert requests_of(acting, acting.outcome("customer", client)) == []
    assert acting.app.api.get("/api/outcomes/nothing/requests").status_code == 404


async def test_what_was_sent_costs_no_trip_to_storage_and_little_room(
    acting: Acting, invoicing: Invoicing, monkeypatch: pytest.MonkeyPatch
) -> None:
    peril = Peril()

    async def trips(services: Services, halo_id: str) -> int:
        await services.store.dirty.mark("invoice", halo_id, source="queue", requested_at=datetime.now(UTC))
        before = len(peril.calls)
        await drain(services)
        # Blocks of calls are leased for several invoices.
        made = [call for call in peril.calls[before:] if call.startswith("storage")]
        return len([call for call in made if "bcBudgets" not in call])

    def an_invoice() -> str:
        lines = [invoicing.line("Service", n, 10, f"Day {n}") for n in range(1, 11)]
        return invoicing.invoice(*lines)

    async with a_process(acting.app.host.env, peril) as services:
        await trips(services, an_invoice())
        halo_id = an_invoice()
        kept = await trips(services, halo_id)
        (outcome,) = (await services.store.outcomes.page(halo_id=halo_id)).items
        sent = await services.store.outcomes.sent(outcome.id)
        monkeypatch.setattr("bc.sync.outcomes.sent_so_far", lambda: b"")
        assert kept == await trips(services, an_invoice())
    assert outcome.requests == 1
    assert sent
    assert len(sent) < MOST_BYTES / 4
