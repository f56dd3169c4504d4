"""What is posted stays, and says no untrue word of a change in Halo, when links and settings change after it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.interplay.acts import in_bc, push, tell
from tests.sweep.house import House


async def posted(house: House) -> str:
    product = await house.product()
    group: dict[str, Any] = {"isgroupdesc": True, "item_shortdescription": "Group"}
    work: dict[str, Any] = {"qty_order": 2, "unit_price": 100, "item_shortdescription": "Work"}
    halo_id = house.invoice(await house.customer(), product, lines=[group, {"_itemid": int(product), **work}])
    line = house.halo("Invoice", halo_id)["lines"][1]
    # A typed code would count before the product's link.
    house.edit("Invoice", halo_id, {"lines": [{"id": line["id"], "item_code": ""}]})
    await tell(house, halo_id)
    await push(house)
    house.post_in_bc(in_bc(house, halo_id)["id"])
    await house.sweep()
    await push(house)
    return halo_id


@pytest.mark.parametrize("setting", [{"sync_inv_groups": True}, {"product": "of another item"}])
async def test_other_settings_and_links_are_no_change_of_a_posted_invoice(
    house: House, setting: dict[str, Any]
) -> None:
    halo_id = await posted(house)
    if "product" in setting:
        product = str(int(house.halo("Invoice", halo_id)["lines"][1]["_itemid"]))
        linked = (await house.link("product", product)).bc_id
        item = next(
            row
            for row in house.bc("items")
            if row["type"] == "Service" and not row.get("blocked") and row["id"] != linked
        )
        body = {"bc_id": item["id"], "confirm": True}
        await house.ask("PUT", f"{house.path}/mappings/products/{product}", body)
    else:
        await house.ask("PATCH", house.path, {"settings": setting})
    verdict = (await house.ask("GET", f"/api/explain/invoice/{halo_id}"))["verdict"]
    await tell(house, halo_id, source="manual")
    await push(house)
    outcome = (await house.outcomes("invoice", halo_id))[0]
    assert (verdict, outcome.status) == ("unchanged", "unchanged"), outcome
    assert [warning.code for warning in outcome.warnings] == ["posted_otherwise"]
    assert (await house.ask("GET", "/api/errors", state="open"))["items"] == []


async def test_a_change_in_halo_after_such_settings_is_refused_as_ever(house: House) -> None:
    halo_id = await posted(house)
    await house.ask("PATCH", house.path, {"settings": {"sync_inv_groups": True}})
    line = house.halo("Invoice", halo_id)["lines"][1]
    house.edit("Invoice", halo_id, {"lines": [{"id": line["id"], "qty_order": 3}]})
    await tell(house, halo_id)
    await push(house)
    outcome = (await house.outcomes("invoice", halo_id))[0]
    assert (outcome.status, outcome.code) == ("failed", "invoice_posted")
