"""Halo's invoices: lines inside the header, totals from the lines, and `updatelines` for single lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.halo.errors import not_found, refused
from sandbox.halo.fields import DERIVED, INVOICE, LINE, Row, blank, is_stored
from sandbox.halo.resources import INVOICE as RESOURCE
from sandbox.halo.seeding import numbered
from sandbox.halo.store import HaloState, Operation

PRICING = ("qty_order", "unit_price", "discount_perc")


def save_invoice(state: HaloState, element: Mapping[str, Any], *, by_agent: bool = False) -> Row:
    """Create or update an invoice. `lines` of an update replace all lines (switch `halo.lines_replace`),
    `add_lines` are appended; a person's edit (`by_agent`) changes single lines and fills in what a picked
    product knows."""
    sent = state.check("Invoice", INVOICE, element)
    found = state.find("Invoice", sent["id"]) if sent.get("id") else None
    if sent.get("id") and found is None:
        state.meet_unknown_id()
    operation: Operation = "updated" if found else "created"
    row = dict(found) if found else _new(state, sent)
    kept = {name: value for name, value in sent.items() if is_stored(name) and name not in DERIVED["Invoice"]}
    row |= kept
    _client_of(state, row)
    if row["posted"] and not row.get("dateposted"):
        row["dateposted"] = state.world.clock.now()
    pen = Pen(state, row["id"], by_agent)
    merged = by_agent or not state.switch("lines_replace")
    if "lines" in sent:
        write = pen.merge if merged else pen.replace
        row["lines"] = write(row["lines"], _array(sent["lines"]))
    if sent.get("add_lines"):
        row["lines"] = pen.merge(row["lines"], [{**line, "id": 0} for line in _array(sent["add_lines"])])
    if by_agent and element.get("delete_lines"):
        gone = set(element["delete_lines"])
        row["lines"] = [line for line in row["lines"] if line["id"] not in gone]
    lines_changed = row["lines"] is not (found or {}).get("lines")
    total(row, tax_from_lines=lines_changed and "tax_total" not in sent)
    row["change_seq"] += 1
    silent = bool(sent.get("_dont_fire_automations")) and bool(state.switch("dont_fire_automations"))
    state.put(RESOURCE, row["id"], row, operation, silent=silent)
    return row


def credit(state: HaloState, key: int, *, linked: bool = True) -> Row:
    """A person credits an invoice: a credit note with its lines, linked to it, in the form of the switch
    `halo.credit_quantities`. Not `linked`: only `invoicetype` 2 tells what it is."""
    credited = state.table("Invoice")[key]
    form = state.switch("credit_quantities")
    turned = {"negative": "qty_order", "negative_price": "unit_price"}.get(form, "")
    lines = [
        {
            **{
                name: value
                for name, value in line.items()
                if name not in ("ihid", "dbc_id", "dbc_sequence_id")
            },
            "id": 0,
            "creditlinkedidid": line["id"] if linked else 0,
            **({turned: -line[turned]} if turned else {}),
            **{name: -line[name] if turned else line[name] for name in ("net_amount", "tax_amount")},
        }
        for line in credited["lines"]
    ]
    kept = ("client_id", "sitenumber", "currency_code", "currency_conversion_rate", "cust_order_number")
    sent = {name: credited[name] for name in kept} | {
        "invoicetype": 2,
        "creditlinkedtoinvoiceid": key if linked else 0,
        "lines": lines,
    }
    return save_invoice(state, sent, by_agent=True)


def update_lines(state: HaloState, elements: Sequence[Any]) -> list[Row]:
    """POST /Invoice/updatelines: bare lines, only what is sent changes; gives the lines as stored.

    Stamps each invoice, works its totals out from its lines and fires its webhook (a switch for each).
    """
    with state.transaction():
        where = {
            line["id"]: invoice["id"]
            for invoice in state.table("Invoice").values()
            for line in invoice["lines"]
        }
        changes: dict[int, dict[int, Row]] = {}
        order: list[int] = []
        for element in _array(elements):
            sent = state.check("InvoiceDetail", LINE, element)
            line_id = sent.get("id", 0)
            if not line_id:
                raise refused("id is required.", "message")
            if line_id not in where:
                state.meet_unknown_id()
                raise not_found()  # a line cannot be created here
            of_invoice = changes.setdefault(where[line_id], {})
            of_invoice[line_id] = {**of_invoice.get(line_id, {}), **sent}
            order.append(line_id)
        for invoice_id, sent_lines in changes.items():
            _apply(state, invoice_id, sent_lines)
        stored = {
            line["id"]: line for invoice_id in changes for line in state.table("Invoice")[invoice_id]["lines"]
        }
        return [stored[line_id] for line_id in order]


def _apply(state: HaloState, invoice_id: int, sent_lines: Mapping[int, Row]) -> None:
    row = dict(state.table("Invoice")[invoice_id])
    pen = Pen(state, invoice_id, by_agent=False)
    row["lines"] = [
        pen.write(line, sent_lines[line["id"]]) if line["id"] in sent_lines else line for line in row["lines"]
    ]
    if state.switch("updatelines_totals"):
        total(row, tax_from_lines=True)
    row["change_seq"] += 1
    state.put(
        RESOURCE,
        invoice_id,
        row,
        "updated",
        silent=not state.switch("updatelines_webhook"),
        stamped=bool(state.switch("updatelines_stamps")),
    )


def total(row: Row, *, tax_from_lines: bool) -> None:
    """The header's sums from its lines; a tax that was given stays unless `tax_from_lines`."""
    row["revenue"] = _sum(line["net_amount"] for line in row["lines"])
    if tax_from_lines:
        row["tax_total"] = _sum(line["tax_amount"] for line in row["lines"])
    row["total"] = row["revenue"] + row["tax_total"]
    row["amountdue"] = row["total"] - row["amountpaid"]


