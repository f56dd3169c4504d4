"""Beyond the list: odd invoices, odd moments, and people who change their mind."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from tests.e2e.acting import Acting, Invoicing, number, wait_for
from tests.faults.looking import by_control, deliver, edit_line, lines, log, switch, synced

pytestmark = pytest.mark.timeout(120)


def value(line: dict[str, Any], name: str) -> Decimal:
    return Decimal(str(line[name]))


def test_a_hundred_and_fifty_lines_are_changed_in_two_requests(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice(*(invoicing.line("Service", 1, 10, f"L{n}") for n in range(150)))
    assert acting.pushed(halo_id)["requests"] == 1
    halo = acting.halo("Invoice", halo_id)["lines"]
    assert all(line["dbc_id"] for line in halo)
    acting.edit("Invoice", halo_id, {"lines": [{"id": line["id"], "qty_order": 3} for line in halo]})
    outcome = acting.pushed(halo_id)
    assert (outcome["action"], outcome["requests"]) == ("updated", 2), outcome
    assert {value(line, "quantity") for line in lines(acting, halo_id)} == {Decimal(3)}
    assert acting.pushed(halo_id)["status"] == "unchanged"


def test_a_death_between_two_pieces_is_made_whole(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice(*(invoicing.line("Service", 1, 10, f"L{n}") for n in range(150)))
    synced(acting, halo_id)
    halo = acting.halo("Invoice", halo_id)["lines"]
    acting.edit(
        "Invoice",
        halo_id,
        {
            "lines": [{"id": line["id"], "qty_order": 4} for line in halo[10:]]
            + [invoicing.line("Service", 4, 1, f"N{n}") for n in range(20)],
            "delete_lines": [line["id"] for line in halo[:10]],
        },
    )
    acting.fault("bc", {"kind": "drop", "when": "before"}, method="POST", path=r"batch", skip=1)
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["action"]) == ("synced", "updated"), outcome
    found = lines(acting, halo_id)
    assert [line["description"] for line in found] == [f"L{n}" for n in range(10, 150)] + [
        f"N{n}" for n in range(20)
    ]
    assert {value(line, "quantity") for line in found} == {Decimal(4)}


def test_a_copy_that_carries_its_originals_ids_gets_an_invoice_of_its_own(
    acting: Acting, invoicing: Invoicing
) -> None:
    original = invoicing.invoice(invoicing.line("Service", 1, 10, "Original"))
    stood = synced(acting, original)
    copied = acting.halo("Invoice", original)
    ids = {name: copied[name] for name in ("dbc_id", "dbc_company_id", "thirdpartyinvoicenumber")}
    copy = invoicing.invoice(invoicing.line("Service", 2, 20, "Copy"), **ids)
    outcome = acting.pushed(copy)
    assert (outcome["status"], outcome["action"]) == ("synced", "created"), outcome
    assert [line["description"] for line in lines(acting, original)] == ["Original"]
    assert [line["description"] for line in lines(acting, copy)] == ["Copy"]
    assert acting.halo("Invoice", copy)["dbc_id"] != stood["id"]
    assert acting.pushed(original)["status"] == "unchanged"


@pytest.mark.soak
def test_six_hundred_lines(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice(*(invoicing.line("Service", 1, 10, f"L{n}") for n in range(600)))
    assert acting.pushed(halo_id)["action"] == "created"
    assert len(lines(acting, halo_id)) == 600
    halo = acting.halo("Invoice", halo_id)["lines"]
    acting.edit("Invoice", halo_id, {"delete_lines": [line["id"] for line in halo[::2]]})
    assert acting.pushed(halo_id)["action"] == "updated"
    assert [line["description"] for line in lines(acting, halo_id)] == [f"L{n}" for n in range(1, 600, 2)]


NUMBERS: dict[str, tuple[Any, Any]] = {
    "no quantity": (0, 25),
    "a credit": (-2, 25),
    "five decimals": (1.23456, 10),
    "a price of many decimals": (3, 0.123456789),
    "much": (999999, 99999.99),
    "next to nothing": (0.00001, 100000),
}


def test_odd_quantities_and_prices_arrive_as_they_are(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice(
        invoicing.line("Service", 1, 1000, "Base"),
        *(invoicing.line("Service", *pair, name) for name, pair in NUMBERS.items()),
    )
    outcome = acting.pushed(halo_id)
    assert outcome["status"] == "synced", outcome
    found = {line["description"]: line for line in lines(acting, halo_id)}
    for name, (quantity, price) in NUMBERS.items():
        assert value(found[name], "quantity") == Decimal(str(quantity)), name
        assert abs(value(found[name], "unitPrice") - Decimal(str(price))) < Decimal("0.00001"), name
    assert acting.pushed(halo_id)["status"] == "unchanged"


TEXTS = {
    "emoji": "Server 🖥️ moved 👩‍💻 and cooled ❄️",
    "right to left": "שירות חודשי ‏(תמיכה)‏ خدمة",
    "exactly 100": "x" * 100,
    "101": "y" * 101,
    "quotes": 'O\'Brien "quoted" <b>bold</b> & Söhne; %00 {json}',
    "controls": "bell\u0007 escape\u001b nul\u0000 end",
    "many emoji": "😀" * 80,
}


def test_odd_texts_arrive_as_they_are(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice(*(invoicing.line("Service", 1, 10, text) for text in TEXTS.values()))
    outcome = acting.pushed(halo_id)
    assert outcome["status"] == "synced", outcome
    found = [line["description"] for line in lines(acting, halo_id)]
    assert all(len(text.encode("utf-16-le")) <= 200 for text in found)
    assert not any(ord(one) < 32 for text in found for one in text)
    whole = "".join(found)
    for name, text in TEXTS.items():
        wanted = "".join(one for one in text if ord(one) >= 32)
        assert wanted in whole, name
    assert acting.pushed(halo_id)["status"] == "unchanged"


def test_an_invoice_may_be_dated_anew(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    synced(acting, halo_id)
    acting.edit("Invoice", halo_id, {"invoice_date": "2026-10-05T00:00:00", "duedate": "2026-11-05T00:00:00"})
    assert acting.pushed(halo_id)["action"] == "updated"
    (invoice,) = acting.bc_invoices(halo_id)
    assert (invoice["invoiceDate"], invoice["postingDate"], invoice["dueDate"]) == (
        "2026-10-05",
        "2026-10-05",
        "2026-11-05",
    )
    acting.edit("Invoice", halo_id, {"invoice_date": "2019-10-05T00:00:00"})
    outcome = acting.pushed(halo_id)
    assert outcome["status"] in ("synced", "skipped"), outcome


def test_ids_are_text_however_halo_writes_them(acting: Acting, invoicing: Invoicing) -> None:
    for doubles in (False, True):
        switch(acting, halo__ids_as_double=doubles)
        halo_id = invoicing.invoice()
        outcome = acting.pushed(halo_id)
        assert (outcome["status"], outcome["halo_id"]) == ("synced", halo_id)
        assert acting.pushed(halo_id)["status"] == "unchanged"


def test_a_draft_deleted_in_bc_is_not_made_again_without_a_word(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    invoice = synced(acting, halo_id)
    by_control(acting, "DELETE", f"/{acting.company_id}/salesInvoices/{invoice['id']}")
    edit_line(acting, halo_id, qty_order=5)
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["code"]) == ("failed", "deleted_in_bc"), outcome
    assert acting.bc_invoices(halo_id) == []
    path = f"/api/connections/{acting.connection['id']}/mappings/invoices/{halo_id}"
    assert acting.app.api.delete(path).status_code in (200, 204)
    outcome = acting.pushed(halo_id)
    assert outcome["status"] == "synced", outcome
    assert len(acting.bc_invoices(halo_id)) == 1


def test_a_line_deleted_in_bc_is_no_deleted_invoice(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice(
        invoicing.line("Service", 1, 10, "One"), invoicing.line("Service", 2, 20, "Two")
    )
    synced(acting, halo_id)
    by_control(acting, "DELETE", f"/{acting.company_id}/salesInvoiceLines/{lines(acting, halo_id)[0]['id']}")
    edit_line(acting, halo_id, qty_order=5)
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["action"]) == ("synced", "updated"), outcome
    found = [(line["description"], value(line, "quantity")) for line in lines(acting, halo_id)]
    assert found == [("One", Decimal(5)), ("Two", Decimal(2))]


def test_a_storm_of_webhooks_is_one_push(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: deliver(acting, "invoice", halo_id), range(80)))
    assert acting.outcome("invoice", halo_id)["action"] == "created"
    time.sleep(2)
    assert len(log(acting, method="POST", path="batch")) == 1
    assert len(acting.bc_invoices(halo_id)) == 1
    assert len(acting.outcomes("invoice", halo_id)) == 1


def test_a_pause_holds_records_up_and_its_end_lets_them_go(acting: Acting, invoicing: Invoicing) -> None:
    pushing, waiting = invoicing.invoice(), invoicing.invoice()
    path = f"/api/connections/{acting.connection['id']}"
    acting.fault("bc", {"kind": "hold", "name": "pushing"}, method="POST", body=f'HALO-{pushing}"')
    acting.sync("invoice", pushing)
    acting.held("pushing")
    assert acting.app.api.patch(path, json={"paused": True}).status_code == 200
    time.sleep(1.2)
    acting.sync("invoice", waiting)
    outcome = wait_for(lambda: acting.outcomes("invoice", waiting) or None, 10, "an outcome")[0]
    assert (outcome["status"], outcome["code"]) == ("retrying", "paused")
    acting.control.post("/faults/release", json={"name": "pushing"})
    assert acting.outcome("invoice", pushing)["action"] == "created"
    assert acting.bc_invoices(waiting) == []
    assert acting.app.api.patch(path, json={"paused": False}).status_code == 200
    assert acting.outcome("invoice", waiting)["action"] == "created"
    assert len(acting.outcomes("invoice", waiting)) == 1


def test_switching_an_entity_on_never_leaves_one_behind(acting: Acting, invoicing: Invoicing) -> None:
    """The switch may be turned in the very moment in which a push finds it off."""
    ids = [invoicing.invoice() for _ in range(10)]
    for halo_id in ids:
        acting.settings(sync_entities=["customer", "product"])
        deliver(acting, "invoice", halo_id)
        time.sleep(0.05)
        acting.settings(sync_entities=["customer", "product", "invoice"])
    for halo_id in ids:
        wait_for(lambda one=halo_id: acting.bc_invoices(one) or None, 20, f"invoice {halo_id}")  # type: ignore[misc]


def test_a_customer_that_changes_its_company_is_not_sent_to_the_old_one(acting: Acting) -> None:
    """Its own company decides; where that is not connected, it is said and nothing is overwritten."""
    halo_id = number(acting.agent("Client", {"name": "Mover", "toplevel_id": 1})["id"])
    acting.edit("Client", halo_id, {"name": f"Mover {halo_id}", "accountsid": f"M{halo_id}"})
    assert acting.pushed(halo_id, "customer")["action"] == "created"
    elsewhere = "99999999-1111-2222-3333-444444444444"
    acting.edit("Client", halo_id, {"dbc_company_id": elsewhere, "name": f"Moved {halo_id}"})
    outcome = acting.pushed(halo_id, "customer")
    assert acting.halo("Client", halo_id)["dbc_company_id"] == elsewhere
    assert (outcome["status"], outcome["code"]) == ("skipped", "no_connection"), outcome


def test_gross_prices_are_refused_after_a_lost_answer_too(acting: Acting, invoicing: Invoicing) -> None:
    row = next(
        row
        for row in acting.bc("customers")[30:]
        if row["genBusPostingGroup"] == "DOMESTIC"
        and not row["pricesIncludeTax"]
        and not row["blocked"].strip()
    )
    by_control(acting, "PATCH", f"/{acting.company_id}/customers/{row['id']}", {"pricesIncludeTax": True})
    client = number(acting.agent("Client", {"name": "Gross", "toplevel_id": 1})["id"])
    path = f"/api/connections/{acting.connection['id']}/mappings/customers/{client}"
    assert acting.app.api.put(path, json={"bc_id": row["id"]}).status_code in (200, 201)
    halo_id = invoicing.invoice(client_id=int(client))
    acting.fault("bc", {"kind": "drop", "when": "after"}, method="POST", body=f'HALO-{halo_id}"')
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["code"]) == ("failed", "prices_include_tax"), outcome
    assert acting.bc_invoices(halo_id) == []
    # The same when a draft moves to such a customer.
    halo_id = invoicing.invoice()
    synced(acting, halo_id)
    acting.edit("Invoice", halo_id, {"client_id": int(client)})
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["code"]) == ("failed", "prices_include_tax"), outcome
    assert acting.bc_invoices(halo_id) == []
    by_control(acting, "PATCH", f"/{acting.company_id}/customers/{row['id']}", {"pricesIncludeTax": False})
    assert acting.pushed(halo_id)["action"] == "created"


def test_one_edit_does_not_wait_behind_a_flood_that_a_person_ordered(
    acting: Acting, invoicing: Invoicing
) -> None:
    flood = [invoicing.invoice() for _ in range(120)]
    single = invoicing.invoice()
    switch(acting, bc__seconds_per_request=0.5)
    acting.sync("invoice", *flood)
    deliver(acting, "invoice", single)
    edit = acting.outcome("invoice", single, seconds=60)
    switch(acting, bc__seconds_per_request=0.0)
    ordered = [acting.outcome("invoice", halo_id, seconds=60) for halo_id in flood]
    # What was in hand already goes first, and a few more while the queue brings the edit.
    assert sum(one["at"] < edit["at"] for one in ordered) < 80


def held_after_the_create(acting: Acting, halo_id: str) -> None:
    """Sync the invoice; BC has it, and its answer is held back."""
    acting.fault(
        "bc", {"kind": "hold", "when": "after", "name": halo_id}, method="POST", body=f'HALO-{halo_id}"'
    )
    acting.sync("invoice", halo_id)
    acting.held(halo_id)


def test_a_line_removed_in_halo_while_its_invoice_is_pushed_fails_nothing(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice(
        invoicing.line("Service", 1, 10, "Stays"), invoicing.line("Service", 2, 20, "Goes")
    )
    held_after_the_create(acting, halo_id)
    goes = acting.halo("Invoice", halo_id)["lines"][1]
    acting.edit("Invoice", halo_id, {"delete_lines": [goes["id"]]})
    acting.control.post("/faults/release", json={"name": halo_id}).raise_for_status()
    assert acting.outcome("invoice", halo_id)["status"] == "synced"
    deliver(acting, "invoice", halo_id)
    assert acting.outcome("invoice", halo_id, after=1)["action"] == "updated"
    told = [(one["status"], one["action"]) for one in acting.outcomes("invoice", halo_id)]
    assert told == [("synced", "updated"), ("synced", "created")]
    assert [line["description"] for line in lines(acting, halo_id)] == ["Stays"]
    (left,) = acting.halo("Invoice", halo_id)["lines"]
    assert left["dbc_id"] == lines(acting, halo_id)[0]["id"]


def test_an_invoice_deleted_in_halo_while_it_is_pushed_fails_nothing(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice()
    held_after_the_create(acting, halo_id)
    acting.remove("Invoice", halo_id)
    acting.control.post("/faults/release", json={"name": halo_id}).raise_for_status()
    assert acting.outcome("invoice", halo_id)["status"] == "synced"
    deliver(acting, "invoice", halo_id, "delete")
    assert acting.outcome("invoice", halo_id, after=1)["action"] == "deleted"
    told = [(one["status"], one["action"]) for one in acting.outcomes("invoice", halo_id)]
    assert told == [("synced", "deleted"), ("synced", "created")]
    assert acting.bc_invoices(halo_id) == []


def test_a_connection_removed_while_pushing_leaves_no_loop(acting: Acting, invoicing: Invoicing) -> None:
    """The last test of the module: its connection is gone afterwards."""
    pushing, waiting = invoicing.invoice(), invoicing.invoice()
    acting.fault("bc", {"kind": "hold", "name": "pushing", "when": "after"}, body=f'HALO-{pushing}"')
    acting.sync("invoice", pushing)
    acting.held("pushing")
    connection = acting.connection
    answer = acting.app.api.delete(
        f"/api/connections/{connection['id']}", params={"confirm": connection["name"]}
    )
    assert answer.status_code == 204, answer.text
    acting.control.post("/faults/release", json={"name": "pushing"})
    acting.sync("invoice", waiting)
    outcome = acting.outcome("invoice", waiting)
    assert (outcome["status"], outcome["code"]) == ("skipped", "no_connection"), outcome
    time.sleep(3)
    found = acting.outcomes("invoice", pushing)
    assert [one["status"] for one in found if one["status"] == "retrying"] == []
    assert len(acting.bc_invoices(pushing)) <= 1
