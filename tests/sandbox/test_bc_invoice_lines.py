"""The simulated Business Central: the lines of sales invoices, and their tax."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.sandbox.bc_client import UNKNOWN, ZERO, BcClient


class TestLines:
    async def test_order_matters_as_the_number_resets_the_line(self, bc: BcClient) -> None:
        item = bc.item()
        lost = (
            await bc.invoice(
                {"description": "mine", "unitPrice": 1, "quantity": 3, "lineType": "Item", "itemId": item.id}
            )
        )["salesInvoiceLines"][0]
        assert (lost["description"], lost["unitPrice"]) == (item.name, float(item.unit_price))
        assert lost["quantity"] == 3
        kept = (await bc.invoice(bc.item_line(3, 1, description="mine")))["salesInvoiceLines"][0]
        assert (kept["description"], kept["unitPrice"]) == ("mine", 1)

    async def test_a_quantity_behind_the_price_puts_the_items_price_back(self, bc: BcClient) -> None:
        body = {"lineType": "Item", "lineObjectNumber": bc.item().number, "unitPrice": 1, "quantity": 2}
        line = (await bc.invoice(body))["salesInvoiceLines"][0]
        assert line["unitPrice"] == float(bc.item().unit_price)
        bc.world.switches["bc.quantity_reprices"] = False
        assert (await bc.invoice(body))["salesInvoiceLines"][0]["unitPrice"] == 1

    async def test_a_number_before_its_type_is_looked_up_as_a_comments(self, bc: BcClient) -> None:
        line = {"lineObjectNumber": bc.item().number, "lineType": "Item", "quantity": 1}
        body = {"customerNumber": bc.customer().number, "salesInvoiceLines": [line]}
        code, message = await bc.refused("POST", "salesInvoices", body)
        assert code == "Internal_InvalidTableRelation"
        assert message.endswith("cannot be found in the related table (Standard Text).")

    async def test_without_type_and_id_a_line_is_a_comment(self, bc: BcClient) -> None:
        shown = await bc.invoice({"description": "a note"}, {"lineType": "Comment", "description": "x" * 100})
        first = shown["salesInvoiceLines"][0]
        assert (first["lineType"], first["description"], first["itemId"]) == ("Comment", "a note", ZERO)
        assert (first["lineObjectNumber"], first["quantity"], first["taxCode"]) == ("", 0, "")
        lines = f"salesInvoices({shown['id']})/salesInvoiceLines"
        code, _ = await bc.refused("POST", lines, {"description": "x" * 101})
        assert code == "Application_StringExceededLength"
        await bc.refused("POST", lines, {"description": "no", "quantity": 1})

    async def test_sequences(self, bc: BcClient) -> None:
        shown = await bc.invoice(bc.item_line(sequence=500), bc.item_line(), bc.item_line(sequence=700))
        assert [line["sequence"] for line in shown["salesInvoiceLines"]] == [500, 700, 10500]
        path = f"salesInvoices({shown['id']})/salesInvoiceLines"
        _, message = await bc.refused("POST", path, bc.item_line(sequence=700))
        assert message == "You cannot insert a line because a line already exists."
        assert (await bc.post(path, bc.item_line(sequence=0)))["sequence"] == 20500
        line = shown["salesInvoiceLines"][0]
        for body, words in (
            (
                {"sequence": 600},
                'The value for "sequence" cannot be modified. Delete and insert the line again.',
            ),
            ({"documentId": UNKNOWN}, 'The value for "documentId" cannot be modified.'),
            ({"lineObjectNumber": "OTHER"}, 'The value for "lineObjectNumber" cannot be modified.'),
        ):
            assert (await bc.refused("PATCH", f"{path}({line['id']})", body))[1] == words

    async def test_a_line_change_moves_the_headers_etag_and_totals(self, bc: BcClient) -> None:
        shown = await bc.invoice(bc.item_line(1, 10), bc.item_line(1, 20))
        path = f"salesInvoices({shown['id']})"
        line, other = shown["salesInvoiceLines"]
        saved = await bc.patch(
            f"{path}/salesInvoiceLines({line['id']})", {"unitPrice": 30}, line["@odata.etag"]
        )
        assert saved["netAmountIncludingTax"] == 36
        assert saved["@odata.etag"] != line["@odata.etag"]
        after = await bc.get(f"{path}?$expand=salesInvoiceLines")
        assert after["@odata.etag"] != shown["@odata.etag"]
        assert after["totalAmountIncludingTax"] == 60
        assert after["salesInvoiceLines"][1] == other
        assert (await bc.delete(f"{path}/salesInvoiceLines({line['id']})")).status_code == 204
        assert (await bc.get(path))["totalAmountIncludingTax"] == 24

    async def test_the_flat_set(self, bc: BcClient) -> None:
        shown = await bc.invoice(bc.item_line())
        _, message = await bc.refused("GET", "salesInvoiceLines")
        assert message == "You must specify an Id or a Document Id to get the lines."
        assert len(await bc.values(f"salesInvoiceLines?$filter=documentId eq {shown['id']}")) == 1
        _, message = await bc.refused("POST", "salesInvoiceLines", bc.item_line())
        assert message == "You must specify a document id to get the lines."
        _, message = await bc.refused("POST", "salesInvoiceLines", bc.item_line(documentId=UNKNOWN))
        assert message == "No document with the specified ID exists."
        new = await bc.post("salesInvoiceLines", bc.item_line(documentId=shown["id"]))
        await bc.patch(f"salesInvoiceLines({new['id']})", {"description": "flat"}, new["@odata.etag"])

    async def test_a_new_item_id_resets_the_line(self, bc: BcClient) -> None:
        line = (await bc.invoice(bc.item_line(2, 1, description="mine")))["salesInvoiceLines"][0]
        other = bc.item("Service")
        saved = await bc.patch(f"salesInvoiceLines({line['id']})", {"itemId": other.id})
        assert (saved["lineObjectNumber"], saved["description"], saved["quantity"]) == (
            other.number,
            other.name,
            2,
        )
        account = next(one for one in bc.company.accounts if one.number == "6810")
        saved = await bc.patch(f"salesInvoiceLines({line['id']})", {"accountId": account.id})
        assert (saved["lineType"], saved["itemId"], saved["accountId"]) == ("Account", ZERO, account.id)
        saved = await bc.patch(f"salesInvoiceLines({line['id']})", {"lineType": "Comment", "quantity": 0})
        assert (saved["lineObjectNumber"], saved["accountId"]) == ("", ZERO)

    async def test_refused_objects(self, bc: BcClient) -> None:
        items = {one.number: one for one in bc.company.items}
        blocked = next(one for one in items.values() if one.blocked)
        unsold = next(one for one in items.values() if one.sales_blocked)
        bare = next(one for one in items.values() if not one.gen_product_group)
        cases: list[tuple[dict[str, Any], str]] = [
            (
                {"lineType": "Item", "lineObjectNumber": blocked.number},
                f"Blocked must be equal to 'No'  in Item: No.={blocked.number}. Current value is 'Yes'.",
            ),
            (
                {"itemId": unsold.id},
                (
                    f"You cannot sell Item {unsold.number} because the Sales Blocked check box is selected on the Item "
                    "card."
                ),
            ),
            (
                {"itemId": bare.id},
                f"Gen. Prod. Posting Group must have a value in Item: No.={bare.number}. It cannot be zero or empty.",
            ),
            ({"lineType": "Item", "lineObjectNumber": "NOPE"}, "Item does not exist."),
            ({"lineType": "Account", "lineObjectNumber": "NOPE"}, "Account does not exist."),
            ({"itemId": ZERO}, "Item does not exist."),
            (
                {"itemId": UNKNOWN},
                (
                    f"The field Item Id of table Sales Invoice Line Aggregate contains a value ({UNKNOWN}) that cannot be "
                    "found in the related table (Item)."
                ),
            ),
            (
                {"itemId": bc.item().id, "accountId": bc.company.accounts[2].id},
                'Both "itemId" and "accountId" are specified. Specify only one of them.',
            ),
            (
                {"lineType": "Account", "lineObjectNumber": "6995"},
                "Account Type must be equal to 'Posting'  in G/L Account: No.=6995. Current value is 'Total'.",
            ),
            (
                {"lineType": "Account", "lineObjectNumber": "2310"},
                "Direct Posting must be equal to 'Yes'  in G/L Account: No.=2310. Current value is 'No'.",
            ),
            (
                {"lineType": "Account", "lineObjectNumber": "8530"},
                "Blocked must be equal to 'No'  in G/L Account: No.=8530. Current value is 'Yes'.",
            ),
            (
                bc.item_line(unitOfMeasureCode="HOUR"),
                (
                    "The field Unit of Measure Code of table Sales Invoice Line Aggregate contains a value (HOUR) that "
                    "cannot be found in the related table (Item Unit of Measure)."
                ),
            ),
            (
                bc.item_line(taxCode="VAT20"),
                "The field VAT Prod. Posting Group of table Sales Line contains a value",
            ),
            (bc.item_line(amountExcludingTax=1), "Control 'amountExcludingTax' is read-only."),
            (bc.item_line(discountPercent=101), "The value '101' can't be evaluated"),
        ]
        draft = await bc.invoice()
        for body, words in cases:
            found = await bc.refused("POST", f"salesInvoices({draft['id']})/salesInvoiceLines", body)
            assert found[1].startswith(words), found


class TestTax:
    async def test_tax_codes_are_written_as_groups_and_read_as_identifiers(self, bc: BcClient) -> None:
        line = (await bc.invoice(bc.item_line(1, 100, taxCode="REDUCED")))["salesInvoiceLines"][0]
        assert (line["taxCode"], line["taxPercent"], line["totalTaxAmount"]) == ("VAT5", 5, 5)

    async def test_reverse_charge_and_export(self, bc: BcClient) -> None:
        eu = await bc.invoice(bc.item_line(1, 100), customerNumber=bc.customer("EU").number)
        assert eu["currencyCode"] == "EUR"
        assert [line["taxPercent"] for line in eu["salesInvoiceLines"]] == [0]
        reduced = bc.item("Inventory", "REDUCED") if self.has(bc) else bc.item()
        body = {"customerNumber": bc.customer("EXPORT").number}
        draft = await bc.post("salesInvoices", body)
        line = {"lineType": "Item", "lineObjectNumber": reduced.number, "taxCode": "REDUCED"}
        code, message = await bc.refused("POST", f"salesInvoices({draft['id']})/salesInvoiceLines", line)
        assert code == "Internal_RecordNotFound"
        assert message == (
            "The VAT Posting Setup does not exist. Identification fields and values: VAT Bus. Posting Group='EXPORT',"
            "VAT Prod. Posting Group='REDUCED'"
        )

    @staticmethod
    def has(bc: BcClient) -> bool:
        return any(one.type == "Inventory" and one.vat_product_group == "REDUCED" for one in bc.company.items)

    async def test_totals_are_rounded_by_group_not_by_line(self, bc: BcClient) -> None:
        shown = await bc.invoice(*(bc.item_line(1, 0.33) for _ in range(5)))
        lines = shown["salesInvoiceLines"]
        assert [line["totalTaxAmount"] for line in lines] == [0.07] * 5
        assert [line["netTaxAmount"] for line in lines] == [0.07, 0.06, 0.07, 0.06, 0.07]
        read = await bc.get(f"salesInvoices({shown['id']})")
        assert (read["totalAmountExcludingTax"], read["totalTaxAmount"]) == (1.65, 0.33)

    async def test_gross_prices_follow_the_customer(self, bc: BcClient) -> None:
        customer = next(one for one in bc.company.customers if one.prices_include_vat)
        await bc.control(
            "PATCH", f"{bc.company.id}/customers/{customer.number}", {"vatBusPostingGroup": "DOMESTIC"}
        )
        shown = await bc.invoice(bc.item_line(1, 120), customerNumber=customer.number)
        line = shown["salesInvoiceLines"][0]
        assert shown["pricesIncludeTax"] is True
        assert (line["amountExcludingTax"], line["totalTaxAmount"], line["amountIncludingTax"]) == (
            100,
            20,
            120,
        )

    async def test_an_invoice_discount_is_spread(self, bc: BcClient) -> None:
        shown = await bc.invoice(bc.item_line(1, 100), bc.item_line(1, 50), discountAmount=10)
        assert [line["invoiceDiscountAllocation"] for line in shown["salesInvoiceLines"]] == [6.67, 3.33]
        assert (await bc.get(f"salesInvoices({shown['id']})"))["totalAmountExcludingTax"] == 140

    async def test_foreign_prices_are_converted(self, bc: BcClient) -> None:
        line = (await bc.invoice(bc.item_line(1, None), currencyCode="EUR"))["salesInvoiceLines"][0]
        assert line["unitPrice"] == float(round(bc.item().unit_price / Decimal("0.8574"), 3))
