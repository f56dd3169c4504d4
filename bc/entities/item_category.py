"""BC's item categories and Halo's product groups. No I/O."""

from __future__ import annotations

from collections.abc import Iterable

from bc.model import CategoryMapping, ConnectionSettings

ENDPOINT = "itemCategories"
SELECT = "id,code,displayName,lastModifiedDateTime"
GROUPS = "AssetGroup"


def group_of(category_code: str, settings: ConnectionSettings) -> str:
    """The product group mapped to a category; "" for none. BC's codes have no case."""
    wanted = category_code.strip().upper()
    for mapping in settings.item_group_mappings:
        if mapping.category_code.strip().upper() == wanted:
            return mapping.group_id
    return ""


def with_mappings(
    held: Iterable[CategoryMapping], new: Iterable[CategoryMapping]
) -> tuple[CategoryMapping, ...]:
    """The mappings after some categories were mapped (anew); the others stay as they are, in their order."""
    merged = {mapping.category_code.strip().upper(): mapping for mapping in held}
    merged |= {mapping.category_code.strip().upper(): mapping for mapping in new}
    return tuple(merged.values())


def without_mappings(
    held: Iterable[CategoryMapping], group_id: str, category_code: str = ""
) -> tuple[CategoryMapping, ...]:
    """The mappings without those to a group, or without that of one category to it."""
    wanted = category_code.strip().upper()
    return tuple(
        mapping
        for mapping in held
        if mapping.group_id != group_id or (wanted and mapping.category_code.strip().upper() != wanted)
    )
