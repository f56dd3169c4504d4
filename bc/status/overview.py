"""The state of every connection and of Halo at a glance, from a bounded number of rows."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from bc.connect.expiry import secret_expiry
from bc.connect.setup import HALO_NOTE
from bc.errors import CompanyGone
from bc.model import Connection
from bc.status.events import last_event_at
from bc.store.budgets import Used
from bc.store.counts import Counted, LastSuccess, hour_of, slot_of
from bc.sweep.run import LAST
from bc.sync import breaker_notes
from bc.sync.breaker_notes import OpenBreaker
from bc.sync.permits import principal_of
from bc.sync.tally import COUNTED

if TYPE_CHECKING:
    from bc.services import Services

HOURS = 24
FRESH_SECONDS = 3.0
WAITING_CAP = 10_000


class State(Struct, frozen=True):
    """`code`: `ready`, `paused`, `needs_authorization`, `not_set_up`, `company_gone`, `breaker_open`."""

    code: str
    words: str
    cure: str = ""


class Hour(Struct, frozen=True):
    """Ended pushes of one hour, `at` its start."""

    at: datetime
    synced: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0


class Waited(Struct, frozen=True):
    """The most records that waited at once in the five minutes from `at` on."""

    at: datetime
    waiting: int


class BreakerState(Struct, frozen=True):
    open: bool
    since: datetime
    until: datetime
    code: str
    message: str
    cure: str


class BcBudget(Struct, frozen=True):
    """Requests of the connection's principal in the last 5 minutes, and calls under way as last reported."""

    used: int
    limit: int
    in_flight: int


class TokenState(Struct, frozen=True):
    ok: bool
    code: str = ""
    message: str = ""
    cure: str = ""
    authorized_by: str | None = None
    permissions: tuple[str, ...] = ()


class ConnectionState(Struct, frozen=True):
    connection_id: str
    name: str
    is_default: bool
    state: State
    paused: bool
    last_success: LastSuccess | None
    waiting: int
    retrying: int
    open_errors: int
    outcomes_24h: dict[str, int]
    hourly: list[Hour]
    bc_budget: BcBudget
    breaker: BreakerState | None
    secret_expires_on: date | None
    secret_days_left: int | None
    secret_warning: int | None
    secret_detail: str
    token: TokenState


class Overview(Struct, frozen=True):
    """`unrouted` records wait whose connection shows when they are read; `open_errors` counts those of no connection.

    `queue`: the last 24 hours, oldest first, without the times when nothing waited; all connections together.
    `encryption`: stored secrets by the key that opens them; the older keys are needed while `older` is not 0. None
    without a key.
    """

    at: datetime
    connections: list[ConnectionState]
    halo: dict[str, Any]
    waiting: int
    waiting_capped: bool
    unrouted: int
    open_errors: int
    queue: list[Waited]
    encryption: dict[str, int] | None = None


class OverviewDesk:
    """Keeps the last answer for a few seconds: many pages that look cost storage no more than one."""

    def __init__(self) -> None:
        self._seen: tuple[float, Overview] | None = None
        self._lock = asyncio.Lock()

    async def look(self, services: Services) -> Overview:
        async with self._lock:
            if self._seen is None or time.monotonic() - self._seen[0] > FRESH_SECONDS:
                self._seen = (time.monotonic(), await overview(services))
            return self._seen[1]


async def overview(services: Services) -> Overview:
    store, now = services.store, datetime.now(UTC)
    connections = await store.connections.list()
    census = await store.dirty.census()
    errors = await store.errors.open_by_connection()
    if len(connections) == 1:
        # Where there is one, every record is its own.
        census = _routed_to(connections[0].id, census)
    first = _first_hour(now)
    # One query each, however many connections there are.
    counted = await store.counts.read(first)
    breakers = await breaker_notes.read_all(store)
    used = await store.budgets.bc()
    states = [
        _state_of(
            connection,
            census,
            errors,
            counted.get(connection.id, Counted({}, None, {})),
            breakers.get(connection.id),
            _budget(services, used.get(principal_of(connection), Used())),
            now,
        )
        for connection in connections
    ]
    waiting = sum(census.values())
    known = {connection.id for connection in connections}
    return Overview(
        at=now,
        connections=states,
        halo=await _halo(services),
        waiting=waiting,
        waiting_capped=waiting >= WAITING_CAP,
        unrouted=sum(n for (connection_id, _), n in census.items() if connection_id not in known),
        open_errors=sum(n for connection_id, n in errors.items() if connection_id not in known),
        queue=_queue(counted.values(), waiting, now),
        encryption=(await store.seals())._asdict() if services.settings.encryption_keys else None,
    )


