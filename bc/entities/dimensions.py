"""Default dimensions: what Halo names for a customer or product, and what BC is to change for it. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from bc.entities.values import Record, text
from bc.errors import Refused

FIELD = "dbc_dimensions"


class Changes(NamedTuple):
    """What to send: `(BC's row, value id)` to change, `(dimension id, value id)` to add, BC's rows to remove."""

    change: list[tuple[Record, str]]
    add: list[tuple[str, str]]
    remove: list[Record]


def dimensions_of(record: Record, name: str) -> dict[str, str] | None:
    """Dimension code -> value code, in upper case; None where Halo did not send the field (absent is not empty).

    `name` names the record for a person. Raises `Refused` `dimension_twice` for two values of one dimension.
    """
    rows = record.get(FIELD)
    if isinstance(rows, Mapping):
        rows = [rows]
    if not isinstance(rows, list):
        return None
    found: dict[str, str] = {}
    for row in rows:
        if not isinstance(row, Mapping):
            continue
        code = text(row, "dimension_code") or text(row, "code")
        value = text(row, "dimension_value_code") or text(row, "value_code")
        if not code or not value:
            continue
        if found.setdefault(code.upper(), value.upper()) != value.upper():
            raise Refused(
                "dimension_twice",
                f"{name} has two values of the dimension {code.upper()} in Halo: {found[code.upper()]} and {value}.",
                cure="Leave one of them.",
            )
    return found


def as_text(dimensions: Mapping[str, str]) -> str:
    """Canonical text: what `Link.dimensions` keeps, "" for none."""
    return msgspec.json.encode(dict(sorted(dimensions.items()))).decode() if dimensions else ""


def from_text(kept: str) -> dict[str, str]:
    """The dimensions of `as_text`."""
    return msgspec.json.decode(kept, type=dict[str, str]) if kept else {}


def changes(
    wanted: Mapping[str, str],
    sent: Mapping[str, str],
    held: Iterable[Record],
    ids: Mapping[tuple[str, str], tuple[str, str]],
) -> Changes:
    """What makes BC's default dimensions those that Halo wants.

    `sent`: what was sent before; only of those one is removed that Halo names no more, others are a bookkeeper's.
    `held`: BC's rows. `ids`: the ids of each wanted (dimension, value).
    """
    rows = {text(row, "dimensionCode").upper(): row for row in held}
    found = Changes([], [], [])
    for code, value in wanted.items():
        dimension_id, value_id = ids[code, value]
        row = rows.get(code)
        if row is None:
            found.add.append((dimension_id, value_id))
        elif text(row, "dimensionValueCode").upper() != value:
            found.change.append((row, value_id))
    found.remove.extend(row for code, row in rows.items() if code in sent and code not in wanted)
    return found


def unknown(name: str, code: str, value: str, *, dimension: bool) -> Refused:
    """The refusal of a dimension, or of a value of it, that BC does not have."""
    what = f"the dimension {code}" if dimension else f"the value {value} of the dimension {code}"
    cure = f"Create {what} in Business Central, or correct the dimensions in Halo. Then retry."
    return Refused("dimension_unknown", f"{name}: Business Central does not have {what}.", cure=cure)
