"""A Halo invoice as a BC sales invoice, a credit note as a credit memo: header and lines, or why not. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import msgspec

from bc.entities.credit_note import credited
from bc.entities.document_kind import CREDIT_NOTE, INVOICE, DocumentKind
from bc.entities.line_numbers import LineKind, split_text
from bc.entities.values import Record, bc_length, day, decimal, flag, ident, text
from bc.errors import Refused, Skip
from bc.model import ConnectionSettings, ItemType, Link, OutcomeWarning

EXTERNAL_PREFIX = "HALO-"
ORDER_REFERENCE_LENGTH = 35
_CENT = Decimal("0.01")
_encode = msgspec.json.Encoder(decimal_format="string").encode


@dataclass(frozen=True, slots=True)
class ProductRef:
    """A BC item that a line may be booked on."""

    bc_id: str
    number: str
    item_type: ItemType


@dataclass(frozen=True, slots=True)
class AccountRef:
    """A BC G/L account that a line may be booked on."""

    bc_id: str
    number: str


@dataclass(frozen=True, slots=True)
class References:
    """What the lines of one invoice refer to, resolved before: by typed code, Halo item, charge type, account number."""

    codes: Mapping[str, ProductRef | None] = field(default_factory=dict)
    products: Mapping[str, ProductRef] = field(default_factory=dict)
    other_company: frozenset[str] = frozenset()
    charge_codes: Mapping[str, str] = field(default_factory=dict)
    accounts: Mapping[str, AccountRef | None] = field(default_factory=dict)
    default_product: ProductRef | None = None


@dataclass(frozen=True, slots=True)
class LinePlan:
    """One BC line to be. `key` is the Halo line id, with `.n` for the n-th further piece of its text.

    `body` is in the order BC needs (number before price before text: a later number would reset them),
    without `sequence`. `cost` is Halo's unit cost, which goes another way than the body.
    """

    key: str
    kind: LineKind
    body: dict[str, Any]
    cost: Decimal | None = None

    @property
    def payload(self) -> str:
        """Canonical text of what is sent, the base of the next diff."""
        return _encode(self.body).decode()


@dataclass(frozen=True, slots=True)
class InvoicePlan:
    halo_id: str
    name: str
    header: dict[str, Any]
    lines: tuple[LinePlan, ...]
    net_total: Decimal
    warnings: tuple[OutcomeWarning, ...] = ()
    kind: DocumentKind = INVOICE
    given_back: Mapping[str, str] = field(default_factory=dict)
    """What BC would hold by itself in header fields that are not sent, should it have something of ours there."""
    ordered: bool = False
    """Whether new lines go in order, without numbers of ours: this BC refuses them (F57)."""

    @property
    def header_payload(self) -> str:
        return _encode(self.header).decode()

    @property
    def payload_hash_source(self) -> bytes:
        return _encode([self.header, [[line.key, line.kind, line.body] for line in self.lines]])


def external_number(halo_id: str) -> str:
    """The natural key of an invoice in BC: upper case, as BC stores codes."""
    return f"{EXTERNAL_PREFIX}{halo_id}".upper()


def display_name(invoice: Record) -> str:
    """What a person calls this invoice."""
    return text(invoice, "invoice_display") or text(invoice, "invoicenumber") or ident(invoice, "id")


def check_syncable(
    invoice: Record, kind: DocumentKind, settings: ConnectionSettings, *, linked: bool
) -> None:
    """Raise `Skip` for an invoice that is not to be pushed by an opt-out, its date or its kind."""
    name = f"{kind.word.capitalize()} {display_name(invoice)}"
    if flag(invoice, "dont_sync_to_3rd_party"):
        raise Skip(
            "opted_out",
            f"{name} is marked in Halo not to be synced.",
            cure=f"Clear “Don't sync to third party” on the {kind.word}.",
        )
    if kind is CREDIT_NOTE and not settings.sync_credit_notes:
        raise Skip(
            "credit_note_not_supported",
            f"{name}: this connection does not sync credit notes.",
            cure="Enter the credit memo in Business Central, or switch credit notes on in the connection's settings.",
        )
    started = settings.sync_invoices_from
    dated = day(invoice, "invoice_date")
    if started and dated and dated < started and not linked:
        raise Skip(
            "before_go_live",
            f"{name} is dated {dated:%Y-%m-%d}, before syncing began on {started:%Y-%m-%d}.",
            cure="Change “Sync invoices from” on the connection if it must be booked.",
        )


def halo_lines(invoice: Record) -> list[Record]:
    """The lines in order. Raises `Refused` when the answer had none: absent is not empty."""
    lines = invoice.get("lines")
    if lines is None:
        raise Refused(
            "lines_unknown",
            f"Halo did not send the lines of invoice {display_name(invoice)}.",
            cure="Check that the API application may read invoices with details, then retry.",
        )
    live = [line for line in lines if not flag(line, "isinactive")]
    return sorted(live, key=lambda line: (decimal(line, "sequenceid"), decimal(line, "id")))


def is_text(line: Record) -> bool:
    """A line that says something and charges nothing."""
    referred = (
        ident(line, "_itemid")
        or text(line, "item_code")
        or ident(line, "actioncode")
        or text(line, "nominal_code")
    )
    charged = decimal(line, "qty_order") != 0 and decimal(line, "unit_price") != 0
    return not referred and not charged and decimal(line, "net_amount") == 0


def plan(
    invoice: Record,
    customer: Link,
    settings: ConnectionSettings,
    references: References,
    *,
    currency: str = "",
    kind: DocumentKind = INVOICE,
    applies_to: str = "",
    bill_to: str = "",
    payment_terms: str = "",
    given_back: Mapping[str, str] | None = None,
) -> InvoicePlan:
    """What the invoice becomes in BC. Raises `Refused` or `Skip` with the first line that cannot be booked.

    `applies_to`: the BC id of the posted invoice that a credit note credits. `bill_to`: that of who pays, where it is
    not the customer. `payment_terms`: that of terms other than BC would take from who pays. `given_back`: see the plan.
    """
    halo_id = ident(invoice, "id")
    name = display_name(invoice)
    wanted = halo_lines(invoice)
    if kind is CREDIT_NOTE:
        wanted = credited(wanted)
    lines: list[LinePlan] = []
    warnings: list[OutcomeWarning] = []
    net_total = Decimal(0)
    for key, line in _keyed(wanted):
        if flag(line, "isgroupdesc"):
            if settings.sync_inv_groups:
                lines += _texts(key, line, "group")
        elif is_text(line):
            lines += _texts(key, line, "text")
        else:
            booked, warning = _booked(key, line, f"{kind.word.capitalize()} {name}", references)
            lines += booked
            warnings += warning
            net_total += _amounts(line).net
    if not any(line.kind not in ("text", "group") for line in lines):
        raise Skip(
            "no_lines",
            f"{kind.word.capitalize()} {name} has no line to book.",
            cure=f"Add a line with a product or an account to the {kind.word} in Halo.",
        )
    header = _header(invoice, customer, bill_to, payment_terms, currency, kind)
    if applies_to:
        header["invoiceId"] = applies_to
    return InvoicePlan(
        halo_id, name, header, tuple(lines), net_total, tuple(warnings), kind, given_back or {}
    )


def _header(
    invoice: Record, customer: Link, bill_to: str, payment_terms: str, currency: str, kind: DocumentKind
) -> dict[str, Any]:
    # The customer stands first and the payer next: they overwrite terms, currency and addresses that came before. The
    # terms move the due date, which comes after them.
    header: dict[str, Any] = {"customerId": customer.bc_id}
    if bill_to:
        header["billToCustomerId"] = bill_to
    if payment_terms:
        header["paymentTermsId"] = payment_terms
    header["externalDocumentNumber"] = external_number(ident(invoice, "id"))
    dated = day(invoice, "invoice_date")
    if dated:
        # In this order: BC takes a posting date over into the document's date, and both move the due date.
        header["postingDate"] = dated.isoformat()
        header[kind.date] = dated.isoformat()
    due = day(invoice, "duedate")
    if due and (not dated or due >= dated):
        header["dueDate"] = due.isoformat()
    reference = text(invoice, "cust_order_number")
    if kind.order_reference and bc_length(reference) > ORDER_REFERENCE_LENGTH:
        raise Refused(
            "field_too_long",
            f"The purchase order number of invoice {display_name(invoice)} has {bc_length(reference)} characters; "
            f"Business Central holds {ORDER_REFERENCE_LENGTH}.",
            cure="Shorten the purchase order number on the invoice in Halo.",
        )
    if reference and kind.order_reference:
        header[kind.order_reference] = reference
    if currency:
        header["currencyCode"] = currency
    return header


def _line_text(line: Record) -> str:
    short, long = text(line, "item_shortdescription"), text(line, "item_longdescription")
    return long if long.startswith(short) else short


def _keyed(lines: Iterable[Record]) -> Iterator[tuple[str, Record]]:
    """Each line with a key of its own: its id, or where that is missing or taken, its place among its like."""
    seen: Counter[str] = Counter()
    for line in lines:
        key = ident(line, "id")
        seen[key] += 1
        yield (key if key and seen[key] == 1 else f"{key or 'line'}#{seen[key]}"), line


def _texts(key: str, line: Record, kind: LineKind) -> list[LinePlan]:
    pieces = split_text(_line_text(line))
    plans = [LinePlan(key, kind, {"lineType": "Comment", "description": pieces[0]})]
    return plans + _further(key, pieces[1:])


def _further(key: str, pieces: Any) -> list[LinePlan]:
    return [
        LinePlan(f"{key}.{n}", "text", {"lineType": "Comment", "description": piece})
        for n, piece in enumerate(pieces, 1)
    ]


@dataclass(frozen=True, slots=True)
class _Amounts:
    """What is sent for a line's discount, and the net that BC computes from that, to the cent."""

    discount: dict[str, Decimal]
    net: Decimal


