"""The simulated Business Central: sales credit memos. What they share with invoices is proved once more, briefly."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.sandbox.bc_client import UNKNOWN, ZERO, BcClient, refusal

POSTED = "The credit memo has been posted and can no longer be modified."
MEMOS = "salesCreditMemos"


async def posted_invoice(bc: BcClient, *lines: dict[str, Any], **header: Any) -> Any:
    draft = await bc.invoice(*(lines or (bc.item_line(2, 100),)), **header)
    assert (await bc.act(draft["id"])).status_code == 204
    return await bc.get(f"salesInvoices({draft['id']})")


class TestCreating:
    async def test_the_fields_are_those_of_the_page(self, bc: BcClient) -> None:
        shown = await bc.credit_memo(bc.item_line(2, 100))
        assert {"creditMemoDate", "invoiceId", "invoiceNumber", "customerReturnReasonId"} <= set(shown)
        absent = {"invoiceDate", "remainingAmount", "customerPurchaseOrderReference", "shipToName", "orderId"}
        assert not absent & set(shown)
        names = list(shown["salesCreditMemoLines"][0])
        assert names.index("unitPrice") < names.index("quantity")

    async def test_a_draft_has_its_own_series_date_and_status(self, bc: BcClient) -> None:
        shown = await bc.credit_memo(creditMemoDate="2026-01-31", externalDocumentNumber=" halo-7 ")
        assert (shown["number"], shown["status"]) == ("S-CR001001", "Draft")
        assert (shown["creditMemoDate"], shown["externalDocumentNumber"]) == ("2026-01-31", "HALO-7")
        assert (shown["invoiceId"], shown["invoiceNumber"]) == (ZERO, "")
        assert shown["currencyCode"] == "GBP"

    async def test_a_deep_insert_answers_without_lines_and_with_stale_totals(self, bc: BcClient) -> None:
        body = {"customerNumber": bc.customer().number, "salesCreditMemoLines": [bc.item_line(2, 100)]}
        shown = await bc.post(MEMOS, body)
        assert "salesCreditMemoLines" not in shown
        assert shown["totalAmountIncludingTax"] == 0
        read = await bc.get(f"{MEMOS}({shown['id']})?$expand=salesCreditMemoLines")
        assert (read["totalAmountExcludingTax"], read["totalTaxAmount"]) == (200, 40)
        assert read["salesCreditMemoLines"][0]["taxCode"] == "VAT20"

    async def test_a_refused_line_leaves_no_credit_memo(self, bc: BcClient) -> None:
        body = {"customerNumber": bc.customer().number, "salesCreditMemoLines": [{"lineType": "Item", "lineObjectNumber": "NONE"}]}  # fmt: skip
        assert await bc.refused("POST", MEMOS, body) == (
            "Application_DialogException",
            "Item does not exist.",
        )
        assert await bc.values(MEMOS) == []

    @pytest.mark.parametrize(
        ("body", "code", "message"),
        [
            ({}, "Application_DialogException", 'A "customerNumber" or a "customerId" must be provided.'),
            ({"number": "X"}, "BadRequest", "Control 'number' is read-only."),
            ({"status": "Draft"}, "BadRequest", "Control 'status' is read-only."),
            (
                {"invoiceDate": "2026-01-31"},
                "BadRequest",
                (
                    "The property 'invoiceDate' does not exist on type 'Microsoft.NAV.salesCreditMemo'. Make sure to "
                    "only use property names that are defined by the type."
                ),
            ),
            (
                {"invoiceId": UNKNOWN},
                "Application_DialogException",
                'The "invoiceId" does not match to an Invoice.',
            ),
            (
                {"customerReturnReasonId": UNKNOWN},
                "Internal_InvalidTableRelation",
                (
                    f"The field Reason Code Id of table Sales Cr. Memo Entity Buffer contains a value ({UNKNOWN}) that "
                    "cannot be found in the related table (Reason Code)."
                ),
            ),
        ],
    )
    async def test_what_a_credit_memo_may_not_be(
        self, bc: BcClient, body: dict[str, Any], code: str, message: str
    ) -> None:
        assert await bc.refused("POST", MEMOS, body) == (code, message)

    async def test_blocked_customers(self, bc: BcClient) -> None:
        for blocked, stops in (("All", True), ("Invoice", True), ("Ship", False)):
            customer = bc.customer().number
            await bc.control("POST", "block", {"customer": customer, "blocked": blocked})
            answer = await bc.call("POST", bc.at(MEMOS), {"customerNumber": customer})
            assert answer.status_code == (400 if stops else 201)
        bc.world.switches["bc.blocked_invoice_stops_credit_memos"] = False
        await bc.control("POST", "block", {"customer": customer, "blocked": "Invoice"})
        await bc.credit_memo(bc.item_line())

    async def test_recurring_lines_are_for_invoices(self, bc: BcClient) -> None:
        line = {"lineType": "Account", "lineObjectNumber": "6810", "quantity": 1, "unitPrice": 5}
        await bc.control("POST", "recurring", {"customer": bc.customer().number, "lines": [line]})
        assert len((await bc.credit_memo(bc.item_line()))["salesCreditMemoLines"]) == 1

    async def test_bill_to_addresses_may_be_written(self, bc: BcClient) -> None:
        shown = await bc.credit_memo(billToCity="Leeds")
        assert shown["billToCity"] == "Leeds"

    async def test_it_stands_beside_the_invoices_in_metadata_and_lists(self, bc: BcClient) -> None:
        answer = await bc.call("GET", f"{bc.root}/$metadata")
        assert 'EntitySet Name="salesCreditMemos"' in answer.text
        assert 'Type="Microsoft.NAV.salesCreditMemo"/></Action>' in answer.text
        await bc.credit_memo(bc.item_line())
        assert await bc.values("salesInvoices") == []


class TestLines:
    async def test_lines_of_no_document_are_refused_in_the_pages_own_words(self, bc: BcClient) -> None:
        found = await bc.refused("GET", "salesCreditMemoLines")
        assert found[1] == "You must specify an id or a Document Id to get the lines."
        invoice = await bc.invoice(bc.item_line())
        body = {**bc.item_line(), "documentId": invoice["id"]}
        found = await bc.refused("POST", "salesCreditMemoLines", body)
        assert found[1] == "No document with the specified ID exists."

    async def test_a_line_change_moves_the_headers_etag_and_totals(self, bc: BcClient) -> None:
        memo = await bc.credit_memo(bc.item_line(1, 100))
        line = memo["salesCreditMemoLines"][0]
        path = f"{MEMOS}({memo['id']})"
        await bc.patch(f"{path}/salesCreditMemoLines({line['id']})", {"quantity": 3, "unitPrice": 100}, line["@odata.etag"])  # fmt: skip
        read = await bc.get(path)
        assert read["totalAmountIncludingTax"] == 360
        assert read["@odata.etag"] != memo["@odata.etag"]
        await bc.patch(path, {"email": "a@example.com"}, memo["@odata.etag"], status=409)
        assert (await bc.delete(f"salesCreditMemoLines({line['id']})", "")).status_code == 400
        assert (await bc.delete(f"salesCreditMemoLines({line['id']})")).status_code == 204
        assert (await bc.get(path))["totalAmountIncludingTax"] == 0

    async def test_sequences(self, bc: BcClient) -> None:
        memo = await bc.credit_memo(bc.item_line(sequence=500), bc.item_line())
        lines = memo["salesCreditMemoLines"]
        assert [one["sequence"] for one in lines] == [500, 10500]
        path = f"salesCreditMemoLines({lines[0]['id']})"
        found = await bc.refused("PATCH", path, {"sequence": 700})
        assert found[1] == ("The value for sequence cannot be modified. Delete and insert the line again.")
        found = await bc.refused("POST", f"{MEMOS}({memo['id']})/salesCreditMemoLines", {"sequence": 500})
        assert found[1] == "You cannot insert a line because a line already exists."

    async def test_blocked_items(self, bc: BcClient) -> None:
        await bc.control("POST", "block", {"item": bc.item().number, "blocked": True})
        body = {"customerNumber": bc.customer().number, "salesCreditMemoLines": [bc.item_line()]}
        code, message = await bc.refused("POST", MEMOS, body)
        assert code == "Application_FieldValidationException"
        assert message.startswith("Blocked must be equal to 'No'  in Item:")

    async def test_a_batch_with_a_snapshot_takes_all_or_nothing(self, bc: BcClient) -> None:
        memo = await bc.credit_memo(bc.item_line(1, 100))
        path = f"{MEMOS}({memo['id']})/salesCreditMemoLines"
        parts = [
            bc.part("POST", path, bc.item_line(1, 50)),
            bc.part("POST", path, {"lineType": "Item", "lineObjectNumber": "NONE"}),
        ]
        answers = await bc.batch(parts, Isolation="snapshot")
        assert [one["status"] for one in answers] == [201, 400]
        assert len((await bc.get(path))["value"]) == 1
        answers = await bc.batch(parts[:1], Isolation="snapshot")
        assert [one["status"] for one in answers] == [201]
        assert (await bc.get(f"{MEMOS}({memo['id']})"))["totalAmountExcludingTax"] == 150

    async def test_a_changed_currency_recreates_the_lines(self, bc: BcClient) -> None:
        memo = await bc.credit_memo(bc.item_line(2, 1, sequence=500))
        path = f"{MEMOS}({memo['id']})"
        await bc.patch(path, {"currencyCode": "EUR"}, memo["@odata.etag"])
        line = (await bc.get(f"{path}/salesCreditMemoLines"))["value"][0]
        assert line["id"] != memo["salesCreditMemoLines"][0]["id"]
        assert (line["sequence"], line["quantity"]) == (10000, 2)


class TestTheInvoice:
    async def test_is_named_by_id_or_number(self, bc: BcClient) -> None:
        invoice = await posted_invoice(bc)
        for header in ({"invoiceId": invoice["id"]}, {"invoiceNumber": invoice["number"]}):
            memo = await bc.credit_memo(bc.item_line(), **header)
            assert (memo["invoiceId"], memo["invoiceNumber"]) == (invoice["id"], invoice["number"])

    async def test_a_draft_is_none(self, bc: BcClient) -> None:
        draft = await bc.invoice(bc.item_line())
        body = {"customerNumber": bc.customer().number, "invoiceId": draft["id"]}
        found = await bc.refused("POST", MEMOS, body)
        assert found[1] == 'The "invoiceId" does not match to an Invoice.'

    async def test_id_and_number_must_agree(self, bc: BcClient) -> None:
        first, second = await posted_invoice(bc), await posted_invoice(bc)
        body = {
            "customerNumber": bc.customer().number,
            "invoiceId": first["id"],
            "invoiceNumber": second["number"],
        }
        found = await bc.refused("POST", MEMOS, body)
        assert found[1] == 'The "invoiceId" and "invoiceNumber" do not match to a specific Invoice.'

    async def test_posting_takes_the_amount_off_it(self, bc: BcClient) -> None:
        invoice = await posted_invoice(bc)
        path = f"salesInvoices({invoice['id']})"
        memo = await bc.credit_memo(bc.item_line(1, 100), invoiceId=invoice["id"])
        await bc.act(memo["id"], documents=MEMOS)
        part = await bc.get(path)
        assert (part["remainingAmount"], part["status"]) == (120, "Open")
        assert part["lastModifiedDateTime"] == invoice["lastModifiedDateTime"]
        assert (await bc.get(f"{MEMOS}({memo['id']})"))["status"] == "Paid"
        memo = await bc.credit_memo(bc.item_line(3, 100), invoiceId=invoice["id"])
        await bc.act(memo["id"], documents=MEMOS)
        full = await bc.get(path)
        assert (full["remainingAmount"], full["status"]) == (0, "Paid")
        assert full["lastModifiedDateTime"] > invoice["lastModifiedDateTime"]
        assert (await bc.get(f"{MEMOS}({memo['id']})"))["status"] == "Open"

    async def test_posting_fails_where_it_is_closed_or_unknown(self, bc: BcClient) -> None:
        invoice = await posted_invoice(bc)
        await bc.control("POST", f"pay/{invoice['id']}")
        for number in (invoice["number"], "NONE"):
            memo = await bc.credit_memo(bc.item_line(), invoiceNumber=number)
            code, message = refusal(await bc.act(memo["id"], documents=MEMOS))
            assert code == "Internal_DataNotFoundFilter"
            assert message.startswith("There is no Cust. Ledger Entry within the filter.")
            assert (await bc.get(f"{MEMOS}({memo['id']})"))["status"] == "Draft"


class TestLife:
    async def test_posting_keeps_the_ids_and_changes_the_number(self, bc: BcClient) -> None:
        memo = await bc.credit_memo(bc.item_line(2, 100))
        item = f"items({bc.item().id})?$select=inventory"
        before = (await bc.get(item))["inventory"]
        answer = await bc.act(memo["id"], documents=MEMOS)
        assert (answer.status_code, answer.content) == (204, b"")
        after = await bc.get(f"{MEMOS}({memo['id']})?$expand=salesCreditMemoLines")
        assert (after["number"], after["status"]) == ("104001", "Open")
        assert [one["id"] for one in after["salesCreditMemoLines"]] == [memo["salesCreditMemoLines"][0]["id"]]
        assert (await bc.get(item))["inventory"] == before + 2
        _, message = refusal(await bc.act(memo["id"], documents=MEMOS))
        assert message == "The action can be applied to a draft credit memo only."

    async def test_a_posted_credit_memo_is_closed_to_every_change(self, bc: BcClient) -> None:
        memo = await bc.credit_memo(bc.item_line())
        await bc.control("POST", f"post/{memo['id']}")
        path, line = (
            f"{MEMOS}({memo['id']})",
            f"salesCreditMemoLines({memo['salesCreditMemoLines'][0]['id']})",
        )
        for method, where, body in (
            ("PATCH", path, {"dueDate": "2030-01-01"}),
            ("PATCH", path, {}),
            ("PATCH", line, {"quantity": 1}),
            ("DELETE", line, None),
            ("POST", f"{path}/salesCreditMemoLines", bc.item_line()),
        ):
            assert (await bc.refused(method, where, body))[1] == POSTED

    async def test_what_the_actions_refuse(self, bc: BcClient) -> None:
        empty = await bc.credit_memo({"description": "only words"})
        for action, message in (
            ("post", "Please add at least one line item to the credit memo."),
            ("send", "The action can be applied to a posted credit memo only."),
            ("cancel", "The action can be applied to a posted credit memo only."),
        ):
            answer = await bc.act(empty["id"], f"Microsoft.NAV.{action}", MEMOS)
            assert refusal(answer) == ("Application_DialogException", message)
        answer = await bc.act(empty["id"], "Microsoft.NAV.makeCorrectiveCreditMemo", MEMOS)
        assert answer.status_code == 404
        review = {"status": "In Review", "headerStatus": "Pending Approval"}
        memo = await bc.credit_memo(bc.item_line())
        await bc.control("PATCH", f"{bc.company.id}/{MEMOS}/{memo['id']}", review)
        _, message = refusal(await bc.act(memo["id"], documents=MEMOS))
        assert message.startswith("Sales Credit Memo S-CR")
        read = await bc.get(f"{MEMOS}({memo['id']})")
        assert read["status"] == "In_x0020_Review"
        _, message = await bc.refused("PATCH", f"{MEMOS}({memo['id']})", {"email": "a@example.com"})
        assert "in Sales Header: Document Type=Credit Memo, No.=S-CR" in message

    async def test_cancelling(self, bc: BcClient) -> None:
        memo = await bc.credit_memo(bc.item_line())
        await bc.act(memo["id"], documents=MEMOS)
        assert (await bc.act(memo["id"], "Microsoft.NAV.cancel", MEMOS)).status_code == 204
        assert (await bc.get(f"{MEMOS}({memo['id']})"))["status"] == "Canceled"
        _, message = refusal(await bc.act(memo["id"], "Microsoft.NAV.cancel", MEMOS))
        assert message == "The credit memo cannot be cancelled because it has already been canceled."

    async def test_deleting(self, bc: BcClient) -> None:
        draft, posted = await bc.credit_memo(bc.item_line()), await bc.credit_memo(bc.item_line())
        await bc.act(posted["id"], documents=MEMOS)
        assert (await bc.delete(f"{MEMOS}({draft['id']})", "")).status_code == 400
        assert (await bc.delete(f"{MEMOS}({draft['id']})")).status_code == 204
        assert (await bc.call("GET", bc.at(f"{MEMOS}({draft['id']})"))).status_code == 404
        _, message = await bc.refused("DELETE", f"{MEMOS}({posted['id']})")
        assert message.startswith("The date Allow Document Deletion Before must be set")
        bc.world.switches["bc.allow_document_deletion_before"] = "2099-01-01"
        assert (await bc.delete(f"{MEMOS}({posted['id']})")).status_code == 204

    async def test_its_customer_and_items_cannot_be_deleted(self, bc: BcClient) -> None:
        await bc.credit_memo(bc.item_line())
        _, message = await bc.refused("DELETE", f"customers({bc.customer().id})")
        assert message.endswith("at least one outstanding Sales Credit Memo for this customer.")
        _, message = await bc.refused("DELETE", f"items({bc.item().id})")
        assert "at least one Sales Line that includes this item" in message

    async def test_the_balance_due_falls_by_it(self, bc: BcClient) -> None:
        customer = f"customers({bc.customer().id})"
        due = (bc.world.clock.now() - timedelta(days=400)).date().isoformat()
        await posted_invoice(bc, dueDate=due)
        memo = await bc.credit_memo(bc.item_line(1, 100), dueDate=due)
        assert (await bc.get(customer))["balanceDue"] == 240
        await bc.act(memo["id"], documents=MEMOS)
        assert (await bc.get(customer))["balanceDue"] == 120


class TestTheInvoicesActions:
    async def test_a_corrective_credit_memo_is_a_draft_with_the_same_lines(self, bc: BcClient) -> None:
        invoice = await posted_invoice(bc, bc.item_line(2, 33.335), {"description": "a note"})
        answer = await bc.act(invoice["id"], "Microsoft.NAV.makeCorrectiveCreditMemo")
        assert answer.status_code == 204
        memo = (await bc.values(f"{MEMOS}?$expand=salesCreditMemoLines"))[0]
        assert (memo["status"], memo["invoiceId"], memo["invoiceNumber"]) == ("Draft", invoice["id"], invoice["number"])  # fmt: skip
        assert memo["totalAmountIncludingTax"] == invoice["totalAmountIncludingTax"]
        assert [one["description"] for one in memo["salesCreditMemoLines"]][1] == "a note"
        assert (await bc.get(f"salesInvoices({invoice['id']})"))["status"] == "Open"
        assert (await bc.act(memo["id"], documents=MEMOS)).status_code == 204
        assert (await bc.get(f"salesInvoices({invoice['id']})"))["status"] == "Paid"

    async def test_cancelling_posts_one(self, bc: BcClient) -> None:
        item = f"items({bc.item().id})?$select=inventory"
        before = (await bc.get(item))["inventory"]
        invoice = await posted_invoice(bc)
        await bc.act(invoice["id"], "Microsoft.NAV.cancel")
        memo = (await bc.values(MEMOS))[0]
        assert (memo["status"], memo["number"], memo["invoiceId"]) == ("Corrective", "104001", invoice["id"])
        assert (await bc.get(item))["inventory"] == before


async def test_sales_tax_is_credited_as_it_was_charged(bc: BcClient) -> None:
    environment = next(one for one in bc.world.data.bc.environments if one.name == "Production-US")
    company = environment.companies[0]
    customer = next(one for one in company.customers if one.tax_liable and one.blocked == " ")
    item = next(one for one in company.items if one.tax_group == "TAXABLE" and not one.blocked and one.gen_product_group)  # fmt: skip
    root = f"{bc.root.replace('/Production/', '/Production-US/')}/companies({company.id})"
    line = {"lineType": "Item", "lineObjectNumber": item.number, "quantity": 3, "unitPrice": 33.33}
    totals = []
    for documents, lines in (("salesInvoices", "salesInvoiceLines"), (MEMOS, "salesCreditMemoLines")):
        body = {"customerNumber": customer.number, lines: [line, line]}
        made = (await bc.call("POST", f"{root}/{documents}", body)).json()
        read = (await bc.call("GET", f"{root}/{documents}({made['id']})?$expand={lines}")).json()
        taxes = [one["netTaxAmount"] for one in read[lines]]
        totals.append((read["totalTaxAmount"], read["totalAmountIncludingTax"], taxes))
    assert totals[0] == totals[1]
    assert totals[0][0] > 0
