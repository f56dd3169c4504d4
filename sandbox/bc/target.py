"""What the path of a request names: an entity set, an entity, its count, or an action on it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from sandbox.bc import line_costs
from sandbox.bc.errors import Refusal, bad_request, no_record, no_segment, syntax
from sandbox.bc.render import related
from sandbox.bc.schema import EntityType
from sandbox.bc.session import Session
from sandbox.bc.store import Row, Table
from sandbox.bc.types import TYPES
from sandbox.bc.values import GUID

_SEGMENT = re.compile(r"([A-Za-z$][A-Za-z0-9_.]*)(?:\(([^()]*)\))?")
_ACTION = "microsoft.nav."


@dataclass(slots=True)
class Target:
    """`rows`: those of the set (None: all of its table). `key`: one entity. `parent_id`: of nested lines."""

    session: Session
    kind: EntityType
    context: str
    rows: list[Row] | None = None
    key: str = ""
    parent_id: str = ""
    count: bool = False
    action: str = ""

    @property
    def table(self) -> Table:
        if self.kind.set_name == "companies":
            return self.session.environment.list
        return self.session.company[self.kind.set_name]

    def row(self) -> Row:
        """The entity named by `key`; 404 where it is gone or does not belong to its parent."""
        if self.rows is None:
            found = self.table.get(self.key)
        else:
            found = next((one for one in self.rows if one.id == self.key), None)
        if found is None:
            raise no_record(self.kind.al, f"SystemId='{{{self.key.upper()}}}'")
        return found


def read_target(session: Session, path: str, options: Mapping[str, str], header: str = "") -> Target:
    """Resolve a path below the API root. `header` is the request's `Company` header (batch parts)."""
    segments = [_segment(part) for part in path.strip("/").split("/")]
    name, key = segments[0]
    context = ""
    if name == "companies":
        if key is None:
            return _within(Target(session, TYPES["companies"], "companies"), segments[1:])
        company = session.environment.company(_guid(key))
        if company is None:
            raise _no_company(session, key)
        session = session.within(company)
        if len(segments) == 1:
            return Target(session, TYPES["companies"], "companies", key=company.id)
        context = f"companies({company.id})/"
        segments = segments[1:]
    elif options.get("company") or header:
        company = session.environment.company(options.get("company") or header)
        if company is None:
            raise bad_request("The supplied company name is not valid.", "Unknown")
        session = session.within(company)
    name, key = segments[0]
    if name not in session.types or name == "companies":
        raise no_segment(name)
    target = Target(session, session.types[name], context + name)
    if name == line_costs.SET:
        target.rows = line_costs.rows(session.company)
    if key is not None:
        target.key = _guid(key)
    return _within(target, segments[1:])


def _no_company(session: Session, key: str) -> Refusal:
    """The facts name the code for a missing company but not this very case: the code is a switch (F70)."""
    if session.switch("unknown_company_code") == "Internal_CompanyNotFound":
        return Refusal(
            404,
            "Internal_CompanyNotFound",
            "Cannot process the request because the default company cannot be found. Specify a company in the "
            "request or set a default company for the user.",
        )
    return no_record("Company", f"SystemId='{{{key.upper()}}}'")


def _within(target: Target, rest: list[tuple[str, str | None]]) -> Target:
    """Follow the segments behind a set or an entity."""
    for at, (name, key) in enumerate(rest):
        last = at == len(rest) - 1
        if name == "$count" and last and not target.key and key is None:
            target.count = True
        elif name.lower().startswith(_ACTION) and last and target.key:
            target.action = name[len(_ACTION) :]
        elif target.key:
            target = _navigate(target, name, key)
        else:
            raise no_segment(name)
    return target


def _navigate(target: Target, name: str, key: str | None) -> Target:
    way = target.kind.way(name)
    if way is None:
        raise no_segment(name)
    owner = target.row()
    found = related(target.session.company, owner, way)
    context = f"{target.context}({target.key})/{name}"
    if not way.collection:
        if not found:
            raise Refusal(404, "BadRequest_ResourceNotFound", f"Resource not found for the segment '{name}'.")
        return Target(target.session, TYPES[way.target], context, key=found[0].id)
    return Target(
        target.session,
        TYPES[way.target],
        context,
        rows=found,
        key=_guid(key) if key else "",
        parent_id=owner.id,
    )


def _segment(part: str) -> tuple[str, str | None]:
    found = _SEGMENT.fullmatch(unquote(part))
    if found is None:
        raise syntax()
    return found[1], found[2]


def _guid(key: str) -> str:
    """A key as it must stand in a path: a bare GUID."""
    if not GUID.fullmatch(key):
        raise syntax()
    return key.lower()
