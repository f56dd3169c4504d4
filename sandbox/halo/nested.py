"""Rows that stand inside a client or product: dimensions for Business Central, and notes that pop up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.halo.errors import refused
from sandbox.halo.fields import DIMENSION, POPUP_NOTE, Row, blank
from sandbox.halo.store import HaloState
from sandbox.halo.values import written


def keep_nested(state: HaloState, resource: str, before: Mapping[str, Any], row: Row, sent: Row) -> None:
    """Turn what was sent in `dbc_dimensions` and `popup_notes` into rows with ids of their own.

    Sent rows replace those there (switch `halo.nested_replace`); a row keeps its id where it names one of them.
    """
    if "dbc_dimensions" in sent:
        row["dbc_dimensions"] = _kept(state, before, sent, "dbc_dimensions", DIMENSION, "halo_id")
        for one in row["dbc_dimensions"]:
            one["haloparentid"] = row["id"]
    if "popup_notes" in sent and resource == "Client":
        row["popup_notes"] = _kept(state, before, sent, "popup_notes", POPUP_NOTE, "id")
        for one in row["popup_notes"]:
            one["client_id"] = row["id"]
            one.setdefault("date_created", state.world.clock.now())


def shown_nested(state: HaloState, row: Row) -> Row:
    """The record with its nested rows as Halo writes them."""
    zone, suffix = state.zone, str(state.switch("time_suffix"))
    doubles = bool(state.switch("ids_as_double"))
    shown = dict(row)
    for name, fields in (("dbc_dimensions", DIMENSION), ("popup_notes", POPUP_NOTE)):
        if name in shown:
            shown[name] = [written(fields, one, zone, suffix, doubles) for one in shown[name]]
    return shown


def _kept(
    state: HaloState, before: Mapping[str, Any], sent: Row, name: str, fields: Mapping[str, str], key: str
) -> list[Row]:
    elements = sent[name] if isinstance(sent[name], list) else [sent[name]]
    if not all(isinstance(one, dict) for one in elements):
        raise refused(f"Error converting value to an object. Path '[0].{name}', line 1.", "dotnet")
    old = {one[key]: one for one in before.get(name) or ()}
    made = {} if state.switch("nested_replace") else dict(old)
    for element in elements:
        row = state.check(name, fields, element)
        number = row.get(key) if row.get(key) in old else state.take_id(name)
        made[number] = {**blank(fields), **old.get(number, {}), **row, key: number}
    return [dict(one) for one in made.values()]
