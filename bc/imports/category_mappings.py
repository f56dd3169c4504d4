"""Product groups and item categories: the connection's mappings with both ends named, made and undone by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from bc.clients.odata import guid
from bc.entities import item_category
from bc.entities.item_category import GROUPS, with_mappings, without_mappings
from bc.entities.values import Record, ident, text
from bc.errors import Gone
from bc.imports.bc_lists import read_all
from bc.imports.mappings import AlreadyLinked, Mapping
from bc.imports.matching import number_key
from bc.imports.preview import forget
from bc.model import CategoryMapping, Connection

if TYPE_CHECKING:
    from bc.services import Services


async def category_mappings(services: Services, connection: Connection, *, search: str = "") -> list[Mapping]:
    """Every mapping of the connection, in order of code; broken where one end is gone."""
    if not connection.settings.item_group_mappings:
        return []
    groups = await _groups(services)
    rows = await read_all(services, connection, item_category.ENDPOINT, select=item_category.SELECT)
    categories = {number_key(text(row, "code")): row for row in rows}
    found = [_mapping(mapping, groups, categories) for mapping in connection.settings.item_group_mappings]
    sought = search.strip().casefold()
    return sorted(
        (
            mapping
            for mapping in found
            if sought in f"{mapping.halo_name}\n{mapping.bc_number}\n{mapping.bc_name}".casefold()
        ),
        key=lambda mapping: mapping.bc_number,
    )


async def _groups(services: Services) -> dict[str, Record]:
    return {ident(row, "id"): row for row in await services.halo.rows(GROUPS)}


def _mapping(mapping: CategoryMapping, groups: dict[str, Record], categories: dict[str, Record]) -> Mapping:
    group = groups.get(mapping.group_id)
    category = categories.get(number_key(mapping.category_code))
    return Mapping(
        halo_id=mapping.group_id,
        halo_name=text(group, "name") if group else "",
        bc_id=text(category, "id").lower() if category else "",
        bc_number=mapping.category_code,
        bc_name=text(category, "displayName") if category else "",
        source="manual",
        state="ok" if group and category else "broken",
        linked_at=None,
    )


async def map_category(
    services: Services, connection: Connection, group_id: str, bc_id: str, *, confirmed: bool = False
) -> Mapping:
    """Map a category to a product group, after checking that both exist.

    Raises `Gone` `not_found_in_halo` or `not_found_in_bc`, and `AlreadyLinked` `bc_record_already_linked` where the
    category belongs to another group, unless `confirmed`.
    """
    groups = await _groups(services)
    if group_id not in groups:
        raise Gone(
            "not_found_in_halo", f"Halo has no product group {group_id}.", cure="Choose it from the list."
        )
    try:
        category = await services.bc.get(
            connection,
            f"{item_category.ENDPOINT}({guid(bc_id)})",
            params={"$select": item_category.SELECT},
        )
    except Gone:
        raise Gone("not_found_in_bc", f"Business Central has no item category with the id {bc_id}.") from None
    code = text(category, "code")
    held = item_category.group_of(code, connection.settings)
    if held in groups and held != group_id and not confirmed:
        raise AlreadyLinked(
            "bc_record_already_linked",
            f"The category {code} is mapped to the product group {text(groups[held], 'name')} ({held}).",
            cure="Unmap it first, or confirm that it shall be mapped anew.",
        )
    new = CategoryMapping(code, group_id)
    await _save(services, connection, lambda held: with_mappings(held, [new]))
    return _mapping(new, groups, {number_key(code): category})


async def unmap_group(
    services: Services, connection: Connection, group_id: str, *, category_code: str = ""
) -> bool:
    """Forget the mappings to a group, or one of them. False when there was none."""
    held = connection.settings.item_group_mappings
    if without_mappings(held, group_id, category_code) == held:
        return False
    await _save(services, connection, lambda held: without_mappings(held, group_id, category_code))
    return True


async def _save(
    services: Services,
    connection: Connection,
    change: Callable[[tuple[CategoryMapping, ...]], tuple[CategoryMapping, ...]],
) -> None:
    def changed(current: Connection) -> Connection:
        mappings = change(current.settings.item_group_mappings)
        settings = msgspec.structs.replace(current.settings, item_group_mappings=mappings)
        return msgspec.structs.replace(current, settings=settings)

    await services.store.connections.update(connection.id, changed)
    forget(connection.id, "item_categories")
