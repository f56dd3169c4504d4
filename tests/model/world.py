"""What people do to a handful of records on both sides, with a note of what Business Central may hold because of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from bc.model import Entity
from tests.e2e.acting import Acting, Invoicing, number
from tests.faults.looking import by_control

Kind = Literal["invoice", "credit note"]

BOOKKEEPERS_WORD = "A bookkeeper's own word"
"""What stands on a line that somebody added in BC."""


@dataclass(slots=True, eq=False)
class Paper:
    """An invoice or a credit note in Halo, and what others did to its document in BC."""

    halo_id: str
    kind: Kind
    deleted: bool = False
    removed_in_bc: bool = False
    touched_in_bc: bool = False
    theirs: dict[tuple[str, str], Decimal | str] = field(default_factory=dict)
    """What somebody in BC wrote over ours: (Halo line id or "", BC's field) -> value. It may stay until Halo changes that."""

    @property
    def sign(self) -> int:
        return -1 if self.kind == "credit note" else 1

    @property
    def headers(self) -> str:
        return "salesCreditMemos" if self.kind == "credit note" else "salesInvoices"

    @property
    def lines(self) -> str:
        return "salesCreditMemoLines" if self.kind == "credit note" else "salesInvoiceLines"


@dataclass(slots=True, eq=False)
class Master:
    """A customer or product that came into being in Halo."""

    entity: Entity
    halo_id: str
    accounts_id: str
    theirs: str = ""

    @property
    def resource(self) -> str:
        return "Client" if self.entity == "customer" else "Item"

    @property
    def entity_set(self) -> str:
        return "customers" if self.entity == "customer" else "items"


class World:
    """Halo and BC with two linked customers and two linked products; every run makes records of its own."""

    def __init__(self, acting: Acting) -> None:
        self.acting = acting
        self.invoicing = Invoicing(acting)
        self.env = dict(acting.app.host.env)
        self.customers = {self.invoicing.customer: self._bc_id("customers", self.invoicing.customer)}
        second, row = self._second_customer()
        self.customers[second] = row["id"]
        self.products = {halo: self._bc_id("products", halo) for halo in self.invoicing.products.values()}
        self.count = 0

    def _bc_id(self, kind: str, halo_id: str) -> str:
        path = f"/api/connections/{self.acting.connection['id']}/mappings/{kind}"
        return next(str(row["bc_id"]) for row in self.acting.get(path)["items"] if row["halo_id"] == halo_id)

    def _second_customer(self) -> tuple[str, dict[str, Any]]:
        row = next(
            row
            for row in self.acting.bc("customers")[20:]
            if row["genBusPostingGroup"] == "DOMESTIC"
            and not row["pricesIncludeTax"]
            and not row["blocked"].strip()
            and row["id"] not in self.customers.values()
        )
        client = number(self.acting.agent("Client", {"name": "Second (Halo)", "toplevel_id": 1})["id"])
        path = f"/api/connections/{self.acting.connection['id']}/mappings/customers/{client}"
        assert self.acting.app.api.put(path, json={"bc_id": row["id"]}).status_code in (200, 201)
        return client, row

    def next(self) -> int:
        """A number never used before, so that no edit goes back to an earlier value by chance."""
        self.count += 1
        return self.count

    # --- people in Halo ---

    def customer(self) -> Master:
        made = self.acting.agent("Client", {"name": f"Customer {self.next()}", "toplevel_id": 1})
        halo_id = number(made["id"])
        self.acting.edit("Client", halo_id, {"accountsid": f"MC{halo_id}"})
        return Master("customer", halo_id, f"MC{halo_id}")

    def product(self) -> Master:
        made = self.acting.agent(
            "Item", {"name": f"Product {self.next()}", "assetgroup_id": 1, "baseprice": self.next()}
        )
        halo_id = number(made["id"])
        self.acting.edit("Item", halo_id, {"accountsid": f"MP{halo_id}"})
        return Master("product", halo_id, f"MP{halo_id}")

    def paper(self, kind: Kind, customer: str, lines: list[dict[str, Any]]) -> Paper:
        more: dict[str, Any] = {"invoicetype": 2} if kind == "credit note" else {}
        halo_id = self.invoicing.invoice(*lines, client_id=int(customer), **more)
        return Paper(halo_id, kind)

    def line(self, product: str, quantity: Decimal, price: Decimal, text: str, **more: Any) -> dict[str, Any]:
        if not product:
            return {"item_shortdescription": f"Note {text}"}
        return {
            "_itemid": int(product),
            "qty_order": float(quantity),
            "unit_price": float(price),
            "item_shortdescription": text,
            **more,
        }

    def halo(self, paper: Paper) -> dict[str, Any]:
        found: dict[str, Any] = self.acting.halo("Invoice", paper.halo_id)
        return found

    def edit(self, paper: Paper, changes: dict[str, Any]) -> None:
        self.acting.edit("Invoice", paper.halo_id, changes)

    # --- people in Business Central ---

    def documents(self, paper: Paper) -> list[dict[str, Any]]:
        """All that BC holds under this record's key, of either kind."""
        key = f"HALO-{paper.halo_id}"
        return [
            {**row, "kind": headers}
            for headers in ("salesInvoices", "salesCreditMemos")
            for row in self.acting.bc(headers)
            if row["externalDocumentNumber"] == key
        ]

    def lines(self, paper: Paper, document: Mapping[str, Any]) -> list[dict[str, Any]]:
        rows = [row for row in self.acting.bc(paper.lines) if row["documentId"] == document["id"]]
        return sorted(rows, key=lambda row: int(row["sequence"]))

    def act_in_bc(self, method: str, path: str, body: Any = None) -> Any:
        return by_control(self.acting, method, path, body)

    def try_in_bc(self, path: str) -> bool:
        """A bookkeeper's step that BC may refuse."""
        return self.acting.control.post(f"/bc{path}", json={}).status_code < 300

    def block(self, what: Literal["customer", "item"], bc_id: str, blocked: bool) -> None:
        entity_set = "customers" if what == "customer" else "items"
        row = next(row for row in self.acting.bc(entity_set) if row["id"] == bc_id)
        value = ("All" if blocked else " ") if what == "customer" else blocked
        self.act_in_bc("POST", "/block", {what: row["number"], "blocked": value})
