"""Sealed rows after a change of `ENCRYPTION_KEYS`: which key they were sealed with, and sealed anew with the first."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple, Protocol

from bc.store.rows import Properties, Stale
from bc.store.tables import Found, Table
from bc.store.vault import Vault


class Seals(NamedTuple):
    """Sealed rows by what opens them: the first key, an older one of the setting, none."""

    current: int
    older: int
    unreadable: int


class SealedRows(Protocol):
    """A place that keeps sealed rows."""

    def sealed(self) -> AsyncIterator[Sealed]: ...


class Sealed(NamedTuple):
    """One sealed row: its text, and how it is written with another."""

    table: Table
    found: Found
    text: str
    packed: Callable[[str], Properties]

    async def renew(self, text: str) -> None:
        """Raises `Stale` where somebody sealed it anew meanwhile."""
        await self.table.replace(self.found.partition, self.found.key, self.packed(text), self.found.etag)


async def survey(vault: Vault, *places: SealedRows) -> Seals:
    """Count the sealed rows of these places by the key that opens them; reads only."""
    counted = Counter([vault.state_of(row.text) for place in places async for row in place.sealed()])
    return Seals(counted["current"], counted["older"], counted["unreadable"])


async def reseal(vault: Vault, *places: SealedRows) -> int:
    """Seal with the first key what an older one opens; how many rows. Afterwards the older keys may go."""
    renewed = 0
    for place in places:
        async for row in place.sealed():
            if vault.state_of(row.text) != "older":
                continue
            try:
                await row.renew(vault.seal(vault.open(row.text)))
            except Stale:
                continue  # sealed anew with the first key by whoever was quicker
            renewed += 1
    return renewed
