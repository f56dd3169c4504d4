"""What comes while all taxes are set to zero, behind the job's back."""

from __future__ import annotations

from typing import Any

from bc.jobs import jobs
from bc.jobs.keeper import Keeper
from bc.jobs.run import run_job
from bc.model import ImportPageMessage
from bc.zero_tax import follow
from bc.zero_tax.run import Progress
from tests.sweep.house import House, whole
from tests.zero_tax.test_zero_tax import ZERO, few


async def _customers_are_done(house: House, monkeypatch: Any) -> str:
    """The job, stopped amid the products."""
    few(house)
    await house.sweep()
    monkeypatch.setattr(Keeper, "time_is_up", property(lambda self: True))
    started: str = (await house.ask("POST", "/api/halo/zero-tax", {}, status=202))["job_id"]
    for page in range(10):
        await run_job(house.services, ImportPageMessage(job_id=started, page=page))
        progress = await jobs.load_progress(house.services, started, Progress)
        if progress is not None and progress.part == 1:
            monkeypatch.undo()
            return started
    raise AssertionError(progress)


async def test_a_customer_made_after_the_job_was_through_with_customers_is_zeroed(
    house: House, monkeypatch: Any
) -> None:
    job_id = await _customers_are_done(house, monkeypatch)
    made = [house.agent("Client", {"name": f"Late {at}", "sales_tax_code": 1})["id"] for at in range(3)]
    monkeypatch.setattr(follow, "FEW", 2)
    await house.sweep()
    assert (await house.work_off(job_id))["status"] == "succeeded"
    assert {house.halo("Client", whole(one))["sales_tax_code"] for one in made} == {ZERO}
    assert (await house.run("POST", "/api/halo/restore-tax"))["status"] == "succeeded"
    assert {house.halo("Client", whole(one))["sales_tax_code"] for one in made} == {1}


async def test_after_a_cancel_nothing_more_is_zeroed(house: House, monkeypatch: Any) -> None:
    job_id = await _customers_are_done(house, monkeypatch)
    await house.ask("POST", f"/api/jobs/{job_id}/cancel", status=202)
    made = house.agent("Client", {"name": "Late", "sales_tax_code": 1})
    await house.sweep()
    assert house.halo("Client", whole(made["id"]))["sales_tax_code"] == 1
