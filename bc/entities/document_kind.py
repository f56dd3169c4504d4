"""The kinds of BC document that a Halo invoice may become: what differs between them, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bc.model import Link


@dataclass(frozen=True, slots=True)
class DocumentKind:
    """One kind of sales document, by BC's names.

    `entity` is what `Link.bc_type` keeps. `endpoint` and `lines` are entity sets, `lines` also the navigation from
    the header. `date` is the document's own date, `order_reference` the customer's order number: "" where BC has no
    such field. `blanks` are the header fields that may be cleared, with what BC takes for nothing in them. `word` is what a person calls it in Halo, `bc_word` in BC; `correction` undoes a posted one. `page` is the card in BC's web client.
    """

    entity: str
    endpoint: str
    lines: str
    date: str
    order_reference: str
    word: str
    bc_word: str
    correction: str
    page: int
    blanks: Mapping[str, str] = field(default_factory=dict)

    @property
    def expand(self) -> str:
        """The query that brings the lines with the header."""
        return f"$expand={self.lines}"

    @property
    def own_word(self) -> str:
        """What a person calls it in Halo where that is not an invoice; "" for one."""
        return "" if self.entity == INVOICE.entity else self.word

    def path(self, bc_id: str) -> str:
        return f"{self.endpoint}({bc_id})"

    def line_path(self, bc_id: str, line_id: str) -> str:
        return f"{self.path(bc_id)}/{self.lines}({line_id})"


INVOICE = DocumentKind(
    entity="salesInvoice",
    endpoint="salesInvoices",
    lines="salesInvoiceLines",
    date="invoiceDate",
    order_reference="customerPurchaseOrderReference",
    word="invoice",
    bc_word="invoice",
    correction="Make a corrective credit memo in Business Central.",
    page=43,
    blanks={"customerPurchaseOrderReference": ""},
)
CREDIT_NOTE = DocumentKind(
    entity="salesCreditMemo",
    endpoint="salesCreditMemos",
    lines="salesCreditMemoLines",
    date="creditMemoDate",
    order_reference="",
    word="credit note",
    bc_word="credit memo",
    correction="Cancel the posted credit memo in Business Central, or correct it with an invoice.",
    page=44,
    blanks={"invoiceId": "00000000-0000-0000-0000-000000000000"},
)
KINDS = (INVOICE, CREDIT_NOTE)


def kind_of(link: Link | None) -> DocumentKind:
    """The kind that a link was made for; an invoice where it does not say."""
    return next((kind for kind in KINDS if link is not None and link.bc_type == kind.entity), INVOICE)
