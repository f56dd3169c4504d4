"""A wrong setting is a word with its cure on /health and in the console's setup, never a traceback; nothing is lost."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from local.azurite import Azurite
from local.stack import App, Sandbox
from tests.e2e.acting import Acting, wait_for

BROKEN: dict[str, dict[str, str]] = {
    "PUBLIC_URL": {"PUBLIC_URL": "not an address"},
    "ENCRYPTION_KEYS": {"ENCRYPTION_KEYS": "nonsense"},
    "HALO_URL": {"HALO_URL": ""},
    "HALO_CLIENT_SECRET": {"HALO_CLIENT_SECRET": ""},
    "BC_API_URL": {"BC_API_URL": "http://elsewhere.example.com"},
    "HALO_SWEEP_MINUTES": {"HALO_SWEEP_MINUTES": "sometimes"},
}


@pytest.fixture(scope="module")
def broken(azurite: Azurite, sandbox: Sandbox) -> Any:
    """One app with many settings wrong at once."""
    env = {name: value for changes in BROKEN.values() for name, value in changes.items()}
    with App(sandbox, azurite.fresh(), env=env) as app:
        yield app


@pytest.mark.parametrize("name", BROKEN)
def test_health_and_setup_name_each_wrong_setting(broken: App, name: str) -> None:
    health = httpx.get(f"{broken.host.url}/health").json()
    assert health["status"] in ("degraded", "down")
    check = next(check for check in health["checks"] if check["name"] == name)
    assert check["status"] != "ok"
    assert len(check["detail"]) > 20
    setup = broken.api.get("/api/setup").json()
    entry = next(entry for entry in setup["settings"] if entry["name"] == name)
    assert not entry["ok"]
    assert entry["detail"]


def test_no_secret_is_stored_without_a_key_to_seal_it(broken: App) -> None:
    answer = broken.api.post(
        "/api/connections",
        json={
            "name": "UK",
            "tenant_id": "8f2b6c1e-4d0a-4f6e-9a51-2f7c1d9be301",
            "client_id": "5d3c2a10-7e41-4b8b-9f3e-000000000002",
            "client_secret": "planted-secret",
        },
    )
    assert answer.status_code == 409
    assert answer.json()["code"] == "encryption_keys_missing"
    assert "planted-secret" not in answer.text + "\n".join(broken.host.logs)


def test_no_traceback_reaches_the_logs_or_the_page(broken: App) -> None:
    for path in ("/health", "/console", "/api/setup", "/api/connections", "/api/outcomes"):
        assert "Traceback" not in broken.api.get(path).text
    assert not any("Traceback" in line for line in broken.host.logs)


def test_an_unreachable_halo_keeps_the_change_until_it_is_back(connected: Acting) -> None:
    connected.fault("halo", {"kind": "status", "status": 503}, times=0, path="/api/Invoice")
    connected.sync("invoice", 1041)

    def waiting() -> dict[str, Any] | None:
        items = connected.outcomes("invoice", 1041)
        return items[0] if items and items[0]["status"] == "retrying" else None

    outcome = wait_for(waiting, 20, "the retry")
    assert outcome["code"] == "halo_unavailable"
    assert outcome["message"]
    connected.control.delete("/faults")
    assert connected.outcome("invoice", 1041, seconds=60)["status"] in ("synced", "skipped", "failed")
