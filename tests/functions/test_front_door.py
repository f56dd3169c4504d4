"""The app's front door through the local Functions host: routes, sign-in to the console, words for what is wrong."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from cryptography.fernet import Fernet

from local import azurite
from local.process import ROOT, HostProcess

ADMIN_KEY = "an-admin-key-of-some-length"


@pytest.fixture(scope="module")
def host() -> Iterator[HostProcess]:
    env = {
        "AzureWebJobsStorage": azurite.shared().fresh(),
        "AzureWebJobsDisableHomepage": "true",
        "ADMIN_KEY": ADMIN_KEY,
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "HALO_URL": "http://127.0.0.1:9",
        "HALO_CLIENT_ID": "id",
        "HALO_CLIENT_SECRET": "halo-s3cret",
        "AZURE_AUTHORITY_HOST": "https://127.0.0.1:9",
        "BC_API_URL": "http://127.0.0.1:9",
        "LOCAL_FUNCTION_KEY": "function-key",
        "LOCAL_MASTER_KEY": "master-key",
        "LOCAL_TIMERS": "0",
    }
    running = HostProcess(ROOT, env, settings_file=ROOT / "no-such-settings.json")
    running.env["PUBLIC_URL"] = running.url
    with running:
        yield running


@pytest.fixture
def http(host: HostProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=host.url, timeout=20) as client:
        yield client


def test_the_root_leads_to_the_console(http: httpx.Client) -> None:
    answer = http.get("/")
    assert (answer.status_code, answer.headers["location"]) == (302, "/console")


def test_a_console_opened_at_another_host_leads_home(http: httpx.Client, host: HostProcess) -> None:
    answer = http.get(f"http://localhost:{host.port}/console/errors?state=open")
    assert answer.status_code == 307
    assert answer.headers["location"] == f"{host.url}/console/errors?state=open"


def test_health_needs_no_key_and_shows_no_secret(http: httpx.Client) -> None:
    answer = http.get("/health")
    assert answer.status_code == 200
    assert {check["name"] for check in answer.json()["checks"]} >= {"storage", "halo"}
    assert "halo-s3cret" not in answer.text
    assert ADMIN_KEY not in answer.text


def test_the_session_of_the_console(http: httpx.Client, host: HostProcess) -> None:
    assert http.get("/api/connections").status_code == 401
    assert http.post("/console/session", json={"key": "wrong"}).status_code == 401
    answer = http.post("/console/session", json={"key": ADMIN_KEY})
    assert answer.status_code == 204
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert http.get("/api/connections").json() == {"items": [], "next": None}
    form = {"name": "x", "tenant_id": "t.example.com", "client_id": "5d3c2a10-7e41-4b8b-9f3e-000000000001"}
    evil = http.post("/api/connections", json=form, headers={"Origin": "https://evil.example"})
    assert (evil.status_code, evil.json()["code"]) == (403, "cross_site_request")
    assert http.post("/api/connections", json=form, headers={"Origin": host.url}).status_code == 422
    assert http.delete("/console/session").status_code == 204
    assert http.get("/api/connections").status_code == 401


def test_a_connection_from_its_creation_to_its_removal(http: httpx.Client) -> None:
    http.headers["x-admin-key"] = ADMIN_KEY
    form = {
        "name": "Größe & Co",
        "tenant_id": "8f2b6c1e-4d0a-4f6e-9a51-2f7c1d9be301",
        "client_id": "5d3c2a10-7e41-4b8b-9f3e-000000000001",
        "client_secret": "v4lue~of.the-secret",
    }
    made = http.post("/api/connections", json=form)
    assert made.status_code == 201
    where = made.headers["location"]
    read = http.get(where)
    assert read.json() == made.json()
    assert http.get(where, headers={"If-None-Match": read.headers["etag"]}).status_code == 304
    refused = http.post(f"{where}/authorize")
    assert (refused.status_code, refused.json()["code"]) == (503, "entra_unavailable")
    assert http.get(where).json()["last_authorization"]["code"] == "entra_unavailable"
    assert http.delete(where).status_code == 409
    assert http.delete(where, params={"confirm": form["name"]}).status_code == 204
    assert http.get(where).status_code == 404


def test_problems_are_documents(http: httpx.Client) -> None:
    http.headers["x-admin-key"] = ADMIN_KEY
    for method, path, status in (
        ("GET", "/api/nothing", 404),
        ("GET", "/api", 404),
        ("POST", "/api/setup", 405),
        ("GET", "/api/connections?limit=0", 422),
    ):
        answer = http.request(method, path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert answer.json()["status"] == status


def test_a_callback_that_nobody_started(http: httpx.Client) -> None:
    answer = http.get("/auth/callback?state=x&code=y")
    assert answer.status_code == 400
    assert answer.headers["content-type"].startswith("text/html")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_ten_wrong_keys_close_the_door_for_their_source(http: httpx.Client) -> None:
    def attempt(key: str, source: str) -> int:
        headers = {"x-admin-key": key, "X-Forwarded-For": f"{source}:4000"}
        return http.get("/api/connections", headers=headers).status_code

    assert [attempt("wrong", "203.0.113.7") for _ in range(11)] == [401] * 10 + [429]
    assert attempt(ADMIN_KEY, "203.0.113.7") == 429
    assert attempt(ADMIN_KEY, "203.0.113.8") == 200
