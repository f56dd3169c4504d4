"""A link that is lost while Halo holds no id of Business Central's: the document that is there is found, not doubled."""

from __future__ import annotations

import pytest

from tests.interplay.acts import bc_line, in_bc, lose_first, push, synced, tell
from tests.sweep.house import House


async def unlinked(house: House, halo_id: str) -> None:
    """Nothing of ours and nothing in Halo tells of the document any more."""
    await house.ask("DELETE", f"{house.path}/mappings/invoices/{halo_id}", status=204)
    house.edit("Invoice", halo_id, {"dbc_id": "", "dbc_company_id": ""})
    line = house.halo("Invoice", halo_id)["lines"][0]
    house.edit("Invoice", halo_id, {"lines": [{"id": line["id"], "dbc_id": "", "dbc_sequence_id": 0}]})


async def pushed(house: House, halo_id: str) -> None:
    """Twice, without the wait between two tries."""
    for _ in range(2):
        await tell(house, halo_id, source="manual")
        await push(house)


async def test_a_draft_is_found_and_takes_what_changed_meanwhile(house: House) -> None:
    halo_id = await synced(house)
    before = in_bc(house, halo_id)
    await unlinked(house, halo_id)
    line = house.halo("Invoice", halo_id)["lines"][0]
    house.edit("Invoice", halo_id, {"lines": [{"id": line["id"], "qty_order": 3}]})
    await pushed(house, halo_id)
    after = in_bc(house, halo_id)
    assert (after["id"], after["totalAmountExcludingTax"]) == (before["id"], 300)
    assert bc_line(house, halo_id)["quantity"] == 3
    held = house.halo("Invoice", halo_id)
    assert (held["dbc_id"], held["thirdpartyinvoicenumber"]) == (before["id"], before["number"])
    assert (await house.dirty_rows()) == []


async def test_a_posted_invoice_is_found_and_stays_as_it_is(house: House) -> None:
    halo_id = await synced(house)
    house.post_in_bc(in_bc(house, halo_id)["id"])
    await unlinked(house, halo_id)
    await pushed(house, halo_id)
    posted = in_bc(house, halo_id)
    assert posted["status"] == "Open"
    assert house.halo("Invoice", halo_id)["thirdpartyinvoicenumber"] == posted["number"]
    assert (await house.outcomes("invoice", halo_id))[0].status in ("synced", "unchanged")


async def test_another_connection_to_the_company_finds_what_a_lost_create_left(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And knows its lines although it numbers lines otherwise."""
    customer, product = await house.customer(), await house.product()
    halo_id = house.invoice(customer, product)
    links = [await house.link("customer", customer), await house.link("product", product)]
    lose_first(house, monkeypatch, "answer")
    await tell(house, halo_id)
    await push(house)
    before = in_bc(house, halo_id)
    settings = {"sync_entities": ["invoice"], "sync_invoices_from": "2020-01-01", "group_increment": 50}
    await house.ask("DELETE", house.path, confirm="UK", status=204)
    await house.connect(**settings)
    for kind, link in zip(("customers", "products"), links, strict=True):
        await house.ask("PUT", f"{house.path}/mappings/{kind}/{link.halo_id}", {"bc_id": link.bc_id})
    await pushed(house, halo_id)
    after = in_bc(house, halo_id)
    assert (after["id"], after["totalAmountExcludingTax"]) == (before["id"], 200)
    rows = [row for row in house.bc("salesInvoiceLines") if row["documentId"] == after["id"]]
    assert len(rows) == 1


async def test_the_draft_of_a_voided_invoice_goes_although_its_link_is_lost(house: House) -> None:
    halo_id = await synced(house)
    number = in_bc(house, halo_id)["number"]
    await house.ask("DELETE", f"{house.path}/mappings/invoices/{halo_id}", status=204)
    house._control("POST", f"/halo/agent/Invoice/{halo_id}/void", {})
    assert (await house.ask("GET", f"/api/explain/invoice/{halo_id}"))["verdict"] == "would_update"
    await tell(house, halo_id)
    await push(house)
    outcome = (await house.outcomes("invoice", halo_id))[0]
    assert (outcome.status, outcome.action, outcome.bc_number) == ("synced", "deleted", number)
    keys = {row["externalDocumentNumber"] for row in house.bc("salesInvoices")}
    assert f"HALO-{halo_id}" not in keys


async def test_a_voided_invoice_that_is_posted_in_bc_is_refused_although_its_link_is_lost(
    house: House,
) -> None:
    halo_id = await synced(house)
    await house.sweep()
    house.post_in_bc(in_bc(house, halo_id)["id"])
    await house.ask("DELETE", f"{house.path}/mappings/invoices/{halo_id}", status=204)
    house._control("POST", f"/halo/agent/Invoice/{halo_id}/void", {})
    await tell(house, halo_id)
    await push(house)
    outcome = (await house.outcomes("invoice", halo_id))[0]
    assert outcome.status == "failed"
    assert outcome.code in ("invoice_posted", "invoice_released")
    assert in_bc(house, halo_id)["status"] == "Open"


async def test_a_draft_that_a_bookkeeper_made_anew_takes_halos_lines_and_doubles_none(house: House) -> None:
    halo_id = await synced(house)
    before, row = in_bc(house, halo_id), bc_line(house, halo_id)
    house._control("DELETE", f"/bc/{house.company}/salesInvoices/{before['id']}")
    names = ("customerId", "customerNumber", "externalDocumentNumber", "taxAreaCode", "genBusPostingGroup")
    header = {name: before[name] for name in names if name in before}
    anew = house._control("POST", f"/bc/{house.company}/salesInvoices", {**header, "number": "S-ANEW"})
    line = {name: row[name] for name in ("lineType", "itemId", "lineObjectNumber", "unitPrice", "taxCode")}
    line |= {"documentId": anew["id"], "sequence": 10000, "quantity": 3, "description": "Typed anew"}
    house._control("POST", f"/bc/{house.company}/salesInvoiceLines", line)
    await tell(house, halo_id, source="manual")
    await push(house)
    await house.ask("DELETE", f"{house.path}/mappings/invoices/{halo_id}", status=204)
    await tell(house, halo_id, source="manual")
    await push(house)
    outcome = (await house.outcomes("invoice", halo_id))[0]
    assert outcome.status == "synced", outcome
    after = in_bc(house, halo_id)
    assert (after["number"], after["totalAmountExcludingTax"]) == ("S-ANEW", 200)
    rows = [row for row in house.bc("salesInvoiceLines") if row["documentId"] == after["id"]]
    assert [(row["quantity"], row["description"]) for row in rows] == [(2, "Work")]
