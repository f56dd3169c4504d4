"""The registry: each kind of import that links records. Adding one = one class here and one line in `KINDS`."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from bc.clients.odata import decode_enum
from bc.entities import customer, product
from bc.entities.country import Countries
from bc.entities.fields import canonical, hashed
from bc.entities.values import Record, decimal, ident, text
from bc.errors import Refused
from bc.imports.matching import BcKeys, HaloKeys
from bc.model import Connection, Entity, ImportKind, Link, LinkSource

if TYPE_CHECKING:
    from bc.clients.halo import Halo

_encode = msgspec.json.Encoder(decimal_format="string").encode
# What an import writes comes back as an event of Halo's, which is nobody's change (F85).
ECHO_WINDOW = timedelta(minutes=10)
_NOT_CONTENT = ("@odata.etag", "lastModifiedDateTime", "blocked", customer.TERMS.bc)


@dataclass(frozen=True, slots=True)
class HaloRecord:
    """A Halo record in full; `site` is a customer's main site, None where there is none (or it is not needed)."""

    record: Record
    site: Record | None = None

    @property
    def halo_id(self) -> str:
        return ident(self.record, "id")


@dataclass(frozen=True, slots=True)
class Changes:
    """Fields to write to Halo, none where nothing differs. `site` goes to the customer's main site."""

    record: dict[str, Any] = field(default_factory=dict)
    site: dict[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.record or self.site)


class LinkedKind(Protocol):
    """A kind whose BC records become linked Halo records."""

    name: ImportKind
    entity: Entity
    noun: str
    endpoint: str
    select: str
    resource: str
    written_unseen: frozenset[str]
    """Fields of a matched record that end as BC has them whatever Halo holds, so that they may be written before the
    record is read: the answer then shows the rest. None where what is not read could forbid the link."""
    stamp: str
    """Halo's field of the last change; a list row that has it tells whether a full record read before still holds."""
    reads: Collection[str]
    """The members of a Halo record that a push reads: an edit of one of them must never be hidden by our own write."""

    def bc_keys(self, row: Record) -> BcKeys: ...

    def halo_keys(self, row: Record) -> HaloKeys: ...

    def slim(self, record: Record) -> dict[str, Any]:
        """What an import needs of a full Halo record, to be kept in memory."""

    def is_enough(self, row: Record) -> bool:
        """Whether a list row already says all that an import compares."""

    async def read(self, halo: Halo, halo_id: str) -> Record | None:
        """The full record; None when Halo has it no more."""

    def known_site(self, record: Record) -> Record | None:
        """As much of the main site as the record itself tells; None where that is too little to write to it."""

    async def read_site(self, halo: Halo, record: Record) -> Record | None:
        """The site that carries part of the record's fields, if this kind has one."""

    def changes(
        self, row: Record, connection: Connection, found: HaloRecord | None, countries: Countries
    ) -> Changes:
        """What Halo should be told of a BC row. Raises `Refused` for a row that cannot be imported as it is."""

    def blocked(self, row: Record) -> Refused | None:
        """Why no new Halo record should be made of this BC record, unless a person asks for it (F62)."""

    def held(self, row: Record) -> dict[str, Any]:
        """What BC holds of the fields that a push sends."""


class Customers:
    """BC customers become Halo clients with their main site (GUIDE G12-G14)."""

    name: ImportKind = "customers"
    entity: Entity = "customer"
    noun = "customer"
    endpoint = customer.ENDPOINT
    select = customer.SELECT
    resource = "Client"
    written_unseen = frozenset(("accountsid", "tax_number", "dbc_company_id", "dbc_company_name"))
    stamp = "alastupdate"
    reads: Collection[str] = customer.READS

    _KEPT = (
        "id",
        "name",
        "accountsid",
        "accountsemailaddress",
        "tax_number",
        "dbc_company_id",
        "dbc_company_name",
        "main_site_id",
        "main_delivery_address",
        "alastupdate",
        "toplevel_id",
        *sorted(customer.READS),
    )
    _COMPARED = ("accountsid", "accountsemailaddress", "tax_number", "dbc_company_id", "main_site_id")

    def bc_keys(self, row: Record) -> BcKeys:
        return BcKeys(
            bc_id=text(row, "id").lower(),
            number=text(row, "number"),
            name=text(row, "displayName"),
            tax_number=text(row, "taxRegistrationNumber"),
            email=text(row, "email"),
        )

    def halo_keys(self, row: Record) -> HaloKeys:
        return HaloKeys(
            halo_id=ident(row, "id"),
            name=text(row, "name"),
            number=text(row, "accountsid"),
            tax_number=text(row, "tax_number") if "tax_number" in row else None,
            email=text(row, "accountsemailaddress") if "accountsemailaddress" in row else None,
            company_id=sys.intern(text(row, "dbc_company_id")),
            top_level=ident(row, "toplevel_id"),
        )

    def slim(self, record: Record) -> dict[str, Any]:
        return {name: record[name] for name in self._KEPT if name in record}

    def is_enough(self, row: Record) -> bool:
        return all(name in row for name in self._COMPARED)

    async def read(self, halo: Halo, halo_id: str) -> Record | None:
        return await halo.client(halo_id)

    def known_site(self, record: Record) -> Record | None:
        address, site_id = record.get("main_delivery_address"), ident(record, "main_site_id")
        # Phone and country stay unknown and are therefore written: one array for 50 sites instead of 50 reads.
        return {"id": site_id, "delivery_address": address} if site_id and isinstance(address, dict) else None

    async def read_site(self, halo: Halo, record: Record) -> Record | None:
        site_id = ident(record, "main_site_id")
        if site_id:
            return await halo.site(site_id)
        client_id = ident(record, "id")
        page = await halo.page("Site", page_no=1, page_size=50, params={"client_id": client_id})
        # Halo ignores a filter that it does not know, so the rows are checked.
        own = [row for row in page.rows if ident(row, "client_id") == client_id]
        return await halo.site(ident(own[0], "id")) if len(own) == 1 else None

    def changes(
        self, row: Record, connection: Connection, found: HaloRecord | None, countries: Countries
    ) -> Changes:
        record, site = (found.record, found.site) if found else (None, None)
        wanted = customer.customer_import(row, connection, record, site, countries=countries)
        return Changes(wanted.client, wanted.site)

    def blocked(self, row: Record) -> Refused | None:
        state = decode_enum(text(row, "blocked")).lower()
        if state not in ("all", "invoice"):
            return None
        return Refused(
            "customer_blocked",
            f"Customer {text(row, 'number')} is blocked in Business Central ({state}), so it was not created in Halo.",
            cure="Unblock it there, or choose “create” for it in the preview.",
        )

    def held(self, row: Record) -> dict[str, Any]:
        return customer.customer_held(row)