class Pen:
    """Writes the lines of one invoice."""

    def __init__(self, state: HaloState, invoice_id: int, by_agent: bool) -> None:
        self._state = state
        self._invoice_id = invoice_id
        self._by_agent = by_agent
        places = state.table("Control")[1]["decimalplacesforinvoices"] or 2
        self._unit = Decimal(1).scaleb(-places)
        self._recompute_tax = bool(state.switch("recompute_tax"))

    def replace(self, old: Sequence[Row], elements: Sequence[Mapping[str, Any]]) -> list[Row]:
        """Only the sent lines remain, each as sent; a line keeps its id where it names one of this invoice."""
        known = {line["id"] for line in old}
        made: list[Row] = []
        for index, element in enumerate(elements):
            sent = self._check(element)
            line = blank(LINE) | {"id": sent.get("id", 0) if sent.get("id") in known else 0}
            known.discard(line["id"])
            made.append(self.write(line, {"sequenceid": index + 1, **sent}))
        return _ordered(made)

    def merge(self, old: Sequence[Row], elements: Sequence[Mapping[str, Any]]) -> list[Row]:
        """Lines named by id change, others are added at the end, the rest stays."""
        lines = {line["id"]: line for line in old}
        for element in elements:
            sent = self._check(element)
            found = lines.get(sent.get("id", 0))
            if found is not None:
                lines[found["id"]] = self.write(found, sent)
                continue
            last = max((line["sequenceid"] for line in lines.values()), default=0)
            made = self.write(blank(LINE), {"sequenceid": last + 1, **sent})
            lines[made["id"]] = made
        return _ordered(list(lines.values()))

    def write(self, line: Row, sent: Row) -> Row:
        """The line with what was sent; net and tax follow quantity and price unless they were sent themselves."""
        new = not line["id"]
        picked = self._picked(sent) if self._by_agent and new else {}
        kept = {name: value for name, value in sent.items() if name not in DERIVED["InvoiceDetail"]}
        row = {**line, **picked, **kept, "ihid": self._invoice_id}
        if new:
            row["id"] = self._state.take_id("InvoiceDetail")
        if "net_amount" not in sent and (new or any(name in sent for name in PRICING)):
            net = Decimal(row["qty_order"]) * row["unit_price"] * (100 - row["discount_perc"]) / 100
            row["net_amount"] = self._rounded(net)
        given = "tax_amount" in sent and not self._recompute_tax
        if not given and (
            row["net_amount"] != line["net_amount"] or "tax_rate" in sent or "tax_amount" in sent
        ):
            row["tax_amount"] = self._rounded(Decimal(row["net_amount"]) * row["tax_rate"] / 100)
        return row

    def _check(self, element: Mapping[str, Any]) -> Row:
        return self._state.check("InvoiceDetail", LINE, element)

    def _rounded(self, amount: Decimal) -> Decimal:
        return amount.quantize(self._unit, ROUND_HALF_UP)

    def _picked(self, sent: Row) -> Row:
        """What Halo's screen fills in when a person picks a product or a charge type."""
        item = self._state.find("Item", sent.get("_itemid", 0))
        if item is not None:
            return {
                "item_code": item["accountsid"],
                "item_shortdescription": item["name"],
                "unit_price": item["baseprice"],
                "unit_cost": item["costprice"],
            }
        charge = self._state.find("Lookup", (17, sent.get("actioncode", 0)))
        if charge is not None:
            return {"item_shortdescription": charge["name"], "nominal_code": charge["value5"]}
        return {}


def _new(state: HaloState, sent: Row) -> Row:
    client = _known_client(state, sent.get("client_id", 0))
    invoice_id = state.take_id("Invoice")
    today = sent.get("invoice_date") or state.world.clock.now().replace(
        hour=0, minute=0, second=0, microsecond=0, tzinfo=None
    )
    row = blank(INVOICE) | {
        "id": invoice_id,
        "invoicenumber": f"INV-{invoice_id}",
        "client_id": client["id"],
        "sitenumber": client["main_site_id"],
        "invoice_date": today,
        "duedate": today + timedelta(days=client["paymentterms"]),
        "currency_code": client["default_currency_code"] or 1,
        "currency_conversion_rate": Decimal(1),
        "paymentstatus": -1,
        "invoicetype": 2 if sent.get("creditlinkedtoinvoiceid") else 1,
        "lines": [],
    }
    return numbered(row)


def _client_of(state: HaloState, row: Row) -> None:
    client = _known_client(state, row["client_id"])
    row["client_name"] = client["name"]
    site = state.find("Site", row["sitenumber"])
    row["site_name"] = site["name"] if site else ""


def _known_client(state: HaloState, key: int) -> Row:
    client = state.find("Client", key)
    if client is None:
        raise refused(f"The client {key} of the invoice does not exist.", "result")
    return client


def _array(sent: Any) -> list[Mapping[str, Any]]:
    if not isinstance(sent, list) or not all(isinstance(one, dict) for one in sent):
        raise refused("Cannot deserialize the current JSON object. Path 'lines', line 1.", "dotnet")
    return list(sent)


def _ordered(lines: list[Row]) -> list[Row]:
    return sorted(lines, key=lambda line: int(line["sequenceid"]))


def _sum(amounts: Iterable[Decimal | int]) -> Decimal:
    return sum((Decimal(amount) for amount in amounts), Decimal(0))
