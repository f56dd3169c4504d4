"""The console's files, the callback page, and `/health`."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from bc.errors import Transient
from bc.functions import health
from bc.functions.auth import router as callback_router
from bc.functions.console import elsewhere, files, static
from bc.functions.http import to_response
from bc.model import LastAuthorization
from tests.connect.connect_world import START, MemoryStore, a_connection
from tests.connect.connect_world import settings as all_settings
from tests.functions.functions_world import a_request, settings

if TYPE_CHECKING:
    from bc.services import Services

PAGE = "<!doctype html><title>Console</title>" + "<p>text</p>" * 200


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    console = tmp_path / "console"
    (console / "assets").mkdir(parents=True)
    (console / "index.html").write_text(PAGE)
    (console / "app.js").write_text("export const a = 1;\n" * 100)
    (console / "assets" / "logo.3f9a1c2b7d.svg").write_text("<svg/>")
    (console / "notes.py").write_text("secret = 1")
    (tmp_path / "outside.html").write_text("outside")
    return console


@pytest.mark.parametrize(
    "path", ["/console", "/console/", "/console/connections/c1", "/console/errors?state=open"]
)
def test_page_addresses_answer_the_one_page(folder: Path, path: str) -> None:
    answer = static(a_request(path=path), folder)
    assert (answer.status, answer.body.decode()) == (200, PAGE)
    assert answer.header("Content-Type") == "text/html; charset=utf-8"
    assert answer.header("Cache-Control") == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/console/assets/none.svg",
        "/console/none.js",
        "/console/assets/../../outside.html",
        "/console/..%2foutside.html",
        "/console/%2e%2e/outside.html",
        "/console/assets/",
    ],
)
def test_missing_assets_and_ways_out_are_404(folder: Path, path: str) -> None:
    assert static(a_request(path=path), folder).status == 404


def test_only_known_types_are_served(folder: Path) -> None:
    assert set(files(folder)) == {"index.html", "app.js", "assets/logo.3f9a1c2b7d.svg"}
    assert static(a_request(path="/console/notes.py"), folder).body.decode() == PAGE


def test_assets_are_typed_squeezed_and_cached(folder: Path) -> None:
    plain = static(a_request(path="/console/app.js"), folder)
    assert plain.header("Content-Type") == "text/javascript; charset=utf-8"
    squeezed = static(a_request(path="/console/app.js", headers={"Accept-Encoding": "br, gzip"}), folder)
    assert squeezed.header("Content-Encoding") == "gzip"
    assert gzip.decompress(squeezed.body) == plain.body
    refused = static(a_request(path="/console/app.js", headers={"Accept-Encoding": "gzip;q=0"}), folder)
    assert refused.header("Content-Encoding") is None
    etag = plain.header("ETag") or ""
    again = static(a_request(path="/console/app.js", headers={"If-None-Match": etag}), folder)
    assert (again.status, again.body) == (304, b"")
    logo = static(a_request(path="/console/assets/logo.3f9a1c2b7d.svg"), folder)
    assert "immutable" in (logo.header("Cache-Control") or "")


def test_the_console_at_another_host_leads_home() -> None:
    config = settings()
    path = "/console/errors?state=open"
    at_home = a_request(path=path)
    away = a_request(path=path, host="https://halo-bc.azurewebsites.net")
    behind = a_request(
        path=path, host="https://halo-bc.azurewebsites.net", headers={"X-Forwarded-Host": "bc.example.test"}
    )
    assert elsewhere(config, at_home) == ""
    assert elsewhere(config, away) == "https://bc.example.test/console/errors?state=open"
    assert elsewhere(config, behind) == ""
    assert elsewhere(settings(PUBLIC_URL=""), away) == ""


class Front:
    def __init__(self) -> None:
        self.settings = all_settings()
        self.store = MemoryStore()
        self.entra = self.tokens = None

    @property
    def as_services(self) -> Services:
        return cast("Services", self)


@pytest.mark.parametrize("query", ["", "?state=x&code=y", "?code=<script>alert(1)</script>&state=<b>"])
async def test_a_foreign_callback_is_a_page_in_words(query: str) -> None:
    request = a_request(path=f"/auth/callback{query}")
    answer = await callback_router.answer(Front().as_services, request)
    assert answer.status == 400
    assert answer.header("Content-Type") == "text/html; charset=utf-8"
    assert b"not accepted" in answer.body
    assert b"<script" not in answer.body
    response = to_response(answer, request)
    assert response.mimetype == "text/html"
    assert response.headers["Cache-Control"] == "no-store"


async def checks(front: Front) -> tuple[int, str, dict[str, str]]:
    answer = await health.health(front.as_services)
    body: dict[str, Any] = answer.json()
    return answer.status, body["status"], {check["name"]: check["status"] for check in body["checks"]}


async def test_health_is_ok_when_all_is_well() -> None:
    front = Front()
    front.store.put(a_connection())
    await front.store.notes.put("health:halo", {"at": "2026-11-24T08:00:00Z", "ok": True, "detail": "Fine."})
    status, word, seen = await checks(front)
    assert (status, word) == (200, "ok")
    assert seen == {"settings": "ok", "storage": "ok", "halo": "ok", "connection:c1": "ok"}


async def test_health_is_degraded_when_halo_or_a_connection_is_not_usable() -> None:
    front = Front()
    last = LastAuthorization(
        at=START, ok=False, code="secret_expired", message="The secret expired.", cure="New."
    )
    front.store.put(a_connection(status="needs_authorization", last_authorization=last))
    await front.store.notes.put("health:halo", {"ok": False, "detail": "Halo refuses us."})
    status, word, seen = await checks(front)
    assert (status, word) == (200, "degraded")
    assert (seen["halo"], seen["connection:c1"]) == ("degraded", "degraded")


async def test_health_is_down_without_storage() -> None:
    front = Front()
    front.store.broken = Transient("storage_unavailable", "Storage does not answer.")
    status, word, seen = await checks(front)
    assert (status, word, seen["storage"]) == (503, "down", "down")


async def test_health_names_each_bad_setting_with_its_cure_and_no_value() -> None:
    front = Front()
    front.settings = all_settings(
        ENCRYPTION_KEYS="not-a-key", HALO_URL="http://halo.example.test", PUBLIC_URL="x"
    )
    answer = await health.health(front.as_services)
    named = {check["name"]: check for check in answer.json()["checks"]}
    assert {"ENCRYPTION_KEYS", "HALO_URL", "PUBLIC_URL"} <= set(named)
    assert all(named[name]["detail"] for name in named)
    assert b"not-a-key" not in answer.body
