"""Tax, rates and ids on their way back to Halo: exactly BC's, once, and on our own lines only."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bc.model import Link, LinkedLine
from bc.sync.invoices import write_back
from tests.entities.builders import a_line, an_invoice

COMPANY = "0e6d3c7b-0000-0000-0000-000000000001"
CENTS = st.integers(-10_000, 10_000).map(lambda cents: Decimal(cents) / 100)
RATES = st.sampled_from([Decimal(0), Decimal(5), Decimal("8.625"), Decimal(20)])
# Of a Halo line: the tax and rate it holds. Of its BC line: tax and rate, and how many further pieces its text takes.
LINES = st.lists(
    st.tuples(CENTS, RATES, CENTS, RATES, st.integers(0, 2), st.booleans()), min_size=1, max_size=8
)


def books(
    lines: list[tuple[Decimal, Decimal, Decimal, Decimal, int, bool]], foreign: Decimal
) -> tuple[dict[str, Any], Link]:
    """A Halo invoice and its link; the last of each tuple says whether BC has the line. `foreign`: tax of a line that is not ours."""
    halo = [a_line(7, tax_amount=tax, tax_rate=rate, dbc_id="", dbc_sequence_id=0) for tax, rate, *_ in lines]
    invoice = an_invoice(
        *halo, tax_total=Decimal(0), dbc_id="", dbc_company_id="", thirdpartyinvoicenumber=""
    )
    linked = [LinkedLine(bc_id="theirs", sequence=1, etag="e", tax_amount=foreign)]
    for line, (_, _, tax, rate, pieces, there) in zip(halo, lines, strict=True):
        keys = [str(line["id"]), *(f"{line['id']}.{n}" for n in range(1, pieces + 1))] if there else []
        for place, key in enumerate(keys):
            linked.append(
                LinkedLine(
                    bc_id=f"bc-{key}",
                    sequence=len(linked) * 10,
                    etag="e",
                    halo_line_id=key,
                    tax_amount=Decimal(0) if place else tax,
                    tax_rate=Decimal(0) if place else rate,
                )
            )
    link = Link(
        connection_id="c1",
        entity="invoice",
        halo_id="1041",
        bc_id="99999999-9999-9999-9999-999999999999",
        bc_number="S-1",
        linked_at=datetime(2026, 11, 1, tzinfo=UTC),
        lines=tuple(linked),
        tax_total=sum((line.tax_amount for line in linked), Decimal(0)),
    )
    return invoice, link


def written(invoice: dict[str, Any], header: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Halo once it took them."""
    by_id = {row["id"]: row for row in rows}
    return {
        **invoice,
        **header,
        "lines": [{**line, **by_id.get(line["id"], {})} for line in invoice["lines"]],
    }


@given(LINES, CENTS)
def test_halo_ends_with_bcs_tax_to_the_cent_and_is_told_once(
    lines: list[tuple[Decimal, Decimal, Decimal, Decimal, int, bool]], foreign: Decimal
) -> None:
    invoice, link = books(lines, foreign)
    header, rows = write_back(invoice, link, COMPANY)
    after = written(invoice, header, rows)
    assert after["tax_total"] == link.tax_total
    assert (after["dbc_id"], after["dbc_company_id"], after["thirdpartyinvoicenumber"]) == (
        link.bc_id,
        COMPANY,
        "S-1",
    )
    for line, was, (_, _, tax, rate, _, there) in zip(after["lines"], invoice["lines"], lines, strict=True):
        if there:
            assert (line["tax_amount"], line["tax_rate"]) == (tax, rate)
            assert line["dbc_id"] == f"bc-{line['id']}"
        else:
            assert line == was
    assert write_back(after, link, COMPANY) == ({}, [])


@given(LINES, CENTS)
def test_only_what_differs_is_sent(
    lines: list[tuple[Decimal, Decimal, Decimal, Decimal, int, bool]], foreign: Decimal
) -> None:
    invoice, link = books(lines, foreign)
    header, rows = write_back(invoice, link, COMPANY)
    assert all(invoice.get(name) != value for name, value in header.items())
    before = {line["id"]: line for line in invoice["lines"]}
    for row in rows:
        changed = {name: value for name, value in row.items() if name not in ("id", "ihid")}
        assert changed
        assert all(before[row["id"]][name] != value for name, value in changed.items())
