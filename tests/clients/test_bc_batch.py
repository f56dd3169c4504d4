"""Business Central's `$batch` on the wire: parts, answers by id, and what a failure leaves behind."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import httpx
import pytest

from bc.clients.business_central import Part
from bc.errors import Refused, SyncError, Throttled, UnknownOutcome
from tests.clients.remote import BC_URL, COMPANY, ETAG, RECORD, TENANT, a_bc, a_connection, answer

ROOT = f"{BC_URL}/v2.0/{TENANT}/Production/api/v2.0"
CONNECTION = a_connection()


def batch_answer(*parts: tuple[str, int, Any]) -> httpx.Response:
    rows = [{"id": i, "status": status, "headers": {}, "body": body} for i, status, body in parts]
    return answer(200, {"responses": rows})


async def test_a_batch_is_one_request_with_everything_in_its_parts() -> None:
    bc, remote = a_bc(batch_answer(("1", 201, {"id": RECORD}), ("2", 200, {"a": 1}), ("3", 204, None)))
    parts = [
        Part("POST", "salesInvoices?$expand=salesInvoiceLines", {"x": Decimal("1.10")}),
        Part("GET", "customers?$filter=displayName eq 'Ben & Co'&$select=id"),
        Part("DELETE", f"items({RECORD})", None, ETAG),
    ]
    answers = await bc.batch(CONNECTION, parts)
    assert [a.status for a in answers] == [201, 200, 204]
    assert str(remote.last.url) == f"{ROOT}/$batch"
    assert "isolation" not in remote.last.headers
    assert "prefer" not in remote.last.headers
    assert remote.last.headers["accept"] == "application/json"
    assert b"1.10" in remote.last.content
    first, second, third = remote.sent()["requests"]
    assert first["url"] == f"companies({COMPANY})/salesInvoices?$expand=salesInvoiceLines"
    assert first["headers"] == {
        "Accept": "application/json",
        "Accept-Language": "en-US",
        "Content-Type": "application/json",
    }
    assert (
        second["url"]
        == f"companies({COMPANY})/customers?$filter=displayName%20eq%20'Ben%20%26%20Co'&$select=id"
    )
    assert "body" not in second
    assert third["headers"]["If-Match"] == ETAG


async def test_answers_are_matched_by_id_whatever_their_order() -> None:
    bc, _ = a_bc(
        batch_answer(("3", 200, {"n": 3}), ("x", 200, {}), ("1", 200, {"n": 1}), ("2", 200, {"n": 2}))
    )
    answers = await bc.batch(CONNECTION, [Part("GET", "items")] * 3)
    assert [a.body for a in answers] == [{"n": 1}, {"n": 2}, {"n": 3}]


async def test_parts_after_the_first_failure_were_not_done() -> None:
    bc, _ = a_bc(
        batch_answer(("1", 201, {"id": "a"}), ("2", 400, {"error": {"code": "Unknown", "message": "x"}}))
    )
    answers = await bc.batch(CONNECTION, [Part("POST", "items", {})] * 4)
    assert [a.status for a in answers] == [201, 400, 0, 0]
    assert answers[0].body == {"id": "a"}


async def test_a_rolled_back_batch_leaves_no_id_behind() -> None:
    # F55, F73
    bc, remote = a_bc(
        batch_answer(
            ("1", 201, {"id": "a"}), ("2", 409, {"error": {"code": "Request_EntityChanged", "message": "x"}})
        )
    )
    answers = await bc.batch(CONNECTION, [Part("POST", "items", {})] * 3, snapshot=True)
    assert remote.last.headers["isolation"] == "snapshot"
    assert [(a.status, bool(a.body)) for a in answers] == [(0, False), (409, True), (0, False)]


@pytest.mark.parametrize("snapshot", [True, False])
@pytest.mark.parametrize(
    "rows",
    [
        [],
        [("1", 201, {})],
        [("2", 201, {})],
        [(None, 201, {}), (None, 201, {})],
    ],
)
async def test_answers_missing_without_a_failure_leave_the_batch_unknown(rows: Any, snapshot: bool) -> None:
    bc, _ = a_bc(batch_answer(*rows))
    with pytest.raises(UnknownOutcome):
        await bc.batch(CONNECTION, [Part("POST", "items", {})] * 2, snapshot=snapshot)


async def test_an_answer_missing_before_the_failure_leaves_the_batch_unknown() -> None:
    bc, _ = a_bc(batch_answer(("2", 400, {})))
    with pytest.raises(UnknownOutcome):
        await bc.batch(CONNECTION, [Part("POST", "items", {})] * 2)


async def test_parts_that_only_read_all_run() -> None:
    bc, remote = a_bc(batch_answer(("1", 404, {}), ("2", 200, {"value": []})))
    answers = await bc.batch(CONNECTION, [Part("GET", "items")] * 2)
    assert remote.last.headers["prefer"] == "odata.continue-on-error"
    assert [a.status for a in answers] == [404, 200]


async def test_more_than_a_hundred_parts_are_refused_by_us() -> None:
    bc, remote = a_bc(batch_answer())
    with pytest.raises(Refused) as caught:
        await bc.batch(CONNECTION, [Part("GET", "items")] * 101)
    assert caught.value.code == "batch_too_large"
    assert await bc.batch(CONNECTION, []) == []
    assert remote.requests == []


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        (answer(504), UnknownOutcome),
        (answer(408), UnknownOutcome),
        (answer(413), Refused),
        (answer(429), Throttled),
        (httpx.Response(200, content=b'{"responses": ['), UnknownOutcome),
        (answer(200, {"responses": "x"}), UnknownOutcome),
    ],
)
async def test_a_batch_that_fails_as_a_whole(step: httpx.Response, kind: type[SyncError]) -> None:
    # F29, F30
    bc, _ = a_bc(step)
    with pytest.raises(kind) as caught:
        await bc.batch(CONNECTION, [Part("POST", "items", {})])
    assert type(caught.value) is kind


async def test_the_body_of_a_part_is_json_whatever_bc_makes_of_it() -> None:
    raw = json.dumps({"responses": [{"id": 1, "status": 502, "headers": None, "body": "<html>"}]}).encode()
    bc, _ = a_bc(httpx.Response(200, content=raw))
    (got,) = await bc.batch(CONNECTION, [Part("GET", "items")])
    assert (got.status, got.body, got.headers) == (502, None, {})
