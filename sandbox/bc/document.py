"""A sales document with its lines: tax and totals worked out anew, and when it may be changed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sandbox.bc import sales_tax
from sandbox.bc.errors import Refusal, bad_request, dialog, must_be
from sandbox.bc.sales import SalesKind
from sandbox.bc.session import Session
from sandbox.bc.store import Row
from sandbox.bc.values import ZERO_GUID
from sandbox.bc.vat import Taxable, Taxed, tax_lines

TOTALS = (
    "discountAmount", "totalAmountExcludingTax", "totalTaxAmount", "totalAmountIncludingTax", "remainingAmount",
)  # fmt: skip
LINE_STEP = 10_000
UNIT_PRECISION = Decimal("0.001")


def lines_of(session: Session, kind: SalesKind, document_id: str) -> list[Row]:
    return session.company[kind.lines].children(document_id)


def recalculate(session: Session, kind: SalesKind, document_id: str) -> Row:
    """Work out the tax of all lines and the header's totals; the header's ETag moves (BC: any line change)."""
    headers, table = session.company[kind.headers], session.company[kind.lines]
    document = headers.rows[document_id]
    lines = lines_of(session, kind, document_id)
    taxed = _taxed(session, document, lines)
    for line, tax in zip(lines, taxed, strict=True):
        worked = {
            "taxPercent": tax.percent,
            "amountExcludingTax": tax.excluding,
            "amountIncludingTax": tax.including,
            "totalTaxAmount": tax.tax,
            "invoiceDiscountAllocation": tax.discount,
            "netAmount": tax.net,
            "netTaxAmount": tax.net_tax,
            "netAmountIncludingTax": tax.net_including,
        }
        if any(line[name] != value for name, value in worked.items()):
            table.update(line.id, worked, touch=False)
    net = sum((tax.net for tax in taxed), Decimal(0))
    total = sum((tax.net_including for tax in taxed), Decimal(0))
    return headers.update(
        document_id,
        {
            "discountAmount": document["invoiceDiscount"] if lines else Decimal(0),
            "totalAmountExcludingTax": net,
            "totalTaxAmount": total - net,
            "totalAmountIncludingTax": total,
            "remainingAmount": total,
        },
    )


def _taxed(session: Session, document: Row, lines: list[Row]) -> list[Taxed]:
    """VAT by the lines' cells of the posting set-up; else sales tax by the header's tax area and the lines' groups."""
    company, discount = session.company, document["invoiceDiscount"]
    if company.vat_in_use:
        vat = [Taxable(line["lineAmount"], line["taxPercent"], line["vatKey"]) for line in lines]
        return tax_lines(vat, discount, gross=document["pricesIncludeTax"])
    area = document["taxAreaId"] if document["taxLiable"] else ""
    taxable = [Taxable(line["lineAmount"], Decimal(0), line["taxCode"]) for line in lines]
    return sales_tax.tax_lines(taxable, discount, lambda group: company.tax_rates(area, group))


def check_open(kind: SalesKind, document: Row | Mapping[str, Any]) -> None:
    """Refuse a change of a posted document, or of one that is released or waits for approval."""
    if document["posted"]:
        raise posted(kind)
    if document["headerStatus"] != "Open":
        raise must_be("Status", "Open", kind.record(document["number"]), document["headerStatus"])


def posted(kind: SalesKind) -> Refusal:
    """The refusal of any change that comes too late."""
    return dialog(f"The {kind.name} has been posted and can no longer be modified.")


def check_rate(session: Session, values: Mapping[str, Any]) -> None:
    """A foreign currency needs an exchange rate for the posting date."""
    code = currency_of(values)
    if code and session.company.rate(code, values["postingDate"]) is None:
        day = values["postingDate"].strftime("%m/%d/%y")
        raise bad_request(
            "There is no Currency Exchange Rate within the filter.\r\n\r\n"
            f"Filters: Currency Code: {code}, Starting Date: ''..{day}",
            "Internal_DataNotFoundFilter",
        )


def currency_of(values: Row | Mapping[str, Any]) -> str:
    """The document's currency code; blank for the local currency."""
    return str(values["currencyCode"]) if values["currencyId"] != ZERO_GUID else ""
