"""What the app keeps: Azure Tables and queues. The only place that knows keys, ETags and encryption."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bc.settings import Settings
from bc.store.budgets import Budgets
from bc.store.connections import Connections
from bc.store.counts import Counts
from bc.store.dirty import Blockers, DirtyRows
from bc.store.error_rows import Errors
from bc.store.jobs import Jobs
from bc.store.leases import Lease, Leases
from bc.store.links import Links
from bc.store.notes import Notes
from bc.store.numbers import Numbers
from bc.store.outcomes import Outcomes
from bc.store.queues import Queues
from bc.store.remote import Account, ServerClock
from bc.store.rows import ALL, OfConnection, Page, Row, Stale
from bc.store.sealing import Seals, reseal, survey
from bc.store.tables import Tables
from bc.store.tax_values import TaxValues
from bc.store.tokens import Tokens
from bc.store.vault import Vault

__all__ = [
    "ALL",
    "Blockers",
    "Budgets",
    "Connections",
    "Counts",
    "DirtyRows",
    "Errors",
    "Jobs",
    "Lease",
    "Leases",
    "Links",
    "Notes",
    "Numbers",
    "OfConnection",
    "Outcomes",
    "Page",
    "Queues",
    "Row",
    "Stale",
    "Store",
    "TaxValues",
    "Tokens",
    "open_store",
]


class Store:
    """Everything the app keeps; one per process.

    Besides their own errors all calls raise `Transient` (storage does not answer) and `NotConfigured` (storage
    refuses us, or its setting is wrong).
    """

    def __init__(self, settings: Settings, now: Callable[[], datetime] | None = None) -> None:
        clock = ServerClock()
        self._account = Account(settings.storage, clock)
        self._tables = Tables(self._account)
        time = now or clock
        self._now = time
        self._vault = vault = Vault(settings.encryption_keys)
        self.queues = Queues(self._account)
        self.connections = Connections(self._tables, vault, time)
        self.links = Links(self._tables)
        self.dirty = DirtyRows(self._tables)
        self.blockers = Blockers(self._tables)
        self.outcomes = Outcomes(self._tables)
        self.errors = Errors(self._tables)
        self.counts = Counts(self._tables)
        self.jobs = Jobs(self._tables, time)
        self.leases = Leases(self._tables, time)
        self.tokens = Tokens(self._tables, vault, time)
        self.budgets = Budgets(self._tables, time)
        self.notes = Notes(self._tables)
        self.numbers = Numbers(self._tables)
        self.tax_values = TaxValues(self._tables)

    async def check(self) -> None:
        """One cheap call to tables and to queues. Raises `NotConfigured` or `Transient` in words."""
        await self.notes.check()
        await self.queues.check()

    async def seals(self) -> Seals:
        """Client secrets and token caches by the key that opens them. Raises `NotConfigured` without a key."""
        return await survey(self._vault, self.connections, self.tokens)

    async def reseal(self) -> int:
        """Seal anew what an older key of `ENCRYPTION_KEYS` sealed; how many rows."""
        return await reseal(self._vault, self.connections, self.tokens)

    async def purge(self, before: datetime) -> int:
        """Remove outcomes, closed errors and ended jobs older than a time; how many. Open errors stay."""
        removed = await self.outcomes.purge(before)
        removed += await self.errors.purge(before)
        await self.counts.purge(self._now())
        return removed + await self.jobs.purge(before)

    async def forget(self, connection_id: str) -> None:
        """Remove every row of a connection, itself and its secret last; safe to repeat after a kill.

        Token caches belong to a principal, which connections may share: see `Tokens.delete_cache`.
        """
        await self.blockers.forget_connection(connection_id)
        await self.links.forget(connection_id)
        await self.numbers.forget(connection_id)
        await self.outcomes.forget(connection_id)
        await self.errors.forget(connection_id)
        await self.counts.forget(connection_id)
        await self.jobs.forget(connection_id)
        await self.connections.delete(connection_id)

    async def close(self) -> None:
        """Close the connections to storage."""
        await self._tables.close()
        await self.queues.close()
        await self._account.close()


def open_store(settings: Settings, now: Callable[[], datetime] | None = None) -> Store:
    """The store of the configured storage account; no I/O. `now` replaces the storage account's clock in tests."""
    return Store(settings, now)
