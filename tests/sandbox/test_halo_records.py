"""Halo's customers, sites, products and small tables: lists, paging, saves and refusals."""

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


async def test_pages_cover_all_clients_once(halo: Halo) -> None:
    seen: list[int] = []
    for number in range(1, 6):
        page = await halo.get("/Client", pageinate="true", page_no=number)
        assert (page["record_count"], page["page_no"], page["page_size"]) == (160, number, 50)
        assert isinstance(page["columns"], list)
        seen += [row["id"] for row in page["clients"]]
    assert len(seen) == len(set(seen)) == 160


async def test_without_pageinate_the_count_limits_and_page_size_means_nothing(halo: Halo) -> None:
    assert len((await halo.get("/Client", page_size=5))["clients"]) == 50
    assert len((await halo.get("/Client", count=7))["clients"]) == 7
    assert len((await halo.get("/Client", count=1000))["clients"]) == 160


async def test_list_rows_are_thin_and_details_whole(halo: Halo) -> None:
    row = (await halo.get("/Client", count=1))["clients"][0]
    assert {"tax_number", "accountsemailaddress", "default_currency_code"}.isdisjoint(row)
    plain = await halo.get(f"/Client/{row['id']}")
    whole = await halo.get(f"/Client/{row['id']}", includedetails="true")
    assert "tax_number" in plain
    assert "main_invoice_address" not in plain
    assert whole["main_invoice_address"]["line1"]


async def test_filters_that_do_not_apply_are_silently_ignored(halo: Halo) -> None:
    listed = await halo.get(
        "/Client", pageinate="true", accountsid="nothing", nonsense="1", lastupdatefromdate="true"
    )
    assert listed["record_count"] == 160


async def test_clients_and_sites_are_found_by_their_change(halo: Halo) -> None:
    saved = await halo.post("/Client", [{"id": 101, "website": "https://a.example.com"}])
    since = {"lastupdatefromdate": saved["alastupdate"], "pageinate": "true"}
    assert [row["id"] for row in (await halo.get("/Client", **since))["clients"]] == [101]
    site = await halo.post("/Site", [{"id": 1101, "phonenumber": "1"}])
    found = await halo.get("/Site", lastupdatefromdate=site["slastupdate"])
    assert [row["id"] for row in found["sites"]] == [1101]
    assert (await halo.get("/Client", **since))["record_count"] == 1


async def test_items_are_ordered_by_their_last_change(halo: Halo) -> None:
    await halo.post("/Item", [{"id": 33, "note": "x"}])
    listed = await halo.get("/Item", order="lastmodified", orderdesc="true", count=2)
    assert listed["items"][0]["id"] == 33


async def test_times_have_no_zone(halo: Halo) -> None:
    client = await halo.get("/Client/101")
    assert "T" in client["alastupdate"]
    assert not client["alastupdate"].endswith("Z")
    await halo.switch(time_zone="Europe/London", time_suffix="Z")
    assert (await halo.get("/Client/101"))["alastupdate"].endswith("Z")


async def test_a_site_s_client_id_is_a_double(halo: Halo) -> None:
    answer = await halo.api.get("/Site/1101")
    assert '"client_id":101.0' in answer.text
    assert (await halo.post("/Site", [{"id": 1101, "client_id": 101.0}]))["client_id"] == 101
    await halo.switch(ids_as_double=False)
    assert '"client_id":101,' in (await halo.api.get("/Site/1101")).text


async def test_an_update_changes_only_what_is_sent(halo: Halo) -> None:
    before = await halo.raw("Client/102")
    saved = await halo.post("/Client", [{"id": 102, "accountsid": "C9"}])
    after = await halo.raw("Client/102")
    assert saved["accountsid"] == "C9"
    assert {name for name in after if after[name] != before[name]} == {"accountsid", "alastupdate"}


