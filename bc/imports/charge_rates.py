"""Charge rates: the BC item code that a person typed for each charge type, checked against BC (GUIDE G23)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

from bc.entities.halo_lists import CHARGE_TYPES, code_column, used_columns
from bc.entities.values import Record, ident, text
from bc.errors import Gone, Refused
from bc.imports.bc_lists import items_by_number
from bc.imports.matching import number_key
from bc.model import Connection

if TYPE_CHECKING:
    from bc.services import Services

Status = Literal["ok", "empty", "unknown_in_bc", "blocked"]


class ChargeRate(msgspec.Struct, frozen=True):
    """A charge type of Halo with its code. `bc_name`: the item's name, None where BC has none of that code."""

    id: str
    name: str
    code: str
    status: Status
    bc_name: str | None


class ChargeRates(NamedTuple):
    """`column`: where this Halo keeps the code, None when it cannot be told; then `columns` are what it could be."""

    items: list[ChargeRate]
    column: str | None
    columns: list[str]


class UnknownItem(Refused):
    """BC has no item of the code that was to be set."""


async def charge_rates(services: Services, connection: Connection) -> ChargeRates:
    """Every charge type, in order of name."""
    rows = await services.halo.lookups(CHARGE_TYPES)
    columns = used_columns(rows)
    named = connection.settings.halo_conventions.charge_rate_code_field
    looked_at = [named] if named else columns
    codes = {number_key(text(row, name)) for row in rows for name in looked_at}
    items = await items_by_number(services, connection, codes)
    column = named or code_column(rows, items.keys())
    rates = [_rate(row, text(row, column) if column else "", items) for row in rows]
    rates.sort(key=lambda rate: (rate.name.casefold(), rate.id))
    return ChargeRates(rates, column or None, [] if column else columns)


def _rate(row: Record, code: str, items: dict[str, Record]) -> ChargeRate:
    item = items.get(number_key(code))
    status: Status = "ok"
    if not code:
        status = "empty"
    elif item is None:
        status = "unknown_in_bc"
    elif item.get("blocked") is True:
        status = "blocked"
    return ChargeRate(
        ident(row, "id"), text(row, "name"), code, status, text(item, "displayName") if item else None
    )


async def set_charge_code(services: Services, connection: Connection, rate_id: str, code: str) -> ChargeRate:
    """Write the code of a charge type to Halo, as BC writes it; "" takes it away.

    Raises `Gone` for an unknown charge type, `UnknownItem`, and `Refused` `charge_column_unknown` where it cannot be
    told which of Halo's columns holds the codes.
    """
    found = await charge_rates(services, connection)
    rate = next((rate for rate in found.items if rate.id == rate_id), None)
    if rate is None:
        raise Gone("not_found_in_halo", f"Halo has no charge type {rate_id}.")
    if found.column is None:
        could = f" ({' or '.join(found.columns)})" if found.columns else ""
        raise Refused(
            "charge_column_unknown",
            f"It cannot be told in which column{could} of its charge types this Halo keeps the product code.",
            cure="Name it under “Halo conventions” in the connection's settings (charge_rate_code_field).",
        )
    items = await items_by_number(services, connection, [code])
    if code.strip() and number_key(code) not in items:
        raise UnknownItem("unknown_in_bc", f"Business Central has no item {code.strip()}.")
    written = text(items[number_key(code)], "number") if code.strip() else ""
    if written != rate.code:
        whole = int(rate_id) if rate_id.isdigit() else rate_id
        await services.halo.save(
            "Lookup", [{"id": whole, "lookupid": int(CHARGE_TYPES), found.column: written}]
        )
        services.halo_facts.forget()
    await _settle_column(services, connection, found.column)
    return _rate({"id": rate_id, "name": rate.name}, written, items)


async def _settle_column(services: Services, connection: Connection, column: str) -> None:
    """A column that only BC's item numbers could tell is kept as a convention, so that a push knows it as well."""
    conventions = connection.settings.halo_conventions
    if conventions.charge_rate_code_field or code_column(await services.halo.lookups(CHARGE_TYPES)) == column:
        return

    def settle(current: Connection) -> Connection:
        held = current.settings.halo_conventions
        settled = msgspec.structs.replace(held, charge_rate_code_field=held.charge_rate_code_field or column)
        settings = msgspec.structs.replace(current.settings, halo_conventions=settled)
        return msgspec.structs.replace(current, settings=settings)

    await services.store.connections.update(connection.id, settle)
