"""What a Halo invoice becomes in BC: pure rules, by the public face."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from bc.entities.credit_note import kind_in_halo
from bc.entities.invoice import AccountRef, InvoicePlan, ProductRef, References, check_syncable, plan
from bc.errors import Refused, Skip, SyncError
from bc.model import ConnectionSettings
from tests.entities.builders import a_customer_link, a_line, an_invoice

WIDGET = ProductRef("22222222-2222-2222-2222-222222222222", "1896-S", "Inventory")
SUPPORT = ProductRef("33333333-3333-3333-3333-333333333333", "SUPPORT", "Service")
FALLBACK = ProductRef("44444444-4444-4444-4444-444444444444", "MISC", "Non-Inventory")
RENT = AccountRef("55555555-5555-5555-5555-555555555555", "6110")
LINKS = References(products={"7": WIDGET, "8": SUPPORT})


def planned(invoice: dict[str, Any], references: References = LINKS, **settings: Any) -> InvoicePlan:
    return plan(invoice, a_customer_link(), ConnectionSettings(**settings), references, currency="GBP")


def refused(invoice: dict[str, Any], references: References = LINKS, **settings: Any) -> SyncError:
    with pytest.raises((Refused, Skip)) as caught:
        planned(invoice, references, **settings)
    error = caught.value
    assert isinstance(error, SyncError)
    return error


def test_the_header_names_the_customer_first_and_carries_the_natural_key() -> None:
    header = planned(an_invoice(a_line(7), cust_order_number="PO 7")).header
    assert list(header) == [
        "customerId",
        "externalDocumentNumber",
        "postingDate",
        "invoiceDate",
        "dueDate",
        "customerPurchaseOrderReference",
        "currencyCode",
    ]
    assert header["externalDocumentNumber"] == "HALO-1041"
    assert header["invoiceDate"] == "2026-11-20"


def test_a_product_line_says_item_quantity_price_discount_and_text_in_that_order() -> None:
    line = planned(an_invoice(a_line(7, "3", "12.50", "Widget", discount_perc=Decimal(10)))).lines[0]
    assert line.body == {
        "lineType": "Item",
        "itemId": WIDGET.bc_id,
        "quantity": Decimal(3),
        "unitPrice": Decimal("12.5"),
        "discountPercent": Decimal(10),
        "description": "Widget",
    }
    assert list(line.body) == [
        "lineType",
        "itemId",
        "quantity",
        "unitPrice",
        "discountPercent",
        "description",
    ]
    assert line.kind == "Inventory"


@pytest.mark.parametrize(
    ("net", "discount", "planned_net"),
    [
        (None, {"discountPercent": Decimal(50)}, "16.67"),
        ("16.67", {"discountPercent": Decimal(50)}, "16.67"),
        ("16.68", {"discountAmount": Decimal("16.67")}, "16.68"),
        ("12.00", {"discountPercent": Decimal(50)}, "16.67"),
    ],
)
def test_a_cent_that_only_rounding_makes_is_taken_out_of_the_discount(
    net: str | None, discount: dict[str, Decimal], planned_net: str
) -> None:
    line = a_line(7, "1", "33.35", discount_perc=Decimal(50))
    plan = planned(an_invoice(line if net is None else {**line, "net_amount": Decimal(net)}))
    assert {k: v for k, v in plan.lines[0].body.items() if k.startswith("discount")} == discount
    assert plan.net_total == Decimal(planned_net)


def test_a_typed_product_code_wins_over_the_products_link() -> None:
    references = References(codes={"SUPPORT": SUPPORT}, products={"7": WIDGET})
    assert (
        planned(an_invoice(a_line(7, item_code="support")), references).lines[0].body["itemId"]
        == SUPPORT.bc_id
    )


def test_a_charge_rate_books_on_its_code() -> None:
    references = References(codes={"SUPPORT": SUPPORT}, charge_codes={"4": "SUPPORT"})
    assert planned(an_invoice(a_line(0, actioncode=4)), references).lines[0].body["itemId"] == SUPPORT.bc_id


def test_a_line_without_product_books_on_its_account() -> None:
    references = References(accounts={"6110": RENT})
    line = planned(an_invoice(a_line(0, nominal_code="6110")), references).lines[0]
    assert line.kind == "Account"
    assert line.body["lineType"] == "Account"
    assert line.body["accountId"] == RENT.bc_id


def test_the_default_product_is_used_and_the_line_is_marked() -> None:
    result = planned(an_invoice(a_line(99)), References(default_product=FALLBACK))
    assert result.lines[0].body["itemId"] == FALLBACK.bc_id
    assert [warning.code for warning in result.warnings] == ["default_item_used"]


def test_without_a_default_product_the_reason_names_the_line() -> None:
    error = refused(an_invoice(a_line(99, text="Mystery box")))
    assert error.code == "product_not_linked"
    assert "Mystery box" in error.message
    assert "1041" in error.message
    assert error.cure


def test_a_product_of_another_company_is_refused_before_bc_sees_it() -> None:
    references = References(other_company=frozenset({"7"}), default_product=FALLBACK)
    assert refused(an_invoice(a_line(7)), references).code == "product_of_other_company"


def test_a_group_header_becomes_a_comment_only_when_wanted() -> None:
    invoice = an_invoice(a_line(0, "0", "0", "Hardware", isgroupdesc=True), a_line(7))
    assert [line.kind for line in planned(invoice).lines] == ["Inventory"]
    with_groups = planned(invoice, sync_inv_groups=True)
    assert [line.kind for line in with_groups.lines] == ["group", "Inventory"]
    assert with_groups.lines[0].body == {"lineType": "Comment", "description": "Hardware"}


def test_a_text_line_becomes_a_comment_with_nothing_but_its_text() -> None:
    invoice = an_invoice(a_line(7), a_line(0, "0", "0", "Thank you"))
    assert planned(invoice).lines[1].body == {"lineType": "Comment", "description": "Thank you"}


def test_a_long_description_goes_on_in_comment_lines() -> None:
    text = " ".join(["long"] * 45)
    lines = planned(an_invoice(a_line(7, text=text))).lines
    assert [line.kind for line in lines] == ["Inventory", "text", "text"]
    assert " ".join(line.body["description"] for line in lines) == text
    assert [line.key.partition(".")[2] for line in lines] == ["", "1", "2"]


def test_an_invoice_of_texts_only_is_skipped() -> None:
    assert refused(an_invoice(a_line(0, "0", "0", "Hello"))).code == "no_lines"


def test_missing_lines_are_not_an_empty_invoice() -> None:
    invoice = an_invoice(a_line(7))
    del invoice["lines"]
    assert refused(invoice).code == "lines_unknown"


def test_a_purchase_order_number_that_is_too_long_is_refused_by_name() -> None:
    error = refused(an_invoice(a_line(7), cust_order_number="X" * 36))
    assert error.code == "field_too_long"
    assert "35" in error.message


def skipped(invoice: dict[str, Any], *, linked: bool = False, **settings: Any) -> str:
    try:
        chosen = ConnectionSettings(**settings)
        check_syncable(invoice, kind_in_halo(invoice, chosen), chosen, linked=linked)
    except Skip as error:
        return error.code
    return ""


def test_opt_out_go_live_and_credit_notes() -> None:
    assert skipped(an_invoice(a_line(7), dont_sync_to_3rd_party=True)) == "opted_out"
    assert skipped(an_invoice(a_line(7)), sync_invoices_from=date(2026, 11, 21)) == "before_go_live"
    assert skipped(an_invoice(a_line(7)), sync_invoices_from=date(2026, 11, 20)) == ""
    note = an_invoice(a_line(7), creditlinkedtoinvoiceid=5)
    assert skipped(note) == ""
    assert skipped(note, sync_credit_notes=False) == "credit_note_not_supported"
    assert skipped(an_invoice(a_line(7)), sync_credit_notes=False) == ""
