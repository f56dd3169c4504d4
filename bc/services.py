"""The composition root: what a process builds once and every function shares."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from bc import settings as configuration
from bc import telemetry
from bc.clients.business_central import BusinessCentral
from bc.clients.entra import Entra
from bc.clients.halo import Halo
from bc.clients.transport import Transport
from bc.connect.tokens import Tokens
from bc.errors import CompanyGone, NeedsAuthorization, SyncError
from bc.model import Connection, Entity, ErrorRow, Link, Outcome
from bc.settings import Settings
from bc.store import Store, open_store
from bc.store.records import Lanes
from bc.store.rows import Row, Stale
from bc.sync import breaker_notes
from bc.sync.bc_budget import BcBudget
from bc.sync.breaker import Breaker
from bc.sync.context import LostLease
from bc.sync.halo_budget import HaloBudget
from bc.sync.halo_facts import HaloFacts
from bc.sync.halo_reads import HaloReads
from bc.sync.halo_writes import HaloWrites
from bc.sync.link_reads import LinkReads
from bc.sync.permits import BorrowedPermits, PumpPermits
from bc.sync.references import KnownInBc
from bc.sync.tally import Tally
from bc.sync.tell_halo import NativeNames

if TYPE_CHECKING:
    from bc.sync.context import Push

WAKE_PENDING = timedelta(seconds=20)
WAKE_SLACK = timedelta(seconds=1)
_NOW, _LATER = "pump:wake", "pump:later"


@dataclass(slots=True)
class Services:
    """One per process. Clients and caches live as long as it does."""

    settings: Settings
    store: Store
    entra: Entra
    tokens: Tokens
    bc: BusinessCentral
    pump_bc: BusinessCentral
    halo: Halo
    permits: PumpPermits
    halo_facts: HaloFacts
    tally: Tally
    halo_reads: HaloReads
    halo_writes: HaloWrites
    link_reads: LinkReads
    transports: tuple[Transport, ...] = ()
    known_in_bc: KnownInBc = field(default_factory=KnownInBc)
    breakers: dict[str, Breaker] = field(default_factory=dict)
    poked: asyncio.Event = field(default_factory=asyncio.Event)
    fence_until: float = 0.0
    # Whether a pump of this process looks for changed rows: it needs no message, a poke will do.
    draining: bool = False
    # How many records that a person ordered wait for the pump of this process.
    orders: int = 0
    native_names: NativeNames = field(default_factory=NativeNames)
    _lanes: Lanes = field(default_factory=Lanes)

    def lane(self, entity: str, halo_id: str) -> asyncio.Lock:
        """At most one push of a record at a time in this process; the pump's lease sees to the other processes."""
        return self._lanes(entity, halo_id)

    def poke(self) -> None:
        """Let a pump that runs in this process look again at once."""
        self.poked.set()

    async def wake(self, *, delay: float = 0.0) -> None:
        """See that a pump runs soon. One wake-up serves many changes; a timer finds what a lost one would have.

        A pump at work here needs none: it looks again at once, and once more when it ends.
        """
        self.poke()
        if self.draining and not delay:
            return
        if await self._wake_is_pending(delay):
            return
        await self.store.queues.send("pump", b'{"wake":true}', delay=delay)

    async def _wake_is_pending(self, delay: float) -> bool:
        """Whether a wake-up that serves is on the queue and no pump has taken it yet; notes this one otherwise.

        One for now and one for later are noted apart. Without that each run would leave one more message behind, and
        each of those a run, for as long as any record waits.
        """
        key, now = (_LATER if delay > 0 else _NOW), datetime.now(UTC)
        due = now + timedelta(seconds=delay)
        noted = await self.store.notes.get(key)
        if noted:
            expected = datetime.fromisoformat(noted["due"])
            if now - expected < WAKE_PENDING and expected <= due + WAKE_SLACK:
                return True
        await self.store.notes.put(key, {"due": due.isoformat(), "by": secrets.token_hex(4)})
        return False

    async def woken(self) -> None:
        """A pump takes a wake-up: from here on a new change needs a new one."""
        await self.store.notes.put(_NOW, None)
        later = await self.store.notes.get(_LATER)
        if later and datetime.fromisoformat(later["due"]) <= datetime.now(UTC) + WAKE_SLACK:
            await self.store.notes.put(_LATER, None)

    def check_fence(self) -> None:
        """Raise `LostLease` unless the pump's lease is good for the longest BC call that may follow."""
        if time.monotonic() > self.fence_until:
            raise LostLease

    async def cured(self, *cures: str) -> None:
        """A cure arrived (see `model.Blocked`), or several that are akin: queue the records that waited for it."""
        blocked = await self.store.blockers.take(*cures)
        for record in blocked:
            await self.store.dirty.mark(
                record.entity,
                record.halo_id,
                operation=record.operation,
                source="cure",
                requested_at=datetime.now(UTC),
                connection_id=record.connection_id,
            )
            await self.store.blockers.forget(record)
        if blocked:
            await self.wake()

    async def pushed(self, outcome: Outcome) -> None:
        """After a push: what waited for this record to be linked or posted may go now."""
        if outcome.action == "posted":
            await self.cured(f"posted:{outcome.connection_id}:{outcome.halo_id}")
        # One that BC refused to post is linked all the same.
        if outcome.action in ("created", "adopted", "posted"):
            await self.cured(f"link:{outcome.connection_id}:{outcome.entity}:{outcome.halo_id}")

    async def push_first(self, push: Push, entity: Entity, halo_id: str) -> Link | None:
        from bc.sync.work import push_first

        return await push_first(self, push, entity, halo_id)

    async def needs_authorization(self, connection: Connection, error: NeedsAuthorization) -> None:
        """The connection cannot sign in: say so once, for the connection and not for each record."""

        def stop(current: Connection) -> Connection:
            return msgspec.structs.replace(current, status="needs_authorization")

        if connection.status == "needs_authorization" and error.code == "needs_authorization":
            return
        async with self.lane("connection", connection.id):
            try:
                await self.store.connections.update(connection.id, stop)
            except KeyError:
                return  # removed meanwhile: there is nobody to tell
            await self._tell_once(connection, error)

    async def company_gone(self, connection: Connection, error: CompanyGone) -> None:
        """The company or environment is not there: say so once, for the connection and not for each record (F70)."""
        async with self.lane("connection", connection.id):
            await self._tell_once(connection, error)

    async def reachable(self, connection: Connection) -> None:
        """Business Central takes this connection's calls again: what waited for its company may go now."""
        await breaker_notes.forget(self.store, connection.id)
        for row in await self.store.errors.open_of("connection", connection.id):
            if row.value.code == CompanyGone.CODE:
                await self._close_error(row)
                await self.cured(f"connection:{connection.id}")

    async def _tell_once(self, connection: Connection, error: SyncError) -> None:
        known = await self.store.errors.open_of("connection", connection.id)
        if known:
            if known[0].value.state == "retrying":
                with suppress(Stale):
                    again = msgspec.structs.replace(known[0].value, state="open")
                    await self.store.errors.replace(again, known[0].etag)
            return
        now = datetime.now(UTC)
        await self.store.errors.put(
            ErrorRow(
                id=self.store.outcomes.new_id(now),
                connection_id=connection.id,
                entity="connection",
                halo_id=connection.id,
                status="failed",
                code=error.code,
                message=error.message,
                cure=error.cure or "Authorize the connection again; waiting records are sent by themselves.",
                at=now,
                correlation_id=error.correlation_id,
                record_name=connection.name,
            )
        )

    async def authorized(self, connection_id: str) -> None:
        """The connection can sign in again: close its error and queue what waited."""
        for row in await self.store.errors.open_of("connection", connection_id):
            await self._close_error(row)
        self.breakers.pop(connection_id, None)
        await breaker_notes.forget(self.store, connection_id)
        await self.cured(f"connection:{connection_id}")

    async def _close_error(self, row: Row[ErrorRow]) -> None:
        with suppress(Stale):  # somebody else closed it this instant
            await self.store.errors.replace(msgspec.structs.replace(row.value, state="resolved"), row.etag)

    async def link_in_halo(self, entity: str, link: Link) -> None:
        """Leave Halo an ExternalLink with the BC id. A tenant that refuses it loses nothing: our own link counts."""
        try:
            await self.halo.external_link(entity, link.halo_id, bc_id=link.bc_id, bc_number=link.bc_number)
        except SyncError:
            return

    async def close(self) -> None:
        for transport in self.transports:
            await transport.close()
        await self.store.close()
        telemetry.close()


