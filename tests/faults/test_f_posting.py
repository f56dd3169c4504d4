"""Posting in BC (G43): only what is posted in Halo and agrees to the cent, once, and the number comes back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from tests.e2e.acting import Acting, Invoicing
from tests.faults.engine import Died, Peril, a_process, drain
from tests.faults.looking import by_control, creates, deliver, edit_line, lines, log, switch, synced

pytestmark = pytest.mark.timeout(90)
POST = r"/Microsoft\.NAV\.post"


@pytest.fixture(autouse=True)
def posting(acting: Acting) -> Iterator[None]:
    acting.settings(post_invoices=True)
    yield
    acting.settings(post_invoices=False)
    switch(acting, bc__allow_posting_from="")


def told(outcome: dict[str, Any]) -> tuple[str, str, str]:
    return outcome["status"], outcome["action"], outcome["code"]


def posts(acting: Acting) -> list[dict[str, Any]]:
    """The requests that would post something."""
    return log(acting, body=POST)


def warned(outcome: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in outcome["warnings"]]


def in_bc(acting: Acting, halo_id: str) -> dict[str, Any]:
    (invoice,) = acting.bc_invoices(halo_id)
    return invoice


def release(acting: Acting, invoice: dict[str, Any], status: str = "Open", header: str = "Released") -> None:
    """A person's step in BC's own client."""
    path = f"/{acting.company_id}/salesInvoices/{invoice['id']}"
    by_control(acting, "PATCH", path, {"status": status, "headerStatus": header})


def test_a_new_invoice_that_is_posted_in_halo_is_posted_with_two_requests(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice(
        invoicing.line("Service", 2, 100), invoicing.line("Inventory", 1, 49.99), posted=True
    )
    outcome = acting.pushed(halo_id)
    assert told(outcome) == ("synced", "posted", ""), outcome
    invoice = in_bc(acting, halo_id)
    assert (invoice["status"], invoice["posted"]) == ("Open", True)
    assert (outcome["bc_number"], outcome["requests"]) == (invoice["number"], 2)
    assert invoice["number"] in outcome["message"]
    assert "created and posted" in outcome["message"]
    halo = acting.halo("Invoice", halo_id)
    assert (halo["thirdpartyinvoicenumber"], halo["bcd_posted"]) == (invoice["number"], True)
    assert halo["dbc_id"] == invoice["id"]
    assert float(halo["tax_total"]) == float(invoice["totalTaxAmount"])
    assert {line["dbc_id"] for line in halo["lines"]} == {line["id"] for line in lines(acting, halo_id)}
    assert len(posts(acting)) == 1
    acting.clear_counters()
    assert told(acting.pushed(halo_id)) == ("unchanged", "none", "")
    assert log(acting) == []


def test_a_draft_is_posted_once_halo_posts_it(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    assert told(acting.pushed(halo_id)) == ("synced", "created", "")
    assert in_bc(acting, halo_id)["status"] == "Draft"
    acting.edit("Invoice", halo_id, {"posted": True})
    acting.clear_counters()
    outcome = acting.pushed(halo_id)
    assert told(outcome) == ("synced", "posted", ""), outcome
    # Read, since a bookkeeper may have changed the draft; then posted.
    assert outcome["requests"] == 2
    assert creates(acting, halo_id) == []
    assert acting.halo("Invoice", halo_id)["thirdpartyinvoicenumber"] == in_bc(acting, halo_id)["number"]


def test_a_change_and_the_posting_in_halo_are_one_push(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    synced(acting, halo_id)
    edit_line(acting, halo_id, qty_order=3)
    acting.edit("Invoice", halo_id, {"posted": True})
    outcome = acting.pushed(halo_id)
    assert told(outcome) == ("synced", "posted", ""), outcome
    assert "updated and posted" in outcome["message"]
    assert outcome["requests"] == 2
    assert float(lines(acting, halo_id)[0]["quantity"]) == 3


def test_nothing_is_posted_while_the_setting_is_off(acting: Acting, invoicing: Invoicing) -> None:
    acting.settings(post_invoices=False)
    halo_id = invoicing.invoice(posted=True)
    assert told(acting.pushed(halo_id)) == ("synced", "created", "")
    assert posts(acting) == []
    acting.settings(post_invoices=True)
    assert told(acting.pushed(halo_id)) == ("synced", "posted", "")


def test_totals_that_differ_by_a_cent_are_not_posted(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    invoice = synced(acting, halo_id)
    line = lines(acting, halo_id)[0]
    by_control(acting, "PATCH", f"/{acting.company_id}/salesInvoiceLines/{line['id']}", {"unitPrice": 100.01})
    acting.edit("Invoice", halo_id, {"posted": True})
    outcome = acting.pushed(halo_id)
    assert told(outcome) == ("unchanged", "none", ""), outcome
    assert warned(outcome) == ["not_posted"]
    assert "100.01" in outcome["warnings"][0]["message"]
    assert in_bc(acting, halo_id)["status"] == "Draft"
    assert posts(acting) == []
    by_control(acting, "PATCH", f"/{acting.company_id}/salesInvoiceLines/{line['id']}", {"unitPrice": 100})
    outcome = acting.pushed(halo_id)
    assert told(outcome) == ("synced", "posted", ""), outcome
    assert in_bc(acting, halo_id)["id"] == invoice["id"]


def test_lines_that_halo_did_not_send_keep_it_a_draft_where_they_cost_something(
    acting: Acting, invoicing: Invoicing
) -> None:
    linked = acting.get(f"/api/connections/{acting.connection['id']}/mappings/customers")["items"]
    bc_number = next(item["bc_number"] for item in linked if item["halo_id"] == invoicing.customer)
    item = next(row for row in acting.bc("items") if row["type"] == "Service" and not row["blocked"])
    costly = {"lineType": "Item", "lineObjectNumber": item["number"], "quantity": 1, "unitPrice": 5}
    outcomes = []
    for extra in ({"lineType": "Comment", "description": "Monthly"}, costly):
        by_control(acting, "POST", "/recurring", {"customer": bc_number, "lines": [extra]})
        outcomes.append(acting.pushed(invoicing.invoice(posted=True)))
    by_control(acting, "POST", "/recurring", {"customer": bc_number, "lines": []})
    assert told(outcomes[0]) == ("synced", "posted", "")
    assert told(outcomes[1]) == ("synced", "created", "")
    assert set(warned(outcomes[1])) == {"extra_lines_in_bc", "not_posted"}


def test_what_bc_refuses_to_post_stays_a_draft_and_a_retry_only_posts_it(
    acting: Acting, invoicing: Invoicing
) -> None:
    switch(acting, bc__allow_posting_from="2030-01-01")
    halo_id = invoicing.invoice(posted=True)
    outcome = acting.pushed(halo_id)
    assert told(outcome) == ("failed", "created", "posting_date_not_allowed"), outcome
    assert "was created" in outcome["message"]
    assert "not posted" in outcome["message"]
    assert "Allow Posting" in outcome["cure"]
    invoice = in_bc(acting, halo_id)
    assert invoice["status"] == "Draft"
    # The draft's tax is back in Halo all the same.
    halo = acting.halo("Invoice", halo_id)
    assert float(halo["tax_total"]) == float(invoice["totalTaxAmount"])
    assert halo["bcd_posted"] is False
    switch(acting, bc__allow_posting_from="")
    acting.clear_counters()
    before = len(acting.outcomes("invoice", halo_id))
    (error,) = [row for row in acting.get("/api/errors", state="open")["items"] if row["halo_id"] == halo_id]
    acting.post("/api/errors/retry", {"ids": [error["id"]]}, 202)
    outcome = acting.outcome("invoice", halo_id, after=before)
    assert told(outcome) == ("synced", "posted", ""), outcome
    assert creates(acting, halo_id) == []
    assert len(posts(acting)) == 1
    assert not [row for row in acting.get("/api/errors", state="open")["items"] if row["halo_id"] == halo_id]


def test_a_draft_that_must_be_approved_says_so(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    release(acting, synced(acting, halo_id), "In Review", "Pending Approval")
    acting.edit("Invoice", halo_id, {"posted": True})
    outcome = acting.pushed(halo_id)
    assert told(outcome) == ("failed", "none", "approval_needed"), outcome
    assert "approv" in outcome["cure"]


@pytest.mark.parametrize(
    ("case", "action"),
    [
        ("f5 posted, the answer never came", {"kind": "drop", "when": "after"}),
        ("f6 reset before it was handled", {"kind": "drop", "when": "before"}),
        ("f7 a gateway's 502 after the posting", {"kind": "status", "status": 502, "when": "after"}),
        ("f7 a gateway's 504 before it", {"kind": "status", "status": 504, "when": "before"}),
        ("f35 the answer was cut short", {"kind": "truncate", "bytes": 40}),
    ],
)
def test_an_unknown_posting_is_read_before_it_is_repeated(
    acting: Acting, invoicing: Invoicing, case: str, action: dict[str, Any]
) -> None:
    halo_id = invoicing.invoice(posted=True)
    acting.fault("bc", action, method="POST", body=POST)
    outcome = acting.pushed(halo_id)
    assert told(outcome) == ("synced", "posted", ""), (case, outcome)
    invoice = in_bc(acting, halo_id)
    assert (invoice["posted"], invoice["number"]) == (True, outcome["bc_number"])
    assert acting.halo("Invoice", halo_id)["thirdpartyinvoicenumber"] == invoice["number"]
    tries = posts(acting)
    reads = log(acting, method="GET", path=rf"salesInvoices\({invoice['id']}\)")
    assert reads
    assert reads[0]["started"] > tries[0]["started"]
    done = action.get("when") == "after" or action["kind"] == "truncate"
    assert len(tries) == (1 if done else 2)
    assert all(reads[0]["started"] < later["started"] for later in tries[1:])


def test_an_edit_of_what_we_posted_is_refused_before_anything_is_sent(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice(posted=True)
    assert told(acting.pushed(halo_id)) == ("synced", "posted", "")
    edit_line(acting, halo_id, qty_order=9)
    acting.clear_counters()
    outcome = acting.pushed(halo_id)
    assert told(outcome) == ("failed", "none", "invoice_posted"), outcome
    assert in_bc(acting, halo_id)["number"] in outcome["message"]
    assert "credit memo" in outcome["cure"]
    assert [entry["method"] for entry in log(acting)] == ["GET"]
    acting.edit("Invoice", halo_id, {"duedate": "2027-05-31T00:00:00"})
    edit_line(acting, halo_id, qty_order=1)
    assert told(acting.pushed(halo_id)) == ("synced", "updated", "")
    assert in_bc(acting, halo_id)["dueDate"] == "2027-05-31"


@pytest.mark.parametrize(("paid", "words"), [(None, "paid"), (1, "partly paid")])
def test_the_reason_names_what_was_paid(
    acting: Acting, invoicing: Invoicing, paid: int | None, words: str
) -> None:
    halo_id = invoicing.invoice(posted=True)
    acting.pushed(halo_id)
    body = {} if paid is None else {"amount": paid}
    by_control(acting, "POST", f"/pay/{in_bc(acting, halo_id)['id']}", body)
    edit_line(acting, halo_id, unit_price=5)
    outcome = acting.pushed(halo_id)
    assert told(outcome) == ("failed", "none", "invoice_posted")
    assert f"and {words};" in outcome["message"]
    acting.remove("Invoice", halo_id)
    before = len(acting.outcomes("invoice", halo_id))
    deliver(acting, "invoice", halo_id, "delete")
    outcome = acting.outcome("invoice", halo_id, after=before)
    assert told(outcome) == ("failed", "none", "invoice_posted")
    assert f"and {words};" in outcome["message"]
    assert log(acting, method="DELETE") == []
    assert len(acting.bc_invoices(halo_id)) == 1


def test_an_edit_of_what_a_bookkeeper_posted_unseen_brings_its_number_to_halo(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice()
    invoice = synced(acting, halo_id)
    by_control(acting, "POST", f"/post/{invoice['id']}")
    edit_line(acting, halo_id, qty_order=9)
    outcome = acting.pushed(halo_id)
    assert told(outcome) == ("failed", "none", "invoice_posted"), outcome
    now = in_bc(acting, halo_id)
    assert now["number"] != invoice["number"]
    halo = acting.halo("Invoice", halo_id)
    assert (halo["thirdpartyinvoicenumber"], halo["bcd_posted"]) == (now["number"], True)
    assert float(lines(acting, halo_id)[0]["quantity"]) == 1


def test_a_bookkeeper_who_was_faster_is_told_as_posted(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    by_control(acting, "POST", f"/post/{synced(acting, halo_id)['id']}")
    acting.edit("Invoice", halo_id, {"posted": True})
    outcome = acting.pushed(halo_id)
    assert told(outcome) == ("synced", "posted", ""), outcome
    assert posts(acting) == []
    assert acting.halo("Invoice", halo_id)["thirdpartyinvoicenumber"] == in_bc(acting, halo_id)["number"]


@pytest.mark.parametrize(("status", "header"), [("Open", "Released"), ("In Review", "Pending Approval")])
def test_a_released_draft_is_neither_changed_nor_deleted(
    acting: Acting, invoicing: Invoicing, status: str, header: str
) -> None:
    halo_id = invoicing.invoice()
    release(acting, synced(acting, halo_id), status, header)
    edit_line(acting, halo_id, qty_order=9)
    outcome = acting.pushed(halo_id)
    assert told(outcome) == ("failed", "none", "invoice_released"), outcome
    assert acting.halo("Invoice", halo_id)["bcd_posted"] is False
    assert float(lines(acting, halo_id)[0]["quantity"]) == 1
    before = len(acting.outcomes("invoice", halo_id))
    acting.remove("Invoice", halo_id)
    deliver(acting, "invoice", halo_id, "delete")
    outcome = acting.outcome("invoice", halo_id, after=before)
    assert told(outcome) == ("failed", "none", "invoice_released"), outcome
    assert len(acting.bc_invoices(halo_id)) == 1


def test_a_released_draft_can_be_posted(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    release(acting, synced(acting, halo_id))
    acting.edit("Invoice", halo_id, {"posted": True})
    assert told(acting.pushed(halo_id)) == ("synced", "posted", "")
    assert in_bc(acting, halo_id)["posted"] is True


async def test_a_posting_in_halo_that_moves_no_stamp_is_not_taken_for_our_echo(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice()
    synced(acting, halo_id)
    acting.edit("Invoice", halo_id, {"posted": True})
    stamp = acting.halo("Invoice", halo_id)["last_modified"]
    for wanted in ("posted", "posted"):
        async with a_process(acting.app.host.env) as services:
            row = await services.store.links.get(acting.connection["id"], "invoice", halo_id)
            assert row is not None
            same = msgspec.structs.replace(row.value, halo_stamp=stamp)
            if not row.value.posted:
                await services.store.links.replace(same, row.etag)
            await services.store.dirty.mark(
                "invoice", halo_id, source="webhook", requested_at=datetime.now(UTC)
            )
            await drain(services)
        assert [one["action"] for one in acting.outcomes("invoice", halo_id)] == [wanted, "created"]


async def die_after_posting(acting: Acting, halo_id: str) -> None:
    """A process that posts a draft and dies with BC's answer in hand."""
    peril = Peril(dies_before=r"after:bc POST .*\$batch$")
    async with a_process(acting.app.host.env, peril) as services:
        await services.store.dirty.mark("invoice", halo_id, source="queue", requested_at=datetime.now(UTC))
        with suppress(Died):
            await drain(services)
        assert peril.dead, peril.calls


