"""One change followed through the real engine: from Halo's call over queue and dirty row to the write-back."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from bc import telemetry
from bc.sync.intake import QueuedChange, parse, take
from local.azurite import Azurite
from local.stack import App, Sandbox
from tests.e2e.acting import Acting, Invoicing, wait_for
from tests.faults.engine import a_process, drain
from tests.telemetry.conftest import Collector, Heard

DISABLED = {f"AzureWebJobs.{name}.Disabled": "true" for name in ("pump", "wake_pump", "halo_sweep")}


TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(scope="module")
def house(azurite: Azurite, sandbox: Sandbox) -> Iterator[Acting]:
    """The app, connected; its own pump rests, since the test is the engine."""
    sandbox.reset()
    with App(sandbox, azurite.fresh(), env=DISABLED) as app:
        acting = Acting(app)
        acting.connect()
        yield acting


@pytest.fixture(scope="module")
def invoicing(house: Acting) -> Invoicing:
    return Invoicing(house)


async def test_one_change_is_one_trace_from_the_call_to_the_write_back(
    house: Acting, invoicing: Invoicing, heard: Heard
) -> None:
    halo_id = invoicing.invoice()
    async with a_process(house.app.host.env) as services:
        with telemetry.span("halo event"):
            sent = msgspec.json.encode(
                QueuedChange(entity="invoice", halo_id=halo_id, traceparent=telemetry.traceparent())
            )
        await take(services, parse(sent), wake=False)
        await drain(services)
    (event,), (taken,), (push,) = heard.spans("halo event"), heard.spans("change taken"), heard.spans("push")
    calls = [*heard.spans("halo "), *heard.spans("bc ")]
    calls = [one for one in calls if one.name != "halo event"]
    assert event.context is not None
    trace_id = event.context.trace_id
    assert {one.context.trace_id for one in (taken, push, *calls) if one.context} == {trace_id}
    assert push.parent is not None
    assert taken.context is not None
    assert push.context is not None
    assert push.parent.span_id == taken.context.span_id
    assert {one.parent.span_id for one in calls if one.parent} == {push.context.span_id}
    told = dict(push.attributes or {})
    assert told["halo_bc.status"] == "synced"
    assert told["halo_bc.halo_id"] == halo_id
    assert told["halo_bc.requests"] == 1
    (batch,) = [one for one in calls if one.name == "bc POST v2.0/$batch"]
    assert (batch.attributes or {}).get("bc.correlation_id")
    assert any(one.name.startswith("halo POST Invoice") for one in calls)
    assert all((one.attributes or {}).get("http.response.status_code") for one in calls)
    assert {"halo_bc.entity": "invoice", "halo_bc.status": "synced"}.items() <= heard.measures(
        "halo_bc.push"
    )[0].items()
    services_called = {one["halo_bc.service"] for one in heard.measures("halo_bc.call")}
    assert services_called == {"bc", "halo"}


async def test_no_span_holds_a_name_an_address_or_a_secret(
    house: Acting, invoicing: Invoicing, heard: Heard
) -> None:
    halo_id = invoicing.invoice(invoicing.line(text="Confidential work for Jane Doe"))
    async with a_process(house.app.host.env) as services:
        await take(services, QueuedChange(entity="invoice", halo_id=halo_id), wake=False)
        await drain(services)
    told = "".join(one.to_json() for one in heard.spans())
    customer = house.halo("Client", invoicing.customer)
    planted = [
        "Confidential",
        customer["name"],
        "Bearer",
        house.app.sandbox.facts["halo"]["client_secret"],
        "?",
    ]
    assert [text for text in planted if text in told] == []
    assert "bc POST" in told


def test_a_collector_sees_the_hosts_trace_end_in_the_write_back(azurite: Azurite, sandbox: Sandbox) -> None:
    sandbox.reset()
    with Collector() as collector:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
        with App(sandbox, azurite.fresh(), env=env) as app:
            acting = Acting(app)
            acting.connect()
            halo_id = Invoicing(acting).invoice()
            acting.app.api.post(
                app.webhook_url + "&entity=invoice&operation=upsert",
                json={"id": int(halo_id)},
                headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"},
            ).raise_for_status()
            acting.outcome("invoice", halo_id)
            names = {"halo event", "change taken", "push", "halo GET Invoice/…", "halo POST Invoice"}
            wait_for(lambda: names <= collector.names_of(TRACE) or None, 30, "the spans of the trace")
