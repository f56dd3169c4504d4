"""Halo's invoices: lines, totals, updatelines, credit notes, deletion, and what an agent does with them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from tests.sandbox.halo_client import Halo, serving


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Halo]:
    async with serving() as halo:
        yield halo


@pytest.fixture
async def halo(server: Halo) -> Halo:
    await server.control.post("/reset")
    await server.sign_in()
    return server


async def an_invoice(halo: Halo, lines: int = 2) -> Any:
    sent = [{"item_shortdescription": f"Line {n}", "qty_order": 2, "unit_price": 10.25} for n in range(lines)]
    return await halo.post("/Invoice", [{"client_id": 101, "lines": sent}])


async def test_lines_come_only_with_includedetails(halo: Halo) -> None:
    assert "lines" not in await halo.get("/Invoice/1041")
    assert (await halo.get("/Invoice/1041", includedetails="true"))["lines"]
    rows = (await halo.get("/Invoice", count=1))["invoices"]
    assert {"lines", "currency_code", "cust_order_number"}.isdisjoint(rows[0])
    assert "lines" in (await halo.get("/Invoice", count=1, includelines="true"))["invoices"][0]


async def test_the_seeded_headers_are_the_sums_of_their_lines(halo: Halo) -> None:
    for invoice in await halo.raw("Invoice"):
        net = sum(Decimal(line["net_amount"]) for line in invoice["lines"])
        tax = sum(Decimal(line["tax_amount"]) for line in invoice["lines"])
        assert (invoice["revenue"], invoice["tax_total"], invoice["total"]) == (net, tax, net + tax)


async def test_a_new_invoice_takes_defaults_from_its_client(halo: Halo) -> None:
    made = await an_invoice(halo)
    client = await halo.raw("Client/101")
    assert (made["sitenumber"], made["currency_code"]) == (
        client["main_site_id"],
        client["default_currency_code"],
    )
    assert made["invoicenumber"] == f"INV-{made['id']}"
    assert (made["revenue"], made["tax_total"], made["total"]) == (Decimal("41.00"), 0, Decimal("41.00"))
    assert [line["sequenceid"] for line in made["lines"]] == [1, 2]
    assert {line["ihid"] for line in made["lines"]} == {made["id"]}


async def test_an_invoice_needs_a_known_client(halo: Halo) -> None:
    refusal = await halo.post("/Invoice", [{"client_id": 9, "lines": []}], 400)
    assert refusal["resultCode"] == 400


async def test_lines_of_an_update_replace_all_lines(halo: Halo) -> None:
    made = await an_invoice(halo, 3)
    kept = made["lines"][1]["id"]
    saved = await halo.post("/Invoice", [{"id": made["id"], "lines": [{"id": kept, "qty_order": 1}]}])
    assert [line["id"] for line in saved["lines"]] == [kept]
    assert saved["lines"][0]["unit_price"] == 0
    assert saved["total"] == 0


async def test_add_lines_append(halo: Halo) -> None:
    made = await an_invoice(halo)
    saved = await halo.post(
        "/Invoice", [{"id": made["id"], "add_lines": [{"qty_order": 1, "unit_price": 5}]}]
    )
    assert [line["id"] for line in saved["lines"]][:2] == [line["id"] for line in made["lines"]]
    assert saved["total"] == Decimal("46.00")


async def test_a_given_tax_is_kept(halo: Halo) -> None:
    sent = {
        "client_id": 101,
        "lines": [{"qty_order": 1, "unit_price": 10, "tax_rate": 20, "tax_amount": 1.99}],
    }
    made = await halo.post("/Invoice", [sent])
    assert (made["lines"][0]["tax_amount"], made["tax_total"], made["total"]) == tuple(
        map(Decimal, ("1.99", "1.99", "11.99"))
    )
    saved = await halo.post("/Invoice", [{"id": made["id"], "tax_total": 2}])
    assert (saved["tax_total"], saved["total"]) == (2, 12)


async def test_updatelines_changes_only_what_is_sent_and_tells_the_header(halo: Halo) -> None:
    made = await an_invoice(halo)
    first = made["lines"][0]
    saved = await halo.post(
        "/Invoice/updatelines",
        [{"id": first["id"], "tax_amount": 4.1, "tax_rate": 20, "dbc_id": "guid", "dbc_sequence_id": 1000}],
    )
    assert saved["unit_price"] == Decimal("10.25")
    assert (saved["dbc_id"], saved["dbc_sequence_id"], saved["tax_amount"]) == ("guid", 1000, Decimal("4.1"))
    after = await halo.get(f"/Invoice/{made['id']}", includedetails="true")
    assert (after["tax_total"], after["total"]) == (Decimal("4.1"), Decimal("45.10"))
    assert after["last_modified"] > made["last_modified"]


async def test_updatelines_takes_lines_of_several_invoices_and_refuses_unknown_ones_whole(halo: Halo) -> None:
    one, two = await an_invoice(halo, 1), await an_invoice(halo, 1)
    ids = [one["lines"][0]["id"], two["lines"][0]["id"]]
    saved = await halo.post("/Invoice/updatelines", [{"id": number, "tax_amount": 1} for number in ids])
    assert [line["ihid"] for line in saved] == [one["id"], two["id"]]
    sent = [{"id": ids[0], "tax_amount": 9}, {"id": 5, "tax_amount": 9}]
    await halo.post("/Invoice/updatelines", sent, 404)
    assert (await halo.raw(f"Invoice/{one['id']}"))["tax_total"] == 1


async def test_changed_invoices_are_found_by_their_last_change(halo: Halo) -> None:
    made = await an_invoice(halo, 1)
    query = {"datesearch": "last_modified", "start_date": made["last_modified"], "pageinate": "true"}
    assert [row["id"] for row in (await halo.get("/Invoice", **query))["invoices"]] == [made["id"]]
    await halo.post("/Invoice", [{"id": 1045, "reference": "x"}])
    listed = await halo.get("/Invoice", **query, order="last_modified")
    assert [row["id"] for row in listed["invoices"]] == [made["id"], 1045]
    ended = await halo.get("/Invoice", **query, end_date=made["last_modified"])
    assert [row["id"] for row in ended["invoices"]] == [made["id"]]


async def test_credit_notes_are_listed_on_wish(halo: Halo) -> None:
    plain = await halo.get("/Invoice", pageinate="true")
    both = await halo.get("/Invoice", pageinate="true", includecredits="true")
    assert both["record_count"] == plain["record_count"] + 1
    only = await halo.get("/Invoice", includecredits="true", includeinvoices="false")
    assert only["invoices"][0]["creditlinkedtoinvoiceid"] == 1041


async def test_a_deleted_invoice_is_gone(halo: Halo) -> None:
    assert (await halo.api.delete("/Invoice/1050?bypass_accounts_sync=true")).status_code == 200
    assert (await halo.api.get("/Invoice/1050")).status_code == 404


async def test_recurring_invoices_are_read_only(halo: Halo) -> None:
    listed = await halo.get("/RecurringInvoice")
    assert (await halo.get(f"/RecurringInvoice/{listed['invoices'][0]['id']}", includedetails="true"))[
        "lines"
    ]
    assert (await halo.api.post("/RecurringInvoice", json=[{}])).status_code == 405


async def test_an_agent_picks_products_edits_and_deletes_single_lines(halo: Halo) -> None:
    item = await halo.raw("Item/1")
    made = await halo.agent(
        "POST", "Invoice", {"client_id": 101, "lines": [{"_itemid": 1, "qty_order": 1}, {"qty_order": 0}]}
    )
    assert (made["lines"][0]["item_code"], made["lines"][0]["unit_price"]) == (
        item["accountsid"],
        item["baseprice"],
    )
    first, second = (line["id"] for line in made["lines"])
    change = {"lines": [{"id": first, "qty_order": 3}, {"actioncode": 1, "qty_order": 2, "unit_price": 85}]}
    edited = await halo.agent("PATCH", f"Invoice/{made['id']}", {**change, "delete_lines": [second]})
    assert edited["lines"][0]["net_amount"] == 3 * item["baseprice"]
    assert edited["lines"][0]["id"] == first
    assert second not in [line["id"] for line in edited["lines"]]
    assert edited["lines"][1]["nominal_code"]


async def test_an_agent_posts_and_voids(halo: Halo) -> None:
    made = await an_invoice(halo, 1)
    posted = await halo.agent("POST", f"Invoice/{made['id']}/post")
    assert posted["posted"] is True
    assert posted["dateposted"]
    assert (await halo.agent("POST", f"Invoice/{made['id']}/void"))["voided"] is True
    assert (await halo.control.patch("/halo/agent/Invoice/5", json={})).status_code == 404