async def test_a_new_client_comes_with_its_main_site(halo: Halo) -> None:
    address = {"line1": "1 High Street", "line3": "Leeds", "postcode": "LS1 1AA"}
    saved = await halo.post(
        "/Client",
        [
            {
                "name": "New Ltd",
                "dbc_company_id": halo.world.data.halo.details[0].company_id,
                "newclient_delivery_address": address,
                "newclient_countrycode": "GB",
                "main_invoice_address": {"line1": "ignored"},
            }
        ],
    )
    assert saved["dbc_company_name"]
    assert "newclient_countrycode" not in saved
    site = await halo.get(f"/Site/{saved['main_site_id']}", includedetails="true")
    assert (site["client_name"], site["country_code"], site["delivery_address"]) == ("New Ltd", "GB", address)


async def test_an_object_instead_of_an_array_is_refused(halo: Halo) -> None:
    answer = await halo.api.post("/Client", json={"name": "x"})
    assert (answer.status_code, list(answer.json())) == (400, ["Message"])


@pytest.mark.parametrize("field", ["paymentterms", "inactive"])
async def test_a_null_is_refused_for_numbers_and_booleans(halo: Halo, field: str) -> None:
    refusal = await halo.post("/Client", [{"id": 101, field: None}], 400)
    assert refusal["ClassName"] == "Newtonsoft.Json.JsonSerializationException"
    assert field in refusal["Message"]


@pytest.mark.parametrize(
    "element",
    [
        {"id": 101, "paymentterms": "30"},
        {"id": 101, "paymentterms": Decimal("1.5")},
        {"id": 101, "inactive": "no"},
    ],
)
async def test_a_value_of_another_type_is_refused(halo: Halo, element: dict[str, Any]) -> None:
    sent = {name: float(value) if isinstance(value, Decimal) else value for name, value in element.items()}
    await halo.post("/Client", [sent], 400)


async def test_one_refused_element_refuses_the_whole_array(halo: Halo) -> None:
    sent = [
        {"id": 101, "accountsid": "A"},
        {"id": 999_999, "accountsid": "B"},
        {"id": 103, "accountsid": "C"},
    ]
    before = await halo.raw("Client/101")
    await halo.post("/Client", sent, 404)
    assert await halo.raw("Client/101") == before
    await halo.switch(array_partial=True)
    assert [row["id"] for row in await halo.post("/Client", sent)] == [101, 103]


@pytest.mark.parametrize(("way", "status"), [(404, 404), (400, 400), ("create", 201)])
async def test_an_unknown_id_is_refused_or_becomes_a_new_record(halo: Halo, way: Any, status: int) -> None:
    await halo.switch(unknown_id=way)
    saved = await halo.post("/Client", [{"id": 999_999, "name": "Ghost"}], status)
    if status == 201:
        assert saved["id"] not in (0, 999_999)


async def test_one_element_is_answered_with_an_object_and_more_with_an_array(halo: Halo) -> None:
    assert isinstance(await halo.post("/Item", [{"id": 1}]), dict)
    assert [row["id"] for row in await halo.post("/Item", [{"id": 1}, {"id": 2}])] == [1, 2]
    await halo.switch(one_as_object=False, post_status=200)
    assert isinstance(await halo.post("/Item", [{"id": 1}], 200), list)


async def test_money_keeps_its_digits(halo: Halo) -> None:
    answer = await halo.api.post(
        "/Item",
        content=b'[{"id": 5, "baseprice": 10.10, "costprice": 0.1}]',
        headers={"content-type": "application/json"},
    )
    assert '"baseprice":10.10' in answer.text
    assert '"costprice":0.1,' in answer.text


async def test_a_new_accounts_id_is_returned_and_not_saved(halo: Halo) -> None:
    client = next(row for row in await halo.raw("Client") if not row["accountsid"])
    first = await halo.post("/Client/NewAccountsId", [{"id": client["id"]}])
    second = await halo.post("/Client/NewAccountsId", [{"id": client["id"]}])
    assert first["accountsid"] != second["accountsid"]
    assert (await halo.raw(f"Client/{client['id']}"))["accountsid"] == ""
    await halo.switch(new_accounts_id_saves=True)
    third = await halo.post("/Client/NewAccountsId", [{"id": client["id"]}])
    assert (await halo.raw(f"Client/{client['id']}"))["accountsid"] == third["accountsid"]


