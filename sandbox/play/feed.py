"""What happened: Halo's deliveries, and the requests that reached the three services."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sandbox.bc.state import state_of as bc_of
from sandbox.halo.store import state_of as halo_of
from sandbox.halo.webhooks import Courier
from sandbox.records import LogEntry
from sandbox.world import World

MOST = 60
BODY_SHOWN = 4000


def feed(world: World, courier: Courier, deliveries: int, requests: int) -> dict[str, Any]:
    """Deliveries and requests with a greater id than these, the newest 60 of each, oldest first.

    `changed` is another text after every change of a record, in Halo or in BC. One that still runs is held back, and the later ones with it, so that none is ever missed. `last_delivery` goes back after a reset.
    """
    return {
        "now": world.clock.now().isoformat(),
        "changed": _mark(world),
        "pending": courier.pending,
        "last_delivery": courier.deliveries[-1].id if courier.deliveries else 0,
        "deliveries": _deliveries(courier, deliveries),
        "requests": _requests(world, requests),
    }


def _deliveries(courier: Courier, since: int) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = []
    for one in courier.deliveries:
        if one.id <= since:
            continue
        if one.under_way:
            break
        shown.append({**asdict(one), "at": one.at.isoformat()})
    return shown[-MOST:]


def _mark(world: World) -> str:
    """Each save moves the last stamp, each deletion a count."""
    halo = halo_of(world)
    rows = sum(len(halo.table(name)) for name in ("Client", "Item", "Invoice"))
    rows += sum(
        len(company[name].rows)
        for environment in bc_of(world).environments.values()
        for company in environment.companies.values()
        for name in (
            "customers",
            "items",
            "salesInvoices",
            "salesInvoiceLines",
            "salesCreditMemos",
            "salesCreditMemoLines",
        )
    )
    return f"{world.resets}/{world.clock.last_stamp.timestamp()}/{rows}"


def _requests(world: World, since: int) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = []
    for entry in world.log.select(since=since):
        if entry.status is None and entry.fault is None:
            break
        shown.append(_request(entry))
    return shown[-MOST:]


def _request(entry: LogEntry) -> dict[str, Any]:
    seconds = (entry.ended - entry.started).total_seconds() if entry.ended else None
    return {
        "id": entry.id,
        "at": entry.started.isoformat(),
        "service": entry.service,
        "kind": entry.kind,
        "method": entry.method,
        "path": entry.path,
        "query": entry.query,
        "status": entry.status,
        "fault": entry.fault,
        "seconds": seconds,
        "body": entry.body[:BODY_SHOWN] if entry.service != "entra" else "",
    }
