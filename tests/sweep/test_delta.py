"""Scheduled delta imports on real parts: F40-F44 as they concern the watermark, and deletions in Business Central."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from bc.sweep import delta
from bc.sweep.deleted_in_bc import note_deletions
from bc.sweep.delta import Plan, import_when_due
from tests.sweep.house import House


async def _linked(house: House) -> tuple[str, str]:
    """A BC customer and the Halo customer linked to it; scheduled imports of customers from now on."""
    halo_id = await house.customer()
    await house.ask("PATCH", house.path, {"settings": {"delta_imports": {"customers": 5}}})
    return (await house.link("customer", halo_id)).bc_id, halo_id


async def _plan(house: House) -> Plan:
    return msgspec.convert(
        await house.services.store.notes.get(f"delta:{house.connection_id}:customers"), Plan
    )


async def _due_again(house: House, **more: Any) -> None:
    """As if the time had passed."""
    plan = await _plan(house)
    earlier = datetime.now(UTC) - timedelta(minutes=6)
    changed = msgspec.structs.replace(plan, looked_at=earlier, **more)
    note = f"delta:{house.connection_id}:customers"
    await house.services.store.notes.put(note, msgspec.to_builtins(changed))


def _edit_bc(house: House, bc_id: str, **changes: Any) -> None:
    house._control("PATCH", f"/bc/{house.company}/customers/{bc_id}", changes)


async def _run_due(house: House) -> Any:
    assert await import_when_due(house.services) == 1
    plan = await _plan(house)
    return await house.work_off(plan.job_id)


async def test_a_change_in_bc_arrives_and_a_quiet_one_costs_one_request(house: House) -> None:
    bc_id, halo_id = await _linked(house)
    _edit_bc(house, bc_id, phoneNumber="020 7946 0001")
    job = await _run_due(house)
    assert (job["kind"], job["status"], job["done"]) == ("customers", "succeeded", 1)
    site = house.halo("Site", int(float(house.halo("Client", halo_id)["main_site_id"])))
    assert site["phonenumber"] == "020 7946 0001"
    assert await import_when_due(house.services) == 0
    await _due_again(house)
    house.clear()
    assert await import_when_due(house.services) == 0
    assert house.requests("bc") == {"GET customers": 1}
    assert not [kind for kind in house.requests("halo") if "auth" not in kind]
    _edit_bc(house, bc_id, phoneNumber="020 7946 0002")
    await _due_again(house)
    assert (await _run_due(house))["done"] >= 1


async def test_f41_records_of_one_moment_at_the_edge_are_all_imported(house: House) -> None:
    bc_id, _ = await _linked(house)
    other = next(row["id"] for row in house.bc("customers") if row["id"] != bc_id)
    _edit_bc(house, bc_id, phoneNumber="1")
    await _run_due(house)
    plan = await _plan(house)
    await import_when_due(house.services)
    # Another record with the very stamp of the watermark, which the last look did not show.
    mark = (await _plan(house)).mark
    assert mark is not None
    assert plan.next_mark == mark
    _edit_bc(house, other, phoneNumber="2")
    stamp = next(row["lastModifiedDateTime"] for row in house.bc("customers") if row["id"] == other)
    tied = msgspec.structs.replace(mark, at=datetime.fromisoformat(stamp), seen={bc_id: 0})
    await _due_again(house, mark=tied)
    assert (await _run_due(house))["done"] >= 1


async def test_f43_a_late_commit_within_the_overlap_is_found(house: House) -> None:
    bc_id, _ = await _linked(house)
    _edit_bc(house, bc_id, phoneNumber="1")
    await _run_due(house)
    await import_when_due(house.services)
    mark = (await _plan(house)).mark
    assert mark is not None
    # BC's newest stamp was a minute later than that of a transaction which only commits now.
    later = msgspec.structs.replace(mark, at=mark.at + timedelta(minutes=1), seen={})
    _edit_bc(house, bc_id, phoneNumber="2")
    await _due_again(house, mark=later)
    assert (await _run_due(house))["done"] >= 1


@pytest.mark.parametrize("ahead", [600, -600], ids=["ours ten minutes behind", "ours ten minutes ahead"])
async def test_f42_our_clock_does_not_matter(house: House, ahead: int) -> None:
    """BC's clock against ours; the mark that each import leaves is kept for the next look."""
    house.control.post("/clock", json={"shift_seconds": ahead}).raise_for_status()
    bc_id, halo_id = await _linked(house)
    marks = []
    for number in ("1", "2", "3"):
        _edit_bc(house, bc_id, phoneNumber=number)
        job = await _run_due(house)
        assert (job["status"], job["done"] >= 1) == ("succeeded", True)
        site = house.halo("Site", int(float(house.halo("Client", halo_id)["main_site_id"])))
        assert site["phonenumber"] == number
        assert await import_when_due(house.services) == 0
        mark = (await _plan(house)).mark
        assert mark is not None
        marks.append(mark.at)
        await _due_again(house)
    assert marks == sorted(set(marks))


