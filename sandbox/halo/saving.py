"""Saving: create and update are one thing in Halo, an id makes the difference; only what is sent changes."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.halo.errors import HaloError, not_found, refused
from sandbox.halo.fields import DERIVED, SITE, Row, blank, is_stored
from sandbox.halo.invoices import save_invoice
from sandbox.halo.nested import keep_nested
from sandbox.halo.resources import RESOURCES, Resource
from sandbox.halo.seeding import Key
from sandbox.halo.store import HaloState, Operation


def save_array(state: HaloState, resource: Resource, elements: Sequence[Any]) -> list[Row]:
    """Save each element of a POST; one refused element refuses the whole array (switch `halo.array_partial`)."""
    partial = state.switch("array_partial")
    if not partial:
        with state.transaction():
            return [save(state, resource, _object(element)) for element in elements]
    saved: list[Row] = []
    refusals: list[HaloError] = []
    for element in elements:
        try:
            with state.transaction():
                saved.append(save(state, resource, _object(element)))
        except HaloError as refusal:
            refusals.append(refusal)
    if refusals and (partial == "error" or not saved):
        raise refusals[0]
    return saved


def save(state: HaloState, resource: Resource, element: Mapping[str, Any], *, by_agent: bool = False) -> Row:
    """Create or update one record and give it back as stored. Call it inside a transaction."""
    if resource.name == "Invoice":
        return save_invoice(state, element, by_agent=by_agent)
    sent = state.check(resource.name, resource.fields, element)
    key = _key(resource, sent)
    found = state.find(resource.name, key) if key is not None else None
    if key is not None and found is None and not sent.get("_isnewcode"):
        state.meet_unknown_id()
        key = None
    operation: Operation = "updated" if found is not None else "created"
    if found is None:
        _complete(resource, sent)
        key = _new_key(state, resource, sent, key)
    assert key is not None
    derived = DERIVED.get(resource.name, frozenset(("id",)))
    kept = {name: value for name, value in sent.items() if is_stored(name) and name not in derived}
    row = {**(found or blank(resource.fields)), **kept, "id": _id_of(key)}
    if operation == "created" and resource.name == "Client":
        row["main_site_id"] = _main_site(state, row, sent)
    if resource.name == "Client" and state.switch("client_address_writable"):
        _move_site(state, row, sent)
    keep_nested(state, resource.name, found or {}, row, sent)
    _derive(state, resource, row)
    silent = bool(sent.get("_dont_fire_automations")) and bool(state.switch("dont_fire_automations"))
    state.put(resource, key, row, operation, silent=silent)
    _link(state, resource, row, sent)
    return row


def delete(state: HaloState, resource: Resource, key: Key) -> None:
    """Delete a record; what it had attached goes with it. 404 for an unknown one."""
    if state.find(resource.name, key) is None:
        raise not_found()
    state.remove(resource, key)
    if resource.name == "Webhook":
        notifications = state.table("Notification")
        for number in [number for number, row in notifications.items() if row["webhook_id"] == key]:
            del notifications[number]


def new_accounts_ids(state: HaloState, resource: Resource, elements: Sequence[Any]) -> list[Row]:
    """NewAccountsId: the record with a number that Halo made up, not saved (switch `halo.new_accounts_id_saves`).

    A record that has a number keeps it. Asked again before the number is saved, Halo makes up another.
    """
    saves = bool(state.switch("new_accounts_id_saves"))
    answers: list[Row] = []
    with state.transaction():
        for element in elements:
            sent = state.check(resource.name, resource.fields, _object(element))
            key = sent.get("id", 0)
            row = state.find(resource.name, key)
            if row is None:
                raise not_found()
            if not row["accountsid"]:
                row = {**row, "accountsid": _made_up(state, resource)}
                if saves:
                    state.put(resource, key, row, "updated")
            answers.append(row)
    return answers


def _object(element: Any) -> Mapping[str, Any]:
    if not isinstance(element, dict):
        raise refused("Error converting value to an object. Path '[0]', line 1, position 2.", "dotnet")
    return element


def _key(resource: Resource, sent: Row) -> Key | None:
    """The key that the element names; None for a new record."""
    if resource.name == "Control":
        return 1
    if resource.name == "Lookup":
        return (sent.get("lookupid", 0), sent["id"]) if sent.get("id") else None
    return sent.get("id") or None


def _new_key(state: HaloState, resource: Resource, sent: Row, wanted: Key | None) -> Key:
    if resource.name == "Webhook":
        return str(uuid.uuid4())
    if resource.name == "Lookup":
        if wanted is not None:
            return wanted
        used = [
            key[1] for key in state.table("Lookup") if isinstance(key, tuple) and key[0] == sent["lookupid"]
        ]
        return (sent["lookupid"], max(used, default=0) + 1)
    return state.take_id(resource.name)


def _id_of(key: Key) -> int | str:
    return key[1] if isinstance(key, tuple) else key


def _complete(resource: Resource, sent: Row) -> None:
    for name in resource.required:
        if not sent.get(name):
            raise refused(f"{name} is required.", "message" if name == "name" else "result")


def _derive(state: HaloState, resource: Resource, row: Row) -> None:
    """The display twins of ids; an id of nothing is refused."""
    if resource.name == "Site":
        row["client_name"] = _twin(state, "Client", row["client_id"])
    elif resource.name == "Client":
        row["toplevel_id"] = row["toplevel_id"] or 1
        row["toplevel_name"] = _twin(state, "TopLevel", row["toplevel_id"])
    elif resource.name == "Item":
        row["assetgroup_name"] = (
            _twin(state, "AssetGroup", row["assetgroup_id"]) if row["assetgroup_id"] else ""
        )
    elif resource.name == "Notification" and state.find("Webhook", row["webhook_id"]) is None:
        raise refused("webhook_id is unknown.")
    if "dbc_company_name" in row:
        company = row["dbc_company_id"]
        details = state.table("BusinessCentralDetails").values()
        row["dbc_company_name"] = next(
            (found["company_name"] for found in details if company and found["company_id"] == company), ""
        )


def _twin(state: HaloState, resource: str, key: int) -> str:
    found = state.find(resource, key)
    if found is None:
        raise refused(f"The {resource} {key} does not exist.", "plain")
    return str(found["name"])


def _main_site(state: HaloState, client: Row, sent: Row) -> int:
    """A new client comes with its main site, from the `newclient_…` fields."""
    site_id = state.take_id("Site")
    address = sent.get("newclient_delivery_address") or {}
    site = {
        **blank(SITE),
        "id": site_id,
        "name": sent.get("newclient_sitename") or "Main",
        "client_id": client["id"],
        "client_name": client["name"],
        "phonenumber": sent.get("newclient_phonenumber", ""),
        "country_code": sent.get("newclient_countrycode", ""),
        "region_code": sent.get("newclient_regioncode", 0),
        "delivery_address": address,
        "invoice_address": address,
        "invoice_address_isdelivery": True,
    }
    client["main_site_name"] = site["name"]
    state.put(RESOURCES["Site"], site_id, site, "created", silent=True)
    return site_id


def _move_site(state: HaloState, client: Row, sent: Row) -> None:
    site = state.find("Site", client["main_site_id"])
    address = sent.get("main_invoice_address") or sent.get("main_delivery_address")
    if site is None or not address:
        return
    moved = {**site, "delivery_address": address, "invoice_address": address}
    state.put(RESOURCES["Site"], site["id"], moved, "updated", silent=True)


def _link(state: HaloState, resource: Resource, row: Row, sent: Row) -> None:
    """`new_external_link` attaches an ExternalLink with the save."""
    link = sent.get("new_external_link")
    if not isinstance(link, dict):
        return
    kind = RESOURCES["ExternalLink"]
    checked_link = state.check(kind.name, kind.fields, link)
    key = state.take_id(kind.name)
    stored = {**blank(kind.fields), **checked_link, "id": key, "halo_id": row["id"], "~of": resource.name}
    state.put(kind, key, stored, "created")


def _made_up(state: HaloState, resource: Resource) -> str:
    letter = resource.name[0]
    taken = {row["accountsid"] for row in state.table(resource.name).values()}
    while True:
        state.given_numbers[resource.name] += 1
        number = f"{letter}{state.given_numbers[resource.name]:05d}"
        if number not in taken:
            return number
