"""Timer triggers: one instance at a time over all hosts on a storage account, past due after downtime."""

import asyncio
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from azure.core import MatchConditions
from azure.core.exceptions import (
    AzureError,
    ResourceExistsError,
    ResourceModifiedError,
    ResourceNotFoundError,
)
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableClient

from local import ncrontab
from local.invoker import Invoker
from local.protos import TypedData
from local.settings import BadConfiguration, resolve
from local.work import Work
from local.worker import Function, FunctionFailed

log = logging.getLogger("local.timers")

TABLE = "azurewebjobsHostTimers"
LEASE_SECONDS = 15.0
RENEW_SECONDS = 4.0
_NEVER = datetime(2000, 1, 1, tzinfo=UTC)


class LeaseLost(Exception):
    """Another host has taken the timer over."""


class TimerRow:
    """The shared row of one timer: who may fire it until when, and its last and next instant.

    Every write carries the ETag of our last one, so a host that stalled past its lease cannot write over its
    successor.
    """

    def __init__(self, table: TableClient, host_id: str, name: str) -> None:
        self._table = table
        self._keys = {"PartitionKey": host_id, "RowKey": name}
        self._owner = uuid4().hex
        self._etag = ""
        self._writing = asyncio.Lock()

    async def take(self) -> Mapping[str, Any] | None:
        """Take the timer if nobody holds it; its row as it was found, or None."""
        try:
            row = await self._table.get_entity(self._keys["PartitionKey"], self._keys["RowKey"])
        except ResourceNotFoundError:
            try:
                created = await self._table.create_entity({**self._keys, **self._ours()})
            except ResourceExistsError:
                return None
            self._etag = str(created["etag"])
            return {}
        if row.get("LeaseUntil", _NEVER) > datetime.now(UTC):
            return None
        self._etag = str(row.metadata["etag"])
        try:
            await self.write({})
        except LeaseLost:
            return None
        return row

    async def write(self, changes: Mapping[str, Any]) -> None:
        """Prolong the lease, with `changes` to the row. Raises `LeaseLost`."""
        async with self._writing:
            try:
                written = await self._table.update_entity(
                    {**self._keys, **self._ours(), **changes},
                    UpdateMode.MERGE,
                    etag=self._etag,
                    match_condition=MatchConditions.IfNotModified,
                )
            except (ResourceModifiedError, ResourceNotFoundError) as error:
                raise LeaseLost from error
            self._etag = str(written["etag"])

    def _ours(self) -> dict[str, Any]:
        return {"Owner": self._owner, "LeaseUntil": datetime.now(UTC) + timedelta(seconds=LEASE_SECONDS)}


class Timer:
    """Fires one timer function whenever this host holds its row."""

    def __init__(
        self, function: Function, table: TableClient, host_id: str, invoker: Invoker, work: Work
    ) -> None:
        self._function = function
        self._expression = resolve(str(function.trigger["schedule"]))
        try:
            self._schedule = ncrontab.parse(self._expression)
        except ncrontab.BadSchedule as error:
            raise BadConfiguration(f"The schedule of {function.name} cannot be read: {error}") from None
        self._row = TimerRow(table, host_id, function.name)
        self._invoker = invoker
        self._work = work
        self._firing = False
        self._fire_now = bool(function.trigger.get("runOnStartup"))
        # As in the real host: schedules tighter than a minute keep no record of their last run.
        self._recorded = bool(function.trigger.get("useMonitor", True)) and self._interval() >= 60

    async def watch(self) -> None:
        """Take the timer whenever it is free and fire it while it is ours; until cancelled."""
        while True:
            try:
                row = await self._row.take()
                if row is not None:
                    await self._hold(row)
            except* (LeaseLost, AzureError) as errors:
                log.warning(
                    "The timer %s is not ours at present: %r", self._function.name, errors.exceptions[0]
                )
            await asyncio.sleep(RENEW_SECONDS)

    async def fire(self, past_due: bool = False) -> None:
        """Run the function now, whoever holds the timer. A failure is logged by the invoker only."""
        self._firing = True
        data = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": self._status(), "IsPastDue": past_due}
        try:
            await self._invoker.run(self._function, TypedData(json=json.dumps(data)))
        except FunctionFailed:
            return
        finally:
            self._firing = False

    async def _hold(self, row: Mapping[str, Any]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep())
                group.create_task(self._follow(row))
        except asyncio.CancelledError:
            if not self._firing:  # else nobody else may fire before this run has ended, or its lease
                await self._let_go()
            raise

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            await self._row.write({})

    async def _let_go(self) -> None:
        try:
            await self._row.write({"LeaseUntil": _NEVER})
        except (LeaseLost, AzureError):
            log.info("The timer %s stays taken until its lease runs out.", self._function.name)

    async def _follow(self, row: Mapping[str, Any]) -> None:
        now = datetime.now(UTC)
        due = self._schedule.next_after(now)
        known = row.get("Next")
        past_due = False
        if self._recorded and known is not None and row.get("Schedule") == self._expression and known < now:
            due, past_due = known, True
        if self._recorded:
            await self._row.write({"Schedule": self._expression, "Next": due})
        while True:
            if self._fire_now and not past_due:
                due, self._fire_now = datetime.now(UTC), False
            await _sleep_until(due)
            # In the host's work, so that a stop lets it finish.
            await asyncio.shield(self._work.begin(self.fire(past_due)))
            last, past_due, self._fire_now = datetime.now(UTC), False, False
            due = self._schedule.next_after(last)
            if self._recorded:
                await self._row.write({"Last": last, "Next": due})

    def _status(self) -> dict[str, str]:
        now = datetime.now(UTC)
        return {
            "Last": now.isoformat(),
            "Next": self._schedule.next_after(now).isoformat(),
            "LastUpdated": now.isoformat(),
        }

    def _interval(self) -> float:
        first = self._schedule.next_after(datetime.now(UTC))
        return (self._schedule.next_after(first) - first).total_seconds()


async def _sleep_until(due: datetime) -> None:
    # In steps: the loop's clock and the wall clock drift, and a suspended machine wakes up late.
    while (pause := (due - datetime.now(UTC)).total_seconds()) > 0:  # noqa: ASYNC110  time is what we wait for
        await asyncio.sleep(min(pause, 30))