async def test_a_failed_import_leaves_the_mark_and_is_repeated(house: House) -> None:
    bc_id, _ = await _linked(house)
    _edit_bc(house, bc_id, phoneNumber="1")
    assert await import_when_due(house.services) == 1
    job_id = (await _plan(house)).job_id
    await house.ask("POST", f"/api/jobs/{job_id}/cancel", {}, status=202)
    assert await import_when_due(house.services) == 0
    plan = await _plan(house)
    assert (plan.job_id, plan.mark) == ("", None)
    await _due_again(house)
    assert (await _run_due(house))["done"] >= 1


async def test_an_import_by_hand_is_waited_for(house: House) -> None:
    bc_id, _ = await _linked(house)
    _edit_bc(house, bc_id, phoneNumber="1")
    path = f"{house.path}/imports/customers"
    started = await house.ask("POST", path, {"records": [{"bc_id": bc_id, "action": "update"}]}, status=202)
    assert await import_when_due(house.services) == 0
    await house.work_off(started["job_id"])
    await _due_again(house)
    assert await import_when_due(house.services) == 1


async def test_off_or_paused_nothing_is_asked(house: House) -> None:
    await house.customer()
    house.clear()
    assert await import_when_due(house.services) == 0
    await house.ask("PATCH", house.path, {"settings": {"delta_imports": {"customers": 5}}, "paused": True})
    assert await import_when_due(house.services) == 0
    assert house.requests("bc") == {}


async def test_f44_a_record_gone_from_bc_is_shown_and_stays_in_halo(house: House) -> None:
    bc_id, halo_id = await _linked(house)
    house._control("DELETE", f"/bc/{house.company}/customers/{bc_id}")
    await import_when_due(house.services)
    assert (await house.link("customer", halo_id)).state == "broken"
    mappings = (await house.ask("GET", f"{house.path}/mappings/customers"))["items"]
    assert [(one["halo_id"], one["state"]) for one in mappings] == [(halo_id, "broken")]
    assert house.halo("Client", halo_id)["id"]


async def test_a_link_whose_record_is_there_again_is_whole(house: House) -> None:
    _, halo_id = await _linked(house)
    stored = await house.services.store.links.get(house.connection_id, "customer", halo_id)
    assert stored is not None
    broken = msgspec.structs.replace(stored.value, state="broken")
    await house.services.store.links.replace(broken, stored.etag)
    row = await house.services.store.connections.get(house.connection_id)
    assert row is not None
    assert await note_deletions(house.services, row.value, "customers") == 0
    assert (await house.link("customer", halo_id)).state == "ok"


async def test_every_kind_has_its_list(house: House) -> None:
    minutes = dict.fromkeys(delta.ENDPOINTS, 5)
    await house.ask("PATCH", house.path, {"settings": {"delta_imports": minutes}})
    house.clear()
    await import_when_due(house.services)
    asked = {kind for kind in house.requests("bc") if kind.startswith("GET")}
    assert asked == {f"GET {endpoint}" for endpoint in delta.ENDPOINTS.values()}
