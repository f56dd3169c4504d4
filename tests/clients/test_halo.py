"""Halo's client on the wire: sign-in, reading, saving arrays, and what a tenant may keep from us."""

from __future__ import annotations

import json
import traceback
from typing import Any

import httpx
import pytest

from bc.clients.halo import ArrayRefused
from bc.errors import Gone, Refused, SyncError, Throttled, Transient, UnknownOutcome
from tests.clients.remote import HALO_URL, PLANTED, a_halo, answer

GUID = "f2a5738a-44e3-ea11-bb43-000d3a2feca1"


def echo(request: httpx.Request) -> httpx.Response:
    """201 with the rows that were sent, one object for one; 400 for a row with `bad`, as default tenants do."""
    rows = json.loads(request.content)
    if any(row.get("bad") for row in rows):
        return answer(400, {"Message": "bad row"})
    saved = [{"id": row.get("id", 900 + n), **row} for n, row in enumerate(rows)]
    return answer(201, saved[0] if len(saved) == 1 else saved)


async def test_each_call_is_taken_from_the_budget_first() -> None:
    taken: list[int] = []

    async def budget(calls: int) -> None:
        taken.append(calls)

    halo, remote = a_halo(answer(200, {"id": 12}), budget=budget)
    await halo.client("12")
    await halo.client("12")
    # authinfo, token and two reads.
    assert taken == [1, 1, 1, 1]

    async def spent(calls: int) -> None:
        raise Throttled("throttled", "spent")

    halo, remote = a_halo(answer(200, {"id": 12}), budget=spent)
    with pytest.raises(Throttled):
        await halo.client("12")
    assert remote.sign_ins == remote.requests == []


async def test_a_404_is_none_and_nothing_else_is() -> None:
    halo, remote = a_halo(answer(404))
    assert await halo.invoice("12") is None
    assert remote.last.url.params["includedetails"] == "true"
    for step in (
        answer(200, []),
        answer(204),
        httpx.Response(200, content=b"null"),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, content=b'{"id": 1'),
        answer(200, {"id": 13}),
        answer(403),
        answer(500),
        answer(302, location="https://evil.test"),
    ):
        halo, _ = a_halo(step)
        with pytest.raises(Transient) as caught:
            await halo.invoice("12")
        assert type(caught.value) is Transient


@pytest.mark.parametrize(
    "record_id", ["", "x", "../1", "1/2", "1?x=1", "1#", "12.5", "1\n2", "9" * 30, "1' or 1=1"]
)
async def test_an_id_that_is_none_is_never_asked_for(record_id: str) -> None:
    halo, remote = a_halo(answer(200, {"id": 1}))
    for call in (halo.get_one("Client", record_id), halo.delete("Client", record_id)):
        with pytest.raises(Refused) as caught:
            await call
        assert caught.value.code == "not_found_in_halo"
    assert remote.requests == []


async def test_ids_typed_double_and_guids_are_asked_for_as_they_are() -> None:
    halo, remote = a_halo(answer(200, {"id": 12.0}), answer(200, {"id": GUID}))
    await halo.get_one("Client", "12.0")
    assert remote.last.url.path == "/api/Client/12"
    await halo.get_one("Webhook", GUID)
    assert remote.last.url.path == f"/api/Webhook/{GUID}"


async def test_a_page_tells_how_many_there_are() -> None:
    halo, remote = a_halo(answer(200, {"record_count": 120, "invoices": [{"id": 1}]}))
    page = await halo.page(
        "Invoice", page_no=2, page_size=50, params={"includelines": True, "search": "a&b=c d"}
    )
    assert page == ([{"id": 1}], 120)
    assert dict(remote.last.url.params) == {
        "includelines": "true",
        "search": "a&b=c d",
        "pageinate": "true",
        "page_size": "50",
        "page_no": "2",
    }
    halo, _ = a_halo(answer(200, {"error": "odd"}))
    with pytest.raises(Transient):
        await halo.page("Invoice")


