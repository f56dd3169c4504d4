"""Payment terms that the connection names for Halo's: on invoices, credit memos and the customer's card (GUIDE G40)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.e2e.acting import Acting, Invoicing
from tests.faults.credit_memos import memos
from tests.faults.customers import a_customer, own_customer
from tests.faults.looking import by_control, log, switch, synced

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(autouse=True)
def nothing_named(house: Acting) -> Iterator[None]:
    """The house is shared: each case names its own terms."""
    yield
    house.settings(payment_terms={})


def terms(acting: Acting, code: str) -> str:
    return str(next(row["id"] for row in acting.bc("paymentTerms") if row["code"] == code))


def test_an_invoice_gets_the_payment_terms_that_the_connection_names_and_keeps_halos_due_date(
    acting: Acting, invoicing: Invoicing
) -> None:
    acting.settings(payment_terms={"14": "14 days", "60": "60 DAYS"})
    # As on the due date: the terms move it in Business Central, and it is Halo's all the same.
    halo_id = invoicing.invoice(paymentterms=14, duedate="2026-12-24T00:00:00")
    invoice = synced(acting, halo_id)
    assert (invoice["paymentTermsId"], invoice["dueDate"]) == (terms(acting, "14 DAYS"), "2026-12-24")
    assert acting.pushed(halo_id)["status"] == "unchanged"
    second = invoicing.invoice(paymentterms=14)
    synced(acting, second)
    assert acting.outcome("invoice", second)["requests"] == 1
    acting.edit("Invoice", halo_id, {"paymentterms": 60})
    assert acting.pushed(halo_id)["action"] == "updated"
    (now,) = acting.bc_invoices(halo_id)
    assert (now["paymentTermsId"], now["dueDate"]) == (terms(acting, "60 DAYS"), "2026-12-24")
    # Terms that are not named stay those of who pays.
    other = synced(acting, invoicing.invoice(paymentterms=7))
    payer = next(row for row in acting.bc("customers") if row["id"] == other["customerId"])
    assert other["paymentTermsId"] == payer["paymentTermsId"]


def test_payment_terms_that_bc_does_not_have_are_refused(acting: Acting, invoicing: Invoicing) -> None:
    acting.settings(payment_terms={"14": "NEVER"})
    halo_id = invoicing.invoice(paymentterms=14)
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["code"]) == ("failed", "payment_terms_unknown"), outcome
    assert "NEVER" in outcome["message"]
    assert acting.bc_invoices(halo_id) == []


def test_terms_that_are_named_later_do_not_touch_a_posted_invoice(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice(paymentterms=14)
    invoice = synced(acting, halo_id)
    by_control(acting, "POST", f"/post/{invoice['id']}")
    acting.edit("Invoice", halo_id, {"duedate": "2027-01-15T00:00:00"})
    assert acting.pushed(halo_id)["action"] == "updated"
    acting.settings(payment_terms={"14": "14 DAYS"})
    acting.edit("Invoice", halo_id, {"duedate": "2027-01-31T00:00:00"})
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["action"]) == ("synced", "updated"), outcome
    assert acting.bc_invoices(halo_id)[0]["dueDate"] == "2027-01-31"


def a_credit_note(invoicing: Invoicing, **more: Any) -> str:
    return invoicing.invoice(invoicing.line(quantity=-1), invoicetype=2, **more)


def test_a_credit_memo_gets_them_too(acting: Acting, invoicing: Invoicing) -> None:
    acting.settings(payment_terms={"14": "14 DAYS", "60": "60 DAYS"})
    halo_id = a_credit_note(invoicing, paymentterms=14, duedate="2026-12-24T00:00:00")
    assert acting.pushed(halo_id)["action"] == "created"
    (memo,) = memos(acting, halo_id)
    assert (memo["paymentTermsId"], memo["dueDate"]) == (terms(acting, "14 DAYS"), "2026-12-24")
    acting.clear_counters()
    assert acting.pushed(halo_id)["status"] == "unchanged"
    assert log(acting) == []
    acting.edit("Invoice", halo_id, {"paymentterms": 60})
    outcome = acting.pushed(halo_id)
    assert (outcome["action"], outcome["requests"]) == ("updated", 1), outcome
    (memo,) = memos(acting, halo_id)
    assert (memo["paymentTermsId"], memo["dueDate"]) == (terms(acting, "60 DAYS"), "2026-12-24")


def test_a_credit_memo_of_terms_that_are_not_named_has_those_of_who_pays(
    acting: Acting, invoicing: Invoicing
) -> None:
    acting.settings(payment_terms={"14": "14 DAYS"})
    halo_id = a_credit_note(invoicing, paymentterms=7)
    assert acting.pushed(halo_id)["action"] == "created"
    (memo,) = memos(acting, halo_id)
    assert memo["paymentTermsId"] == card(acting, memo["customerId"])["paymentTermsId"]


def test_a_credit_memo_of_terms_that_bc_does_not_have_is_refused(
    acting: Acting, invoicing: Invoicing
) -> None:
    acting.settings(payment_terms={"14": "NEVER"})
    halo_id = a_credit_note(invoicing, paymentterms=14)
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["code"]) == ("failed", "payment_terms_unknown"), outcome
    assert memos(acting, halo_id) == []


def test_terms_that_are_named_later_do_not_touch_a_posted_credit_memo(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = a_credit_note(invoicing, paymentterms=14)
    assert acting.pushed(halo_id)["action"] == "created"
    (memo,) = memos(acting, halo_id)
    by_control(acting, "POST", f"/post/{memo['id']}")
    acting.job(acting.post("/api/halo/sweep", status=202)["job_id"])
    acting.settings(payment_terms={"14": "14 DAYS"})
    assert acting.pushed(halo_id)["status"] == "unchanged"


@pytest.mark.parametrize("kind", ["invoice", "credit memo"])
def test_a_draft_whose_terms_are_not_named_any_more_goes_back_to_those_of_who_pays(
    acting: Acting, invoicing: Invoicing, kind: str
) -> None:
    acting.settings(payment_terms={"14": "14 DAYS"})
    make = invoicing.invoice if kind == "invoice" else partial(a_credit_note, invoicing)
    held = acting.bc_invoices if kind == "invoice" else partial(memos, acting)
    halo_id = make(paymentterms=14, duedate="2026-12-24T00:00:00")
    assert acting.pushed(halo_id)["action"] == "created"
    own = card(acting, held(halo_id)[0]["customerId"])["paymentTermsId"]
    assert held(halo_id)[0]["paymentTermsId"] != own
    acting.edit("Invoice", halo_id, {"paymentterms": 7})
    assert acting.pushed(halo_id)["action"] == "updated"
    (now,) = held(halo_id)
    assert (now["paymentTermsId"], now["dueDate"]) == (own, "2026-12-24")
    acting.clear_counters()
    assert acting.pushed(halo_id)["status"] == "unchanged"
    assert log(acting) == []


def test_a_draft_given_back_while_the_answer_is_lost_comes_to_rest(
    acting: Acting, invoicing: Invoicing
) -> None:
    acting.settings(payment_terms={"14": "14 DAYS"})
    halo_id = invoicing.invoice(paymentterms=14)
    invoice = synced(acting, halo_id)
    acting.settings(payment_terms={})
    acting.fault("bc", {"kind": "drop", "when": "after"}, method="POST", path="batch")
    assert acting.pushed(halo_id)["action"] == "updated"
    own = card(acting, invoice["customerId"])["paymentTermsId"]
    assert acting.bc_invoices(halo_id)[0]["paymentTermsId"] == own
    acting.clear_counters()
    assert acting.pushed(halo_id)["status"] == "unchanged"
    assert log(acting) == []


@pytest.mark.parametrize("told", [True, False])
def test_a_posted_invoice_keeps_its_terms_takes_the_due_date_and_says_so(
    acting: Acting, invoicing: Invoicing, told: bool
) -> None:
    acting.settings(payment_terms={"14": "14 DAYS", "60": "60 DAYS"})
    halo_id = invoicing.invoice(paymentterms=14)
    invoice = synced(acting, halo_id)
    by_control(acting, "POST", f"/post/{invoice['id']}")
    if told:
        acting.job(acting.post("/api/halo/sweep", status=202)["job_id"])
    acting.edit("Invoice", halo_id, {"paymentterms": 60, "duedate": "2027-01-19T00:00:00"})
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["action"]) == ("synced", "updated"), outcome
    assert [warning["code"] for warning in outcome["warnings"]] == ["payment_terms_stay"]
    assert "60 DAYS" in outcome["warnings"][0]["message"]
    (now,) = acting.bc_invoices(halo_id)
    assert (now["paymentTermsId"], now["dueDate"]) == (terms(acting, "14 DAYS"), "2027-01-19")
    # What the connection names from now on is for others: also what BC does not have.
    acting.settings(payment_terms={"60": "NEVER"})
    assert acting.pushed(halo_id)["status"] == "unchanged"
    acting.settings(payment_terms={})
    again = acting.pushed(halo_id)
    assert (again["status"], again["requests"]) == ("unchanged", 0), again
    assert acting.bc_invoices(halo_id)[0]["paymentTermsId"] == terms(acting, "14 DAYS")


def test_a_posted_invoice_that_is_adopted_keeps_the_terms_it_was_posted_with(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice(paymentterms=14)
    invoice = synced(acting, halo_id)
    by_control(acting, "POST", f"/post/{invoice['id']}")
    path = f"/api/connections/{acting.connection['id']}/mappings/invoices/{halo_id}"
    assert acting.app.api.delete(path).status_code == 204
    acting.settings(payment_terms={"14": "14 DAYS"})
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["action"]) == ("synced", "adopted"), outcome
    assert acting.bc_invoices(halo_id)[0]["paymentTermsId"] == invoice["paymentTermsId"]
    assert acting.pushed(halo_id)["status"] == "unchanged"


def test_terms_that_are_named_during_a_push_are_sent_with_the_next(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice(paymentterms=14)
    acting.fault("bc", {"kind": "hold", "name": "midway"}, method="POST", path="batch")
    acting.sync("invoice", halo_id)
    acting.held("midway")
    acting.settings(payment_terms={"14": "14 DAYS"})
    acting.control.delete("/faults")
    assert acting.outcome("invoice", halo_id)["action"] == "created"
    assert acting.pushed(halo_id)["action"] == "updated"
    (invoice,) = acting.bc_invoices(halo_id)
    assert (invoice["paymentTermsId"], invoice["dueDate"]) == (terms(acting, "14 DAYS"), "2026-12-20")
    acting.clear_counters()
    assert acting.pushed(halo_id)["status"] == "unchanged"
    assert log(acting) == []


def test_a_credit_memo_that_is_applied_later_keeps_its_terms_and_due_date(
    acting: Acting, invoicing: Invoicing
) -> None:
    acting.settings(payment_terms={"14": "14 DAYS"})
    invoice_id = invoicing.invoice(paymentterms=14)
    invoice = synced(acting, invoice_id)
    linked = {"creditlinkedtoinvoiceid": int(invoice_id), "duedate": "2026-12-24T00:00:00"}
    halo_id = a_credit_note(invoicing, paymentterms=14, **linked)
    assert acting.pushed(halo_id)["action"] == "created"
    by_control(acting, "POST", f"/post/{invoice['id']}")
    acting.job(acting.post("/api/halo/sweep", status=202)["job_id"])
    assert acting.outcome("invoice", halo_id, after=1)["action"] == "updated"
    (memo,) = memos(acting, halo_id)
    assert memo["invoiceNumber"] == acting.bc_invoices(invoice_id)[0]["number"]
    assert (memo["paymentTermsId"], memo["dueDate"]) == (terms(acting, "14 DAYS"), "2026-12-24")


# --- the customer's card ---


def card(acting: Acting, bc_id: str) -> dict[str, Any]:
    return next(row for row in acting.bc("customers") if row["id"] == bc_id)


def test_a_customer_gets_the_terms_that_are_named_for_its_own_and_later_changes(acting: Acting) -> None:
    switch(acting, bc__template_rules=True)
    acting.settings(payment_terms={"14": "14 DAYS", "60": "60 DAYS"})
    halo_id = a_customer(acting, paymentterms=14)
    outcome = acting.pushed(halo_id, "customer")
    assert (outcome["status"], outcome["action"]) == ("synced", "created"), outcome
    assert card(acting, outcome["bc_id"])["paymentTermsId"] == terms(acting, "14 DAYS")
    acting.clear_counters()
    again = acting.pushed(halo_id, "customer")
    assert (again["status"], again["requests"], log(acting)) == ("unchanged", 0, [])
    acting.edit("Client", halo_id, {"paymentterms": 60})
    changed = acting.pushed(halo_id, "customer")
    assert (changed["action"], changed["requests"]) == ("updated", 1), changed
    assert card(acting, outcome["bc_id"])["paymentTermsId"] == terms(acting, "60 DAYS")
    # Another meaning of Halo's number is a change as well.
    acting.settings(payment_terms={"60": "CM"})
    changed = acting.pushed(halo_id, "customer")
    assert (changed["action"], changed["requests"]) == ("updated", 1), changed
    assert card(acting, outcome["bc_id"])["paymentTermsId"] == terms(acting, "CM")
    assert acting.pushed(halo_id, "customer")["status"] == "unchanged"


def test_terms_that_nothing_is_named_for_are_left_to_the_accountant(acting: Acting) -> None:
    switch(acting, bc__template_rules=True)
    acting.settings(payment_terms={"60": "60 DAYS"})
    halo_id = a_customer(acting, paymentterms=14)
    outcome = acting.pushed(halo_id, "customer")
    assert card(acting, outcome["bc_id"])["paymentTermsId"] == terms(acting, "30 DAYS")  # the template's
    path = f"/{acting.company_id}/customers/{outcome['bc_id']}"
    by_control(acting, "PATCH", path, {"paymentTermsId": terms(acting, "CM")})
    acting.edit("Client", halo_id, {"accountsemailaddress": "terms@example.test", "paymentterms": 21})
    assert acting.pushed(halo_id, "customer")["action"] == "updated"
    assert card(acting, outcome["bc_id"])["paymentTermsId"] == terms(acting, "CM")
    # Named, and then not any more: what BC has stays.
    acting.edit("Client", halo_id, {"paymentterms": 60})
    assert acting.pushed(halo_id, "customer")["action"] == "updated"
    acting.settings(payment_terms={})
    assert acting.pushed(halo_id, "customer")["status"] == "unchanged"
    assert card(acting, outcome["bc_id"])["paymentTermsId"] == terms(acting, "60 DAYS")


def test_a_customer_of_terms_that_bc_does_not_have_is_refused_before_anything_is_created(
    acting: Acting,
) -> None:
    switch(acting, bc__template_rules=True)
    acting.settings(payment_terms={"14": "NEVER"})
    halo_id = a_customer(acting, paymentterms=14)
    outcome = acting.pushed(halo_id, "customer")
    assert (outcome["status"], outcome["code"]) == ("failed", "payment_terms_unknown"), outcome
    assert "NEVER" in outcome["message"]
    assert [row for row in acting.bc("customers") if row["number"] == f"S{halo_id}"] == []
    explained = acting.get(f"/api/explain/customer/{halo_id}")
    assert (explained["verdict"], explained["steps"][-1]["rule"]) == ("would_fail", "payment_terms_unknown")
    # One that is not to be sent is not refused for its terms.
    acting.edit("Client", halo_id, {"excludefrominvoicesync": True})
    assert acting.pushed(halo_id, "customer")["code"] == "opted_out"
    acting.edit("Client", halo_id, {"excludefrominvoicesync": False})
    # Created in BC meanwhile: a retry sends it.
    row = {"code": "NEVER", "displayName": "Not before the last day"}
    by_control(acting, "POST", f"/{acting.company_id}/paymentTerms", row)
    outcome = acting.pushed(halo_id, "customer")
    assert (outcome["status"], outcome["action"]) == ("synced", "created"), outcome
    assert own_customer(acting, halo_id)["paymentTermsId"] == terms(acting, "NEVER")


def test_explain_shows_the_terms_that_a_customer_would_get(acting: Acting) -> None:
    acting.settings(payment_terms={"14": "14 DAYS"})
    halo_id = a_customer(acting, paymentterms=14)
    explained = acting.get(f"/api/explain/customer/{halo_id}")
    assert explained["verdict"] == "would_create"
    (request,) = explained["requests"]
    assert request["body"]["paymentTermsId"] == terms(acting, "14 DAYS")


def test_a_linked_customer_with_its_terms_is_left_alone_and_an_import_changes_nothing_of_them(
    acting: Acting,
) -> None:
    acting.settings(payment_terms={"14": "14 DAYS", "60": "60 DAYS"})
    halo_id = a_customer(acting, paymentterms=14)
    name = acting.halo("Client", halo_id)["name"]
    customer = {"number": f"S{halo_id}", "displayName": name, "paymentTermsId": terms(acting, "14 DAYS")}
    path = f"/{acting.company_id}/customers"
    bc_id = by_control(acting, "POST", path, customer)["id"]
    linked = f"/api/connections/{acting.connection['id']}/mappings/customers/{halo_id}"
    assert acting.app.api.put(linked, json={"bc_id": bc_id}).status_code in (200, 201)
    assert acting.pushed(halo_id, "customer")["status"] == "unchanged"
    acting.edit("Client", halo_id, {"paymentterms": 60})
    outcome = acting.pushed(halo_id, "customer")
    assert (outcome["action"], outcome["requests"]) == ("updated", 1), outcome
    # The accountant chooses others, and an import brings the news of the customer: Halo's terms stay, and are not sent again.
    news = {"paymentTermsId": terms(acting, "CM"), "phoneNumber": "0100 200"}
    by_control(acting, "PATCH", f"{path}/{bc_id}", news)
    job = acting.import_all("customers", [{"bc_id": bc_id, "action": "update"}])
    assert (job["updated"], job["failed"]) == (1, 0), job
    assert acting.halo("Client", halo_id)["paymentterms"] == 60
    assert acting.pushed(halo_id, "customer")["status"] == "unchanged"
    assert card(acting, bc_id)["paymentTermsId"] == terms(acting, "CM")
