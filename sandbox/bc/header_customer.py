"""What a sales document takes over from its customer, and when a customer may not have one."""

from __future__ import annotations

from sandbox.bc.dates import add_formula
from sandbox.bc.dimensions import defaults_of, shortcuts
from sandbox.bc.document import check_open, check_rate
from sandbox.bc.edit import Edit
from sandbox.bc.errors import dialog, must_have_value
from sandbox.bc.sales import BY_HEADERS, INVOICE, SalesKind
from sandbox.bc.session import Session
from sandbox.bc.store import Row

_ADDRESS = {
    "AddressLine1": "addressLine1", "AddressLine2": "addressLine2", "City": "city", "Country": "country",
    "State": "state", "PostCode": "postalCode",
}  # fmt: skip


def check_customer(
    session: Session, kind: SalesKind, customer: Row, verb: str = "create", *, ships: bool = False
) -> None:
    """Refuse a document for a blocked customer; `Ship` stops only a posting that ships.

    BC_API 9.1 names both block types for "this type of document": whether `Invoice` stops a credit memo is a switch.
    """
    stopping = {"All"}
    if kind is INVOICE or session.switch("blocked_invoice_stops_credit_memos"):
        stopping.add("Invoice")
    if ships and kind is INVOICE:
        stopping.add("Ship")
    if customer["blocked"] in stopping:
        raise dialog(
            f"You cannot {verb} this type of document when Customer {customer['number']} is blocked with type "
            f"{customer['blocked']}"
        )
    if customer["privacyBlocked"]:
        raise dialog(
            f"You cannot {verb} this type of document when Customer {customer['number']} is blocked for privacy."
        )


def set_customer(edit: Edit, customer: Row) -> None:
    """The sell-to customer: names, addresses, contact, and through the bill-to customer terms and currency."""
    if edit.before is not None and customer.id != edit.before["customerId"]:
        check_open(BY_HEADERS[edit.kind.set_name], edit.values)
    check_customer(edit.session, BY_HEADERS[edit.kind.set_name], customer)
    record = f"Customer: No.={customer['number']}"
    if not customer["genBusPostingGroup"] and edit.session.company.vat_in_use:
        raise must_have_value("Gen. Bus. Posting Group", record)
    if not customer["customerPostingGroup"]:
        raise must_have_value("Customer Posting Group", record)
    edit.values.update(
        customerId=customer.id,
        customerNumber=customer["number"],
        customerName=customer["displayName"],
        shipToName=customer["displayName"],
        shipmentMethodId=customer["shipmentMethodId"],
        phoneNumber=customer["phoneNumber"],
        email=customer["email"],
        genBusPostingGroup=customer["genBusPostingGroup"],
        vatBusPostingGroup=customer["vatBusPostingGroup"],
        taxAreaId=customer["taxAreaId"],
        taxLiable=customer["taxLiable"],
        **{f"sellTo{part}": customer[name] for part, name in _ADDRESS.items()},
        **{f"shipTo{part}": customer[name] for part, name in _ADDRESS.items()},
    )
    set_bill_to(edit, customer)


def set_bill_to(edit: Edit, customer: Row) -> None:
    """The bill-to customer: its address, terms, currency and kind of prices."""
    check_customer(edit.session, BY_HEADERS[edit.kind.set_name], customer)
    if not customer["customerPostingGroup"]:
        raise must_have_value("Customer Posting Group", f"Customer: No.={customer['number']}")
    dimensions = defaults_of(edit.session.company, customer.id)
    edit.values.update(
        dimensions=dimensions,
        **shortcuts(edit.session.company, dimensions),
        billToCustomerId=customer.id,
        billToCustomerNumber=customer["number"],
        billToName=customer["displayName"],
        paymentTermsId=customer["paymentTermsId"],
        currencyId=customer["currencyId"],
        currencyCode=customer["currencyCode"],
        salesperson=customer["salespersonCode"],
        pricesIncludeTax=customer["pricesIncludeTax"],
        discountAppliedBeforeTax=discount_before_tax(edit.session, customer),
        **{f"billTo{part}": customer[name] for part, name in _ADDRESS.items()},
    )
    set_due_date(edit)
    check_rate(edit.session, edit.values)


def discount_before_tax(session: Session, record: Row) -> bool:
    """Always with sales tax; with VAT where prices exclude it. `record` is a customer or a document."""
    return not session.company.vat_in_use or not record["pricesIncludeTax"]


def set_due_date(edit: Edit) -> None:
    """Document date plus the payment terms' formula."""
    terms = edit.session.company["paymentTerms"].get(edit.values["paymentTermsId"])
    formula = terms["dueDateCalculation"] if terms else ""
    edit.values["dueDate"] = add_formula(edit.values[BY_HEADERS[edit.kind.set_name].date], formula)
