"""Zero tax on real parts: shown first, applied with the old values kept, put back exactly."""

from __future__ import annotations

from typing import Any

from bc.jobs.run import run_job
from bc.model import ImportPageMessage
from bc.sweep.delta import import_when_due
from bc.zero_tax import run as running
from bc.zero_tax.follow import after_imports
from tests.sweep.house import House

ZERO = 3
FIELDS = {
    "Client": (
        "sales_tax_code",
        "item_tax_code",
        "service_tax_code",
        "contract_tax_code",
        "prepay_tax_code",
        "tax_number",
        "name",
    ),
    "Item": ("taxcode", "taxcodeother", "name"),
}


def taxes(house: House) -> dict[tuple[str, int], tuple[Any, ...]]:
    return {
        (resource, int(row["id"])): tuple(row.get(name) for name in names)
        for resource, names in FIELDS.items()
        for row in house.halo(resource)
    }


def few(house: House, count: int = 12) -> None:
    """Leave a few records of each kind, so that a test reads few."""
    for resource in ("Client", "Item"):
        for row in house.halo(resource)[count:]:
            house.remove(resource, row["id"])


async def test_the_preview_lists_every_change_and_writes_nothing(house: House) -> None:
    few(house)
    before = taxes(house)
    items: list[dict[str, Any]] = []
    cursor, counts = "", None
    while True:
        page = await house.ask("POST", "/api/halo/zero-tax", {"preview": True}, limit=5, cursor=cursor)
        counts = counts or page["counts"]
        items += page["items"]
        if not page["next"]:
            break
        cursor = page["next"]
    assert counts == {"customers": 12, "products": 12}
    assert len(items) == 24
    product = next(item for item in items if item["entity"] == "product")
    assert product["changes"] == [
        {"field": "taxcode", "old": "1", "old_name": "VAT 20%", "new": "3", "new_name": "Zero"}
    ]
    assert taxes(house) == before
    assert (await house.ask("GET", "/api/halo/zero-tax"))["on"] is False


async def test_all_taxes_become_zero_and_are_put_back_exactly(house: House) -> None:
    few(house)
    first = int(house.halo("Client")[0]["id"])
    house.edit("Client", first, {"sales_tax_code": 2, "service_tax_code": 1})
    before = taxes(house)
    job = await house.run("POST", "/api/halo/zero-tax")
    assert (job["status"], job["total"], job["done"], job["updated"]) == ("succeeded", 24, 24, 24)
    assert house.halo("Client", first)["service_tax_code"] == ZERO
    assert house.halo("Client", first)["item_tax_code"] == 0
    assert {row["sales_tax_code"] for row in house.halo("Client")} == {ZERO}
    assert {row["taxcode"] for row in house.halo("Item")} == {ZERO}
    state = await house.ask("GET", "/api/halo/zero-tax")
    assert (state["on"], state["changed"], state["conflicts"]) == (True, 24, 0)
    assert state["since"]
    again = await house.run("POST", "/api/halo/zero-tax")
    assert (again["updated"], again["unchanged"]) == (0, 24)
    back = await house.run("POST", "/api/halo/restore-tax")
    assert (back["status"], back["updated"]) == ("succeeded", 24)
    assert taxes(house) == before
    state = await house.ask("GET", "/api/halo/zero-tax")
    assert (state["on"], state["changed"], state["since"]) == (False, 0, None)


async def test_neither_way_queues_a_push_of_what_it_wrote(house: House) -> None:
    few(house)
    customer, product = await house.customer(), await house.product()
    await house.sweep()
    await house.push()
    await house.run("POST", "/api/halo/zero-tax")
    await house.sweep()
    assert await house.dirty() == set()
    assert house.halo("Client", customer)["sales_tax_code"] == ZERO
    await house.run("POST", "/api/halo/restore-tax")
    await house.sweep()
    assert await house.dirty() == set()
    assert house.halo("Item", product)["taxcode"] == 0


async def test_a_record_changed_since_is_neither_overwritten_nor_put_back(house: House) -> None:
    few(house)
    item = int(house.halo("Item")[0]["id"])
    await house.run("POST", "/api/halo/zero-tax")
    house.edit("Item", item, {"taxcode": 2})
    again = await house.run("POST", "/api/halo/zero-tax")
    assert (again["unchanged"], again["skipped"]) == (23, 1)
    failures = (await house.ask("GET", f"/api/jobs/{again['id']}/failures"))["items"]
    assert [failure["code"] for failure in failures] == ["tax_changed_meanwhile"]
    state = await house.ask("GET", "/api/halo/zero-tax")
    assert (state["conflicts"], state["conflict_items"][0]["halo_id"]) == (1, str(item))
    back = await house.run("POST", "/api/halo/restore-tax")
    assert (back["updated"], back["skipped"]) == (23, 1)
    assert house.halo("Item", item)["taxcode"] == 2


async def test_records_that_come_later_are_zeroed_too(house: House) -> None:
    few(house)
    await house.run("POST", "/api/halo/zero-tax")
    made = house.agent("Item", {"name": "New thing", "assetgroup_id": 1, "taxcode": 1})
    person = house.halo("Item")[0]["id"]
    house.edit("Item", person, {"taxcode": 2})
    await house.sweep()
    assert house.halo("Item", int(made["id"]))["taxcode"] == ZERO
    assert house.halo("Item", person)["taxcode"] == 2
    await house.run("POST", "/api/halo/restore-tax")
    assert house.halo("Item", int(made["id"]))["taxcode"] == 1


