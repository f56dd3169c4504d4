"""`/api` on what is matched with what: links made by hand, product groups, account and country codes, charge rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from bc.functions.api_connections import connection_of
from bc.functions.api_imports import is_guid
from bc.functions.http import PAGE, Answer, Listed, Request, Route, json_answer, page_answer, part_answer
from bc.functions.problems import Problem, bad_cursor, invalid, not_found
from bc.imports.category_mappings import category_mappings, map_category, unmap_group
from bc.imports.charge_rates import ChargeRate, UnknownItem, charge_rates, set_charge_code
from bc.imports.code_lists import CODE_LISTS, CodeList
from bc.imports.kinds import KINDS, LinkedKind
from bc.imports.lookups import Lookup, change_lookup, list_lookups, remove_lookup
from bc.imports.mappings import Mapping, link_by_hand, mapping_of, unlink, unlink_invoice
from bc.jobs import jobs
from bc.model import MappingKind

if TYPE_CHECKING:
    from bc.model import Connection
    from bc.services import Services

CATEGORIES = "item_categories"
# The name under which the links of each mapping kind are stored.
INVOICES = "invoices"
ENTITIES = {"customers": "customer", "products": "product", INVOICES: "invoice"}
LONGEST_NAME = 250


class LinkForm(msgspec.Struct, forbid_unknown_fields=True):
    """`confirm`: link although one of the two has a link already."""

    bc_id: str
    confirm: bool = False


class LookupForm(msgspec.Struct, forbid_unknown_fields=True):
    name: str | None = None
    code: str | None = None


class ChargeForm(msgspec.Struct, forbid_unknown_fields=True):
    code: str


class ChargeRatePage(Listed[ChargeRate], frozen=True):
    """`column`: where this Halo keeps the code; null when it cannot be told, then `columns` are the candidates."""

    column: str | None
    columns: list[str]


async def list_mappings(services: Services, request: Request) -> Answer:
    """What is linked with what. `?search=` by the start of a number or of a word in a name, or by a whole id;
    `&anywhere=true` by any part of them, which reads every link. `?state=broken`: whose BC record is gone."""
    connection = await connection_of(services, request)
    kind = request.args["kind"]
    search, state = request.param("search"), request.param("state")
    if state not in ("", "ok", "broken"):
        raise invalid(("state", "Expected ok or broken."))
    if kind == CATEGORIES:
        if connection.settings.item_group_mappings:
            jobs.check_ready(connection)
        found = await category_mappings(services, connection, search=search)
        return part_answer([each for each in found if not state or each.state == state], request)
    entity = ENTITIES.get(kind)
    if entity is None:
        raise not_found(f"The mapping kind {kind}")
    try:
        page = await services.store.links.page(
            connection.id,
            entity,
            search=search,
            anywhere=request.param("anywhere").lower() == "true",
            state=state,
            limit=request.limit(),
            cursor=request.param("cursor"),
        )
    except ValueError:
        raise bad_cursor() from None
    # A link without a BC id is a create that is still under way.
    return page_answer([mapping_of(link) for link in page.items if link.exists], page.next)


async def put_mapping(services: Services, request: Request) -> Answer:
    """Link by hand. Both ends are checked, and Halo gets the values that an import would give it."""
    connection = await connection_of(services, request)
    halo_id = request.args["halo_id"]
    kind = None if request.args["kind"] == CATEGORIES else _kind(request)
    form = request.json(LinkForm)
    if not is_guid(form.bc_id):
        raise invalid(("bc_id", "Expected a Business Central id (a GUID)."))
    jobs.check_ready(connection)
    mapping: Mapping
    if kind is None:
        mapping = await map_category(services, connection, halo_id, form.bc_id, confirmed=form.confirm)
    else:
        mapping = mapping_of(
            await link_by_hand(services, connection, kind, halo_id, form.bc_id, confirmed=form.confirm)
        )
    return json_answer(mapping)


async def delete_mapping(services: Services, request: Request) -> Answer:
    """Unlink. For item categories `?code=` names the one category to unmap, where a group has several."""
    connection = await connection_of(services, request)
    halo_id = request.args["halo_id"]
    if request.args["kind"] == CATEGORIES:
        if not await unmap_group(services, connection, halo_id, category_code=request.param("code")):
            raise not_found(f"A mapping of product group {halo_id}")
        return Answer(204)
    if request.args["kind"] == INVOICES:
        if not await unlink_invoice(services, connection, halo_id):
            raise not_found(f"A link of Halo invoice {halo_id}")
        return Answer(204)
    kind = _kind(request)
    if not await unlink(services, connection, kind, halo_id):
        raise not_found(f"A link of Halo {kind.noun} {halo_id}")
    return Answer(204)


def _kind(request: Request) -> LinkedKind:
    name = request.args["kind"]
    if name in KINDS:
        return KINDS[name]
    if name in ENTITIES:
        raise Problem(404, "not_found", f"Links of {name} are made by the sync itself and by a take-over.")
    raise not_found(f"The mapping kind {name}")


async def show_lookups(services: Services, request: Request) -> Answer:
    """Each entry with its code, BC's record beside it, and who uses it."""
    connection, spec = await _code_list(services, request)
    search = request.param("search").strip().casefold()
    found = [
        lookup
        for lookup in await list_lookups(services, connection, spec)
        if search in lookup.name.casefold() or search in lookup.code.casefold()
    ]
    return part_answer(found, request)