def build(settings: Settings) -> Services:
    """Put the house together; no I/O."""
    store = open_store(settings)
    entra = Entra(settings)
    tokens = Tokens(store, entra)
    budget = HaloBudget(store.budgets, settings.halo.requests_per_5_minutes)
    halo_transport = Transport("halo", settings.halo.url)
    halo = Halo(halo_transport, settings.halo, budget.take)
    bc_transport = Transport("bc", settings.bc_api_url)
    bc_budget = BcBudget(store.budgets, settings.bc_requests_per_5_minutes)
    permits = PumpPermits(store.budgets, bc_budget, settings.bc_max_concurrency)
    borrowed = BorrowedPermits(store.budgets, bc_budget, settings.bc_max_concurrency)
    services = Services(
        settings=settings,
        store=store,
        entra=entra,
        tokens=tokens,
        bc=BusinessCentral(bc_transport, tokens, borrowed, settings.bc_api_url),
        pump_bc=BusinessCentral(bc_transport, tokens, permits, settings.bc_api_url),
        halo=halo,
        permits=permits,
        halo_facts=HaloFacts(halo),
        tally=Tally(store),
        halo_reads=HaloReads(halo),
        halo_writes=HaloWrites(halo),
        link_reads=LinkReads(store.links),
        transports=(bc_transport, halo_transport),
    )
    permits.check_fence = services.check_fence
    return services


_services: Services | None = None


async def services() -> Services:
    """The process's one `Services`, built at the first call."""
    global _services
    if _services is None:
        _services = build(configuration.load())
        await telemetry.start(_services.settings.telemetry)
    return _services