async def test_what_a_tenant_keeps_from_us_is_refused_for_good_and_the_rest_is_a_fault() -> None:
    for status in (401, 403, 404):
        halo, _ = a_halo(answer(status))
        for call in (halo.control(), halo.native_details(), halo.lookups(17), halo.currencies()):
            with pytest.raises(Refused):
                await call
    halo, _ = a_halo(answer(503))
    with pytest.raises(Transient):
        await halo.control()
    halo, remote = a_halo(answer(200))
    remote.token_steps = [answer(401)]
    with pytest.raises(Transient):
        await halo.control()


async def test_settings_come_as_an_object_or_a_list() -> None:
    settings = {"defaultcurrencycode": 1, "some": [{"id": 1}]}
    for body in (settings, [settings]):
        halo, _ = a_halo(answer(200, body))
        assert await halo.control() == settings


async def test_values_of_other_lists_are_left_out() -> None:
    rows = [{"id": 1, "lookupid": 17.0}, {"id": 2, "lookupid": 11}, {"id": 3}]
    halo, remote = a_halo(answer(200, rows))
    assert [row["id"] for row in await halo.lookups(17)] == [1, 3]
    assert remote.last.url.params["lookupid"] == "17"


async def test_saving_sends_an_array_without_nulls() -> None:
    halo, remote = a_halo(echo)
    assert await halo.save("Client", [{"id": 5, "name": "x", "notes": None}]) == [{"id": 5, "name": "x"}]
    assert remote.sent() == [{"id": 5, "name": "x"}]
    assert await halo.save("Client", []) == []
    assert len(remote.requests) == 1


async def test_a_save_without_a_body_in_the_answer_is_saved() -> None:
    halo, _ = a_halo(answer(201))
    assert await halo.save("Client", [{"id": 5}]) == []


async def test_a_refused_array_is_sent_again_one_by_one_and_the_right_row_is_blamed() -> None:
    halo, remote = a_halo(echo)
    with pytest.raises(ArrayRefused) as caught:
        await halo.update_lines([{"id": 1}, {"id": 2, "bad": True}, {"id": 3}])
    assert set(caught.value.errors) == {1}
    assert caught.value.errors[1].message == "bad row"
    assert caught.value.saved == {0: {"id": 1}, 2: {"id": 3}}
    assert [len(remote.sent(n)) for n in range(4)] == [3, 1, 1, 1]
    assert {request.url.path for request in remote.requests} == {"/api/Invoice/updatelines"}


async def test_an_array_that_a_tenant_does_not_take_goes_through_as_singles() -> None:
    def singles_only(request: httpx.Request) -> httpx.Response:
        return echo(request) if len(json.loads(request.content)) == 1 else answer(400, "one at a time")

    halo, _ = a_halo(singles_only)
    assert await halo.save("Item", [{"id": 1}, {"id": 2}]) == [{"id": 1}, {"id": 2}]


async def test_a_fault_among_the_singles_leaves_the_rest_for_later() -> None:
    halo, remote = a_halo(
        answer(400), answer(201, {"id": 1}), answer(429, retry_after="9"), answer(201, {"id": 3})
    )
    with pytest.raises(ArrayRefused) as caught:
        await halo.save("Item", [{"id": 1}, {"id": 2}, {"id": 3}])
    assert {n: type(error) for n, error in caught.value.errors.items()} == {1: Throttled, 2: Throttled}
    assert caught.value.saved == {0: {"id": 1}}
    assert len(remote.requests) == 3


async def test_a_single_refused_row_raises_its_own_error() -> None:
    halo, remote = a_halo(echo)
    with pytest.raises(Refused) as caught:
        await halo.save("Client", [{"id": 1, "bad": True}])
    assert not isinstance(caught.value, ArrayRefused)
    assert len(remote.requests) == 1


