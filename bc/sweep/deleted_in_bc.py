"""Records that are gone from Business Central: their links are shown as broken, nothing is deleted in Halo (F44)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from bc.clients.business_central import MAX_PARTS, Part
from bc.entities.values import text
from bc.errors import Refused
from bc.imports.kinds import KINDS, LinkedKind
from bc.model import Connection, Link
from bc.store.rows import Stale

if TYPE_CHECKING:
    from bc.services import Services

# BC's own most: ids alone are small.
PAGE_SIZE = 20_000
MOST_PAGES = 1_000


async def note_deletions(services: Services, connection: Connection, kind: str) -> int:
    """Compare the links of one kind with the ids that BC lists; how many turned out broken.

    What the list lacks is looked up alone before it counts as deleted: a row may slip between two pages. A link
    whose record is there again is whole again. Kinds without links of their own have nothing to compare.
    """
    if kind not in KINDS:
        return 0
    linked = KINDS[kind]
    links = [link async for link in services.store.links.all(connection.id, linked.entity) if link.exists]
    if not links:
        return 0
    ids = await _ids(services, connection, linked)
    for link in links:
        if link.state == "broken" and link.bc_id.lower() in ids:
            await _set(services, link, "ok")
    missing = [link for link in links if link.state == "ok" and link.bc_id.lower() not in ids]
    broken = 0
    for start in range(0, len(missing), MAX_PARTS):
        broken += await _look_up(services, connection, linked, missing[start : start + MAX_PARTS])
    return broken


async def _ids(services: Services, connection: Connection, linked: LinkedKind) -> set[str]:
    params: Mapping[str, str] | None = {"$select": "id"}
    path, seen, ids = linked.endpoint, set[str](), set[str]()
    for _ in range(MOST_PAGES):
        rows, following = await services.bc.page(connection, path, params=params, page_size=PAGE_SIZE)
        ids |= {text(row, "id").lower() for row in rows}
        if not following or following in seen:
            return ids
        seen.add(following)
        path, params = following, None
    raise Refused("bc_paging_loop", f"Business Central's list of {linked.endpoint} does not end.")


async def _look_up(
    services: Services, connection: Connection, linked: LinkedKind, links: Sequence[Link]
) -> int:
    parts = [Part("GET", f"{linked.endpoint}({link.bc_id})?$select=id") for link in links]
    broken = 0
    for link, answer in zip(links, await services.bc.batch(connection, parts), strict=True):
        if answer.status == 404:
            broken += await _set(services, link, "broken")
    return broken


async def _set(services: Services, link: Link, state: Literal["ok", "broken"]) -> bool:
    """Note the state, unless a push wrote the link meanwhile: that one knows better."""
    links = services.store.links
    stored = await links.get(link.connection_id, link.entity, link.halo_id)
    if stored is None or stored.value.bc_id != link.bc_id:
        return False
    try:
        await links.replace(msgspec.structs.replace(stored.value, state=state), stored.etag)
    except Stale:
        return False
    return True
