"""Deletes that were held for a person stay his to decide, however few are left of the many."""

from __future__ import annotations

from typing import Any

from tests.sweep.house import House


async def _held(house: House) -> list[dict[str, Any]]:
    """Six invoices that BC has as drafts and Halo no longer; the errors that ask what to do."""
    customer, product = await house.customer(), await house.product()
    made = [house.invoice(customer, product) for _ in range(6)]
    await house.sweep()
    await house.push()
    for halo_id in made:
        house.remove("Invoice", halo_id)
    await house.sweep()
    errors: list[dict[str, Any]] = (await house.ask("GET", "/api/errors", state="open"))["items"]
    assert {error["halo_id"] for error in errors} == set(made)
    return errors


async def _linked(house: House, kind: str) -> str:
    halo_id: str = (await house.ask("GET", f"{house.path}/mappings/{kind}"))["items"][0]["halo_id"]
    return halo_id


def _drafts(house: House) -> set[str]:
    """The Halo ids of the drafts in BC."""
    keys = [row["externalDocumentNumber"] for row in house.bc("salesInvoices") if row["status"] == "Draft"]
    return {key.removeprefix("HALO-") for key in keys if key.startswith("HALO-")}


async def test_a_draft_that_a_person_chose_to_keep_is_not_deleted_by_a_later_sweep(house: House) -> None:
    errors = await _held(house)
    kept = errors[:3]
    for error in kept:
        await house.ask("POST", f"/api/errors/{error['id']}/dismiss", status=204)
    await house.ask("POST", "/api/errors/retry", {"code": "mass_delete_held"}, status=202)
    await house.push()
    for _ in range(2):
        assert _drafts(house) == {error["halo_id"] for error in kept}
        job = await house.sweep()
        assert (job["skipped"], job["detail"]) == (0, "Nothing changed.")
        await house.push()
    assert (await house.ask("GET", "/api/errors", state="open"))["items"] == []


async def test_one_decision_decides_nothing_for_the_others_that_wait(house: House) -> None:
    first, *others = await _held(house)
    await house.ask("POST", "/api/errors/retry", {"ids": [first["id"]]}, status=202)
    await house.push()
    job = await house.sweep()
    await house.push()
    assert _drafts(house) == {error["halo_id"] for error in others}
    assert job["skipped"] == 5
    errors = await house.ask("GET", "/api/errors", state="open")
    assert errors["groups"] == [{"code": "mass_delete_held", "count": 5}]


async def test_a_delete_beside_those_that_wait_goes_through(house: House) -> None:
    first, *others = await _held(house)
    for error in others:
        await house.ask("POST", f"/api/errors/{error['id']}/dismiss", status=204)
    await house.ask("POST", "/api/errors/retry", {"ids": [first["id"]]}, status=202)
    customer, product = [await _linked(house, kind) for kind in ("customers", "products")]
    extra = house.invoice(customer, product)
    await house.ask("POST", "/api/sync", {"entity": "invoice", "halo_ids": [extra]}, status=202)
    await house.push()
    await house.sweep()
    house.remove("Invoice", extra)
    await house.sweep()
    await house.push()
    assert _drafts(house) == {error["halo_id"] for error in others}
