"""What is cleared, moved or named by a stranger while something else happens."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import azure.functions as func
import pytest

from bc.functions import queues
from bc.sync.intake import NotUnderstood, parse, take
from tests.interplay.acts import in_bc, lose_first, push, synced, tell
from tests.sweep.house import House


async def test_a_po_number_cleared_in_halo_is_cleared_although_somebody_else_changed_the_draft(
    house: House,
) -> None:
    halo_id = await synced(house, cust_order_number="PO 1")
    invoice = in_bc(house, halo_id)
    assert invoice["customerPurchaseOrderReference"] == "PO 1"
    house._control("PATCH", f"/bc/{house.company}/salesInvoices/{invoice['id']}", {"dueDate": "2027-01-31"})
    house.edit("Invoice", halo_id, {"cust_order_number": ""})
    await tell(house, halo_id)
    await push(house)
    after = in_bc(house, halo_id)
    assert (after["customerPurchaseOrderReference"], after["dueDate"]) == ("", "2027-01-31")


async def test_with_the_policy_ask_a_po_number_cleared_here_and_changed_there_is_a_persons(
    house: House,
) -> None:
    await house.ask("PATCH", house.path, {"settings": {"conflict_policy": "ask"}})
    halo_id = await synced(house, cust_order_number="PO 1")
    invoice = in_bc(house, halo_id)
    theirs = {"customerPurchaseOrderReference": "PO 2"}
    house._control("PATCH", f"/bc/{house.company}/salesInvoices/{invoice['id']}", theirs)
    house.edit("Invoice", halo_id, {"cust_order_number": ""})
    await tell(house, halo_id)
    await push(house)
    assert (await house.outcomes("invoice", halo_id))[0].code == "changed_in_both"
    assert in_bc(house, halo_id)["customerPurchaseOrderReference"] == "PO 2"


async def test_a_po_number_cleared_in_halo_is_cleared_although_the_first_try_was_lost(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    halo_id = await synced(house, cust_order_number="PO 1")
    house.edit("Invoice", halo_id, {"cust_order_number": ""})
    lost = lose_first(house, monkeypatch, "request")
    await tell(house, halo_id, source="manual")
    await push(house)
    assert lost
    await tell(house, halo_id, source="manual")  # ends its wait for the next try
    await push(house)
    assert in_bc(house, halo_id)["customerPurchaseOrderReference"] == ""


async def test_a_po_number_cleared_before_a_lost_create_was_found_is_cleared_too(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer, product = await house.customer(), await house.product()
    lose_first(house, monkeypatch, "answer")
    halo_id = house.invoice(customer, product, cust_order_number="PO 1")
    await tell(house, halo_id)
    await push(house)
    assert in_bc(house, halo_id)["customerPurchaseOrderReference"] == "PO 1"
    house.edit("Invoice", halo_id, {"cust_order_number": ""})
    await tell(house, halo_id, source="manual")
    await push(house)
    assert in_bc(house, halo_id)["customerPurchaseOrderReference"] == ""


@pytest.mark.parametrize("halo_id", ["0041", "00", "-41", "4١", "41 ", "9223372036854775808", ""])
def test_an_id_is_written_one_way_only(halo_id: str) -> None:
    """Else one record would have two lanes and two links."""
    with pytest.raises(NotUnderstood):
        parse(json.dumps({"entity": "invoice", "halo_id": halo_id}))


async def queued(house: House, monkeypatch: pytest.MonkeyPatch, body: Any) -> None:
    """What the queue's function makes of a message."""

    async def services() -> Any:
        return house.services

    monkeypatch.setattr(queues, "_services", services)
    message = func.QueueMessage(id="m1", body=json.dumps(body).encode())
    await queues.entity_sync._function.get_user_function()(message)


async def test_a_message_that_names_no_connection_of_ours_does_not_lead_a_waiting_change_astray(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    halo_id = house.invoice(await house.customer(), await house.product())
    await tell(house, halo_id)
    await queued(house, monkeypatch, {"entity": "invoice", "halo_id": halo_id, "connection_id": "nobody"})
    await push(house)
    assert in_bc(house, halo_id)
    (told,) = (await house.ask("GET", "/api/errors", state="open"))["items"]
    assert (told["code"], "nobody" in told["message"]) == ("bad_message", True)


@pytest.mark.parametrize("said", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
async def test_a_sender_whose_clock_is_wrong_does_not_outlast_a_persons_delete(
    house: House, said: str
) -> None:
    halo_id = await synced(house)
    await take(
        house.services, parse(json.dumps({"entity": "invoice", "halo_id": halo_id, "requested_at": said}))
    )
    await house.services.store.dirty.mark(
        "invoice", halo_id, operation="delete", source="manual", requested_at=datetime.now(UTC)
    )
    row = await house.dirty_row("invoice", halo_id)
    assert (row.operation, row.first_requested_at.astimezone(UTC).year >= 2000) == ("delete", True)


@pytest.mark.parametrize("source", ["queue", "cure"])
async def test_an_invoice_is_not_booked_in_a_second_company_by_a_message_that_names_it(
    house: House, source: str
) -> None:
    customer, product = await house.customer(), await house.product()
    halo_id = house.invoice(customer, product)
    await tell(house, halo_id)
    await push(house)
    other = await house.second_company()
    another, company = other["id"], other["company_id"]
    for kind, own, bc_set in (("customers", customer, "customers"), ("products", product, "items")):
        rows = house._control("GET", f"/bc/{company}/{bc_set}")
        rows = rows["value"] if isinstance(rows, dict) else rows
        row = next(
            row
            for row in rows
            if str(row.get("blocked", "")).strip() in ("", "_x0020_", "False")
            and (bc_set != "items" or (row["type"] == "Service" and not row.get("salesBlocked")))
        )
        await house.ask(
            "PUT",
            f"/api/connections/{another}/mappings/{kind}/{own}",
            {"bc_id": row["id"], "confirm": True},
        )
    await tell(house, halo_id, source=source, connection_id=another)
    await push(house)
    there = house._control("GET", f"/bc/{company}/salesInvoices")
    there = there["value"] if isinstance(there, dict) else there
    assert [row for row in there if row["externalDocumentNumber"] == f"HALO-{halo_id}"] == []
    assert in_bc(house, halo_id)
    newest = (await house.outcomes("invoice", halo_id))[0]
    assert (newest.code, newest.status) == (
        ("company_changed", "failed") if source == "queue" else ("", "unchanged")
    )
