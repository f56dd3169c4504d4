"""The simulated Halo: credit notes, nested rows, full rows, and what an accounts integration may write."""

from __future__ import annotations

from collections.abc import AsyncIterator
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


async def ids(halo: Halo, **query: Any) -> set[int]:
    return {one["id"] for one in (await halo.get("/Invoice", count=500, **query))["invoices"]}


class TestCreditNotes:
    async def test_there_is_one_in_the_data_and_lists_hide_it_unless_asked(self, halo: Halo) -> None:
        rows = [one for one in await halo.raw("Invoice") if one["creditlinkedtoinvoiceid"]]
        assert [one["invoicetype"] for one in rows] == [2]
        note = rows[0]["id"]
        assert note not in await ids(halo)
        assert note in await ids(halo, includecredits="true")
        assert await ids(halo, includecredits="true", includeinvoices="false") == {note}

    @pytest.mark.parametrize(
        ("form", "quantity", "price", "total"),
        [("negative", -1, 1, -1), ("negative_price", 1, -1, -1), ("positive", 1, 1, 1)],
    )
    async def test_a_person_credits_an_invoice(
        self, halo: Halo, form: str, quantity: int, price: int, total: int
    ) -> None:
        await halo.switch(credit_quantities=form)
        invoice = await halo.raw("Invoice/1041")
        note = await halo.agent("POST", "Invoice/1041/credit")
        assert (note["invoicetype"], note["creditlinkedtoinvoiceid"]) == (2, 1041)
        assert note["client_id"] == invoice["client_id"]
        assert (note["total"], note["tax_total"]) == (total * invoice["total"], total * invoice["tax_total"])
        sold = [line for line in invoice["lines"] if line["qty_order"]]
        credited = [line for line in note["lines"] if line["qty_order"]]
        assert [line["creditlinkedidid"] for line in credited] == [line["id"] for line in sold]
        for before, after in zip(sold, credited, strict=True):
            assert after["qty_order"] == quantity * before["qty_order"]
            assert after["unit_price"] == price * before["unit_price"]
            assert after["id"] != before["id"]

    async def test_one_may_not_say_what_it_credits(self, halo: Halo) -> None:
        note = await halo.agent("POST", "Invoice/1041/credit", {"linked": False})
        assert (note["invoicetype"], note["creditlinkedtoinvoiceid"]) == (2, 0)
        assert not any(line["creditlinkedidid"] for line in note["lines"])
        assert note["id"] not in await ids(halo)
        answer = await halo.control.post("/halo/agent/Invoice/1/credit")
        assert answer.status_code == 404


class TestFullRows:
    async def test_rows_are_thin_but_for_their_lines(self, halo: Halo) -> None:
        row = (await halo.get("/Invoice", includelines="true", count=1))["invoices"][0]
        assert "lines" in row
        assert "currency_code" not in row

    async def test_by_switch_they_are_as_the_detail(self, halo: Halo) -> None:
        await halo.switch(full_invoice_rows=True)
        row = (await halo.get("/Invoice", includelines="true", count=1))["invoices"][0]
        assert row == await halo.get(f"/Invoice/{row['id']}", includedetails="true")
        assert "lines" not in (await halo.get("/Invoice", count=1))["invoices"][0]
        assert "currency_code" not in (await halo.get("/Invoice", count=1))["invoices"][0]


