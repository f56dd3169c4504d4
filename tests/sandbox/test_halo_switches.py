"""Halo's open questions turned the other way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal

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


async def test_every_switch_has_a_meaning(halo: Halo) -> None:
    switches = (await halo.control.get("/switches")).json()
    assert all(one["meaning"] for name, one in switches.items() if name.startswith("halo."))


async def test_there_may_be_no_authinfo(halo: Halo) -> None:
    await halo.switch(authinfo=False)
    assert (await halo.api.get("/authinfo")).status_code == 404


async def test_a_shared_host_wants_a_tenant(halo: Halo) -> None:
    await halo.switch(tenant_required=True)
    assert (await halo.token()).status_code == 500
    assert (await halo.token(tenant="Tamarisk")).status_code == 200


async def test_a_tenant_may_live_in_another_zone(halo: Halo) -> None:
    await halo.switch(time_zone="America/New_York")
    saved = await halo.post("/Invoice", [{"id": 1050, "last_synced": "2026-01-15T12:00:00Z"}])
    assert saved["last_synced"] == "2026-01-15T07:00:00"
    saved = await halo.post(
        "/Invoice", [{"id": 1050, "last_synced": "2026-01-15T12:00:00", "duedate": "2026-01-31"}]
    )
    assert (saved["last_synced"], saved["duedate"]) == ("2026-01-15T12:00:00", "2026-01-31T00:00:00")
    await halo.switch(time_zone="UTC")
    assert (await halo.get("/Invoice/1050"))["last_synced"] == "2026-01-15T17:00:00"


async def test_rows_may_be_whole_and_bare(halo: Halo) -> None:
    await halo.switch(thin_rows=False, envelopes=False)
    rows = await halo.get("/Invoice", count=2)
    assert len(rows) == 2
    assert "currency_code" in rows[0]
    assert "lines" not in rows[0]


async def test_lines_may_come_without_being_asked_for(halo: Halo) -> None:
    await halo.switch(lines_need_details=False)
    assert (await halo.get("/Invoice/1041"))["lines"]


async def test_a_filter_may_not_exist_at_this_tenant(halo: Halo) -> None:
    await halo.switch(ignored_filters=["lastupdatefromdate"])
    listed = await halo.get("/Client", pageinate="true", lastupdatefromdate="2099-01-01")
    assert listed["record_count"] == 160


async def test_lines_may_be_merged(halo: Halo) -> None:
    await halo.switch(lines_replace=False)
    before = await halo.raw("Invoice/1060")
    saved = await halo.post(
        "/Invoice", [{"id": 1060, "lines": [{"id": before["lines"][0]["id"], "comment_1": "x"}]}]
    )
    assert len(saved["lines"]) == len(before["lines"])


async def test_halo_may_work_the_tax_out_itself(halo: Halo) -> None:
    await halo.switch(recompute_tax=True)
    line = next(line for line in (await halo.raw("Invoice/1060"))["lines"] if line["net_amount"])
    saved = await halo.post("/Invoice/updatelines", [{"id": line["id"], "tax_rate": 10, "tax_amount": 999}])
    assert abs(saved["tax_amount"] - line["net_amount"] / 10) <= Decimal("0.005")


async def test_updatelines_may_be_quiet(halo: Halo) -> None:
    await halo.switch(updatelines_stamps=False, updatelines_totals=False)
    before = await halo.raw("Invoice/1060")
    line = next(line for line in before["lines"] if line["net_amount"])
    await halo.post("/Invoice/updatelines", [{"id": line["id"], "tax_amount": 5}])
    after = await halo.raw("Invoice/1060")
    assert (after["tax_total"], after["last_modified"]) == (before["tax_total"], before["last_modified"])


async def test_numbers_may_be_sent_as_strings(halo: Halo) -> None:
    await halo.post("/Item", [{"id": 1, "baseprice": "12.50"}], 400)
    await halo.switch(numbers_as_strings=True)
    assert (await halo.post("/Item", [{"id": 1, "baseprice": "12.50", "taxcode": "2"}]))["taxcode"] == 2
    await halo.post("/Item", [{"id": 1, "baseprice": "a lot"}], 400)


async def test_an_address_may_be_written_through_the_client(halo: Halo) -> None:
    sent = [{"id": 101, "main_invoice_address": {"line1": "New Street 1"}}]
    await halo.post("/Client", sent)
    assert (await halo.raw("Site/1101"))["invoice_address"]["line1"] != "New Street 1"
    await halo.switch(client_address_writable=True)
    await halo.post("/Client", sent)
    assert (await halo.raw("Site/1101"))["invoice_address"]["line1"] == "New Street 1"


async def test_a_partly_refused_array_may_still_be_an_error(halo: Halo) -> None:
    await halo.switch(array_partial="error")
    await halo.post("/Item", [{"id": 1, "note": "kept"}, {"id": 99_999}], 404)
    assert (await halo.raw("Item/1"))["note"] == "kept"


async def test_a_body_that_is_no_json_or_not_said_to_be_is_refused(halo: Halo) -> None:
    assert (await halo.api.post("/Item", content=b"[]")).status_code == 415
    broken = await halo.api.post("/Item", content=b"[{", headers={"content-type": "application/json"})
    assert broken.status_code == 400


async def test_the_built_in_integration_left_no_rows_unless_told(halo: Halo) -> None:
    assert (await halo.get("/ExternalLink"))["externallinks"] == []
    await halo.switch(native_module_id=117)
    links = (await halo.get("/ExternalLink", module_id=117, count=500))["externallinks"]
    clients = {one["id"]: one for one in await halo.raw("Client")}
    customers = {one.number: one.id for one in halo.world.data.bc.main_company.customers}
    of_clients = [one for one in links if one["third_party_id"] in customers.values()]
    assert of_clients
    for link in of_clients:
        client = clients[link["halo_id"]]
        assert client["dbc_company_id"]
        assert customers[client["accountsid"]] == link["third_party_id"]
    shown = await halo.get(f"/Client/{of_clients[0]['halo_id']}", includedetails="true")
    assert [one["module_id"] for one in shown["external_links"]] == [117]
    errors = (await halo.get("/IntegrationError", module_id=117))["integrationerrors"]
    assert [(one["detail_id"], one["entity_id"]) for one in errors] == [(1, 1041)]


async def test_rows_of_ours_stand_beside_the_native_ones(halo: Halo) -> None:
    await halo.switch(native_module_id=117)
    ours = await halo.post("/ExternalLink", [{"halo_id": 101, "third_party_id": "x"}])
    listed = (await halo.get("/ExternalLink", count=500))["externallinks"]
    assert len({one["id"] for one in listed}) == len(listed)
    assert ours["id"] == max(one["id"] for one in listed)
    assert (await halo.control.post("/reset")).status_code == 200
    await halo.sign_in()
    assert (await halo.get("/ExternalLink"))["externallinks"] == []
