"""Breakers as others see them: each one that opens or closes is noted in storage, and a new pump starts from there."""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from bc.errors import CompanyGone, SyncError, Transient
from bc.model import Connection
from bc.sync.breaker import TRIPS_AFTER, Breaker
from bc.sync.context import utc_now

if TYPE_CHECKING:
    from bc.services import Services
    from bc.store import Store

log = logging.getLogger("bc.breaker")


class OpenBreaker(msgspec.Struct, frozen=True):
    """Why a connection's records wait, since when, and when the next probe goes."""

    since: datetime
    until: datetime
    pause: float
    code: str
    message: str
    cure: str = ""


async def read(store: Store, connection_id: str) -> OpenBreaker | None:
    """The breaker of a connection as last noted; None where it is closed."""
    noted = await store.notes.get(_key(connection_id))
    return msgspec.convert(noted, OpenBreaker) if noted else None


async def read_all(store: Store) -> dict[str, OpenBreaker]:
    """Every open breaker by its connection's id, in one query."""
    noted = await store.notes.beginning(_key(""))
    return {of: msgspec.convert(one, OpenBreaker) for of, one in noted.items() if one}


def breaker_of(services: Services, connection: Connection) -> Breaker:
    return services.breakers.setdefault(connection.id, Breaker())


async def ended(services: Services, connection: Connection, error: SyncError | None, *, asked: bool) -> None:
    """A push that the breaker let through is over. Storage that fails now costs only the page its word."""
    breaker = breaker_of(services, connection)
    was_open, was_until = breaker.is_open, breaker.open_until
    breaker.ended(error, asked=asked)
    try:
        if breaker.is_open and breaker.open_until != was_until:
            await _note(services, connection, breaker)
        elif was_open and not breaker.is_open:
            await services.reachable(connection)
    except SyncError as trouble:
        log.warning("a breaker's change was not noted connection_id=%s code=%s", connection.id, trouble.code)


async def was_closed(services: Services, connection: Connection) -> bool:
    """Whether somebody else closed this open breaker: the company was found again, or the sign-in renewed."""
    if await read(services.store, connection.id) is not None:
        return False
    breaker_of(services, connection).success()
    return True


async def restore(services: Services, connections: list[Connection]) -> None:
    """What an earlier pump opened is open for this one."""
    noted = await read_all(services.store)
    for connection in connections:
        if connection.id in noted and connection.id not in services.breakers:
            services.breakers[connection.id] = _restored(noted[connection.id])


def _restored(noted: OpenBreaker) -> Breaker:
    kind: type[SyncError] = CompanyGone if noted.code == CompanyGone.CODE else Transient
    left = (noted.until - utc_now()).total_seconds()
    return Breaker(
        failures=TRIPS_AFTER,
        open_until=time.monotonic() + max(0.0, left),
        pause=noted.pause,
        last=kind(noted.code, noted.message, cure=noted.cure),
    )


async def _note(services: Services, connection: Connection, breaker: Breaker) -> None:
    now, last = utc_now(), breaker.last
    assert last is not None  # noqa: S101 - a breaker opens on an error

    def opened(noted: object) -> object:
        before = msgspec.convert(noted, OpenBreaker) if noted else None
        return msgspec.to_builtins(
            OpenBreaker(
                since=before.since if before else now,
                until=now + timedelta(seconds=breaker.opens_in()),
                pause=breaker.pause,
                code=last.code,
                message=last.message,
                cure=last.cure,
            )
        )

    log.warning("breaker open connection_id=%s code=%s", connection.id, last.code)
    await services.store.notes.update(_key(connection.id), opened)


async def forget(store: Store, connection_id: str) -> None:
    """Nothing is open any more."""
    await store.notes.delete(_key(connection_id))


def _key(connection_id: str) -> str:
    return f"breaker:{connection_id}"