class TestNestedRows:
    @pytest.mark.parametrize("resource", ["Client", "Item"])
    async def test_dimensions_are_rows_with_ids_of_their_own(self, halo: Halo, resource: str) -> None:
        record = (await halo.raw(resource))[0]["id"]
        dimension = {"dimension_code": "DEPARTMENT", "value_code": "SALES", "unknown": 1}
        sent = [{"id": record, "dynamics_dimensions_enabled": True, "dbc_dimensions": [dimension]}]
        await halo.post(f"/{resource}", sent)
        shown = await halo.get(f"/{resource}/{record}", includedetails="true")
        first = shown["dbc_dimensions"][0]
        assert (first["dimension_code"], first["value_code"]) == ("DEPARTMENT", "SALES")
        assert first["halo_id"]
        assert first["haloparentid"] == record
        assert "unknown" not in first
        assert "dbc_dimensions" not in await halo.get(f"/{resource}/{record}")
        second = {"dimension_code": "REGION", "value_code": "NORTH"}
        await halo.post(f"/{resource}", [{"id": record, "dbc_dimensions": [second]}])
        shown = await halo.get(f"/{resource}/{record}", includedetails="true")
        assert [one["dimension_code"] for one in shown["dbc_dimensions"]] == ["REGION"]
        await halo.switch(nested_replace=False)
        await halo.post(f"/{resource}", [{"id": record, "dbc_dimensions": [dimension]}])
        shown = await halo.get(f"/{resource}/{record}", includedetails="true")
        assert [one["dimension_code"] for one in shown["dbc_dimensions"]] == ["REGION", "DEPARTMENT"]

    async def test_a_popup_note_is_a_row_of_the_client(self, halo: Halo) -> None:
        note = {"note": "Not in Business Central yet.", "displaymodal": True}
        await halo.post("/Client", [{"id": 101, "popup_notes": [note]}])
        shown = (await halo.get("/Client/101", includedetails="true"))["popup_notes"]
        assert (shown[0]["note"], shown[0]["displaymodal"]) == (note["note"], True)
        assert (shown[0]["client_id"], shown[0]["dismissable"]) == (101, False)
        assert shown[0]["date_created"]
        changed = {"id": shown[0]["id"], "note": "It is now."}
        await halo.post("/Client", [{"id": 101, "popup_notes": [changed]}])
        after = (await halo.get("/Client/101", includedetails="true"))["popup_notes"]
        assert [(one["id"], one["note"], one["displaymodal"]) for one in after] == [
            (shown[0]["id"], "It is now.", True)
        ]
        await halo.post("/Client", [{"id": 101, "popup_notes": ["text"]}], 400)
        await halo.post("/Client", [{"id": 101, "popup_notes": []}])
        assert (await halo.get("/Client/101", includedetails="true"))["popup_notes"] == []


class TestSettings:
    async def test_a_bill_to_client_terms_and_a_note_are_kept(self, halo: Halo) -> None:
        saved = await halo.post("/Client", [{"id": 101, "client_to_invoice": 102, "paymentterms": 45}])
        assert (saved["client_to_invoice"], saved["paymentterms"]) == (102, 45)
        await halo.post("/Invoice", [{"id": 1060, "internal_note": "Synced as S-INV102001."}])
        assert (await halo.get("/Invoice/1060"))["internal_note"] == "Synced as S-INV102001."

    async def test_the_accounting_switches_are_there_and_may_be_turned(self, halo: Halo) -> None:
        control = await halo.get("/Control")
        names = [
            "useaccountscodeslookup",
            "autogenerate_accountsid",
            "autogenerate_itemaccountsid",
            "force_accounts_id",
            "usehaloinvoiceidforaccounts",
            "show_accounts_success_message",
            "only_send_posted_invoices",
            "syncinvoicetoaccountspackagewhenapproved",
            "donotalloweditingpostedinvoices",
            "only_show_invoices_after_3rd_party_sync",
            "invoiceaddgroupheaders",
            "use_account_tax",
            "usecurrencyconversion",
            "defaultcurrencycode",
            "decimalplacesforinvoices",
            "allowinvoicenumberedit",
            "generate_id_per_invoice_type",
        ]
        assert set(names) <= set(control)
        await halo.agent("PATCH", "Control/1", {"only_send_posted_invoices": True})
        assert (await halo.get("/Control"))["only_send_posted_invoices"] is True

    @pytest.mark.parametrize("resource", ["Client", "Item"])
    async def test_a_made_up_accounts_id_is_only_returned_unless_it_is_saved_too(
        self, halo: Halo, resource: str
    ) -> None:
        record = next(one["id"] for one in await halo.raw(resource) if not one["accountsid"])
        first = await halo.post(f"/{resource}/NewAccountsId", [{"id": record}])
        assert first["accountsid"]
        assert not (await halo.raw(f"{resource}/{record}"))["accountsid"]
        await halo.switch(new_accounts_id_saves=True)
        second = await halo.post(f"/{resource}/NewAccountsId", [{"id": record}])
        assert (await halo.raw(f"{resource}/{record}"))["accountsid"] == second["accountsid"]

    async def test_integration_errors_have_columns_of_a_length(self, halo: Halo) -> None:
        row = {
            "module_id": 1,
            "detail_id": 1,
            "entity_type": "Invoice",
            "entity_id": 1041,
            "error": "x" * 2000,
        }
        saved = await halo.post("/IntegrationError", [row, {**row, "entity_id": 1042}])
        assert [one["entity_id"] for one in saved] == [1041, 1042]
        for name, length in (("entity_type", 100), ("entity_name", 100), ("endpoint", 100), ("error", 2000)):
            await halo.post("/IntegrationError", [{**row, name: "x" * (length + 1)}], 400)
        await halo.post("/IntegrationError", row, 400)
        listed = await halo.get("/IntegrationError", detail_id=1)
        assert len(listed["integrationerrors"]) == 2