def _amounts(line: Record) -> _Amounts:
    """BC rounds quantity x price first and the discount by percent after it, Halo may round once, at the end.

    Where that makes a cent, the discount goes as an amount, so that BC comes to Halo's own net.
    """
    percent = decimal(line, "discount_perc")
    gross = _cents(decimal(line, "qty_order") * decimal(line, "unit_price"))
    net = gross - _cents(gross * percent / 100)
    halo = _cents(decimal(line, "net_amount")).copy_sign(net)
    if percent and "net_amount" in line and abs(halo - net) == _CENT:
        return _Amounts({"discountAmount": (gross - halo).normalize() + 0}, halo)
    return _Amounts({"discountPercent": percent.normalize() + 0}, net)


def _cents(value: Decimal) -> Decimal:
    return value.quantize(_CENT, ROUND_HALF_UP)


def _booked(
    key: str, line: Record, invoice_name: str, references: References
) -> tuple[list[LinePlan], list[OutcomeWarning]]:
    product, account, warnings = _resolve(line, invoice_name, references)
    body: dict[str, Any]
    kind: LineKind
    if product:
        body, kind = {"lineType": "Item", "itemId": product.bc_id}, product.item_type
    else:
        assert account is not None  # noqa: S101 - _resolve gives one of the two
        body, kind = {"lineType": "Account", "accountId": account.bc_id}, "Account"
    body["quantity"] = decimal(line, "qty_order").normalize() + 0
    body["unitPrice"] = decimal(line, "unit_price").normalize() + 0
    body |= _amounts(line).discount
    pieces = split_text(_line_text(line))
    if pieces[0]:
        body["description"] = pieces[0]
    cost = round(decimal(line, "unit_cost"), 5).normalize() + 0 if "unit_cost" in line else None
    return [LinePlan(key, kind, body, cost), *_further(key, pieces[1:])], warnings


