"""Write-backs of pushes that are under way together go out as few arrays, and each push gets its own verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from bc.clients.halo import Halo, Strangers
from bc.errors import Refused, SyncError, Transient
from bc.sync.halo_writes import LINES, HaloWrites
from bc.sync.patience import for_a_person

NEVER = 3600.0


class Tenant:
    """Takes arrays; `refuses` ids, and says nothing of those in `passes_over`."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[int]]] = []
        self.refuses: set[int] = set()
        self.passes_over: set[int] = set()
        self.error: SyncError | None = None

    async def save(
        self, resource: str, rows: Sequence[Mapping[str, Any]], *, singles: bool = True
    ) -> list[dict[str, Any]]:
        ids = [row["id"] for row in rows]
        self.calls.append((resource, ids))
        await asyncio.sleep(0)
        if self.error:
            raise self.error
        if self.refuses & set(ids):
            raise Refused("halo_rejected", f"Halo does not like {sorted(self.refuses & set(ids))}.")
        return [{**row, "saved": True} for row in rows if len(rows) == 1 or row["id"] not in self.passes_over]


def writes(tenant: Tenant, hold: float = NEVER) -> HaloWrites:
    return HaloWrites(cast("Halo", tenant), hold_seconds=hold)


async def push(to: HaloWrites, number: int, begun: asyncio.Barrier) -> Any:
    """A push with lines, then a header, as an invoice's write-back."""
    async with to.push():
        await begun.wait()
        await to.update_lines([{"id": number * 10, "ihid": number}, {"id": number * 10 + 1, "ihid": number}])
        return (await to.save("Invoice", [{"id": number}]))[0]["saved"]


async def together(to: HaloWrites, count: int) -> list[Any]:
    begun = asyncio.Barrier(count)
    pushes = (push(to, number, begun) for number in range(1, count + 1))
    return await asyncio.wait_for(asyncio.gather(*pushes, return_exceptions=True), 30)


async def test_the_write_backs_of_pushes_under_way_go_out_as_one_array_each() -> None:
    tenant = Tenant()
    assert await together(writes(tenant), 20) == [True] * 20
    assert [(resource, len(ids)) for resource, ids in tenant.calls] == [(LINES, 40), ("Invoice", 20)]


async def test_a_lone_push_is_never_held_back() -> None:
    tenant = Tenant()
    assert await together(writes(tenant), 1) == [True]
    assert [resource for resource, _ in tenant.calls] == [LINES, "Invoice"]


async def test_a_push_that_ends_without_writing_holds_nobody_up() -> None:
    tenant = Tenant()
    to, goes = writes(tenant), asyncio.Event()

    async def unchanged() -> None:
        async with to.push():
            await goes.wait()

    other = asyncio.create_task(unchanged())
    waiting = asyncio.create_task(together(to, 2))
    while to._waiting < 2:
        await asyncio.sleep(0)
    assert tenant.calls == []
    goes.set()
    assert await waiting == [True, True]
    await other


async def test_rows_go_after_the_hold_though_another_push_is_still_at_work() -> None:
    tenant = Tenant()
    to = writes(tenant, hold=0.01)
    async with to.push():
        # In tasks of their own, as the pump's pushes are.
        begun = asyncio.Barrier(2)
        tasks = [asyncio.create_task(_fresh(to, number, begun)) for number in (1, 2)]
        assert await asyncio.wait_for(asyncio.gather(*tasks), 30) == [True, True]


async def _fresh(to: HaloWrites, number: int, begun: asyncio.Barrier) -> Any:
    from contextvars import Context

    return await asyncio.create_task(push(to, number, begun), context=Context())


@pytest.mark.parametrize("bad", [1, 6, 8])
async def test_a_refused_row_fails_its_own_push_alone(bad: int) -> None:
    tenant = Tenant()
    tenant.refuses = {bad}
    answers = await together(writes(tenant), 8)
    failed = [number for number, answer in enumerate(answers, 1) if answer is not True]
    assert failed == [bad]
    assert str(bad) in answers[bad - 1].message
    # Halved, not one by one: 1 whole, then both halves of each that holds the bad one.
    assert len([ids for resource, ids in tenant.calls if resource == "Invoice"]) == 7


async def test_a_row_that_halo_passes_over_is_sent_alone() -> None:
    tenant = Tenant()
    tenant.passes_over = {2}
    assert await together(writes(tenant), 3) == [True] * 3
    assert [sorted(ids) for resource, ids in tenant.calls if resource == "Invoice"] == [[1, 2, 3], [2]]


async def test_unknown_ids_answered_as_new_records_are_not_sent_again() -> None:
    tenant = Tenant()
    to = writes(tenant)
    plain = tenant.save

    async def save(resource: str, rows: Any, *, singles: bool = True) -> Any:
        answers = await plain(resource, rows, singles=singles)
        if resource == "Invoice" and 2 in [row["id"] for row in rows]:
            others = [row for row in answers if row["id"] != 2]
            raise Strangers("Halo has no Invoice 2 and answered with 99.", [*others, {"id": 99}])
        return answers

    tenant.save = save  # type: ignore[method-assign]
    one, two, three = await together(to, 3)
    assert (one, three) == (True, True)
    assert isinstance(two, Strangers)
    assert [sorted(ids) for resource, ids in tenant.calls if resource == "Invoice"] == [[1, 2, 3]]


async def test_a_fault_of_halo_is_everybodys() -> None:
    tenant = Tenant()
    tenant.error = Transient("halo_unavailable", "Halo is down.")
    answers = await together(writes(tenant), 4)
    assert all(isinstance(answer, Transient) for answer in answers)
    assert len(tenant.calls) == 1


async def test_an_array_holds_no_more_rows_than_one_call_should() -> None:
    tenant = Tenant()
    assert await together(writes(tenant), 150) == [True] * 150
    lines = [len(ids) for resource, ids in tenant.calls if resource == LINES]
    assert (sum(lines), max(lines)) == (300, 200)
    assert sum(len(ids) for resource, ids in tenant.calls if resource == "Invoice") == 150


async def test_a_persons_rows_do_not_wait_behind_an_array_that_halo_keeps_waiting() -> None:
    tenant, stuck = Tenant(), asyncio.Event()
    to, plain = writes(tenant), tenant.save

    async def save(resource: str, rows: Any, *, singles: bool = True) -> Any:
        if len(rows) > 2:
            await stuck.wait()
        return await plain(resource, rows, singles=singles)

    tenant.save = save  # type: ignore[method-assign]
    others = asyncio.create_task(together(to, 3))
    while not to._queues or any(queue.entries for queue in to._queues.values()):
        await asyncio.sleep(0)

    async def ordered() -> Any:
        with for_a_person():
            return await push(to, 9, asyncio.Barrier(1))

    assert await asyncio.wait_for(ordered(), 30) is True
    assert not others.done()
    stuck.set()
    assert await others == [True] * 3


async def test_new_rows_go_together_and_a_refusal_of_their_array_is_not_repeated() -> None:
    tenant = Tenant()
    tenant.error = Refused("halo_rejected", "No such rows here.")
    to, begun = writes(tenant), asyncio.Barrier(3)

    async def failing(number: int) -> Any:
        async with to.push():
            await begun.wait()
            return await to.create("IntegrationError", {"id": number})

    answers = await asyncio.gather(*(failing(number) for number in range(3)), return_exceptions=True)
    assert all(isinstance(answer, Refused) for answer in answers)
    assert len(tenant.calls) == 1
