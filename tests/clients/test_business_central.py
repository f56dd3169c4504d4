"""Business Central's client on the wire: addresses, headers, tokens, permits, pages and batches."""

from __future__ import annotations

import asyncio
import traceback
from decimal import Decimal
from typing import Any

import httpx
import pytest

from bc.clients.business_central import BusinessCentral, Part, count_requests, requests_made
from bc.clients.transport import Transport
from bc.errors import (
    AlreadyExists,
    Conflict,
    Gone,
    NeedsAuthorization,
    NotConfigured,
    Refused,
    SyncError,
    Throttled,
    Transient,
    UnknownOutcome,
)
from tests.clients.remote import (
    BC_URL,
    COMPANY,
    ETAG,
    PLANTED,
    RECORD,
    TENANT,
    Permits,
    Remote,
    Tokens,
    a_bc,
    a_connection,
    answer,
    bc_refusal,
)

ROOT = f"{BC_URL}/v2.0/{TENANT}/Production/api/v2.0"
HOME = f"{ROOT}/companies({COMPANY})"
CONNECTION = a_connection()


async def test_a_read_goes_to_the_company_with_the_headers_that_bc_needs() -> None:
    bc, remote = a_bc(answer(200, {"id": RECORD, "unitPrice": 0.10}))
    row = await bc.get(CONNECTION, f"items({RECORD})", params={"$select": "id,unitPrice"})
    assert row == {"id": RECORD, "unitPrice": Decimal("0.10")}
    assert str(remote.last.url) == f"{HOME}/items({RECORD})?$select=id,unitPrice"
    headers = remote.last.headers
    assert headers["accept"] == "application/json"
    assert headers["accept-language"] == "en-US"
    assert headers["authorization"] == f"Bearer {PLANTED}-1"


async def test_no_read_asks_for_the_lagging_replica() -> None:
    # F10: a look-up after a write of unknown outcome must see that write.
    bc, remote = a_bc(answer(200, {"value": []}))
    await bc.get(CONNECTION, "items")
    await bc.page(CONNECTION, "items")
    assert all("data-access-intent" not in request.headers for request in remote.requests)


async def test_a_name_in_a_filter_reaches_bc_as_one_value() -> None:
    bc, remote = a_bc(answer(200, {"value": []}))
    await bc.page(CONNECTION, "customers", params={"$filter": "displayName eq 'Ben & Co* #1+2 ''x'' 100%'"})
    assert dict(remote.last.url.params) == {"$filter": "displayName eq 'Ben & Co* #1+2 ''x'' 100%'"}


@pytest.mark.parametrize("company", ["", "1", "../x", f"{COMPANY})/x(", "CRONUS"])
async def test_a_company_that_is_not_a_guid_is_never_asked_for(company: str) -> None:
    bc, remote = a_bc(answer(200, {}))
    with pytest.raises((Refused, NotConfigured)):
        await bc.get(a_connection(company_id=company), "items")
    assert remote.requests == []


async def test_an_environment_name_is_one_segment() -> None:
    bc, remote = a_bc(answer(200, {}))
    with pytest.raises(Refused):
        await bc.get(a_connection(environment_name="../admin"), "items")
    with pytest.raises(NotConfigured):
        await bc.get(a_connection(environment_name=None), "items")
    assert remote.requests == []


async def test_a_post_answers_the_record_and_money_keeps_its_digits() -> None:
    bc, remote = a_bc(answer(201, {"id": RECORD}))
    assert await bc.post(CONNECTION, "items", {"unitPrice": Decimal("10.50")}) == {"id": RECORD}
    assert remote.last.content == b'{"unitPrice":10.50}'
    assert remote.last.headers["content-type"] == "application/json"


async def test_a_change_or_delete_carries_the_version_it_was_made_for() -> None:
    # F50
    bc, remote = a_bc(answer(200, {}), answer(204))
    await bc.patch(CONNECTION, f"items({RECORD})", {"displayName": "x"}, ETAG)
    await bc.delete(CONNECTION, f"items({RECORD})", ETAG)
    assert [request.headers["if-match"] for request in remote.requests] == [ETAG, ETAG]
    with pytest.raises(Conflict):
        await bc.patch(CONNECTION, f"items({RECORD})", {}, "")
    with pytest.raises(Conflict):
        await bc.delete(CONNECTION, f"items({RECORD})", "")
    with pytest.raises(Conflict):
        await bc.batch(CONNECTION, [Part("DELETE", f"items({RECORD})")])
    assert len(remote.requests) == 2


