"""The head of an invoice in BC: who it is for and who pays, its currency, and dates that BC moves by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.e2e.acting import Acting, Invoicing, number
from tests.faults.engine import a_process, drain
from tests.faults.looking import by_control, switch, synced

pytestmark = pytest.mark.timeout(120)


def a_linked_customer(acting: Acting, taken: str = "", **wanted: Any) -> tuple[str, str]:
    """A Halo client linked to a BC customer of its own: (Halo id, BC id)."""
    linked = {
        row["bc_id"]
        for row in acting.get(f"/api/connections/{acting.connection['id']}/mappings/customers")["items"]
    }
    row = next(
        row
        for row in acting.bc("customers")
        if row["id"] not in linked
        and row["genBusPostingGroup"] == "DOMESTIC"
        and not row["pricesIncludeTax"]
        and not row["blocked"].strip()
        and all(row[name] == value for name, value in wanted.items())
    )
    client = number(acting.agent("Client", {"name": f"{row['displayName']} (Halo)", "toplevel_id": 1})["id"])
    path = f"/api/connections/{acting.connection['id']}/mappings/customers/{client}"
    assert acting.app.api.put(path, json={"bc_id": row["id"]}).status_code in (200, 201)
    return client, row["id"]


def test_an_invoice_that_halo_sent_to_another_client_is_sold_to_one_and_billed_to_the_other(
    acting: Acting, invoicing: Invoicing
) -> None:
    buyer, buyer_bc = a_linked_customer(acting)
    payer, payer_bc = a_linked_customer(acting)
    acting.clear_counters()
    halo_id = invoicing.invoice(client_id=int(payer), original_client_id=int(buyer))
    invoice = synced(acting, halo_id)
    assert (invoice["customerId"], invoice["billToCustomerId"]) == (buyer_bc, payer_bc)
    assert acting.outcome("invoice", halo_id)["requests"] == 1
    assert acting.pushed(halo_id)["status"] == "unchanged"


def test_invoices_of_one_customer_that_come_together_ask_for_its_payer_once(
    acting: Acting, invoicing: Invoicing
) -> None:
    customer, _ = a_linked_customer(acting)
    ids = [invoicing.invoice(client_id=int(customer)) for _ in range(5)]
    acting.clear_counters()
    acting.sync("invoice", *ids)
    for halo_id in ids:
        assert acting.outcome("invoice", halo_id)["status"] == "synced"
    assert acting.counters("halo")["by_kind"]["GET Client/{id}"] == 1


def test_a_customers_own_payer_is_billed(acting: Acting, invoicing: Invoicing) -> None:
    buyer, buyer_bc = a_linked_customer(acting)
    payer, payer_bc = a_linked_customer(acting)
    acting.edit("Client", buyer, {"client_to_invoice": int(payer)})
    halo_id = invoicing.invoice(client_id=int(buyer))
    invoice = synced(acting, halo_id)
    assert (invoice["customerId"], invoice["billToCustomerId"]) == (buyer_bc, payer_bc)
    # Another payer for new invoices leaves this one as it was.
    acting.edit("Client", buyer, {"client_to_invoice": 0})
    acting.edit("Invoice", halo_id, {"cust_order_number": "PO 9"})
    assert acting.pushed(halo_id)["action"] == "updated"
    (now,) = acting.bc_invoices(halo_id)
    assert (now["billToCustomerId"], now["customerPurchaseOrderReference"]) == (payer_bc, "PO 9")


def test_who_pays_is_created_first(acting: Acting, invoicing: Invoicing) -> None:
    buyer, _ = a_linked_customer(acting)
    payer = number(acting.agent("Client", {"name": "Pays for others", "toplevel_id": 1})["id"])
    switch(acting, bc__template_rules=True)
    acting.edit("Client", payer, {"accountsid": f"PAY{payer}"})
    acting.edit("Client", buyer, {"client_to_invoice": int(payer)})
    halo_id = invoicing.invoice(client_id=int(buyer))
    invoice = synced(acting, halo_id)
    assert invoice["billToCustomerNumber"] == f"PAY{payer}"


def test_a_payer_that_cannot_be_linked_keeps_the_invoice_back(acting: Acting, invoicing: Invoicing) -> None:
    buyer, _ = a_linked_customer(acting)
    payer = number(acting.agent("Client", {"name": "Has no number", "toplevel_id": 1})["id"])
    acting.edit("Client", buyer, {"client_to_invoice": int(payer)})
    halo_id = invoicing.invoice(client_id=int(buyer))
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["code"]) == ("skipped", "customer_not_linked")
    assert acting.bc_invoices(halo_id) == []
    # It goes by itself once the payer can be linked.
    switch(acting, bc__template_rules=True)
    acting.edit("Client", payer, {"accountsid": f"PAY{payer}"})
    acting.sync("customer", payer)
    later = acting.outcome("invoice", halo_id, after=1)
    assert later["status"] == "synced", later


def test_a_redirected_invoice_whose_customer_is_not_in_bc_is_booked_on_the_payer(
    acting: Acting, invoicing: Invoicing
) -> None:
    payer, payer_bc = a_linked_customer(acting)
    buyer = number(acting.agent("Client", {"name": "Never in the books", "toplevel_id": 1})["id"])
    halo_id = invoicing.invoice(client_id=int(payer), original_client_id=int(buyer))
    outcome = acting.pushed(halo_id)
    assert [warning["code"] for warning in outcome["warnings"]] == ["original_customer_not_linked"]
    (invoice,) = acting.bc_invoices(halo_id)
    assert (invoice["customerId"], invoice["billToCustomerId"]) == (payer_bc, payer_bc)


def test_a_customer_of_another_company_is_not_created_here_for_an_invoice(
    acting: Acting, invoicing: Invoicing
) -> None:
    buyer, _ = a_linked_customer(acting)
    payer = number(acting.agent("Client", {"name": "Of another company", "toplevel_id": 1})["id"])
    elsewhere = "99999999-9999-9999-9999-999999999999"
    acting.edit("Client", payer, {"accountsid": f"OC{payer}", "dbc_company_id": elsewhere})
    acting.edit("Client", buyer, {"client_to_invoice": int(payer)})
    outcome = acting.pushed(invoicing.invoice(client_id=int(buyer)))
    assert (outcome["status"], outcome["code"]) == ("skipped", "customer_not_linked")
    assert [row for row in acting.bc("customers") if row["number"] == f"OC{payer}"] == []


def test_another_customer_on_a_draft_keeps_halos_currency_and_due_date(
    acting: Acting, invoicing: Invoicing
) -> None:
    first, _ = a_linked_customer(acting)
    second, second_bc = a_linked_customer(acting)
    halo_id = invoicing.invoice(client_id=int(first), currency_code=2, duedate="2027-01-11T00:00:00")
    invoice = synced(acting, halo_id)
    assert (invoice["currencyCode"], invoice["dueDate"]) == ("EUR", "2027-01-11")
    acting.edit("Invoice", halo_id, {"client_id": int(second)})
    assert acting.pushed(halo_id)["action"] == "updated"
    (now,) = acting.bc_invoices(halo_id)
    # BC takes both from the new customer, unless they are said again.
    assert (now["customerId"], now["currencyCode"], now["dueDate"]) == (second_bc, "EUR", "2027-01-11")
    assert acting.pushed(halo_id)["status"] == "unchanged"


def test_another_invoice_date_keeps_the_due_date(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice(duedate="2027-01-11T00:00:00")
    synced(acting, halo_id)
    acting.edit("Invoice", halo_id, {"invoice_date": "2026-11-23T00:00:00"})
    assert acting.pushed(halo_id)["action"] == "updated"
    (now,) = acting.bc_invoices(halo_id)
    assert (now["invoiceDate"], now["postingDate"], now["dueDate"]) == (
        "2026-11-23",
        "2026-11-23",
        "2027-01-11",
    )


def test_a_currency_that_bc_lacks_is_never_booked_in_another(acting: Acting, invoicing: Invoicing) -> None:
    made = acting.agent("Currency", {"name": "Krona", "symbol": "kr", "code": "ISK", "conversion_rate": 170})
    halo_id = invoicing.invoice(currency_code=int(float(made["id"])))
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["code"]) == ("failed", "currency_unknown")
    assert acting.bc_invoices(halo_id) == []


async def test_an_invoice_without_a_known_currency_is_not_booked_in_the_customers_foreign_one(
    house: Acting, invoicing: Invoicing
) -> None:
    """Halo names no default currency, and the customer's card in BC says euros."""
    client, bc_id = a_linked_customer(house)
    euro = next(row["id"] for row in house.bc("currencies") if row["code"] == "EUR")
    path = f"/{house.company_id}/customers/{bc_id}"
    by_control(house, "PATCH", path, {"currencyCode": "EUR", "currencyId": euro})
    abroad, at_home = invoicing.invoice(client_id=int(client)), invoicing.invoice()
    for halo_id in (abroad, at_home):
        house.edit("Invoice", halo_id, {"currency_code": 0})
    house.edit("Control", 1, {"defaultcurrencycode": 0})
    # A process that has not read Halo's settings yet; it is the last test, so the app may go.
    house.app.host.stop()
    async with a_process(house.app.host.env) as services:
        for halo_id in (abroad, at_home):
            await services.store.dirty.mark(
                "invoice", halo_id, operation="upsert", source="webhook", requested_at=datetime.now(UTC)
            )
        await drain(services)
        (told,) = (await services.store.outcomes.page(entity="invoice", halo_id=abroad, limit=1)).items
    assert (told.status, told.code) == ("failed", "currency_unknown"), told
    assert house.bc_invoices(abroad) == []
    (invoice,) = house.bc_invoices(at_home)
    assert invoice["currencyCode"] in ("", "GBP")
