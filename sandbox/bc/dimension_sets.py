"""Dimension set lines: the dimensions of one document or line, reached through it (bc_entities.json)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.bc.dimensions import PARENTS, changed, parent_of, set_lines, shortcuts
from sandbox.bc.document import recalculate
from sandbox.bc.edit import Edit, Trigger
from sandbox.bc.errors import bad_request, dialog
from sandbox.bc.sales import BY_HEADERS, BY_LINES
from sandbox.bc.seeding import blanks
from sandbox.bc.session import Session
from sandbox.bc.store import Row
from sandbox.bc.types import TYPES
from sandbox.bc.values import ZERO_GUID

_KIND = TYPES["dimensionSetLines"]


def create(session: Session, parent_id: str, body: Mapping[str, Any]) -> Row:
    """One more dimension on a document or line; it moves the ETag of the document."""
    row = insert(session, parent_id, body)
    _document_moves(session, parent_id)
    return _line(session, parent_id, row)


def insert_all(session: Session, parent_id: str, bodies: Any) -> None:
    """Those of a deep insert: the document's totals and ETag are the caller's."""
    if not isinstance(bodies, list):
        raise bad_request("Invalid Request Body")
    for body in bodies:
        insert(session, parent_id, body)


def insert(session: Session, parent_id: str, body: Mapping[str, Any]) -> str:
    """Put one dimension into the parent's set; gives its id."""
    parent = _writable(session, parent_id)
    edit = Edit(session, _KIND, {**blanks(_KIND), "id": ZERO_GUID})
    edit.apply(body, _TRIGGERS)
    dimension_id, value_id = str(edit.values["id"]), str(edit.values["valueId"])
    if dimension_id == ZERO_GUID:
        raise dialog('The "id" or "code" field must be filled in.')
    if value_id == ZERO_GUID:
        raise dialog('The "valueId" or "valueCode" field must be filled in.')
    if dimension_id in parent["dimensions"]:
        raise dialog(
            "The dimension set line already exists. Check existing dimension set lines and the default dimension "
            "set lines on the parent."
        )
    _save(session, parent, dimension_id, value_id)
    return dimension_id


def modify(session: Session, row: Row, body: Mapping[str, Any]) -> Row:
    """Another value of the same dimension."""
    parent = _writable(session, row["parentId"])
    edit = Edit(session, _KIND, {**row.values, "id": row.id}, row)
    edit.apply(body, _TRIGGERS)
    _save(session, parent, row.id, edit.values["valueId"])
    _document_moves(session, parent.id)
    return _line(session, parent.id, row.id)


def delete(session: Session, row: Row) -> None:
    """Take a dimension off."""
    parent = _writable(session, row["parentId"])
    _save(session, parent, row.id, ZERO_GUID)
    _document_moves(session, parent.id)


def _writable(session: Session, parent_id: str) -> Row:
    """The parent, unless it is posted."""
    found = parent_of(session.company, parent_id)
    kind = ""
    if found is not None:
        set_name, parent = found
        kind = PARENTS[set_name]
        header = parent
        if set_name in BY_LINES:
            header = session.company[BY_LINES[set_name].headers].rows[parent["documentId"]]
        if not header["posted"]:
            return parent
    raise dialog(
        f"Parent with ID {{{parent_id.upper()}}} does not exist or dimension set lines are read only for parent "
        f"type {kind}."
    )


def _save(session: Session, parent: Row, dimension_id: str, value_id: str) -> None:
    company = session.company
    set_name = next(name for name in PARENTS if company[name].get(parent.id) is not None)
    dimensions = changed(parent["dimensions"], dimension_id, value_id)
    codes = shortcuts(company, dimensions) if set_name in BY_HEADERS else {}
    company[set_name].update(parent.id, {"dimensions": dimensions, **codes})


def _document_moves(session: Session, parent_id: str) -> None:
    """A change of a line is one of its document (BC_API 4.5)."""
    for kind in BY_LINES.values():
        line = session.company[kind.lines].get(parent_id)
        if line is not None:
            recalculate(session, kind, line["documentId"])


def _line(session: Session, parent_id: str, dimension_id: str) -> Row:
    return next(one for one in set_lines(session.company, parent_id) if one.id == dimension_id)


def _id(edit: Edit, value: str) -> None:
    row = edit.session.company["dimensions"].get(value)
    if row is None:
        raise dialog('The "id" does not match to a Dimension.')
    _dimension(edit, row, "code")


def _code(edit: Edit, value: str) -> None:
    row = edit.session.company["dimensions"].by_key(value)
    if row is None:
        raise dialog('The "code" does not match to a Dimension.')
    _dimension(edit, row, "id")


def _dimension(edit: Edit, row: Row, other: str) -> None:
    """Id or code: fixed once saved, and of one dimension where both are sent."""
    if edit.before is not None and row.id != edit.before.id:
        raise dialog('The "id" and "code" fields cannot be modified.')
    if other in edit.given and row.id != edit.values["id"]:
        raise dialog("The dimension field values do not match to a specific Dimension.")
    edit.values.update(id=row.id, code=row["code"])


def _value_id(edit: Edit, value: str) -> None:
    row = edit.session.company["dimensionValues"].get(value)
    if row is None or row["dimensionId"] != edit.values["id"]:
        raise dialog('The "valueId" does not match to a Dimension Value.')
    _value(edit, row, "valueCode")


def _value_code(edit: Edit, value: str) -> None:
    """Looked up in the dimension known at this point: `id` or `code` must stand before it."""
    row = edit.session.company.dimension_value(edit.values["id"], value)
    if row is None:
        raise dialog('The "valueCode" does not match to a Dimension Value.')
    _value(edit, row, "valueId")


def _value(edit: Edit, row: Row, other: str) -> None:
    if other in edit.given and row.id != edit.values["valueId"]:
        raise dialog(
            'The values of the "dimensionCode" field and the "dimensionId" field do not refer to the same Dimension '
            "Value."
        )
    edit.values.update(valueId=row.id, valueCode=row["code"])


_TRIGGERS: Mapping[str, Trigger] = {"id": _id, "code": _code, "valueId": _value_id, "valueCode": _value_code}
