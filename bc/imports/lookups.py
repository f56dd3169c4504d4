"""The account and country codes that Halo holds, with BC's beside them: listed, changed, removed (GUIDE G10, G11)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from bc.entities.halo_lists import list_column
from bc.entities.item_category import GROUPS
from bc.entities.values import Record, ident, text
from bc.errors import Gone, Refused
from bc.imports.bc_lists import read_all
from bc.imports.code_lists import CodeList, list_id_of, own_rows
from bc.imports.directory import each
from bc.imports.matching import number_key
from bc.model import Connection

if TYPE_CHECKING:
    from bc.services import Services

MOST_NAMED = 20
MOST_DETAILS = 300
MOST_PAGES = 200
MOST_REMEMBERED = 20_000
FRESH = 600.0


class User(msgspec.Struct, frozen=True):
    """Who uses a code."""

    kind: Literal["setting", "product_group", "product", "customer", "site"]
    id: str
    name: str


class Lookup(msgspec.Struct, frozen=True):
    """One code. `used_by` names up to 20 users that can be told without reading all of Halo."""

    id: str
    code: str
    name: str
    in_bc: bool
    bc_name: str | None
    used_by: list[User]


class InUse(Refused):
    """The code is used, or it cannot be told whether it is."""


class _Known(NamedTuple):
    """The codes of a record read in full, with its stamp of then."""

    stamp: str
    read_at: float
    codes: frozenset[str]


# Halo's calls are the narrowest of all: what was read in full for one code serves the next.
_read_before: dict[tuple[str, str], _Known] = {}


class _Held(NamedTuple):
    list_id: str
    column: str
    rows: list[Record]


async def list_lookups(services: Services, connection: Connection, spec: CodeList) -> list[Lookup]:
    """Every code in Halo's list, in order. Raises `Refused` where Halo has no such list."""
    held, in_bc = await _read(services, connection, spec)
    users = await _near_users(services, connection, spec)
    found = [_lookup(row, held.column, in_bc, users) for row in held.rows]
    return sorted(found, key=lambda lookup: (lookup.code, lookup.name.casefold(), lookup.id))


async def _read(
    services: Services, connection: Connection, spec: CodeList
) -> tuple[_Held, dict[str, Record]]:
    list_id = await list_id_of(services, spec, connection)
    rows = own_rows(
        await services.halo.lookups(list_id), (connection.company_name or "") if spec.of_company else ""
    )
    bc_rows = await read_all(services, connection, spec.endpoint, select=spec.select, where=spec.filter)
    in_bc = {number_key(text(row, spec.code_field)): row for row in bc_rows if spec.wants(row)}
    return _Held(list_id, list_column(rows, in_bc.keys()), rows), in_bc


def _lookup(row: Record, column: str, in_bc: Mapping[str, Record], users: Mapping[str, list[User]]) -> Lookup:
    code, halo_id = text(row, column), ident(row, "id")
    found = in_bc.get(number_key(code)) if code else None
    using = users.get(number_key(code), []) if code else []
    return Lookup(
        id=halo_id,
        code=code,
        name=text(row, "name"),
        in_bc=found is not None,
        bc_name=text(found, "displayName") if found else None,
        used_by=using[:MOST_NAMED],
    )


async def change_lookup(
    services: Services,
    connection: Connection,
    spec: CodeList,
    lookup_id: str,
    *,
    name: str | None,
    code: str | None,
) -> Lookup:
    """Change name or code of an entry in Halo; only what differs is written.

    Raises `Gone`, and `Refused` `code_taken` where another entry has the code.
    """
    held, in_bc = await _read(services, connection, spec)
    row = _entry(held, spec, lookup_id)
    wanted = {"name": name, held.column: number_key(code) if code is not None else None}
    changes = {key: value for key, value in wanted.items() if value is not None and value != text(row, key)}
    for other in held.rows:
        if held.column in changes and other is not row and _code(other, held) == changes[held.column] != "":
            raise Refused(
                "code_taken",
                f"{text(other, 'name')} has the code {code} already.",
                cure="Choose another one.",
            )
    if changes:
        await services.halo.save("Lookup", [_body(held, lookup_id) | changes])
        services.halo_facts.forget()
    users = await _near_users(services, connection, spec)
    return _lookup({**row, **changes}, held.column, in_bc, users)


def _entry(held: _Held, spec: CodeList, lookup_id: str) -> Record:
    for row in held.rows:
        if ident(row, "id") == lookup_id:
            return row
    raise Gone("not_found_in_halo", f"Halo has no {spec.noun} with the id {lookup_id}.")


def _code(row: Record, held: _Held) -> str:
    return number_key(text(row, held.column))


def _body(held: _Held, lookup_id: str) -> dict[str, Any]:
    return {"id": int(lookup_id) if lookup_id.isdigit() else lookup_id, "lookupid": int(held.list_id)}


