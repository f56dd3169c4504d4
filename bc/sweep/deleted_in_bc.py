"""Records that are gone from Business Central: their links are shown as broken, nothing is deleted in Halo (F44)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from bc.clients.business_central import MAX_PARTS, Part, decode_enum
from bc.entities.document_kind import KINDS as DOCUMENTS
from bc.entities.document_kind import kind_of
from bc.entities.values import text
from bc.errors import Refused
from bc.imports.kinds import KINDS
from bc.model import Connection, Link, Outcome
from bc.store.rows import Stale
from bc.sync.outcomes import outcome_of_link, record

if TYPE_CHECKING:
    from bc.services import Services

# BC's own most: ids alone are small.
PAGE_SIZE = 20_000
MOST_PAGES = 1_000
_DRAFT = ("", "Draft")


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
    return len(await _compare(services, connection, linked.endpoint, links, {}))


async def note_deleted_drafts(services: Services, connection: Connection) -> int:
    """Compare the drafts we know with those BC lists; how many turned out deleted. Each opens an error, once.

    One request for each kind of document that has drafts, whatever their number, and one for each hundred that the list
    lacks: those are posted or released by now, or gone. What is deleted tells of itself by no other way.
    """
    drafts = [
        link
        async for link in services.store.links.all(connection.id, "invoice")
        if link.exists and not link.posted and link.intent is None and decode_enum(link.bc_status) in _DRAFT
    ]
    gone: list[Link] = []
    for kind in DOCUMENTS:
        if mine := [link for link in drafts if kind_of(link) is kind]:
            only = {"$filter": "status eq 'Draft'"}
            gone += await _compare(services, connection, kind.endpoint, mine, only)
    for link in gone:
        await record(services, _deleted(services, connection, link))
    return len(gone)


def _deleted(services: Services, connection: Connection, link: Link) -> Outcome:
    kind = kind_of(link)
    return outcome_of_link(
        services,
        connection,
        link,
        "failed",
        "none",
        f"The {kind.bc_word} {link.bc_number} of {kind.word} {link.halo_name or link.halo_id} was deleted in Business Central.",
        code="deleted_in_bc",
        cure=f"Unlink it under Links and sync the {kind.word} again to create it anew; or void it in Halo.",
    )


async def _compare(
    services: Services, connection: Connection, endpoint: str, links: Sequence[Link], only: Mapping[str, str]
) -> list[Link]:
    """The links whose record is gone, which are broken from now on; one that is there again is whole again."""
    ids = await _ids(services, connection, endpoint, only)
    for link in links:
        if link.state == "broken" and link.bc_id.lower() in ids:
            await _set(services, link, "ok")
    missing = [link for link in links if link.state == "ok" and link.bc_id.lower() not in ids]
    broken: list[Link] = []
    for start in range(0, len(missing), MAX_PARTS):
        broken += await _look_up(services, connection, endpoint, missing[start : start + MAX_PARTS])
    return broken


async def _ids(
    services: Services, connection: Connection, endpoint: str, only: Mapping[str, str]
) -> set[str]:
    params: Mapping[str, str] | None = {"$select": "id", **only}
    path, seen, ids = endpoint, set[str](), set[str]()
    for _ in range(MOST_PAGES):
        rows, following = await services.bc.page(connection, path, params=params, page_size=PAGE_SIZE)
        ids |= {text(row, "id").lower() for row in rows}
        if not following or following in seen:
            return ids
        seen.add(following)
        path, params = following, None
    raise Refused("bc_paging_loop", f"Business Central's list of {endpoint} does not end.")


async def _look_up(
    services: Services, connection: Connection, endpoint: str, links: Sequence[Link]
) -> list[Link]:
    parts = [Part("GET", f"{endpoint}({link.bc_id})?$select=id") for link in links]
    answers = zip(links, await services.bc.batch(connection, parts), strict=True)
    gone = [link for link, answer in answers if answer.status == 404]
    return [link for link in gone if await _set(services, link, "broken")]


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