class Products:
    """BC items become Halo items (GUIDE G15, G16)."""

    name: ImportKind = "products"
    entity: Entity = "product"
    noun = "product"
    endpoint = product.ENDPOINT
    select = product.SELECT
    resource = "Item"
    written_unseen: frozenset[str] = frozenset()
    stamp = "lastmodified"
    reads: Collection[str] = product.READS

    _KEPT = (
        "id",
        "name",
        "accountsid",
        "type",
        "baseprice",
        "costprice",
        "assetgroup_id",
        "dbc_company_id",
        "dbc_company_name",
        "lastmodified",
        *sorted(product.READS),
    )
    _COMPARED = ("accountsid", "type", "baseprice", "costprice", "assetgroup_id", "dbc_company_id")

    def bc_keys(self, row: Record) -> BcKeys:
        return BcKeys(text(row, "id").lower(), text(row, "number"), text(row, "displayName"))

    def halo_keys(self, row: Record) -> HaloKeys:
        # Products have neither tax number nor e-mail: nothing more could be learnt from the full record.
        return HaloKeys(
            halo_id=ident(row, "id"),
            name=text(row, "name"),
            number=text(row, "accountsid"),
            tax_number="",
            email="",
            company_id=sys.intern(text(row, "dbc_company_id")),
        )

    def slim(self, record: Record) -> dict[str, Any]:
        return {name: record[name] for name in self._KEPT if name in record}

    def is_enough(self, row: Record) -> bool:
        return all(name in row for name in self._COMPARED)

    async def read(self, halo: Halo, halo_id: str) -> Record | None:
        return await halo.item(halo_id)

    def known_site(self, record: Record) -> Record | None:
        return None

    async def read_site(self, halo: Halo, record: Record) -> Record | None:
        return None

    def changes(
        self, row: Record, connection: Connection, found: HaloRecord | None, countries: Countries
    ) -> Changes:
        return Changes(product.product_import(row, connection, found.record if found else None))

    def blocked(self, row: Record) -> Refused | None:
        if row.get("blocked") is not True:
            return None
        return Refused(
            "item_blocked",
            f"Item {text(row, 'number')} is blocked in Business Central, so it was not created in Halo.",
            cure="Unblock it there, or choose “create” for it in the preview.",
        )

    def held(self, row: Record) -> dict[str, Any]:
        return product.product_held(row)


KINDS: Mapping[str, LinkedKind] = {kind.name: kind for kind in (Customers(), Products())}
BY_ENTITY: Mapping[str, LinkedKind] = {kind.entity: kind for kind in KINDS.values()}


def content_hash(row: Record) -> str:
    """Tells whether a BC record changed in what an import reads of it."""
    content = {name: value for name, value in sorted(row.items()) if name not in _NOT_CONTENT}
    return hashlib.sha256(_encode(content)).hexdigest()[:32]


def new_link(
    kind: LinkedKind,
    connection: Connection,
    row: Record,
    halo_id: str,
    *,
    halo_name: str,
    source: LinkSource,
    at: datetime,
    job_id: str = "",
) -> Link:
    """The link between a BC row just read and a Halo record, with what BC holds, so that an echo pushes nothing."""
    return msgspec.structs.replace(
        with_held(
            kind,
            row,
            Link(
                connection_id=connection.id,
                entity=kind.entity,
                halo_id=halo_id,
                bc_id=kind.bc_keys(row).bc_id,
                source=source,
                linked_at=at,
                import_job=job_id,
                echo_until=at + ECHO_WINDOW,
            ),
        ),
        halo_name=halo_name,
    )


def with_held(kind: LinkedKind, row: Record, link: Link) -> Link:
    """The link with number, name, ETag and content of the BC row."""
    keys = kind.bc_keys(row)
    held = kind.held(row)
    before: dict[str, Any] = msgspec.json.decode(link.payload) if link.payload else {}
    if customer.TERMS.bc in before:
        # Halo is told of no terms: a bookkeeper's stay until Halo's change.
        held[customer.TERMS.bc] = before[customer.TERMS.bc]
    payload = canonical(held)
    return msgspec.structs.replace(
        link,
        bc_number=keys.number,
        bc_name=keys.name,
        etag=text(row, "@odata.etag"),
        payload=payload,
        payload_hash=hashed(payload),
        bc_type=product.bc_item_type(text(row, "type")) or "" if kind.entity == "product" else "",
        bc_cost=decimal(row, "unitCost") if kind.entity == "product" else None,
        import_hash=content_hash(row),
        state="ok",
        intent=None,
    )
