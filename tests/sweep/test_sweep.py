"""The sweep on real parts: what no webhook told of reaches Business Central, and a quiet system stays quiet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.sweep.house import House


async def _synced_invoice(house: House) -> str:
    customer, product = await house.customer(), await house.product()
    halo_id = house.invoice(customer, product)
    await house.sweep()
    await house.push()
    return halo_id


async def test_an_invoice_that_no_webhook_told_of_reaches_bc(house: House) -> None:
    halo_id = await _synced_invoice(house)
    link = await house.link("invoice", halo_id)
    assert link.exists
    assert house.halo("Invoice", halo_id)["dbc_id"] == link.bc_id
    house.edit("Invoice", halo_id, {"cust_order_number": "PO-77"})
    await house.sweep()
    await house.push()
    row = next(row for row in house.bc("salesInvoices") if row["id"] == link.bc_id)
    assert row["customerPurchaseOrderReference"] == "PO-77"


async def test_a_quiet_system_queues_nothing_and_asks_bc_once(house: House) -> None:
    halo_id = await _synced_invoice(house)
    await house.sweep()
    await house.push()
    told = len(await house.outcomes("invoice", halo_id))
    house.clear()
    job = await house.sweep()
    assert job["updated"] == 0
    assert await house.dirty() == set()
    assert len(await house.outcomes("invoice", halo_id)) == told
    assert house.requests("bc") == {"GET salesInvoices": 1}
    # One call for each list, the invoices once more for lost deletes.
    halo = house.requests("halo")
    assert {kind: n for kind, n in halo.items() if kind.startswith("GET") and "{id}" not in kind} == {
        "GET Client": 1,
        "GET Site": 1,
        "GET Item": 1,
        "GET Invoice": 2,
    }
    assert not [kind for kind in halo if kind.startswith("POST") and "auth" not in kind]


async def test_our_own_write_back_is_known_by_its_stamp(house: House) -> None:
    halo_id = await _synced_invoice(house)
    house.clear()
    await house.sweep()
    assert ("invoice", halo_id) not in await house.dirty()
    assert not [kind for kind in house.requests("halo") if kind == "GET Invoice/{id}"]


async def test_a_changed_site_is_a_change_of_its_customer(house: House) -> None:
    customer = await house.customer()
    await house.sweep()
    await house.push()
    site = whole_site(house, customer)
    house.edit("Site", site, {"phonenumber": "0113 496 0000"})
    await house.sweep()
    assert await house.dirty() == {("customer", customer)}
    await house.push()
    link = await house.link("customer", customer)
    row = next(row for row in house.bc("customers") if row["id"] == link.bc_id)
    assert row["phoneNumber"] == "0113 496 0000"


def whole_site(house: House, customer: str) -> int:
    return int(float(house.halo("Client", customer)["main_site_id"]))


async def test_nothing_before_the_connection_is_swept(house: House) -> None:
    job = await house.sweep()
    assert job["updated"] == 0
    assert await house.dirty() == set()


async def test_an_ignored_filter_and_order_queue_what_changed_and_nothing_else(house: House) -> None:
    await house.sweep()
    ignored = ["lastupdatefromdate", "start_date", "datesearch", "order", "orderdesc"]
    house.switch(halo__ignored_filters=ignored)
    customer = house.halo("Client")[-1]["id"]
    house.edit("Client", customer, {"name": "Renamed Ltd"})
    await house.sweep()
    assert await house.dirty() == {("customer", str(customer))}


async def test_f88_a_halo_that_is_down_leaves_the_watermark(house: House) -> None:
    await house.sweep()
    mark = await house.services.store.notes.get("sweep:Client")
    customer = house.halo("Client")[0]["id"]
    house.edit("Client", customer, {"name": "Renamed Ltd"})
    fault = {"service": "halo", "times": 0, "action": {"kind": "status", "status": 503, "when": "before"}}
    house.control.post("/faults", json=fault).raise_for_status()
    started = await house.ask("POST", "/api/halo/sweep", {}, status=202)
    await _work_once(house, started["job_id"])
    job = await house.ask("GET", f"/api/jobs/{started['job_id']}")
    assert job["status"] in ("queued", "running")
    assert job["detail"].startswith("Waiting")
    assert await house.services.store.notes.get("sweep:Client") == mark
    house.control.delete("/faults")
    ended = await house.work_off(started["job_id"])
    assert ended["status"] == "succeeded"
    assert await house.dirty() == {("customer", str(customer))}


async def _work_once(house: House, job_id: str) -> None:
    from bc.jobs.run import run_job
    from bc.model import ImportPageMessage

    await run_job(house.services, ImportPageMessage(job_id=job_id))


async def test_the_timer_acts_when_due_and_not_before(house: House) -> None:
    from bc.sweep.run import SCHEDULE, sweep_when_due

    assert await sweep_when_due(house.services) is None
    earlier = datetime.now(UTC) - timedelta(minutes=5)
    await house.services.store.notes.put(SCHEDULE, {"at": earlier.isoformat()})
    assert await sweep_when_due(house.services) is not None
    assert await sweep_when_due(house.services) is None


async def test_a_lost_delete_removes_the_draft(house: House) -> None:
    halo_id = await _synced_invoice(house)
    link = await house.link("invoice", halo_id)
    house.remove("Invoice", halo_id)
    await house.sweep()
    dirty = await house.dirty_row("invoice", halo_id)
    assert (dirty.operation, dirty.source) == ("delete", "sweep")
    await house.push()
    assert link.bc_id not in {row["id"] for row in house.bc("salesInvoices")}
    newest = (await house.outcomes("invoice", halo_id))[0]
    assert (newest.status, newest.action) == ("synced", "deleted")


async def _many(house: House, count: int) -> list[str]:
    customer, product = await house.customer(), await house.product()
    made = [house.invoice(customer, product) for _ in range(count)]
    await house.sweep()
    await house.push()
    return made


async def test_f86_a_mass_delete_waits_for_a_person_and_is_forgotten_when_they_are_back(house: House) -> None:
    made = await _many(house, 7)
    rights: dict[str, Any] = {"rows": {"Invoice": 0}, "hidden_status": 404}
    house.control.put("/halo/rights", json=rights).raise_for_status()
    job = await house.sweep()
    assert job["skipped"] == 7
    assert await house.dirty() == set()
    errors = await house.ask("GET", "/api/errors", state="open")
    assert errors["groups"] == [{"code": "mass_delete_held", "count": 7}]
    assert {error["halo_id"] for error in errors["items"]} == set(made)
    await house.sweep()
    assert (await house.ask("GET", "/api/errors", state="open"))["groups"][0]["count"] == 7
    house.control.put("/halo/rights", json={}).raise_for_status()
    await house.sweep()
    assert (await house.ask("GET", "/api/errors", state="open"))["items"] == []
    assert len([row for row in house.bc("salesInvoices") if row["externalDocumentNumber"]]) >= 7


async def test_f86_a_refused_look_up_is_no_delete(house: House) -> None:
    await _many(house, 2)
    rights: dict[str, Any] = {"rows": {"Invoice": 0}, "hidden_status": 403}
    house.control.put("/halo/rights", json=rights).raise_for_status()
    job = await house.sweep()
    assert await house.dirty() == set()
    assert "nothing was taken for deleted" in job["detail"]


async def test_a_held_delete_goes_through_when_a_person_retries_it(house: House) -> None:
    made = await _many(house, 6)
    for halo_id in made:
        house.remove("Invoice", halo_id)
    await house.sweep()
    assert await house.dirty() == set()
    await house.ask("POST", "/api/errors/retry", {"code": "mass_delete_held"}, status=202)
    await house.push()
    keys = {f"HALO-{halo_id}" for halo_id in made}
    assert not [row for row in house.bc("salesInvoices") if row["externalDocumentNumber"] in keys]
    assert (await house.ask("GET", "/api/errors", state="open"))["items"] == []


async def test_a_posting_brings_its_number_and_state_to_halo_and_pushes_nothing(house: House) -> None:
    halo_id = await _synced_invoice(house)
    link = await house.link("invoice", halo_id)
    posted = house.post_in_bc(link.bc_id)
    assert posted["number"] != link.bc_number
    await house.sweep()
    invoice = house.halo("Invoice", halo_id)
    assert invoice["thirdpartyinvoicenumber"] == posted["number"]
    assert invoice["bcd_posted"] is True
    after = await house.link("invoice", halo_id)
    assert (after.bc_number, after.bc_status) == (posted["number"], "Open")
    newest = (await house.outcomes("invoice", halo_id))[0]
    assert (newest.status, newest.action, newest.bc_number) == ("synced", "posted", posted["number"])
    house.clear()
    await house.sweep()
    assert await house.dirty() == set()
    assert not [kind for kind in house.requests("halo") if kind == "POST Invoice"]


async def test_two_sweeps_at_once_are_one(house: House) -> None:
    started = await house.ask("POST", "/api/halo/sweep", {}, status=202)
    refused = await house.ask("POST", "/api/halo/sweep", {}, status=409)
    assert (refused["code"], refused["job_id"]) == ("job_running", started["job_id"])


async def test_a_kill_before_the_watermark_is_kept_queues_again_and_loses_nothing(
    house: House, monkeypatch: Any
) -> None:
    await house.sweep()
    customer = house.halo("Client")[0]["id"]
    house.edit("Client", customer, {"name": "Renamed Ltd"})
    put = house.services.store.notes.put

    async def die(key: str, value: Any) -> None:
        if key == "sweep:Client":
            raise KeyboardInterrupt
        await put(key, value)

    monkeypatch.setattr(house.services.store.notes, "put", die)
    started = await house.ask("POST", "/api/halo/sweep", {}, status=202)
    try:
        await _work_once(house, started["job_id"])
    except KeyboardInterrupt:
        monkeypatch.undo()
    assert (await house.work_off(started["job_id"]))["updated"] == 1
    assert await house.dirty() == {("customer", str(customer))}
