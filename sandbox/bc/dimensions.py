"""Dimension values on documents, lines, customers and items: how they are kept, and where they come from.

A document or line has a set, `dimensions`: the value's id by the dimension's id. A customer's or item's are rows of
`defaultDimensions`. A document takes over its bill-to customer's, a line those of its document and then its item's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.bc.company import Company
from sandbox.bc.store import Row
from sandbox.bc.values import ZERO_GUID

type Dimensions = Mapping[str, str]

# Entity set of the parent -> its member of `parentType`.
PARENTS: Mapping[str, str] = {
    "salesInvoices": "Sales Invoice",
    "salesInvoiceLines": "Sales Invoice Line",
    "salesCreditMemos": "Sales Credit Memo",
    "salesCreditMemoLines": "Sales Credit Memo Line",
}


def parent_of(company: Company, parent_id: str) -> tuple[str, Row] | None:
    """Entity set and row of what a dimension set line belongs to."""
    for set_name in PARENTS:
        row = company[set_name].get(parent_id)
        if row is not None:
            return set_name, row
    return None


def set_lines(company: Company, parent_id: str) -> list[Row]:
    """A document's or line's dimensions as rows by code: `id` is the dimension's, the version the parent's."""
    found = parent_of(company, parent_id)
    if found is None:
        return []
    set_name, parent = found
    made = []
    for dimension_id, value_id in parent["dimensions"].items():
        dimension = company["dimensions"].rows[dimension_id]
        value = company["dimensionValues"].rows[value_id]
        shown = {
            "code": dimension["code"],
            "consolidationCode": dimension["consolidationCode"],
            "parentId": parent.id,
            "parentType": PARENTS[set_name],
            "displayName": dimension["displayName"],
            "valueId": value.id,
            "valueCode": value["code"],
            "valueConsolidationCode": value["consolidationCode"],
            "valueDisplayName": value["displayName"],
        }
        made.append(Row(dimension_id, parent.version, parent.created, parent.modified, shown))
    return sorted(made, key=lambda row: str(row["code"]))


def defaults_of(company: Company, owner_id: str) -> Dimensions:
    """The values that a customer or item gives to its documents or lines."""
    rows = company["defaultDimensions"].children(owner_id)
    return {
        row["dimensionId"]: row["dimensionValueId"] for row in rows if row["dimensionValueId"] != ZERO_GUID
    }


def shortcuts(company: Company, dimensions: Dimensions) -> dict[str, Any]:
    """A header's two shortcut codes: those of BC's global dimensions 1 and 2."""
    made = {}
    for number in (1, 2):
        value = company["dimensionValues"].get(dimensions.get(company.global_dimension(number), ""))
        made[f"shortcutDimension{number}Code"] = value["code"] if value else ""
    return made


def changed(dimensions: Dimensions, dimension_id: str, value_id: str) -> Dimensions:
    """The set with another value for one dimension; the zero GUID takes it off."""
    rest = {one: value for one, value in dimensions.items() if one != dimension_id}
    return rest if value_id == ZERO_GUID else {**rest, dimension_id: value_id}
