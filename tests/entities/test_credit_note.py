"""Halo's credit notes as BC's credit memos: what is one, and whose sign stands where."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bc.entities.credit_note import header_sign, kind_in_halo, line_sign
from bc.entities.document_kind import CREDIT_NOTE, INVOICE
from bc.entities.invoice import InvoicePlan, ProductRef, References, plan
from bc.errors import Skip
from bc.model import ConnectionSettings, HaloConventions, Link
from bc.sync.invoices import compared, write_back
from tests.entities.builders import a_customer_link, a_line, an_invoice

WIDGET = ProductRef("22222222-2222-2222-2222-222222222222", "1896-S", "Inventory")
LINKS = References(products={"7": WIDGET})
NAMED = ConnectionSettings(halo_conventions=HaloConventions(credit_note_types=(9,)))


def planned(*lines: dict[str, Any], applies_to: str = "", **more: Any) -> InvoicePlan:
    note = an_invoice(*lines, invoicetype=2, **more)
    return plan(note, a_customer_link(), ConnectionSettings(), LINKS, kind=CREDIT_NOTE, applies_to=applies_to)


def booked(*lines: dict[str, Any]) -> list[tuple[Decimal, Decimal]]:
    return [(line.body["quantity"], line.body["unitPrice"]) for line in planned(*lines).lines]


@pytest.mark.parametrize(
    ("fields", "settings"),
    [
        ({"creditlinkedtoinvoiceid": 5}, ConnectionSettings()),
        ({"invoicetype": 2}, ConnectionSettings()),
        ({"invoicetype": 9}, NAMED),
        ({"invoicenumber": "", "total": Decimal(-1)}, ConnectionSettings()),
    ],
)
def test_what_is_a_credit_note(fields: dict[str, Any], settings: ConnectionSettings) -> None:
    assert kind_in_halo(an_invoice(a_line(7), **fields), settings) is CREDIT_NOTE


def test_what_is_an_invoice() -> None:
    assert kind_in_halo(an_invoice(a_line(7)), ConnectionSettings()) is INVOICE
    assert kind_in_halo(an_invoice(a_line(7), total=Decimal(-1)), ConnectionSettings()) is INVOICE
    assert kind_in_halo(an_invoice(a_line(7), invoicetype=2), NAMED) is INVOICE


def test_a_credit_note_known_by_its_total_stays_one_when_it_gets_its_number() -> None:
    note = an_invoice(a_line(7), total=Decimal(-1))
    assert kind_in_halo(note, ConnectionSettings(), a_link()) is CREDIT_NOTE


def a_link(**more: Any) -> Link:
    base = a_customer_link()
    return Link(
        connection_id="c1",
        entity="invoice",
        halo_id="1041",
        linked_at=base.linked_at,
        bc_id="99999999-9999-9999-9999-999999999999",
        bc_type=CREDIT_NOTE.entity,
        **more,
    )


def test_the_header_has_a_credit_memos_fields_only() -> None:
    header = planned(a_line(7), applies_to="66666666-6666-6666-6666-666666666666", cust_order_number="P" * 50)
    assert list(header.header) == [
        "customerId",
        "externalDocumentNumber",
        "postingDate",
        "creditMemoDate",
        "dueDate",
        "invoiceId",
    ]
    assert header.header["externalDocumentNumber"] == "HALO-1041"


@pytest.mark.parametrize(("quantity", "price"), [("2", "12.50"), ("-2", "12.50"), ("2", "-12.50")])
def test_every_way_of_holding_a_credit_is_the_same_credit_memo(quantity: str, price: str) -> None:
    note = planned(a_line(7, quantity, price))
    assert booked(a_line(7, quantity, price)) == [(Decimal(2), Decimal("12.5"))]
    assert note.net_total == Decimal(25)


def test_a_fee_kept_back_stays_against_the_credit() -> None:
    assert booked(a_line(7, "10", "5"), a_line(7, "-1", "8")) == [
        (Decimal(10), Decimal(5)),
        (Decimal(-1), Decimal(8)),
    ]
    assert booked(a_line(7, "-10", "5"), a_line(7, "1", "8")) == [
        (Decimal(10), Decimal(5)),
        (Decimal(-1), Decimal(8)),
    ]


def test_a_line_without_a_price_counts_as_credited() -> None:
    assert booked(a_line(7, "-10", "5"), a_line(7, "-3", "0"), a_line(7, "4", "0")) == [
        (Decimal(10), Decimal(5)),
        (Decimal(3), Decimal(0)),
        (Decimal(4), Decimal(0)),
    ]


CENTS = st.decimals(-1000, 1000, places=2)
QUANTITIES = st.decimals(-100, 100, places=3)
DISCOUNTS = st.decimals(0, 100, places=1)


@given(st.lists(st.tuples(QUANTITIES, CENTS, DISCOUNTS), min_size=1, max_size=6))
def test_signs_move_and_amounts_do_not(rows: list[tuple[Decimal, Decimal, Decimal]]) -> None:
    lines = [a_line(7, str(q), str(p), discount_perc=d) for q, p, d in rows]
    note = planned(*lines)
    sign = line_sign(lines)
    for line, (quantity, price, discount) in zip(note.lines, rows, strict=True):
        assert line.body["unitPrice"] == abs(price)
        assert abs(line.body["quantity"]) == abs(quantity)
        assert line.body["discountPercent"] == discount
        assert line.body["quantity"] * line.body["unitPrice"] == sign * quantity * price
    assert note.net_total == sign * sum(_cents(*row) for row in rows)
    exact = sum(q * p * (100 - d) for q, p, d in rows)
    assert sign * exact >= 0


def _cents(quantity: Decimal, price: Decimal, discount: Decimal) -> Decimal:
    """As BC rounds: the amount first, then its discount."""
    gross = (quantity * price).quantize(Decimal("0.01"), ROUND_HALF_UP)
    return gross - (gross * discount / 100).quantize(Decimal("0.01"), ROUND_HALF_UP)


@pytest.mark.parametrize(
    ("price", "total", "tax_line", "tax_whole"),
    [("10", "12", "2", "2"), ("-10", "-12", "-2", "-2"), ("10", "-12", "2", "-2")],
)
def test_tax_goes_back_with_the_sign_of_the_amounts_beside_it(
    price: str, total: str, tax_line: str, tax_whole: str
) -> None:
    note = an_invoice(a_line(7, "1", price), invoicetype=2, total=Decimal(total))
    first = compared(planned(*note["lines"]), None, ConnectionSettings())
    link = a_link(tax_total=Decimal(2), lines=_linked(first.plan))
    header, rows = write_back(note, link, "company")
    assert header["tax_total"] == Decimal(tax_whole)
    assert rows[0]["tax_amount"] == Decimal(tax_line)
    assert header_sign(note, note["lines"]) == (-1 if total.startswith("-") else 1)


def _linked(note: InvoicePlan) -> Any:
    from bc.model import LinkedLine

    return tuple(
        LinkedLine(
            bc_id=f"line-{line.key}",
            sequence=1000 + place,
            etag="e",
            halo_line_id=line.key,
            payload=line.payload,
            tax_amount=Decimal(2),
        )
        for place, line in enumerate(note.lines)
    )


def test_an_invoice_that_is_credited_no_longer_is_cleared_with_bcs_word_for_nothing() -> None:
    applied = planned(a_line(7), applies_to="66666666-6666-6666-6666-666666666666")
    link = a_link(payload=applied.header_payload, lines=_linked(applied))
    lone = plan(
        an_invoice(a_line(7), invoicetype=2), a_customer_link(), ConnectionSettings(), LINKS, kind=CREDIT_NOTE
    )
    assert compared(lone, link, ConnectionSettings()).header == {
        "invoiceId": "00000000-0000-0000-0000-000000000000"
    }


def test_all_requests_go_to_credit_memos() -> None:
    note = planned(a_line(7))
    paths = [part.path for part in compared(note, None, ConnectionSettings()).parts]
    paths += [
        part.path
        for part in compared(
            planned(a_line(7)), a_link(payload="{}", lines=_linked(note)), ConnectionSettings()
        ).parts
    ]
    assert paths
    assert all(path.startswith("salesCreditMemos") and "salesInvoice" not in path for path in paths)
    body = compared(note, None, ConnectionSettings()).parts[0].body
    assert body is not None
    assert "salesCreditMemoLines" in body


def test_an_empty_credit_note_says_so_by_its_name() -> None:
    with pytest.raises(Skip, match="Credit note 1041 has no line to book"):
        planned()
