"""What was told stays told: no later outcome takes the place of an earlier one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bc.sync.invoice_sync import InvoiceSync
from tests.e2e.acting import Acting, Invoicing
from tests.faults.engine import a_process, drain
from tests.faults.looking import synced

pytestmark = pytest.mark.timeout(120)


def told(outcome: dict[str, Any]) -> tuple[str, str]:
    return outcome["status"], outcome["action"]


def halo_refuses(acting: Acting, halo_id: str) -> None:
    """Halo takes nothing back for this invoice, for good."""
    refusal = {"kind": "status", "status": 400, "body": '"No."'}
    acting.fault("halo", refusal, method="POST", path="updatelines", body=rf'"ihid": ?{halo_id}\b', times=0)


def test_a_create_whose_write_back_was_refused_leaves_that_failure_in_the_history(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice()
    halo_refuses(acting, halo_id)
    failed = acting.pushed(halo_id)
    assert failed["status"] == "failed", failed
    acting.control.delete("/faults")
    assert told(acting.pushed(halo_id)) == ("synced", "created")
    newest, oldest = acting.outcomes("invoice", halo_id)
    assert told(newest) == ("synced", "created")
    assert (oldest["id"], oldest["status"], oldest["code"]) == (failed["id"], "failed", failed["code"])
    assert len(acting.bc_invoices(halo_id)) == 1
    rows = acting.get("/api/errors", state="resolved", entity="invoice", halo_id=halo_id)["items"]
    assert failed["id"] in [row["id"] for row in rows]


def test_an_update_whose_write_back_was_refused_leaves_that_failure_in_the_history(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice()
    synced(acting, halo_id)
    acting.edit("Invoice", halo_id, {"lines": [invoicing.line("Service", 2, 20, "Another")]})
    halo_refuses(acting, halo_id)
    failed = acting.pushed(halo_id)
    assert failed["status"] == "failed", failed
    acting.control.delete("/faults")
    assert told(acting.pushed(halo_id)) == ("synced", "updated")
    assert [told(one) for one in acting.outcomes("invoice", halo_id)] == [
        ("synced", "updated"),
        ("failed", "none"),
        ("synced", "created"),
    ]


async def test_a_fault_of_ours_after_the_create_stays_in_the_history(
    acting: Acting, invoicing: Invoicing, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Last of this module: nobody else is to push it.
    acting.app.host.stop()
    halo_id = invoicing.invoice()
    async with a_process(acting.app.host.env) as services:
        await services.store.dirty.mark("invoice", halo_id, source="queue", requested_at=datetime.now(UTC))
        with monkeypatch.context() as broken:
            broken.setattr(InvoiceSync, "write_back", _fails)
            await drain(services)
        (failed,) = (await services.store.outcomes.page(entity="invoice", halo_id=halo_id)).items
        assert (failed.status, failed.code) == ("failed", "internal_error")
        assert failed.connection_id == acting.connection["id"]
        await services.store.dirty.mark("invoice", halo_id, source="queue", requested_at=datetime.now(UTC))
        await drain(services)
        newest, oldest = (await services.store.outcomes.page(entity="invoice", halo_id=halo_id)).items
    assert (newest.status, newest.action) == ("synced", "created")
    assert (oldest.id, oldest.status) == (failed.id, "failed")


async def _fails(*_: Any) -> None:
    raise RuntimeError("a fault of ours")
