"""Sixty invoices at once, counted by the sandbox: what a flood asks of Halo, and that nothing is lost in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from bc.entities import invoice_columns
from bc.sync.pump import Pump
from local.stack import Sandbox
from tests.sweep.house import ALL, House, a_house, a_sandbox

COUNT = 60


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with a_sandbox() as started:
        yield started


@pytest.fixture
async def house(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    sandbox.reset()
    # Counts must not hang on how fast this machine is: an array goes once every push under way has joined it, and an
    # echo may come late.
    monkeypatch.setattr("bc.sync.halo_reads.ECHO_SECONDS", 3600.0)
    async with a_house(sandbox) as made:
        await made.connect(**ALL)
        made.services.halo_writes._hold = 60.0
        yield made


async def flood(house: House, count: int = COUNT) -> list[str]:
    """So many invoices that an agent has just made, and the webhook's word of each."""
    customer, product = await house.customer(), await house.product()
    ids = [house.invoice(customer, product) for _ in range(count)]
    await tell(house, ids)
    return ids


async def push(house: House) -> None:
    """Let the pump work until nothing is left, however slow this machine is."""
    await Pump(house.services).run(seconds=900)


async def tell(house: House, ids: list[str]) -> None:
    for halo_id in ids:
        await house.services.store.dirty.mark(
            "invoice", halo_id, source="webhook", requested_at=datetime.now(UTC)
        )


def calls(house: House) -> dict[str, int]:
    return {
        kind: n for kind, n in house.requests("halo").items() if "auth" not in kind and "/{id}" not in kind
    } | {"GET Invoice/{id}": house.requests("halo").get("GET Invoice/{id}", 0)}


async def check(house: House, ids: list[str]) -> None:
    """Each invoice is in BC once, with its number and tax in Halo, and its outcome told once."""
    rows = house.bc("salesInvoices")
    for halo_id in ids:
        (row,) = [row for row in rows if row["externalDocumentNumber"] == f"HALO-{halo_id}"]
        invoice: dict[str, Any] = house.halo("Invoice", halo_id)
        assert (invoice["dbc_id"], invoice["thirdpartyinvoicenumber"]) == (row["id"], row["number"])
        assert invoice["tax_total"] == row["totalTaxAmount"] > 0
        assert all(line["dbc_id"] and line["tax_amount"] for line in invoice["lines"])
        told = [(one.status, one.action) for one in await house.outcomes("invoice", halo_id)]
        assert told == [("synced", "created")]


async def test_a_flood_with_full_list_rows_takes_a_fifth_of_a_call_for_each_invoice(house: House) -> None:
    house.switch(halo__thin_rows=False)
    ids = await flood(house)
    house.clear()
    await push(house)
    made = calls(house)
    await check(house, ids)
    assert sum(made.values()) <= COUNT * 0.2 + 10, made  # and the few facts that each process reads once
    assert house.requests("bc")["POST $batch"] == COUNT
    house.clear()
    await tell(house, ids)  # what our own writes come back as
    await push(house)
    assert house.requests("bc") == {}
    assert sum(calls(house).values()) <= 4, calls(house)
    await check(house, ids)


async def test_a_flood_with_thin_list_rows_takes_little_more_than_one_read_for_each(house: House) -> None:
    ids = await flood(house)
    house.clear()
    await push(house)
    made = calls(house)
    await check(house, ids)
    assert made["GET Invoice/{id}"] <= COUNT + 1, made
    assert sum(made.values()) <= COUNT * 1.2 + 10, made
    house.clear()
    await tell(house, ids)
    await push(house)
    assert sum(calls(house).values()) <= 4, calls(house)
    await check(house, ids)


async def edit_and_tell(house: House, halo_id: str, **changes: Any) -> None:
    house.edit("Invoice", halo_id, changes)
    await tell(house, [halo_id])


def reference_in_bc(house: House, halo_id: str) -> str:
    rows = house.bc("salesInvoices")
    (row,) = [row for row in rows if row["externalDocumentNumber"] == f"HALO-{halo_id}"]
    return str(row["customerPurchaseOrderReference"])


