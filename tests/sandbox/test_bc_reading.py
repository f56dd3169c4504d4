"""The simulated Business Central: sign-in, addresses, reading."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest

from tests.sandbox.bc_client import APP, BcClient, refusal


@pytest.fixture
def bc(bc: BcClient) -> BcClient:
    bc.token = "delegated"
    bc.environment = "Production"
    return bc


def filtered(expression: str) -> str:
    return "$filter=" + quote(expression)


class TestSignIn:
    async def test_without_or_with_a_bad_token_bc_names_the_credentials(self, bc: BcClient) -> None:
        assert (await bc.http.get(f"{bc.root}/companies")).status_code == 401
        for token in ("nonsense", "no-rights"):
            bc.token = token
            code, message = refusal(await bc.call("GET", f"{bc.root}/companies"), 401)
            assert code == "Authentication_InvalidCredentials"
            assert message == "The server has rejected the client credentials."

    async def test_another_tenant_or_environment_is_an_empty_401(self, bc: BcClient) -> None:
        host = bc.world.urls["bc"]
        for url in (
            f"{host}/v2.0/c41d7a90-6b35-4c0f-8e22-90b1d6f4a702/Production/api/v2.0/companies",
            f"{host}/v2.0/{bc.world.data.bc.tenant_id}/Nowhere/api/v2.0/companies",
        ):
            answer = await bc.call("GET", url)
            assert (answer.status_code, answer.content) == (401, b"")
        bc.token = "other-tenant"
        assert (await bc.call("GET", f"{bc.root}/companies")).content == b""

    async def test_an_app_must_be_registered_in_the_environment(self, bc: BcClient) -> None:
        bc.token = APP
        assert (await bc.call("GET", f"{bc.root}/companies")).status_code == 200
        bc.world.switches["bc.app_registered"] = ["Sandbox"]
        assert (
            refusal(await bc.call("GET", f"{bc.root}/companies"), 401)[0]
            == "Authentication_InvalidCredentials"
        )

    async def test_environments_are_listed_for_people_and_by_default_not_for_apps(self, bc: BcClient) -> None:
        url = f"{bc.world.urls['bc']}/environments/v1.1"
        found = (await bc.call("GET", url)).json()["value"]
        assert [(one["name"], one["type"], one["countryCode"]) for one in found] == [
            ("Production", "Production", "GB"),
            ("Sandbox", "Sandbox", "DE"),
            ("Production-US", "Production", "US"),
        ]
        bc.token = APP
        assert (await bc.call("GET", url)).status_code == 403
        bc.world.switches["bc.environments_for_apps"] = True
        assert (await bc.call("GET", url)).status_code == 200

    async def test_a_missing_permission_set_shows_as_an_internal_error(self, bc: BcClient) -> None:
        bc.world.switches["bc.permission_missing_for"] = "customers"
        code, message = refusal(await bc.call("GET", bc.at("customers")), 500)
        assert code == "Internal_ServerError"
        assert "the current permissions prevented the action" in message


class TestAddresses:
    async def test_the_tenant_may_be_left_out_or_be_its_domain(self, bc: BcClient) -> None:
        host, domain = bc.world.urls["bc"], bc.world.data.directory.home.domain
        for url in (f"{host}/v2.0/Production/api/v2.0", f"{host}/v2.0/{domain}/production/api/v2.0"):
            answer = await bc.call("GET", f"{url}/companies")
            assert len(answer.json()["value"]) == 2
            assert answer.headers["request-id"]
            assert answer.headers["ms-correlation-x"]

    async def test_a_company_may_be_an_option_and_must_be_one_where_there_are_several(
        self, bc: BcClient
    ) -> None:
        answer = await bc.call("GET", f"{bc.root}/customers?company={bc.company.id}&$top=1")
        assert len(answer.json()["value"]) == 1
        assert refusal(await bc.call("GET", f"{bc.root}/customers"), 404)[0] == "Internal_CompanyNotFound"
        wrong = refusal(await bc.call("GET", f"{bc.root}/customers?company=Nobody"))
        assert wrong == ("Unknown", "The supplied company name is not valid.")
        bc.environment = "Sandbox"  # has one company only
        assert (await bc.call("GET", f"{bc.root}/customers?$top=1")).status_code == 200

    async def test_unknown_segments_ids_and_forms(self, bc: BcClient) -> None:
        code, message = await bc.refused("GET", "nothings", status=404)
        assert (code, message) == ("BadRequest_NotFound", "Resource not found for the segment 'nothings'.")
        code, _ = await bc.refused("GET", "customers(f2a5738a-44e3-ea11-bb43-000d3a2feca1)", status=404)
        assert code == "Internal_RecordNotFound"
        assert (await bc.refused("GET", "customers('10000')", status=404))[0] == "BadRequest_NotFound"

    async def test_metadata_and_service_document(self, bc: BcClient) -> None:
        document = (await bc.call("GET", bc.root)).json()
        assert "salesInvoices" in [one["name"] for one in document["value"]]
        answer = await bc.call("GET", f"{bc.root}/$metadata")
        assert answer.headers["content-type"].startswith("application/xml")
        assert 'Namespace="Microsoft.NAV"' in answer.text
        assert '<Member Name="Non_x002D_Inventory" Value="2"/>' in answer.text


class TestValues:
    async def test_a_customer_has_bcs_forms(self, bc: BcClient) -> None:
        one = (await bc.values("customers?$top=1"))[0]
        assert one["@odata.etag"].startswith('W/"')
        assert one["blocked"] == "_x0020_"
        assert one["currencyCode"] == "GBP"
        assert one["currencyId"] == "00000000-0000-0000-0000-000000000000"
        assert one["taxAreaDisplayName"] == "Domestic customers"
        assert one["lastModifiedDateTime"].endswith("Z")
        assert None not in one.values()
        assert "genBusPostingGroup" not in one

    async def test_enums_are_encoded_or_plain_by_switch(self, bc: BcClient) -> None:
        number = bc.item("Non-Inventory").number
        path = f"items?$select=number,type&{filtered(f"number eq '{number}'")}"
        assert (await bc.values(path))[0]["type"] == "Non_x002D_Inventory"
        bc.world.switches["bc.enum_encoding"] = "plain"
        assert (await bc.values(path))[0]["type"] == "Non-Inventory"

    async def test_decimals_are_exact_numbers_or_strings_on_demand(self, bc: BcClient) -> None:
        item = bc.item()
        path = bc.at(f"items({item.id})?$select=unitPrice")
        assert f'"unitPrice":{item.unit_price.normalize():f}' in (await bc.call("GET", path)).text
        accept = {"Accept": "application/json;IEEE754Compatible=true"}
        assert isinstance((await bc.call("GET", path, headers=accept)).json()["unitPrice"], str)


class TestOptions:
    async def test_select_expand_orderby_top_skip_count(self, bc: BcClient) -> None:
        answer = await bc.get("items?$select=number&$orderby=unitPrice desc&$top=2&$skip=1&$count=true")
        prices = sorted((one.unit_price for one in bc.company.items), reverse=True)
        assert answer["@odata.count"] == 300
        assert set(answer["value"][0]) == {"@odata.etag", "number"}
        by_number = {one.number: one.unit_price for one in bc.company.items}
        assert [by_number[one["number"]] for one in answer["value"]] == prices[1:3]
        shown = (await bc.values("items?$top=1&$expand=itemCategory($select=code),unitOfMeasure"))[0]
        assert shown["itemCategory"]["code"] == shown["itemCategoryCode"]
        assert shown["unitOfMeasure"]["code"] == shown["baseUnitOfMeasureCode"]
        assert (await bc.call("GET", bc.at("customers/$count"))).text == "150"

    async def test_options_bc_does_not_have_are_refused(self, bc: BcClient) -> None:
        for option in ("$apply=groupby((city))", "$search=x"):
            assert (await bc.refused("GET", f"customers?{option}"))[0] == "BadRequest_InvalidRequestUrl"
        code, message = await bc.refused("GET", "customers?$select=nonsense")
        assert (code, message) == (
            "BadRequest",
            "Could not find a property named 'nonsense' on type 'Microsoft.NAV.customer'.",
        )

    async def test_server_paging(self, bc: BcClient) -> None:
        prefer = {"Prefer": "odata.maxpagesize=60"}
        url, seen, pages = bc.at("customers?$select=id"), [], 0
        while url:
            answer = (await bc.call("GET", url, headers=prefer)).json()
            seen += [one["id"] for one in answer["value"]]
            url, pages = answer.get("@odata.nextLink", ""), pages + 1
            assert not url or ("$skiptoken=" in url and url.startswith(bc.root))
        assert (pages, len(set(seen))) == (3, 150)

    async def test_paging_limits(self, bc: BcClient) -> None:
        over = await bc.call("GET", bc.at("customers"), headers={"Prefer": "odata.maxpagesize=20001"})
        assert over.status_code == 413
        top = await bc.call("GET", bc.at("customers?$top=9"), headers={"Prefer": "odata.maxpagesize=3"})
        assert "@odata.nextLink" not in top.json()
        assert (await bc.refused("GET", "customers?$skiptoken=gone"))[0] == "SkipTokenIsNoLongerValid"


class TestFilters:
    async def numbers(
        self, bc: BcClient, expression: str, set_name: str = "customers", more: str = ""
    ) -> list[str]:
        found = await bc.values(f"{set_name}?$select=number&{filtered(expression)}{more}")
        return [one["number"] for one in found]

    async def test_operators_functions_and_types(self, bc: BcClient) -> None:
        one = bc.company.customers[3]
        assert await self.numbers(bc, f"number eq '{one.number.lower()}'") == [one.number]
        assert await self.numbers(bc, f"id eq {one.id}") == [one.number]
        assert one.number in await self.numbers(bc, f"startswith(displayName,'{one.name[:6]}')")
        assert one.number in await self.numbers(bc, f"tolower(displayName) eq '{one.name.lower()}'")
        assert await self.numbers(bc, f"displayName eq '{one.name.lower()}'") == []
        assert len(await self.numbers(bc, "blocked eq 'All' or blocked eq '_x0020_'")) == 149
        assert (
            len(
                await self.numbers(
                    bc, "lastModifiedDateTime gt 2000-01-01T10:00:00.123Z and taxLiable eq false"
                )
            )
            == 150
        )
        assert len(await self.numbers(bc, "unitPrice gt 1000.00 and (type eq 'Inventory')", "items")) > 5

    async def test_a_quote_is_doubled(self, bc: BcClient) -> None:
        assert len(await self.numbers(bc, "startswith(displayName,'O''Brien')")) == 1

    async def test_or_works_on_one_field_only(self, bc: BcClient) -> None:
        assert len(await self.numbers(bc, "number eq 'C00010' or number eq 'C00020'")) == 2
        path = "customers?" + filtered("number eq 'C00010' or displayName eq 'x'")
        _, message = await bc.refused("GET", path)
        assert message == "The 'OR' operator is not supported on distinct fields on an OData filter."

    async def test_in_and_lambda_silently_return_everything(self, bc: BcClient) -> None:
        assert len(await self.numbers(bc, "number in ('C00010','C00020')")) == 150
        assert len(await self.numbers(bc, "number in ('C00010','C00020')", more="&$schemaversion=2.1")) == 2
        assert len(await self.numbers(bc, "number eq 'C00010' and dimensions/any(d:d/code eq 'X')")) == 150

    async def test_operators_of_al_filters_act_inside_of_values(self, bc: BcClient) -> None:
        assert len(await self.numbers(bc, "number eq 'C0001*'")) == 1
        assert len(await self.numbers(bc, "number eq 'C0010?'")) == 1
        assert len(await self.numbers(bc, "number eq 'C00010|C00020'")) == 2
        assert len(await self.numbers(bc, "number eq 'C00010..C00050'")) == 5
        assert await self.numbers(bc, "displayName eq 'O''Brien & Co* (Holdings) | North'") == []
        bc.world.switches["bc.wildcard_filters"] = False
        assert len(await self.numbers(bc, "displayName eq 'O''Brien & Co* (Holdings) | North'")) == 1

    @pytest.mark.parametrize(
        ("expression", "code"),
        [
            ("number eq '1234567890123456789012'", "Application_FilterErrorException"),
            ("currencyCode eq 'GBP'", "BadRequest"),
            ("id eq 'f2a5738a-44e3-ea11-bb43-000d3a2feca1'", "BadRequest"),
            ("blocked eq 'Sometimes'", "Unknown"),
            ("contains(tolower(displayName),'a')", "BadRequest"),
            ("nonsense eq 1", "BadRequest"),
        ],
    )
    async def test_what_bc_refuses(self, bc: BcClient, expression: str, code: str) -> None:
        found, message = await bc.refused("GET", "customers?" + filtered(expression))
        assert found == code
        if code == "Application_FilterErrorException":
            assert (
                "The length of the string is 22, but it must be less than or equal to 20 characters."
                in message
            )

    async def test_page_variables_can_be_filtered_only_by_switch(self, bc: BcClient) -> None:
        assert (await bc.refused("GET", "items?$orderby=inventory"))[0] == "BadRequest"
        bc.world.switches["bc.page_variable_filters"] = True
        assert len(await self.numbers(bc, "inventory ge 0", "items")) == 300


async def test_read_only_intent_is_refused_for_writes(bc: BcClient) -> None:
    headers = {"Data-Access-Intent": "ReadOnly"}
    assert (await bc.call("GET", bc.at("items?$top=1"), headers=headers)).status_code == 200
    assert (await bc.call("POST", bc.at("items"), {}, headers)).status_code == 400


async def test_read_only_sets_refuse_writes(bc: BcClient) -> None:
    code, message = refusal(await bc.call("POST", bc.at("accounts"), {"number": "1"}), 405)
    assert code == "BadRequest_MethodNotAllowed"
    assert message.startswith("'POST' requests for 'accounts' of EdmType 'Entity' are not allowed")
    assert (await bc.call("PUT", bc.at("customers"), {})).status_code == 405


async def test_requests_are_counted_by_kind(bc: BcClient) -> None:
    await bc.get("customers?$top=1")
    await bc.get(f"dimensions({bc.company.dimensions[0].id})/dimensionValues")
    counters = bc.world.counters.as_json()["bc"]
    assert counters["by_kind"] == {"GET customers": 1, "GET dimensionValues": 1}
    answer: httpx.Response = await bc.http.get(f"{bc.world.urls['control']}/counters")
    assert answer.json()["bc"]["requests"] == 2
