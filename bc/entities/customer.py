"""Customers: a Halo client with its main site, and a BC customer. Both directions; no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bc.entities.country import Countries, country_in_bc, country_in_halo
from bc.entities.fields import (
    Field,
    Part,
    Payload,
    addresses,
    bc_value,
    collect,
    company_changes,
    create_body,
    differences,
    fitting_addresses,
    held_state,
    one_line,
)
from bc.entities.values import Record, flag, ident, text
from bc.errors import Refused, Skip
from bc.model import Connection, ConnectionSettings, Link, OutcomeWarning

NUMBER = Field("accountsid", "number", "accounts id", max=20, code=True, required=True, create_only=True)
NAME = Field("name", "displayName", "name", max=100, required=True)
EMAIL = Field("accountsemailaddress", "email", "accounts e-mail", max=80, convert=fitting_addresses)
TAX_NUMBER = Field("tax_number", "taxRegistrationNumber", "tax number", max=20)
COUNTRY = Field("country_code", "country", "country code", max=10, part="site", code=True)
PHONE = Field("phonenumber", "phoneNumber", "phone number", max=30, part="site")
TERMS = Field("paymentterms", "paymentTermsId", "payment terms")
ADDRESS = (
    Field("line1", "addressLine1", "address line 1", max=100, part="address"),
    Field("line2", "addressLine2", "address line 2", max=50, part="address"),
    Field("line3", "city", "town (address line 3)", max=30, part="address"),
    Field("line4", "state", "county or state (address line 4)", max=30, part="address"),
    Field("postcode", "postalCode", "postcode", max=20, part="address", code=True),
)
# The country stands before the address, since a new country clears town, county and postcode in BC, and before
# the tax number, whose form BC checks by country.
FIELDS = (NUMBER, NAME, COUNTRY, *ADDRESS, PHONE, EMAIL, TAX_NUMBER, TERMS)
_AFTER_COUNTRY = frozenset(("city", "state", "postalCode"))

# What a push reads of a client and of its main site.
READS = frozenset(
    (
        *(spec.halo for spec in FIELDS if spec.part == "record"),
        *("excludefrominvoicesync", "inactive", "dbc_company_id", "dbc_dimensions", "main_site_id"),
    )
)
SITE_READS = frozenset(("delivery_address", COUNTRY.halo, PHONE.halo))

ENDPOINT = "customers"
SELECT = ",".join(("id", *(spec.bc for spec in FIELDS), "blocked", "lastModifiedDateTime"))


def customer_name(client: Record) -> str:
    """What a person calls this customer."""
    return one_line(text(client, "name")) or f"customer {ident(client, 'id')}"


def customer_payload(
    client: Record,
    site: Record | None,
    *,
    settings: ConnectionSettings,
    creating: bool,
    countries: Mapping[str, str] | None = None,
    payment_terms: str = "",
    link: Link | None = None,
) -> Payload:
    """The BC customer that a Halo client should be (GUIDE G20).

    `site` is its main site, or None where it could not be read: its fields are then left as BC has them.
    `settings` and every other argument are the same for each entity.
    `countries` maps Halo's country value (an id or a code) to BC's code. `payment_terms` is the BC id of the terms that
    are meant by Halo's, "" to leave them as BC has them. Raises `Skip` `opted_out` or `no_accounts_id`, `Refused`
    `field_too_long` or `name_missing`.
    """
    name = customer_name(client)
    record = f"customer '{name}'"
    if flag(client, "excludefrominvoicesync"):
        raise Skip(
            "opted_out",
            f"Customer '{name}' is excluded from the invoice sync in Halo.",
            cure="Clear “Exclude from invoice sync” on the customer's billing tab.",
        )
    parts: dict[Part, Record | None] = {"record": client, "site": site, "address": _address(site)}
    state, at_creation = collect(FIELDS, parts, record)
    number = str(at_creation.get(NUMBER.bc, ""))
    if not number:
        raise Skip(
            "no_accounts_id",
            f"Customer '{name}' has no accounts id, so it is not synced.",
            cure="Fill in the accounts id on the customer's billing tab in Halo; it is then sent by itself. Or set a number "
            "pattern for customers on the connection.",
        )
    if not state.get(NAME.bc):
        raise Refused(
            "name_missing", f"Customer {number} has no name.", cure="Give the customer a name in Halo."
        )
    state.pop(TERMS.bc, None)
    if payment_terms:
        state[TERMS.bc] = payment_terms
    warnings = [*_resolve_country(state, countries, record), *_renumbered(link, number, record)]
    body = create_body(FIELDS, state, at_creation) if creating else dict(state)
    return Payload(body, state, number, name, tuple(warnings))


def customer_changes(state: Record, held: Record) -> dict[str, Any]:
    """The body of an update: what differs from what BC holds; with a new country also what that would clear."""
    changed = differences(state, held)
    if COUNTRY.bc not in changed:
        return changed
    return {name: value for name, value in state.items() if name in changed or name in _AFTER_COUNTRY}


def customer_held(bc_row: Record) -> dict[str, Any]:
    """What BC holds, in the form of `Payload.state`."""
    return held_state(FIELDS, bc_row)


def _address(site: Record | None) -> Record | None:
    found = site.get("delivery_address") if site else None
    return found if isinstance(found, Mapping) else None


def _resolve_country(
    state: dict[str, Any], countries: Mapping[str, str] | None, record: str
) -> list[OutcomeWarning]:
    value = state.get(COUNTRY.bc)
    if not value:
        return []
    code = country_in_bc(str(value), countries)
    if code:
        state[COUNTRY.bc] = code
        return []
    del state[COUNTRY.bc]
    return [
        OutcomeWarning(
            "country_unknown",
            f"The country of {record} (value {value} in Halo) is no known country code, so it was not sent.",
        )
    ]


def _renumbered(link: Link | None, number: str, record: str) -> list[OutcomeWarning]:
    if link is None or not link.bc_number or link.bc_number.strip().upper() == number:
        return []
    return [
        OutcomeWarning(
            "number_differs",
            f"The accounts id of {record} is {number} in Halo, but it is linked to {link.bc_number} "
            "in Business Central; numbers are never changed there.",
        )
    ]


@dataclass(frozen=True, slots=True)
class CustomerImport:
    """What an import writes to Halo: only fields that differ. Empty dictionaries: nothing to write.

    `client` lacks an `id` when it is to be created. `site` lacks its `id`: the caller adds the main site's.
    """

    client: dict[str, Any]
    site: dict[str, Any]


def customer_import(
    bc_row: Record,
    connection: Connection,
    client: Record | None,
    site: Record | None,
    *,
    countries: Countries | None = None,
) -> CustomerImport:
    """The Halo fields that differ from a BC customer (GUIDE G14). `countries`: Halo's list, where it has one.

    `client` None: a new one. What BC holds blank never clears what Halo holds; the five address lines count as one
    value. An e-mail list in Halo whose first addresses are BC's stays as it is. Raises `Refused` `name_missing`
    for a BC customer without a name that Halo would have to create.
    """
    wanted = {
        "accountsid": text(bc_row, NUMBER.bc),
        "accountsemailaddress": text(bc_row, EMAIL.bc),
        "tax_number": text(bc_row, TAX_NUMBER.bc),
    }
    held: Record = client or {}
    changes = company_changes(connection.company_id or "", connection.company_name or "", held)
    changes |= {
        name: value for name, value in wanted.items() if value and not _same_client(name, value, held)
    }
    if client is None:
        name = text(bc_row, NAME.bc)
        if not name:
            raise Refused(
                "name_missing",
                f"Customer {text(bc_row, NUMBER.bc)} has no name in Business Central.",
                cure="Give the customer a name in Business Central and import it again.",
            )
        changes = {"name": name, **changes}
        top_level = connection.settings.client_top_level
        if top_level:
            changes["toplevel_id"] = int(top_level) if top_level.isdigit() else top_level
    return CustomerImport(changes, _site_changes(bc_row, connection, site, countries or Countries()))


def _same_client(name: str, value: str, client: Record) -> bool:
    held = text(client, name)
    if name == "accountsemailaddress":
        listed = [address.casefold() for address in addresses(held)]
        sought = [address.casefold() for address in addresses(value)]
        return bool(sought) and listed[: len(sought)] == sought
    if name == "accountsid":
        return held.casefold() == value.casefold()
    return held == value


def _site_changes(
    bc_row: Record, connection: Connection, site: Record | None, countries: Countries
) -> dict[str, Any]:
    held: Record = site or {}
    changes: dict[str, Any] = {}
    address = _address(site) or {}
    lines = {spec.halo: text(bc_row, spec.bc) for spec in ADDRESS}
    if any(lines.values()) and any(text(address, name) != value for name, value in lines.items()):
        kept = {"id": address["id"]} if ident(address, "id") else {}
        changes["delivery_address"] = {**kept, **lines}
    code = bc_value(COUNTRY, bc_row)
    if code and country_in_bc(text(held, COUNTRY.halo), countries.codes) != code:
        form = connection.settings.halo_conventions.country_code_form or countries.form
        changes[COUNTRY.halo] = country_in_halo(code, countries.codes, form)
    phone = text(bc_row, PHONE.bc)
    if phone and text(held, PHONE.halo) != phone:
        changes[PHONE.halo] = phone
    return changes
