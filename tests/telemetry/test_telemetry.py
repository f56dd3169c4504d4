"""The seam itself: what it costs while nobody listens, what it lets through, and what it never says."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bc import settings, telemetry
from bc.errors import Refused
from bc.settings import Secret, TelemetrySettings
from tests.telemetry.conftest import Collector, Heard

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_nothing_of_opentelemetry_is_imported_while_nobody_listens() -> None:
    code = (
        "import sys, function_app, bc.services, bc.functions.api; from bc import telemetry\n"
        "with telemetry.span('push', entity='invoice'): telemetry.note(status='synced')\n"
        "assert telemetry.traceparent() == ''\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_a_span_has_the_parent_that_came_with_the_message(heard: Heard) -> None:
    with telemetry.span("push", parent=PARENT), telemetry.span("bc GET", call=True):
        assert telemetry.traceparent().startswith(PARENT[:35])
    call, push = heard.spans()
    assert push.parent is not None
    assert push.context is not None
    assert call.parent is not None
    assert f"{push.parent.span_id:016x}" == PARENT[36:52]
    assert call.parent.span_id == push.context.span_id


@pytest.mark.parametrize("text", ["", None, 7, "00-0-0-01", PARENT + "x", "00-" + "0" * 32 + PARENT[35:]])
def test_what_is_no_trace_context_is_dropped(text: object) -> None:
    assert telemetry.checked(text) == ""


def test_the_hosts_trace_is_the_parent_of_what_has_none(heard: Heard) -> None:
    with telemetry.called_by(PARENT), telemetry.span("halo event"):
        pass
    with telemetry.span("sweep"):
        pass
    event, sweep = heard.spans()
    assert event.context is not None
    assert f"{event.context.trace_id:032x}" == PARENT[3:35]
    assert sweep.parent is None


def test_an_error_is_told_by_its_code_and_never_by_its_words(heard: Heard) -> None:
    with pytest.raises(Refused), telemetry.span("push"):
        raise Refused("bc_rejected", "Customer Jane Doe, jane@example.com, is blocked.")
    (span,) = heard.spans()
    assert dict(span.attributes or {}) == {"error.type": "bc_rejected"}
    assert not span.status.is_ok
    assert "Jane" not in span.to_json()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (
            "/v2.0/11111111-2222-3333-4444-555555555555/Production/api/v2.0/companies(a-b)/customers(c)/pic",
            "v2.0/companies(…)/customers(…)/pic",
        ),
        ("/v2.0/contoso.com/Prod/api/v2.0/$batch", "v2.0/$batch"),
        ("/api/Invoice/1041", "Invoice/…"),
        ("/api/Invoice/updatelines", "Invoice/updatelines"),
        ("/api/Client/11111111-2222-3333-4444-555555555555", "Client/…"),
        ("/auth/token", "auth/token"),
    ],
)
def test_a_path_is_told_by_its_kind(path: str, kind: str) -> None:
    assert telemetry.kind_of_path(path) == kind


def test_application_insights_gets_traces_only_where_they_are_switched_on() -> None:
    env = {
        "APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=1",
        "AzureWebJobsStorage__clientId": "me",
    }
    assert not settings.load(env).telemetry.wanted
    assert settings.load(env | {"TRACES": "on"}).telemetry.insights.reveal() == "InstrumentationKey=1"
    assert settings.load(env | {"TRACES": "on"}).telemetry.client_id == "me"
    assert settings.load({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector.example.com"}).telemetry.wanted
    refused = settings.load(env | {"TRACES": "yes"})
    assert refused.problem("TRACES")
    assert not refused.telemetry.wanted


async def test_a_collector_gets_spans_and_measures() -> None:
    before = telemetry.listen(None)
    with Collector() as collector:
        try:
            await telemetry.start(TelemetrySettings(Secret(), collector.url, ""))
            with telemetry.span("push", parent=PARENT):
                pass
            telemetry.measure("push", 2.5, status="synced")
            telemetry.close()
        finally:
            telemetry.listen(before)
    assert collector.names_of(PARENT[3:35]) == {"push"}
    assert [b"halo_bc.push" in body for path, body in collector.got if path == "/v1/metrics"] == [True]


async def test_telemetry_that_cannot_start_does_not_stop_the_app(caplog: pytest.LogCaptureFixture) -> None:
    before = telemetry.listen(None)
    try:
        await telemetry.start(TelemetrySettings(Secret("InstrumentationKey=planted-secret"), "", ""))
        assert telemetry.traceparent() == ""
    finally:
        telemetry.listen(before)
    assert "telemetry is off" in caplog.text
    assert "planted" not in caplog.text
