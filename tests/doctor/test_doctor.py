"""`/api/connections/{id}/doctor`: what is wrong at either end is a named check with its cure, and nothing is written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.e2e.acting import Acting, Invoicing, wait_for
from tests.faults.looking import deliver, log, switch

pytestmark = pytest.mark.timeout(120)


def doctor(acting: Acting) -> dict[str, dict[str, Any]]:
    checks = acting.get(f"/api/connections/{acting.connection['id']}/doctor")["checks"]
    return {check["name"]: check for check in checks}


def test_a_healthy_connection_is_well_and_nothing_is_written(acting: Acting, invoicing: Invoicing) -> None:
    deliver(acting, "invoice", invoicing.invoice())
    wait_for(lambda: acting.get("/api/status")["halo"]["last_event_at"], 20, "the webhook to be seen")
    wait_for(lambda: acting.get("/api/status")["waiting"] == 0 or None, 60, "the push to end")
    acting.clear_counters()
    checks = doctor(acting)
    assert not [check for check in checks.values() if check["status"] == "failed"], checks
    for name in (
        "settings",
        "storage",
        "encryption keys",
        "Halo",
        "Halo customers",
        "Halo products",
        "Halo invoices",
        "Halo's built-in sync",
        "Halo's webhook",
        "sign-in",
        "permissions",
        "company",
        "Business Central customers",
        "Business Central items",
        "Business Central invoices",
        "currency",
        "records",
    ):
        assert checks[name]["status"] == "ok", checks[name]
    assert all("cure" in check for check in checks.values() if check["status"] != "ok"), checks
    assert {entry["method"] for entry in log(acting, service="halo")} <= {"GET"}
    sent = log(acting)
    assert len(sent) <= 10
    assert all(entry["method"] == "GET" or '"method":"GET"' in entry["body"] for entry in sent)
    assert not [entry for entry in sent if '"method":"P' in entry["body"] or '"method":"D' in entry["body"]]


def test_a_missing_permission_set_is_named(acting: Acting) -> None:
    switch(acting, bc__permission_missing_for="items")
    try:
        checks = doctor(acting)
    finally:
        switch(acting, bc__permission_missing_for="")
    assert checks["Business Central items"]["status"] == "failed"
    assert "permission set" in checks["Business Central items"]["cure"]
    assert checks["Business Central customers"]["status"] == "ok"


def test_a_token_with_more_than_is_needed_or_nothing_of_it_is_said(acting: Acting) -> None:
    """Least privilege: what is not needed is named, and so is a role that is missing."""
    path = f"/api/connections/{acting.connection['id']}/authorize"
    for roles, status, word in (
        (["API.ReadWrite.All", "Sites.FullControl.All"], "warning", "Sites.FullControl.All"),
        (["API.ReadWrite.All"], "ok", "API.ReadWrite.All"),
    ):
        acting.control.post("/entra/claims", json={"token": "access", "roles": roles}).raise_for_status()
        acting.post(path)
        check = doctor(acting)["permissions"]
        assert check["status"] == status, check
        assert word in check["detail"]


@pytest.mark.parametrize(
    ("installed", "missing", "status", "words"),
    [
        (False, "", "failed", "Install it"),
        (True, "salesLineCosts", "failed", "HBC LINE COSTS"),
        (True, "", "ok", ""),
    ],
)
def test_the_extension_for_line_costs_is_looked_for_where_costs_are_to_be_sent(
    acting: Acting, installed: bool, missing: str, status: str, words: str
) -> None:
    assert "line costs" not in doctor(acting)
    acting.settings(use_advanced_cost_endpoint=True)
    switch(acting, bc__line_cost_extension=installed, bc__permission_missing_for=missing)
    try:
        check = doctor(acting)["line costs"]
    finally:
        switch(acting, bc__line_cost_extension=False, bc__permission_missing_for="")
        acting.settings(use_advanced_cost_endpoint=False)
    assert check["status"] == status, check
    assert words in check.get("cure", "")


def test_defaults_that_cannot_be_used_are_named(acting: Acting) -> None:
    blocked = next(row for row in acting.bc("items") if row.get("blocked"))
    acting.settings(default_invoice_item=blocked["number"], default_sales_account="0000")
    checks = doctor(acting)
    assert "blocked" in checks["default item"]["detail"]
    assert checks["default item"]["status"] == checks["default sales account"]["status"] == "failed"
    usable = next(
        row
        for row in acting.bc("accounts")
        if row.get("directPosting") and not row.get("blocked") and row.get("accountType") == "Posting"
    )
    acting.settings(default_invoice_item="NO'SUCH", default_sales_account=usable["number"])
    checks = doctor(acting)
    assert "no item NO'SUCH" in checks["default item"]["detail"]
    assert checks["default sales account"]["status"] == "ok"
    acting.settings(default_invoice_item=None, default_sales_account=None)


def test_an_item_without_posting_groups_is_said_before_its_first_invoice(acting: Acting) -> None:
    """F80: no template rule gives a new item its groups."""
    made = acting.agent("Item", {"name": "Bare", "assetgroup_id": 1, "accountsid": "BARE-1"})
    halo_id = str(int(float(made["id"])))
    acting.sync("product", halo_id)
    assert acting.outcome("product", halo_id)["action"] == "created"
    check = doctor(acting)["posting groups"]
    assert check["status"] == "warning"
    assert "BARE-1" in check["detail"]
    assert "Template Selection Rules" in check["cure"]


def test_a_company_that_is_gone_and_comes_back_is_found_again(acting: Acting, invoicing: Invoicing) -> None:
    gone = {"error": {"code": "Internal_CompanyNotFound", "message": "The company cannot be found."}}
    halo_id = invoicing.invoice()
    acting.fault("bc", {"kind": "status", "status": 404, "body": gone}, times=0)
    acting.sync("invoice", halo_id)
    wait_for(lambda: acting.outcomes("invoice", halo_id) or None, 30, "its outcome")
    checks = doctor(acting)
    assert checks["company"]["status"] == "failed"
    wait_for(lambda: doctor(acting)["records"]["status"] == "warning" or None, 20, "the breaker to be told")
    acting.control.delete("/faults")
    assert doctor(acting)["company"]["status"] == "ok"
    assert acting.outcome("invoice", halo_id, seconds=30)["action"] == "created"
    assert acting.get("/api/errors", state="open")["items"] == []


@pytest.mark.parametrize("service", ["halo", "bc", "entra"])
def test_a_remote_that_fails_is_a_failed_check_and_no_error(acting: Acting, service: str) -> None:
    acting.fault(service, {"kind": "status", "status": 500}, times=0)
    if service == "entra":
        client = {"client_id": acting.connection["client_id"], "access_tokens": True}
        acting.control.post("/entra/revoke", json=client).raise_for_status()
    checks = doctor(acting)
    name = "Halo" if service == "halo" else "company"
    assert checks[name]["status"] == "failed", checks
    acting.control.delete("/faults")
    assert doctor(acting)[name]["status"] == "ok"


def test_a_native_sync_a_pause_and_a_secret_that_runs_out_are_said(acting: Acting) -> None:
    path = f"/api/connections/{acting.connection['id']}"
    ends = (datetime.now(UTC) + timedelta(days=20)).date().isoformat()
    acting.app.api.patch(path, json={"paused": True, "secret_expires_on": ends}).raise_for_status()
    checks = doctor(acting)
    assert checks["records"]["status"] == "warning"
    assert "20 days" in checks["client secret"]["detail"]
    acting.app.api.patch(path, json={"paused": False, "secret_expires_on": None}).raise_for_status()
    assert doctor(acting)["client secret"]["status"] == "warning"


def test_no_secret_and_no_token_is_in_the_report(acting: Acting) -> None:
    text = acting.app.api.get(f"/api/connections/{acting.connection['id']}/doctor").text
    entra = acting.app.sandbox.facts["entra"]
    application = next(app for app in entra["apps"] if app["name"] == "Halo-BC (app mode)")
    assert application["client_secrets"][0]["value"] not in text
    assert acting.app.sandbox.facts["halo"]["client_secret"] not in text
    assert "eyJ" not in text


def test_a_connection_that_is_not_there_is_404(acting: Acting) -> None:
    assert acting.app.api.get("/api/connections/none/doctor").status_code == 404
