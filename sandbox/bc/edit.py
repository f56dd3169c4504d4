"""A record being written: the properties of a body applied one by one, in the order they stand there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.bc.errors import bad_request, not_in_table, read_only, unknown_property
from sandbox.bc.schema import EntityType, Field
from sandbox.bc.session import Session
from sandbox.bc.store import Row
from sandbox.bc.values import ZERO_GUID, accept, settle

type Trigger = Callable[[Edit, Any], None]


@dataclass(slots=True)
class Edit:
    """`values` change as properties are applied; `before` is the saved row (None: new), `given` what was sent."""

    session: Session
    kind: EntityType
    values: dict[str, Any]
    before: Row | None = None
    given: set[str] = field(default_factory=set)

    @property
    def new(self) -> bool:
        return self.before is None

    def apply(
        self, body: Mapping[str, Any], triggers: Mapping[str, Trigger], nested: Collection[str] = ()
    ) -> None:
        """Check the whole body's shape, then write property after property (BC: JSON order).

        `triggers` are the fields' OnValidate code, called with the value as BC keeps it, before it is stored.
        `nested` names properties that are left to the caller: the sub-collections of a deep insert.
        """
        for one, value in read_body(self.session, self.kind, body, nested):
            if one.read_only:
                raise read_only(one.name)
            settled = settle(one, value)
            self._relation(one, settled)
            trigger = triggers.get(one.name)
            if trigger is not None:
                trigger(self, settled)
            else:
                self.values[one.name] = settled
            self.given.add(one.name)

    def _relation(self, one: Field, value: Any) -> None:
        if not one.to or value in ("", ZERO_GUID):
            return
        if self.session.company.related(one.to, value) is None:
            raise not_in_table(one.al, self.kind.al, value, one.to.rstrip(" 12"))


def read_body(
    session: Session, kind: EntityType, body: Mapping[str, Any], nested: Collection[str] = ()
) -> list[tuple[Field, Any]]:
    """The body's properties in their order, known and of the right type; annotations are passed over."""
    if not isinstance(body, dict):
        raise bad_request("Invalid Request Body")
    found = []
    for name, value in body.items():
        if "@" in name or name in nested:
            continue
        one = kind.by_name.get(name)
        if one is None:
            raise unknown_property(name, kind.name)
        found.append((one, accept(one, value, plain_enums=session.plain_enums)))
    return found


def by_id(id_field: str, code_field: str, table: str, code: str = "code") -> Trigger:
    """A trigger for the id of a pair: takes the code along."""

    def trigger(edit: Edit, value: Any) -> None:
        row = edit.session.company.related(table, value) if value != ZERO_GUID else None
        edit.values[id_field] = value
        edit.values[code_field] = row[code] if row else ""

    return trigger


def by_code(id_field: str, code_field: str, table: str, mismatch: str) -> Trigger:
    """A trigger for the code of a pair: an id sent before it must be the same record's."""

    def trigger(edit: Edit, value: Any) -> None:
        row = edit.session.company.related(table, value) if value else None
        found = row.id if row else ZERO_GUID
        if id_field in edit.given and edit.values[id_field] not in (ZERO_GUID, found):
            raise bad_request(mismatch, "Application_DialogException")
        edit.values[id_field] = found
        edit.values[code_field] = value

    return trigger
