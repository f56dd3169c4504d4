"""Every answer of the admin API as its document and the public face say, through the real local host."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bc.functions.api import routes
from bc.functions.openapi import document
from tests.contract.tour import Tour, judged

# The tour waits for imports and a sweep; on a busy machine that is minutes.
pytestmark = pytest.mark.timeout(600)
OPERATIONS = sorted({(route.method, route.pattern) for route in routes()})
NAMES = [f"{method} {pattern}" for method, pattern in OPERATIONS]


def test_the_document_served_is_the_one_that_is_made_of_the_routes(tour: Tour) -> None:
    assert tour.document == json.loads(json.dumps(document(routes())))


@pytest.mark.parametrize(("method", "pattern"), OPERATIONS, ids=NAMES)
def test_a_success_is_as_the_document_says(tour: Tour, method: str, pattern: str) -> None:
    answers = [call for call in tour.calls if (call.method, call.pattern) == (method, pattern)]
    assert answers, "tests/contract/tour.py does not make this call: add it"
    told = {
        int(status)
        for status in tour.document["paths"][pattern][method.lower()]["responses"]
        if status[0] == "2"
    }
    for call in answers:
        assert call.answer.status_code in told, f"{call.answer.status_code} {call.answer.text}"
        assert judged(call, tour.document) == [], call.answer.url


CONNECTION = (
    "id name tenant_id client_id has_secret secret_expires_on auth_mode status paused environment_name"
    " environment_type company_id company_name is_default authorized_by last_authorization settings created_at"
    " updated_at"
)
SETTINGS = (
    "sync_entities show_message default_invoice_item sync_inv_groups group_increment line_increment"
    " item_default_group item_group_mappings default_sales_account default_purchase_account client_top_level"
    " use_advanced_cost_endpoint customer_policy product_policy match_before_create accounts_id_pattern"
    " sync_invoices_from post_invoices conflict_policy delta_imports allow_native_sync halo_conventions"
)
JOB = "id connection_id kind status total done created updated unchanged skipped failed started_at finished_at detail"
OUTCOME = (
    "id connection_id entity halo_id operation status action code message cure bc_id bc_number at attempts requests"
    " correlation_id halo_url bc_url warnings"
)
# The public face's shapes, as it writes them; `/api` may add to them.
SHAPES = {
    "GET /api/setup": "redirect_uri permissions settings halo",
    "GET /api/connections/{id}": CONNECTION,
    "POST /api/connections": CONNECTION,
    "PATCH /api/connections/{id}": CONNECTION,
    "PUT /api/connections/{id}/company": CONNECTION,
    "GET /api/jobs/{job_id}": JOB,
    "POST /api/connections/{id}/imports/{kind}": "job_id",
    "POST /api/halo/sweep": "job_id",
    "POST /api/halo/restore-tax": "job_id",
    "POST /api/errors/retry": "queued",
    "POST /api/sync": "queued requests_estimate",
    "GET /api/explain/{entity}/{halo_id}": "verdict steps requests",
    "GET /api/connections/{id}/doctor": "checks",
    "PUT /api/connections/{id}/lookups/{kind}/{lookup_id}": "id code name in_bc used_by",
    "PUT /api/connections/{id}/charge-rates/{rate_id}": "id name code status bc_name",
    "PUT /api/connections/{id}/mappings/{kind}/{halo_id}": (
        "halo_id halo_name bc_id bc_number bc_name source state linked_at"
    ),
}
ITEMS = {
    "GET /api/connections": CONNECTION,
    "GET /api/jobs": JOB,
    "GET /api/outcomes": OUTCOME,
    "GET /api/connections/{id}/outcomes": OUTCOME,
    "GET /api/errors": f"{OUTCOME} state",
    "GET /api/connections/{id}/errors": f"{OUTCOME} state",
    "GET /api/connections/{id}/environments": "name type country",
    "GET /api/connections/{id}/companies": "id name display_name",
    "GET /api/connections/{id}/preview/{kind}": "bc_id number name match",
    "GET /api/connections/{id}/lookups/{kind}": "id code name in_bc used_by",
    "GET /api/connections/{id}/charge-rates": "id name code status bc_name",
    "GET /api/connections/{id}/mappings/{kind}": (
        "halo_id halo_name bc_id bc_number bc_name source state linked_at"
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_has_every_member_of_the_public_face(tour: Tour, name: str) -> None:
    # A preview of what would be sent again queues nothing: it is an answer of its own.
    for body in (body for body in bodies(tour, name) if "count" not in body):
        assert set(SHAPES[name].split()) <= body.keys()


@pytest.mark.parametrize("name", ITEMS)
def test_a_list_is_items_and_next_and_its_items_have_every_member(tour: Tour, name: str) -> None:
    found = bodies(tour, name)
    assert all({"items", "next"} <= body.keys() for body in found)
    items = [item for body in found for item in body["items"]]
    assert items, "the tour leaves nothing to list"
    for item in items:
        assert set(ITEMS[name].split()) <= item.keys()


def test_the_members_within_are_those_of_the_public_face(tour: Tour) -> None:
    (connection, *_) = bodies(tour, "GET /api/connections/{id}")
    assert set(SETTINGS.split()) <= connection["settings"].keys()
    assert {"at", "ok", "code", "message", "cure"} <= connection["last_authorization"].keys()
    (setup, *_) = bodies(tour, "GET /api/setup")
    assert {"url", "connected", "detail", "accounts_module"} <= setup["halo"].keys()
    assert all({"name", "kind", "reason"} <= each.keys() for each in setup["permissions"])
    assert all(each.keys() == {"name", "ok", "detail"} for each in setup["settings"])
    errors = bodies(tour, "GET /api/errors")[-1]
    assert all(each.keys() == {"code", "count"} for each in errors["groups"])
    for explained in bodies(tour, "GET /api/explain/{entity}/{halo_id}"):
        assert explained["verdict"] in (
            "would_create", "would_update", "unchanged", "would_skip", "would_fail"
        )  # fmt: skip
        assert all({"rule", "ok", "detail"} <= step.keys() for step in explained["steps"])
    (checks, *_) = bodies(tour, "GET /api/connections/{id}/doctor")
    assert all(each["status"] in ("ok", "warning", "failed") for each in checks["checks"])


def test_no_answer_shows_a_secret(tour: Tour) -> None:
    app = tour.acting.app
    secrets = [
        *(
            secret["value"]
            for each in app.sandbox.facts["entra"]["apps"]
            for secret in each["client_secrets"]
        ),
        app.admin_key,
        app.function_key,
        app.host.env["HALO_CLIENT_SECRET"],
        app.host.env["ENCRYPTION_KEYS"],
        "eyJ",
    ]
    for call in tour.calls:
        assert not [secret for secret in secrets if secret in call.answer.text], call.pattern


def test_a_list_is_read_in_pages_to_its_end(tour: Tour) -> None:
    for pattern in (
        "/api/connections/{id}/mappings/{kind}",
        "/api/connections/{id}/lookups/{kind}",
        "/api/outcomes",
    ):
        kind = "accounts" if "lookups" in pattern else "products"
        whole = [*pages(tour, pattern, 500, kind)]
        parts = [*pages(tour, pattern, 1 if "lookups" not in pattern else 20, kind)]
        assert [item for page in parts for item in page] == [item for page in whole for item in page], pattern


def pages(tour: Tour, pattern: str, limit: int, kind: str) -> Iterator[list[Any]]:
    cursor = None
    while True:
        query = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        page = tour.call("GET", pattern, query=query, kind=kind).json()
        assert len(page["items"]) <= limit
        yield page["items"]
        cursor = page["next"]
        if cursor is None:
            return


def bodies(tour: Tour, name: str) -> list[dict[str, Any]]:
    """What a call answered, each time."""
    method, _, pattern = name.partition(" ")
    found = [call.answer.json() for call in tour.calls if (call.method, call.pattern) == (method, pattern)]
    assert found
    return found
