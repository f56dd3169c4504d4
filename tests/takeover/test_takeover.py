"""Take-over on real parts: what another integration linked is found, shown and adopted; BC is only read."""

from __future__ import annotations

from typing import Any

from local.stack import Sandbox
from tests.sweep.house import ALL, House, a_house


async def _sent_before(house: House) -> tuple[str, str, str]:
    """A customer, a product and an invoice of two lines that were sent, with BC's ids on them in Halo."""
    customer, product = await house.customer(), await house.product()
    line = {"_itemid": int(product), "qty_order": 1, "unit_price": 50, "item_shortdescription": "Work"}
    text = {"item_shortdescription": "word " * 50, "qty_order": 0, "unit_price": 0}
    halo_id = house.invoice(customer, product, lines=[line, {**line, "item_shortdescription": "More"}, text])
    await house.ask("POST", "/api/sync", {"entity": "invoice", "halo_ids": [halo_id]}, status=202)
    await house.push()
    assert house.halo("Invoice", halo_id)["dbc_id"]
    return customer, product, halo_id


async def _take_over(house: House) -> Any:
    house.clear()
    job = await house.run("POST", f"{house.path}/takeover")
    assert job["status"] == "succeeded", job
    writes = [
        kind for kind in house.requests("bc") if not kind.startswith(("GET", "POST $batch", "part GET"))
    ]
    assert writes == []
    assert not [kind for kind in house.requests("halo") if kind.startswith("POST") and "auth" not in kind]
    return job


async def test_links_are_found_shown_and_adopted_without_a_write(house: House, sandbox: Sandbox) -> None:
    customer, product, halo_id = await _sent_before(house)
    async with a_house(sandbox) as fresh:
        await fresh.connect(**ALL)
        shown = await fresh.ask("GET", f"{fresh.path}/takeover")
        assert (shown["invoices"]["found"], shown["invoices"]["ready"]) == (1, 1)
        assert shown["customers"]["ready"] > 1
        assert shown["products"]["ready"] > 1
        for counts in shown.values():
            assert counts["found"] == counts["linked"] + counts["ready"] + counts["problem_count"]
        job = await _take_over(fresh)
        assert job["updated"] == sum(counts["ready"] for counts in shown.values())
        before, after = await house.link("customer", customer), await fresh.link("customer", customer)
        assert (after.source, after.bc_id, after.payload) == ("adopted", before.bc_id, before.payload)
        assert (await fresh.link("product", product)).source == "adopted"
        sent, adopted = await house.link("invoice", halo_id), await fresh.link("invoice", halo_id)
        assert [(line.bc_id, line.halo_line_id, line.payload) for line in adopted.lines] == [
            (line.bc_id, line.halo_line_id, line.payload) for line in sent.lines
        ]
        again = await _take_over(fresh)
        assert (again["updated"], again["unchanged"]) == (0, job["updated"])
        shown = await fresh.ask("GET", f"{fresh.path}/takeover")
        assert {counts["ready"] for counts in shown.values()} == {0}


async def test_an_adopted_invoice_is_pushed_only_for_what_changes(house: House, sandbox: Sandbox) -> None:
    _, _, halo_id = await _sent_before(house)
    async with a_house(sandbox) as fresh:
        await fresh.connect(**ALL)
        await _take_over(fresh)
        ask = {"entity": "invoice", "halo_ids": [halo_id]}
        await fresh.ask("POST", "/api/sync", ask, status=202)
        await fresh.push()
        assert (await fresh.outcomes("invoice", halo_id))[0].status == "unchanged"
        first = house.halo("Invoice", halo_id)["lines"][0]["id"]
        fresh.edit("Invoice", halo_id, {"lines": [{"id": first, "qty_order": 4}]})
        await fresh.ask("POST", "/api/sync", ask, status=202)
        await fresh.push()
        newest = (await fresh.outcomes("invoice", halo_id))[0]
        assert (newest.status, newest.action) == ("synced", "updated"), newest
        bc_id = (await fresh.link("invoice", halo_id)).bc_id
        lines = [row for row in fresh.bc("salesInvoiceLines") if row["documentId"] == bc_id]
        assert [float(row["quantity"]) for row in lines if row["lineType"] == "Item"] == [4, 1]
        assert len(lines) == len((await house.link("invoice", halo_id)).lines)


async def test_what_cannot_be_adopted_is_named_with_its_reason(house: House) -> None:
    company = house.company
    numbers = [row["number"] for row in house.bc("customers")[:2]]
    rows = [
        {"name": "Unknown number", "accountsid": "NOPE-1"},
        {"name": "No number", "accountsid": ""},
        {"name": "Twin one", "accountsid": numbers[0]},
        {"name": "Twin two", "accountsid": numbers[0].lower()},
    ]
    made = {
        row["name"]: str(int(house.agent("Client", {**row, "dbc_company_id": company})["id"])) for row in rows
    }
    shown = await house.ask("GET", f"{house.path}/takeover")
    found = {one["record"]: one["code"] for one in shown["customers"]["problems"]}
    assert {name: found.get(halo_id) for name, halo_id in made.items()} == {
        "Unknown number": "not_found_in_bc",
        "No number": "no_accounts_id",
        "Twin one": "number_used_twice",
        "Twin two": "number_used_twice",
    }
    job = await house.run("POST", f"{house.path}/takeover")
    failures = (await house.ask("GET", f"/api/jobs/{job['id']}/failures"))["items"]
    assert {one["record"] for one in failures} >= set(made.values())
    assert job["skipped"] == len(failures)


async def test_an_invoice_gone_from_bc_and_one_claimed_twice_stay_out(house: House, sandbox: Sandbox) -> None:
    customer, product, halo_id = await _sent_before(house)
    bc_id = house.halo("Invoice", halo_id)["dbc_id"]
    copy = house.invoice(customer, product, dbc_id=bc_id, thirdpartyinvoicenumber="X")
    gone = house.invoice(
        customer,
        product,
        dbc_id="11111111-1111-1111-1111-111111111111",
        dbc_company_id=house.company,
        thirdpartyinvoicenumber="Y",
    )
    async with a_house(sandbox) as fresh:
        await fresh.connect(**ALL)
        shown = await fresh.ask("GET", f"{fresh.path}/takeover")
        codes = {one["record"]: one["code"] for one in shown["invoices"]["problems"]}
        assert codes[gone] == "not_found_in_bc"
        assert codes[copy] == "bc_record_already_linked"
        assert halo_id not in codes
        assert shown["invoices"]["ready"] == 1


async def test_a_posted_invoice_is_adopted_as_posted(house: House, sandbox: Sandbox) -> None:
    _, _, halo_id = await _sent_before(house)
    posted = house.post_in_bc(house.halo("Invoice", halo_id)["dbc_id"])
    async with a_house(sandbox) as fresh:
        await fresh.connect(**ALL)
        await _take_over(fresh)
        link = await fresh.link("invoice", halo_id)
        assert (link.bc_status, link.bc_number) == ("Open", posted["number"])
        await fresh.ask("POST", "/api/sync", {"entity": "invoice", "halo_ids": [halo_id]}, status=202)
        await fresh.push()
        assert (await fresh.outcomes("invoice", halo_id))[0].status == "unchanged"
