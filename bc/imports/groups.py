"""Item categories: BC's categories as Halo's product groups, kept in the connection's mappings (GUIDE G15)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from bc.entities import item_category
from bc.entities.item_category import GROUPS, with_mappings
from bc.entities.values import Record, ident, text
from bc.imports.decisions import Step
from bc.imports.lists import Entry, ListSource, Task
from bc.imports.matching import BcKeys, Match, name_key, number_key
from bc.imports.writes import create_rows
from bc.model import CategoryMapping, Connection

if TYPE_CHECKING:
    from bc.services import Services


class GroupSource(ListSource):
    """One import of categories: a category is linked when it is mapped to a group that Halo has.

    A group's name is Halo's own matter; the import writes new groups and our mappings only. Several categories may share
    a group.
    """

    endpoint = item_category.ENDPOINT
    select = item_category.SELECT
    noun = "product group"
    longest_code = 20

    def __init__(self, services: Services, connection: Connection, rows: Sequence[Record]) -> None:
        super().__init__(services)
        self._connection_id = connection.id
        for row in rows:
            self.put(Entry(ident(row, "id"), text(row, "name"), ""))
        for mapping in connection.settings.item_group_mappings:
            if mapping.group_id in self._entries:
                self._by_code[number_key(mapping.category_code)] = mapping.group_id

    def named(self, halo_id: str) -> tuple[str, str]:
        entry = self._entries.get(halo_id)
        return (entry.name if entry else "", "")

    def settle(self, codes: set[str]) -> None:
        """Groups and mappings are known from the start."""

    def _match(self, keys: BcKeys) -> Match:
        found = super()._match(keys)
        if found.state != "new":
            return found
        namesakes = tuple(sorted(self._by_name.get(name_key(keys.number), ())))
        return Match("matched", namesakes[0], "name") if len(namesakes) == 1 else found

    def changes(self, keys: BcKeys, entry: Entry) -> dict[str, Any]:
        return {}

    async def write(self, step: Step, creating: Sequence[Task], changing: Sequence[Task]) -> None:
        # Categories of one name share the group that the first of them gets.
        names = {name_key(task.keys.name): task.keys.name for task in reversed(creating)}
        written = await create_rows(
            self._services.halo,
            GROUPS,
            [{"name": name} for name in names.values()],
            step.tick,
            key=lambda record: name_key(text(record, "name")),
            look_again=self._new_rows,
        )
        made = dict(zip(names, written, strict=True))
        mappings = [CategoryMapping(task.keys.number, task.entry.halo_id) for task in changing if task.entry]
        for task in creating:
            answer = made[name_key(task.keys.name)]
            task.failure = answer.failure
            if answer.failure is None:
                halo_id = ident(answer.record, "id")
                self.put(Entry(halo_id, task.keys.name, ""))
                mappings.append(CategoryMapping(task.keys.number, halo_id))
        await self._map(mappings)

    async def _new_rows(self) -> list[Record]:
        rows = await self._services.halo.rows(GROUPS)
        return [row for row in rows if ident(row, "id") not in self._entries]

    async def _map(self, mappings: Sequence[CategoryMapping]) -> None:
        if not mappings:
            return

        def change(connection: Connection) -> Connection:
            held = connection.settings.item_group_mappings
            settings = msgspec.structs.replace(
                connection.settings, item_group_mappings=with_mappings(held, mappings)
            )
            return msgspec.structs.replace(connection, settings=settings)

        await self._services.store.connections.update(self._connection_id, change)
        self._by_code |= {number_key(mapping.category_code): mapping.group_id for mapping in mappings}


async def open_groups(services: Services, connection: Connection) -> GroupSource:
    """Read Halo's product groups."""
    return GroupSource(services, connection, await services.halo.rows(GROUPS))
