"""An invoice that Halo says is in BC already, and whose link is gone: linked again line by line, never sent twice (GUIDE G32, G34)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.e2e.acting import Acting, Invoicing
from tests.faults.credit_memos import memo_lines, memos
from tests.faults.looking import by_control, edit_line, lines, log, synced

pytestmark = pytest.mark.timeout(120)


def unlinked(acting: Acting, halo_id: str) -> None:
    """An admin takes the link away; what Halo holds of BC's ids stays."""
    path = f"/api/connections/{acting.connection['id']}/mappings/invoices/{halo_id}"
    assert acting.app.api.delete(path).status_code == 204


def adopted(acting: Acting, halo_id: str) -> dict[str, Any]:
    acting.clear_counters()
    outcome = acting.pushed(halo_id)
    told = (outcome["code"], outcome["message"], outcome["warnings"])
    assert (outcome["status"], outcome["action"]) == ("synced", "adopted"), told
    return outcome


def held(rows: list[dict[str, Any]]) -> list[tuple[str, Decimal]]:
    return [(row["description"], Decimal(str(row["quantity"]))) for row in rows]


def test_its_lines_are_known_again_and_nothing_is_sent(acting: Acting, invoicing: Invoicing) -> None:
    texts = {"item_shortdescription": "word " * 50, "qty_order": 0, "unit_price": 0}
    halo_id = invoicing.invoice(invoicing.line(text="One"), invoicing.line("Inventory", 2, 50, "Two"), texts)
    synced(acting, halo_id)
    before = lines(acting, halo_id)
    unlinked(acting, halo_id)
    assert adopted(acting, halo_id)["warnings"] == []
    assert {entry["method"] for entry in log(acting)} == {"GET"}
    assert lines(acting, halo_id) == before
    acting.clear_counters()
    assert acting.pushed(halo_id)["status"] == "unchanged"
    assert log(acting) == []


def test_what_changed_meanwhile_changes_its_lines(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice(invoicing.line(text="One"), invoicing.line(text="Two"))
    synced(acting, halo_id)
    before = [row["id"] for row in lines(acting, halo_id)]
    unlinked(acting, halo_id)
    edit_line(acting, halo_id, 1, qty_order=5)
    acting.edit("Invoice", halo_id, {"lines": [invoicing.line(quantity=7, text="Three")]})
    assert adopted(acting, halo_id)["warnings"] == []
    now = lines(acting, halo_id)
    assert held(now) == [("One", Decimal(1)), ("Two", Decimal(5)), ("Three", Decimal(7))]
    assert [row["id"] for row in now[:2]] == before


def test_lines_that_halo_no_longer_knows_by_bcs_ids_are_known_by_what_they_say(
    acting: Acting, invoicing: Invoicing
) -> None:
    same = invoicing.line(text="Twice")
    halo_id = invoicing.invoice(invoicing.line(text="One"), same, same)
    synced(acting, halo_id)
    before = lines(acting, halo_id)
    unlinked(acting, halo_id)
    for position in range(3):
        edit_line(acting, halo_id, position, dbc_id="", dbc_sequence_id=0)
    assert adopted(acting, halo_id)["warnings"] == []
    assert lines(acting, halo_id) == before


def test_a_bookkeepers_own_line_is_left(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice(invoicing.line(text="One"))
    invoice = synced(acting, halo_id)
    own = {"documentId": invoice["id"], "sequence": 20000, "lineType": "Comment", "description": "Thank you"}
    by_control(acting, "POST", f"/{acting.company_id}/salesInvoiceLines", own)
    unlinked(acting, halo_id)
    adopted(acting, halo_id)
    assert held(lines(acting, halo_id)) == [("One", Decimal(1)), ("Thank you", Decimal(0))]


def test_a_posted_one_is_adopted_as_it_stands(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice(invoicing.line(text="One"))
    invoice = synced(acting, halo_id)
    by_control(acting, "POST", f"/post/{invoice['id']}")
    unlinked(acting, halo_id)
    adopted(acting, halo_id)
    assert acting.pushed(halo_id)["status"] == "unchanged"


def test_a_credit_memo_is_adopted_with_its_lines(acting: Acting, invoicing: Invoicing) -> None:
    lines = [invoicing.line(quantity=-1, text="One"), invoicing.line(quantity=-2, text="Two")]
    halo_id = invoicing.invoice(*lines, invoicetype=2)
    assert acting.pushed(halo_id)["action"] == "created"
    before = memo_lines(acting, halo_id)
    unlinked(acting, halo_id)
    assert adopted(acting, halo_id)["warnings"] == []
    assert memo_lines(acting, halo_id) == before
    assert len(memos(acting, halo_id)) == 1
