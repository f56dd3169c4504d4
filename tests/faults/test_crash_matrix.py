"""The process dies at every single call of a push, or an answer is lost there: one BC record and a true outcome remain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from bc.model import Entity, Operation, Source
from bc.services import Services
from tests.e2e.acting import Acting, Invoicing, number
from tests.faults.credit_memos import memo_lines, memos
from tests.faults.engine import Died, How, Peril, a_process, drain


@dataclass(frozen=True, slots=True)
class Flow:
    """A push to be interrupted: `arrange` makes the record as it is before, `change` what is then pushed."""

    entity: Entity
    arrange: Callable[[Stage], Awaitable[str]]
    change: Callable[[Stage, str], None]
    check: Callable[[Stage, str], None]
    action: str
    operation: Operation = "upsert"


class Stage:
    """Halo, BC and storage, with no app running but the one a test starts."""

    def __init__(self, acting: Acting, invoicing: Invoicing) -> None:
        self.acting = acting
        self.invoicing = invoicing
        self.customers: list[str] = []
        # Each process that dies takes its share of Halo calls with it, and here many die in few minutes.
        self.env: Mapping[str, str] = {**acting.app.host.env, "HALO_REQUESTS_PER_5_MINUTES": "10000"}

    async def push(
        self, entity: Entity, halo_id: str, operation: Operation = "upsert", peril: Peril | None = None
    ) -> None:
        """Mark the record and push it until it rests."""
        async with a_process(self.env) as services:
            await mark(services, entity, halo_id, operation)
        async with a_process(self.env, peril) as services:
            with suppress(Died):
                await drain(services)


async def mark(services: Services, entity: Entity, halo_id: str, operation: Operation) -> None:
    source: Source = "webhook"
    await services.store.dirty.mark(
        entity, halo_id, operation=operation, source=source, requested_at=datetime.now(UTC)
    )


@pytest.fixture(scope="module")
async def stage(house: Acting, invoicing: Invoicing) -> Stage:
    other = next(
        row
        for row in house.bc("customers")[20:]
        if row["genBusPostingGroup"] == "DOMESTIC"
        and not row["pricesIncludeTax"]
        and not row["blocked"].strip()
    )
    client = number(house.agent("Client", {"name": "Second customer (Halo)", "toplevel_id": 1})["id"])
    path = f"/api/connections/{house.connection['id']}/mappings/customers/{client}"
    assert house.app.api.put(path, json={"bc_id": other["id"]}).status_code in (200, 201)
    # Of no effect on an invoice that is not posted in Halo.
    house.settings(post_invoices=True)
    # From here on the only process of the app is the one that is to die.
    house.app.host.stop()
    stage = Stage(house, invoicing)
    stage.customers = [invoicing.customer, client]
    return stage


# --- the flows ---


async def a_new_invoice(stage: Stage) -> str:
    one = stage.invoicing
    return one.invoice(one.line("Service", 2, 100, "One"), one.line("Inventory", 1, 49.99, "Two"))


async def a_synced_invoice(stage: Stage) -> str:
    one = stage.invoicing
    halo_id = one.invoice(
        one.line("Service", 1, 10, "One"),
        one.line("Service", 2, 20, "Two"),
        one.line("Inventory", 3, 30, "Three"),
    )
    await stage.push("invoice", halo_id)
    return halo_id


async def a_new_credit_note(stage: Stage) -> str:
    one = stage.invoicing
    return one.invoice(
        one.line("Service", -2, 100, "One"), one.line("Inventory", -1, 49.99, "Two"), invoicetype=2
    )


async def a_synced_credit_note(stage: Stage) -> str:
    one = stage.invoicing
    halo_id = one.invoice(
        one.line("Service", 1, 10, "One"),
        one.line("Service", 2, 20, "Two"),
        one.line("Inventory", 3, 30, "Three"),
        invoicetype=2,
    )
    await stage.push("invoice", halo_id)
    return halo_id


async def a_new_posted_invoice(stage: Stage) -> str:
    one = stage.invoicing
    return one.invoice(
        one.line("Service", 2, 100, "One"), one.line("Inventory", 1, 49.99, "Two"), posted=True
    )


async def a_new_customer(stage: Stage) -> str:
    made = stage.acting.agent("Client", {"name": "Crash Test Ltd", "toplevel_id": 1})
    halo_id = number(made["id"])
    stage.acting.edit("Client", halo_id, {"name": f"Crash Test {halo_id}", "accountsid": f"CT{halo_id}"})
    return halo_id


async def a_synced_customer(stage: Stage) -> str:
    halo_id = await a_new_customer(stage)
    await stage.push("customer", halo_id)
    return halo_id


async def a_new_product(stage: Stage) -> str:
    made = stage.acting.agent("Item", {"name": "Crash Test", "assetgroup_id": 1, "baseprice": 12.5})
    halo_id = number(made["id"])
    stage.acting.edit("Item", halo_id, {"name": f"Crash Test {halo_id}", "accountsid": f"CP{halo_id}"})
    return halo_id


async def a_synced_product(stage: Stage) -> str:
    halo_id = await a_new_product(stage)
    await stage.push("product", halo_id)
    return halo_id


def nothing(stage: Stage, halo_id: str) -> None:
    """The record is new: it only has to be pushed."""


def edit_lines(stage: Stage, halo_id: str) -> None:
    lines = stage.acting.halo("Invoice", halo_id)["lines"]
    stage.acting.edit(
        "Invoice",
        halo_id,
        {
            "lines": [
                {"id": lines[2]["id"], "unit_price": 31},
                stage.invoicing.line("Service", 4, 40, "Four"),
            ],
            "delete_lines": [lines[0]["id"]],
        },
    )


def change_mail(stage: Stage, halo_id: str) -> None:
    stage.acting.edit("Client", halo_id, {"accountsemailaddress": f"crash{halo_id}@example.com"})


def change_price(stage: Stage, halo_id: str) -> None:
    stage.acting.edit("Item", halo_id, {"baseprice": 13.75})


def remove_customer(stage: Stage, halo_id: str) -> None:
    stage.acting.remove("Client", halo_id)


def remove_product(stage: Stage, halo_id: str) -> None:
    stage.acting.remove("Item", halo_id)


def change_customer(stage: Stage, halo_id: str) -> None:
    edit_lines(stage, halo_id)
    stage.acting.edit("Invoice", halo_id, {"client_id": int(stage.customers[1])})


def post_in_halo(stage: Stage, halo_id: str) -> None:
    stage.acting.edit("Invoice", halo_id, {"posted": True})


def remove(stage: Stage, halo_id: str) -> None:
    stage.acting.remove("Invoice", halo_id)


def invoice_stands(stage: Stage, halo_id: str) -> None:
    (invoice,) = stage.acting.bc_invoices(halo_id)
    halo = stage.acting.halo("Invoice", halo_id)
    assert halo["dbc_id"] == invoice["id"]
    assert halo["thirdpartyinvoicenumber"] == invoice["number"]
    wanted = sorted(_amounts(halo["lines"], "item_shortdescription", "qty_order", "unit_price"))
    lines = stage.acting.bc_lines(invoice["id"])
    assert sorted(_amounts(lines, "description", "quantity", "unitPrice")) == wanted
    ids = {line["id"] for line in lines}
    assert {line["dbc_id"] for line in halo["lines"]} == ids


def credit_memo_stands(stage: Stage, halo_id: str) -> None:
    """One credit memo, above zero whatever Halo's sign is, and no invoice."""
    assert stage.acting.bc_invoices(halo_id) == []
    (memo,) = memos(stage.acting, halo_id)
    halo = stage.acting.halo("Invoice", halo_id)
    assert (halo["dbc_id"], halo["thirdpartyinvoicenumber"]) == (memo["id"], memo["number"])
    wanted = sorted(
        (text, abs(quantity), price)
        for text, quantity, price in _amounts(
            halo["lines"], "item_shortdescription", "qty_order", "unit_price"
        )
    )
    lines = memo_lines(stage.acting, halo_id)
    assert sorted(_amounts(lines, "description", "quantity", "unitPrice")) == wanted
    assert {line["dbc_id"] for line in halo["lines"]} == {line["id"] for line in lines}


