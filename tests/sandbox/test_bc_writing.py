"""The simulated Business Central: customers, items and set-up tables are written by its rules."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.bc_client import UNKNOWN, ZERO, BcClient, refusal


class TestTokens:
    async def test_a_patch_needs_if_match_and_a_well_formed_one(self, bc: BcClient) -> None:
        url = bc.at(f"customers({bc.customer().id})")
        for headers in ({}, {"If-Match": "20"}, {"If-Match": 'W/\\"JzIwOzEy\\"'}):
            code, message = refusal(await bc.call("PATCH", url, {"city": "York"}, headers))
            assert code == "BadRequest_InvalidToken"
            assert message.startswith(
                "Could not validate the client concurrency token required by the service."
            )
        body = {"@odata.etag": "*", "city": "York"}
        assert (await bc.call("PATCH", url, body)).status_code == 400
        assert bc.world.counters.as_json()["bc"]["missing_if_match"] == 2

    async def test_a_stale_token_is_a_conflict(self, bc: BcClient) -> None:
        path = f"customers({bc.customer().id})"
        etag = (await bc.get(path))["@odata.etag"]
        saved = await bc.patch(path, {"city": "York"}, etag)
        assert saved["city"] == "York"
        assert saved["@odata.etag"] != etag
        answer = await bc.call("PATCH", bc.at(path), {"city": "Leeds"}, {"If-Match": etag})
        assert refusal(answer, 409) == (
            "Request_EntityChanged",
            "Another user has already changed the record.",
        )
        assert bc.world.counters.as_json()["bc"]["stale_if_match"] == 1
        assert (await bc.delete(path, etag)).status_code == 409
        assert (await bc.patch(path, {"city": "Derby"}))["city"] == "Derby"

    async def test_delete_answers_204_and_needs_if_match_by_default(self, bc: BcClient) -> None:
        path = f"customers({bc.customer().id})"
        assert (await bc.delete(path, "")).status_code == 400
        answer = await bc.delete(path)
        assert (answer.status_code, answer.content) == (204, b"")
        assert (await bc.delete(path)).status_code == 404

    async def test_another_users_edit_moves_the_token(self, bc: BcClient) -> None:
        path = f"customers({bc.customer().id})"
        before = await bc.get(path)
        await bc.control(
            "PATCH", f"{bc.company.name}/{path.replace('(', '/').rstrip(')')}", {"city": "Elsewhere"}
        )
        after = await bc.get(path)
        assert after["city"] == "Elsewhere"
        assert after["lastModifiedDateTime"] > before["lastModifiedDateTime"]
        await bc.patch(path, {"city": "York"}, before["@odata.etag"], status=409)


class TestBodies:
    @pytest.mark.parametrize(
        ("body", "code", "message"),
        [
            (
                {"nonsense": 1},
                "BadRequest",
                "The property 'nonsense' does not exist on type 'Microsoft.NAV.customer'.",
            ),
            ({"balanceDue": 1}, "BadRequest", "Control 'balanceDue' is read-only."),
            ({"id": UNKNOWN}, "BadRequest", "Control 'id' is read-only."),
            ({"displayName": 5}, "BadRequest", "Invalid Request Body"),
            ({"creditLimit": "5"}, "BadRequest", "Invalid Request Body"),
            (
                {"city": None},
                "BadRequest_RequiredParamNotProvided",
                "Field 'city' must not be blank or empty.",
            ),
            (
                {"blocked": "Maybe"},
                "Unknown",
                "'Maybe' is not an option. The existing options are:  ,Ship,Invoice,All",
            ),
            (
                {"addressLine2": "x" * 57},
                "Application_StringExceededLength",
                "The length of the string is 57, but it must be less than or equal to 50 characters. Value: "
                + "x" * 57,
            ),
            (
                {"country": "xx"},
                "Internal_InvalidTableRelation",
                (
                    "The field Country/Region Code of table Customer contains a value (XX) that cannot be found in the "
                    "related table (Country/Region)."
                ),
            ),
            (
                {"currencyCode": "ABC"},
                "Application_DialogException",
                'The "currencyCode" does not match to a Currency.',
            ),
            ({"displayName": ""}, "Application_DialogException", 'The blank "displayName" is not allowed.'),
            (
                {"paymentTermsId": UNKNOWN},
                "Internal_InvalidTableRelation",
                "The field Payment Terms Id of table",
            ),
            (
                {"taxRegistrationNumber": "x" * 21},
                "Application_StringExceededLength",
                "The length of the string is 21",
            ),
        ],
    )
    async def test_what_a_customer_may_not_be(
        self, bc: BcClient, body: dict[str, Any], code: str, message: str
    ) -> None:
        before = await bc.control("GET", f"{bc.company.id}/customers/{bc.customer().id}")
        found = await bc.refused("PATCH", f"customers({bc.customer().id})", {"city": "York", **body})
        assert found[0] == code
        assert found[1].startswith(message)
        assert (await bc.refused("POST", "customers", {"displayName": "New", **body}))[0] == code
        assert await bc.control("GET", f"{bc.company.id}/customers/{bc.customer().id}") == before

    async def test_broken_json_and_a_wrong_content_type(self, bc: BcClient) -> None:
        headers = {"Authorization": "Bearer delegated", "Content-Type": "application/json"}
        answer = await bc.http.post(bc.at("customers"), content="{", headers=headers)
        assert refusal(answer) == ("BadRequest", "Invalid Request Body")
        headers["Content-Type"] = "text/plain"
        assert (await bc.http.post(bc.at("customers"), content="{}", headers=headers)).status_code == 415

    async def test_codes_are_trimmed_and_upper_cased_and_texts_are_not(self, bc: BcClient) -> None:
        body = {"number": " new-1 ", "displayName": " Lower Case ", "country": "gb", "postalCode": "ab1 2cd"}
        saved = await bc.post("customers", body)
        assert (saved["number"], saved["displayName"]) == ("NEW-1", " Lower Case ")
        assert (saved["country"], saved["postalCode"]) == ("GB", "AB1 2CD")

    async def test_prefer_return_no_content(self, bc: BcClient) -> None:
        answer = await bc.call(
            "POST", bc.at("customers"), {"displayName": "Quiet"}, {"Prefer": "return-no-content"}
        )
        assert (answer.status_code, answer.content) == (204, b"")
        answer = await bc.call(
            "POST", bc.at("customers?$select=id"), {"displayName": "Loud"}, {"Prefer": "return=minimal"}
        )
        assert set(answer.json()) == {"@odata.context", "@odata.etag", "id"}


class TestCustomers:
    async def test_a_name_is_needed_and_the_number_comes_from_the_series(self, bc: BcClient) -> None:
        assert (await bc.refused("POST", "customers", {}))[1] == 'A "displayName" must be provided.'
        first = await bc.post("customers", {"displayName": "One"})
        second = await bc.post("customers", {"displayName": "Two"})
        assert (first["number"], second["number"]) == ("C01510", "C01520")

    async def test_typed_numbers_need_a_series_that_allows_them(self, bc: BcClient) -> None:
        bc.world.switches["bc.manual_customer_numbers"] = False
        code, message = await bc.refused("POST", "customers", {"number": "X", "displayName": "X"})
        assert code == "Application_DialogException"
        assert message == (
            "You may not enter numbers manually. If you want to enter numbers manually, please activate Manual Nos. "
            "in No. Series CUST."
        )

    async def test_a_number_is_given_once(self, bc: BcClient) -> None:
        body = {"number": "c00010", "displayName": "Twin"}
        code, message = await bc.refused("POST", "customers", body)
        assert code == "Internal_EntityWithSameKeyExists"
        assert message == (
            "The record in table Customer already exists. Identification fields and values: No.='C00010'"
        )
        bc.world.switches["bc.duplicate_key_status"] = 409
        assert (await bc.refused("POST", "customers", body, 409))[0] == code

    async def test_without_template_rules_invoices_of_a_new_customer_fail(self, bc: BcClient) -> None:
        new = await bc.post("customers", {"displayName": "Bare"})
        code, message = await bc.refused("POST", "salesInvoices", {"customerId": new["id"]})
        assert code == "Application_FieldValidationException"
        assert message == (
            f"Gen. Bus. Posting Group must have a value in Customer: No.={new['number']}. It cannot be zero or empty."
        )
        bc.world.switches["bc.template_rules"] = True
        new = await bc.post("customers", {"displayName": "Dressed"})
        await bc.post("salesInvoices", {"customerId": new["id"]})

    async def test_the_local_currency_is_stored_blank(self, bc: BcClient) -> None:
        saved = await bc.post("customers", {"displayName": "Local", "currencyCode": "gbp"})
        assert (saved["currencyCode"], saved["currencyId"]) == ("GBP", ZERO)
        euro = next(one for one in bc.company.currencies if one.code == "EUR")
        saved = await bc.patch(f"customers({saved['id']})", {"currencyId": euro.id})
        assert saved["currencyCode"] == "EUR"
        found = await bc.refused(
            "PATCH", f"customers({saved['id']})", {"currencyId": euro.id, "currencyCode": "USD"}
        )
        assert found[1] == "The currency values do not match to a specific Currency."

    async def test_a_customer_with_documents_stays(self, bc: BcClient) -> None:
        customer = bc.customer()
        draft = await bc.invoice(bc.item_line())
        _, message = await bc.refused("DELETE", f"customers({customer.id})")
        assert message == (
            f"You cannot delete Customer {customer.number} because there is at least one outstanding Sales Invoice "
            "for this customer."
        )
        assert (await bc.act(draft["id"])).status_code == 204
        assert (
            "it has ledger entries in a fiscal year"
            in (await bc.refused("DELETE", f"customers({customer.id})"))[1]
        )

    async def test_a_changed_number_renames(self, bc: BcClient) -> None:
        draft = await bc.invoice(bc.item_line())
        await bc.patch(f"customers({bc.customer().id})", {"number": "renamed"})
        assert (await bc.get(f"salesInvoices({draft['id']})"))["customerNumber"] == "RENAMED"


class TestItems:
    async def test_a_new_item_has_no_posting_groups_unless_sent(self, bc: BcClient) -> None:
        new = await bc.post("items", {"displayName": "Widget", "type": "Service"})
        assert new["number"] == "9300"
        assert new["generalProductPostingGroupCode"] == new["baseUnitOfMeasureCode"] == ""
        sent = {"displayName": "W", "generalProductPostingGroupCode": "goods", "baseUnitOfMeasureCode": "PCS"}
        new = await bc.post("items", {**sent, "inventoryPostingGroupCode": "RESALE"})
        group = next(one for one in bc.company.gen_product_groups if one.code == "GOODS")
        assert new["generalProductPostingGroupId"] == group.id
        assert (await bc.control("GET", f"{bc.company.id}/items/{new['id']}"))[
            "vatProdPostingGroup"
        ] == "STANDARD"

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({"inventory": 0}, "Inventory cannot be changed during on insert."),
            ({"baseUnitOfMeasureCode": "NOPE"}, "The Unit of Measure with Code NOPE does not exist."),
            (
                {"type": "Service", "inventoryPostingGroupCode": "RESALE"},
                "Type must be equal to 'Inventory'  in Item: No.=. Current value is 'Service'.",
            ),
            (
                {"taxGroupCode": "STANDARD"},
                (
                    "The field Tax Group Code of table Item contains a value (STANDARD) that cannot be found in the related "
                    "table (Tax Group)."
                ),
            ),
            (
                {"type": "Non-Inventory"},
                "'Non-Inventory' is not an option. The existing options are: Inventory,Service,Non-Inventory",
            ),
        ],
    )
    async def test_what_an_item_may_not_be(self, bc: BcClient, body: dict[str, Any], message: str) -> None:
        assert (await bc.refused("POST", "items", {"displayName": "W", **body}))[1] == message

    async def test_id_and_code_must_agree(self, bc: BcClient) -> None:
        body = {"itemCategoryId": bc.company.item_categories[0].id, "itemCategoryCode": "CABLE"}
        _, message = await bc.refused("POST", "items", body)
        assert message == "The item categories values do not match to a specific item category."

    async def test_the_cost_of_a_stocked_item_with_entries_is_fixed(self, bc: BcClient) -> None:
        def pick(kind: str, costing: str = "FIFO", entries: bool = True) -> Any:
            return next(
                one
                for one in bc.company.items
                if (one.type, one.costing_method, one.has_entries) == (kind, costing, entries)
            )

        stuck = pick("Inventory")
        _, message = await bc.refused("PATCH", f"items({stuck.id})", {"unitCost": 1})
        assert (
            message
            == "You cannot change Unit Cost because there are one or more ledger entries for this item."
        )
        await bc.patch(f"items({stuck.id})", {"unitCost": float(stuck.unit_cost)})
        for free in (
            pick("Inventory", "Standard"),
            pick("Inventory", entries=False),
            pick("Service", entries=False),
        ):
            assert (await bc.patch(f"items({free.id})", {"unitCost": 1}))["unitCost"] == 1

    async def test_the_type_of_an_item_in_use_is_fixed(self, bc: BcClient) -> None:
        item = bc.item("Service")
        await bc.invoice({"lineType": "Item", "lineObjectNumber": item.number, "quantity": 1})
        _, message = await bc.refused("PATCH", f"items({item.id})", {"type": "Inventory"})
        assert message == (
            f"You cannot change the Type field on Item {item.number} because at least one Sales Line exists for this "
            "item."
        )
        assert "at least one Sales Line" in (await bc.refused("DELETE", f"items({item.id})"))[1]


async def test_setup_tables_are_written_by_code(bc: BcClient) -> None:
    new = await bc.post("itemCategories", {"code": "new", "displayName": "New"})
    assert new["code"] == "NEW"
    code, message = await bc.refused("POST", "itemCategories", {"code": "New"})
    assert code == "Internal_EntityWithSameKeyExists"
    assert message.endswith("Code='NEW'")
    assert (await bc.patch(f"itemCategories({new['id']})", {"code": "newer"}))["code"] == "NEWER"
    assert (await bc.delete(f"itemCategories({new['id']})")).status_code == 204
    await bc.refused("POST", "itemCategories", {"displayName": "No code"})


async def test_a_refused_request_leaves_nothing_behind(bc: BcClient) -> None:
    before = await bc.get("salesInvoices")
    await bc.refused(
        "POST",
        "salesInvoices",
        {
            "customerNumber": bc.customer().number,
            "salesInvoiceLines": [bc.item_line(), {"lineType": "Nonsense"}],
        },
    )
    assert await bc.get("salesInvoices") == before
    draft = await bc.invoice(bc.item_line())
    assert draft["number"] == "S-INV102001"
