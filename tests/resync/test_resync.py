"""`POST /api/sync` with a filter: the number first, then a job that queues exactly those records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.acting import Acting, Invoicing, wait_for
from tests.faults.looking import log, switch

pytestmark = pytest.mark.timeout(120)


def sync(acting: Acting, entity: str, *, preview: bool = False, **chosen: Any) -> dict[str, Any]:
    """`from_` stands for `from`."""
    wanted = {name.rstrip("_"): value for name, value in chosen.items()}
    answer: dict[str, Any] = acting.post(
        "/api/sync", {"entity": entity, "filter": wanted, **({"preview": True} if preview else {})}
    )
    return answer


def dated(invoicing: Invoicing, *days: str) -> list[str]:
    return [invoicing.invoice(invoice_date=f"{day}T00:00:00") for day in days]


@pytest.fixture(params=["as asked", "ignoring filters"])
def lists(acting: Acting, request: pytest.FixtureRequest) -> Iterator[str]:
    """A tenant may ignore every filter that it does not know."""
    ignored = ["datesearch", "start_date", "end_date", "client_id"]
    switch(acting, halo__ignored_filters=ignored if request.param == "ignoring filters" else [])
    yield str(request.param)
    switch(acting, halo__ignored_filters=[])


def test_a_time_of_invoices_is_counted_first_and_then_queued(
    acting: Acting, invoicing: Invoicing, lists: str
) -> None:
    year = "2022" if lists == "as asked" else "2023"
    ids = dated(invoicing, f"{year}-03-01", f"{year}-03-15", f"{year}-03-31")
    outside = dated(invoicing, f"{year}-02-28", f"{year}-04-01")
    other = acting.agent("Client", {"name": "Another", "toplevel_id": 1})
    outside += [invoicing.invoice(client_id=other["id"], invoice_date=f"{year}-03-02T00:00:00")]
    acting.clear_counters()
    chosen: dict[str, Any] = {
        "from_": f"{year}-03-01",
        "to": f"{year}-03-31",
        "customer_id": invoicing.customer,
    }
    found = sync(acting, "invoice", preview=True, **chosen)
    assert found == {"count": 3, "requests_estimate": 3, "at_least": False}
    assert log(acting) == []
    assert not [one for halo_id in ids for one in acting.outcomes("invoice", halo_id)]
    job = acting.job(sync(acting, "invoice", **chosen)["job_id"])
    assert (job["kind"], job["status"], job["done"], job["total"]) == ("resync", "succeeded", 3, 3)
    for halo_id in ids:
        assert acting.outcome("invoice", halo_id)["action"] == "created"
    assert not [one for halo_id in outside for one in acting.outcomes("invoice", halo_id)]


def test_what_failed_is_queued_without_asking_halo_for_its_lists(
    acting: Acting, invoicing: Invoicing
) -> None:
    refusal = {"error": {"code": "Application_DialogException", "message": "Not today."}}
    ids = dated(invoicing, "2023-05-01", "2023-05-02")
    for halo_id in ids:
        acting.fault("bc", {"kind": "status", "status": 400, "body": refusal}, body=f'HALO-{halo_id}"')
    acting.sync("invoice", *ids)
    for halo_id in ids:
        assert acting.outcome("invoice", halo_id)["status"] == "failed"
    acting.clear_counters()
    assert sync(acting, "invoice", preview=True, state="failed")["count"] == 2
    assert log(acting, service="halo") == []
    assert sync(acting, "invoice", preview=True, state="failed", from_="2023-05-02")["count"] == 1
    assert acting.job(sync(acting, "invoice", state="failed")["job_id"])["done"] == 2
    for halo_id in ids:
        assert acting.outcome("invoice", halo_id, after=1)["action"] == "created"
    wait_for(
        lambda: sync(acting, "invoice", preview=True, state="failed")["count"] == 0 or None, 20, "no failures"
    )


def test_what_was_skipped_or_never_sent_is_told_apart(acting: Acting, invoicing: Invoicing) -> None:
    skipped, sent, never = dated(invoicing, "2023-07-01", "2023-07-02", "2023-07-03")
    acting.edit("Invoice", skipped, {"dont_sync_to_3rd_party": True})
    acting.sync("invoice", skipped, sent)
    assert acting.outcome("invoice", skipped)["status"] == "skipped"
    assert acting.outcome("invoice", sent)["status"] == "synced"
    july: dict[str, Any] = {"from_": "2023-07-01", "to": "2023-07-31"}
    assert sync(acting, "invoice", preview=True, state="any", **july)["count"] == 3
    assert sync(acting, "invoice", preview=True, state="skipped", **july)["count"] == 1
    assert sync(acting, "invoice", preview=True, state="never", **july)["count"] == 1
    assert acting.job(sync(acting, "invoice", state="never", **july)["job_id"])["done"] == 1
    assert acting.outcome("invoice", never)["status"] == "synced"
    acting.edit("Invoice", skipped, {"dont_sync_to_3rd_party": False})
    assert acting.job(sync(acting, "invoice", state="skipped", **july)["job_id"])["done"] == 1
    assert acting.outcome("invoice", skipped, after=1)["action"] == "created"
    assert len(acting.outcomes("invoice", sent)) == 1


def test_one_customer_and_all_products(acting: Acting, invoicing: Invoicing) -> None:
    assert sync(acting, "customer", preview=True, customer_id=invoicing.customer)["count"] == 1
    products = len(acting.halo("Item"))
    found = sync(acting, "product", preview=True)
    assert found["count"] == products


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"entity": "invoice", "filter": {"customer_id": "x"}}, "filter.customer_id"),
        ({"entity": "product", "filter": {"customer_id": "1"}}, "filter.customer_id"),
        ({"entity": "invoice", "filter": {"from": "2023-02-01", "to": "2023-01-01"}}, "filter.to"),
        ({"entity": "invoice", "filter": {}, "halo_ids": ["1"]}, "filter"),
        ({"entity": "invoice", "filter": {}, "operation": "delete"}, "operation"),
        ({"entity": "invoice", "filter": {}, "connection_id": "none"}, "connection_id"),
        ({"entity": "invoice"}, "halo_ids"),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(acting: Acting, body: dict[str, Any], field: str) -> None:
    answer = acting.app.api.post("/api/sync", json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert acting.app.api.post("/api/sync", json={**body, "filter": {"of": 1}}).status_code == 422
