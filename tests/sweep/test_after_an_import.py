"""What an import writes to Halo comes back as events and changes: none of it may become work."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bc.entities.stamps import is_exact
from tests.sweep.house import House, whole


def _calls(house: House) -> dict[str, int]:
    return {kind: n for kind, n in house.requests("halo").items() if "auth" not in kind}


async def _imported(house: House) -> None:
    job = await house.run("POST", f"{house.path}/imports/customers", {"all": True})
    assert (job["status"], job["total"]) == ("succeeded", 150)


async def test_a_sweep_after_an_import_of_150_customers_pushes_nothing(house: House) -> None:
    await house.sweep()
    await _imported(house)
    house.clear()
    await house.sweep()
    assert await house.dirty() == set()
    await house.push()
    assert house.requests("bc").get("PATCH customers", 0) == 0
    assert not [kind for kind in house.requests("bc") if kind != "GET salesInvoices"]
    # The lists' pages, and nothing for each customer.
    calls = _calls(house)
    assert calls.get("GET Client/{id}", 0) == calls.get("GET Site/{id}", 0) == 0
    assert sum(calls.values()) <= 9


async def test_an_event_of_an_imported_customer_pushes_nothing_though_its_name_is_written_in_capitals(
    house: House,
) -> None:
    for client in house.halo("Client")[:40]:
        house.edit("Client", whole(client["id"]), {"name": str(client["name"]).upper()})
    await _imported(house)
    links = [link async for link in house.services.store.links.all(house.connection_id, "customer")]
    # A stamp that falls on a whole second, one in a thousand, decides nothing in a push (`is_exact`).
    capitals = [
        link
        for link in links
        if link.halo_name.isupper() and link.halo_name != link.bc_name and is_exact(link.halo_stamp)
    ]
    assert len(capitals) > 20
    house.clear()
    for link in capitals:
        await house.services.store.dirty.mark(
            "customer", link.halo_id, source="webhook", requested_at=datetime.now(UTC)
        )
    await house.push()
    assert house.requests("bc") == {}
    assert await house.outcomes("customer", capitals[0].halo_id) == []


async def test_an_edit_after_an_import_is_pushed(house: House) -> None:
    await _imported(house)
    links = [link async for link in house.services.store.links.all(house.connection_id, "customer")]
    link = next(one for one in links if one.halo_stamp)
    house.edit("Client", link.halo_id, {"accountsemailaddress": "new@example.com"})
    await house.sweep()
    assert ("customer", link.halo_id) in await house.dirty()
    await house.push()
    row = next(row for row in house.bc("customers") if row["id"] == link.bc_id)
    assert row["email"] == "new@example.com"


async def test_an_edit_that_waits_is_not_hidden_by_an_import_that_writes_over_it(house: House) -> None:
    """The stamp of our write covers both; the person's part of it was never sent."""
    await house.sweep()
    await _imported(house)
    await house.sweep()
    links = [link async for link in house.services.store.links.all(house.connection_id, "customer")]
    link = next(one for one in links if one.halo_stamp)
    house.edit("Client", link.halo_id, {"name": "Renamed while nobody looked"})
    changed = house.control.patch(
        f"/bc/{house.company}/customers/{link.bc_id}", json={"email": "from-bc@example.com"}
    )
    changed.raise_for_status()
    await _imported(house)
    assert house.halo("Client", link.halo_id)["accountsemailaddress"] == "from-bc@example.com"
    await house.sweep()
    assert ("customer", link.halo_id) in await house.dirty()


async def test_an_edit_in_the_midst_of_an_import_is_not_hidden_by_what_the_import_writes(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what a push reads and an import does not: the import must not take the stamp for its own."""
    await house.sweep()
    await _imported(house)
    links = [link async for link in house.services.store.links.all(house.connection_id, "customer")]
    link = next(one for one in links if is_exact(one.halo_stamp.split("/")[0]))
    changed = house.control.patch(
        f"/bc/{house.company}/customers/{link.bc_id}", json={"email": "from-bc@example.com"}
    )
    changed.raise_for_status()
    save, value = house.services.halo.save, house.bc("dimensionValues")[0]
    code = next(row["code"] for row in house.bc("dimensions") if row["id"] == value["dimensionId"])
    edited = False

    async def in_the_midst(resource: str, rows: Any, **more: Any) -> Any:
        nonlocal edited
        if resource == "Client" and not edited:
            edited = True
            row = {"dimension_code": code, "dimension_value_code": value["code"]}
            house.edit("Client", link.halo_id, {"dbc_dimensions": [row]})
        return await save(resource, rows, **more)

    monkeypatch.setattr(house.services.halo, "save", in_the_midst)
    await _imported(house)
    assert edited
    assert house.halo("Client", link.halo_id)["accountsemailaddress"] == "from-bc@example.com"
    await house.sweep()
    await house.push()
    held = [row for row in house.bc("defaultDimensions") if row["parentId"] == link.bc_id]
    assert value["id"] in [row["dimensionValueId"] for row in held]
