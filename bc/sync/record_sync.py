"""The engine's view of customers and products: one BC record each, found by its number before it is created."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from bc.clients.business_central import Part, decode_enum, part_error, quote
from bc.entities.fields import Payload, canonical
from bc.entities.stamps import is_as_written
from bc.entities.values import Record, flag, ident, text
from bc.errors import AlreadyExists, Refused, Skip, UnknownOutcome
from bc.model import Action, Entity, Link, Policy
from bc.sync.conflicts import check_nobody_asks, three_way
from bc.sync.context import Push

if TYPE_CHECKING:
    from bc.services import Services

MAIN_SITE = "_main_site"


@dataclass(frozen=True, slots=True)
class RecordSpec:
    """What differs between customers and products."""

    entity: Entity
    resource: str
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

    @property
    def payload_hash(self) -> str:
        return self.payload.payload_hash

    @property
    def bc_type(self) -> str:
        return ""

    @property
    def numbers(self) -> Mapping[str, int]:
        return {}

    @property
    def goes_in_steps(self) -> bool:
        return False


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
        payload = await self._payload(push, record, link, creating=creating)
        for warning in payload.warnings:
            push.warn(warning.code, warning.message)
        if link is None or creating:
            return RecordPlan(
                "create", payload, payload.body, (Part("POST", self.spec.endpoint, payload.body),)
            )
        before: dict[str, Any] = msgspec.json.decode(link.payload) if link.payload else {}
        body = self.spec.changes(payload.state, before)
        if not body:
            return RecordPlan("none", payload, {}, ())
        part = Part("PATCH", f"{self.spec.endpoint}({link.bc_id})", body, link.etag or "*")
        return RecordPlan("update", payload, body, (part,))

    async def _payload(self, push: Push, record: Record, link: Link | None, *, creating: bool) -> Payload:
        settings = push.connection.settings
        if self.spec.entity == "customer":
            site = record.get(MAIN_SITE)
            codes: Mapping[str, str] = {}
            if site and text(site, "country_code").isdigit():
                # An id of Halo's list of countries; a code is BC's own.
                codes = (await push.services.halo_facts.countries(settings.halo_conventions)).codes
            return self.spec.payload(
                record, site, settings=settings, creating=creating, link=link, countries=codes
            )
        return self.spec.payload(record, settings=settings, creating=creating, link=link)

    async def find(
        self, push: Push, record: Record, plan: RecordPlan, link: Link | None
    ) -> tuple[Link, Action] | None:
        interrupted = link is not None and link.intent is not None
        if not interrupted and not push.connection.settings.match_before_create:
            return None
        row = await self._match(push, plan)
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
        return self._as_held(found, row), "created" if interrupted else "adopted"

    async def _match(self, push: Push, plan: RecordPlan) -> dict[str, Any] | None:
        """The BC record that has this number, or else clearly is this one. Raises `Refused` where a person must decide."""
        filters = [f"number eq {quote(plan.payload.number)}", f"displayName eq {quote(plan.payload.name)}"]
        email = str(plan.payload.state.get(self.spec.email, "")) if self.spec.email else ""
        if email:
            filters.append(f"email eq {quote(email)}")
        parts = [Part("GET", f"{self.spec.endpoint}?$filter={f}&$select={self.spec.select}") for f in filters]
        answers = await push.bc.batch(push.connection, parts)
        rows: list[list[dict[str, Any]]] = []
        for answer in answers:
            if answer.status == 0:
                raise UnknownOutcome("bc_unavailable", "Business Central did not answer the look-up.")
            if error := part_error(answer, wrote=False):
                raise error
            rows.append(list((answer.body or {}).get("value", ())))
        number, name = plan.payload.number.upper(), plan.payload.name.casefold()
        same_number = [row for row in rows[0] if str(row.get("number", "")).strip().upper() == number]
        if same_number:
            if str(same_number[0].get("displayName", "")).strip().casefold() == name:
                return same_number[0]
            raise self._ambiguous(plan, same_number, "has the same number but another name")
        alike = {
            str(row["id"]): row
            for row in (*rows[1], *(rows[2] if email else ()))
            if str(row.get("displayName", "")).strip().casefold() == name
            or (email and str(row.get(self.spec.email, "")).strip().casefold() == email.casefold())
        }
        if alike:
            raise self._ambiguous(
                plan, list(alike.values()), "has the same name or e-mail but another number"
            )
        return None

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
            found = await self._match(push, plan)
            if found is None:
                raise
            # An earlier create was carried out after all, or somebody typed the same: same number, same name.
            link = msgspec.structs.replace(link, source="created" if repeated else "adopted")
            return self._as_held(self._taken(link, plan, found), found)
        self._warn_unposted(push, row, plan)
        return self._taken(link, plan, row)

    def _warn_unposted(self, push: Push, row: Record, plan: RecordPlan) -> None:
        if self.spec.entity == "product" and not text(row, "generalProductPostingGroupCode"):
            push.warn(
                "posting_group_missing",
                f"Product {plan.payload.name} has no posting group in Business Central yet: invoices with it are "
                "refused until somebody sets it there.",
            )

    async def update(self, push: Push, plan: RecordPlan, link: Link) -> Link:
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

    def _as_held(self, link: Link, row: Record) -> Link:
        """The link with what BC holds as its base, so that the next plan sends what differs."""
        return msgspec.structs.replace(link, payload=canonical(self.spec.held(row)), payload_hash="")

    async def locate(self, push: Push, link: Link) -> Link:
        return link

    async def delete(self, push: Push, link: Link) -> Action:
        """A customer or product deleted in Halo is only unlinked: BC keeps its record."""
        return "unlinked"

    async def write_back(self, push: Push, record: Record, link: Link) -> str | None:
        services, changes = push.services, {}
        company = push.connection.company_id or ""
        if text(record, "dbc_company_id").lower() != company.lower():
            changes = {"dbc_company_id": company}
        if link.unreported in ("created", "adopted"):
            await services.link_in_halo(self.spec.entity, link)
        if not changes:
            return None
        row = {"id": int(push.halo_id), **changes, "_dont_fire_automations": True}
        saved = await services.halo_writes.save(self.spec.resource, [row])
        # With somebody's edit in it the stamp would hide that edit from us.
        known = saved and is_as_written(record, saved[0], row, moves=(self.spec.stamp,))
        return self.stamp({**saved[0], MAIN_SITE: record.get(MAIN_SITE)}) if known else ""


_POLICY_CURE = "The policy is one of the connection's settings."