async def test_what_an_import_brought_is_zeroed_soon_after(house: House) -> None:
    few(house)
    await house.run("POST", "/api/halo/zero-tax")
    free = [row["id"] for row in house.bc("customers") if str(row["blocked"]).strip() in ("", "_x0020_")]
    fresh = free[60:63]
    chosen = [{"bc_id": bc_id, "action": "create"} for bc_id in fresh]
    job = await house.run("POST", f"{house.path}/imports/customers", {"records": chosen})
    assert job["created"] == 3, job
    await after_imports(house.services)
    (zeroing,) = [
        one
        for one in (await house.ask("GET", "/api/jobs"))["items"]
        if one["kind"] == "zero_tax" and not one["finished_at"]
    ]
    assert (await house.work_off(zeroing["id"]))["updated"] == 3
    await after_imports(house.services)
    assert not [one for one in (await house.ask("GET", "/api/jobs"))["items"] if not one["finished_at"]]
    assert await import_when_due(house.services) == 0


async def test_a_killed_job_goes_on_and_a_kept_value_is_never_lost(house: House, monkeypatch: Any) -> None:
    few(house)
    before = taxes(house)
    monkeypatch.setattr(running, "BLOCK", 4)
    for kill_at in (2, 3, 5):
        started = await house.ask("POST", "/api/halo/zero-tax", {}, status=202)
        with _Death(house, kill_at):
            await _deliver(house, started["job_id"])
        job = await house.work_off(started["job_id"])
        assert (job["done"], job["updated"] + job["unchanged"]) == (24, 24), job
        assert {row["taxcode"] for row in house.halo("Item")} == {ZERO}
        started = await house.ask("POST", "/api/halo/restore-tax", {}, status=202)
        with _Death(house, kill_at):
            await _deliver(house, started["job_id"])
        assert (await house.work_off(started["job_id"]))["status"] == "succeeded"
        assert taxes(house) == before


class _Died(BaseException):
    pass


class _Death:
    """The process dies right after Halo carried out the n-th write, before anything of it is stored."""

    def __init__(self, house: House, at: int) -> None:
        self.halo, self.left = house.services.halo, at
        self.save = self.halo.save

    def __enter__(self) -> None:
        async def save(resource: str, rows: Any, **more: Any) -> Any:
            answer = await self.save(resource, rows, **more)
            self.left -= 1
            if self.left == 0:
                raise _Died
            return answer

        self.halo.save = save  # type: ignore[method-assign]  # a process that dies here

    def __exit__(self, *_: object) -> None:
        self.halo.save = self.save  # type: ignore[method-assign]


async def _deliver(house: House, job_id: str) -> None:
    try:
        await run_job(house.services, ImportPageMessage(job_id=job_id))
    except _Died:
        return
    raise AssertionError("it did not die")


async def test_cancel_leaves_what_was_done_and_restore_puts_it_back(house: House, monkeypatch: Any) -> None:
    few(house)
    before = taxes(house)
    monkeypatch.setattr(running, "BLOCK", 4)
    started = await house.ask("POST", "/api/halo/zero-tax", {}, status=202)
    with _Death(house, 2):
        await _deliver(house, started["job_id"])
    await house.ask("POST", f"/api/jobs/{started['job_id']}/cancel", {}, status=202)
    state = await house.ask("GET", "/api/halo/zero-tax")
    assert (state["on"], state["phase"]) == (False, "applying")
    await house.run("POST", "/api/halo/restore-tax")
    assert taxes(house) == before


async def test_several_taxes_of_zero_are_a_persons_choice_and_none_is_said(house: House) -> None:
    few(house, 3)
    other = house.agent("Tax", {"name": "Exempt", "code": "E0", "value": 0})
    asked = await house.ask("POST", "/api/halo/zero-tax", {}, status=409)
    assert asked["code"] == "several_zero_taxes"
    assert {one["name"] for one in asked["candidates"]} == {"Zero", "Exempt"}
    chosen = {"tax_id": str(int(other["id"]))}
    assert (await house.run("POST", "/api/halo/zero-tax", chosen))["updated"] == 6
    assert {row["taxcode"] for row in house.halo("Item")} == {int(other["id"])}
    await house.run("POST", "/api/halo/restore-tax")
    for tax in (ZERO, int(other["id"])):
        house.remove("Tax", tax)
    assert (await house.ask("POST", "/api/halo/zero-tax", {}, status=409))["code"] == "no_zero_tax"


async def test_both_jobs_at_once_are_refused(house: House) -> None:
    few(house, 3)
    started = await house.ask("POST", "/api/halo/zero-tax", {}, status=202)
    refused = await house.ask("POST", "/api/halo/restore-tax", {}, status=409)
    assert (refused["code"], refused["job_id"]) == ("job_running", started["job_id"])


async def test_one_refused_record_of_an_array_is_named_and_the_others_go_through(house: House) -> None:
    few(house, 6)
    bad = int(house.halo("Item")[2]["id"])
    fault = {
        "service": "halo",
        "method": "POST",
        "path": "/Item$",
        "body": f'"id": ?{bad}\\b',
        "times": 0,
        "action": {"kind": "status", "status": 400, "body": {"Message": "No."}, "when": "before"},
    }
    house.control.post("/faults", json=fault).raise_for_status()
    job = await house.run("POST", "/api/halo/zero-tax")
    assert (job["updated"], job["failed"]) == (11, 1), job
    assert house.halo("Item", bad)["taxcode"] == 1
    assert (await house.ask("GET", "/api/halo/zero-tax"))["changed"] == 11