@pytest.mark.parametrize(
    "step",
    [
        answer(500),
        answer(504),
        httpx.ReadTimeout("t"),
        httpx.Response(201, content=b"<html>"),
        answer(201, {"odd": 1}),
    ],
)
async def test_a_save_without_a_usable_answer_is_unknown_and_not_repeated(step: Any) -> None:
    halo, remote = a_halo(step)
    with pytest.raises(UnknownOutcome):
        await halo.save("Client", [{"name": "a"}, {"name": "b"}])
    assert len(remote.requests) == 1


async def test_a_new_record_instead_of_the_changed_one_is_noticed() -> None:
    halo, _ = a_halo(answer(201, {"id": 77}))
    with pytest.raises(Gone) as caught:
        await halo.save("Client", [{"id": 5}])
    assert "77" in caught.value.message
    halo, _ = a_halo(answer(404))
    with pytest.raises(Gone):
        await halo.save("Client", [{"id": 5}])


async def test_deleting_what_is_gone_is_no_error() -> None:
    halo, remote = a_halo(answer(200), answer(404), answer(403))
    await halo.delete("Invoice", "5", params={"bypass_accounts_sync": True})
    assert str(remote.last.url) == f"{HALO_URL}/api/Invoice/5?bypass_accounts_sync=true"
    await halo.delete("Invoice", "5")
    with pytest.raises(Transient):
        await halo.delete("Invoice", "5")


@pytest.mark.parametrize(
    "body",
    [
        "C00012",
        {"accountsid": "C00012"},
        [{"id": 5, "accountsid": "C00012"}],
        {"id": 5, "accountsid": "C00012"},
    ],
)
async def test_a_generated_accounts_id_is_taken_from_any_answer(body: Any) -> None:
    halo, remote = a_halo(answer(201, body))
    (row,) = await halo.new_accounts_id("Client", [{"id": 5}])
    assert row["accountsid"] == "C00012"
    assert remote.last.url.path == "/api/Client/NewAccountsId"


async def test_an_external_link_is_left_once() -> None:
    listed: Any = {"record_count": 1, "links": [{"id": 9, "third_party_id": GUID.upper(), "halo_id": 5.0}]}
    stranger = {"record_count": 1, "links": [{"id": 8, "third_party_id": "other", "halo_id": 5}]}
    halo, remote = a_halo(answer(200, stranger), echo)
    await halo.external_link("customer", "5", bc_id=GUID, bc_number="C1")
    assert remote.sent() == [
        {
            "halo_id": 5,
            "third_party_id": GUID,
            "third_party_secondary_id": "C1",
            "third_party_type": "customer",
        }
    ]
    halo, remote = a_halo(answer(200, listed), echo)
    await halo.external_link("customer", "5", bc_id=GUID, bc_number="C2")
    assert remote.sent() == [{"id": 9, "third_party_secondary_id": "C2"}]
    changed = {"links": [{**listed["links"][0], "third_party_secondary_id": "C2"}]}
    halo, remote = a_halo(answer(200, changed))
    await halo.external_link("customer", "5", bc_id=GUID, bc_number="C2")
    assert len(remote.requests) == 1


async def test_an_integration_error_fits_halos_columns() -> None:
    halo, remote = a_halo(echo)
    await halo.integration_error("invoice", "5", name="n" * 300, error="e" * 5000)
    (row,) = remote.sent()
    assert (row["entity_id"], len(row["entity_name"]), len(row["error"])) == (5, 100, 2000)
    assert "detail_id" not in row


async def test_a_resource_is_a_name() -> None:
    halo, remote = a_halo(answer(200, []))
    for resource in ("../x", "Client?x=1", "Client/..", "https://evil.test"):
        with pytest.raises(ValueError):
            await halo.rows(resource)
    assert remote.requests == []


async def test_no_token_shows_in_an_error() -> None:
    for step in (
        httpx.ReadTimeout("t"),
        httpx.LocalProtocolError(f"b'Bearer {PLANTED}'"),
        answer(401),
        answer(400),
    ):
        halo, _ = a_halo(step)
        with pytest.raises(SyncError) as caught:
            await halo.save("Client", [{"id": 1}])
        assert PLANTED not in "".join(traceback.format_exception(caught.value))
