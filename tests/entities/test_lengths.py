"""Whatever is typed in Halo, nothing longer than BC's field leaves the house: it fits, or its field is named (F60)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bc.entities.customer import customer_payload
from bc.entities.invoice import ProductRef, References, plan
from bc.entities.product import product_payload
from bc.errors import Refused, Skip
from bc.model import ConnectionSettings
from tests.entities.builders import a_customer_link, a_line, an_invoice

SETTINGS = ConnectionSettings()
# Business Central's fields, in UTF-16 units.
CUSTOMER = {
    "number": 20,
    "displayName": 100,
    "addressLine1": 100,
    "addressLine2": 50,
    "city": 30,
    "state": 30,
    "postalCode": 20,
    "country": 10,
    "phoneNumber": 30,
    "email": 80,
    "taxRegistrationNumber": 20,
}
PRODUCT = {"number": 20, "displayName": 100}
TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("😀é ;,\n"), max_size=130)
WIDGET = ProductRef("22222222-2222-2222-2222-222222222222", "1896-S", "Inventory")


def units(value: str) -> int:
    return len(value.encode("utf-16-le")) // 2


@contextmanager
def refusals() -> Iterator[None]:
    """What may be said instead of a body."""
    try:
        yield
    except (Refused, Skip) as error:
        if error.code not in ("field_too_long", "no_accounts_id", "name_missing"):
            raise


@given(
    st.fixed_dictionaries(dict.fromkeys(("name", "accountsid", "tax_number", "accountsemailaddress"), TEXT)),
    TEXT,
)
@example({"name": "😀" * 60, "accountsid": "C1", "tax_number": "", "accountsemailaddress": ""}, "")
@example(
    {"name": "A", "accountsid": "C1", "tax_number": "", "accountsemailaddress": "a@b.test;" + "😀" * 38}, ""
)
@example({"name": "A", "accountsid": "C1", "tax_number": "", "accountsemailaddress": ""}, "😀" * 16)
def test_a_customer_fits_or_its_field_is_named(client: dict[str, str], other: str) -> None:
    address = dict.fromkeys(("line1", "line2", "line3", "line4", "postcode"), other)
    site = {"id": 7, "phonenumber": other, "country_code": "GB", "delivery_address": address}
    with refusals():
        body = customer_payload({"id": 12, **client}, site, settings=SETTINGS, creating=True).body
        assert {name for name, value in body.items() if units(value) > CUSTOMER[name]} == set()


@given(TEXT, TEXT)
@example("😀" * 60, "P1")
def test_a_product_fits_or_its_field_is_named(name: str, number: str) -> None:
    item: dict[str, Any] = {"id": 3, "name": name, "accountsid": number, "baseprice": 1}
    with refusals():
        body = product_payload(item, settings=SETTINGS, creating=True).body
        assert all(units(body[name]) <= most for name, most in PRODUCT.items())


@given(TEXT, TEXT, TEXT)
@example("Work", "😀" * 20, "")
def test_an_invoice_fits_or_its_order_number_is_named(text: str, reference: str, more: str) -> None:
    invoice = an_invoice(a_line(7, text=text), a_line(text=more, quantity="0"), cust_order_number=reference)
    links = References(products={"7": WIDGET})
    if units(reference.strip()) > 35:
        with pytest.raises(Refused, match="field_too_long"):
            plan(invoice, a_customer_link(), SETTINGS, links)
        return
    made = plan(invoice, a_customer_link(), SETTINGS, links)
    assert units(made.header.get("customerPurchaseOrderReference", "")) <= 35
    assert all(units(line.body.get("description", "")) <= 100 for line in made.lines)


def test_the_length_is_told_as_bc_counts_it() -> None:
    with pytest.raises(Refused, match="120 characters"):
        product_payload({"id": 3, "name": "😀" * 60, "accountsid": "P1"}, settings=SETTINGS, creating=True)
