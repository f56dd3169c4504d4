"""F49-F56, F77, F79 and F85: an invoice that others change in BC too, or BC posts, refuses in part, or re-creates lines of."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any

import pytest

from tests.e2e.acting import Acting, Invoicing, number, wait_for
from tests.faults.customers import a_customer, own_customer
from tests.faults.looking import (
    by_control,
    deliver,
    edit_line,
    lines,
    log,
    switch,
    synced,
)

pytestmark = pytest.mark.timeout(60)


def raw(acting: Acting, invoice: dict[str, Any]) -> str:
    return f"/{acting.company_id}/salesInvoices/{invoice['id']}"


@pytest.mark.parametrize("status", [409, 412])
def test_f49_a_stale_etag_is_read_again_and_sent_once_more(
    acting: Acting, invoicing: Invoicing, status: int
) -> None:
    halo_id = invoicing.invoice()
    invoice = synced(acting, halo_id)
    by_control(acting, "PATCH", raw(acting, invoice), {"dueDate": "2027-01-31"})
    acting.edit("Invoice", halo_id, {"cust_order_number": "PO 7"})
    acting.clear_counters()
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["action"]) == ("synced", "updated"), outcome
    (now,) = acting.bc_invoices(halo_id)
    assert now["customerPurchaseOrderReference"] == "PO 7"
    # F51: what only the bookkeeper changed stays.
    assert now["dueDate"] == "2027-01-31"
    assert acting.pushed(halo_id)["status"] == "unchanged"


def test_f49_f51_a_field_that_both_changed_is_halos_or_a_persons(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice()
    invoice = synced(acting, halo_id)
    acting.settings(conflict_policy="ask")
    try:
        by_control(acting, "PATCH", raw(acting, invoice), {"dueDate": "2027-01-31"})
        acting.edit("Invoice", halo_id, {"duedate": "2027-02-28T00:00:00"})
        for _ in range(2):
            outcome = acting.pushed(halo_id)
            assert (outcome["status"], outcome["code"]) == ("failed", "changed_in_both"), outcome
            assert "dueDate" in outcome["message"]
    finally:
        acting.settings(conflict_policy="halo_wins")
    assert acting.pushed(halo_id)["action"] == "updated"
    assert acting.bc_invoices(halo_id)[0]["dueDate"] == "2027-02-28"


def test_f51_a_customers_other_field_is_left_as_bc_has_it(acting: Acting) -> None:
    halo_id = a_customer(acting)
    assert acting.pushed(halo_id, "customer")["action"] == "created"
    row = own_customer(acting, halo_id)
    by_control(
        acting, "PATCH", f"/{acting.company_id}/customers/{row['id']}", {"email": "by@bookkeeper.example"}
    )
    acting.edit("Client", halo_id, {"name": f"Renamed {halo_id}"})
    assert acting.pushed(halo_id, "customer")["action"] == "updated"
    now = own_customer(acting, halo_id)
    assert (now["displayName"], now["email"]) == (f"Renamed {halo_id}", "by@bookkeeper.example")


def test_f53_a_posted_invoice_changes_its_due_date_only(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    invoice = synced(acting, halo_id)
    by_control(acting, "POST", f"/post/{invoice['id']}")
    acting.edit("Invoice", halo_id, {"duedate": "2027-03-31T00:00:00"})
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["action"]) == ("synced", "updated"), outcome
    assert acting.bc_invoices(halo_id)[0]["dueDate"] == "2027-03-31"
    edit_line(acting, halo_id, qty_order=9)
    acting.edit("Invoice", halo_id, {"duedate": "2027-04-30T00:00:00"})
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["code"]) == ("failed", "invoice_posted"), outcome
    assert "credit memo" in outcome["cure"]
    now = acting.bc_invoices(halo_id)[0]
    assert now["dueDate"] == "2027-03-31"  # no half update
    assert Decimal(str(lines(acting, halo_id)[0]["quantity"])) == 1


def test_f54_f76_a_posted_invoice_is_never_deleted(acting: Acting, invoicing: Invoicing) -> None:
    switch(acting, bc__allow_document_deletion_before="2030-01-01")
    halo_id = invoicing.invoice()
    invoice = synced(acting, halo_id)
    by_control(acting, "POST", f"/post/{invoice['id']}")
    acting.remove("Invoice", halo_id)
    deliver(acting, "invoice", halo_id, "delete")
    outcome = acting.outcome("invoice", halo_id, after=1)
    switch(acting, bc__allow_document_deletion_before="")
    assert (outcome["status"], outcome["code"]) == ("failed", "invoice_posted"), outcome
    assert "credit memo" in outcome["cure"]
    assert len(acting.bc_invoices(halo_id)) == 1
    assert log(acting, method="DELETE") == []


def test_f55_f73_a_failure_in_the_middle_of_a_batch_changes_nothing(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice(*(invoicing.line("Service", n, 10, f"L{n}") for n in range(1, 13)))
    invoice = synced(acting, halo_id)
    before = [(line["id"], line["quantity"]) for line in lines(acting, halo_id)]
    halo = acting.halo("Invoice", halo_id)["lines"]
    stranger = number(acting.agent("Item", {"name": "Blocked soon", "assetgroup_id": 1})["id"])
    path = f"/api/connections/{acting.connection['id']}/mappings/products/{stranger}"
    free = next(
        row for row in reversed(acting.bc("items")) if row["type"] == "Service" and not row["blocked"]
    )
    assert acting.app.api.put(path, json={"bc_id": free["id"]}).status_code in (200, 201)
    by_control(acting, "POST", "/block", {"item": free["number"], "blocked": True})
    changed = [{"id": line["id"], "qty_order": 50} for line in halo]
    added = {**invoicing.line("Service", 50, 10, "L13"), "_itemid": int(stranger)}
    acting.edit("Invoice", halo_id, {"lines": [*changed, added]})
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["code"]) == ("failed", "item_blocked"), outcome["message"]  # F62
    assert [(line["id"], line["quantity"]) for line in lines(acting, halo_id)] == before
    by_control(acting, "POST", "/block", {"item": free["number"], "blocked": False})
    outcome = acting.pushed(halo_id)
    assert outcome["action"] == "updated"
    assert {Decimal(str(line["quantity"])) for line in lines(acting, halo_id)} == {Decimal(50)}
    assert acting.halo("Invoice", halo_id)["dbc_id"] == invoice["id"]


def a_blocked_product(acting: Acting) -> tuple[str, str]:
    """The Halo id of a linked product whose BC item is blocked, and that item's number."""
    halo_id = number(acting.agent("Item", {"name": "Blocked soon", "assetgroup_id": 1})["id"])
    path = f"/api/connections/{acting.connection['id']}/mappings/products/{halo_id}"
    linked = acting.get(f"/api/connections/{acting.connection['id']}/mappings/products")["items"]
    taken = {item["bc_number"] for item in linked}
    free = next(
        row
        for row in reversed(acting.bc("items"))
        if row["type"] == "Service" and not row["blocked"] and row["number"] not in taken
    )
    assert acting.app.api.put(path, json={"bc_id": free["id"]}).status_code in (200, 201)
    by_control(acting, "POST", "/block", {"item": free["number"], "blocked": True})
    return halo_id, free["number"]


