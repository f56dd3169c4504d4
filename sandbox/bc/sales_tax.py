"""The sales tax engine: what each line of a US document costs with tax.

Each jurisdiction of the customer's tax area takes its percent of a tax group's sum, and rounds it. The lines of
the group share that tax, so a line's part may differ by cents from its own percent; its percent is worked out
from its part.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from sandbox.bc.values import round_to
from sandbox.bc.vat import CENT, Taxable, Taxed, spread

PERCENT = Decimal("0.00001")

type Rates = Callable[[str], Sequence[Decimal]]


def tax_lines(
    lines: Sequence[Taxable], discount: Decimal, rates: Rates, precision: Decimal = CENT
) -> list[Taxed]:
    """Tax every line of a document. `rates` gives a tax group's percents, one for each jurisdiction.

    `discount` is the invoice discount, spread by the lines' amounts before tax. Prices exclude sales tax.
    """
    shares = spread(discount, [line.amount for line in lines], precision)
    sums: dict[str, Decimal] = {}
    taxes: dict[str, Decimal] = {}
    taxed = []
    for line, share in zip(lines, shares, strict=True):
        base = line.amount - share
        running = sums.get(line.group, Decimal(0)) + base
        upto = sum((round_to(running * rate / 100, precision) for rate in rates(line.group)), Decimal(0))
        tax = upto - taxes.get(line.group, Decimal(0))
        sums[line.group], taxes[line.group] = running, upto
        percent = round_to(100 * tax / base, PERCENT) if base else Decimal(0)
        alone = round_to(line.amount * (1 + percent / 100), precision)
        taxed.append(Taxed(line.amount, alone, share, base, base + tax, percent))
    return taxed
