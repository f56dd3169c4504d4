"""Builds Halo's invoices: manual and recurring ones, with group headers, text lines and every kind of product."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal

from sandbox.data.halo import Client, Invoice, Item, Line, LookupRow, RecurringInvoice

CENT = Decimal("0.01")
FIRST_INVOICE = 1041
FIRST_LINE = 20_001
_NOTES = (
    "Please quote the invoice number.",
    "Hours as agreed by phone.",
    "Delivered to reception.",
    "Thank you.",
)


def build_invoices(
    rng: random.Random,
    scale: int,
    today: date,
    clients: Sequence[Client],
    items: Sequence[Item],
    lookups: Sequence[LookupRow],
) -> tuple[Invoice, ...]:
    """40 for each unit of scale: 15 old ones, posted with tax, and 25 of the last days without tax yet.

    The newest four: a voided one, a credit note, one that is not to be synced, and one of a new customer.
    """
    buyers = [client for client in clients if client.matches_by == "number"]
    newcomer = next(client for client in clients if not client.matches_by and client.accountsid)
    known = [item for item in items if item.bc_number and item.accountsid][:-4]
    products = {kind: [item for item in known if item.type == kind] for kind in (0, 1, 2)}
    charges = [row for row in lookups if row.lookupid == 17 and row.value5 and row.id <= 5]
    numbers = _Numbers()
    made: list[Invoice] = []
    for index in range(40 * scale):
        client = buyers[index % (len(buyers) - 5)]
        old = index < 15 * scale
        day = (
            today - timedelta(days=rng.randint(30, 300))
            if old
            else today - timedelta(days=rng.choice((0, 0, 0, 1, 2)))
        )
        lines = _lines(
            rng, numbers, FIRST_INVOICE + index, known, products, charges, Decimal(20) if old else Decimal(0)
        )
        made.append(_invoice(rng, FIRST_INVOICE + index, client, day, lines, old, index % 3 == 0))
    made[-4] = replace(made[-4], voided=True)
    made[-3] = _credit_note(made[-3], made[0].id)
    made[-2] = replace(made[-2], dont_sync_to_3rd_party=True)
    made[-1] = replace(made[-1], client_id=newcomer.id, sitenumber=newcomer.main_site_id)
    return tuple(made)


def build_recurring(
    rng: random.Random, scale: int, today: date, clients: Sequence[Client], items: Sequence[Item]
) -> tuple[RecurringInvoice, ...]:
    """Six monthly contracts for each unit of scale."""
    buyers = [client for client in clients if client.matches_by == "number"]
    monthly = [item for item in items if item.recurringprice and item.accountsid]
    numbers = _Numbers(first=900_001)
    made: list[RecurringInvoice] = []
    for index in range(6 * scale):
        client = buyers[index % len(buyers)]
        recurring_id = 301 + index
        lines = tuple(
            replace(line, ihid=recurring_id)
            for line in (
                _product_line(rng, numbers, recurring_id, rng.choice(monthly), Decimal(0)) for _ in range(3)
            )
        )
        made.append(
            RecurringInvoice(
                recurring_id, f"Managed services {index + 1}", client.id, client.main_site_id, "monthly",
                date(today.year + today.month // 12, today.month % 12 + 1, 1), client.default_currency_code, lines,
            )
        )  # fmt: skip
    return tuple(made)


class _Numbers:
    """Line ids, unique over all invoices, and the order within one."""

    def __init__(self, first: int = FIRST_LINE) -> None:
        self._next = first
        self._invoice = 0
        self._order = 0

    def take(self, invoice: int) -> tuple[int, int]:
        """(line id, sequenceid) of the invoice's next line."""
        if invoice != self._invoice:
            self._invoice, self._order = invoice, 0
        self._order += 1
        self._next += 1
        return self._next - 1, self._order


def _lines(
    rng: random.Random,
    numbers: _Numbers,
    invoice: int,
    products: Sequence[Item],
    by_type: Mapping[int, Sequence[Item]],
    charges: Sequence[LookupRow],
    rate: Decimal,
) -> tuple[Line, ...]:
    lines: list[Line] = []
    for group in range(rng.choice((0, 1, 2))):
        title = ("Hardware", "Managed services", "Project work")[(invoice + group) % 3]
        lines.append(_text_line(numbers, invoice, title, group_id=group + 1, header=True))
        kind = (1, 0, 2)[(invoice + group) % 3]
        for _ in range(rng.randint(1, 3)):
            line = _product_line(rng, numbers, invoice, rng.choice(by_type[kind]), rate)
            lines.append(replace(line, group_id=group + 1))
    lines += [
        _product_line(rng, numbers, invoice, rng.choice(products), rate) for _ in range(rng.randint(1, 4))
    ]
    if rng.random() < 0.4:
        lines.append(_charge_line(rng, numbers, invoice, rng.choice(charges), rate))
    if rng.random() < 0.5:
        lines.append(_text_line(numbers, invoice, rng.choice(_NOTES)))
    return tuple(lines)


