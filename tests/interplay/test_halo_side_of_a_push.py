"""What Halo does between and after our calls: no edit is hidden by our write-back, and nothing goes on for ever."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.interplay.acts import bc_line, in_bc, push, synced, tell
from tests.sweep.house import House


@pytest.mark.parametrize(
    ("left_out", "edit"),
    [("lines", {"item_shortdescription": "Other work"}), ("cust_order_number", {})],
)
async def test_an_edit_that_the_answer_to_our_write_back_does_not_show_is_not_hidden_by_it(
    house: House, monkeypatch: pytest.MonkeyPatch, left_out: str, edit: dict[str, Any]
) -> None:
    """A tenant may answer a save with some members only."""
    await house.sweep()
    halo_id = house.invoice(await house.customer(), await house.product())
    save = house.services.halo.save
    edited = False

    async def thin(resource: str, rows: Any, **more: Any) -> Any:
        nonlocal edited
        if resource == "Invoice/updatelines" and not edited:
            edited = True
            line = house.halo("Invoice", halo_id)["lines"][0]
            change = {"lines": [{"id": line["id"], **edit}]} if edit else {"cust_order_number": "PO-7"}
            house.edit("Invoice", halo_id, change)
        saved = await save(resource, rows, **more)
        return [{name: value for name, value in row.items() if name != left_out} for row in saved]

    monkeypatch.setattr(house.services.halo, "save", thin)
    await tell(house, halo_id)
    await push(house)
    assert edited
    await house.sweep()
    await push(house)
    if edit:
        assert bc_line(house, halo_id)["description"] == "Other work"
    else:
        assert in_bc(house, halo_id)["customerPurchaseOrderReference"] == "PO-7"


async def test_a_halo_that_works_tax_out_otherwise_is_not_told_for_ever(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = house.services.halo.save

    async def otherwise(resource: str, rows: Any, **more: Any) -> Any:
        if resource == "Invoice/updatelines":
            rows = [{**row, "tax_amount": row["tax_amount"] + Decimal("0.01")} for row in rows]
        return await save(resource, rows, **more)

    house.switch(halo__updatelines_totals=False)
    monkeypatch.setattr(house.services.halo, "save", otherwise)
    halo_id = await synced(house)
    await tell(house, halo_id, source="manual")
    await push(house)
    for _ in range(3):
        house.clear()
        await tell(house, halo_id)  # our own write coming back
        await push(house)
    written = {kind: n for kind, n in house.requests("halo").items() if kind.startswith("POST Invoice")}
    assert written == {}, house.requests("halo")


async def test_another_tax_that_halo_keeps_is_said_and_the_same_is_not(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = await synced(house)
    assert (await house.outcomes("invoice", same))[0].warnings == ()
    customer = str(int(house.halo("Invoice", same)["client_id"]))
    product = str(int(house.halo("Invoice", same)["lines"][0]["_itemid"]))
    save, of_lines = house.services.halo.save, True

    async def otherwise(resource: str, rows: Any, **more: Any) -> Any:
        name = "tax_amount" if of_lines else "tax_total"
        rows = [{**row, name: row[name] + Decimal("0.01")} if name in row else row for row in rows]
        return await save(resource, rows, **more)

    monkeypatch.setattr(house.services.halo, "save", otherwise)
    for of_lines in (True, False):
        halo_id = house.invoice(customer, product)
        house.switch(halo__updatelines_totals=of_lines)
        await tell(house, halo_id)
        await push(house)
        tax = in_bc(house, halo_id)["totalTaxAmount"]
        for source in ("webhook", "manual"):
            if source == "manual":
                await tell(house, halo_id, source=source)
                await push(house)
            newest = (await house.outcomes("invoice", halo_id))[0]
            assert newest.status in ("synced", "unchanged")
            (warned,) = newest.warnings
            assert warned.code == "halo_tax_differs"
            assert f"computed {Decimal(str(tax))}" in warned.message, (warned, tax)


async def test_a_posting_that_moves_no_stamp_is_not_taken_for_an_echo_in_a_flood(house: House) -> None:
    await house.ask("PATCH", house.path, {"settings": {"post_invoices": True}})
    customer, product = await house.customer(), await house.product()
    ids = [house.invoice(customer, product) for _ in range(30)]
    await tell(house, *ids)
    await push(house)
    # A Halo whose posting leaves the time of the last change as it was.
    house.edit("Invoice", ids[5], {"posted": True})
    stamp = house.halo("Invoice", ids[5])["last_modified"]
    row = await house.services.store.links.get(house.connection_id, "invoice", ids[5])
    assert row is not None
    await house.services.store.links.replace(msgspec.structs.replace(row.value, halo_stamp=stamp), row.etag)
    house.services.halo_reads.wrote("invoice", ids[5], stamp, {"posted": False, "voided": False})
    await tell(house, *ids)
    await push(house)
    assert in_bc(house, ids[5])["status"] == "Open"
    assert in_bc(house, ids[6])["status"] == "Draft"


async def test_what_somebody_writes_into_the_note_during_the_push_stays(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.ask("PATCH", house.path, {"settings": {"show_message": True}})
    halo_id = house.invoice(await house.customer(), await house.product(), internal_note="Call first.")
    batch = house.services.pump_bc.batch

    async def meanwhile(*where: Any, **how: Any) -> Any:
        house.edit("Invoice", halo_id, {"internal_note": "Call first. Ask for Ann."})
        return await batch(*where, **how)

    monkeypatch.setattr(house.services.pump_bc, "batch", meanwhile)
    await tell(house, halo_id)
    await push(house)
    written = house.halo("Invoice", halo_id)["internal_note"].splitlines()
    assert written[0] == "Call first. Ask for Ann."
    assert written[1].startswith("Business Central: invoice ")
