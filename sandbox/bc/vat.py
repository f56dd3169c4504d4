"""The VAT engine: what each line of a document costs with tax, and how rounding is spread.

A line alone is rounded alone (`tax`); for the document's totals the tax is worked out on the running sum of each
VAT group, so that the parts add up to the group's tax, and a line's share may differ from its own by a cent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sandbox.bc.values import round_to

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Taxable:
    """A line before tax. `amount` is after the line's discount, net or gross as the document has its prices."""

    amount: Decimal
    percent: Decimal
    group: str


@dataclass(frozen=True, slots=True)
class Taxed:
    """A line with tax: by itself (before the document's discount), and its share of the document's sums."""

    excluding: Decimal
    including: Decimal
    discount: Decimal
    net: Decimal
    net_including: Decimal
    percent: Decimal

    @property
    def tax(self) -> Decimal:
        return self.including - self.excluding

    @property
    def net_tax(self) -> Decimal:
        return self.net_including - self.net


def line_amount(quantity: Decimal, price: Decimal, precision: Decimal = CENT) -> Decimal:
    """Quantity times price, rounded to the currency."""
    return round_to(quantity * price, precision)


def tax_lines(
    lines: Sequence[Taxable], discount: Decimal, *, gross: bool, precision: Decimal = CENT
) -> list[Taxed]:
    """Tax every line of a document. `discount` is the invoice discount, spread by the lines' amounts."""
    shares = spread(discount, [line.amount for line in lines], precision)
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    taxed = []
    for line, share in zip(lines, shares, strict=True):
        factor = 1 + line.percent / 100
        shown, worked = sums.get(line.group, (Decimal(0), Decimal(0)))
        base = line.amount - share
        running = shown + base
        other = round_to(running / factor, precision) if gross else round_to(running * factor, precision)
        part = other - worked
        sums[line.group] = (running, other)
        if gross:
            alone = round_to(line.amount / factor, precision)
            taxed.append(Taxed(alone, line.amount, alone - part, part, base, line.percent))
        else:
            alone = round_to(line.amount * factor, precision)
            taxed.append(Taxed(line.amount, alone, share, base, part, line.percent))
    return taxed


def spread(total: Decimal, weights: Sequence[Decimal], precision: Decimal = CENT) -> list[Decimal]:
    """Parts of `total` in proportion to `weights`, rounded, whose sum is `total` (0 where nothing weighs)."""
    whole = sum(weights, Decimal(0))
    if not total or not whole:
        return [Decimal(0)] * len(weights)
    parts, running, given = [], Decimal(0), Decimal(0)
    for weight in weights:
        running += weight
        upto = round_to(total * running / whole, precision)
        parts.append(upto - given)
        given = upto
    return parts
