"""The simulated Business Central: dimensions, their values, and where documents and lines get theirs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.bc_client import UNKNOWN, ZERO, BcClient

DIALOG = "Application_DialogException"
KINDS = (("salesInvoices", "salesInvoiceLines"), ("salesCreditMemos", "salesCreditMemoLines"))


def department(code: str = "SALES") -> dict[str, Any]:
    return {"code": "DEPARTMENT", "valueCode": code}


async def default(bc: BcClient, owner: str, dimension: str = "DEPARTMENT", value: str = "ADM") -> Any:
    """A default dimension for a customer or item, through its own path."""
    found = (await bc.values(f"dimensions?$filter=code eq '{dimension}'&$expand=dimensionValues"))[0]
    chosen = next(one for one in found["dimensionValues"] if one["code"] == value)
    body = {"dimensionId": found["id"], "dimensionValueId": chosen["id"]}
    return await bc.post(f"{owner}/defaultDimensions", body)


async def codes(bc: BcClient, parent: str) -> list[tuple[str, str]]:
    found = await bc.values(f"{parent}/dimensionSetLines")
    return [(one["code"], one["valueCode"]) for one in found]


class TestTables:
    async def test_each_company_has_two_with_values(self, bc: BcClient) -> None:
        for environment in bc.world.data.bc.environments:
            for company in environment.companies:
                root = f"{bc.world.urls['bc']}/v2.0/{bc.world.data.bc.tenant_id}/{environment.name}/api/v2.0"
                url = f"{root}/companies({company.id})/dimensions?$expand=dimensionValues"
                found = (await bc.call("GET", url)).json()["value"]
                assert len(found) == 2
                assert all(len(one["dimensionValues"]) > 1 for one in found)

    async def test_nobody_may_write_them(self, bc: BcClient) -> None:
        for name in ("dimensions", "dimensionValues"):
            code, _ = await bc.refused("POST", name, {"code": "X"}, 405)
            assert code == "BadRequest_MethodNotAllowed"

    async def test_values_are_found_by_their_dimension(self, bc: BcClient) -> None:
        found = (await bc.values("dimensions?$filter=code eq 'DEPARTMENT'"))[0]
        values = await bc.values(f"dimensionValues?$filter=dimensionId eq {found['id']} and code eq 'SALES'")
        assert [one["displayName"] for one in values] == ["Sales"]


class TestDocuments:
    @pytest.mark.parametrize(("documents", "lines"), KINDS)
    async def test_lines_of_a_deep_insert_carry_the_headers(
        self, bc: BcClient, documents: str, lines: str
    ) -> None:
        body = {"customerNumber": bc.customer().number, lines: [bc.item_line()], "dimensionSetLines": [department()]}  # fmt: skip
        expand = f"$expand=dimensionSetLines,{lines}($expand=dimensionSetLines)"
        shown = await bc.post(f"{documents}?{expand}", body)
        assert shown["shortcutDimension1Code"] == "SALES"
        assert [one["valueCode"] for one in shown["dimensionSetLines"]] == ["SALES"]
        assert [one["valueCode"] for one in shown[lines][0]["dimensionSetLines"]] == ["SALES"]

    async def test_in_old_versions_they_did_not(self, bc: BcClient) -> None:
        bc.world.switches["bc.dimensions_before_lines"] = False
        body = {"customerNumber": bc.customer().number, "salesInvoiceLines": [bc.item_line()], "dimensionSetLines": [department()]}  # fmt: skip
        expand = "$expand=dimensionSetLines,salesInvoiceLines($expand=dimensionSetLines)"
        shown = await bc.post(f"salesInvoices?{expand}", body)
        assert len(shown["dimensionSetLines"]) == 1
        assert shown["salesInvoiceLines"][0]["dimensionSetLines"] == []

    async def test_a_line_may_have_its_own(self, bc: BcClient) -> None:
        line = bc.item_line(dimensionSetLines=[department("PROD")])
        shown = await bc.invoice(line, bc.item_line())
        first, second = (one["id"] for one in shown["salesInvoiceLines"])
        assert await codes(bc, f"salesInvoiceLines({first})") == [("DEPARTMENT", "PROD")]
        assert await codes(bc, f"salesInvoiceLines({second})") == []

    async def test_what_a_set_line_shows(self, bc: BcClient) -> None:
        draft = await bc.invoice()
        made = await bc.post(f"salesInvoices({draft['id']})/dimensionSetLines", department())
        value = (await bc.values("dimensionValues?$filter=code eq 'SALES'"))[0]
        assert {name: made[name] for name in made if not name.startswith("@")} == {
            "id": value["dimensionId"],
            "code": "DEPARTMENT",
            "consolidationCode": "",
            "parentId": draft["id"],
            "parentType": "Sales_x0020_Invoice",
            "displayName": "Department",
            "valueId": value["id"],
            "valueCode": "SALES",
            "valueConsolidationCode": "",
            "valueDisplayName": "Sales",
        }
        line = (await bc.invoice(bc.item_line()))["salesInvoiceLines"][0]
        path = f"salesInvoiceLines({line['id']})/dimensionSetLines"
        by_id = {"id": value["dimensionId"], "valueId": value["id"]}
        assert (await bc.post(path, by_id))["parentType"] == "Sales_x0020_Invoice_x0020_Line"

    async def test_changing_and_deleting_one(self, bc: BcClient) -> None:
        draft = await bc.invoice(bc.item_line())
        parent = f"salesInvoices({draft['id']})"
        made = await bc.post(f"{parent}/dimensionSetLines", department())
        path = f"{parent}/dimensionSetLines({made['id']})"
        await bc.patch(path, {"valueCode": "ADM"}, "", status=400)
        changed = await bc.patch(path, {"valueCode": "ADM"}, made["@odata.etag"])
        assert (changed["valueCode"], changed["valueDisplayName"]) == ("ADM", "Administration")
        await bc.patch(path, {"valueCode": "PROD"}, made["@odata.etag"], status=409)
        assert (await bc.get(parent))["shortcutDimension1Code"] == "ADM"
        assert (await bc.delete(path)).status_code == 204
        assert (await bc.get(parent))["shortcutDimension1Code"] == ""
        assert (await bc.call("GET", bc.at(path))).status_code == 404

    async def test_a_change_on_a_line_moves_the_documents_etag(self, bc: BcClient) -> None:
        draft = await bc.invoice(bc.item_line())
        line = draft["salesInvoiceLines"][0]["id"]
        await bc.post(f"salesInvoiceLines({line})/dimensionSetLines", department())
        assert (await bc.get(f"salesInvoices({draft['id']})"))["@odata.etag"] != draft["@odata.etag"]

    async def test_the_shortcut_codes_are_the_same_set(self, bc: BcClient) -> None:
        draft = await bc.invoice(bc.item_line(), shortcutDimension2Code="NORTH")
        parent = f"salesInvoices({draft['id']})"
        line = f"salesInvoiceLines({draft['salesInvoiceLines'][0]['id']})"
        assert await codes(bc, parent) == await codes(bc, line) == [("REGION", "NORTH")]
        await bc.patch(parent, {"shortcutDimension2Code": "SOUTH", "shortcutDimension1Code": "ADM"})
        wanted = [("DEPARTMENT", "ADM"), ("REGION", "SOUTH")]
        assert await codes(bc, parent) == await codes(bc, line) == wanted
        await bc.patch(parent, {"shortcutDimension2Code": ""})
        assert await codes(bc, parent) == [("DEPARTMENT", "ADM")]
        code, message = await bc.refused("PATCH", parent, {"shortcutDimension1Code": "NORTH"})
        assert code == "Internal_InvalidTableRelation"
        assert "Shortcut Dimension 1 Code" in message

    @pytest.mark.parametrize(
        ("body", "message"),
        [
            ({"valueCode": "SALES"}, 'The "valueCode" does not match to a Dimension Value.'),
            ({}, 'The "id" or "code" field must be filled in.'),
            ({"code": "DEPARTMENT"}, 'The "valueId" or "valueCode" field must be filled in.'),
            ({"code": "NONE", "valueCode": "SALES"}, 'The "code" does not match to a Dimension.'),
            ({"id": UNKNOWN}, 'The "id" does not match to a Dimension.'),
            (
                {"code": "DEPARTMENT", "valueCode": "NORTH"},
                'The "valueCode" does not match to a Dimension Value.',
            ),
            (
                {"code": "DEPARTMENT", "valueId": UNKNOWN},
                'The "valueId" does not match to a Dimension Value.',
            ),
            ({"valueCode": "SALES", "code": "DEPARTMENT"}, 'The "valueCode" does not match to a Dimension Value.'),
        ],
    )  # fmt: skip
    async def test_what_a_set_line_may_not_be(self, bc: BcClient, body: dict[str, Any], message: str) -> None:
        draft = await bc.invoice()
        path = f"salesInvoices({draft['id']})/dimensionSetLines"
        assert await bc.refused("POST", path, body) == (DIALOG, message)

    async def test_each_dimension_once(self, bc: BcClient) -> None:
        draft = await bc.invoice()
        path = f"salesInvoices({draft['id']})/dimensionSetLines"
        made = await bc.post(path, department())
        _, message = await bc.refused("POST", path, department("ADM"))
        assert message.startswith("The dimension set line already exists.")
        region = (await bc.values("dimensions?$filter=code eq 'REGION'"))[0]["id"]
        for body in ({"id": region}, {"code": "REGION"}):
            found = await bc.refused("PATCH", f"{path}({made['id']})", body)
            assert found[1] == 'The "id" and "code" fields cannot be modified.'

    async def test_a_refused_dimension_leaves_no_document(self, bc: BcClient) -> None:
        body = {"customerNumber": bc.customer().number, "dimensionSetLines": [department("NONE")]}
        await bc.refused("POST", "salesInvoices", body)
        assert await bc.values("salesInvoices") == []

    async def test_only_through_the_parent(self, bc: BcClient) -> None:
        for method, what in (("GET", "get to the"), ("POST", "create a")):
            _, message = await bc.refused(method, "dimensionSetLines", department())
            assert message == f"You must get to the parent first to {what} dimension set line."

    async def test_posted_documents_are_closed(self, bc: BcClient) -> None:
        draft = await bc.invoice(bc.item_line(), dimensionSetLines=[department()])
        await bc.act(draft["id"])
        parent = f"salesInvoices({draft['id']})"
        assert await codes(bc, parent) == [("DEPARTMENT", "SALES")]
        dimension = (await bc.values(f"{parent}/dimensionSetLines"))[0]["id"]
        for method, path, body in (
            ("POST", f"{parent}/dimensionSetLines", {"code": "REGION", "valueCode": "NORTH"}),
            ("PATCH", f"{parent}/dimensionSetLines({dimension})", {"valueCode": "ADM"}),
            ("DELETE", f"{parent}/dimensionSetLines({dimension})", None),
        ):
            _, message = await bc.refused(method, path, body)
            assert message.endswith("dimension set lines are read only for parent type Sales Invoice.")


class TestDefaults:
    async def test_documents_take_over_the_bill_to_customers(self, bc: BcClient) -> None:
        await default(bc, f"customers({bc.customer().id})")
        draft = await bc.invoice(bc.item_line())
        line = draft["salesInvoiceLines"][0]["id"]
        assert draft["shortcutDimension1Code"] == "ADM"
        assert await codes(bc, f"salesInvoiceLines({line})") == [("DEPARTMENT", "ADM")]
        other = next(
            one
            for one in bc.company.customers
            if one.vat_business_group == "DOMESTIC" and one != bc.customer()
        )
        await bc.patch(f"salesInvoices({draft['id']})", {"billToCustomerNumber": other.number})
        assert await codes(bc, f"salesInvoices({draft['id']})") == []

    async def test_one_sent_again_is_refused(self, bc: BcClient) -> None:
        """Whoever sends a dimension that the customer has already must change the line that is there."""
        await default(bc, f"customers({bc.customer().id})")
        body = {"customerNumber": bc.customer().number, "dimensionSetLines": [department()]}
        _, message = await bc.refused("POST", "salesInvoices", body)
        assert message.startswith("The dimension set line already exists. Check existing")
        draft = await bc.invoice(shortcutDimension1Code="SALES")
        assert await codes(bc, f"salesInvoices({draft['id']})") == [("DEPARTMENT", "SALES")]

    async def test_lines_take_over_their_items(self, bc: BcClient) -> None:
        await default(bc, f"items({bc.item().id})", "REGION", "SOUTH")
        draft = await bc.invoice(bc.item_line(), shortcutDimension1Code="ADM")
        line = draft["salesInvoiceLines"][0]["id"]
        wanted = [("DEPARTMENT", "ADM"), ("REGION", "SOUTH")]
        assert await codes(bc, f"salesInvoiceLines({line})") == wanted

    async def test_reading_changing_and_deleting(self, bc: BcClient) -> None:
        owner = f"customers({bc.customer().id})"
        before = await bc.get(owner)
        made = await default(bc, owner)
        assert (made["parentType"], made["parentId"]) == ("Customer", bc.customer().id)
        assert (made["dimensionCode"], made["dimensionValueCode"]) == ("DEPARTMENT", "ADM")
        assert made["postingValidation"] == "_x0020_"
        assert (await bc.get(owner))["@odata.etag"] != before["@odata.etag"]
        expanded = await bc.get(f"{owner}?$expand=defaultDimensions")
        assert [one["id"] for one in expanded["defaultDimensions"]] == [made["id"]]
        path = f"{owner}/defaultDimensions({made['id']})"
        changed = await bc.patch(path, {"postingValidation": "Code_x0020_Mandatory"}, made["@odata.etag"])
        assert changed["postingValidation"] == "Code_x0020_Mandatory"
        assert (await bc.delete(path, changed["@odata.etag"])).status_code == 204
        assert (await bc.get(owner))["@odata.etag"] != before["@odata.etag"]
        assert await bc.values("defaultDimensions") == []

    async def test_a_new_customer_or_item_may_bring_them(self, bc: BcClient) -> None:
        dimension = (await bc.values("dimensions?$filter=code eq 'DEPARTMENT'"))[0]["id"]
        value = (await bc.values("dimensionValues?$filter=code eq 'PROD'"))[0]["id"]
        sent = [{"dimensionId": dimension, "dimensionValueId": value}]
        for owners, kind in (("customers", "Customer"), ("items", "Item")):
            body = {"displayName": "New", "defaultDimensions": sent}
            made = await bc.post(f"{owners}?$expand=defaultDimensions", body)
            found = made["defaultDimensions"][0]
            assert (found["parentType"], found["dimensionValueCode"]) == (kind, "PROD")
            assert (await bc.delete(f"{owners}({made['id']})")).status_code == 204
        assert await bc.values("defaultDimensions") == []

    async def test_what_they_may_not_be(self, bc: BcClient) -> None:
        owner = f"customers({bc.customer().id})"
        made = await default(bc, owner)
        region = (await bc.values("dimensions?$filter=code eq 'REGION'"))[0]["id"]
        known = {"dimensionId": made["dimensionId"]}
        for path, body, message in (
            (owner, {"dimensionId": UNKNOWN}, 'The "dimensionId" does not match to a Dimension.'),
            (
                owner,
                {**known, "dimensionValueId": UNKNOWN},
                'The "dimensionValueId" does not match to a Dimension Value.',
            ),
            (
                owner,
                {"dimensionId": region, "dimensionValueId": made["dimensionValueId"]},
                'The "dimensionId" and "dimensionValueId" match to different Dimension records.',
            ),
            ("", known, "You must get to the parent first to get to the default dimensions."),
            (
                "",
                {"parentType": "Customer", "parentId": UNKNOWN, **known},
                'The "parenteId" does not match to any entity.',
            ),
        ):
            where = f"{path}/defaultDimensions".lstrip("/")
            assert await bc.refused("POST", where, body) == (DIALOG, message)
        code, message = await bc.refused("POST", f"{owner}/defaultDimensions", known)
        assert code == "Internal_EntityWithSameKeyExists"
        assert message.endswith("Dimension Code='DEPARTMENT'")
        flat = {"parentType": "Customer", "parentId": bc.customer().id, "dimensionId": region}
        assert (await bc.post("defaultDimensions", flat))["dimensionValueId"] == ZERO