def _product_line(rng: random.Random, numbers: _Numbers, invoice: int, item: Item, rate: Decimal) -> Line:
    line_id, order = numbers.take(invoice)
    quantity = (
        Decimal(rng.choice(("1", "2", "3", "5", "10", "0.5", "7.25")))
        if item.type != 1
        else Decimal(rng.randint(1, 6))
    )
    discount = Decimal(rng.choice((0, 0, 0, 0, 5, 10)))
    line = Line(
        line_id, invoice, order, item.name, _itemid=item.id, item_code=item.accountsid, qty_order=quantity,
        unit_price=item.baseprice, unit_cost=item.costprice, discount_perc=discount,
    )  # fmt: skip
    return _priced(line, rate)


def _charge_line(
    rng: random.Random, numbers: _Numbers, invoice: int, charge: LookupRow, rate: Decimal
) -> Line:
    line_id, order = numbers.take(invoice)
    line = Line(
        line_id, invoice, order, f"{charge.name}, ticket {rng.randint(2000, 9000)}", actioncode=charge.id,
        nominal_code=charge.value5, qty_order=Decimal(rng.choice(("0.25", "1.5", "2", "4"))), unit_price=Decimal("85.00"),
        unit_cost=Decimal("40.00"),
    )  # fmt: skip
    return _priced(line, rate)


def _text_line(numbers: _Numbers, invoice: int, text: str, group_id: int = 0, header: bool = False) -> Line:
    line_id, order = numbers.take(invoice)
    return Line(line_id, invoice, order, text, group_id=group_id, isgroupdesc=header)


def _priced(line: Line, rate: Decimal) -> Line:
    net = (line.qty_order * line.unit_price * (100 - line.discount_perc) / 100).quantize(CENT, ROUND_HALF_UP)
    tax = (net * rate / 100).quantize(CENT, ROUND_HALF_UP)
    return replace(line, net_amount=net, tax_amount=tax, tax_rate=rate, tax_code="S20" if rate else "")


def _invoice(
    rng: random.Random,
    number: int,
    client: Client,
    day: date,
    lines: tuple[Line, ...],
    old: bool,
    recurring: bool,
) -> Invoice:
    net = sum((line.net_amount for line in lines), Decimal(0))
    tax = sum((line.tax_amount for line in lines), Decimal(0))
    paid = net + tax if old and rng.random() < 0.7 else Decimal(0)
    due = day + timedelta(days=client.paymentterms)
    return Invoice(
        id=number,
        invoicenumber=f"INV-{number}",
        client_id=client.id,
        sitenumber=client.main_site_id,
        invoice_date=day,
        duedate=due,
        cust_order_number=f"PO{rng.randint(10_000, 99_999)}" if rng.random() < 0.5 else "",
        reference="",
        notes_1=rng.choice(("", "", "With thanks for your business.")),
        internal_note="",
        currency_code=client.default_currency_code,
        currency_conversion_rate=Decimal(1),
        posted=old,
        voided=False,
        invoicetype=1,
        creditlinkedtoinvoiceid=0,
        thirdpartyinvoicenumber="",
        dont_sync_to_3rd_party=False,
        dbc_id="",
        dbc_company_id="",
        paymentstatus=2 if paid else -1,
        amountpaid=paid,
        amountdue=net + tax - paid,
        datepaid=due if paid else None,
        revenue=net,
        tax_total=tax,
        total=net + tax,
        recurring_id=301 + number % 6 if recurring else 0,
        last_modified=datetime.combine(day, time(), UTC) - timedelta(minutes=rng.randint(1, 600)),
        lines=lines,
    )


def _credit_note(invoice: Invoice, credited: int) -> Invoice:
    """The same lines with the sign turned round."""
    lines = tuple(
        replace(line, qty_order=-line.qty_order, net_amount=-line.net_amount, tax_amount=-line.tax_amount)
        for line in invoice.lines
    )
    return replace(
        invoice, invoicetype=2, creditlinkedtoinvoiceid=credited, lines=lines, amountdue=-invoice.amountdue,
        revenue=-invoice.revenue, tax_total=-invoice.tax_total, total=-invoice.total,
    )  # fmt: skip
