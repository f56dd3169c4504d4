"""What writes the entities of each set: the code behind BC's pages, found by the target of a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.bc import (
    customers,
    default_dimensions,
    dimension_sets,
    headers,
    items,
    line_costs,
    lines,
    masters,
)
from sandbox.bc.sales import BY_HEADERS, BY_LINES
from sandbox.bc.store import Row
from sandbox.bc.target import Target

_PAGES: Mapping[str, Any] = {
    "customers": customers,
    "items": items,
    "dimensionSetLines": dimension_sets,
    "defaultDimensions": default_dimensions,
    line_costs.SET: line_costs,
}


def create(target: Target, body: Mapping[str, Any]) -> Row:
    session, set_name = target.session, target.kind.set_name
    if set_name in BY_HEADERS:
        return headers.create(session, BY_HEADERS[set_name], body)
    if set_name in BY_LINES:
        return lines.create(session, BY_LINES[set_name], body, target.parent_id)
    if set_name == "dimensionSetLines":
        return dimension_sets.create(session, target.parent_id, body)
    if set_name == "defaultDimensions":
        return default_dimensions.create(session, body, target.parent_id)
    if set_name in _PAGES:
        made: Row = _PAGES[set_name].create(session, body)
        return made
    return masters.create(session, target.kind, body)


def modify(target: Target, row: Row, body: Mapping[str, Any]) -> Row:
    session, set_name = target.session, target.kind.set_name
    if set_name in BY_HEADERS:
        return headers.modify(session, BY_HEADERS[set_name], row, body)
    if set_name in BY_LINES:
        return lines.modify(session, BY_LINES[set_name], row, body)
    if set_name in _PAGES:
        changed: Row = _PAGES[set_name].modify(session, row, body)
        return changed
    return masters.modify(session, target.kind, row, body)


def delete(target: Target, row: Row) -> None:
    session, set_name = target.session, target.kind.set_name
    if set_name in BY_HEADERS:
        headers.delete(session, BY_HEADERS[set_name], row)
    elif set_name in BY_LINES:
        lines.delete(session, BY_LINES[set_name], row)
    elif set_name in _PAGES:
        _PAGES[set_name].delete(session, row)
    else:
        masters.delete(session, target.kind, row)