def no_credit_memo(stage: Stage, halo_id: str) -> None:
    assert memos(stage.acting, halo_id) == []


def invoice_is_posted(stage: Stage, halo_id: str) -> None:
    invoice_stands(stage, halo_id)
    (invoice,) = stage.acting.bc_invoices(halo_id)
    assert invoice["posted"] is True
    halo = stage.acting.halo("Invoice", halo_id)
    assert halo["bcd_posted"] is True
    assert float(halo["tax_total"]) == float(invoice["totalTaxAmount"])


def _amounts(lines: list[dict[str, Any]], *names: str) -> list[tuple[str, Decimal, Decimal]]:
    text, quantity, price = names
    return [(str(one[text]), Decimal(str(one[quantity])), Decimal(str(one[price]))) for one in lines]


def moved_to_the_second_customer(stage: Stage, halo_id: str) -> None:
    invoice_stands(stage, halo_id)
    (invoice,) = stage.acting.bc_invoices(halo_id)
    path = f"/bc/{stage.acting.company_id}/customers/{invoice['customerId']}"
    assert stage.acting.control.get(path).status_code == 200
    assert stage.acting.halo("Invoice", halo_id)["client_id"] == int(stage.customers[1])


def no_invoice(stage: Stage, halo_id: str) -> None:
    assert stage.acting.bc_invoices(halo_id) == []


