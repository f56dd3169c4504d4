"""The VAT engine's sums, whatever the lines."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.bc.values import round_to
from sandbox.bc.vat import CENT, Taxable, spread, tax_lines

AMOUNTS = st.decimals(min_value=0, max_value=10**6, places=2)
LINES = st.lists(
    st.builds(
        lambda amount, rate: Taxable(amount, Decimal(rate), f"VAT{rate}"),
        AMOUNTS,
        st.sampled_from(["20", "5", "0", "19"]),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=80)
@given(LINES, st.decimals(min_value=0, max_value=100, places=2), st.booleans())
def test_each_groups_tax_is_the_tax_of_its_sum(lines: list[Taxable], discount: Decimal, gross: bool) -> None:
    taxed = tax_lines(lines, discount, gross=gross)
    for group in {line.group for line in lines}:
        members = [(line, tax) for line, tax in zip(lines, taxed, strict=True) if line.group == group]
        factor = 1 + members[0][0].percent / 100
        net = sum((tax.net for _, tax in members), Decimal(0))
        including = sum((tax.net_including for _, tax in members), Decimal(0))
        assert (
            including == round_to(net * factor, CENT)
            if not gross
            else net == round_to(including / factor, CENT)
        )
    if any(line.amount for line in lines):
        before = sum((line.amount for line in lines), Decimal(0))
        after = sum(((tax.net_including if gross else tax.net) for tax in taxed), Decimal(0))
        assert before - after == discount


@settings(max_examples=80)
@given(LINES, st.booleans())
def test_a_line_alone_is_rounded_alone_and_its_share_differs_by_a_cent_at_most(
    lines: list[Taxable], gross: bool
) -> None:
    for line, tax in zip(lines, tax_lines(lines, Decimal(0), gross=gross), strict=True):
        factor = 1 + line.percent / 100
        assert tax.excluding + tax.tax == tax.including
        assert tax.excluding == (round_to(line.amount / factor, CENT) if gross else line.amount)
        assert abs(tax.net_tax - tax.tax) <= CENT


@settings(max_examples=50)
@given(AMOUNTS, st.lists(AMOUNTS, min_size=1, max_size=8))
def test_parts_add_up(total: Decimal, weights: list[Decimal]) -> None:
    assert sum(spread(total, weights), Decimal(0)) == (total if any(weights) else 0)
