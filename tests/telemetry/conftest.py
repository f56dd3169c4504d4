"""A listener whose spans and measures stay in memory, for the length of a test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Self

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from bc import telemetry
from bc.telemetry.otel import OpenTelemetry


@dataclass(frozen=True)
class Heard:
    exporter: InMemorySpanExporter
    reader: InMemoryMetricReader

    def spans(self, name: str = "") -> list[ReadableSpan]:
        """Ended spans whose name begins so, in the order in which they ended."""
        return [one for one in self.exporter.get_finished_spans() if one.name.startswith(name)]

    def measures(self, name: str) -> list[dict[str, object]]:
        """The attributes of each series of a measure."""
        data = self.reader.get_metrics_data()
        return [
            dict(point.attributes or {})
            for resource in (data.resource_metrics if data else [])
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


@pytest.fixture
def heard() -> Iterator[Heard]:
    exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
    listener = OpenTelemetry([SimpleSpanProcessor(exporter)], [reader])
    before = telemetry.listen(listener)
    yield Heard(exporter, reader)
    telemetry.listen(before)
    listener.close()


class Collector:
    """An OpenTelemetry collector over HTTP: it keeps what it is sent."""

    def __init__(self) -> None:
        got: list[tuple[str, bytes]] = []

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                got.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                return

        self.got = got
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def names_of(self, trace_id: str) -> set[str]:
        """The names of the spans of a trace."""
        return {
            span.name
            for path, body in list(self.got)
            if path == "/v1/traces"
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
            if span.trace_id.hex() == trace_id
        }

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
