"""Explain says what the push then does: also where that looks in Business Central or in Halo's own word first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bc.errors import UnknownOutcome
from tests.interplay.acts import in_bc, lose_first, push, synced, tell
from tests.sweep.house import House, whole


async def explained(house: House, entity: str, halo_id: str) -> tuple[str, dict[str, Any], list[Any]]:
    told = await house.ask("GET", f"/api/explain/{entity}/{halo_id}")
    return told["verdict"], {step["rule"]: step for step in told["steps"]}, told["requests"]


async def test_an_unlinked_invoice_that_halo_knows_in_bc_would_be_linked_and_not_created(
    house: House,
) -> None:
    halo_id = await synced(house)
    number = in_bc(house, halo_id)["number"]
    await house.ask("DELETE", f"{house.path}/mappings/invoices/{halo_id}", status=204)
    before = house.bc("salesInvoices")
    verdict, steps, requests = await explained(house, "invoice", halo_id)
    assert (verdict, requests) == ("unchanged", [])
    assert number in steps["found"]["detail"]
    assert house.bc("salesInvoices") == before
    await tell(house, halo_id, source="manual")
    await push(house)
    assert (await house.outcomes("invoice", halo_id))[0].action == "adopted"
    assert in_bc(house, halo_id)["number"] == number


async def test_an_invoice_that_names_another_company_by_now_would_be_refused(house: House) -> None:
    other = await house.second_company()
    halo_id = await synced(house)
    house.edit("Invoice", halo_id, {"dbc_company_id": other["company_id"]})
    verdict, steps, _ = await explained(house, "invoice", halo_id)
    await tell(house, halo_id)
    await push(house)
    outcome = (await house.outcomes("invoice", halo_id))[0]
    assert (outcome.status, verdict) == ("failed", "would_fail")
    assert steps[outcome.code]["detail"] == outcome.message


async def test_a_customer_with_the_number_and_name_of_one_in_bc_would_be_linked_to_it(house: House) -> None:
    row = next(row for row in house.bc("customers") if str(row.get("blocked", "")).strip() in ("", "_x0020_"))
    made = house.agent("Client", {"name": row["displayName"], "accountsid": row["number"], "toplevel_id": 1})
    halo_id = whole(made["id"])
    verdict, steps, requests = await explained(house, "customer", halo_id)
    assert row["number"] in steps["found"]["detail"]
    assert verdict in ("unchanged", "would_update")
    assert all(request["method"] != "POST" for request in requests)
    await house.services.store.dirty.mark(
        "customer", halo_id, source="manual", requested_at=datetime.now(UTC)
    )
    await push(house)
    outcome = (await house.outcomes("customer", halo_id))[0]
    assert (outcome.status, outcome.action, outcome.bc_number) == ("synced", "adopted", row["number"])


async def test_an_update_that_was_carried_out_unseen_would_not_be_sent_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    halo_id = await synced(house)
    line = house.halo("Invoice", halo_id)["lines"][0]
    house.edit("Invoice", halo_id, {"lines": [{"id": line["id"], "qty_order": 3}]})
    lose_first(house, monkeypatch, "answer")
    await tell(house, halo_id)
    await push(house)
    verdict, steps, requests = await explained(house, "invoice", halo_id)
    assert (verdict, requests, steps["unanswered"]["ok"]) == ("unchanged", [], True)
    assert (await house.link("invoice", halo_id)).intent is not None


async def test_a_draft_that_is_gone_would_be_told_as_gone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    halo_id = await synced(house)
    house.edit("Invoice", halo_id, {"cust_order_number": "PO 9"})

    async def lose(*where: Any, **how: Any) -> Any:
        raise UnknownOutcome("bc_unavailable", "The request was lost.")

    with monkeypatch.context() as patch:
        patch.setattr(house.services.pump_bc, "batch", lose)
        await tell(house, halo_id)
        await push(house)
    house._control("DELETE", f"/bc/{house.company}/salesInvoices/{in_bc(house, halo_id)['id']}")
    verdict, steps, _ = await explained(house, "invoice", halo_id)
    await tell(house, halo_id, source="manual")
    await push(house)
    outcome = (await house.outcomes("invoice", halo_id))[0]
    assert (verdict, outcome.code) == ("would_fail", "deleted_in_bc")
    assert steps["deleted_in_bc"]["detail"] == outcome.message


async def test_an_unlinked_customer_that_would_be_sent_first_is_shown_first(house: House) -> None:
    made = house.agent("Client", {"name": "Fresh", "accountsid": "C88888", "toplevel_id": 1})
    customer = whole(made["id"])
    halo_id = house.invoice(customer, await house.product())
    verdict, steps, requests = await explained(house, "invoice", halo_id)
    assert (verdict, steps["sent_first"]["ok"]) == ("would_create", True)
    assert [request["path"] for request in requests] == ["customers", "$batch"]
    assert requests[0]["body"]["number"] == "C88888"
    assert await house.outcomes("customer", customer) == []
    assert [row for row in house.bc("customers") if row["number"] == "C88888"] == []
    await tell(house, halo_id)
    await push(house)
    assert (await house.outcomes("customer", customer))[0].action == "created"


async def test_an_unlinked_customer_that_is_not_sent_keeps_its_invoice_back(house: House) -> None:
    made = house.agent("Client", {"name": "No number", "toplevel_id": 1})
    halo_id = house.invoice(whole(made["id"]), await house.product())
    verdict, steps, _ = await explained(house, "invoice", halo_id)
    await tell(house, halo_id)
    await push(house)
    outcome = (await house.outcomes("invoice", halo_id))[0]
    assert (verdict, outcome.status) == ("would_skip", "skipped")
    assert steps[outcome.code]["detail"] == outcome.message
