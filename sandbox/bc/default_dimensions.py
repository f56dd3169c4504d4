"""Default dimensions of customers and items: what their documents and lines start with (bc_entities.json)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.bc.edit import Edit, Trigger
from sandbox.bc.errors import bad_request, dialog, must_have_value, same_key
from sandbox.bc.seeding import blanks
from sandbox.bc.session import Session
from sandbox.bc.store import Row
from sandbox.bc.types import TYPES
from sandbox.bc.values import ZERO_GUID

SET = "defaultDimensions"

_KIND = TYPES[SET]
_OWNERS = {"Customer": "customers", "Item": "items"}
_TABLE_NUMBERS = {"Customer": 18, "Item": 27}


def create(session: Session, body: Mapping[str, Any], owner_id: str = "") -> Row:
    """A default dimension of `owner_id`, or of the body's `parentType` and `parentId`."""
    edit = Edit(session, _KIND, blanks(_KIND))
    if owner_id:
        kind = next(kind for kind, owners in _OWNERS.items() if session.company[owners].get(owner_id))
        edit.values.update(parentType=kind, parentId=owner_id)
    edit.apply(body, _TRIGGERS)
    _check(edit)
    row = session.company[SET].insert(edit.values)
    _owner_moves(session, row)
    return row


def create_all(session: Session, owner_id: str, bodies: Any) -> None:
    """Those of a deep insert."""
    if not isinstance(bodies, list):
        raise bad_request("Invalid Request Body")
    for body in bodies:
        create(session, body, owner_id)


def modify(session: Session, row: Row, body: Mapping[str, Any]) -> Row:
    """Another value, or another rule for posting."""
    edit = Edit(session, _KIND, dict(row.values), row)
    edit.apply(body, _TRIGGERS)
    _check(edit)
    saved = session.company[SET].update(row.id, edit.values)
    _owner_moves(session, saved)
    return saved


def delete(session: Session, row: Row) -> None:
    session.company[SET].remove(row.id)
    _owner_moves(session, row)


def forget(session: Session, owner_id: str) -> None:
    """Delete those of a customer or item that goes."""
    for row in session.company[SET].children(owner_id):
        session.company[SET].remove(row.id)


def _check(edit: Edit) -> None:
    values, company = edit.values, edit.session.company
    owners = _OWNERS.get(values["parentType"])
    if owners is None or values["parentId"] == ZERO_GUID:
        raise dialog("You must get to the parent first to get to the default dimensions.")
    owner = company[owners].get(values["parentId"])
    if owner is None:
        raise dialog('The "parenteId" does not match to any entity.')
    record = f"Table ID='{_TABLE_NUMBERS[values['parentType']]}',No.='{owner['number']}',Dimension Code"
    if values["dimensionId"] == ZERO_GUID:
        raise must_have_value("Dimension Code", f"Default Dimension: {record}=''")
    value = company["dimensionValues"].get(values["dimensionValueId"])
    if value is not None and value["dimensionId"] != values["dimensionId"]:
        raise dialog('The "dimensionId" and "dimensionValueId" match to different Dimension records.')
    for other in company[SET].children(owner.id):
        mine = edit.before is not None and other.id == edit.before.id
        if other["dimensionId"] == values["dimensionId"] and not mine:
            status = edit.session.switch("duplicate_key_status")
            raise same_key("Default Dimension", record, values["dimensionCode"], status)


def _owner_moves(session: Session, row: Row) -> None:
    """The owner's record keeps the values of the two global dimensions, so it is saved with them."""
    company = session.company
    if row["dimensionId"] in (company.global_dimension(1), company.global_dimension(2)):
        company[_OWNERS[row["parentType"]]].update(row["parentId"], {})


def _dimension(edit: Edit, value: str) -> None:
    row = edit.session.company["dimensions"].get(value)
    if row is None:
        raise dialog('The "dimensionId" does not match to a Dimension.')
    edit.values.update(dimensionId=row.id, dimensionCode=row["code"])


def _value(edit: Edit, value: str) -> None:
    row = edit.session.company["dimensionValues"].get(value)
    if row is None and value != ZERO_GUID:
        raise dialog('The "dimensionValueId" does not match to a Dimension Value.')
    edit.values.update(dimensionValueId=value, dimensionValueCode=row["code"] if row else "")


_TRIGGERS: Mapping[str, Trigger] = {"dimensionId": _dimension, "dimensionValueId": _value}
