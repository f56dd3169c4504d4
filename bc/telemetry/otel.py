"""The listener that speaks OpenTelemetry. The only module that imports it, and only where the settings ask for it.

Spans are of the kinds INTERNAL and CLIENT: the Functions host tells of the calls themselves, and the alerts count
those. So Application Insights shows ours as dependencies below the host's requests.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry.metrics import Histogram
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from bc.errors import SyncError
from bc.settings import TelemetrySettings

if TYPE_CHECKING:
    from bc.telemetry import Value

NAME = "halo-bc"
# What the exporter would tell its maker about itself, and be told by it.
_MAKERS = ("APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL", "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED")
_propagator = TraceContextTextMapPropagator()


def open_listener(settings: TelemetrySettings) -> OpenTelemetry:
    """Export to where the settings say. Raises `ImportError` where a package is missing."""
    processors: list[SpanProcessor] = []
    readers: list[MetricReader] = []
    if settings.insights:
        for name in _MAKERS:
            os.environ.setdefault(name, "true")
        from azure.identity import ManagedIdentityCredential
        from azure.monitor.opentelemetry.exporter import AzureMonitorMetricExporter, AzureMonitorTraceExporter

        options = {"connection_string": settings.insights.reveal(), "disable_offline_storage": True}
        if settings.client_id:
            options["credential"] = ManagedIdentityCredential(client_id=settings.client_id)
        processors.append(BatchSpanProcessor(AzureMonitorTraceExporter(**options)))
        readers.append(PeriodicExportingMetricReader(AzureMonitorMetricExporter(**options)))
    if settings.otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        base = settings.otlp_endpoint
        processors.append(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{base}/v1/traces")))
        readers.append(PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=f"{base}/v1/metrics")))
    return OpenTelemetry(processors, readers)


class _Span:
    def __init__(self, inner: trace.Span) -> None:
        self._inner = inner

    def set(self, **attributes: Value) -> None:
        self._inner.set_attributes(_named(attributes))


class OpenTelemetry:
    """Providers of our own and not the global ones: a library that traces itself must not write into ours."""

    def __init__(self, processors: list[SpanProcessor], readers: list[MetricReader]) -> None:
        # Service name and what the environment adds (OTEL_RESOURCE_ATTRIBUTES).
        resource = Resource.create({"service.name": os.environ.get("OTEL_SERVICE_NAME") or NAME})
        self._traces = TracerProvider(resource=resource, shutdown_on_exit=True)
        for processor in processors:
            self._traces.add_span_processor(processor)
        self._metrics = MeterProvider(readers, resource=resource)
        self._tracer = self._traces.get_tracer(NAME)
        self._meter = self._metrics.get_meter(NAME)
        self._histograms: dict[str, Histogram] = {}

    @contextmanager
    def span(self, name: str, parent: str, attributes: dict[str, Value], *, call: bool) -> Iterator[_Span]:
        """Below the span under way, or below `parent` where there is none; an error is told by its code alone."""
        under_way = trace.get_current_span().get_span_context().is_valid
        context = _propagator.extract({"traceparent": parent}) if parent and not under_way else None
        kind = trace.SpanKind.CLIENT if call else trace.SpanKind.INTERNAL
        with self._tracer.start_as_current_span(
            name,
            context,
            kind,
            attributes=_named(attributes),
            # The words of an error may hold a name.
            record_exception=False,
            set_status_on_exception=False,
        ) as inner:
            try:
                yield _Span(inner)
            except BaseException as error:
                code = error.code if isinstance(error, SyncError) else type(error).__name__
                inner.set_attribute("error.type", code)
                inner.set_status(trace.StatusCode.ERROR)
                raise

    def note(self, attributes: dict[str, Value]) -> None:
        trace.get_current_span().set_attributes(_named(attributes))

    def traceparent(self) -> str:
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        return carrier.get("traceparent", "")

    def measure(self, name: str, value: float, attributes: dict[str, Value]) -> None:
        histogram = self._histograms.get(name)
        if histogram is None:
            histogram = self._histograms[name] = self._meter.create_histogram(f"halo_bc.{name}", unit="s")
        histogram.record(value, _named(attributes))

    def close(self) -> None:
        self._traces.shutdown()
        self._metrics.shutdown()


def _named(attributes: dict[str, Value]) -> dict[str, Value]:
    """`halo_id` is `halo_bc.halo_id`; names that the field has agreed on are written with a double underscore."""
    return {
        key.replace("__", ".") if "__" in key else f"halo_bc.{key}": value
        for key, value in attributes.items()
        if value != ""
    }
