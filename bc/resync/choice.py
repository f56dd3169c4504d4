"""Which of Halo's records a filter names. Halo's own filters are hints: every row is looked at again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

from bc.entities.values import Record, ident, text
from bc.model import Entity
from bc.store.rows import ALL, OfConnection

if TYPE_CHECKING:
    from bc.services import Services

State = Literal["failed", "skipped", "never", "any"]
PAGE_SIZE = 100
# Halo's lists by entity: resource, the field that dates a record, and the field that names its customer.
LISTS: Mapping[Entity, tuple[str, str, str]] = {
    "customer": ("Client", "alastupdate", "id"),
    "product": ("Item", "lastmodified", ""),
    "invoice": ("Invoice", "invoice_date", "client_id"),
}


class Filter(Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """All that is given must hold. `from` and `to` (both included): an invoice's date, else the day of the last change.

    `state`: by what became of the record last; `never`: it has no link and no outcome.
    """

    from_: date | None = None
    to: date | None = None
    customer_id: str | None = None
    state: State = "any"


class Chosen(Struct, frozen=True):
    """What one page of Halo's list gives; `more` while there are further pages."""

    halo_ids: list[str]
    more: bool


class Choice:
    """One reading of what a filter names. `known` are the records of that state, None where the state does not limit."""

    def __init__(
        self,
        services: Services,
        entity: Entity,
        wanted: Filter,
        connection_id: str | None,
        known: Collection[str] | None,
    ) -> None:
        self._services = services
        self._entity = entity
        self._wanted = wanted
        self._connection_id = connection_id
        self._known = known
        self._met: set[str] = set()

    @property
    def without_halo(self) -> list[str] | None:
        """The records, where our own rows alone tell them: then no call of Halo is spent."""
        filters = (self._wanted.from_, self._wanted.to, self._wanted.customer_id)
        return sorted(self._known, key=int) if self._known is not None and not any(filters) else None

    async def page(self, page_no: int) -> Chosen:
        """The records of one page of Halo's list, from 1. Raises `Refused` and `Transient` as Halo does."""
        resource, _, _ = LISTS[self._entity]
        found = await self._services.halo.page(
            resource, page_no=page_no, page_size=PAGE_SIZE, params=_hints(self._entity, self._wanted)
        )
        fresh = [row for row in found.rows if ident(row, "id") not in self._met]
        self._met |= {ident(row, "id") for row in fresh}
        chosen = [halo_id async for halo_id in self._chosen(resource, fresh)]
        # A page may be shorter than asked for: nothing new on it is the end.
        all_met = found.record_count is not None and len(self._met) >= found.record_count
        return Chosen(list(dict.fromkeys(chosen)), more=bool(fresh) and not all_met)

    async def _chosen(self, resource: str, rows: Sequence[Record]) -> AsyncIterator[str]:
        for row in rows:
            halo_id = ident(row, "id")
            if halo_id and await self._is_wanted(resource, halo_id, row):
                yield halo_id

    async def _is_wanted(self, resource: str, halo_id: str, row: Record) -> bool:
        wanted, (_, dated, customer) = self._wanted, LISTS[self._entity]
        if self._known is not None and halo_id not in self._known:
            return False
        needed = [dated] if wanted.from_ or wanted.to else []
        needed += [customer] if wanted.customer_id else []
        if any(name not in row for name in needed):
            # A thin list does not tell.
            row = await self._services.halo.get_one(resource, halo_id) or {}
        if wanted.customer_id and ident(row, customer) != wanted.customer_id:
            return False
        if not _within(row, dated, wanted):
            return False
        return wanted.state != "never" or await self._never(halo_id)

    async def _never(self, halo_id: str) -> bool:
        links = await self._services.store.links.by_halo_id(self._entity, halo_id)
        if any(self._connection_id in (None, link.connection_id) for link in links):
            return False
        told = await self._services.store.outcomes.page(entity=self._entity, halo_id=halo_id, limit=1)
        return not told.items


async def choice(services: Services, entity: Entity, wanted: Filter, connection_id: str | None) -> Choice:
    """Read what storage knows of the state that is asked for."""
    scope: OfConnection = connection_id or ALL
    known: set[str] | None = None
    if wanted.state == "failed":
        known = await _failed(services, entity, scope)
    elif wanted.state == "skipped":
        known = await _skipped(services, entity, scope)
    return Choice(services, entity, wanted, connection_id, known)


async def _failed(services: Services, entity: Entity, scope: OfConnection) -> set[str]:
    """Records with an open error."""
    found: set[str] = set()
    cursor: str | None = ""
    while cursor is not None:
        page = await services.store.errors.page(connection_id=scope, state="open", limit=500, cursor=cursor)
        found |= {error.halo_id for error in page.items if error.entity == entity}
        cursor = page.next
    return found


async def _skipped(services: Services, entity: Entity, scope: OfConnection) -> set[str]:
    """Records whose newest outcome says that they were skipped."""
    met: set[str] = set()
    found: set[str] = set()
    cursor: str | None = ""
    while cursor is not None:
        page = await services.store.outcomes.page(
            connection_id=scope, entity=entity, limit=500, cursor=cursor
        )
        for outcome in page.items:
            if outcome.halo_id not in met and outcome.status == "skipped":
                found.add(outcome.halo_id)
            met.add(outcome.halo_id)
        cursor = page.next
    return found


def _hints(entity: Entity, wanted: Filter) -> dict[str, Any]:
    """The oldest id first, so that a list which grows meanwhile shifts nothing."""
    hints: dict[str, Any] = {"order": "id", "orderdesc": "false", "includeinactive": "true"}
    if entity == "invoice":
        hints["includecredits"] = "true"
        if wanted.from_ or wanted.to:
            hints["datesearch"] = "invoice_date"
            hints["start_date"] = f"{wanted.from_ or date(1970, 1, 1)}T00:00:00"
            hints["end_date"] = f"{wanted.to or date(2100, 1, 1)}T23:59:59"
        if wanted.customer_id:
            hints["client_id"] = wanted.customer_id
    return hints


def _within(row: Record, name: str, wanted: Filter) -> bool:
    if not (wanted.from_ or wanted.to):
        return True
    day = _day(text(row, name))
    if day is None:
        return False
    return (wanted.from_ is None or day >= wanted.from_) and (wanted.to is None or day <= wanted.to)


def _day(written: str) -> date | None:
    """The day as Halo writes it: an invoice is of the day that people see."""
    try:
        return datetime.fromisoformat(written).date()
    except ValueError:
        return None
