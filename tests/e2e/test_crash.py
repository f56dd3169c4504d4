"""A SIGKILL at each of the points where a change could be lost or doubled: one BC invoice and a true outcome remain."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.e2e.acting import Acting, Invoicing

# Where each invoice's push stands when the host is killed: the request that is on its way, or was carried out but
# not yet answered. {} is the Halo invoice's id.
POINTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "before the intent": ("halo", "before", {"method": "GET", "path": r"/Invoice/{}\b"}),
    "after the intent, before BC has it": ("bc", "before", {"method": "POST", "body": r"HALO-{}\b"}),
    "after BC's commit, before the link is saved": ("bc", "after", {"method": "POST", "body": r"HALO-{}\b"}),
    "after the link, before Halo has the tax": (
        "halo",
        "before",
        {"path": "updatelines", "body": r'"ihid": ?{}\b'},
    ),
    "after Halo's lines, before its header": (
        "halo",
        "before",
        {"path": r"/Invoice$", "body": r'"id": ?{}\b'},
    ),
    "after Halo's header, before the row goes": (
        "halo",
        "after",
        {"path": r"/Invoice$", "body": r'"id": ?{}\b'},
    ),
}


# The writes of several pushes to Halo go in one array, one after the other: a held one holds up those behind it.
TOGETHER = (list(POINTS)[:4], list(POINTS)[4:5], list(POINTS)[5:])


@pytest.mark.timeout(400)
def test_a_kill_at_each_point_leaves_one_invoice_and_a_true_outcome(connected: Acting) -> None:
    invoicing = Invoicing(connected)
    for points in TOGETHER:
        invoices = {
            point: invoicing.invoice(invoicing.line("Service", 2, 100), invoicing.line("Inventory", 1, 49.99))
            for point in points
        }
        _killed(connected, invoices)
        for point, halo_id in invoices.items():
            _stands_once(connected, point, halo_id)


def _killed(connected: Acting, invoices: dict[str, str]) -> None:
    """Push them, and kill the host while each stands at its point."""
    for point, halo_id in invoices.items():
        service, when, match = POINTS[point]
        pattern = {name: value.format(halo_id) for name, value in match.items()}
        connected.fault(service, {"kind": "hold", "when": when, "name": point}, **pattern)
    connected.sync("invoice", *invoices.values())
    for point in invoices:
        connected.held(point)
    connected.app.host.kill()
    connected.control.delete("/faults")
    connected.app.host.start()
    connected.app.wake()


def _stands_once(connected: Acting, point: str, halo_id: str) -> None:
    outcome = connected.outcome("invoice", halo_id, seconds=90)
    assert (outcome["status"], outcome["action"]) == ("synced", "created"), (point, outcome)
    (invoice,) = connected.bc_invoices(halo_id)
    assert len(connected.bc_lines(invoice["id"])) == 2, point
    halo = connected.halo("Invoice", halo_id)
    assert halo["dbc_id"] == invoice["id"], point
    assert Decimal(str(halo["tax_total"])) == Decimal("50.00"), point
    created = [one for one in connected.outcomes("invoice", halo_id) if one["action"] == "created"]
    assert len(created) == 1, point
