"""Credit notes through the real parts: a credit memo once, applied to its invoice, never the wrong kind (GUIDE G40)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.e2e.acting import Acting, Invoicing, wait_for
from tests.faults.credit_memos import memo_lines, memos
from tests.faults.looking import by_control, deliver, log, switch

pytestmark = pytest.mark.timeout(90)


def a_credit_note(invoicing: Invoicing, *lines: dict[str, Any], **more: Any) -> str:
    return invoicing.invoice(*lines, **{"invoicetype": 2, **more})


def applied_to(memo: dict[str, Any]) -> str:
    return str(memo["invoiceNumber"])


def codes(outcome: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in outcome["warnings"]]


@pytest.mark.parametrize("sign", [1, -1])
def test_a_credit_note_becomes_one_credit_memo_with_its_tax_back_to_the_cent(
    acting: Acting, invoicing: Invoicing, sign: int
) -> None:
    halo_id = a_credit_note(
        invoicing,
        invoicing.line("Service", sign * 3, 33.33, "Hours"),
        invoicing.line("Inventory", sign * 1, 49.99, "Box"),
    )
    acting.clear_counters()
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["action"], outcome["warnings"]) == ("synced", "created", []), outcome
    assert outcome["message"].startswith("Credit note ")
    assert outcome["requests"] == 1
    assert "page=44" in outcome["bc_url"]
    (memo,) = memos(acting, halo_id)
    assert acting.bc_invoices(halo_id) == []
    found = [
        (Decimal(str(row["quantity"])), Decimal(str(row["unitPrice"]))) for row in memo_lines(acting, halo_id)
    ]
    assert found == [(Decimal(3), Decimal("33.33")), (Decimal(1), Decimal("49.99"))]
    assert Decimal(str(memo["totalAmountExcludingTax"])) == Decimal("149.98")
    halo = acting.halo("Invoice", halo_id)
    assert halo["dbc_id"] == memo["id"]
    assert halo["thirdpartyinvoicenumber"] == memo["number"]
    assert Decimal(str(halo["tax_total"])) == sign * Decimal(str(memo["totalTaxAmount"]))
    taxes = {row["id"]: Decimal(str(row["totalTaxAmount"])) for row in memo_lines(acting, halo_id)}
    assert {row["dbc_id"]: sign * Decimal(str(row["tax_amount"])) for row in halo["lines"]} == taxes
    story = acting.get(f"/api/records/invoice/{halo_id}")
    assert [Decimal(line["difference"]) for line in story["lines"]] == [0, 0]
    assert story["links"][0]["tax_total"] == story["halo_tax"]
    acting.clear_counters()
    assert acting.pushed(halo_id)["status"] == "unchanged"
    assert log(acting) == []


def test_an_edit_changes_the_credit_memo_and_a_delete_deletes_its_draft(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = a_credit_note(
        invoicing, invoicing.line("Service", -1, 10, "One"), invoicing.line("Service", -2, 20, "Two")
    )
    assert acting.pushed(halo_id)["action"] == "created"
    rows = acting.halo("Invoice", halo_id)["lines"]
    acting.edit(
        "Invoice",
        halo_id,
        {
            "lines": [{"id": rows[1]["id"], "qty_order": -5}, invoicing.line("Service", -3, 30, "Three")],
            "delete_lines": [rows[0]["id"]],
        },
    )
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["action"], outcome["requests"]) == ("synced", "updated", 1), outcome
    found = [(row["description"], Decimal(str(row["quantity"]))) for row in memo_lines(acting, halo_id)]
    assert found == [("Two", Decimal(5)), ("Three", Decimal(3))]
    acting.remove("Invoice", halo_id)
    deliver(acting, "invoice", halo_id, "delete")
    outcome = acting.outcome("invoice", halo_id, after=2)
    assert (outcome["status"], outcome["action"]) == ("synced", "deleted"), outcome
    assert outcome["message"].startswith("Credit note ")
    assert memos(acting, halo_id) == []


def test_a_posted_credit_memo_is_neither_changed_nor_deleted(acting: Acting, invoicing: Invoicing) -> None:
    switch(acting, bc__allow_document_deletion_before="2030-01-01")
    halo_id = a_credit_note(invoicing)
    assert acting.pushed(halo_id)["action"] == "created"
    (memo,) = memos(acting, halo_id)
    by_control(acting, "POST", f"/post/{memo['id']}")
    rows = acting.halo("Invoice", halo_id)["lines"]
    acting.edit("Invoice", halo_id, {"lines": [{"id": rows[0]["id"], "qty_order": 9}]})
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["code"]) == ("failed", "invoice_posted"), outcome
    assert "ancel" in outcome["cure"]
    acting.remove("Invoice", halo_id)
    deliver(acting, "invoice", halo_id, "delete")
    outcome = acting.outcome("invoice", halo_id, after=2)
    switch(acting, bc__allow_document_deletion_before="")
    assert (outcome["status"], outcome["code"]) == ("failed", "invoice_posted"), outcome
    assert len(memos(acting, halo_id)) == 1
    assert Decimal(str(memo_lines(acting, halo_id)[0]["quantity"])) == 1


def test_it_is_applied_to_its_posted_invoice(acting: Acting, invoicing: Invoicing) -> None:
    invoice_id = invoicing.invoice()
    acting.pushed(invoice_id)
    (invoice,) = acting.bc_invoices(invoice_id)
    by_control(acting, "POST", f"/post/{invoice['id']}")
    swept(acting)
    (invoice,) = acting.bc_invoices(invoice_id)
    halo_id = a_credit_note(invoicing, creditlinkedtoinvoiceid=int(invoice_id))
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["action"], outcome["warnings"]) == ("synced", "created", []), outcome
    (memo,) = memos(acting, halo_id)
    assert applied_to(memo) == invoice["number"]
    # Posting it settles the invoice; what was applied stays so.
    by_control(acting, "POST", f"/post/{memo['id']}")
    swept(acting)
    assert acting.halo("Invoice", halo_id)["thirdpartyinvoicenumber"] == memos(acting, halo_id)[0]["number"]
    assert acting.pushed(halo_id)["status"] == "unchanged"


def test_it_goes_without_its_invoice_while_that_is_a_draft_and_is_applied_by_itself_once_it_is_posted(
    acting: Acting, invoicing: Invoicing
) -> None:
    invoice_id = invoicing.invoice()
    acting.pushed(invoice_id)
    halo_id = a_credit_note(invoicing, creditlinkedtoinvoiceid=int(invoice_id))
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["action"]) == ("synced", "created"), outcome
    assert codes(outcome) == ["credit_note_not_applied"]
    assert applied_to(memos(acting, halo_id)[0]) == ""
    (invoice,) = acting.bc_invoices(invoice_id)
    by_control(acting, "POST", f"/post/{invoice['id']}")
    swept(acting)
    outcome = acting.outcome("invoice", halo_id, after=1)
    assert (outcome["status"], outcome["action"], outcome["warnings"]) == ("synced", "updated", []), outcome
    assert applied_to(memos(acting, halo_id)[0]) == acting.bc_invoices(invoice_id)[0]["number"]


def test_it_is_applied_also_where_a_refused_change_was_the_first_to_learn_of_the_posting(
    acting: Acting, invoicing: Invoicing
) -> None:
    invoice_id = invoicing.invoice()
    acting.pushed(invoice_id)
    halo_id = a_credit_note(invoicing, creditlinkedtoinvoiceid=int(invoice_id))
    assert codes(acting.pushed(halo_id)) == ["credit_note_not_applied"]
    (invoice,) = acting.bc_invoices(invoice_id)
    by_control(acting, "POST", f"/post/{invoice['id']}")
    acting.edit("Invoice", invoice_id, {"lines": [invoicing.line(text="Forgotten")]})
    assert acting.pushed(invoice_id)["code"] == "invoice_posted"
    swept(acting)
    outcome = acting.outcome("invoice", halo_id, after=1)
    assert (outcome["status"], outcome["action"], outcome["warnings"]) == ("synced", "updated", []), outcome
    assert applied_to(memos(acting, halo_id)[0]) == acting.bc_invoices(invoice_id)[0]["number"]


def test_a_stale_word_of_a_posted_invoice_does_not_hold_up_the_credit(
    acting: Acting, invoicing: Invoicing
) -> None:
    invoice_id = invoicing.invoice()
    acting.pushed(invoice_id)
    (invoice,) = acting.bc_invoices(invoice_id)
    released = {"status": "Open", "headerStatus": "Released"}
    by_control(acting, "PATCH", f"/{acting.company_id}/salesInvoices/{invoice['id']}", released)
    swept(acting)
    halo_id = a_credit_note(invoicing, creditlinkedtoinvoiceid=int(invoice_id))
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["action"]) == ("synced", "created"), outcome
    assert codes(outcome) == ["credit_note_not_applied"]
    assert len(memos(acting, halo_id)) == 1
    reopened = {"status": "Draft", "headerStatus": "Open"}
    by_control(acting, "PATCH", f"/{acting.company_id}/salesInvoices/{invoice['id']}", reopened)
    by_control(acting, "POST", f"/post/{invoice['id']}")
    swept(acting)
    outcome = acting.outcome("invoice", halo_id, after=1)
    assert (outcome["status"], outcome["action"], outcome["warnings"]) == ("synced", "updated", []), outcome
    assert applied_to(memos(acting, halo_id)[0]) == acting.bc_invoices(invoice_id)[0]["number"]


def test_its_invoice_that_never_went_to_bc_is_named(acting: Acting, invoicing: Invoicing) -> None:
    invoice_id = invoicing.invoice()
    halo_id = a_credit_note(invoicing, creditlinkedtoinvoiceid=int(invoice_id))
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["action"]) == ("synced", "created"), outcome
    assert codes(outcome) == ["credit_note_not_applied"]
    assert invoice_id in outcome["warnings"][0]["message"]


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1)])
def test_what_became_another_kind_in_halo_is_refused_and_not_sent(
    acting: Acting, invoicing: Invoicing, before: int, after: int
) -> None:
    halo_id = invoicing.invoice(invoicetype=before)
    assert acting.pushed(halo_id)["action"] == "created"
    stood = (acting.bc_invoices(halo_id), memos(acting, halo_id))
    acting.edit("Invoice", halo_id, {"invoicetype": after})
    acting.clear_counters()
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["code"]) == ("failed", "document_kind_changed"), outcome
    assert outcome["cure"]
    assert log(acting) == []
    assert (acting.bc_invoices(halo_id), memos(acting, halo_id)) == stood
    acting.edit("Invoice", halo_id, {"invoicetype": before})
    assert acting.pushed(halo_id)["status"] == "unchanged"


def test_credit_notes_can_be_switched_off_and_wait_until_they_are_on(
    acting: Acting, invoicing: Invoicing
) -> None:
    acting.settings(sync_credit_notes=False)
    try:
        halo_id = a_credit_note(invoicing)
        outcome = acting.pushed(halo_id)
        assert (outcome["status"], outcome["code"]) == ("skipped", "credit_note_not_supported"), outcome
    finally:
        acting.settings(sync_credit_notes=True)
    outcome = acting.outcome("invoice", halo_id, after=1)
    assert (outcome["status"], outcome["action"]) == ("synced", "created"), outcome


def test_explain_shows_the_credit_memo_that_would_be_sent(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = a_credit_note(invoicing, invoicing.line("Service", -1, 10, "Back"))
    explained = acting.get(f"/api/explain/invoice/{halo_id}")
    assert explained["verdict"] == "would_create"
    assert "credit note" in next(step["detail"] for step in explained["steps"] if step["rule"] == "kind")
    (request,) = explained["requests"]
    create = request["parts"][0]
    assert create["path"].startswith("salesCreditMemos")
    assert Decimal(str(create["body"]["salesCreditMemoLines"][0]["quantity"])) == 1
    assert memos(acting, halo_id) == []


def swept(acting: Acting) -> None:
    acting.job(acting.post("/api/halo/sweep", status=202)["job_id"])


def test_what_became_another_kind_after_a_lost_create_is_found_as_what_it_was(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice(invoicing.line("Service", 2, 10, "Once"), invoicetype=1)
    acting.fault("bc", {"kind": "drop", "when": "after"}, method="POST", path="batch")
    acting.fault("bc", {"kind": "status", "status": 503}, method="GET", path="salesInvoices", times=0)
    acting.sync("invoice", halo_id)
    wait_for(lambda: acting.bc_invoices(halo_id) or None, 30, "the invoice in BC")
    acting.edit("Invoice", halo_id, {"invoicetype": 2})
    acting.control.delete("/faults")
    outcome = acting.outcome("invoice", halo_id, seconds=60)
    assert (outcome["status"], outcome["code"]) == ("failed", "document_kind_changed"), outcome
    assert (len(acting.bc_invoices(halo_id)), memos(acting, halo_id)) == (1, [])
    acting.edit("Invoice", halo_id, {"invoicetype": 1})
    acting.sync("invoice", halo_id)
    wait_for(lambda: acting.outcomes("invoice", halo_id)[0]["status"] == "synced" or None, 30, "success")
    (invoice,) = acting.bc_invoices(halo_id)
    assert [line["description"] for line in acting.bc_lines(invoice["id"])] == ["Once"]


def test_f9_two_credit_memos_with_the_same_key_are_left_to_a_person(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = a_credit_note(invoicing)
    acting.fault("bc", {"kind": "drop", "when": "after"}, method="POST", path="batch")
    acting.fault("bc", {"kind": "status", "status": 503}, method="GET", path="salesCreditMemos", times=0)
    acting.sync("invoice", halo_id)
    wait_for(lambda: memos(acting, halo_id) or None, 30, "the credit memo in BC")
    (memo,) = memos(acting, halo_id)
    twin = {name: memo[name] for name in ("customerId", "externalDocumentNumber", "postingDate")}
    by_control(acting, "POST", f"/{acting.company_id}/salesCreditMemos", twin)
    acting.control.delete("/faults")
    outcome = acting.outcome("invoice", halo_id, seconds=60)
    assert (outcome["status"], outcome["code"]) == ("failed", "ambiguous_match"), outcome
    assert outcome["message"].startswith("Credit memos ")
    assert len(memos(acting, halo_id)) == 2