async def test_lookups_live_in_lists_named_by_list_11(halo: Halo) -> None:
    names = {row["id"]: row["name"] for row in await halo.get("/Lookup", lookupid=11)}
    accounts = next(number for number, name in names.items() if name == "Accounts Codes")
    assert await halo.get("/Lookup", lookupid=accounts) == []
    saved = await halo.post(
        "/Lookup",
        [{"lookupid": accounts, "name": "Sales", "value2": "10100"}, {"lookupid": accounts, "name": "Hire"}],
    )
    assert [row["id"] for row in saved] == [1, 2]
    await halo.post("/Lookup", [{"lookupid": accounts, "id": 1, "name": "Sales UK"}])
    assert [row["name"] for row in await halo.get("/Lookup", lookupid=accounts)] == ["Sales UK", "Hire"]
    assert (await halo.get("/Lookup/1", lookupid=accounts))["value2"] == "10100"


async def test_small_tables_are_bare_arrays_and_control_is_an_object(halo: Halo) -> None:
    for resource in ("AssetGroup", "Currency", "Tax", "BusinessCentralDetails", "Webhook"):
        assert isinstance(await halo.get(f"/{resource}"), list)
    control = await halo.get("/Control")
    assert control["only_send_posted_invoices"] is False
    await halo.post("/Control", [{"only_send_posted_invoices": True}])
    assert (await halo.get("/Control"))["only_send_posted_invoices"] is True


async def test_integration_errors_have_limits_and_filters(halo: Halo) -> None:
    row = {"module_id": 5, "detail_id": 1, "entity_type": "Invoice", "entity_id": 1041, "error": "no"}
    saved = await halo.post("/IntegrationError", [row])
    listed = await halo.get("/IntegrationError", detail_id=1)
    assert (listed["record_count"], listed["integrationerrors"][0]["id"]) == (1, saved["id"])
    assert (await halo.get("/IntegrationError", detail_id=2))["record_count"] == 0
    refusal = await halo.post("/IntegrationError", [{**row, "error": "x" * 2001}], 400)
    assert refusal["ClassName"].endswith("SqlException")
    assert (await halo.api.delete(f"/IntegrationError/{saved['id']}")).content == b""


async def test_external_links_are_rows_or_come_with_a_save(halo: Halo) -> None:
    link = {
        "third_party_id": "guid-1",
        "halo_id": 101,
        "details_id": 1,
        "third_party_url": "https://x.example.com",
    }
    await halo.post("/ExternalLink", [link])
    found = await halo.get("/ExternalLink", third_party_id="GUID-1")
    assert found["externallinks"][0]["halo_id"] == 101
    await halo.post("/Client", [{"id": 102, "new_external_link": {"third_party_id": "guid-2"}}])
    client = await halo.get("/Client/102", includedetails="true")
    assert [row["third_party_id"] for row in client["external_links"]] == ["guid-2"]


async def test_what_is_gone_is_404_without_json(halo: Halo) -> None:
    assert (await halo.api.delete("/Client/103")).status_code == 200
    answer = await halo.api.get("/Client/103")
    assert (answer.status_code, answer.content) == (404, b"")
    assert (await halo.api.get("/Nothing")).status_code == 404


async def test_an_address_list_belongs_to_a_site(halo: Halo) -> None:
    listed = await halo.get("/Address", site_id=1101)
    assert {row["type"] for row in listed["addresses"]} == {1, 2}


async def test_refusals_come_in_the_shape_that_is_wished(halo: Halo) -> None:
    await halo.switch(error_shape="result")
    assert (await halo.post("/Client", {}, 400))["resultCode"] == 400
    await halo.switch(error_shape="plain")
    answer = await halo.api.post("/Client", json={})
    assert "JSON array" in answer.text
    assert answer.headers["content-type"].startswith("text/plain")