async def test_an_action_is_posted_without_a_body() -> None:
    bc, remote = a_bc(answer(204))
    await bc.action(CONNECTION, f"salesInvoices({RECORD})", "post")
    assert str(remote.last.url) == f"{HOME}/salesInvoices({RECORD})/Microsoft.NAV.post"
    assert remote.last.content == b""
    assert remote.last.headers["content-length"] == "0"
    with pytest.raises(ValueError):
        await bc.action(CONNECTION, f"salesInvoices({RECORD})", "postEverything")


async def test_a_refused_token_is_renewed_once_and_the_call_repeated_once() -> None:
    # F68
    remote = Remote([answer(401), answer(200, {"id": RECORD})])
    tokens, permits = Tokens(), Permits()
    bc = BusinessCentral(Transport("bc", BC_URL, transport=remote), tokens, permits, BC_URL)
    assert await bc.post(CONNECTION, "items", {}) == {"id": RECORD}
    assert tokens.refused == [f"{PLANTED}-1"]
    assert remote.last.headers["authorization"] == f"Bearer {PLANTED}-2"
    assert (permits.taken, permits.held) == (2, 0)

    remote.steps = [answer(401)]
    remote.requests.clear()
    with pytest.raises(NeedsAuthorization):
        await bc.get(CONNECTION, "items")
    assert len(remote.requests) == 2


async def test_a_permit_is_held_while_the_request_runs_and_given_back_whatever_happens() -> None:
    permits = Permits()

    def looks(request: httpx.Request) -> httpx.Response:
        assert permits.held == 1
        raise httpx.ReadTimeout("slow", request=request)

    bc = BusinessCentral(Transport("bc", BC_URL, transport=Remote([looks])), Tokens(), permits, BC_URL)
    with pytest.raises(UnknownOutcome):
        await bc.post(CONNECTION, "items", {})
    assert permits.held == 0


async def test_requests_are_counted_for_the_push_that_made_them_tasks_included() -> None:
    bc, _ = a_bc(answer(200, {"value": []}))
    with count_requests():
        await bc.get(CONNECTION, "items")
        async with asyncio.TaskGroup() as group:
            group.create_task(bc.page(CONNECTION, "items"))
            group.create_task(bc.page(CONNECTION, "items"))
        assert requests_made() == 3
        with count_requests():
            assert requests_made() == 0
        assert requests_made() == 3
    assert requests_made() == 0


@pytest.mark.parametrize(
    "fault", [httpx.ReadTimeout("t"), httpx.ReadError("reset"), httpx.RemoteProtocolError("cut")]
)
async def test_a_write_without_an_answer_is_unknown_and_a_read_is_not(fault: httpx.HTTPError) -> None:
    # F5, F6
    bc, remote = a_bc(fault)
    for call in (
        bc.post(CONNECTION, "items", {}),
        bc.patch(CONNECTION, f"items({RECORD})", {}, ETAG),
        bc.delete(CONNECTION, f"items({RECORD})", ETAG),
        bc.action(CONNECTION, f"salesInvoices({RECORD})", "post"),
        bc.batch(CONNECTION, [Part("POST", "items", {})]),
    ):
        with pytest.raises(UnknownOutcome):
            await call
    for read in (
        bc.get(CONNECTION, "items"),
        bc.page(CONNECTION, "items"),
        bc.batch(CONNECTION, [Part("GET", "items")]),
    ):
        with pytest.raises(Transient) as caught:
            await read
        assert type(caught.value) is Transient
    # Nothing is repeated here.
    assert len(remote.requests) == 8


async def test_nothing_was_done_when_nothing_was_sent() -> None:
    bc, _ = a_bc(httpx.ConnectError("Name or service not known"))
    with pytest.raises(Transient) as caught:
        await bc.post(CONNECTION, "items", {})
    assert type(caught.value) is Transient


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"id": "', b"[]"])
async def test_a_success_that_cannot_be_read_leaves_a_write_unknown(body: bytes) -> None:
    # F35
    bc, _ = a_bc(httpx.Response(201, content=body))
    with pytest.raises(UnknownOutcome):
        await bc.post(CONNECTION, "items", {})
    with pytest.raises(Transient) as caught:
        await bc.get(CONNECTION, "items")
    assert type(caught.value) is Transient