async def test_an_edit_made_after_the_list_was_read_reaches_bc(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.switch(halo__thin_rows=False)
    ids = await flood(house, 30)
    page, edited = house.services.halo.page, list[str]()

    async def then_edited(*where: Any, **how: Any) -> Any:
        found = await page(*where, **how)
        if not edited:
            edited.append(ids[20])
            await edit_and_tell(house, ids[20], cust_order_number="PO-late")
        return found

    monkeypatch.setattr(house.services.halo, "page", then_edited)
    await push(house)
    assert edited
    assert reference_in_bc(house, ids[20]) == "PO-late"


async def test_an_edit_that_no_webhook_told_is_not_hidden_by_our_write_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It falls between the list and the write-back: the write-back's time covers it, and nothing else tells of it."""
    house.switch(halo__thin_rows=False)
    await house.sweep()
    ids = await flood(house, 30)
    page, edited = house.services.halo.page, list[str]()

    async def then_edited(*where: Any, **how: Any) -> Any:
        found = await page(*where, **how)
        if not edited:
            edited.append(ids[20])
            house.edit("Invoice", ids[20], {"cust_order_number": "PO-untold"})
        return found

    monkeypatch.setattr(house.services.halo, "page", then_edited)
    await push(house)
    assert edited
    await house.sweep()
    await push(house)
    assert reference_in_bc(house, ids[20]) == "PO-untold"


async def test_an_edit_among_the_echoes_is_told_from_them(house: House) -> None:
    ids = await flood(house, 30)
    await push(house)
    house.edit("Invoice", ids[3], {"cust_order_number": "PO-9"})
    await tell(house, ids)
    await push(house)
    assert reference_in_bc(house, ids[3]) == "PO-9"
    assert [one.action for one in await house.outcomes("invoice", ids[3])] == ["updated", "created"]
    assert [one.action for one in await house.outcomes("invoice", ids[4])] == ["created"]


async def test_an_edit_of_what_was_written_long_before_does_not_lead_the_look_at_echoes_astray(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer, product = await house.customer(), await house.product()
    for count in (30, 20):
        await tell(house, [house.invoice(customer, product) for _ in range(count)])
        await push(house)
        await asyncio.sleep(1.2)  # the look begins a second before the oldest write
    monkeypatch.setattr("bc.sync.halo_reads.PAGE_SIZE", 8)
    written = list(house.services.halo_reads._wrote)
    assert len(written) > 45  # a time that falls on a whole second is none to go by
    house.edit("Invoice", written[0], {"cust_order_number": "PO-10"})
    house.clear()
    await tell(house, [written[0], *written[-4:]])
    await push(house)
    assert reference_in_bc(house, written[0]) == "PO-10"
    assert calls(house)["GET Invoice/{id}"] == 1, calls(house)


@pytest.mark.parametrize(
    "ignored", [["start_date"], ["order", "orderdesc"], ["start_date", "order", "orderdesc", "includelines"]]
)
async def test_a_tenant_that_ignores_filters_and_order_loses_nothing(
    house: House, ignored: list[str]
) -> None:
    house.switch(halo__thin_rows=False, halo__ignored_filters=ignored)
    ids = await flood(house, 30)
    await push(house)
    await check(house, ids)
    assert await house.dirty() == set()


class Noted(dict[str, Any]):
    """A record that notes which of its members somebody looks at."""

    looked_at: set[str]

    def get(self, name: str, default: Any = None) -> Any:
        self.looked_at.add(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> Any:
        self.looked_at.add(name)
        return super().__getitem__(name)


async def test_the_columns_that_make_a_list_row_full_are_all_that_a_push_looks_at(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    header, line = set[str](), set[str]()
    read = house.services.halo.invoice

    async def noted(halo_id: str) -> Any:
        record = Noted(await read(halo_id) or {})
        record.looked_at = header
        lines = [Noted(one) for one in record["lines"]]
        for one in lines:
            one.looked_at = line
        record["lines"] = lines
        return record

    monkeypatch.setattr(house.services.halo, "invoice", noted)
    (halo_id,) = await flood(house, 1)
    await push(house)
    await edit_and_tell(house, halo_id, cust_order_number="PO-1")
    await push(house)
    customer, product = (
        house.halo("Invoice", halo_id)["client_id"],
        house.halo("Invoice", halo_id)["lines"][0],
    )
    credit = house.invoice(
        str(int(customer)), str(int(product["_itemid"])), creditlinkedtoinvoiceid=int(halo_id)
    )
    await tell(house, [credit])
    await push(house)
    assert reference_in_bc(house, halo_id) == "PO-1"
    assert header - invoice_columns.HEADER == set()
    assert line - invoice_columns.LINE == set()


async def use_up(house: House, *, kept: int) -> None:
    """A flood has taken all calls that it may have."""
    granted, _ = await house.services.store.budgets.take_halo(20_000, 20_000, kept=kept)
    assert granted > 10_000
    house.services.halo._budget.__self__._others.left = 0  # type: ignore[attr-defined]  # what is leased already
    house.services.halo_facts.forget()


async def test_a_persons_order_is_pushed_while_a_flood_has_used_up_its_calls(house: House) -> None:
    customer, product = await house.customer(), await house.product()
    halo_id = house.invoice(customer, product)
    await use_up(house, kept=2_000)
    await house.services.store.dirty.mark("invoice", halo_id, source="manual", requested_at=datetime.now(UTC))
    await push(house)
    await check(house, [halo_id])


async def test_a_page_is_told_when_to_ask_again_once_people_have_used_up_theirs_too(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    customer, product = await house.customer(), await house.product()
    halo_id = house.invoice(customer, product)
    await use_up(house, kept=0)
    monkeypatch.setattr("bc.functions.http.AT_A_PAGE", 0.0)
    problem = await house.ask("GET", f"/api/explain/invoice/{halo_id}", status=503)
    assert problem["code"] == "throttled"
    assert "seconds" in problem["detail"]
