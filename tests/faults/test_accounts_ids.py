"""Accounts ids made up for records that have none (G20): drawn once, never twice, whatever dies in between."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from bc.model import AccountsIdPattern, Connection
from bc.services import Services
from tests.e2e.acting import Acting, number
from tests.faults.engine import Died, How, Peril, a_process, drain
from tests.faults.looking import by_control, log, switch

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def patterned(acting: Acting) -> Iterator[Acting]:
    """Our generator for customers and products; off again after the test."""
    acting.settings(accounts_id_pattern={"customer": "N{seq:04}", "product": "NP{seq:04}"})
    yield acting
    acting.settings(accounts_id_pattern=None)


def a_client(acting: Acting, name: str, **fields: Any) -> str:
    """A customer in Halo without an accounts id."""
    return number(acting.agent("Client", {"name": name, "toplevel_id": 1, **fields})["id"])


def in_bc(acting: Acting, name: str, entity_set: str = "customers") -> list[dict[str, Any]]:
    return [row for row in acting.bc(entity_set) if row["displayName"] == name]


def test_without_a_generator_no_accounts_id_is_an_opt_out_until_a_pattern_is_set(acting: Acting) -> None:
    halo_id = a_client(acting, "Nobody Numbered")
    outcome = acting.pushed(halo_id, "customer")
    assert (outcome["status"], outcome["code"]) == ("skipped", "no_accounts_id")
    assert in_bc(acting, "Nobody Numbered") == []
    acting.settings(accounts_id_pattern={"customer": "W{seq:04}"})
    try:
        later = acting.outcome("customer", halo_id, after=1)
        assert (later["status"], later["bc_number"]) == ("synced", "W0001"), later
    finally:
        acting.settings(accounts_id_pattern=None)


def test_the_next_number_is_drawn_and_told_to_halo(patterned: Acting) -> None:
    first, second = (a_client(patterned, f"Drawn {name}") for name in ("One", "Two"))
    numbers = [patterned.pushed(halo_id, "customer")["bc_number"] for halo_id in (first, second)]
    assert [int(found[1:]) for found in numbers] == [int(numbers[0][1:]), int(numbers[0][1:]) + 1]
    assert patterned.halo("Client", first)["accountsid"] == numbers[0]
    # It is Halo's own number from now on, and nothing is left to send.
    assert patterned.pushed(first, "customer")["status"] == "unchanged"


def test_products_have_a_counter_of_their_own(patterned: Acting) -> None:
    made = patterned.agent("Item", {"name": "Drawn product", "assetgroup_id": 1})
    halo_id = number(made["id"])
    assert patterned.pushed(halo_id, "product")["bc_number"].startswith("NP")
    (row,) = in_bc(patterned, "Drawn product", "items")
    assert patterned.halo("Item", halo_id)["accountsid"] == row["number"]


def test_explain_says_that_a_number_would_be_drawn_and_draws_none(patterned: Acting) -> None:
    halo_id = a_client(patterned, "Only explained")
    for _ in range(2):
        told = patterned.get(f"/api/explain/customer/{halo_id}")
        assert told["verdict"] == "would_create"
        assert "number_to_draw" in [step["rule"] for step in told["steps"]]
        assert "TO BE DRAWN" in told["requests"][0]["body"]["number"]
    before = int(patterned.pushed(halo_id, "customer")["bc_number"][1:])
    after = int(patterned.pushed(a_client(patterned, "After it"), "customer")["bc_number"][1:])
    assert after == before + 1


def test_nothing_is_drawn_for_a_record_that_is_refused_anyhow(patterned: Acting) -> None:
    before = int(patterned.pushed(a_client(patterned, "Before the long one"), "customer")["bc_number"][1:])
    halo_id = a_client(patterned, "Long " * 30)
    outcome = patterned.pushed(halo_id, "customer")
    assert (outcome["status"], outcome["code"]) == ("failed", "field_too_long")
    after = int(patterned.pushed(a_client(patterned, "After the long one"), "customer")["bc_number"][1:])
    assert after == before + 1


def test_a_drawn_number_that_somebody_takes_meanwhile_gives_way_to_the_next(patterned: Acting) -> None:
    last = int(patterned.pushed(a_client(patterned, "Last one"), "customer")["bc_number"][1:])
    halo_id = a_client(patterned, "Too late")
    # The look-up by number waits while a bookkeeper types the very number that was drawn.
    patterned.fault("bc", {"kind": "hold", "name": "look"}, method="POST", path=r"\$batch", times=1)
    patterned.sync("customer", halo_id)
    patterned.held("look")
    by_control(
        patterned,
        "POST",
        f"/{patterned.company_id}/customers",
        {"number": f"N{last + 1:04}", "displayName": "Quicker"},
    )
    patterned.control.delete("/faults")
    outcome = patterned.outcome("customer", halo_id, seconds=60)
    assert (outcome["status"], outcome["bc_number"]) == ("synced", f"N{last + 2:04}"), outcome


def test_an_invoice_draws_a_number_for_its_customer(patterned: Acting) -> None:
    halo_id = a_client(patterned, "Billed at once")
    made = patterned.agent(
        "Invoice",
        {
            "client_id": int(halo_id),
            "invoice_date": "2026-11-20T00:00:00",
            "lines": [{"nominal_code": "X", "qty_order": 1, "unit_price": 1}],
        },
    )
    patterned.sync("invoice", number(made["id"]))
    patterned.outcome("invoice", number(made["id"]))
    assert patterned.outcome("customer", halo_id)["action"] == "created"
    assert patterned.halo("Client", halo_id)["accountsid"].startswith("N")


# --- the process dies, and several are at it ---


async def mark(services: Services, *halo_ids: str) -> None:
    for halo_id in halo_ids:
        await services.store.dirty.mark(
            "customer", halo_id, operation="upsert", source="webhook", requested_at=datetime.now(UTC)
        )


@pytest.fixture(scope="module")
def alone(house: Acting) -> Acting:
    """No app is running but the one a test starts."""
    house.settings(accounts_id_pattern={"customer": "K{seq:05}"})
    house.app.host.stop()
    return house


@pytest.mark.timeout(900)
@pytest.mark.parametrize("how", ["dies before", "dies after", "loses the answer of"])
async def test_a_crash_at_any_call_neither_loses_nor_doubles_a_number(alone: Acting, how: How) -> None:
    env = {**alone.app.host.env, "HALO_REQUESTS_PER_5_MINUTES": "20000"}
    at = 0
    async with a_process(env) as calm:
        while True:
            at += 1
            name = f"Crashed {how} {at}"
            halo_id = a_client(alone, name)
            peril = Peril(at=at, how=how)
            await mark(calm, halo_id)
            async with a_process(env, peril) as services:
                with suppress(Died):
                    await drain(services)
            calls = len(peril.calls)
            await drain(calm)
            drawn = await calm.store.numbers.drawn_for(alone.connection["id"], "customer", halo_id)
            (row,) = in_bc(alone, name)
            assert row["number"] == drawn == alone.halo("Client", halo_id)["accountsid"], (how, at)
            if calls < at:
                break


async def test_two_instances_never_draw_one_number(alone: Acting) -> None:
    env = {**alone.app.host.env, "HALO_REQUESTS_PER_5_MINUTES": "20000"}
    halves = [[a_client(alone, f"Raced {half} {one}") for one in range(6)] for half in "ab"]
    async with a_process(env) as one, a_process(env) as other:
        connections = await one.store.connections.list()

        async def push(services: Services, halo_ids: list[str]) -> None:
            from bc.sync.work import push_row

            await mark(services, *halo_ids)
            rows = [row async for row in services.store.dirty.rows() if row.value.halo_id in halo_ids]
            async with asyncio.TaskGroup() as group:
                for row in rows:
                    group.create_task(push_row(services, row, connections))

        await asyncio.gather(push(one, halves[0]), push(other, halves[1]))
        await drain(one)
    numbers = [alone.halo("Client", halo_id)["accountsid"] for half in halves for halo_id in half]
    assert all(numbers), numbers
    assert len(set(numbers)) == len(numbers)


async def test_numbers_taken_in_bc_or_halo_are_skipped(alone: Acting) -> None:
    for taken in range(1, 149):
        if taken != 140:
            by_control(
                alone,
                "POST",
                f"/{alone.company_id}/customers",
                {"number": f"T{taken:03}", "displayName": f"Taken {taken}"},
            )
    for place in (140, 149):
        typed = a_client(alone, f"Typed {place}")
        alone.edit("Client", typed, {"accountsid": f"T{place:03}"})
    env = {**alone.app.host.env, "HALO_REQUESTS_PER_5_MINUTES": "20000"}
    await _settings(env, alone, customer="t{seq:03}")
    halo_id = a_client(alone, "Comes after")
    async with a_process(env) as services:
        await mark(services, halo_id)
        await drain(services)
    (row,) = in_bc(alone, "Comes after")
    assert row["number"] == alone.halo("Client", halo_id)["accountsid"]
    # Free ones are looked for some at a time: a try that is repeated may leave a gap, never a number twice.
    assert int(row["number"].removeprefix("T")) >= 150


@pytest.mark.parametrize("saves", [False, True])
async def test_halos_own_generator_is_asked_once_and_only_where_halo_generates(
    alone: Acting, saves: bool
) -> None:
    env = {**alone.app.host.env, "HALO_REQUESTS_PER_5_MINUTES": "20000"}
    await _settings(env, alone, customer=None)
    switch(alone, halo__new_accounts_id_saves=saves)
    halo_id = a_client(alone, f"Numbered by Halo, saved {saves}")
    alone.clear_counters()
    async with a_process(env) as services:
        await mark(services, halo_id)
        await drain(services)
    assert log(alone, "halo", path="NewAccountsId") == []
    alone.edit("Control", 1, {"autogenerate_accountsid": True})
    try:
        # It dies with Halo's number in hand, before BC has the customer.
        async with a_process(env, Peril(dies_before="bc POST")) as services:
            await mark(services, halo_id)
            with suppress(Died):
                await drain(services)
        async with a_process(env) as services:
            await drain(services)
    finally:
        alone.edit("Control", 1, {"autogenerate_accountsid": False})
    (row,) = in_bc(alone, f"Numbered by Halo, saved {saves}")
    assert alone.halo("Client", halo_id)["accountsid"] == row["number"]
    assert len(log(alone, "halo", path="NewAccountsId")) == 1


async def _settings(env: Mapping[str, str], acting: Acting, *, customer: str | None) -> None:
    """The pattern, set in storage: no app is running that could be asked."""
    async with a_process(env) as services:

        def change(found: Connection) -> Connection:
            pattern = AccountsIdPattern(customer=customer)
            settings = msgspec.structs.replace(found.settings, accounts_id_pattern=pattern)
            return msgspec.structs.replace(found, settings=settings)

        await services.store.connections.update(acting.connection["id"], change)
