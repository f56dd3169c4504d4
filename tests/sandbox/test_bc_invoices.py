"""The simulated Business Central: sales invoices, how they are created and what becomes of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.sandbox.bc_client import BcClient

POSTED = "The invoice has been posted and can no longer be modified."


class TestCreating:
    async def test_a_deep_insert_answers_without_lines_and_with_stale_totals(self, bc: BcClient) -> None:
        body = {"customerNumber": bc.customer().number, "salesInvoiceLines": [bc.item_line(2, 100)]}
        shown = await bc.post("salesInvoices", body)
        assert "salesInvoiceLines" not in shown
        assert (shown["status"], shown["totalAmountIncludingTax"]) == ("Draft", 0)
        read = await bc.get(f"salesInvoices({shown['id']})")
        assert read["totalAmountExcludingTax"] == 200
        assert (read["totalTaxAmount"], read["totalAmountIncludingTax"], read["remainingAmount"]) == (
            40,
            240,
            240,
        )
        assert read["@odata.etag"] == shown["@odata.etag"]

    async def test_what_the_answer_shows_is_a_switch(self, bc: BcClient) -> None:
        bc.world.switches["bc.deep_insert_totals"] = "fresh"
        assert (await bc.invoice(bc.item_line(2, 100)))["totalTaxAmount"] == 40
        bc.world.switches["bc.deep_insert_totals"] = "stale_etag"
        shown = await bc.invoice(bc.item_line(2, 100))
        await bc.patch(
            f"salesInvoices({shown['id']})", {"email": "a@example.com"}, shown["@odata.etag"], status=409
        )

    async def test_expanded_lines_carry_the_tax(self, bc: BcClient) -> None:
        line = (await bc.invoice(bc.item_line(3, 33.335, discountPercent=10)))["salesInvoiceLines"][0]
        assert (line["sequence"], line["lineType"], line["itemId"]) == (10000, "Item", bc.item().id)
        assert (line["discountAmount"], line["amountExcludingTax"]) == (10, 90.01)
        assert (line["taxCode"], line["taxPercent"]) == ("VAT20", 20)
        assert (line["totalTaxAmount"], line["amountIncludingTax"]) == (18, 108.01)
        assert line["netAmountIncludingTax"] == 108.01

    async def test_the_customer_is_copied(self, bc: BcClient) -> None:
        customer = bc.customer()
        shown = await bc.invoice()
        assert shown["customerName"] == shown["billToName"] == shown["shipToName"] == customer.name
        assert shown["sellToAddressLine1"] == shown["billToAddressLine1"] == customer.address1
        assert (shown["email"], shown["phoneNumber"]) == (customer.email, customer.phone)
        assert shown["currencyCode"] == "GBP"

    async def test_what_stands_before_the_customer_is_lost(self, bc: BcClient) -> None:
        number = bc.customer().number
        lost = await bc.post("salesInvoices", {"sellToCity": "Atlantis", "customerNumber": number})
        kept = await bc.post("salesInvoices", {"customerNumber": number, "sellToCity": "Atlantis"})
        assert (lost["sellToCity"], kept["sellToCity"]) == (bc.customer().city, "Atlantis")
        assert kept["shipToCity"] == "Atlantis"

    async def test_dates_win_wherever_they_stand(self, bc: BcClient) -> None:
        dates = {"invoiceDate": "2026-01-31", "dueDate": "2026-03-01", "postingDate": "2026-02-01"}
        shown = await bc.post("salesInvoices", {**dates, "customerNumber": bc.customer().number})
        assert {name: shown[name] for name in dates} == dates

    async def test_dates_left_out_come_from_work_date_and_terms(self, bc: BcClient) -> None:
        terms = next(one for one in bc.company.payment_terms if one.code == "14 DAYS")
        shown = await bc.invoice(paymentTermsId=terms.id)
        today = bc.world.clock.now().date()
        assert shown["postingDate"] == shown["invoiceDate"] == today.isoformat()
        assert shown["dueDate"] == (today + timedelta(days=14)).isoformat()

    @pytest.mark.parametrize(
        ("body", "code", "message"),
        [
            ({}, "Application_DialogException", 'A "customerNumber" or a "customerId" must be provided.'),
            ({"customerNumber": "C00010", "number": "1"}, "BadRequest", "Control 'number' is read-only."),
            (
                {"customerNumber": "C00010", "customerName": "x"},
                "BadRequest",
                "Control 'customerName' is read-only.",
            ),
            (
                {"customerNumber": "nobody"},
                "Internal_InvalidTableRelation",
                (
                    "The field Sell-to Customer No. of table Sales Invoice Entity Aggregate contains a value (NOBODY) that "
                    "cannot be found in the related table (Customer)."
                ),
            ),
            (
                {"customerNumber": "C00010", "currencyCode": "ABC"},
                "Application_DialogException",
                'The "currencyCode" does not match to a Currency.',
            ),
            (
                {"customerNumber": "C00010", "postingDate": "31.01.2026"},
                "BadRequest",
                "Unable to convert value to Date",
            ),
            (
                {"customerNumber": "C00010", "promisedPayDate": "2026-01-31"},
                "Application_FieldValidationException",
                "Posted must be equal to 'Yes'",
            ),
            (
                {"customerNumber": "C00010", "postingDate": "1999-01-01", "currencyCode": "EUR"},
                "Internal_DataNotFoundFilter",
                "There is no Currency Exchange Rate within the filter.",
            ),
            (
                {"customerNumber": "C00010", "salesperson": "XX"},
                "Internal_InvalidTableRelation",
                "The field Salesperson",
            ),
        ],
    )
    async def test_what_an_invoice_may_not_be(
        self, bc: BcClient, body: dict[str, Any], code: str, message: str
    ) -> None:
        found = await bc.refused("POST", "salesInvoices", body)
        assert found[0] == code
        assert found[1].startswith(message)

    async def test_blocked_customers(self, bc: BcClient) -> None:
        for blocked in ("All", "Invoice"):
            customer = next(one for one in bc.company.customers if one.blocked == blocked)
            _, message = await bc.refused("POST", "salesInvoices", {"customerId": customer.id})
            assert message == (
                f"You cannot create this type of document when Customer {customer.number} is blocked with type "
                f"{blocked}"
            )
        await bc.control("POST", "block", {"customer": bc.customer().number, "blocked": "Ship"})
        draft = await bc.invoice(bc.item_line())
        answer = await bc.act(draft["id"])
        assert "You cannot post this type of document" in answer.text

    async def test_external_numbers_are_upper_case_and_not_unique(self, bc: BcClient) -> None:
        first = await bc.invoice(externalDocumentNumber=" halo-1 ")
        second = await bc.invoice(externalDocumentNumber="HALO-1")
        assert first["externalDocumentNumber"] == second["externalDocumentNumber"] == "HALO-1"
        found = await bc.values("salesInvoices?$filter=externalDocumentNumber eq 'halo-1'")
        assert {one["id"] for one in found} == {first["id"], second["id"]}

    async def test_recurring_lines_of_the_customer_come_unasked(self, bc: BcClient) -> None:
        line = {"lineType": "Account", "lineObjectNumber": "6810", "quantity": 1, "unitPrice": 5}
        await bc.control("POST", "recurring", {"customer": bc.customer().number, "lines": [line]})
        shown = await bc.invoice(bc.item_line())
        assert [one["lineType"] for one in shown["salesInvoiceLines"]] == ["Account", "Item"]


class TestLife:
    async def test_a_changed_customer_or_currency_recreates_the_lines(self, bc: BcClient) -> None:
        other = next(
            one
            for one in bc.company.customers
            if one.vat_business_group == "DOMESTIC" and one != bc.customer()
        )
        for change in ({"customerNumber": other.number}, {"currencyCode": "EUR"}):
            shown = await bc.invoice(
                bc.item_line(2, 1, sequence=500), {"description": "note", "sequence": 700}
            )
            path = f"salesInvoices({shown['id']})"
            await bc.patch(path, change, shown["@odata.etag"])
            lines = (await bc.get(f"{path}/salesInvoiceLines"))["value"]
            assert not {one["id"] for one in lines} & {one["id"] for one in shown["salesInvoiceLines"]}
            assert [one["sequence"] for one in lines] == [10000, 20000]
            assert (lines[0]["quantity"], lines[1]["description"]) == (2, "note")

    async def test_posting_keeps_the_ids_and_changes_the_number(self, bc: BcClient) -> None:
        shown = await bc.invoice(bc.item_line(2, 100))
        answer = await bc.act(shown["id"], "microsoft.nav.POST")
        assert (answer.status_code, answer.content) == (204, b"")
        after = await bc.get(f"salesInvoices({shown['id']})?$expand=salesInvoiceLines")
        assert (after["number"], after["status"], after["remainingAmount"]) == ("103001", "Open", 240)
        assert [one["id"] for one in after["salesInvoiceLines"]] == [shown["salesInvoiceLines"][0]["id"]]
        assert await bc.values(f"salesInvoices?$filter=number eq '{shown['number']}'") == []
        assert "The action can be applied to a draft invoice only." in (await bc.act(shown["id"])).text

    async def test_a_posted_invoice_is_closed_to_changes(self, bc: BcClient) -> None:
        shown = await bc.invoice(bc.item_line())
        await bc.control("POST", f"post/{shown['id']}")
        path = f"salesInvoices({shown['id']})"
        line = f"salesInvoiceLines({shown['salesInvoiceLines'][0]['id']})"
        for method, where, body in (
            ("PATCH", path, {"email": "a@example.com"}),
            ("PATCH", path, {}),
            ("PATCH", line, {"quantity": 1}),
            ("DELETE", line, None),
            ("POST", f"{path}/salesInvoiceLines", bc.item_line()),
        ):
            assert (await bc.refused(method, where, body))[1] == POSTED
        assert (await bc.patch(path, {"dueDate": "2030-01-01"}))["dueDate"] == "2030-01-01"

    async def test_deleting(self, bc: BcClient) -> None:
        draft, posted = await bc.invoice(bc.item_line()), await bc.invoice(bc.item_line())
        assert (await bc.delete(f"salesInvoices({draft['id']})")).status_code == 204
        assert (await bc.invoice())["number"] == "S-INV102003"
        await bc.act(posted["id"])
        _, message = await bc.refused("DELETE", f"salesInvoices({posted['id']})")
        assert message.startswith("The date Allow Document Deletion Before must be set")
        bc.world.switches["bc.allow_document_deletion_before"] = "2020-01-01"
        _, message = await bc.refused("DELETE", f"salesInvoices({posted['id']})")
        assert message.startswith(
            "You cannot delete posted sales documents that are posted after 2020-01-01."
        )
        bc.world.switches["bc.allow_document_deletion_before"] = "2099-01-01"
        assert (await bc.delete(f"salesInvoices({posted['id']})")).status_code == 204

    async def test_what_posting_refuses(self, bc: BcClient) -> None:
        empty = await bc.invoice({"description": "only words"})
        assert "Please add at least one line item to the invoice." in (await bc.act(empty["id"])).text
        draft = await bc.invoice(bc.item_line(1000))
        bc.world.switches["bc.prevent_negative_inventory"] = True
        assert "You have insufficient quantity of Item" in (await bc.act(draft["id"])).text
        bc.world.switches["bc.allow_posting_from"] = "2099-01-01"
        answer = await bc.act(draft["id"])
        assert "Posting Date is not within your range of allowed posting dates" in answer.text
        review = {"status": "In Review", "headerStatus": "Pending Approval"}
        await bc.control("PATCH", f"{bc.company.id}/salesInvoices/{draft['id']}", review)
        assert "must be approved and released" in (await bc.act(draft["id"])).text
        assert (await bc.act(draft["id"], "Microsoft.NAV.nonsense")).status_code == 404
        answer = await bc.call("POST", bc.at(f"customers({bc.customer().id})/Microsoft.NAV.post"))
        assert answer.status_code == 501

    async def test_a_released_draft_is_closed_to_line_changes(self, bc: BcClient) -> None:
        draft = await bc.invoice(bc.item_line())
        released = {"status": "Open", "headerStatus": "Released"}
        await bc.control("PATCH", f"{bc.company.id}/salesInvoices/{draft['id']}", released)
        found = await bc.refused(
            "PATCH", f"salesInvoiceLines({draft['salesInvoiceLines'][0]['id']})", {"quantity": 9}
        )
        assert found == (
            "Application_FieldValidationException",
            (
                "Status must be equal to 'Open'  in Sales Header: Document Type=Invoice, "
                f"No.={draft['number']}. Current value is 'Released'."
            ),
        )

    async def test_cancelling(self, bc: BcClient) -> None:
        draft = await bc.invoice(bc.item_line())
        cancel = "Microsoft.NAV.cancel"
        assert "posted invoice only" in (await bc.act(draft["id"], cancel)).text
        await bc.act(draft["id"])
        assert (await bc.act(draft["id"], cancel)).status_code == 204
        read = await bc.get(f"salesInvoices({draft['id']})")
        assert (read["status"], read["remainingAmount"]) == ("Canceled", 0)
        assert "has already been canceled" in (await bc.act(draft["id"], cancel)).text

    async def test_only_full_payment_touches_the_record(self, bc: BcClient) -> None:
        draft = await bc.invoice(bc.item_line(1, 100))
        await bc.act(draft["id"])
        path = f"salesInvoices({draft['id']})"
        before = await bc.get(path)
        await bc.control("POST", f"pay/{draft['id']}", {"amount": 20})
        part = await bc.get(path)
        assert (part["remainingAmount"], part["status"]) == (100, "Open")
        assert part["lastModifiedDateTime"] == before["lastModifiedDateTime"]
        await bc.control("POST", f"pay/{draft['id']}")
        full = await bc.get(path)
        assert (full["remainingAmount"], full["status"]) == (0, "Paid")
        assert full["lastModifiedDateTime"] > before["lastModifiedDateTime"]
        assert "fully or partially paid" in (await bc.act(draft["id"], "Microsoft.NAV.cancel")).text
