"""Timers: the pump's safety net, and the daily clearing of what is past its keeping."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import azure.functions as func

from bc.functions.queues import _services

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


@blueprint.function_name("clear_old")
@blueprint.timer_trigger(arg_name="timer", schedule="0 17 3 * * *", run_on_startup=False)
async def clear_old(timer: func.TimerRequest) -> None:
    """Each night: outcomes, closed errors and ended jobs past their keeping."""
    services = await _services()
    before = datetime.now(UTC) - timedelta(days=services.settings.outcome_retention_days)
    await services.store.purge(before)
