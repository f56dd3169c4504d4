"""How many calls may be in flight: five to BC for each principal over all instances."""

from __future__ import annotations

import asyncio
import math
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from bc.errors import Throttled
from bc.model import Connection
from bc.store.records import each
from bc.sync.bc_budget import BcBudget
from bc.sync.routing import Paused

if TYPE_CHECKING:
    from bc.store import Budgets

BORROW_SECONDS = 180
BORROW_PATIENCE = 60.0
# Longer than that the pump does something else meanwhile.
PUMP_PATIENCE = 15.0
SLOW_SECONDS = 120.0
# So many principals are reported for before anything is pushed with them.
AHEAD = 5
# With more, one that nothing was pushed with for so long is reported for no longer: each report is two requests to storage.
IDLE_SECONDS = 5.0


def principal_of(connection: Connection) -> str:
    """Whose limits the connection's calls count against; the app registration until somebody has signed in."""
    return connection.principal or f"app:{connection.tenant_id}:{connection.client_id}"


# Which remote the push under way asked last, for errors that do not tell (a 429 of Halo or of Business Central).
last_asked: ContextVar[list[str] | None] = ContextVar("last_asked", default=None)


def asks(remote: str) -> None:
    """Note whom the push under way asks now."""
    asked = last_asked.get()
    if asked is not None:
        asked[:] = [remote]


@dataclass(slots=True)
class _Gate:
    """`used`: calls under way; `users`: these and who waits for a place; `left_at`: when the last of them went."""

    allowed: int
    used: int = 0
    users: int = 0
    left_at: float = field(default_factory=time.monotonic)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def is_idle(self) -> bool:
        return not self.users and time.monotonic() - self.left_at > IDLE_SECONDS


class PumpPermits:
    """The pump's own permits: all of them while nobody else asks, one less for each caller that waits.

    `refresh` is called each second; a permit is taken in memory only.
    """

    def __init__(
        self,
        budgets: Budgets,
        budget: BcBudget,
        limit: int,
        check_fence: Callable[[], None] = lambda: None,
    ) -> None:
        self.check_fence = check_fence
        self._budget = budget
        self._budgets = budgets
        self._limit = limit
        self._holder = f"pump-{secrets.token_hex(6)}"
        self._gates: dict[str, _Gate] = {}
        self._rests: dict[str, float] = {}
        self._slow: dict[str, tuple[int, float]] = {}

    async def refresh(self, connections: Iterable[Connection]) -> None:
        """Report for the principals that pushes ask with; where there are few, for all, so that none waits for it."""
        known = {principal_of(connection) for connection in connections}
        few = len(known) <= AHEAD
        if few:
            for principal in known:
                self._gates.setdefault(principal, _Gate(0))
        idle = {principal for principal, gate in self._gates.items() if not few and gate.is_idle}
        await each([(principal,) for principal in idle], self._leave)
        await each(list(self._gates.items()), self._report)

    async def _leave(self, principal: str) -> None:
        """Give an idle principal's share back. Who comes meanwhile finds the gate closed and waits for the next report."""
        gate = self._gates[principal]
        gate.allowed = 0
        await self._budgets.give_back(principal, self._holder)
        if not gate.users:
            del self._gates[principal]

    async def _report(self, principal: str, gate: _Gate) -> None:
        allowed = await self._budgets.pump_allowance(principal, self._holder, self._limit, gate.used)
        async with gate.changed:
            gate.allowed = allowed
            gate.changed.notify_all()

    async def give_back(self) -> None:
        """The run is over: its share is free for others at once."""
        gates, self._gates = self._gates, {}
        for gate in gates.values():
            gate.allowed = 0
        await each([(principal, self._holder) for principal in gates], self._budgets.give_back)

    def rest(self, connection: Connection, wait: timedelta) -> None:
        """BC asked this principal to wait: until then none of its calls is made (F25)."""
        principal = principal_of(connection)
        until = time.monotonic() + wait.total_seconds()
        self._rests[principal] = max(until, self._rests.get(principal, 0.0))

    def slow_down(self, connection: Connection) -> None:
        """BC let a request wait too long in its queue (503): one less of ours at a time, for a while (F28)."""
        principal = principal_of(connection)
        self._slow[principal] = (max(1, self._most(principal) - 1), time.monotonic() + SLOW_SECONDS)

    def _most(self, principal: str) -> int:
        most, until = self._slow.get(principal, (self._limit, 0.0))
        return most if time.monotonic() < until else self._limit

    def check_rest(self, connection: Connection) -> None:
        """Raise `Paused` with what is left of the wait that BC asked for."""
        left = self._rests.get(principal_of(connection), 0.0) - time.monotonic()
        if left > 0:
            raise Paused(
                "throttled",
                f"Business Central asked us to wait; {math.ceil(left)} seconds are left.",
                retry_after=timedelta(seconds=left),
                cure="Nothing to do: it is tried again by itself.",
            )

    @asynccontextmanager
    async def hold(self, connection: Connection, requests: int = 1) -> AsyncIterator[Callable[[], None]]:
        """A place among the five for a call that counts as `requests` at BC. Raises `Paused` while BC must rest.

        Gives the fence, to be asked again right before the bytes leave: connecting may take longer than the lease.
        """
        principal = principal_of(connection)
        async with self._place(principal):
            self.check_rest(connection)
            try:
                await self._budget.take(principal, requests, PUMP_PATIENCE)
            except Throttled as dry:
                self.rest(connection, dry.retry_after or timedelta())
                raise Paused(dry.code, dry.message, retry_after=dry.retry_after, cure=dry.cure) from dry
            # Looked at last: the waits may have been long.
            self.check_rest(connection)
            self.check_fence()
            asks("bc")
            yield self.check_fence

    @asynccontextmanager
    async def _place(self, principal: str) -> AsyncIterator[None]:
        is_new = principal not in self._gates
        gate = self._gates.setdefault(principal, _Gate(0))
        gate.users += 1
        try:
            if is_new:
                await self._report(principal, gate)
            async with gate.changed:
                await gate.changed.wait_for(lambda: gate.used < min(gate.allowed, self._most(principal)))
                gate.used += 1
            try:
                yield
            finally:
                async with gate.changed:
                    gate.used -= 1
                    gate.changed.notify()
        finally:
            gate.users -= 1
            gate.left_at = time.monotonic()


