"""Halo's end: sign-in, rights, the built-in sync, lists and columns that a tenant decides, its webhook."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bc.doctor.checks import Check, answer_of, failed, ok, refused, warning
from bc.entities.halo_lists import CHARGE_TYPES, LISTS, ListName, code_column, find_list
from bc.entities.values import flag
from bc.errors import Refused, SyncError
from bc.model import Connection
from bc.status.events import last_event_at

if TYPE_CHECKING:
    from bc.services import Services

QUIET = timedelta(days=7)
READ = (("Client", "customers"), ("Item", "products"), ("Invoice", "invoices"))
_RIGHTS = "Give the API application and its agent in Halo the right to read them."


async def examine_halo(services: Services, connection: Connection) -> list[Check]:
    halo = services.halo
    if not services.settings.halo.configured:
        return [
            failed(
                "Halo",
                "Halo is not configured.",
                "Set HALO_URL, HALO_CLIENT_ID and HALO_CLIENT_SECRET.",
            )
        ]
    control = await answer_of("Halo", halo.control())
    if isinstance(control, Check):
        return [control]
    checks = [ok("Halo", "Halo answers and signs us in.")]
    checks += [await _reads(services, resource, what) for resource, what in READ]
    checks.append(await _native(services, connection))
    checks.append(_accounts_module(control))
    checks += await _lists(services, connection)
    checks.append(await _webhook(services))
    return checks


async def _reads(services: Services, resource: str, what: str) -> Check:
    name = f"Halo {what}"
    try:
        page = await services.halo.page(resource, page_size=1)
    except SyncError as error:
        return Check(name, "failed", error.message, error.cure or _RIGHTS)
    if not page.rows:
        return warning(name, f"Halo shows no {what}.", f"If there are any: {_RIGHTS}")
    return ok(name, f"Halo shows its {what}.")


async def _native(services: Services, connection: Connection) -> Check:
    name = "Halo's built-in sync"
    rows: list[dict[str, Any]] | Check = await answer_of(name, services.halo.native_details())
    if isinstance(rows, Check):
        return warning(name, "Halo does not let us see whether its built-in sync is on.", rows.cure)
    if not any(flag(row, "enable_sync") for row in rows):
        return ok(name, "It is off.")
    words = "It is on and would send the same records."
    if connection.settings.allow_native_sync:
        return warning(name, f"{words} The connection allows that.", "Switch it off once it is not needed.")
    return failed(name, words, "Switch off “Enable sync” in Halo's Business Central integration.")


def _accounts_module(control: dict[str, Any]) -> Check:
    name = "Halo account codes"
    if "useaccountscodeslookup" not in control:
        return warning(name, "Halo does not say whether its account-code module is on.")
    if flag(control, "useaccountscodeslookup"):
        return ok(name, "The account-code module is on.")
    return warning(
        name,
        "The account-code module is off: products have no accounts to choose from.",
        "Turn it on in Halo (Configuration, Billing), if accounts are to be imported.",
    )


async def _lists(services: Services, connection: Connection) -> list[Check]:
    """The lists that hold account codes and countries, and the column of the charge rates' codes."""
    conventions = connection.settings.halo_conventions
    lists = await answer_of("Halo lists", services.halo.lookups(LISTS))
    if isinstance(lists, Check):
        return [lists]
    names: tuple[ListName, ...] = ("accounts", "countries")
    checks: list[Check] = []
    for name in names:
        try:
            found = find_list(name, lists, conventions)
        except Refused as error:
            checks.append(Check(f"Halo list of {name}", "warning", error.message, error.cure))
        else:
            checks.append(ok(f"Halo list of {name}", f"Found: it is Halo's lookup list {found}."))
    rates = await answer_of("Halo charge rates", services.halo.lookups(CHARGE_TYPES))
    if isinstance(rates, Check):
        return [*checks, rates]
    column = conventions.charge_rate_code_field or code_column(rates)
    checks.append(
        ok("Halo charge rates", f"Their codes stand in Halo's column {column}.")
        if column
        else warning(
            "Halo charge rates",
            "Which column holds the codes of charge rates cannot be told.",
            "Type a code for one charge rate in Halo, or name the column under halo_conventions.",
        )
    )
    return checks


async def _webhook(services: Services) -> Check:
    try:
        last = await last_event_at(services.store)
    except SyncError as error:
        return refused("Halo's webhook", error)
    every = services.settings.halo.sweep_minutes
    swept = f" The app looks for changes by itself every {every} minutes." if every else ""
    cure = "Enter the webhooks in Halo (Configuration, Integrations, Webhooks) and look at their deliveries."
    if last is None:
        return warning("Halo's webhook", f"Halo has never called.{swept}", cure)
    seen = f"Halo last called at {last:%Y-%m-%d %H:%M} UTC."
    if datetime.now(UTC) - last > QUIET:
        return warning("Halo's webhook", f"{seen}{swept}", cure)
    return ok("Halo's webhook", seen)