def one_customer(stage: Stage, halo_id: str) -> None:
    rows = [row for row in stage.acting.bc("customers") if row["displayName"] == f"Crash Test {halo_id}"]
    assert [row["number"] for row in rows] == [f"CT{halo_id}"]
    halo = stage.acting.halo("Client", halo_id)
    assert halo["dbc_company_id"] == stage.acting.company_id


def one_customer_with_its_mail(stage: Stage, halo_id: str) -> None:
    one_customer(stage, halo_id)
    (row,) = [row for row in stage.acting.bc("customers") if row["number"] == f"CT{halo_id}"]
    assert row["email"] == f"crash{halo_id}@example.com"


def one_product(stage: Stage, halo_id: str) -> None:
    rows = [row for row in stage.acting.bc("items") if row["displayName"] == f"Crash Test {halo_id}"]
    halo = stage.acting.halo("Item", halo_id)
    assert [row["number"] for row in rows] == [f"CP{halo_id}"]
    assert Decimal(str(rows[0]["unitPrice"])) == Decimal(str(halo["baseprice"]))
    assert halo["dbc_company_id"] == stage.acting.company_id


def customer_stays_in_bc(stage: Stage, halo_id: str) -> None:
    assert len([row for row in stage.acting.bc("customers") if row["number"] == f"CT{halo_id}"]) == 1


def product_stays_in_bc(stage: Stage, halo_id: str) -> None:
    assert len([row for row in stage.acting.bc("items") if row["number"] == f"CP{halo_id}"]) == 1


FLOWS = {
    "create": Flow("invoice", a_new_invoice, nothing, invoice_stands, "created"),
    "update": Flow("invoice", a_synced_invoice, edit_lines, invoice_stands, "updated"),
    "customer of a draft": Flow(
        "invoice", a_synced_invoice, change_customer, moved_to_the_second_customer, "updated"
    ),
    "post": Flow("invoice", a_synced_invoice, post_in_halo, invoice_is_posted, "posted"),
    "create and post": Flow("invoice", a_new_posted_invoice, nothing, invoice_is_posted, "posted"),
    "delete": Flow("invoice", a_synced_invoice, remove, no_invoice, "deleted", "delete"),
    "credit note": Flow("invoice", a_new_credit_note, nothing, credit_memo_stands, "created"),
    "update of a credit note": Flow(
        "invoice", a_synced_credit_note, edit_lines, credit_memo_stands, "updated"
    ),
    "delete of a credit note": Flow(
        "invoice", a_synced_credit_note, remove, no_credit_memo, "deleted", "delete"
    ),
    "customer": Flow("customer", a_new_customer, nothing, one_customer, "created"),
    "update of a customer": Flow(
        "customer", a_synced_customer, change_mail, one_customer_with_its_mail, "updated"
    ),
    "delete of a customer": Flow(
        "customer", a_synced_customer, remove_customer, customer_stays_in_bc, "unlinked", "delete"
    ),
    "product": Flow("product", a_new_product, nothing, one_product, "created"),
    "update of a product": Flow("product", a_synced_product, change_price, one_product, "updated"),
    "delete of a product": Flow(
        "product", a_synced_product, remove_product, product_stays_in_bc, "unlinked", "delete"
    ),
}


