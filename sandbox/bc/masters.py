"""Setup tables with a code, such as item categories and payment terms: created, renamed and deleted by code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.bc.edit import Edit, Trigger
from sandbox.bc.errors import must_have_value, same_key
from sandbox.bc.schema import EntityType
from sandbox.bc.seeding import blanks
from sandbox.bc.session import Session
from sandbox.bc.store import Row

_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "countriesRegions": {"addressFormat": "City+Post Code"},
    "currencies": {"amountDecimalPlaces": "2:2", "rates": ()},
}


def create(session: Session, kind: EntityType, body: Mapping[str, Any]) -> Row:
    edit = Edit(session, kind, {**blanks(kind), **_DEFAULTS.get(kind.set_name, {})})
    if kind.set_name in ("taxGroups", "taxAreas"):
        edit.values["taxType"] = "VAT" if session.company.vat_in_use else "Sales Tax"
    edit.apply(body, _TRIGGERS)
    if not edit.values["code"]:
        raise must_have_value("Code", f"{kind.al}: Code=''")
    return session.company[kind.set_name].insert(edit.values)


def modify(session: Session, kind: EntityType, row: Row, body: Mapping[str, Any]) -> Row:
    """Change a row; a changed code renames it."""
    edit = Edit(session, kind, dict(row.values), row)
    edit.apply(body, _TRIGGERS if kind.key == "code" else {})
    return session.company[kind.set_name].update(row.id, edit.values)


def delete(session: Session, kind: EntityType, row: Row) -> None:
    session.company[kind.set_name].remove(row.id)


def _code(edit: Edit, value: str) -> None:
    if value != edit.values["code"] and edit.session.company[edit.kind.set_name].by_key(value) is not None:
        raise same_key(edit.kind.al, "Code", value, edit.session.switch("duplicate_key_status"))
    edit.values["code"] = value


_TRIGGERS: Mapping[str, Trigger] = {"code": _code}
