"""A take-over amid edits: what Halo holds and Business Central does not is still to be sent."""

from __future__ import annotations

import pytest

from tests.interplay.acts import bc_line, in_bc, push, synced, tell
from tests.sweep.house import House


async def _sent_by_another(house: House) -> str:
    """An invoice that BC has, with BC's ids on it in Halo, and no link of ours."""
    halo_id = await synced(house)
    stored = await house.services.store.links.get(house.connection_id, "invoice", halo_id)
    assert stored is not None
    await house.services.store.links.delete(stored.value, stored.etag)
    return halo_id


async def _take_over(house: House) -> None:
    job = await house.run("POST", f"{house.path}/takeover")
    assert job["status"] == "succeeded", job
    assert "0 left out" in job["detail"]


@pytest.mark.parametrize("told", ["by a webhook", "by the sweep"])
async def test_an_edit_before_the_take_over_is_pushed_after_it(house: House, told: str) -> None:
    halo_id = await _sent_by_another(house)
    line = house.halo("Invoice", halo_id)["lines"][0]
    house.edit("Invoice", halo_id, {"lines": [{**line, "qty_order": 5}]})
    if told == "by a webhook":
        await tell(house, halo_id)
    await _take_over(house)
    await house.sweep()
    await push(house)
    assert bc_line(house, halo_id)["quantity"] == 5
    assert (await house.outcomes("invoice", halo_id))[0].action == "updated"


async def test_an_event_of_an_invoice_that_was_taken_over_as_it_stands_is_an_echo(house: House) -> None:
    halo_id = await _sent_by_another(house)
    before = in_bc(house, halo_id)
    await _take_over(house)
    house.clear()
    await tell(house, halo_id)
    await push(house)
    assert house.requests("bc") == {}
    assert in_bc(house, halo_id) == before
    assert len(await house.outcomes("invoice", halo_id)) == 1