async def interrupted(stage: Stage, flow: Flow, how: How, at: int) -> bool:
    """Run the flow with the `at`-th call interrupted, then to its end; False once the flow has fewer calls."""
    halo_id = await flow.arrange(stage)
    flow.change(stage, halo_id)
    before = await outcomes(stage, flow, halo_id)
    peril = Peril(at, how)
    await stage.push(flow.entity, halo_id, flow.operation, peril)
    where = f"{how} call {at}: {peril.calls[at - 1] if at <= len(peril.calls) else 'none'}"
    async with a_process(stage.env) as services:
        await drain(services)
    flow.check(stage, halo_id)
    after = [one for one in await outcomes(stage, flow, halo_id) if one not in before]
    told = [(one["status"], one["action"]) for one in after]
    assert told.count(("synced", flow.action)) == 1, (where, told)
    assert not [one for one in told if one[0] not in ("synced", "unchanged")], (where, told)
    assert [one for one in told if one[0] == "synced"] == [("synced", flow.action)], (where, told)
    async with a_process(stage.env) as services:
        assert await services.store.errors.open_of(flow.entity, halo_id) == [], where
    return len(peril.calls) >= at


async def outcomes(stage: Stage, flow: Flow, halo_id: str) -> list[dict[str, Any]]:
    async with a_process(stage.env) as services:
        page = await services.store.outcomes.page(entity=flow.entity, halo_id=halo_id, limit=100)
    return [{"id": one.id, "status": one.status, "action": one.action} for one in page.items]


async def every_call(stage: Stage, name: str, how: How) -> int:
    at = 1
    while await interrupted(stage, FLOWS[name], how, at):
        at += 1
        assert at < 200, "the flow never ends"
    return at - 1


@pytest.mark.timeout(240)
async def test_a_death_before_any_call_of_a_create_leaves_one_invoice(stage: Stage) -> None:
    assert await every_call(stage, "create", "dies before") > 15


async def a_long_invoice(stage: Stage) -> str:
    one = stage.invoicing
    halo_id = one.invoice(*(one.line("Service", 1, 10, f"Line {n}") for n in range(80)))
    await stage.push("invoice", halo_id)
    return halo_id


def put_a_line_in_front(stage: Stage, halo_id: str) -> None:
    first = {**stage.invoicing.line("Service", 1, 5, "In front"), "sequenceid": -1}
    stage.acting.edit("Invoice", halo_id, {"lines": [first]})


def invoice_stands_in_order(stage: Stage, halo_id: str) -> None:
    invoice_stands(stage, halo_id)
    (invoice,) = stage.acting.bc_invoices(halo_id)
    wanted = [line["item_shortdescription"] for line in stage.acting.halo("Invoice", halo_id)["lines"]]
    assert [line["description"] for line in stage.acting.bc_lines(invoice["id"])] == wanted


LONG = Flow("invoice", a_long_invoice, put_a_line_in_front, invoice_stands_in_order, "updated")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("how", ["dies before", "dies after", "loses the answer of"])
async def test_an_interruption_between_two_pieces_of_a_long_change_is_completed(
    stage: Stage, how: How
) -> None:
    halo_id = await LONG.arrange(stage)
    LONG.change(stage, halo_id)
    whole = Peril()
    await stage.push("invoice", halo_id, peril=whole)
    pieces = [at for at, call in enumerate(whole.calls, 1) if call.startswith("bc POST")]
    assert len(pieces) == 2  # 80 deletes and 81 inserts
    for at in pieces:
        assert await interrupted(stage, LONG, how, at)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("how", ["dies before", "dies after"])
async def test_a_death_around_what_an_unlinking_stores_tells_it_once(stage: Stage, how: How) -> None:
    flow = FLOWS["delete of a customer"]
    halo_id = await flow.arrange(stage)
    flow.change(stage, halo_id)
    whole = Peril()
    await stage.push(flow.entity, halo_id, flow.operation, whole)
    stored = [at for at, call in enumerate(whole.calls, 1) if call.startswith("storage POST")]
    assert len(stored) > 1
    for at in stored:
        assert await interrupted(stage, flow, how, at)


@pytest.mark.timeout(240)
async def test_a_death_after_any_call_of_a_posting_leaves_one_posted_invoice(stage: Stage) -> None:
    assert await every_call(stage, "post", "dies after") > 10


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("how", ["dies before", "dies after", "loses the answer of"])
@pytest.mark.parametrize("name", FLOWS)
async def test_an_interruption_at_any_call_leaves_one_record_and_a_true_outcome(
    stage: Stage, name: str, how: How
) -> None:
    assert await every_call(stage, name, how) > 10
