"""What the cases have in common: an invoice that changed, and a pump that works until nothing is left."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any, Literal

import pytest

from bc.errors import UnknownOutcome
from bc.sync.pump import Pump
from bc.sync.work import push_row
from tests.sweep.house import House


async def push(house: House) -> None:
    await Pump(house.services).run(seconds=120)


async def push_once(house: House) -> None:
    """Each dirty row once, whatever it waits for: what is to be tried again stays."""
    services = house.services
    services.fence_until = math.inf
    connections = await services.store.connections.list()
    for row in await house.dirty_rows():
        await push_row(services, row, connections)


async def tell(house: House, *ids: str, source: Any = "webhook", connection_id: str | None = None) -> None:
    """Invoices changed in Halo."""
    for halo_id in ids:
        await house.services.store.dirty.mark(
            "invoice",
            halo_id,
            source=source,
            requested_at=datetime.now(UTC),
            connection_id=connection_id,
        )


def lose_first(
    house: House, monkeypatch: pytest.MonkeyPatch, what: Literal["request", "answer"]
) -> list[str]:
    """The pump's first batch is lost on its way there or back; the list says whether it came to that."""
    batch, lost = house.services.pump_bc.batch, list[str]()

    async def lose(*where: Any, **how: Any) -> Any:
        answers = None if what == "request" and not lost else await batch(*where, **how)
        if not lost:
            lost.append(what)
            raise UnknownOutcome("bc_unavailable", f"The {what} was lost.")
        return answers

    monkeypatch.setattr(house.services.pump_bc, "batch", lose)
    return lost


async def synced(house: House, **more: Any) -> str:
    """A new invoice that BC has."""
    halo_id = house.invoice(await house.customer(), await house.product(), **more)
    await tell(house, halo_id)
    await push(house)
    return halo_id


def in_bc(house: House, halo_id: str) -> dict[str, Any]:
    """The one invoice in BC with this key."""
    (row,) = [row for row in house.bc("salesInvoices") if row["externalDocumentNumber"] == f"HALO-{halo_id}"]
    return row


def bc_line(house: House, halo_id: str) -> dict[str, Any]:
    """The first of its lines in BC."""
    bc_id = in_bc(house, halo_id)["id"]
    rows = [row for row in house.bc("salesInvoiceLines") if row["documentId"] == bc_id]
    return min(rows, key=lambda row: int(row["sequence"]))
