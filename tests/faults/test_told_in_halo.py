"""What an agent sees in Halo of a push: a row among its integration errors while it fails, a line on the invoice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from local.stack import Sandbox
from tests.sweep.house import ALL, House, a_house, a_sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with a_sandbox() as started:
        yield started


@pytest.fixture
async def house(sandbox: Sandbox) -> AsyncIterator[House]:
    sandbox.reset()
    async with a_house(sandbox) as made:
        await made.connect(**ALL)
        yield made


async def push(house: House, *ids: str) -> None:
    for halo_id in ids:
        await house.services.store.dirty.mark(
            "invoice", halo_id, source="webhook", requested_at=datetime.now(UTC)
        )
    await house.push()


def errors(house: House) -> list[dict[str, Any]]:
    return list(house.halo("IntegrationError"))


async def a_refused_invoice(house: House, **more: Any) -> str:
    customer, product = await house.customer(), await house.product()
    return house.invoice(customer, product, cust_order_number="X" * 80, **more)


async def test_a_failure_is_one_row_of_halos_integration_errors_and_goes_with_it(house: House) -> None:
    halo_id = await a_refused_invoice(house)
    await push(house, halo_id)
    await push(house, halo_id)
    (row,) = errors(house)
    assert (row["entity_type"], str(int(row["entity_id"]))) == ("Invoice", halo_id)
    assert "purchase order number" in row["error"]
    house.edit("Invoice", halo_id, {"cust_order_number": "PO-1"})
    await push(house, halo_id)
    assert errors(house) == []
    assert (await house.outcomes("invoice", halo_id))[0].status == "synced"


async def test_another_cause_takes_the_place_of_the_first(house: House) -> None:
    halo_id = await a_refused_invoice(house)
    await push(house, halo_id)
    line = house.halo("Invoice", halo_id)["lines"][0]
    house.edit(
        "Invoice",
        halo_id,
        {
            "cust_order_number": "",
            "lines": [{"id": line["id"], "_itemid": 0, "item_code": "", "nominal_code": "NO-SUCH"}],
        },
    )
    await push(house, halo_id)
    (row,) = errors(house)
    assert "NO-SUCH" in row["error"]


async def test_our_rows_bear_the_module_that_halos_own_integration_uses(house: House) -> None:
    house.switch(halo__native_module_id=117)
    halo_id = await a_refused_invoice(house)
    await push(house, halo_id)
    ours = [row for row in errors(house) if str(int(row["entity_id"])) == halo_id]
    assert [row["module_id"] for row in ours] == [117]


async def test_a_tenant_that_takes_no_such_rows_fails_no_push_and_is_not_asked_again(house: House) -> None:
    house.control.put("/halo/rights", json={"denied": ["IntegrationError"]}).raise_for_status()
    one = await a_refused_invoice(house)
    house.clear()
    await push(house, one)
    await push(house, one)
    assert (await house.outcomes("invoice", one))[0].code == "field_too_long"
    asked = {kind: n for kind, n in house.requests("halo").items() if "IntegrationError" in kind}
    assert sum(asked.values()) <= 2, asked


async def test_with_messages_on_the_invoice_says_what_became_of_it(house: House) -> None:
    await house.ask("PATCH", house.path, {"settings": {"show_message": True}})
    halo_id = await a_refused_invoice(house, internal_note="Ring first")
    await push(house, halo_id)
    first, line = house.halo("Invoice", halo_id)["internal_note"].splitlines()
    assert first == "Ring first"
    assert line.startswith("Business Central: not synced (field_too_long). ")
    stamp = house.halo("Invoice", halo_id)["last_modified"]
    await push(house, halo_id)
    assert house.halo("Invoice", halo_id)["last_modified"] == stamp
    house.edit("Invoice", halo_id, {"cust_order_number": "PO-1"})
    await push(house, halo_id)
    invoice = house.halo("Invoice", halo_id)
    assert (
        invoice["internal_note"]
        == f"Ring first\nBusiness Central: invoice {invoice['thirdpartyinvoicenumber']}."
    )
    await push(house, halo_id)
    assert house.halo("Invoice", halo_id)["last_modified"] == invoice["last_modified"]


async def test_with_messages_off_the_note_is_left_alone(house: House) -> None:
    halo_id = await a_refused_invoice(house, internal_note="Ring first")
    await push(house, halo_id)
    house.edit("Invoice", halo_id, {"cust_order_number": "PO-1"})
    await push(house, halo_id)
    assert house.halo("Invoice", halo_id)["internal_note"] == "Ring first"
