"""Imports of what somebody deleted or linked elsewhere meanwhile: told with its reason, and nobody's link is taken."""

from __future__ import annotations

from typing import Any

import pytest

from bc.imports import run as importing
from tests.sweep.house import House, whole


async def _imported(house: House, path: str, bc_id: str, action: str, halo_id: str | None = None) -> Any:
    """One customer as a person chose it; the job, with what it says of the record as `why`."""
    chosen = {"bc_id": bc_id, "action": action, "halo_id": halo_id}
    job = await house.run("POST", f"{path}/imports/customers", {"records": [chosen]})
    return {**job, "why": (await house.ask("GET", f"/api/jobs/{job['id']}/failures"))["items"]}


async def test_a_record_that_halo_lost_since_is_not_called_unchanged(house: House) -> None:
    bc_id = house.bc("customers")[20]["id"]
    made = await _imported(house, house.path, bc_id, "create")
    assert made["created"] == 1, made
    (link,) = await house.services.store.links.by_bc_id(house.connection_id, "customer", bc_id)
    house.remove("Client", link.halo_id)
    again = await _imported(house, house.path, bc_id, "link")
    assert (again["unchanged"], again["skipped"]) == (0, 1)
    assert [why["code"] for why in again["why"]] == ["not_found_in_halo"]
    assert "unlink" in again["why"][0]["cure"]
    await house.ask("DELETE", f"{house.path}/mappings/customers/{link.halo_id}", status=204)
    anew = await _imported(house, house.path, bc_id, "create")
    assert anew["created"] == 1, anew


async def test_a_choice_takes_no_record_that_another_company_has_linked_meanwhile(house: House) -> None:
    customer = await house.customer()
    other = await house.second_company()
    path = f"/api/connections/{other['id']}"
    rows = house._control("GET", f"/bc/{other['company_id']}/customers")
    bc_id = (rows["value"] if isinstance(rows, dict) else rows)[0]["id"]
    before = house.halo("Client", customer)
    job = await _imported(house, path, bc_id, "link", customer)
    assert (job["updated"], job["failed"]) == (0, 1)
    assert [why["code"] for why in job["why"]] == ["halo_record_already_linked"]
    assert house.halo("Client", customer) == before
    assert await house.services.store.links.by_bc_id(other["id"], "customer", bc_id) == []
    await house.ask("DELETE", f"{house.path}/mappings/customers/{customer}", status=204)
    job = await _imported(house, path, bc_id, "link", customer)
    assert (job["updated"], job["failed"]) == (1, 0)
    assert house.halo("Client", customer)["dbc_company_id"] == other["company_id"]


async def test_one_halo_record_is_not_linked_to_two_of_one_choice(house: House) -> None:
    first, second = house.bc("customers")[30:32]
    halo_id = whole(house.agent("Client", {"name": "Odd One Out", "toplevel_id": 1})["id"])
    before = house.halo("Client", halo_id)
    chosen = [{"bc_id": row["id"], "action": "link", "halo_id": halo_id} for row in (first, second)]
    job = await house.run("POST", f"{house.path}/imports/customers", {"records": chosen})
    why = (await house.ask("GET", f"/api/jobs/{job['id']}/failures"))["items"]
    assert (job["updated"], job["failed"]) == (0, 2)
    assert {one["code"] for one in why} == {"halo_record_already_linked"}
    assert house.halo("Client", halo_id) == before
    assert await house.services.store.links.by_halo_id("customer", halo_id) == []


async def test_what_a_person_links_while_an_import_runs_is_not_created_beside_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = (await house.ask("GET", f"{house.path}/preview/customers", limit=500))["items"]
    new = next(one for one in shown if one["match"] == "new")
    halo_id = whole(house.agent("Client", {"name": "Made by hand", "toplevel_id": 1})["id"])
    real, linked = importing._block, list[Any]()

    async def block(*given: Any) -> Any:
        if not linked:
            path = f"{house.path}/mappings/customers/{halo_id}"
            linked.append(await house.ask("PUT", path, {"bc_id": new["bc_id"]}))
        return await real(*given)

    monkeypatch.setattr(importing, "_block", block)
    chosen = [{"bc_id": new["bc_id"], "action": "create"}]
    job = await house.run("POST", f"{house.path}/imports/customers", {"records": chosen})
    assert (job["created"], job["failed"]) == (0, 1)
    why = (await house.ask("GET", f"/api/jobs/{job['id']}/failures"))["items"]
    assert [one["code"] for one in why] == ["bc_record_already_linked"]
    found = await house.services.store.links.by_bc_id(house.connection_id, "customer", new["bc_id"])
    assert [link.halo_id for link in found] == [halo_id]
    assert [whole(row["id"]) for row in house.halo("Client") if row.get("accountsid") == new["number"]] == [
        halo_id
    ]
