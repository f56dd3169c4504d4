"""F59-F63, F74, F78, F80-F84 and F87: what BC takes of a record's fields, and what it says of those that it does not."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from tests.e2e.acting import Acting, Invoicing, number
from tests.faults.customers import a_customer
from tests.faults.looking import (
    by_control,
    creates,
    lines,
    log,
    switch,
    synced,
)

pytestmark = pytest.mark.timeout(60)


def test_f59_a_number_series_without_manual_numbers_is_a_hint(acting: Acting) -> None:
    switch(acting, bc__manual_customer_numbers=False)
    outcome = acting.pushed(a_customer(acting), "customer")
    switch(acting, bc__manual_customer_numbers=True)
    assert (outcome["status"], outcome["code"], outcome["attempts"]) == ("failed", "manual_numbers_off", 1)
    assert "Manual Nos." in outcome["cure"]


@pytest.mark.parametrize("fields", [{"name": "N" * 101}, {"accountsid": "A" * 21}])
def test_f60_what_is_too_long_never_reaches_bc(acting: Acting, fields: dict[str, str]) -> None:
    halo_id = a_customer(acting)
    acting.edit("Client", halo_id, fields)
    outcome = acting.pushed(halo_id, "customer")
    refused = [entry for entry in log(acting) if entry["status"] == 400]
    assert refused == []
    if outcome["status"] == "failed":
        assert outcome["code"] == "field_too_long", outcome
    else:
        assert outcome["warnings"], outcome


def test_f61_f80_missing_posting_groups_are_said_with_their_cure(
    acting: Acting, invoicing: Invoicing
) -> None:
    customer = a_customer(acting)
    assert acting.pushed(customer, "customer")["action"] == "created"
    outcome = acting.pushed(invoicing.invoice(client_id=int(customer)))
    assert (outcome["status"], outcome["code"]) == ("failed", "posting_group_missing"), outcome
    assert "Config. Template" in outcome["cure"]
    item = number(
        acting.agent("Item", {"name": "Ungrouped", "assetgroup_id": 1, "accountsid": "UNGROUPED"})["id"]
    )
    outcome = acting.pushed(item, "product")
    assert (outcome["status"], outcome["action"]) == ("synced", "created"), outcome
    assert "posting_group_missing" in [warning["code"] for warning in outcome["warnings"]]


def test_f62_a_blocked_customer_is_named(acting: Acting, invoicing: Invoicing) -> None:
    linked = acting.get(f"/api/connections/{acting.connection['id']}/mappings/customers")["items"]
    bc_number = next(item["bc_number"] for item in linked if item["halo_id"] == invoicing.customer)
    by_control(acting, "POST", "/block", {"customer": bc_number, "blocked": "All"})
    halo_id = invoicing.invoice()
    outcome = acting.pushed(halo_id)
    by_control(acting, "POST", "/block", {"customer": bc_number, "blocked": " "})
    assert (outcome["status"], outcome["code"]) == ("failed", "customer_blocked"), outcome
    assert bc_number in outcome["message"]
    assert acting.pushed(halo_id)["status"] == "synced"


def test_f63_tax_is_kept_as_bc_gives_it_and_a_cent_is_said(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice(*(invoicing.line("Service", 1, 0.13, f"Cents {n}") for n in range(7)))
    outcome = acting.pushed(halo_id)
    assert outcome["status"] == "synced"
    (invoice,) = acting.bc_invoices(halo_id)
    halo = acting.halo("Invoice", halo_id)
    assert Decimal(str(halo["tax_total"])) == Decimal(str(invoice["totalTaxAmount"]))
    by_id = {line["id"]: Decimal(str(line["totalTaxAmount"])) for line in lines(acting, halo_id)}
    assert {line["dbc_id"]: Decimal(str(line["tax_amount"])) for line in halo["lines"]} == by_id


def test_f74_f78_a_name_with_wildcards_finds_itself_only(acting: Acting) -> None:
    other = a_customer(acting, name="Ben & Company | Sons")
    assert acting.pushed(other, "customer")["action"] == "created"
    halo_id = a_customer(acting, name="Ben & Co* | ?ons", accountsid="B*N?")
    outcome = acting.pushed(halo_id, "customer")
    assert outcome["action"] == "created", outcome
    assert {"B*N?", f"S{other}"} <= {row["number"] for row in acting.bc("customers")}
    for entry in log(acting):
        assert " in (" not in entry["query"]
        assert "/any(" not in entry["query"]


def test_f82_f83_bodies_are_in_bcs_order_and_never_name_a_tax_code(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice(invoicing.line("Inventory", 3, 12.5, "Ordered"))
    synced(acting, halo_id)
    (request,) = creates(acting, halo_id)
    body = json.loads(request["body"])["requests"][0]["body"]
    assert next(iter(body)) == "customerId"
    (line,) = body["salesInvoiceLines"]
    order = ["sequence", "lineType", "itemId", "quantity", "unitPrice", "discountPercent", "description"]
    assert [name for name in order if name in line] == list(line)
    assert "taxCode" not in request["body"]


def test_f84_what_bc_alters_on_its_own_is_no_difference(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice(
        invoicing.line("Service", 1, 10, "  lower case and trailing   "), cust_order_number=" po lower "
    )
    synced(acting, halo_id)
    acting.clear_counters()
    for _ in range(2):
        assert acting.pushed(halo_id)["status"] == "unchanged"
    assert log(acting) == []
    customer = a_customer(acting, accountsid="lower 1")
    assert acting.pushed(customer, "customer")["action"] == "created"
    assert acting.pushed(customer, "customer")["status"] == "unchanged"


def test_f87_an_old_invoice_is_not_booked_again(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice(invoice_date="2019-12-31T00:00:00", duedate="2020-01-31T00:00:00")
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["code"]) == ("skipped", "before_go_live")
    assert log(acting) == []
