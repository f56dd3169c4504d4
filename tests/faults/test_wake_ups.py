"""Waking the pump: a message where none is at work here, none where one is, and no change left behind between the two."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from bc.sync.intake import QueuedChange, take
from bc.sync.pump import Pump
from local.stack import Sandbox
from tests.sweep.house import ALL, House, a_house, a_sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with a_sandbox() as started:
        yield started


@pytest.fixture
async def house(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    sandbox.reset()
    async with a_house(sandbox) as made:
        await made.connect(**ALL)
        yield made


@pytest.fixture
def sent(house: House, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    queues, names = house.services.store.queues, list[str]()
    send = queues.send

    async def noted(queue: Any, body: bytes, **how: Any) -> None:
        names.append(queue)
        await send(queue, body, **how)

    monkeypatch.setattr(queues, "send", noted)
    return names


def a_change(halo_id: str) -> QueuedChange:
    return QueuedChange(entity="invoice", halo_id=halo_id, requested_at=datetime.now(UTC))


async def test_a_change_wakes_a_pump_where_none_is_at_work(house: House, sent: list[str]) -> None:
    await take(house.services, a_change("7"))
    assert sent == ["pump"]


async def test_a_change_while_the_pump_works_here_is_pushed_without_a_message(
    house: House, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    customer, product = await house.customer(), await house.product()
    first, second = house.invoice(customer, product), house.invoice(customer, product)
    await house.services.store.dirty.mark("invoice", first, source="webhook", requested_at=datetime.now(UTC))
    read, came = house.services.halo.invoice, list[str]()

    async def then_another(halo_id: str) -> Any:
        if not came:
            came.append(second)
            await take(house.services, a_change(second))
        return await read(halo_id)

    monkeypatch.setattr(house.services.halo, "invoice", then_another)
    await Pump(house.services).run(seconds=300)
    assert came
    assert sent == []
    for halo_id in (first, second):
        assert [one.status for one in await house.outcomes("invoice", halo_id)] == ["synced"]


async def test_a_change_that_came_after_the_last_look_leaves_a_message_when_the_pump_ends(
    house: House, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_late(self: Pump, ends: float) -> None:
        await take(self.services, a_change("7"))

    monkeypatch.setattr(Pump, "_drain", too_late)
    await Pump(house.services).run(seconds=300)
    assert sent == ["pump"]
