"""How things stand: the connection's day on Home, pause and resume, the doctor and its report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.visitor import Visitor
from tests.e2e.acting import Acting, Invoicing

pytestmark = pytest.mark.browser


def test_home_shows_the_day_of_a_connection_and_pauses_it(
    visitor: Visitor, connected: Acting, invoicing: Invoicing
) -> None:
    connected.settings(sync_entities=["invoice"])
    halo_id = invoicing.invoice()
    connected.sync("invoice", halo_id)
    bc_number = connected.outcome("invoice", halo_id)["bc_number"]
    path = f"/api/connections/{connected.connection['id']}"
    page = visitor.admitted()
    card = page.locator(".card")
    expect(card.get_by_text(bc_number)).to_be_visible(timeout=15_000)
    expect(card.get_by_role("img", name="Outcomes per hour")).to_be_visible()
    expect(card.get_by_role("link", name="Synced, 24 h: 1")).to_be_visible(timeout=15_000)
    expect(card.get_by_text("Requests to Business Central, 5 min")).to_be_visible()
    expect(page.get_by_role("img", name="Records waiting, last 24 hours: at most ")).to_be_visible(
        timeout=90_000
    )
    assert visitor.violations() == []
    card.get_by_role("button", name="Pause").click()
    expect(card.get_by_text("Paused", exact=True)).to_be_visible()
    expect(page.get_by_text("Tamarisk UK is paused")).to_be_visible()
    assert connected.get(path)["paused"] is True
    second = invoicing.invoice()
    connected.sync("invoice", second)
    card.get_by_role("button", name="Resume").click()
    connected.outcome("invoice", second)
    assert connected.get(path)["paused"] is False


def test_the_doctor_looks_at_both_ends_and_its_report_holds_no_secret(
    visitor: Visitor, connected: Acting, tmp_path: Path
) -> None:
    page = visitor.admitted(f"/connections/{connected.connection['id']}")
    page.get_by_role("link", name="Doctor", exact=True).last.click()
    expect(page.get_by_role("heading", name="Client secret")).to_be_visible(timeout=60_000)
    assert visitor.violations() == []
    connected.fault("halo", {"kind": "status", "status": 503}, times=0)
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_text("Needs you").first).to_be_visible(timeout=60_000)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as JSON").click()
    file = tmp_path / "doctor.json"
    download.value.save_as(file)
    report = json.loads(file.read_text(encoding="utf-8"))
    assert {check["status"] for check in report["checks"]} >= {"ok", "failed"}
    application = visitor.app.sandbox.facts["entra"]["apps"]
    secrets = [secret["value"] for app in application for secret in app["client_secrets"]]
    assert not any(secret in file.read_text(encoding="utf-8") for secret in (*secrets, visitor.app.admin_key))
