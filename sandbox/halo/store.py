"""What the simulated Halo holds: records, tokens, rights and the changes not yet told to webhooks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any, Literal
from zoneinfo import ZoneInfo

from sandbox.halo.errors import not_found, refused
from sandbox.halo.fields import Row
from sandbox.halo.native import NATIVE, native_rows
from sandbox.halo.resources import Resource
from sandbox.halo.seeding import Key, seed
from sandbox.halo.switches import register_switches
from sandbox.halo.values import checked
from sandbox.world import World

type Operation = Literal["created", "updated", "deleted"]


@dataclass(frozen=True, slots=True)
class Change:
    """A record was saved or deleted: what webhooks tell. `row` is the record as it then was."""

    entity: str
    id: int
    operation: Operation
    row: Row


@dataclass(slots=True)
class Rights:
    """What the agent of an API application may do.

    `denied` are areas (`customers`, `items`, `invoices`, `admin`, `webhooks`) or resources he may not even read;
    `rows` lets him see only the first n records of a resource, others answer `hidden_status` (403; or 404).
    """

    read_only: bool = False
    denied: set[str] = field(default_factory=set)
    rows: dict[str, int] = field(default_factory=dict)
    hidden_status: int = 403


@dataclass(slots=True)
class Application:
    """An API application of the kind client id and secret, logging in as an agent."""

    client_id: str
    secret: str
    rights: Rights


@dataclass(frozen=True, slots=True)
class Grant:
    """An access token that was handed out."""

    client_id: str
    scopes: frozenset[str]
    ends: datetime


class HaloState:
    """Records are replaced, never changed in place, so that a refused array can be undone."""

    def __init__(self, world: World) -> None:
        self.world = world
        register_switches(world)
        self.tables: dict[str, dict[Key, Row]] = {}
        self.applications: dict[str, Application] = {}
        self.grants: dict[str, Grant] = {}
        self.next_ids: Counter[str] = Counter()
        self.given_numbers: Counter[str] = Counter()
        self.request_times: list[datetime] = []
        self.tell: Callable[[list[Change]], None] = lambda changes: None
        self._changes: list[Change] = []
        self._native = False
        world.on_reset(self._rebuild)

    def _rebuild(self) -> None:
        halo = self.world.data.halo
        self.tables = seed(halo)
        self._native = False
        self.next_ids = Counter({name: _greatest(table) for name, table in self.tables.items()})
        lines = (
            line["id"]
            for name in ("Invoice", "RecurringInvoice")
            for invoice in self.tables[name].values()
            for line in invoice["lines"]
        )
        self.next_ids["InvoiceDetail"] = max(lines, default=0)
        self.given_numbers.clear()
        self.grants.clear()
        self.request_times.clear()
        self._changes.clear()
        self.applications = {
            halo.client_id: Application(halo.client_id, halo.client_secret, Rights()),
            halo.readonly_client_id: Application(
                halo.readonly_client_id, halo.readonly_client_secret, Rights(read_only=True)
            ),
        }

    def switch(self, name: str) -> Any:
        return self.world.switch(f"halo.{name}")

    def table(self, resource: str) -> dict[Key, Row]:
        if resource in NATIVE and not self._native and self.switch("native_module_id"):
            self._native = True
            self._leave_native_rows(int(self.switch("native_module_id")))
        return self.tables[resource]

    def find(self, resource: str, key: Key) -> Row | None:
        return self.table(resource).get(key)

    def _leave_native_rows(self, module: int) -> None:
        """What Halo's own integration would have left: looked for when first read, since its switch comes late."""
        for resource, rows in native_rows(self.world.data, module).items():
            for row in rows:
                key = self.take_id(resource)
                self.tables[resource][key] = {**row, "id": key}

    def take_id(self, resource: str) -> int:
        self.next_ids[resource] += 1
        return self.next_ids[resource]

    @property
    def zone(self) -> tzinfo:
        """The zone of times without one."""
        return ZoneInfo(str(self.switch("time_zone")))

    def check(self, resource: str, fields: Mapping[str, str], sent: Mapping[str, Any]) -> Row:
        """The known fields of what was sent, in stored form; refusals as `values.checked` says."""
        return checked(resource, fields, sent, bool(self.switch("numbers_as_strings")), self.zone)

    def meet_unknown_id(self) -> None:
        """What becomes of an update of an unknown id: refused, or (by switch) taken for a new record."""
        way = self.switch("unknown_id")
        if way == "create":
            return
        raise refused("The record could not be found.", "message") if way == 400 else not_found()

    def put(
        self,
        resource: Resource,
        key: Key,
        row: Row,
        operation: Operation,
        *,
        silent: bool = False,
        stamped: bool = True,
    ) -> None:
        """Store the record with its time stamp, and note the change for the webhooks (unless `silent`)."""
        now = self.world.clock.stamp()
        if resource.stamp and stamped:
            row[resource.stamp] = now
        if resource.created and operation == "created" and not row.get(resource.created):
            row[resource.created] = now
        self.tables[resource.name][key] = row
        if not silent:
            self._note(resource, key, row, operation)

    def remove(self, resource: Resource, key: Key) -> None:
        row = self.tables[resource.name].pop(key)
        self._note(resource, key, row, "deleted")

    def _note(self, resource: Resource, key: Key, row: Row, operation: Operation) -> None:
        if resource.event and isinstance(key, int):
            self._changes.append(Change(resource.event, key, operation, row))
        if resource.name == "Site" and self.switch("site_fires_customer"):
            client = self.find("Client", row["client_id"])
            if client is not None:
                self._changes.append(Change("customer", client["id"], "updated", client))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; the webhooks hear of it at its end, each record once."""
        self.table("ExternalLink")  # native rows come before, not within: a rollback must not lose them
        before = {name: dict(table) for name, table in self.tables.items()}
        kept = len(self._changes)
        try:
            yield
        except BaseException:
            self.tables = before
            del self._changes[kept:]
            raise
        if kept == 0:
            changes, self._changes = self._changes, []
            self.tell(_last_of_each(changes))


def state_of(world: World) -> HaloState:
    """The one state of this world."""
    return world.part(HaloState, lambda: HaloState(world))


def _greatest(table: Mapping[Key, Row]) -> int:
    return max((key for key in table if isinstance(key, int)), default=0)


def _last_of_each(changes: list[Change]) -> list[Change]:
    """One change for each record: a create that is then updated is still a create."""
    merged: dict[tuple[str, int], Change] = {}
    for change in changes:
        key = (change.entity, change.id)
        earlier = merged.get(key)
        created = earlier is not None and earlier.operation == "created" and change.operation == "updated"
        merged[key] = Change(change.entity, change.id, "created", change.row) if created else change
    return list(merged.values())
