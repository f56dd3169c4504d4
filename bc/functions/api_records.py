"""`/api` on single records: found by name or number, and one record's story in both systems."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

from bc.entities.credit_note import kind_in_halo
from bc.entities.invoice import display_name
from bc.entities.item_category import GROUPS
from bc.entities.values import Record, ident, is_halo_id, text
from bc.functions.api_connections import connection_of
from bc.functions.http import PAGE, Answer, Listed, Request, Route, json_answer, page_answer, part_answer
from bc.functions.problems import bad_cursor, invalid, not_found
from bc.imports.bc_search import NUMBERS, BcRecord, search_bc
from bc.jobs import jobs
from bc.model import ConnectionSettings, Entity, Link, MappingKind
from bc.store.records import each
from bc.sync.story import Story, story

if TYPE_CHECKING:
    from bc.services import Services

ENTITIES = {"customers": "customer", "products": "product", "invoices": "invoice", "item_categories": ""}
RESOURCES = {
    "customers": "Client",
    "products": "Item",
    "invoices": "Invoice",
    "item_categories": GROUPS,
}
MOST_PER_PAGE = 100


class LinkedTo(msgspec.Struct, frozen=True):
    connection_id: str
    bc_id: str
    bc_number: str
    bc_name: str
    state: str


class Found(msgspec.Struct, frozen=True):
    """A Halo record. `more`: what tells it from its namesakes (an invoice's customer); `record_kind`: as in an outcome."""

    halo_id: str
    name: str
    number: str
    more: str
    inactive: bool
    record_kind: str
    links: list[LinkedTo]


class BcRecordPage(Listed[BcRecord], frozen=True):
    """`total`: how many fit the search."""

    total: int


async def find(services: Services, request: Request) -> Answer:
    """Halo's records of a kind. `?search=` by name, number or either system's id; `?unlinked=true` with
    `connection_id`: those without a link there. A page is one page of Halo's list, so it may hold few or none."""
    kind = request.args["kind"]
    if kind not in RESOURCES:
        raise not_found(f"The kind {kind}")
    search = request.param("search").strip()
    connection_id = request.param("connection_id")
    page_no = _page_no(request)
    limit = min(request.limit(), MOST_PER_PAGE)
    rows, following = await _halo_rows(services, kind, search, page_no, limit)
    if search and page_no == 1:
        rows = await _exact(services, kind, search, rows)
    links = await _links(services, kind, [ident(row, "id") for row in rows], connection_id)
    items = [_found(kind, row, links.get(ident(row, "id"), [])) for row in rows]
    if request.param("unlinked").lower() == "true":
        items = [item for item in items if not item.links]
    return page_answer(items, following)


def _page_no(request: Request) -> int:
    cursor = request.param("cursor") or "1"
    if not cursor.isascii() or not cursor.isdigit() or not 1 <= len(cursor) <= 5 or int(cursor) < 1:
        raise bad_cursor()
    return int(cursor)


async def _halo_rows(
    services: Services, kind: str, search: str, page_no: int, limit: int
) -> tuple[Sequence[Record], str | None]:
    if kind == "item_categories":
        groups = await services.halo.rows(RESOURCES[kind])
        return [row for row in groups if _fits(kind, row, search)], None
    params = {"includeinactive": "true"} | ({"search": search} if search else {})
    page = await services.halo.page(RESOURCES[kind], page_no=page_no, page_size=limit, params=params)
    more = bool(page.rows) and page_no * limit < (page.record_count or 0)
    # Halo ignores what it does not know, so the rows are checked; it may search in fields that its rows lack.
    fitting = [row for row in page.rows if _fits(kind, row, search)]
    return fitting, str(page_no + 1) if more else None


def _fits(kind: str, row: Record, search: str) -> bool:
    sought = search.casefold()
    shown = (_name(kind, row), text(row, "name"), _number(kind, row), _more(kind, row), ident(row, "id"))
    return any(sought in part.casefold() for part in shown)


async def _exact(services: Services, kind: str, search: str, rows: Sequence[Record]) -> Sequence[Record]:
    """What Halo's own search does not know: its id, and the number that Business Central gave."""
    entity = ENTITIES[kind]
    if not entity:
        return rows
    wanted = {search} if is_halo_id(search) else set()
    asked = [(one.id, entity, search) for one in await services.store.connections.list()]
    for links in await each(asked, services.store.links.by_bc_number):
        wanted |= {link.halo_id for link in links}
    missing = wanted - {ident(row, "id") for row in rows}
    read = {
        "customers": services.halo.client,
        "products": services.halo.item,
        "invoices": services.halo.invoice,
    }
    found = [await read[kind](halo_id) for halo_id in sorted(missing)[:5]]
    return [*(row for row in found if row is not None), *rows]


async def _links(
    services: Services, kind: str, halo_ids: Sequence[str], connection_id: str
) -> dict[str, list[Link]]:
    entity = ENTITIES[kind]
    found: dict[str, list[Link]] = {}
    if not entity:
        return found
    places = {one.id: place for place, one in enumerate(await services.store.connections.list())}
    for links in await each([(entity, halo_id) for halo_id in halo_ids], services.store.links.by_halo_id):
        for link in sorted(links, key=lambda one: places.get(one.connection_id, 0)):
            if link.exists and link.connection_id in places and connection_id in ("", link.connection_id):
                found.setdefault(link.halo_id, []).append(link)
    return found


def _found(kind: str, row: Record, links: Sequence[Link]) -> Found:
    shown = [LinkedTo(one.connection_id, one.bc_id, one.bc_number, one.bc_name, one.state) for one in links]
    return Found(
        ident(row, "id"),
        _name(kind, row),
        _number(kind, row),
        _more(kind, row),
        row.get("inactive") is True,
        _own_kind(row, links) if kind == "invoices" else "",
        shown,
    )


def _own_kind(row: Record, links: Sequence[Link]) -> str:
    """Told by what a list row shows, and by its link."""
    return kind_in_halo(row, ConnectionSettings(), links[0] if links else None).own_word


def _name(kind: str, row: Record) -> str:
    return display_name(row) if kind == "invoices" else text(row, "name")


def _number(kind: str, row: Record) -> str:
    return text(row, "thirdpartyinvoicenumber" if kind == "invoices" else "accountsid")


def _more(kind: str, row: Record) -> str:
    return text(row, "client_name") if kind == "invoices" else ""


async def find_in_bc(services: Services, request: Request) -> Answer:
    """Business Central's records of a kind by number or name, to choose one from."""
    connection = await connection_of(services, request)
    kind = request.args["kind"]
    if kind not in NUMBERS:
        raise not_found(f"The kind {kind}")
    jobs.check_ready(connection)
    found = await search_bc(services, connection, kind, request.param("search"))
    return part_answer(found, request, total=len(found))


async def show(services: Services, request: Request) -> Answer:
    """One record's story: its links, what waits, and an invoice's lines with the tax of both systems."""
    entity: Any = request.args["entity"]
    halo_id = request.args["halo_id"]
    if entity not in get_args(Entity):
        raise not_found(f"The kind {entity}")
    if not is_halo_id(halo_id):
        raise invalid(("halo_id", "Expected Halo's id, a positive whole number."))
    return json_answer(await story(services, entity, halo_id))


ROUTES = (
    Route(
        "GET",
        "/api/halo/records/{kind}",
        find,
        params={
            "kind": MappingKind,
            "search": str,
            "connection_id": str,
            "unlinked": Literal["true", "false"],
            **PAGE,
        },
        answers={200: Listed[Found]},
    ),
    Route(
        "GET",
        "/api/connections/{id}/bc/{kind}",
        find_in_bc,
        params={"kind": Literal[*NUMBERS], "search": str, **PAGE},
        answers={200: BcRecordPage},
        conflicts=("connection_not_ready",),
    ),
    Route("GET", "/api/records/{entity}/{halo_id}", show, params={"entity": Entity}, answers={200: Story}),
)
