"""The main job: an invoice saved in Halo stands in BC, with BC's tax back on every Halo line."""

from __future__ import annotations

from decimal import Decimal

from tests.e2e.acting import Acting, Invoicing, wait_for


def test_a_saved_invoice_stands_in_bc_with_its_tax_back_in_halo(connected: Acting) -> None:
    invoicing = Invoicing(connected)
    connected.webhooks()
    halo_id = invoicing.invoice(
        invoicing.line("Service", 2, 100, "Consulting"),
        invoicing.line("Inventory", 1, 49.99, "Docking station"),
        {"item_shortdescription": "Thank you for your business", "qty_order": 0, "unit_price": 0},
    )
    outcome = connected.outcome("invoice", halo_id)
    assert (outcome["status"], outcome["action"]) == ("synced", "created"), outcome
    (invoice,) = connected.bc_invoices(halo_id)
    assert outcome["bc_number"] == invoice["number"]
    lines = connected.bc_lines(invoice["id"])
    assert [line["sequence"] for line in lines] == [1000, 2000, 2001]
    assert [line["lineType"] for line in lines] == ["Item", "Item", "Comment"]
    halo = connected.halo("Invoice", halo_id)
    assert halo["thirdpartyinvoicenumber"] == invoice["number"]
    assert halo["dbc_id"] == invoice["id"]
    assert halo["dbc_company_id"] == connected.company_id
    assert Decimal(str(halo["tax_total"])) == Decimal("50.00")
    by_text = {line["item_shortdescription"]: line for line in halo["lines"]}
    assert Decimal(str(by_text["Consulting"]["tax_amount"])) == Decimal("40.00")
    assert Decimal(str(by_text["Docking station"]["tax_amount"])) == Decimal("10.00")
    assert by_text["Consulting"]["dbc_id"] == lines[0]["id"]
    assert by_text["Docking station"]["dbc_sequence_id"] == 2000


def test_requests_to_bc_are_counted_to_the_last_one(connected: Acting) -> None:
    invoicing = Invoicing(connected)
    halo_id = invoicing.invoice(*(invoicing.line("Service", n, 10, f"Line {n}") for n in range(1, 11)))
    connected.clear_counters()
    connected.sync("invoice", halo_id)
    assert connected.outcome("invoice", halo_id)["action"] == "created"
    assert connected.counters("bc")["requests"] == 1
    connected.clear_counters()
    connected.sync("invoice", halo_id)
    assert connected.outcome("invoice", halo_id, after=1)["status"] == "unchanged"
    assert connected.counters("bc")["requests"] == 0
    lines = connected.halo("Invoice", halo_id)["lines"]
    connected.edit("Invoice", halo_id, {"lines": [{"id": line["id"], "qty_order": 7} for line in lines[:3]]})
    connected.clear_counters()
    connected.sync("invoice", halo_id)
    outcome = connected.outcome("invoice", halo_id, after=2)
    assert (outcome["status"], outcome["action"], outcome["requests"]) == ("synced", "updated", 1)
    assert connected.counters("bc")["requests"] == 1
    (invoice,) = connected.bc_invoices(halo_id)
    assert [Decimal(str(line["quantity"])) for line in connected.bc_lines(invoice["id"])[:4]] == [7, 7, 7, 4]


def test_lines_added_removed_and_changed_end_as_halo_has_them(connected: Acting) -> None:
    invoicing = Invoicing(connected)
    halo_id = invoicing.invoice(
        invoicing.line("Service", 1, 10, "One"),
        invoicing.line("Service", 2, 20, "Two"),
        invoicing.line("Inventory", 3, 30, "Three"),
    )
    connected.sync("invoice", halo_id)
    connected.outcome("invoice", halo_id)
    lines = connected.halo("Invoice", halo_id)["lines"]
    connected.edit(
        "Invoice",
        halo_id,
        {
            "lines": [{"id": lines[2]["id"], "unit_price": 31}, invoicing.line("Service", 4, 40, "Four")],
            "delete_lines": [lines[0]["id"]],
        },
    )
    connected.sync("invoice", halo_id)
    outcome = connected.outcome("invoice", halo_id, after=1)
    assert outcome["action"] == "updated", outcome
    (invoice,) = connected.bc_invoices(halo_id)
    found = [(line["description"], int(line["unitPrice"])) for line in connected.bc_lines(invoice["id"])]
    assert found == [("Two", 20), ("Three", 31), ("Four", 40)]


def test_an_invoice_deleted_in_halo_leaves_no_draft(connected: Acting) -> None:
    invoicing = Invoicing(connected)
    halo_id = invoicing.invoice()
    connected.sync("invoice", halo_id)
    connected.outcome("invoice", halo_id)
    connected.remove("Invoice", halo_id)
    connected.app.api.post(
        "/halo/events",
        params={"code": connected.app.function_key},
        json={"entity": "invoice", "halo_id": halo_id, "operation": "delete"},
    ).raise_for_status()
    outcome = connected.outcome("invoice", halo_id, after=1)
    assert (outcome["status"], outcome["action"]) == ("synced", "deleted"), outcome
    assert connected.bc_invoices(halo_id) == []