async def test_no_token_shows_in_an_error() -> None:
    steps: list[httpx.Response | Exception] = [
        httpx.ReadTimeout("t"),
        httpx.ConnectError("c"),
        httpx.LocalProtocolError(f"Illegal header value b'Bearer {PLANTED}'"),
        answer(401),
        bc_refusal(400, "BadRequest", "x"),
        httpx.Response(200, content=b"nope"),
    ]
    for step in steps:
        bc, _ = a_bc(step)
        with pytest.raises(SyncError) as caught:
            await bc.post(CONNECTION, "items", {})
        assert PLANTED not in "".join(traceback.format_exception(caught.value)) + repr(caught.value.__dict__)


async def test_a_missing_set_up_record_is_not_a_missing_record() -> None:
    bc, _ = a_bc(bc_refusal(404, "Internal_RecordNotFound", "The Sales & Receivables thing does not exist."))
    with pytest.raises(Refused) as caught:
        await bc.post(CONNECTION, "customers", {})
    assert not isinstance(caught.value, Gone)
    with pytest.raises(Gone):
        await bc.post(CONNECTION, f"salesInvoices({RECORD})/salesInvoiceLines", {})
    with pytest.raises(Gone):
        await bc.get(CONNECTION, f"customers({RECORD})")


async def test_the_same_key_is_said_as_such() -> None:
    # F2
    bc, _ = a_bc(bc_refusal(400, "Internal_EntityWithSameKeyExists", "already exists. No.='10000'"))
    with pytest.raises(AlreadyExists):
        await bc.post(CONNECTION, "customers", {"number": "10000"})


async def test_a_throttled_call_is_told_at_once() -> None:
    bc, remote = a_bc(bc_refusal(429, "Application_TooManyRequests", "Too many requests", retry_after="7"))
    with pytest.raises(Throttled):
        await bc.get(CONNECTION, "items")
    assert len(remote.requests) == 1


async def test_pages_follow_the_link_unchanged() -> None:
    # F39: an empty page may have a next one.
    link = f"{HOME}/customers?$skiptoken=abc%2Fdef&aid=FIN"
    bc, remote = a_bc(
        answer(200, {"value": [], "@odata.nextLink": link}), answer(200, {"value": [{"id": "1"}]})
    )
    assert await bc.page(CONNECTION, "customers", params={"$select": "id"}, page_size=2) == ([], link)
    assert await bc.page(CONNECTION, link, page_size=2) == ([{"id": "1"}], "")
    assert str(remote.last.url) == link
    assert [request.headers["prefer"] for request in remote.requests] == ["odata.maxpagesize=2"] * 2


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.test/x",
        "http://169.254.169.254/x",
        "https://bc.test@evil.test/x",
        "https://u:p@bc.test/x",
        "http://bc.test/x",
        "https://bc.test/a/../../b",
    ],
)
async def test_a_link_to_elsewhere_gets_no_token(link: str) -> None:
    # F37
    bc, remote = a_bc(answer(200, {"value": []}))
    with pytest.raises(Refused) as caught:
        await bc.page(CONNECTION, link)
    assert caught.value.code == "address_refused"
    assert remote.requests == []


@pytest.mark.parametrize("body", [{}, {"value": None}, {"value": {}}, {"value": [1]}])
async def test_a_page_without_rows_is_read_again(body: Any) -> None:
    bc, _ = a_bc(answer(200, body))
    with pytest.raises(Transient):
        await bc.page(CONNECTION, "items")


async def test_environments_and_companies() -> None:
    environments = [
        {
            "name": "Production",
            "type": "Production",
            "countryCode": "US",
            "applicationFamily": "BusinessCentral",
        },
        {"name": "Other", "type": "Sandbox", "applicationFamily": "Else"},
    ]
    bc, remote = a_bc(
        answer(200, {"value": environments}),
        answer(200, {"value": [{"id": COMPANY.upper(), "name": "CRONUS", "displayName": ""}],
                     "@odata.nextLink": f"{ROOT}/companies?$skiptoken=1"}),
        answer(200, {"value": [{"id": RECORD, "name": "X", "displayName": "Y"}], "@odata.nextLink": f"{ROOT}/companies?$skiptoken=1"}),
    )  # fmt: skip
    bare = a_connection(environment_name=None, company_id=None)
    assert [e.name for e in await bc.environments(bare)] == ["Production"]
    assert str(remote.last.url) == f"{BC_URL}/environments/v1.1"
    found = await bc.companies(bare, "Production")
    assert [(c.id, c.display_name) for c in found] == [(COMPANY, "CRONUS"), (RECORD, "Y")]
    # F38: the link that came twice is not followed for ever.
    assert len(remote.requests) == 3