async def remove_lookup(
    services: Services, connection: Connection, spec: CodeList, lookup_id: str, *, confirmed: bool
) -> None:
    """Remove an entry from Halo's list, unless it is used.

    Raises `Gone`, and `InUse` `lookup_in_use` with who uses it, or `use_unknown` where too many records would have to
    be read to tell; the latter a person may confirm.
    """
    held, _ = await _read(services, connection, spec)
    row = _entry(held, spec, lookup_id)
    code = _code(row, held)
    near = (await _near_users(services, connection, spec)).get(code, []) if code else []
    far = _Far(spec, {value for value in (code, lookup_id if spec.name == "countries" else "") if value})
    if not near and far.values:
        await far.look(services)
    if users := near + far.users:
        named = ", ".join(f"{user.name} ({user.kind.replace('_', ' ')} {user.id})" for user in users[:5])
        more = f" and {len(users) - 5} more" if len(users) > 5 else ""
        raise InUse(
            "lookup_in_use",
            f"{text(row, 'name')} ({code}) is used by {named}{more}.",
            cure="Give them another code first.",
        )
    if far.unread and not confirmed:
        raise InUse(
            "use_unknown",
            f"Whether {text(row, 'name')} ({code}) is used cannot be told: {far.unread} records would have to be read.",
            cure="Repeat it with ?confirm=true if you are sure.",
        )
    await services.halo.delete("Lookup", lookup_id, params={"lookupid": held.list_id})
    services.halo_facts.forget()


async def _near_users(services: Services, connection: Connection, spec: CodeList) -> dict[str, list[User]]:
    """Users by code that cost at most one call: our settings, product groups, linked customers."""
    users: dict[str, list[User]] = {}
    if spec.name == "countries":
        async for link in services.store.links.all(connection.id, "customer"):
            country = number_key(text(msgspec.json.decode(link.payload or "{}"), "country"))
            if country and link.exists:
                users.setdefault(country, []).append(User("customer", link.halo_id, link.halo_name))
        return users
    settings = connection.settings
    for name in ("default_sales_account", "default_purchase_account"):
        if number := getattr(settings, name):
            users.setdefault(number_key(number), []).append(User("setting", name, name.replace("_", " ")))
    for row in await services.halo.rows(GROUPS):
        for code in {number_key(text(row, name)) for name in ("nominalcode", "nominalcodepurchase")} - {""}:
            users.setdefault(code, []).append(User("product_group", ident(row, "id"), text(row, "name")))
    return users


class _Far:
    """Looks through Halo's products (accounts) or sites (countries) for the users of one code."""

    def __init__(self, spec: CodeList, values: set[str]) -> None:
        self.values = values
        self.users: list[User] = []
        self.unread = 0
        self._accounts = spec.name == "accounts"
        self._resource, self._stamp = ("Item", "lastmodified") if self._accounts else ("Site", "slastupdate")
        self._fields = ("nominalcode", "purchasenominalcode") if self._accounts else ("country_code",)

    async def look(self, services: Services) -> None:
        """Take list rows where they tell; read the others in full, up to a number that a person can wait for."""
        thin: dict[str, str] = {}
        async for row in _rows(services, self._resource):
            key = (self._resource, ident(row, "id"))
            known = _read_before.get(key)
            if any(name in row for name in self._fields):
                self._note(key[1], text(row, "name"), self._codes(row))
            elif known and known.stamp == text(row, self._stamp) and known.read_at > time.monotonic() - FRESH:
                self._note(key[1], text(row, "name"), known.codes)
            else:
                thin[key[1]] = text(row, self._stamp)
        if self.users:
            return
        self.unread = max(0, len(thin) - MOST_DETAILS)
        await each(list(thin)[:MOST_DETAILS], lambda halo_id: self._read(services, halo_id, thin[halo_id]))

    async def _read(self, services: Services, halo_id: str, stamp: str) -> None:
        record = await (services.halo.item if self._accounts else services.halo.site)(halo_id)
        if record is None:
            return
        codes = self._codes(record)
        if stamp:
            if len(_read_before) > MOST_REMEMBERED:
                _read_before.clear()
            _read_before[self._resource, halo_id] = _Known(stamp, time.monotonic(), codes)
        self._note(halo_id, text(record, "name"), codes)

    def _codes(self, record: Record) -> frozenset[str]:
        return frozenset(number_key(ident(record, name)) for name in self._fields)

    def _note(self, halo_id: str, name: str, codes: frozenset[str]) -> None:
        if codes & self.values:
            self.users.append(User("product" if self._accounts else "site", halo_id, name))


async def _rows(services: Services, resource: str) -> AsyncIterator[Record]:
    seen: set[str] = set()
    for page_no in range(1, MOST_PAGES + 1):
        page = await services.halo.page(resource, page_no=page_no, page_size=100)
        fresh = [row for row in page.rows if ident(row, "id") not in seen]
        seen |= {ident(row, "id") for row in fresh}
        for row in fresh:
            yield row
        if not fresh or (page.record_count and len(seen) >= page.record_count):
            return
