"""Dimensions of Halo's customers and products become BC's default dimensions; invoices take theirs from them (F58)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.acting import Acting, Invoicing, number
from tests.faults.looking import by_control, synced

pytestmark = pytest.mark.timeout(120)


def dimension(acting: Acting, code: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A BC dimension and its values."""
    row = next(row for row in acting.bc("dimensions") if row["code"] == code)
    return row, [value for value in acting.bc("dimensionValues") if value["dimensionId"] == row["id"]]


def named(acting: Acting, *picks: tuple[str, int]) -> list[dict[str, str]]:
    """Rows of Halo's `dbc_dimensions`: the n-th value of each dimension."""
    rows = []
    for code, place in picks:
        _, values = dimension(acting, code)
        rows.append({"dimension_code": code, "dimension_value_code": values[place]["code"]})
    return rows


def defaults(acting: Acting, bc_id: str) -> dict[str, str]:
    """What BC holds for a customer or item."""
    codes = {row["id"]: row["code"] for row in acting.bc("dimensions")}
    values = {row["id"]: row["code"] for row in acting.bc("dimensionValues")}
    return {
        codes[row["dimensionId"]]: values[row["dimensionValueId"]]
        for row in acting.bc("defaultDimensions")
        if row["parentId"] == bc_id
    }


def codes(acting: Acting) -> list[str]:
    return [row["code"] for row in acting.bc("dimensions")]


def wanted(rows: list[dict[str, str]]) -> dict[str, str]:
    return {row["dimension_code"]: row["dimension_value_code"] for row in rows}


def a_client(acting: Acting, rows: list[dict[str, str]]) -> str:
    halo_id = number(acting.agent("Client", {"name": "Dimensioned", "toplevel_id": 1})["id"])
    acting.edit(
        "Client",
        halo_id,
        {"name": f"Dimensioned {halo_id}", "accountsid": f"DIM{halo_id}", "dbc_dimensions": rows},
    )
    return halo_id


@pytest.mark.parametrize("resource", ["Client", "Item"])
def test_a_new_record_gets_its_dimensions_and_later_changes(acting: Acting, resource: str) -> None:
    one, other = codes(acting)
    entity = "customer" if resource == "Client" else "product"
    rows = named(acting, (one, 0))
    if resource == "Client":
        halo_id = a_client(acting, rows)
    else:
        made = acting.agent("Item", {"name": "Dimensioned item", "assetgroup_id": 1})
        halo_id = number(made["id"])
        acting.edit("Item", halo_id, {"accountsid": f"DIMI{halo_id}", "dbc_dimensions": rows})
    outcome = acting.pushed(halo_id, entity)
    assert (outcome["status"], outcome["action"]) == ("synced", "created"), outcome
    assert defaults(acting, outcome["bc_id"]) == wanted(rows)
    # Nothing changed: nothing is asked.
    again = acting.pushed(halo_id, entity)
    assert (again["status"], again["requests"]) == ("unchanged", 0)
    # One value changes, then it goes; a bookkeeper's own stays.
    _, values = dimension(acting, other)
    path = f"/{acting.company_id}/defaultDimensions"
    by_control(
        acting,
        "POST",
        path,
        {
            "parentType": "Customer" if resource == "Client" else "Item",
            "parentId": outcome["bc_id"],
            "dimensionId": values[0]["dimensionId"],
            "dimensionValueId": values[0]["id"],
        },
    )
    changed = named(acting, (one, 1))
    acting.edit(resource, halo_id, {"dbc_dimensions": changed})
    assert acting.pushed(halo_id, entity)["action"] == "updated"
    assert defaults(acting, outcome["bc_id"]) == {**wanted(changed), other: values[0]["code"]}
    acting.edit(resource, halo_id, {"dbc_dimensions": []})
    assert acting.pushed(halo_id, entity)["action"] == "updated"
    assert defaults(acting, outcome["bc_id"]) == {other: values[0]["code"]}


@pytest.mark.parametrize("row", [("NOWHERE", "X"), (None, "NOTHING")])
def test_an_unknown_dimension_or_value_is_refused_before_anything_is_created(
    acting: Acting, row: tuple[str | None, str]
) -> None:
    code = row[0] or codes(acting)[0]
    halo_id = a_client(acting, [{"dimension_code": code, "dimension_value_code": row[1]}])
    outcome = acting.pushed(halo_id, "customer")
    assert (outcome["status"], outcome["code"]) == ("failed", "dimension_unknown"), outcome
    assert code in outcome["message"]
    assert [row for row in acting.bc("customers") if row["number"] == f"DIM{halo_id}"] == []


def test_an_invoice_and_its_lines_take_the_dimensions_of_customer_and_product_in_one_request(
    acting: Acting, invoicing: Invoicing
) -> None:
    one, other = codes(acting)
    of_customer, of_product = named(acting, (one, 0)), named(acting, (other, 0))
    acting.edit("Client", invoicing.customer, {"dbc_dimensions": of_customer, "accountsid": _number(acting)})
    acting.edit("Item", invoicing.products["Service"], {"dbc_dimensions": of_product})
    assert acting.pushed(invoicing.customer, "customer")["status"] == "synced"
    assert acting.pushed(invoicing.products["Service"], "product")["status"] == "synced"
    halo_id = invoicing.invoice(invoicing.line("Service"))
    invoice = synced(acting, halo_id)
    assert acting.outcome("invoice", halo_id)["requests"] == 1
    lines = acting.bc_lines(invoice["id"])
    assert wanted(of_customer).items() <= of_document(acting, invoice).items()
    assert {**wanted(of_customer), **wanted(of_product)}.items() <= of_document(acting, lines[0]).items()


def of_document(acting: Acting, row: dict[str, Any]) -> dict[str, str]:
    """The dimensions that an invoice or line has in BC."""
    names = {one["id"]: one["code"] for one in [*acting.bc("dimensions"), *acting.bc("dimensionValues")]}
    return {names[dimension]: names[value] for dimension, value in row["dimensions"].items()}


def _number(acting: Acting) -> str:
    """The number of the BC customer that the invoicing customer is linked to."""
    items = acting.get(f"/api/connections/{acting.connection['id']}/mappings/customers")["items"]
    return str(items[0]["bc_number"])
