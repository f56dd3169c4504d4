"""More lines than one request takes parts: split under one intent, whole at the end, whatever happens in between."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.acting import Acting, Invoicing, number
from tests.faults.looking import by_control, lines, log, synced

pytestmark = pytest.mark.timeout(120)

MANY = 130


def many(invoicing: Invoicing) -> list[dict[str, Any]]:
    return [invoicing.line("Service", 1, 10, f"Line {n}") for n in range(MANY)]


def texts(acting: Acting, halo_id: str) -> list[str]:
    return [line["description"] for line in lines(acting, halo_id)]


def batches(acting: Acting) -> int:
    return len(log(acting, method="POST", path="batch"))


def test_a_new_invoice_of_any_length_is_one_request(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice(*many(invoicing))
    acting.clear_counters()
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["action"], outcome["warnings"]) == ("synced", "created", []), outcome
    assert batches(acting) == 1
    assert texts(acting, halo_id) == [f"Line {n}" for n in range(MANY)]


def test_a_line_in_front_of_all_renews_them_in_order(acting: Acting, invoicing: Invoicing) -> None:
    halo_id = invoicing.invoice(*many(invoicing))
    synced(acting, halo_id)
    first = {**invoicing.line("Service", 1, 5, "In front"), "sequenceid": -1}
    acting.edit("Invoice", halo_id, {"lines": [first]})
    ordered = [row["item_shortdescription"] for row in acting.halo("Invoice", halo_id)["lines"]]
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["action"], outcome["warnings"]) == ("synced", "updated", []), outcome
    assert ordered[0] == "In front"
    assert texts(acting, halo_id) == ordered
    assert acting.pushed(halo_id)["status"] == "unchanged"


def test_a_refusal_in_the_second_piece_doubles_and_loses_nothing(
    acting: Acting, invoicing: Invoicing
) -> None:
    halo_id = invoicing.invoice(*many(invoicing))
    synced(acting, halo_id)
    stranger = number(acting.agent("Item", {"name": "Blocked soon", "assetgroup_id": 1})["id"])
    free = next(
        row for row in reversed(acting.bc("items")) if row["type"] == "Service" and not row["blocked"]
    )
    path = f"/api/connections/{acting.connection['id']}/mappings/products/{stranger}"
    assert acting.app.api.put(path, json={"bc_id": free["id"]}).status_code in (200, 201)
    by_control(acting, "POST", "/block", {"item": free["number"], "blocked": True})
    rows = acting.halo("Invoice", halo_id)["lines"]
    added = [invoicing.line("Service", 3, 10, f"New {n}") for n in range(60)]
    added.append({**invoicing.line("Service", 3, 10, "Blocked"), "_itemid": int(stranger)})
    edited = [{"id": row["id"], "qty_order": 3} for row in rows[:60]]
    acting.edit("Invoice", halo_id, {"lines": [*edited, *added]})
    ordered = [row["item_shortdescription"] for row in acting.halo("Invoice", halo_id)["lines"]]
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["code"]) == ("failed", "item_blocked"), outcome
    assert "already" in outcome["message"]
    assert len(lines(acting, halo_id)) > MANY  # the first piece stands
    assert acting.pushed(halo_id)["code"] == "item_blocked"
    by_control(acting, "POST", "/block", {"item": free["number"], "blocked": False})
    outcome = acting.pushed(halo_id)
    assert (outcome["status"], outcome["action"], outcome["warnings"]) == ("synced", "updated", []), outcome
    assert texts(acting, halo_id) == ordered
    assert acting.pushed(halo_id)["status"] == "unchanged"