def _resolve(
    line: Record, invoice_name: str, references: References
) -> tuple[ProductRef | None, AccountRef | None, list[OutcomeWarning]]:
    """What the line is booked on: the first that applies of code, link, charge rate, account, default product."""
    code, item = text(line, "item_code").upper(), ident(line, "_itemid")
    if code and (found := references.codes.get(code)):
        return found, None, []
    if item and (linked := references.products.get(item)):
        return linked, None, []
    charge = references.charge_codes.get(ident(line, "actioncode"), "").upper()
    if charge and (found := references.codes.get(charge)):
        return found, None, []
    if item in references.other_company:
        raise Refused(
            "product_of_other_company",
            f"{_where(line, invoice_name)} uses a product of another company.",
            cure="Pick a product of the customer's company, or of none, on that line.",
        )
    nominal = text(line, "nominal_code")
    if nominal and not item and not code:
        account = references.accounts.get(nominal.upper())
        if account:
            return None, account, []
        raise Refused(
            "account_unknown",
            f"{_where(line, invoice_name)} is booked on account {nominal}, which Business Central does not have.",
            cure="Correct the account code on the line in Halo.",
        )
    if references.default_product:
        warning = OutcomeWarning(
            "default_item_used",
            f"{_where(line, invoice_name)} is booked on the default product {references.default_product.number}.",
        )
        return references.default_product, None, [warning]
    raise Refused(
        "product_not_linked",
        f"{_where(line, invoice_name)} has {_what(code, item, charge)}.",
        cure="Link or import the product, correct its code, or choose a default product on the connection.",
    )


def _what(code: str, item: str, charge: str) -> str:
    if code:
        return f"the product code {code}, which is not linked and not in Business Central"
    if item:
        return "a product that is not linked to Business Central"
    if charge:
        return f"a charge rate with the code {charge}, which Business Central does not have"
    return "no product"


def _where(line: Record, invoice_name: str) -> str:
    shown = _line_text(line).splitlines()
    label = f" “{shown[0][:60]}”" if shown and shown[0] else ""
    return f"{invoice_name}, line{label}"


def invoice_date(invoice: Record) -> date | None:
    return day(invoice, "invoice_date")
