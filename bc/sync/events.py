"""What Halo's webhook says, in the forms seen in the field. The body is a hint: which record, never its data."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bc.entities.values import ident, is_halo_id
from bc.model import Entity, Operation

_ENTITIES: Mapping[str, Entity] = {
    "customer": "customer",
    "client": "customer",
    "area": "customer",
    "product": "product",
    "item": "product",
    "invoice": "invoice",
}
_EVENT_KEYS = ("event", "event_name", "eventname", "event_type")
_ID_KEYS = ("halo_id", "object_id", "id")
_OWN_ID_KEYS: Mapping[Entity, tuple[str, ...]] = {
    "customer": ("client_id", "customer_id"),
    "product": ("item_id", "product_id"),
    "invoice": ("invoice_id",),
}
# Fields that only one kind of bare record has.
_TELLTALES: Mapping[Entity, frozenset[str]] = {
    "invoice": frozenset(("invoicenumber", "invoice_date", "lines", "thirdpartyinvoicenumber")),
    "product": frozenset(("assetgroup_id", "costprice", "baseprice", "purchasenominalcode")),
    "customer": frozenset(("toplevel_id", "main_site_id", "accountsemailaddress", "tax_number")),
}
_SITE = frozenset(("slastupdate", "delivery_address", "country_code"))
_DELETED = re.compile(r"delet|remov", re.IGNORECASE)
_WORDS = re.compile(r"[a-z]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Change:
    entity: Entity
    halo_id: str
    operation: Operation


@dataclass(frozen=True, slots=True)
class NoInterest:
    """Understood, and none of ours."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Not understood."""

    reason: str


type Reading = Change | NoInterest | Unknown


def read_event(body: Any, *, entity: Entity | None = None, operation: Operation | None = None) -> Reading:
    """One delivery. `entity` and `operation` are what the webhook's address says; they win over the body."""
    if not isinstance(body, Mapping):
        return Unknown("The delivery is not a JSON object.")
    name = next((str(body[key]) for key in _EVENT_KEYS if body.get(key)), "")
    said = _operation(body, name)
    kind, record = _kind(body, name)
    if entity is None and kind is None:
        if name:
            return NoInterest(f"The event “{name[:80]}” is about no customer, product or invoice.")
        return Unknown("The delivery names no event and no customer, product or invoice.")
    if "recurring" in name.lower() and kind == "invoice":
        return NoInterest("A recurring invoice is not an invoice yet; those made from it are synced.")
    entity = entity or kind
    assert entity is not None  # noqa: S101 - said above
    halo_id = _id_of(entity, record, body)
    if not halo_id:
        return Unknown(f"The delivery names no id of a {entity}.")
    return Change(entity, halo_id, operation or said)


def _operation(body: Mapping[str, Any], name: str) -> Operation:
    said = body.get("operation")
    if said == "delete" or (said is None and _DELETED.search(name)):
        return "delete"
    return "upsert"


def _kind(body: Mapping[str, Any], event: str) -> tuple[Entity | None, Mapping[str, Any]]:
    """Which kind of record the body is about, and the record in it."""
    said = body.get("entity")
    if isinstance(said, str) and said.lower() in _ENTITIES:
        return _ENTITIES[said.lower()], body
    for name, kind in _ENTITIES.items():
        if isinstance(body.get(name), Mapping):
            return kind, body[name]
    if event:
        words = [
            word.lower().rstrip("s") for word in _WORDS.findall(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", event))
        ]
        if "site" in words:
            return "customer", _only(body, "client_id")
        kinds = {_ENTITIES[word] for word in words if word in _ENTITIES}
        return (kinds.pop() if len(kinds) == 1 else None), body
    return _bare(body)


def _bare(body: Mapping[str, Any]) -> tuple[Entity | None, Mapping[str, Any]]:
    for kind, fields in _TELLTALES.items():
        if fields & body.keys():
            return kind, body
    if _SITE & body.keys() and "client_id" in body:
        return "customer", _only(body, "client_id")
    return next(
        ((kind, body) for kind, keys in _OWN_ID_KEYS.items() if any(key in body for key in keys)),
        (None, body),
    )


def _only(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return {name: body.get(name)}


def _id_of(entity: Entity, record: Mapping[str, Any], body: Mapping[str, Any]) -> str:
    for source in (record, body):
        # Its own id first: a bare invoice also carries its customer's.
        for key in (*_ID_KEYS, *_OWN_ID_KEYS[entity]):
            found = ident(source, key)
            if is_halo_id(found):
                return found
        if source is record and set(record) == {"client_id"}:
            break
    return ""