def test_f56_what_stayed_of_a_refused_change_is_found_and_completed(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice(invoicing.line("Service", 1, 10, "One"))
    invoice = synced(acting, halo_id)
    product, item = a_blocked_product(acting)
    added = [
        invoicing.line("Service", 2, 20, "Two"),
        {**invoicing.line("Service", 3, 30, "Three"), "_itemid": int(product)},
    ]
    acting.edit("Invoice", halo_id, {"lines": added})
    before = lines(acting, halo_id)[0]
    acting.fault("bc", {"kind": "hold", "name": "escapes", "when": "after"}, method="POST", path="batch")
    acting.sync("invoice", halo_id)
    acting.held("escapes")
    # An extension that commits in the midst of the transaction: the line before the refused one stays.
    escaped = {name: before[name] for name in before if name not in ("id", "@odata.etag")}
    escaped |= {"sequence": 1001, "description": "Two", "quantity": 2, "unitPrice": 20}
    by_control(acting, "POST", f"/{acting.company_id}/salesInvoiceLines", escaped)
    acting.control.post("/faults/release", json={"name": "escapes"}).raise_for_status()
    outcome = acting.outcome("invoice", halo_id, after=1)
    assert (outcome["status"], outcome["code"]) == ("failed", "item_blocked"), outcome
    assert "already" in outcome["message"]
    by_control(acting, "POST", "/block", {"item": item, "blocked": False})
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["action"], outcome["warnings"]) == ("synced", "updated", []), outcome
    assert [line["description"] for line in lines(acting, halo_id)] == ["One", "Two", "Three"]
    assert acting.bc_invoices(halo_id)[0]["id"] == invoice["id"]


