"""F33: Business Central's requests in five minutes are counted over all instances, and it never has to say 429."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from unittest.mock import patch

import pytest

from bc.clients.business_central import BusinessCentral, Part
from bc.model import Connection
from bc.services import Services
from tests.e2e.acting import Acting
from tests.faults.engine import a_process
from tests.faults.looking import switch

pytestmark = pytest.mark.timeout(180)

CEILING = 100
PARTS = 10


@pytest.fixture
def short_window() -> Iterator[timedelta]:
    """Five minutes pass in six seconds, for us as for the sandbox."""
    window, life = timedelta(seconds=6), timedelta(seconds=1)
    with (
        patch("bc.store.budgets.WINDOW", window),
        patch("bc.store.budgets.BLOCK_LIFE", life),
        patch("bc.sync.halo_budget.BLOCK_LIFE", life),
        patch("bc.store.windows.SLOT", timedelta(seconds=1)),
    ):
        yield window


async def test_f33_three_instances_never_pass_what_bc_allows(acting: Acting, short_window: timedelta) -> None:
    env = {**acting.app.host.env, "BC_REQUESTS_PER_5_MINUTES": str(CEILING)}
    switch(
        acting,
        bc__limits=True,
        bc__limit_rate=CEILING,
        bc__limit_rate_seconds=short_window.total_seconds(),
        bc__seconds_per_request=0.01,
    )
    acting.clear_counters()
    try:
        async with a_process(env) as first, a_process(env) as second, a_process(env) as third:
            (connection,) = await first.store.connections.list()
            async with asyncio.TaskGroup() as group:
                group.create_task(pumping(first, connection, 4, 3))
                group.create_task(calling(second, connection, 40))
                group.create_task(calling(third, connection, 40))
    finally:
        switch(acting, bc__limits=False, bc__seconds_per_request=0.0)
    counters = acting.counters("bc")
    assert "throttled" not in counters
    assert counters["requests"] == 4 * 3 + 2 * 40
    # More than one window's worth went through, and no window held more than is allowed.
    assert 4 * 3 * PARTS + 2 * 40 > CEILING
    assert counters["max_in_5_minutes"] <= CEILING
    assert counters["max_concurrent"] <= 5


async def pumping(services: Services, connection: Connection, workers: int, batches: int) -> None:
    """What a pump does: several calls in flight, each a `$batch` of ten."""
    bc = BusinessCentral(
        services.transports[0], services.tokens, services.permits, services.settings.bc_api_url
    )
    await services.permits.refresh([connection])

    async def work() -> None:
        for _ in range(batches):
            await bc.batch(connection, [Part("GET", "customers?$top=1")] * PARTS)

    async def report() -> None:
        while True:
            await services.permits.refresh([connection])
            await asyncio.sleep(1)

    reporting = asyncio.create_task(report())
    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(work())
    reporting.cancel()
    await services.permits.give_back()


async def calling(services: Services, connection: Connection, calls: int) -> None:
    """What an import or the console does: one call after the other."""
    for _ in range(calls):
        await services.bc.get(connection, "customers", params={"$top": "1"})


async def test_f33_the_ceiling_is_shown(acting: Acting) -> None:
    async with a_process(acting.app.host.env) as services:
        (connection,) = await services.store.connections.list()
        before = (await services.store.budgets.bc())[connection.principal].requests
        await services.bc.get(connection, "customers", params={"$top": "1"})
        used = (await services.store.budgets.bc())[connection.principal].requests
    assert before < used <= before + 10
    (state,) = acting.get("/api/status")["connections"]
    assert state["bc_budget"]["limit"] == 5700
    assert state["bc_budget"]["used"] >= 1