def _queue(every: Iterable[Counted], waiting: int, now: datetime) -> list[Waited]:
    # The running five minutes are written when they are over.
    most = Counter({slot_of(now): waiting} if waiting else {})
    for counted in every:
        most |= Counter(counted.waited)
    return [Waited(at, number) for at, number in sorted(most.items()) if at > now - timedelta(hours=HOURS)]


def _routed_to(connection_id: str, census: Counter[tuple[str, bool]]) -> Counter[tuple[str, bool]]:
    counted: Counter[tuple[str, bool]] = Counter()
    for (_, tried), number in census.items():
        counted[connection_id, tried] += number
    return counted


def _state_of(
    connection: Connection,
    census: Counter[tuple[str, bool]],
    errors: Counter[str],
    counted: Counted,
    breaker: OpenBreaker | None,
    budget: BcBudget,
    now: datetime,
) -> ConnectionState:
    expiry = secret_expiry(connection, now.date())
    hourly = _hourly(counted, now)
    return ConnectionState(
        connection_id=connection.id,
        name=connection.name,
        is_default=connection.is_default,
        state=_state(connection, breaker),
        paused=connection.paused,
        last_success=counted.last,
        waiting=census[connection.id, False],
        retrying=census[connection.id, True],
        open_errors=errors[connection.id],
        outcomes_24h={name: sum(getattr(hour, name) for hour in hourly) for name in COUNTED},
        hourly=hourly,
        bc_budget=budget,
        breaker=_breaker(breaker),
        secret_expires_on=connection.secret_expires_on,
        secret_days_left=expiry.days_left,
        secret_warning=expiry.warning,
        secret_detail=f"{expiry.detail} {expiry.cure}".strip(),
        token=_token(connection),
    )


def _first_hour(now: datetime) -> datetime:
    return hour_of(now) - timedelta(hours=HOURS - 1)


def _hourly(counted: Counted, now: datetime) -> list[Hour]:
    """The last 24 hours, oldest first, the running one last; hours without a push too."""
    hours = (_first_hour(now) + timedelta(hours=n) for n in range(HOURS))
    return [Hour(at, **{name: counted.hours.get(at, {}).get(name, 0) for name in COUNTED}) for at in hours]


def _state(connection: Connection, breaker: OpenBreaker | None) -> State:
    if connection.paused:
        return State("paused", "Paused. What changes waits.", "Resume the connection.")
    if connection.status == "needs_authorization":
        last = connection.last_authorization
        words = last.message if last and not last.ok else "It cannot sign in to Business Central."
        cure = last.cure if last and not last.ok and last.cure else "Authorize the connection again."
        return State("needs_authorization", words, cure)
    if connection.status != "ready" or not connection.company_id:
        return State(
            "not_set_up",
            "Its set-up is not finished.",
            "Authorize it." if connection.status == "new" else "Choose its environment and company.",
        )
    if breaker is not None:
        code = breaker.code if breaker.code == CompanyGone.CODE else "breaker_open"
        return State(code, breaker.message, breaker.cure)
    return State("ready", "Ready.")


def _breaker(noted: OpenBreaker | None) -> BreakerState | None:
    if noted is None:
        return None
    return BreakerState(True, noted.since, noted.until, noted.code, noted.message, noted.cure)


def _budget(services: Services, used: Used) -> BcBudget:
    return BcBudget(used.requests, services.settings.bc_requests_per_5_minutes, used.in_flight)


def _token(connection: Connection) -> TokenState:
    last = connection.last_authorization
    failed = last is not None and not last.ok
    return TokenState(
        ok=connection.status in ("authorized", "ready"),
        code=last.code if last and failed else "",
        message=last.message if last else "Nobody has signed in yet.",
        cure=last.cure if last and failed else "",
        authorized_by=connection.authorized_by,
        permissions=connection.granted_permissions,
    )


async def _halo(services: Services) -> dict[str, Any]:
    notes, halo = services.store.notes, services.settings.halo
    seen = await notes.get(HALO_NOTE)
    return {
        "budget": {"used": await services.store.budgets.halo_used(), "limit": halo.requests_per_5_minutes},
        "last_sweep": await notes.get(LAST),
        "sweep_minutes": halo.sweep_minutes,
        "last_event_at": await last_event_at(services.store),
        "last_seen": seen if isinstance(seen, dict) else None,
    }
