"""What a bookkeeper does in Business Central reaches Halo, at a price: one request, and none where nothing changed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bc.model import Source
from bc.sweep.deleted_in_bc import note_deleted_drafts
from tests.sweep.house import House


async def _invoice(house: House) -> str:
    """An invoice as pushed and swept once, so that the next sweep finds what comes after only."""
    halo_id = house.invoice(await house.customer(), await house.product())
    await _push(house, halo_id)
    await house.sweep()
    await house.push()
    return halo_id


async def _push(house: House, halo_id: str, source: Source = "manual") -> None:
    await house.services.store.dirty.mark("invoice", halo_id, source=source, requested_at=datetime.now(UTC))
    await house.push()


async def _settings(house: House, **settings: Any) -> None:
    await house.ask("PATCH", house.path, {"settings": settings})


async def _row(house: House, halo_id: str) -> tuple[str, dict[str, Any]]:
    bc_id = (await house.link("invoice", halo_id)).bc_id
    return bc_id, next(row for row in house.bc("salesInvoices") if row["id"] == bc_id)


async def _bookkeeper(house: House, method: str, halo_id: str, body: Any = None) -> None:
    bc_id = (await house.link("invoice", halo_id)).bc_id
    house._control(method, f"/bc/{house.company}/salesInvoices/{bc_id}", body)


async def _told(house: House, halo_id: str) -> list[tuple[str, str, str]]:
    return [(one.status, one.action, one.code) for one in await house.outcomes("invoice", halo_id)]


def _invoices_read(house: House) -> int:
    return house.requests("halo").get("GET Invoice/{id}", 0)


async def test_a_posting_costs_one_read_and_one_write_and_then_nothing(house: House) -> None:
    halo_id = await _invoice(house)
    house.post_in_bc((await house.link("invoice", halo_id)).bc_id)
    house.clear()
    await house.sweep()
    assert house.requests("bc") == {"GET salesInvoices": 1}
    assert (_invoices_read(house), house.requests("halo")["POST Invoice"]) == (1, 1)
    house.clear()
    await house.sweep()
    assert house.requests("bc") == {"GET salesInvoices": 1}
    assert (_invoices_read(house), house.requests("halo").get("POST Invoice", 0)) == (0, 0)
    assert (await house.link("invoice", halo_id)).posted


async def test_the_echo_of_what_the_sweep_wrote_asks_bc_nothing_and_tells_nothing(house: House) -> None:
    await _settings(house, post_invoices=True)
    halo_id = await _invoice(house)
    house.post_in_bc((await house.link("invoice", halo_id)).bc_id)
    await house.sweep()
    told = await _told(house, halo_id)
    house.clear()
    await _push(house, halo_id, "webhook")
    assert "bc" not in house.control.get("/counters").json() or house.requests("bc") == {}
    assert house.requests("halo").get("POST Invoice", 0) == 0
    assert await _told(house, halo_id) == told


async def test_a_released_draft_is_not_told_as_posted(house: House) -> None:
    halo_id = await _invoice(house)
    told = await _told(house, halo_id)
    await _bookkeeper(house, "PATCH", halo_id, {"status": "Open", "headerStatus": "Released"})
    house.clear()
    await house.sweep()
    link = await house.link("invoice", halo_id)
    assert (link.bc_status, link.posted) == ("Open", False)
    assert house.halo("Invoice", halo_id)["bcd_posted"] is False
    assert await _told(house, halo_id) == told
    assert _invoices_read(house) == 0
    house.post_in_bc(link.bc_id)
    await house.sweep()
    assert house.halo("Invoice", halo_id)["bcd_posted"] is True
    assert (await _told(house, halo_id))[0] == ("synced", "posted", "")


async def test_a_payment_is_noted_and_costs_halo_nothing(house: House) -> None:
    halo_id = await _invoice(house)
    bc_id = (await house.link("invoice", halo_id)).bc_id
    house.post_in_bc(bc_id)
    await house.sweep()
    house._control("POST", f"/bc/pay/{bc_id}", {})
    house.clear()
    await house.sweep()
    assert (await house.link("invoice", halo_id)).bc_status == "Paid"
    assert _invoices_read(house) == 0


async def test_an_invoice_that_was_cancelled_in_bc_is_told_once(house: House) -> None:
    halo_id = await _invoice(house)
    house.post_in_bc((await house.link("invoice", halo_id)).bc_id)
    await house.sweep()
    await _bookkeeper(house, "PATCH", halo_id, {"status": "Canceled", "remainingAmount": 0})
    before = len(await _told(house, halo_id))
    for _ in range(2):
        await house.sweep()
        newest, *_ = await house.outcomes("invoice", halo_id)
        assert [warning.code for warning in newest.warnings] == ["cancelled_in_bc"]
        assert len(await _told(house, halo_id)) == before + 1
    house.edit("Invoice", halo_id, {"cust_order_number": "PO 9"})
    await _push(house, halo_id)
    newest = (await house.outcomes("invoice", halo_id))[0]
    assert (newest.status, newest.code) == ("failed", "invoice_posted")
    assert "cancelled" in newest.message


async def test_a_draft_that_was_deleted_in_bc_is_told_once_and_not_made_anew(house: House) -> None:
    customer, product = await house.customer(), await house.product()
    kept, gone = (house.invoice(customer, product) for _ in range(2))
    for halo_id in (kept, gone):
        await _push(house, halo_id)
    connection = await house.services.store.connections.get(house.connection_id)
    assert connection is not None
    house.clear()
    assert await note_deleted_drafts(house.services, connection.value) == 0
    assert house.requests("bc") == {"GET salesInvoices": 1}
    await _bookkeeper(house, "DELETE", gone)
    assert await note_deleted_drafts(house.services, connection.value) == 1
    assert await note_deleted_drafts(house.services, connection.value) == 0
    (error,) = (await house.ask("GET", "/api/errors", state="open"))["items"]
    assert (error["halo_id"], error["code"]) == (gone, "deleted_in_bc")
    assert error["cure"]
    assert (await house.link("invoice", kept)).state == "ok"
    house.edit("Invoice", gone, {"cust_order_number": "PO 9"})
    await _push(house, gone)
    assert (await _told(house, gone))[0] == ("failed", "none", "deleted_in_bc")
    assert not [row for row in house.bc("salesInvoices") if row["externalDocumentNumber"] == f"HALO-{gone}"]


async def test_a_draft_is_posted_by_itself_once_it_is_approved(house: House) -> None:
    await _settings(house, post_invoices=True)
    halo_id = await _invoice(house)
    await _bookkeeper(house, "PATCH", halo_id, {"status": "In Review", "headerStatus": "Pending Approval"})
    house.edit("Invoice", halo_id, {"posted": True})
    await _push(house, halo_id)
    assert (await _told(house, halo_id))[0] == ("failed", "none", "approval_needed")
    for _ in range(2):
        await house.sweep()
        await house.push()
    assert [told[2] for told in await _told(house, halo_id)].count("approval_needed") == 1
    await _bookkeeper(house, "PATCH", halo_id, {"status": "Open", "headerStatus": "Released"})
    await house.sweep()
    assert await house.dirty() == {("invoice", halo_id)}
    await house.push()
    assert (await _told(house, halo_id))[0] == ("synced", "posted", "")
    _, row = await _row(house, halo_id)
    assert row["posted"] is True
    assert house.halo("Invoice", halo_id)["thirdpartyinvoicenumber"] == row["number"]
    assert (await house.ask("GET", "/api/errors", state="open"))["items"] == []


async def test_a_draft_is_posted_by_itself_once_its_total_is_mended_in_bc(house: House) -> None:
    await _settings(house, post_invoices=True)
    halo_id = await _invoice(house)
    bc_id, _ = await _row(house, halo_id)
    line = next(line for line in house.bc("salesInvoiceLines") if line["documentId"] == bc_id)
    at = f"/bc/{house.company}/salesInvoiceLines/{line['id']}"
    house._control("PATCH", at, {"unitPrice": 100.01})
    house.edit("Invoice", halo_id, {"posted": True})
    await _push(house, halo_id)
    assert [one.code for one in (await house.outcomes("invoice", halo_id))[0].warnings] == ["not_posted"]
    await house.sweep()
    await house.push()
    told = len(await _told(house, halo_id))
    await house.sweep()
    assert await house.dirty() == set()
    assert len(await _told(house, halo_id)) == told
    house._control("PATCH", at, {"unitPrice": 100})
    await house.sweep()
    await house.push()
    assert (await _told(house, halo_id))[0] == ("synced", "posted", "")


async def test_a_second_document_with_the_key_of_one_invoice_is_an_error_that_names_both(
    house: House,
) -> None:
    halo_id = await _invoice(house)
    connection = (await house.services.store.connections.list())[0]
    link, (_, row) = await house.link("invoice", halo_id), await _row(house, halo_id)
    copy = {"customerId": row["customerId"], "externalDocumentNumber": row["externalDocumentNumber"]}
    twin = await house.services.bc.post(connection, "salesInvoices", copy)
    for _ in (1, 2):
        await house.sweep()
        (error,) = await house.services.store.errors.open_of("invoice", halo_id)
        assert error.value.code == "doubled_in_bc"
        assert str(twin["number"]) in error.value.message
        assert link.bc_number in error.value.cure
    assert len([one for one in house.bc("salesInvoices") if one["id"] in (twin["id"], link.bc_id)]) == 2
