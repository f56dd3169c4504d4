"""The engine's view of customers and products: one BC record each, found by its number before it is created."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from bc.clients.business_central import Part, decode_enum, part_error, quote
from bc.entities.dimensions import as_text, dimensions_of, from_text
from bc.entities.fields import Payload, canonical
from bc.entities.stamps import is_as_written, offer
from bc.entities.values import Record, decimal, flag, ident, text
from bc.errors import AlreadyExists, Refused, Skip, UnknownOutcome
from bc.model import Action, Entity, Link, Policy
from bc.sync import numbers
from bc.sync.conflicts import check_nobody_asks, three_way
from bc.sync.context import Push
from bc.sync.dimensions import dimension_ids, dimension_parts, send_dimensions
from bc.sync.halo_facts import Resource
from bc.sync.payment_terms import terms_named

if TYPE_CHECKING:
    from bc.services import Services

MAIN_SITE = "_main_site"


@dataclass(frozen=True, slots=True)
class RecordSpec:
    """What differs between customers and products."""

    entity: Entity
    resource: Resource
    endpoint: str
    select: str
    payload: Callable[..., Payload]
    changes: Callable[[Record, Record], dict[str, Any]]
    held: Callable[[Record], dict[str, Any]]
    name: Callable[[Record], str]
    stamp: str
    email: str = ""


@dataclass(frozen=True, slots=True)
class RecordPlan:
    action: str
    payload: Payload
    body: Mapping[str, Any]
    parts: tuple[Part, ...]
    drawn: bool = False
    """Whether the number is one that was drawn for it, and not Halo's own."""
    dimensions: str | None = None
    """The default dimensions that this step sends, as the link keeps them; None where it sends the record itself."""
    goes_in_steps: bool = False
    """Whether default dimensions follow once the record is there and linked."""

    @property
    def payload_hash(self) -> str:
        return self.payload.payload_hash

    @property
    def bc_type(self) -> str:
        return ""

    @property
    def numbers(self) -> Mapping[str, int]:
        return {}


