"""Default dimensions: what Halo's rows say, and the smallest change that brings BC there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bc.entities.dimensions import as_text, changes, dimensions_of, from_text
from bc.errors import Refused

CODES = st.sampled_from(["AREA", "DEPARTMENT", "PROJECT", "SALESPERSON"])
VALUES = st.sampled_from(["10", "20", "30"])
WANTED = st.dictionaries(CODES, VALUES)


def a_row(dimension: str, value: str, **more: Any) -> dict[str, Any]:
    """A row of Halo's `dbc_dimensions`."""
    return {"dimension_code": dimension, "dimension_value_code": value, **more}


def ids(wanted: dict[str, str]) -> dict[tuple[str, str], tuple[str, str]]:
    return {(code, value): (f"d-{code}", f"v-{code}-{value}") for code, value in wanted.items()}


def held(dimensions: dict[str, str]) -> list[dict[str, Any]]:
    """BC's rows."""
    return [
        {"id": f"row-{code}", "dimensionCode": code, "dimensionValueCode": value}
        for code, value in dimensions.items()
    ]


def after(rows: list[dict[str, Any]], wanted: dict[str, str], sent: dict[str, str]) -> dict[str, str]:
    """What BC holds once the changes are made."""
    found = changes(wanted, sent, rows, ids(wanted))
    now = {row["dimensionCode"]: row["dimensionValueCode"] for row in rows if row not in found.remove}
    now |= {str(row["dimensionCode"]): value.rpartition("-")[2] for row, value in found.change}
    return now | {dimension[2:]: value.rpartition("-")[2] for dimension, value in found.add}


def test_a_field_that_halo_did_not_send_is_not_an_empty_one() -> None:
    assert dimensions_of({}, "Customer A") is None
    assert dimensions_of({"dbc_dimensions": None}, "Customer A") is None
    assert dimensions_of({"dbc_dimensions": []}, "Customer A") == {}


def test_rows_are_read_by_either_name_and_in_upper_case() -> None:
    rows = [a_row("area", "n10"), {"code": "Department", "value_code": "sales"}, a_row("PROJECT", "")]
    assert dimensions_of({"dbc_dimensions": rows}, "Customer A") == {"AREA": "N10", "DEPARTMENT": "SALES"}


def test_two_values_of_one_dimension_are_refused() -> None:
    with pytest.raises(Refused) as refused:
        dimensions_of({"dbc_dimensions": [a_row("AREA", "10"), a_row("area", "20")]}, "Customer A")
    assert refused.value.code == "dimension_twice"


@given(WANTED, WANTED)
def test_bc_ends_with_what_halo_wants_and_keeps_what_was_never_ours(
    wanted: dict[str, str], foreign: dict[str, str]
) -> None:
    now = after(held(foreign), wanted, {})
    assert now == {**foreign, **wanted}


@given(WANTED, WANTED, WANTED)
def test_what_halo_drops_is_removed_only_where_we_sent_it(
    wanted: dict[str, str], sent: dict[str, str], foreign: dict[str, str]
) -> None:
    before = {**foreign, **sent}
    kept = {code: value for code, value in before.items() if code not in sent}
    assert after(held(before), wanted, sent) == {**kept, **wanted}


@given(WANTED)
def test_what_bc_has_already_is_not_sent(wanted: dict[str, str]) -> None:
    assert changes(wanted, wanted, held(wanted), ids(wanted)) == ([], [], [])


@given(WANTED)
def test_what_is_kept_reads_back(wanted: dict[str, str]) -> None:
    assert from_text(as_text(wanted)) == wanted