def test_f56_a_create_that_stayed_though_it_was_refused_is_not_repeated(
    acting: Acting, invoicing: Invoicing
) -> None:
    product, item = a_blocked_product(acting)
    halo_id = invoicing.invoice(
        *(invoicing.line("Service", n, 10, f"L{n}") for n in range(1, 8)),
        {**invoicing.line("Service", 9, 10, "Blocked"), "_itemid": int(product)},
    )
    # BC takes four lines at a time, so the first of them stand when the blocked one is refused.
    body = rf'HALO-{halo_id}"(.*description){{5}}'
    acting.fault("bc", {"kind": "status", "status": 504}, body=body, times=0)
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["code"]) == ("failed", "item_blocked"), outcome
    assert len(acting.bc_invoices(halo_id)) == 1
    assert acting.pushed(halo_id)["code"] == "item_blocked"
    by_control(acting, "POST", "/block", {"item": item, "blocked": False})
    acting.sync("invoice", halo_id)
    wait_for(lambda: acting.outcomes("invoice", halo_id)[0]["status"] == "synced" or None, 30, "success")
    assert len(acting.bc_invoices(halo_id)) == 1
    found = [line["description"] for line in lines(acting, halo_id)]
    assert found == [*(f"L{n}" for n in range(1, 8)), "Blocked"]


def test_f77_another_customer_on_a_draft_keeps_every_line_once(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice(
        invoicing.line("Service", 2, 100, "One"), invoicing.line("Inventory", 1, 49.99, "Two")
    )
    old = {line["id"] for line in (synced(acting, halo_id), lines(acting, halo_id))[1]}
    row = next(
        row
        for row in acting.bc("customers")[25:]
        if row["genBusPostingGroup"] == "DOMESTIC"
        and not row["pricesIncludeTax"]
        and not row["blocked"].strip()
    )
    client = number(acting.agent("Client", {"name": "Moved to", "toplevel_id": 1})["id"])
    path = f"/api/connections/{acting.connection['id']}/mappings/customers/{client}"
    assert acting.app.api.put(path, json={"bc_id": row["id"]}).status_code in (200, 201)
    acting.edit("Invoice", halo_id, {"client_id": int(client)})
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["action"], outcome["warnings"]) == ("synced", "updated", []), outcome
    (invoice,) = acting.bc_invoices(halo_id)
    assert invoice["customerId"] == row["id"]
    now = lines(acting, halo_id)
    found = [(line["description"], Decimal(str(line["unitPrice"]))) for line in now]
    assert found == [("One", Decimal(100)), ("Two", Decimal("49.99"))]
    assert not old & {line["id"] for line in now}
    assert {line["dbc_id"] for line in acting.halo("Invoice", halo_id)["lines"]} == {
        line["id"] for line in now
    }
    assert acting.pushed(halo_id)["status"] == "unchanged"