class BorrowedPermits:
    """Permits for callers beside the pump (console, imports): each borrows one from storage for one call.

    Of one process only as many ask storage as there are places, in the order in which they came: all of a crowd would
    write the same row, and keep each other and the pump from it.
    """

    def __init__(self, budgets: Budgets, budget: BcBudget, limit: int) -> None:
        self._budgets = budgets
        self._budget = budget
        self._limit = limit
        self._queues: dict[str, asyncio.Semaphore] = {}

    @asynccontextmanager
    async def hold(self, connection: Connection, requests: int = 1) -> AsyncIterator[None]:
        """A place among the five for a call that counts as `requests` at BC. Raises `Throttled` after a minute."""
        principal, holder = principal_of(connection), f"call-{secrets.token_hex(6)}"
        until = time.monotonic() + BORROW_PATIENCE
        queue = self._queues.setdefault(principal, asyncio.Semaphore(self._limit))
        try:
            async with asyncio.timeout(BORROW_PATIENCE):
                await queue.acquire()
        except TimeoutError:
            raise _all_taken() from None
        try:
            await self._borrow(principal, holder, until)
            try:
                await self._budget.take(principal, requests, BORROW_PATIENCE)
                yield
            finally:
                await self._budgets.give_back(principal, holder)
        finally:
            queue.release()

    async def _borrow(self, principal: str, holder: str, until: float) -> None:
        while not await self._budgets.borrow(principal, holder, self._limit, BORROW_SECONDS):
            if time.monotonic() > until:
                await self._budgets.give_back(principal, holder)
                raise _all_taken()
            await asyncio.sleep(0.25)


def _all_taken() -> Throttled:
    return Throttled(
        "throttled",
        "All of Business Central's places for this connection are taken.",
        cure="Try again in a minute; a large sync is running.",
    )
