"""Timers: the pump's safety net, the sweep of Halo, scheduled imports, and the clearing of what is past its keeping."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import azure.functions as func

from bc.functions.queues import _services

log = logging.getLogger("bc.timers")
blueprint = func.Blueprint()


@blueprint.function_name("wake_pump")
@blueprint.timer_trigger(arg_name="timer", schedule="0 * * * * *", run_on_startup=False)
async def wake_pump(timer: func.TimerRequest) -> None:
    """Each minute: rows that wait while nobody pumps (a killed worker's message stays hidden for minutes)."""
    from bc.sync.pump import due

    services = await _services()
    if await due(services):
        await services.woken()
        await services.wake()


@blueprint.function_name("halo_sweep")
@blueprint.timer_trigger(arg_name="timer", schedule="20 * * * * *", run_on_startup=False)
async def halo_sweep(timer: func.TimerRequest) -> None:
    """Each minute; acts when `HALO_SWEEP_MINUTES` have passed since the last sweep."""
    from bc.sweep.run import sweep_when_due

    await sweep_when_due(await _services())


@blueprint.function_name("delta_imports")
@blueprint.timer_trigger(arg_name="timer", schedule="40 * * * * *", run_on_startup=False)
async def delta_imports(timer: func.TimerRequest) -> None:
    """Each minute: imports that are due, and the zeroing of tax for what imports brought."""
    from bc.sweep.delta import import_when_due
    from bc.zero_tax.follow import after_imports

    services = await _services()
    await import_when_due(services)
    await after_imports(services)


@blueprint.function_name("clear_old")
@blueprint.timer_trigger(arg_name="timer", schedule="0 17 3 * * *", run_on_startup=False)
async def clear_old(timer: func.TimerRequest) -> None:
    """Each night: outcomes, closed errors and ended jobs past their keeping; secrets that run out or an older key sealed."""
    from bc.connect.expiry import secret_expiry

    services = await _services()
    for connection in await services.store.connections.list():
        expiry = secret_expiry(connection, datetime.now(UTC).date())
        if expiry.warning is not None:
            log.warning("client secret runs out connection_id=%s days=%s", connection.id, expiry.days_left)
    if services.settings.encryption_keys:
        await services.store.reseal()
    before = datetime.now(UTC) - timedelta(days=services.settings.outcome_retention_days)
    await services.store.purge(before)
    await services.store.tax_values.purge()
