"""Random edits, deliveries, deaths, lost answers, jumps of the clock and other people's work, against one rule:
once all is quiet, Business Central equals Halo's newest state, or an outcome says why it does not.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bc.model import Entity, Operation, Source
from tests.faults.engine import Died, How, Peril, a_process, drain
from tests.model.books import (
    Blocked,
    Told,
    differences,
    master_differences,
    number_of,
    reasons,
)
from tests.model.world import BOOKKEEPERS_WORD, Kind, Master, Paper, World

HOWS: tuple[How, ...] = ("dies before", "dies after", "loses the answer of")
MOST_PAPERS = 3
cents = st.integers(0, 99).map(lambda number: Decimal(number) / 100)
parts = st.sampled_from([Decimal(0), Decimal("0.5"), Decimal("0.25"), Decimal("0.125")])
which = st.integers(0, 59)
texts = st.sampled_from(["Work", "Server moved & cooled", "word " * 30, "Größe „L“ 😀", "x" * 140])


class Books(RuleBasedStateMachine):
    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.papers: list[Paper] = []
        self.masters: list[Master] = []
        self.blocked = Blocked()
        self.shifted = 0.0

    def run[T](self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    # --- what there is to choose from ---

    def paper_at(self, at: int) -> Paper:
        return self.papers[at % len(self.papers)]

    def customer_at(self, at: int) -> str:
        own = [one.halo_id for one in self.masters if one.entity == "customer"]
        return [*self.world.customers, *own][at % (len(self.world.customers) + len(own))]

    def product_at(self, at: int) -> str:
        """A linked product, one of our own, or none: a line of text."""
        own = [one.halo_id for one in self.masters if one.entity == "product"]
        known = [*self.world.products, *own, *self.world.products, ""]
        return known[at % len(known)]

    def a_line(
        self, paper_sign: int, at: int, part: Decimal, cent: Decimal, text: str, **more: Any
    ) -> dict[str, Any]:
        count = self.world.next()
        return self.world.line(
            self.product_at(at),
            paper_sign * (count % 40 + 1 + part),
            count + cent,
            f"{text.strip()} {count}",
            **more,
        )

    # --- people in Halo ---

    @initialize(customer=which, products=st.lists(which, min_size=1, max_size=4), kind=st.integers(0, 3))
    def begin(self, customer: int, products: list[int], kind: int) -> None:
        self.new_paper(customer, products, kind)

    @precondition(lambda self: len(self.papers) < MOST_PAPERS)
    @rule(customer=which, products=st.lists(which, min_size=1, max_size=6), kind=st.integers(0, 3))
    def new_paper(self, customer: int, products: list[int], kind: int) -> None:
        of: Kind = "credit note" if kind == 0 else "invoice"
        sign = -1 if of == "credit note" else 1
        lines = [self.a_line(sign, at, Decimal(0), Decimal("0.99"), "Line") for at in products]
        self.papers.append(self.world.paper(of, self.customer_at(customer), lines))

    @precondition(lambda self: len(self.masters) < 2)
    @rule()
    def new_master(self) -> None:
        make = (
            self.world.product
            if any(one.entity == "customer" for one in self.masters)
            else self.world.customer
        )
        self.masters.append(make())

    @precondition(lambda self: self.masters)
    @rule(at=which)
    def rename_master(self, at: int) -> None:
        master = self.masters[at % len(self.masters)]
        master.theirs = ""
        changes: dict[str, Any] = {"name": f"Renamed {self.world.next()}"}
        if master.entity == "product":
            changes["baseprice"] = self.world.next()
        self.world.acting.edit(master.resource, master.halo_id, changes)

    @rule(at=which, line=which, part=parts, cent=cents, discount=st.sampled_from([0, 0, 10, 33.33]))
    def edit_line(self, at: int, line: int, part: Decimal, cent: Decimal, discount: float) -> None:
        paper = self.paper_at(at)
        if (found := self._line(paper, line)) is None or not number_of(found.get("_itemid")):
            return
        count = self.world.next()
        changes: dict[str, Any] = {"unit_price": float(count + cent)}
        if line % 3:
            changes = {"qty_order": float(paper.sign * (count % 40 + 1 + part)), "discount_perc": discount}
        for name in ("unitPrice", "quantity", "discountPercent"):
            paper.theirs.pop((str(found["id"]), name), None)
        self.world.edit(paper, {"lines": [{"id": found["id"], **changes}]})

    @rule(at=which, line=which, text=texts)
    def edit_text(self, at: int, line: int, text: str) -> None:
        paper = self.paper_at(at)
        if (found := self._line(paper, line)) is None:
            return
        prefix = "" if number_of(found.get("_itemid")) else "Note "
        words = f"{prefix}{text.strip()} {self.world.next()}"
        self.world.edit(paper, {"lines": [{"id": found["id"], "item_shortdescription": words}]})

    @rule(at=which, product=which, part=parts, cent=cents, text=texts, place=st.integers(-1, 6))
    def add_line(self, at: int, product: int, part: Decimal, cent: Decimal, text: str, place: int) -> None:
        paper = self.paper_at(at)
        if paper.deleted:
            return
        line = self.a_line(paper.sign, product, part, cent, text, sequenceid=place)
        self.world.edit(paper, {"lines": [line]})

    @rule(at=which, line=which)
    def remove_line(self, at: int, line: int) -> None:
        paper = self.paper_at(at)
        if (found := self._line(paper, line)) is not None:
            self.world.edit(paper, {"delete_lines": [found["id"]]})

    @rule(at=which, line=which, place=st.integers(-1, 8))
    def move_line(self, at: int, line: int, place: int) -> None:
        paper = self.paper_at(at)
        if (found := self._line(paper, line)) is not None:
            self.world.edit(paper, {"lines": [{"id": found["id"], "sequenceid": place}]})

    @rule(at=which, customer=which)
    def change_customer(self, at: int, customer: int) -> None:
        paper = self.paper_at(at)
        if not paper.deleted:
            self.world.edit(paper, {"client_id": int(self.customer_at(customer))})

    @rule(at=which, day=st.integers(1, 28), due=st.integers(1, 28), order=st.booleans())
    def edit_header(self, at: int, day: int, due: int, order: bool) -> None:
        paper = self.paper_at(at)
        if paper.deleted:
            return
        changes: dict[str, Any] = {
            "invoice_date": f"2026-10-{day:02}T00:00:00",
            "duedate": f"2026-11-{due:02}T00:00:00",
        }
        if order:
            changes["cust_order_number"] = f"PO {self.world.next()}"
        paper.theirs.pop(("", "dueDate"), None)
        self.world.edit(paper, changes)

    @rule(at=which)
    def post_in_halo(self, at: int) -> None:
        paper = self.paper_at(at)
        if not paper.deleted:
            self.world.edit(paper, {"posted": True})

    @rule(at=which, voided=st.booleans())
    def void(self, at: int, voided: bool) -> None:
        paper = self.paper_at(at)
        if not paper.deleted:
            self.world.edit(paper, {"voided": voided})

    @precondition(lambda self: len(self.papers) > 1)
    @rule(at=which)
    def delete(self, at: int) -> None:
        paper = self.paper_at(at)
        if not paper.deleted:
            self.world.acting.remove("Invoice", paper.halo_id)
            paper.deleted = True

    # --- people in Business Central ---

    @rule(at=which, line=which, quantity=st.booleans())
    def others_edit_a_line(self, at: int, line: int, quantity: bool) -> None:
        paper = self.paper_at(at)
        if (document := self._draft(paper)) is None or (found := self._line(paper, line)) is None:
            return
        rows = {row["id"]: row for row in self.world.lines(paper, document)}
        row = rows.get(found["dbc_id"])
        if row is None or row["lineType"] != "Item":
            return
        name = "quantity" if quantity else "unitPrice"
        value = Decimal(self.world.next())
        paper.theirs[str(found["id"]), name] = value
        paper.touched_in_bc = True
        path = f"/{self.world.acting.company_id}/{paper.lines}/{row['id']}"
        self.world.act_in_bc("PATCH", path, {name: int(value)})

    @rule(at=which)
    def others_set_the_due_date(self, at: int) -> None:
        paper = self.paper_at(at)
        if (document := self._draft(paper)) is None:
            return
        due = f"2027-01-{self.world.next() % 28 + 1:02}"
        paper.theirs["", "dueDate"] = due
        paper.touched_in_bc = True
        path = f"/{self.world.acting.company_id}/{paper.headers}/{document['id']}"
        self.world.act_in_bc("PATCH", path, {"dueDate": due})

    @rule(at=which)
    def others_add_a_line(self, at: int) -> None:
        paper = self.paper_at(at)
        if (document := self._draft(paper)) is None:
            return
        last = max((int(line["sequence"]) for line in self.world.lines(paper, document)), default=0)
        body = {
            "documentId": document["id"],
            "sequence": last + 10_000,
            "lineType": "Comment",
            "description": BOOKKEEPERS_WORD,
        }
        self.world.act_in_bc("POST", f"/{self.world.acting.company_id}/{paper.lines}", body)
        paper.touched_in_bc = True

    @rule(at=which)
    def others_post(self, at: int) -> None:
        paper = self.paper_at(at)
        if (document := self._draft(paper)) is not None and self.world.try_in_bc(f"/post/{document['id']}"):
            paper.touched_in_bc = True

    @precondition(lambda self: len(self.papers) > 1)
    @rule(at=which)
    def others_delete_the_draft(self, at: int) -> None:
        paper = self.paper_at(at)
        if (document := self._draft(paper)) is None:
            return
        path = f"/{self.world.acting.company_id}/{paper.headers}/{document['id']}"
        self.world.act_in_bc("DELETE", path)
        paper.removed_in_bc = True

    @precondition(lambda self: self.masters)
    @rule(at=which)
    def others_rename_a_master(self, at: int) -> None:
        master = self.masters[at % len(self.masters)]
        rows = [one for one in self.world.acting.bc(master.entity_set) if one["number"] == master.accounts_id]
        if rows:
            master.theirs = f"Theirs {self.world.next()}"
            path = f"/{self.world.acting.company_id}/{master.entity_set}/{rows[0]['id']}"
            self.world.act_in_bc("PATCH", path, {"displayName": master.theirs})

    @rule(customer=st.booleans(), at=which)
    def block_or_unblock(self, customer: bool, at: int) -> None:
        known = list((self.world.customers if customer else self.world.products).values())
        bc_id, held = known[at % len(known)], self.blocked.customers if customer else self.blocked.items
        self.world.block("customer" if customer else "item", bc_id, bc_id not in held)
        held ^= {bc_id}

    # --- deliveries, deaths, clocks ---

    @rule(at=which, times=st.integers(1, 3), late=st.booleans())
    def deliver(self, at: int, times: int, late: bool) -> None:
        """Halo's event, once or more; `late`: an old one that was overtaken by others."""
        paper = self.paper_at(at)
        operation: Operation = "delete" if paper.deleted and not late else "upsert"
        self.run(self._mark([("invoice", paper.halo_id, operation)] * times, "webhook"))

    @precondition(lambda self: self.masters)
    @rule(at=which)
    def deliver_master(self, at: int) -> None:
        master = self.masters[at % len(self.masters)]
        self.run(self._mark([(master.entity, master.halo_id, "upsert")], "webhook"))

    @rule(at=st.integers(1, 45), how=st.sampled_from(HOWS))
    def push_and_die(self, at: int, how: How) -> None:
        """All that waits is pushed by a process to which something happens at its `at`-th call."""
        self.run(self._push(Peril(at, how)))

    @rule(seconds=st.sampled_from([-3600, -5, 60, 4000, 90_000]))
    def the_clock_jumps(self, seconds: int) -> None:
        self.world.acting.control.post("/clock", json={"shift_seconds": seconds}).raise_for_status()
        self.shifted += seconds

    @rule()
    def rest(self) -> None:
        """All that changed is told and pushed, then what failed is retried by a person: now the books must be true."""
        changed: list[tuple[Entity, str, Operation]] = [
            (one.entity, one.halo_id, "upsert") for one in self.masters
        ]
        changed += [("invoice", one.halo_id, "delete" if one.deleted else "upsert") for one in self.papers]
        self.run(self._mark(changed, "webhook"))
        self.run(self._push(Peril()))
        failed = [one for one in changed if self.run(self._told(one[0], one[1])).stated]
        if failed:
            self.run(self._mark(failed, "manual"))
            self.run(self._push(Peril()))
        for master in self.masters:
            assert not (found := master_differences(self.world, master)), (master, found)
        for paper in self.papers:
            self._check(paper)

    def _check(self, paper: Paper) -> None:
        told = self.run(self._told("invoice", paper.halo_id))
        found = differences(self.world, paper, told, self.masters)
        shown = [(one.status, one.action, one.code, one.message) for one in told.outcomes]
        assert "documents carry one key" not in " ".join(found), (paper, found, shown)
        if found and not (paper.removed_in_bc and found == ["it is not in BC"]):
            allowed = reasons(self.world, paper, self.masters, self.blocked, linked=told.link is not None)
            assert told.stated in allowed, (paper, found, allowed, shown)
        if told.newest is not None and told.newest.status == "failed":
            assert [one.code for one in told.errors] == [told.stated], (paper, shown, told.errors)
        else:
            assert not told.errors, (paper, shown, told.errors)
        assert "retrying" not in [one.status for one in told.outcomes], (paper, shown)
        if not found and told.link is None and not paper.deleted:
            paper.removed_in_bc = False
        secret = self.world.env["HALO_CLIENT_SECRET"]
        assert secret not in repr(told), "a secret is told"

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None and self.papers:
                self.rest()
        finally:
            for what, held in (("customer", self.blocked.customers), ("item", self.blocked.items)):
                for bc_id in held:
                    self.world.block("customer" if what == "customer" else "item", bc_id, False)
            if self.shifted:
                self.world.acting.control.post("/clock", json={"shift_seconds": -self.shifted})
            self.runner.close()

    # --- how it is done ---

    def _line(self, paper: Paper, at: int) -> dict[str, Any] | None:
        if paper.deleted or not (lines := self.world.halo(paper)["lines"]):
            return None
        found: dict[str, Any] = lines[at % len(lines)]
        return found

    def _draft(self, paper: Paper) -> dict[str, Any] | None:
        drafts = [one for one in self.world.documents(paper) if one["status"] == "Draft"]
        return drafts[0] if len(drafts) == 1 else None

    async def _mark(self, changed: list[tuple[Entity, str, Operation]], source: Source) -> None:
        async with a_process(self.world.env) as services:
            for entity, halo_id, operation in changed:
                await services.store.dirty.mark(
                    entity, halo_id, operation=operation, source=source, requested_at=datetime.now(UTC)
                )

    async def _push(self, peril: Peril) -> None:
        async with a_process(self.world.env, peril) as services:
            with suppress(Died):
                await drain(services)

    async def _told(self, entity: Entity, halo_id: str) -> Told:
        connection_id = str(self.world.acting.connection["id"])
        async with a_process(self.world.env) as services:
            page = await services.store.outcomes.page(entity=entity, halo_id=halo_id, limit=200)
            errors = await services.store.errors.open_of(entity, halo_id)
            row = await services.store.links.get(connection_id, entity, halo_id)
        return Told(page.items, [one.value for one in errors], row.value if row else None)


def check(world: World, *, examples: int, steps: int, short: bool) -> None:
    Books.world = world
    phases = (Phase.explicit, Phase.generate) if short else (Phase.explicit, Phase.generate, Phase.shrink)
    run_state_machine_as_test(
        Books,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=short,
            print_blob=True,
            database=None,
            phases=phases,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(600)
def test_whatever_happens_the_books_are_true_or_say_why_not(world: World) -> None:
    check(world, examples=6, steps=14, short=True)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_whatever_happens_for_long_the_books_are_true_or_say_why_not(world: World) -> None:
    check(world, examples=150, steps=40, short=False)
