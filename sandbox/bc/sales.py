"""The kinds of sales document. What tells a credit memo from an invoice stands here; all else they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SalesKind:
    """`headers` and `lines` are entity sets; `name` and `document_type` are how messages call the document.

    `date` is the header's field for BC's Document Date; `series` and `posted_series` are number series.
    """

    headers: str
    lines: str
    name: str
    document_type: str
    date: str
    series: str
    posted_series: str

    def record(self, number: str) -> str:
        """How messages name the draft."""
        return f"Sales Header: Document Type={self.document_type}, No.={number}"


INVOICE = SalesKind(
    "salesInvoices", "salesInvoiceLines", "invoice", "Invoice", "invoiceDate", "S-INV", "S-INV+"
)
CREDIT_MEMO = SalesKind(
    "salesCreditMemos",
    "salesCreditMemoLines",
    "credit memo",
    "Credit Memo",
    "creditMemoDate",
    "S-CR",
    "S-CR+",
)

SALES_KINDS = (INVOICE, CREDIT_MEMO)
BY_HEADERS: Mapping[str, SalesKind] = {kind.headers: kind for kind in SALES_KINDS}
BY_LINES: Mapping[str, SalesKind] = {kind.lines: kind for kind in SALES_KINDS}
