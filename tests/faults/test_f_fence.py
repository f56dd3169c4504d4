"""F14: a pump that stalls between its permit and the wire for longer than its lease sends nothing."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import httpx
import pytest

from bc.clients.business_central import BusinessCentral
from bc.services import Services
from bc.sync.work import push_row
from tests.e2e.acting import Acting, Invoicing
from tests.faults.engine import a_process, drain
from tests.faults.looking import creates

pytestmark = pytest.mark.timeout(120)


class Stalled(httpx.AsyncHTTPTransport):
    """The way to BC on which the process freezes once, after its permit, and loses the lease meanwhile."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self.services = services
        self.stalls = 1

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.stalls:
            self.stalls -= 1
            self.services.fence_until = 0.0
        return await super().handle_async_request(request)


async def test_f14_a_lease_lost_behind_the_permit_stops_the_bytes(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice()
    async with a_process(acting.app.host.env) as frozen:
        transport = frozen.transports[0]
        frozen.pump_bc = BusinessCentral(transport, frozen.tokens, frozen.permits, frozen.settings.bc_api_url)
        transport._transport = Stalled(frozen)
        frozen.fence_until = time.monotonic() + 3600
        connections = await frozen.store.connections.list()
        await frozen.store.dirty.mark("invoice", halo_id, source="queue", requested_at=datetime.now(UTC))
        row = await frozen.store.dirty.get("invoice", halo_id)
        assert row
        await push_row(frozen, row, connections)
        assert creates(acting, halo_id) == []
        # What it left is taken over by the next, and the frozen one may wake up as late as it likes.
        async with a_process(acting.app.host.env) as following:
            await drain(following)
        await push_row(frozen, row, connections)
        await frozen.permits.give_back()
    assert len(creates(acting, halo_id)) == 1
    assert len(acting.bc_invoices(halo_id)) == 1
    told = [outcome["action"] for outcome in acting.outcomes("invoice", halo_id)]
    assert told.count("created") == 1