def test_f79_lines_that_halo_did_not_send_are_left_alone(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice(invoicing.line("Service", 1, 10, "Ours"))
    invoice = synced(acting, halo_id)
    by_control(
        acting,
        "POST",
        f"/{acting.company_id}/salesInvoiceLines",
        {"documentId": invoice["id"], "sequence": 1001, "lineType": "Comment", "description": "Bookkeeper's"},
    )
    halo = acting.halo("Invoice", halo_id)["lines"]
    acting.edit(
        "Invoice",
        halo_id,
        {"lines": [{"id": halo[0]["id"], "qty_order": 2}, invoicing.line("Service", 1, 20, "Second")]},
    )
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["action"]) == ("synced", "updated"), outcome
    assert "extra_lines_in_bc" in [warning["code"] for warning in outcome["warnings"]]
    assert [line["description"] for line in lines(acting, halo_id)] == ["Ours", "Bookkeeper's", "Second"]
    assert acting.pushed(halo_id)["status"] == "unchanged"


def test_f79_recurring_lines_of_the_customer_are_left_alone(acting: Acting, invoicing: Invoicing) -> None:
    linked = acting.get(f"/api/connections/{acting.connection['id']}/mappings/customers")["items"]
    bc_number = next(item["bc_number"] for item in linked if item["halo_id"] == invoicing.customer)
    recurring = [{"lineType": "Comment", "description": "Monthly"}]
    by_control(acting, "POST", "/recurring", {"customer": bc_number, "lines": recurring})
    halo_id = invoicing.invoice()
    outcome = acting.pushed(halo_id)
    by_control(acting, "POST", "/recurring", {"customer": bc_number, "lines": []})
    assert [warning["code"] for warning in outcome["warnings"]] == ["extra_lines_in_bc"]
    assert len(lines(acting, halo_id)) == 2
    edit_line(acting, halo_id, qty_order=4)
    assert acting.pushed(halo_id)["action"] == "updated"
    assert len(lines(acting, halo_id)) == 2


def test_f52_f85_our_own_write_back_is_no_change(acting: Acting, invoicing: Invoicing) -> None:
    acting.webhooks()
    halo_id = invoicing.invoice()
    assert acting.outcome("invoice", halo_id)["action"] == "created"
    time.sleep(2.5)
    acting.control.put("/halo/webhooks", json=[]).raise_for_status()
    assert len(acting.outcomes("invoice", halo_id)) == 1
    assert len(log(acting, service="halo", path="/Invoice$", method="POST", body=rf'"id": ?{halo_id}\b')) == 1
    assert len(log(acting, method="POST", path="batch")) == 1


def test_f50_every_change_and_delete_names_the_version_it_changes(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice(
        invoicing.line("Service", 1, 10, "One"), invoicing.line("Service", 2, 20, "Two")
    )
    synced(acting, halo_id)
    halo = acting.halo("Invoice", halo_id)["lines"]
    acting.edit(
        "Invoice",
        halo_id,
        {
            "lines": [{"id": halo[0]["id"], "qty_order": 2}],
            "delete_lines": [halo[1]["id"]],
            "cust_order_number": "7",
        },
    )
    assert acting.pushed(halo_id)["action"] == "updated"
    acting.remove("Invoice", halo_id)
    deliver(acting, "invoice", halo_id, "delete")
    acting.outcome("invoice", halo_id, after=2)
    seen = set()
    for entry in log(acting):
        if entry["method"] in ("PATCH", "DELETE"):
            seen.add(entry["method"])
            assert entry["headers"]["if-match"]
        if entry["path"].endswith("$batch"):
            for part in json.loads(entry["body"])["requests"]:
                if part["method"] in ("PATCH", "DELETE"):
                    seen.add(f"part {part['method']}")
                    assert part["headers"]["If-Match"]
    assert seen == {"part PATCH", "part DELETE", "DELETE"}
    assert "missing_if_match" not in acting.counters("bc")