def test_a_refused_line_says_why_and_is_retried_after_its_cure(connected: Acting) -> None:
    invoicing = Invoicing(connected)
    stray = connected.agent("Item", {"name": "Unlinked thing", "assetgroup_id": 1})
    halo_id = invoicing.invoice(
        {**invoicing.line(), "_itemid": int(float(stray["id"])), "item_shortdescription": "Mystery"}
    )
    connected.sync("invoice", halo_id)
    outcome = connected.outcome("invoice", halo_id)
    assert (outcome["status"], outcome["code"]) == ("failed", "product_not_linked")
    assert "Mystery" in outcome["message"]
    assert outcome["cure"]
    errors = connected.get("/api/errors", state="open")
    assert [error["halo_id"] for error in errors["items"]] == [halo_id]
    assert errors["groups"] == [{"code": "product_not_linked", "count": 1}]
    number = next(row["number"] for row in connected.bc("items") if row["type"] == "Service")
    connected.settings(default_invoice_item=number)
    connected.post("/api/errors/retry", {"code": "product_not_linked"}, 202)
    outcome = connected.outcome("invoice", halo_id, after=1)
    assert outcome["status"] == "synced", outcome
    assert [warning["code"] for warning in outcome["warnings"]] == ["default_item_used"]
    assert connected.get("/api/errors", state="open")["items"] == []


def test_an_unlinked_customer_is_named_and_its_invoice_follows_by_itself(connected: Acting) -> None:
    invoicing = Invoicing(connected)
    connected.settings(sync_entities=["invoice"])
    stranger = connected.agent("Client", {"name": "Stranger Ltd", "toplevel_id": 1})
    client_id = str(int(float(stranger["id"])))
    halo_id = invoicing.invoice(client_id=int(client_id))
    connected.sync("invoice", halo_id)
    outcome = connected.outcome("invoice", halo_id)
    assert (outcome["status"], outcome["code"]) == ("skipped", "customer_not_linked")
    taken = {
        item["bc_id"]
        for item in connected.get(f"/api/connections/{connected.connection['id']}/mappings/customers")[
            "items"
        ]
    }
    row = next(row for row in connected.bc("customers")[10:] if row["id"] not in taken)
    answer = connected.app.api.put(
        f"/api/connections/{connected.connection['id']}/mappings/customers/{client_id}",
        json={"bc_id": row["id"]},
    )
    assert answer.status_code in (200, 201), answer.text
    assert connected.outcome("invoice", halo_id, after=1)["status"] == "synced"


def test_twenty_edits_in_a_row_are_few_pushes(connected: Acting) -> None:
    invoicing = Invoicing(connected)
    connected.webhooks()
    halo_id = invoicing.invoice()
    connected.outcome("invoice", halo_id)
    line = connected.halo("Invoice", halo_id)["lines"][0]["id"]
    connected.clear_counters()
    for quantity in range(2, 22):
        connected.edit("Invoice", halo_id, {"lines": [{"id": line, "qty_order": quantity}]})

    def arrived() -> bool | None:
        (invoice,) = connected.bc_invoices(halo_id)
        return Decimal(str(connected.bc_lines(invoice["id"])[0]["quantity"])) == 21 or None

    wait_for(arrived, 30, "the last edit in BC")
    assert connected.counters("bc")["requests"] <= 4


def test_an_invoice_before_go_live_is_booked_only_when_the_date_says_so(connected: Acting) -> None:
    connected.settings(sync_invoices_from="2026-11-21")
    invoicing = Invoicing(connected)
    halo_id = invoicing.invoice()
    connected.sync("invoice", halo_id)
    outcome = connected.outcome("invoice", halo_id)
    assert (outcome["status"], outcome["code"]) == ("skipped", "before_go_live")
    assert connected.bc_invoices(halo_id) == []
    connected.settings(sync_invoices_from="2026-11-20")
    assert connected.outcome("invoice", halo_id, after=1)["status"] == "synced"


def test_while_invoices_are_switched_off_a_deleted_one_keeps_its_draft(connected: Acting) -> None:
    invoicing = Invoicing(connected)
    halo_id = invoicing.invoice()
    connected.sync("invoice", halo_id)
    connected.outcome("invoice", halo_id)
    connected.settings(sync_entities=["customer"])
    connected.remove("Invoice", halo_id)
    deleted = {"entity": "invoice", "halo_id": halo_id, "operation": "delete"}
    connected.app.api.post(
        "/halo/events", params={"code": connected.app.function_key}, json=deleted
    ).raise_for_status()
    outcome = connected.outcome("invoice", halo_id, after=1)
    assert (outcome["status"], outcome["code"]) == ("skipped", "not_enabled"), outcome
    assert len(connected.bc_invoices(halo_id)) == 1
    connected.settings(sync_entities=["customer", "invoice"])
    assert connected.outcome("invoice", halo_id, after=2)["action"] == "deleted"
    assert connected.bc_invoices(halo_id) == []


def test_a_discount_that_halo_rounds_once_and_bc_twice_agrees_to_the_cent(connected: Acting) -> None:
    invoicing = Invoicing(connected)
    line = {**invoicing.line("Service", 1, 33.35, "Half"), "discount_perc": 50, "net_amount": 16.68}
    halo_id = invoicing.invoice(line)
    connected.sync("invoice", halo_id)
    outcome = connected.outcome("invoice", halo_id)
    assert (outcome["status"], outcome["warnings"]) == ("synced", [])
    (invoice,) = connected.bc_invoices(halo_id)
    assert str(invoice["totalAmountExcludingTax"]) == "16.68"
