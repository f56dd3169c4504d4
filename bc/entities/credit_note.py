"""Halo's credit notes: what is one, and how its amounts become those of a BC credit memo. No I/O.

Halo may hold a credit note below zero or above; BC wants a credit memo above. One rule covers both:

- A credit note credits. What its lines come to together is the sum credited, whichever sign Halo gives it.
- Where they come to less than zero, every line is turned round.
- A line's sign then stands in its quantity, never in its price: what is credited is above zero, what is kept back
  (a fee, say) below. A line without a price has nothing to sign and counts as credited.

Every product of quantity, price and discount keeps its amount to the cent: only signs move.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from bc.entities.document_kind import CREDIT_NOTE, INVOICE, DocumentKind, kind_of
from bc.entities.values import Record, decimal, flag, ident
from bc.model import ConnectionSettings, Link


def kind_in_halo(invoice: Record, settings: ConnectionSettings, link: Link | None = None) -> DocumentKind:
    """Whether Halo's record is an invoice or a credit note.

    A credit note is linked to an invoice, of a type the admin named (2 by default), or has a negative total and no
    number. One that was known by the last of these stays a credit note when Halo gives it its number.
    """
    types = settings.halo_conventions.credit_note_types
    named = ident(invoice, "invoicetype") in {str(one) for one in (types if types is not None else (2,))}
    unnumbered = not ident(invoice, "invoicenumber") or kind_of(link) is CREDIT_NOTE
    negative = decimal(invoice, "total") < 0 and unnumbered
    return CREDIT_NOTE if credited_invoice(invoice) or named or negative else INVOICE


def credited_invoice(invoice: Record) -> str:
    """The id of the Halo invoice that a credit note credits; "" where Halo knows none."""
    return ident(invoice, "creditlinkedtoinvoiceid")


def line_sign(lines: Iterable[Record]) -> int:
    """-1 where Halo holds the credit note's lines below zero, else 1."""
    total = sum((_amount(line) for line in lines if not flag(line, "isgroupdesc")), Decimal(0))
    return -1 if total < 0 else 1


def header_sign(invoice: Record, lines: Iterable[Record]) -> int:
    """-1 where Halo holds the credit note's totals below zero, else 1: its lines may have another sign."""
    total = decimal(invoice, "total")
    return line_sign(lines) if total == 0 else -1 if total < 0 else 1


def signs_in_halo(invoice: Record, lines: Iterable[Record], link: Link | None) -> tuple[int, int]:
    """What turns amounts of BC's document into Halo's: of its totals, and of its lines. 1 for an invoice."""
    if kind_of(link) is not CREDIT_NOTE:
        return 1, 1
    known = list(lines)
    return header_sign(invoice, known), line_sign(known)


def credited(lines: Iterable[Record]) -> list[Record]:
    """The lines of a credit note with the quantities and prices of a credit memo."""
    known = list(lines)
    sign = line_sign(known)
    return [_turned(line, sign) for line in known]


def _turned(line: Record, sign: int) -> Record:
    quantity, price = decimal(line, "qty_order"), decimal(line, "unit_price")
    below = sign * quantity * price < 0
    return {**line, "qty_order": -abs(quantity) if below else abs(quantity), "unit_price": abs(price)}


def _amount(line: Record) -> Decimal:
    return decimal(line, "qty_order") * decimal(line, "unit_price") * (100 - decimal(line, "discount_perc"))