class RecordSync:
    def __init__(self, spec: RecordSpec) -> None:
        self.spec = spec

    async def read(self, services: Services, halo_id: str) -> Record | None:
        record = await services.halo.get_one(self.spec.resource, halo_id, params={"includedetails": "true"})
        if record is None or self.spec.entity != "customer":
            return record
        site_id = ident(record, "main_site_id")
        site = await services.halo.site(site_id) if site_id else None
        return {**record, MAIN_SITE: site}

    def name(self, record: Record) -> str:
        return self.spec.name(record)

    def stamp(self, record: Record) -> str:
        # A customer's address is on its site: a changed site is a changed customer.
        site = record.get(MAIN_SITE)
        own = text(record, self.spec.stamp)
        return f"{own}/{text(site, 'slastupdate')}" if site else own

    def is_void(self, record: Record) -> bool:
        return False

    async def check(self, push: Push, record: Record, link: Link | None) -> None:
        policy: Policy = getattr(push.connection.settings, f"{self.spec.entity}_policy")
        linked = bool(link and link.exists)
        label = f"{self.spec.entity.capitalize()} {self.name(record)}"
        if linked and policy == "create_only":
            raise Skip("create_only", f"{label} is linked, and changes are not sent.", cure=_POLICY_CURE)
        if not linked and policy == "update_only":
            raise Skip(
                "update_only",
                f"{label} is not linked, and new ones are not created.",
                cure=f"Import or link it. {_POLICY_CURE}",
            )
        if flag(record, "inactive") and not linked:
            raise Skip("inactive", f"{label} is inactive in Halo.", cure="Make it active to sync it.")

    async def prepare(self, push: Push, record: Record, link: Link | None) -> RecordPlan:
        creating = link is None or not link.exists
        drawn = not text(record, "accountsid")
        if drawn:
            record = await self._numbered(push, record, link)
        payload = await self._payload(push, record, link, creating=creating)
        for warning in payload.warnings:
            push.warn(warning.code, warning.message)
        wanted = dimensions_of(record, f"{self.spec.entity.capitalize()} {payload.name}")
        follows = wanted is not None and as_text(wanted) != (link.dimensions if link else "")
        if link is None or creating:
            if wanted:
                # Refused before there is half a record.
                await dimension_ids(push, payload.name, wanted)
            part = Part("POST", self.spec.endpoint, payload.body)
            return RecordPlan("create", payload, payload.body, (part,), drawn, goes_in_steps=follows)
        before: dict[str, Any] = msgspec.json.decode(link.payload) if link.payload else {}
        body = self.spec.changes(payload.state, before)
        owner = f"{self.spec.endpoint}({link.bc_id})"
        if body:
            part = Part("PATCH", owner, body, link.etag or "*")
            return RecordPlan("update", payload, body, (part,), drawn, goes_in_steps=follows)
        if wanted is None or not follows:
            return RecordPlan("none", payload, {}, (), drawn)
        parts = await dimension_parts(
            push, owner, payload.name, wanted, from_text(link.dimensions), self.spec.select
        )
        return RecordPlan("update", payload, {}, parts, drawn, dimensions=as_text(wanted))

    async def _numbered(self, push: Push, record: Record, link: Link | None) -> Record:
        """The record with an accounts id made up for it, where something makes them up."""
        generator = await numbers.generator_of(push, self.spec)
        if generator is None:
            return record
        # No number is drawn for a record that is refused for something else.
        creating = link is None or not link.exists
        await self._payload(push, {**record, "accountsid": numbers.TO_COME}, None, creating=creating)
        return {**record, "accountsid": await numbers.number_for(push, self.spec, generator, link)}

    async def _payload(self, push: Push, record: Record, link: Link | None, *, creating: bool) -> Payload:
        settings = push.connection.settings
        if self.spec.entity == "customer":
            site = record.get(MAIN_SITE)
            codes: Mapping[str, str] = {}
            if site and text(site, "country_code").isdigit():
                # An id of Halo's list of countries; a code is BC's own.
                codes = (await push.services.halo_facts.countries(settings.halo_conventions)).codes
            payload = partial(
                self.spec.payload,
                record,
                site,
                settings=settings,
                creating=creating,
                link=link,
                countries=codes,
            )
            # What keeps the customer from being sent comes before what its terms in BC are.
            without = payload()
            terms = await terms_named(push, record)
            return payload(payment_terms=terms) if terms else without
        return self.spec.payload(record, settings=settings, creating=creating, link=link)

    async def find(
        self, push: Push, record: Record, plan: RecordPlan, link: Link | None
    ) -> tuple[Link, Action] | None:
        interrupted = link is not None and link.intent is not None
        if not interrupted and not push.connection.settings.match_before_create:
            return None
        row = await self._match(push, plan, link)
        if row is None:
            return None
        base = link or Link(
            connection_id=push.connection.id,
            entity=self.spec.entity,
            halo_id=push.halo_id,
            linked_at=push.started_at,
        )
        found = self._taken(
            msgspec.structs.replace(base, source="created" if interrupted else "adopted"), plan, row
        )
        # What BC holds is the base of the comparison, so that a difference is sent after adopting (F11).
        return self._with_cost(self._as_held(found, row), row), "created" if interrupted else "adopted"

    async def _match(self, push: Push, plan: RecordPlan, link: Link | None) -> dict[str, Any] | None:
        """The BC record that has this number, or else is the only one with this e-mail and this name.

        `link`: one whose create was tried before, None for a first look. Raises `Refused` `ambiguous_match` where a
        person must decide.
        """
        number, name = plan.payload.number.upper(), plan.payload.name.casefold()
        email = str(plan.payload.state.get(self.spec.email, "")).casefold() if self.spec.email else ""
        by_number, by_name, by_email = await self._look(push, plan)
        tried = link is not None and link.intent is not None
        same_number = next((row for row in by_number if _folded(row, "number") == number.casefold()), None)
        if same_number:
            # A create whose answer was lost may have gone out under the name that Halo had then.
            names = {name, link.halo_name.casefold()} if tried and link else {name}
            if _folded(same_number, "displayName") in names:
                await self._check_free(push, plan, same_number)
                return same_number
            if plan.drawn and not tried:
                raise await numbers.number_is_taken(push, plan.payload.number)
            raise self._ambiguous(plan, [same_number], "has the same number but another name")
        alike: list[dict[str, Any]] = []
        certain: list[dict[str, Any]] = []
        for row in {str(row["id"]): row for row in (*by_name, *by_email)}.values():
            same_name = _folded(row, "displayName") == name
            same_email = bool(email) and _folded(row, self.spec.email) == email
            # One that is linked to another Halo record is that one's, however alike the two are.
            if (same_name or same_email) and not await self._others(push, row):
                alike.append(row)
                certain += [row] if same_name and same_email else []
        if len(alike) == 1 and certain:
            return certain[0]
        if alike:
            raise self._ambiguous(plan, alike, "has the same name or e-mail but another number")
        return None

    async def _look(self, push: Push, plan: RecordPlan) -> list[list[dict[str, Any]]]:
        """BC's rows with this number, with this name, and with this e-mail: hints, since a sign may act as wildcard."""
        # What explain shows for a number to come is none, and its brackets may mean something in a filter.
        number = "" if plan.payload.number == numbers.TO_COME else plan.payload.number
        filters = [f"number eq {quote(number)}", f"displayName eq {quote(plan.payload.name)}"]
        email = str(plan.payload.state.get(self.spec.email, "")) if self.spec.email else ""
        if email:
            filters.append(f"email eq {quote(email)}")
        parts = [Part("GET", f"{self.spec.endpoint}?$filter={f}&$select={self.spec.select}") for f in filters]
        rows: list[list[dict[str, Any]]] = []
        for answer in await push.bc.batch(push.connection, parts):
            if answer.status == 0:
                raise UnknownOutcome("bc_unavailable", "Business Central did not answer the look-up.")
            if error := part_error(answer, wrote=False):
                raise error
            rows.append(list((answer.body or {}).get("value", ())))
        return [*rows, []][:3]

    async def _others(self, push: Push, row: Record) -> list[Link]:
        """The links of other Halo records to this BC record."""
        links = await push.services.store.links.by_bc_id(push.connection.id, push.entity, str(row["id"]))
        return [link for link in links if link.halo_id != push.halo_id]

    async def _check_free(self, push: Push, plan: RecordPlan, row: Record) -> None:
        others = await self._others(push, row)
        if others:
            named = others[0].halo_name or others[0].halo_id
            raise self._ambiguous(plan, [row], f"is linked to {push.entity} {named} already")

    def _ambiguous(self, plan: RecordPlan, rows: Sequence[Record], why: str) -> Refused:
        found = ", ".join(f"{row.get('number')} {row.get('displayName')}" for row in rows[:3])
        return Refused(
            "ambiguous_match",
            f"{self.spec.entity.capitalize()} {plan.payload.name} ({plan.payload.number}): {found} {why} "
            "in Business Central.",
            cure="Link it by hand, or correct the accounts id or the name, then retry.",
        )

    async def create(self, push: Push, plan: RecordPlan, link: Link, *, repeated: bool) -> Link:
        try:
            row = await push.bc.post(push.connection, self.spec.endpoint, dict(plan.body))
        except AlreadyExists:
            found = await self._match(push, plan, link if repeated else None)
            if found is None:
                raise
            # An earlier create was carried out after all, or somebody typed the same: same number, same name.
            link = msgspec.structs.replace(link, source="created" if repeated else "adopted")
            return self._with_cost(self._as_held(self._taken(link, plan, found), found), found)
        self._warn_unposted(push, row, plan)
        return self._with_cost(self._taken(link, plan, row), plan.body)

    def _warn_unposted(self, push: Push, row: Record, plan: RecordPlan) -> None:
        if self.spec.entity == "product" and not text(row, "generalProductPostingGroupCode"):
            push.warn(
                "posting_group_missing",
                f"Product {plan.payload.name} has no posting group in Business Central yet: invoices with it are "
                "refused until somebody sets it there.",
            )

    async def update(self, push: Push, plan: RecordPlan, link: Link) -> Link:
        if plan.dimensions is not None:
            sent = msgspec.structs.replace(link, dimensions=plan.dimensions, intent=None)
            if not plan.parts:
                return sent
            owner = await send_dimensions(push, plan.parts)
            return msgspec.structs.replace(sent, etag=str(owner.get("@odata.etag", link.etag)))
        path = f"{self.spec.endpoint}({link.bc_id})"
        row = await push.bc.patch(push.connection, path, dict(plan.body), link.etag or "*")
        return self._taken(link, plan, row)

    async def reread(self, push: Push, plan: RecordPlan, link: Link) -> Link:
        path = f"{self.spec.endpoint}({link.bc_id})"
        row = await push.bc.get(push.connection, path, params={"$select": self.spec.select})
        found = self._as_held(self._taken(link, plan, row), row)
        if link.intent is None or link.intent.started_at < push.started_at:
            return found
        # This very attempt was told that the record is not what it was: somebody else's change.
        payload, both = three_way(link.payload, found.payload, plan.payload.payload)
        name = f"{self.spec.entity.capitalize()} {plan.payload.name}"
        check_nobody_asks(name, both, push.connection.settings.conflict_policy)
        return msgspec.structs.replace(found, payload=payload)

    def _taken(self, link: Link, plan: RecordPlan, row: Record) -> Link:
        return msgspec.structs.replace(
            link,
            bc_id=str(row["id"]),
            bc_number=text(row, "number"),
            bc_name=text(row, "displayName"),
            bc_type=decode_enum(text(row, "type")) if self.spec.entity == "product" else "",
            halo_name=plan.payload.name,
            etag=str(row.get("@odata.etag", "")),
            payload=plan.payload.payload,
            payload_hash=plan.payload.payload_hash,
            intent=None,
        )

    def _with_cost(self, link: Link, source: Record) -> Link:
        """The link with the cost BC was given, so that a later difference is shown (GUIDE G22)."""
        return (
            msgspec.structs.replace(link, bc_cost=decimal(source, "unitCost"))
            if self.spec.entity == "product"
            else link
        )

    def _as_held(self, link: Link, row: Record) -> Link:
        """The link with what BC holds as its base, so that the next plan sends what differs."""
        return msgspec.structs.replace(link, payload=canonical(self.spec.held(row)), payload_hash="")

    async def locate(self, push: Push, link: Link) -> Link:
        return link

    async def lost(self, push: Push) -> Link | None:
        return None

    async def delete(self, push: Push, link: Link) -> Action:
        """A customer or product deleted in Halo is only unlinked: BC keeps its record."""
        return "unlinked"

    async def write_back(self, push: Push, record: Record, link: Link) -> str | None:
        services = push.services
        changes: dict[str, str] = {}
        company = push.connection.company_id or ""
        if text(record, "dbc_company_id").lower() != company.lower():
            changes = {"dbc_company_id": company}
        if not text(record, "accountsid") and link.bc_number:
            changes["accountsid"] = link.bc_number
        if link.unreported in ("created", "adopted"):
            await services.link_in_halo(self.spec.entity, link)
        if not changes or push.offers_again(link, offer(changes, record)):
            return None
        row = {"id": int(push.halo_id), **changes, "_dont_fire_automations": True}
        saved = await services.halo_writes.save(self.spec.resource, [row])
        # With somebody's edit in it the stamp would hide that edit from us.
        known = saved and is_as_written(record, saved[0], row, moves=(self.spec.stamp,), whole=True)
        return self.stamp({**saved[0], MAIN_SITE: record.get(MAIN_SITE)}) if known else ""


def _folded(row: Record, name: str) -> str:
    return text(row, name).casefold()


_POLICY_CURE = "The policy is one of the connection's settings."