async def test_a_posting_that_nobody_learned_of_is_told_when_an_edit_meets_it(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice()
    draft = synced(acting, halo_id)
    acting.edit("Invoice", halo_id, {"posted": True})
    await die_after_posting(acting, halo_id)
    edit_line(acting, halo_id, qty_order=9)
    async with a_process(acting.app.host.env) as services:
        await drain(services)
    invoice = in_bc(acting, halo_id)
    assert invoice["number"] != draft["number"]
    newest = acting.outcomes("invoice", halo_id)[0]
    assert told(newest) == ("failed", "none", "invoice_posted")
    assert invoice["number"] in newest["message"]
    halo = acting.halo("Invoice", halo_id)
    assert (halo["thirdpartyinvoicenumber"], halo["bcd_posted"]) == (invoice["number"], True)
    edit_line(acting, halo_id, qty_order=1)
    assert told(acting.pushed(halo_id)) == ("unchanged", "none", "")


async def test_a_posting_that_nobody_learned_of_is_not_deleted(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    synced(acting, halo_id)
    acting.edit("Invoice", halo_id, {"posted": True})
    await die_after_posting(acting, halo_id)
    acting.remove("Invoice", halo_id)
    async with a_process(acting.app.host.env) as services:
        await services.store.dirty.mark(
            "invoice", halo_id, operation="delete", source="webhook", requested_at=datetime.now(UTC)
        )
        await drain(services)
    newest = acting.outcomes("invoice", halo_id)[0]
    assert told(newest) == ("failed", "none", "invoice_posted")
    assert in_bc(acting, halo_id)["number"] in newest["message"]


def explained(acting: Acting, halo_id: str) -> dict[str, Any]:
    found: dict[str, Any] = acting.get(f"/api/explain/invoice/{halo_id}")
    return found


def parts(request: dict[str, Any]) -> list[tuple[str, str]]:
    return [(part["method"], part["path"]) for part in request["parts"]]


def test_explain_shows_the_posting_as_the_last_request(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice(posted=True)
    new = explained(acting, halo_id)
    assert (new["verdict"], len(new["requests"])) == ("would_create", 2)
    expand = "$expand=salesInvoiceLines"
    assert parts(new["requests"][-1]) == [
        ("POST", "salesInvoices({id})/Microsoft.NAV.post"),
        ("GET", "salesInvoices({id})?" + expand),
    ]
    assert acting.bc_invoices(halo_id) == []
    switch(acting, bc__allow_posting_from="2030-01-01")
    assert told(acting.pushed(halo_id))[0] == "failed"
    acting.clear_counters()
    draft = explained(acting, halo_id)
    bc_id = in_bc(acting, halo_id)["id"]
    assert (draft["verdict"], len(draft["requests"])) == ("would_update", 1)
    assert parts(draft["requests"][0])[0] == ("POST", f"salesInvoices({bc_id})/Microsoft.NAV.post")
    assert posts(acting) == []
    switch(acting, bc__allow_posting_from="")
    assert told(acting.pushed(halo_id)) == ("synced", "posted", "")
    done = explained(acting, halo_id)
    assert (done["verdict"], done["requests"]) == ("unchanged", [])
    edit_line(acting, halo_id, qty_order=9)
    refused = explained(acting, halo_id)
    assert (refused["verdict"], refused["steps"][-1]["rule"]) == ("would_fail", "invoice_posted")


def test_explain_says_why_a_draft_is_not_posted(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice()
    step = explained(acting, halo_id)["steps"][-1]
    assert (step["rule"], step["ok"]) == ("posting", True)
    assert "not posted in Halo" in step["detail"]
    invoice = synced(acting, halo_id)
    acting.edit("Invoice", halo_id, {"posted": True})
    line = lines(acting, halo_id)[0]
    by_control(acting, "PATCH", f"/{acting.company_id}/salesInvoiceLines/{line['id']}", {"unitPrice": 7})
    found = explained(acting, halo_id)
    assert (found["verdict"], found["requests"]) == ("unchanged", [])
    assert "is 7" in found["steps"][-1]["detail"]
    assert in_bc(acting, halo_id)["id"] == invoice["id"]