async def put_lookup(services: Services, request: Request) -> Answer:
    """Rename an entry of Halo's list, or give it another code."""
    connection, spec = await _code_list(services, request)
    form = request.json(LookupForm)
    errors = []
    if form.name is None and form.code is None:
        errors.append(("name", "Give a name, a code, or both."))
    if form.name is not None and not 0 < len(form.name.strip()) <= LONGEST_NAME:
        errors.append(("name", f"Expected 1 to {LONGEST_NAME} characters."))
    if form.code is not None and not (
        0 < len(form.code.strip()) <= spec.longest_code and form.code.isprintable()
    ):
        errors.append(("code", f"Expected 1 to {spec.longest_code} characters."))
    if errors:
        raise invalid(*errors)
    name = form.name.strip() if form.name is not None else None
    lookup = await change_lookup(
        services, connection, spec, request.args["lookup_id"], name=name, code=form.code
    )
    return json_answer(lookup)


async def delete_lookup(services: Services, request: Request) -> Answer:
    """Remove an entry of Halo's list. Refused while in use; `?confirm=true` where it cannot be told whether it is."""
    connection, spec = await _code_list(services, request)
    confirmed = request.param("confirm").lower() == "true"
    await remove_lookup(services, connection, spec, request.args["lookup_id"], confirmed=confirmed)
    return Answer(204)


async def _code_list(services: Services, request: Request) -> tuple[Connection, CodeList]:
    connection = await connection_of(services, request)
    spec = CODE_LISTS.get(request.args["kind"])
    if spec is None:
        raise not_found(f"The list {request.args['kind']}")
    jobs.check_ready(connection)
    return connection, spec


async def show_charge_rates(services: Services, request: Request) -> Answer:
    """Halo's charge rates with the code of each. `column`: where this Halo keeps the code; null when it cannot be told, then `columns` are the candidates."""
    connection = await connection_of(services, request)
    jobs.check_ready(connection)
    found = await charge_rates(services, connection)
    return part_answer(found.items, request, column=found.column, columns=found.columns)


async def put_charge_rate(services: Services, request: Request) -> Answer:
    """Give a charge rate the number of a Business Central item; checked there."""
    connection = await connection_of(services, request)
    form = request.json(ChargeForm)
    jobs.check_ready(connection)
    try:
        rate = await set_charge_code(services, connection, request.args["rate_id"], form.code)
    except UnknownItem as unknown:
        raise invalid(("code", unknown.message)) from None
    return json_answer(rate)


CODE_KIND = Literal["accounts", "countries"]
LINKED_KIND = Literal["customers", "products", "item_categories"]
SEARCH = Annotated[str, msgspec.Meta(description="Part of a name, number or code.")]

ROUTES = [
    Route(
        "GET",
        "/api/connections/{id}/mappings/{kind}",
        list_mappings,
        params={
            "kind": MappingKind,
            "search": SEARCH,
            "anywhere": Literal["true", "false"],
            "state": Literal["ok", "broken"],
            **PAGE,
        },
        answers={200: Listed[Mapping]},
    ),
    Route(
        "PUT",
        "/api/connections/{id}/mappings/{kind}/{halo_id}",
        put_mapping,
        params={"kind": LINKED_KIND},
        body=LinkForm,
        answers={200: Mapping},
        conflicts=("bc_record_already_linked", "halo_record_already_linked", "connection_not_ready"),
    ),
    Route(
        "DELETE",
        "/api/connections/{id}/mappings/{kind}/{halo_id}",
        delete_mapping,
        params={"kind": MappingKind, "code": str},
        answers={204: None},
    ),
    Route(
        "GET",
        "/api/connections/{id}/lookups/{kind}",
        show_lookups,
        params={"kind": CODE_KIND, "search": SEARCH, **PAGE},
        answers={200: Listed[Lookup]},
        conflicts=("connection_not_ready",),
    ),
    Route(
        "PUT",
        "/api/connections/{id}/lookups/{kind}/{lookup_id}",
        put_lookup,
        params={"kind": CODE_KIND},
        body=LookupForm,
        answers={200: Lookup},
        conflicts=("code_taken", "connection_not_ready"),
    ),
    Route(
        "DELETE",
        "/api/connections/{id}/lookups/{kind}/{lookup_id}",
        delete_lookup,
        params={"kind": CODE_KIND, "confirm": Literal["true"]},
        answers={204: None},
        conflicts=("lookup_in_use", "use_unknown", "connection_not_ready"),
    ),
    Route(
        "GET",
        "/api/connections/{id}/charge-rates",
        show_charge_rates,
        params=PAGE,
        answers={200: ChargeRatePage},
        conflicts=("connection_not_ready",),
    ),
    Route(
        "PUT",
        "/api/connections/{id}/charge-rates/{rate_id}",
        put_charge_rate,
        body=ChargeForm,
        answers={200: ChargeRate},
        conflicts=("charge_column_unknown", "connection_not_ready"),
    ),
]
