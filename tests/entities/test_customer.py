"""A Halo client as a BC customer, and back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bc.entities.customer import (
    customer_changes,
    customer_held,
    customer_import,
    customer_payload,
)
from bc.entities.fields import fitting_addresses
from bc.errors import Refused, Skip
from bc.model import Connection, ConnectionSettings, Link

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SETTINGS = ConnectionSettings()


def a_connection(**settings: Any) -> Connection:
    return Connection(
        id="c1",
        name="UK",
        tenant_id="t",
        client_id="a",
        has_secret=True,
        company_id="0e6d3c7b-0000-0000-0000-000000000001",
        company_name="Northwind UK",
        created_at=NOW,
        updated_at=NOW,
        settings=ConnectionSettings(**settings),
    )


def a_client(**fields: Any) -> dict[str, Any]:
    return {
        "id": 12,
        "name": "Contoso Ltd",
        "accountsid": "C00012",
        "accountsemailaddress": "ap@contoso.test",
        "tax_number": "GB123456789",
        **fields,
    }


def a_site(**fields: Any) -> dict[str, Any]:
    address = {
        "line1": "1 High Street",
        "line2": "Floor 2",
        "line3": "Leeds",
        "line4": "Yorkshire",
        "postcode": "LS1 1AA",
    }
    return {
        "id": 7.0,
        "client_id": 12.0,
        "phonenumber": "0113 1",
        "country_code": "GB",
        "delivery_address": address,
        **fields,
    }


def a_bc_row(**fields: Any) -> dict[str, Any]:
    return {
        "id": "11111111-0000-0000-0000-000000000012",
        "number": "C00012",
        "displayName": "Contoso Ltd",
        "addressLine1": "1 High Street",
        "addressLine2": "Floor 2",
        "city": "Leeds",
        "state": "Yorkshire",
        "country": "GB",
        "postalCode": "LS1 1AA",
        "phoneNumber": "0113 1",
        "email": "ap@contoso.test",
        "taxRegistrationNumber": "GB123456789",
        **fields,
    }


def test_a_create_carries_every_mapped_field_in_the_order_bc_needs() -> None:
    body = customer_payload(a_client(), a_site(), settings=SETTINGS, creating=True).body
    assert list(body) == [
        "number",
        "displayName",
        "country",
        "addressLine1",
        "addressLine2",
        "city",
        "state",
        "postalCode",
        "phoneNumber",
        "email",
        "taxRegistrationNumber",
    ]
    assert body["city"] == "Leeds"
    assert body["state"] == "Yorkshire"


def test_an_update_never_renames_and_clears_with_an_empty_text() -> None:
    payload = customer_payload(
        a_client(tax_number=None), a_site(phonenumber=""), settings=SETTINGS, creating=False
    )
    assert "number" not in payload.body
    assert payload.body["taxRegistrationNumber"] == payload.body["phoneNumber"] == ""
    assert None not in payload.body.values()


def test_a_create_and_an_update_of_the_same_record_have_one_hash() -> None:
    created = customer_payload(a_client(), a_site(phonenumber=""), settings=SETTINGS, creating=True)
    updated = customer_payload(a_client(), a_site(phonenumber=""), settings=SETTINGS, creating=False)
    assert created.payload_hash == updated.payload_hash
    assert "phoneNumber" not in created.body


def test_what_halo_does_not_tell_is_not_sent() -> None:
    client = {"id": 12, "name": "Contoso", "accountsid": "C1"}
    payload = customer_payload(client, None, settings=SETTINGS, creating=False)
    assert payload.body == {"displayName": "Contoso"}


def test_no_accounts_id_is_an_opt_out() -> None:
    with pytest.raises(Skip) as skip:
        customer_payload(a_client(accountsid=" "), a_site(), settings=SETTINGS, creating=True)
    assert skip.value.code == "no_accounts_id"
    assert skip.value.cure


def test_an_excluded_customer_is_skipped() -> None:
    with pytest.raises(Skip) as skip:
        customer_payload(a_client(excludefrominvoicesync=True), a_site(), settings=SETTINGS, creating=True)
    assert skip.value.code == "opted_out"


@pytest.mark.parametrize(
    ("client", "site", "word"),
    [
        (a_client(name="x" * 101), a_site(), "name"),
        (a_client(accountsid="x" * 21), a_site(), "accounts id"),
        (a_client(tax_number="9" * 21), a_site(), "tax number"),
        (a_client(), a_site(phonenumber="1" * 31), "phone number"),
        (a_client(), a_site(delivery_address={"line3": "x" * 31}), "town"),
        (a_client(accountsemailaddress="x" * 75 + "@x.test"), a_site(), "e-mail"),
    ],
)
def test_what_bc_cannot_hold_is_refused_before_bc_sees_it(
    client: dict[str, Any], site: dict[str, Any], word: str
) -> None:
    with pytest.raises(Refused) as refused:
        customer_payload(client, site, settings=SETTINGS, creating=True)
    assert refused.value.code == "field_too_long"
    assert word in refused.value.message


def test_an_email_list_is_cut_to_the_addresses_that_fit() -> None:
    listed = "; ".join(f"accounts.department{n}@contoso.test" for n in range(4))
    email = customer_payload(
        a_client(accountsemailaddress=listed), None, settings=SETTINGS, creating=True
    ).body["email"]
    assert email == "accounts.department0@contoso.test;accounts.department1@contoso.test"


@given(st.lists(st.from_regex(r"[a-z]{1,30}@x\.test", fullmatch=True), max_size=8))
def test_an_email_list_never_loses_its_first_address_nor_passes_the_limit(addresses: list[str]) -> None:
    fitting = fitting_addresses(";".join(addresses))
    assert len(fitting) <= 80
    assert fitting.split(";")[0] == (addresses[0] if addresses else "")
    assert ";".join(addresses).startswith(fitting)


def test_a_country_id_becomes_its_code_and_an_unknown_id_is_not_sent() -> None:
    known = customer_payload(
        a_client(), a_site(country_code="44"), settings=SETTINGS, creating=True, countries={"44": "gb"}
    )
    assert known.body["country"] == "GB"
    unknown = customer_payload(a_client(), a_site(country_code="45"), settings=SETTINGS, creating=True)
    assert "country" not in unknown.body
    assert [warning.code for warning in unknown.warnings] == ["country_unknown"]


def test_terms_are_sent_as_their_id_in_bc_and_left_alone_without_one() -> None:
    client, theirs = a_client(paymentterms=14), customer_held(a_bc_row(paymentTermsId="t30"))
    named = customer_payload(client, a_site(), settings=SETTINGS, creating=False, payment_terms="t14")
    assert customer_changes(named.state, theirs) == {"paymentTermsId": "t14"}
    assert customer_changes(named.state, {**theirs, "paymentTermsId": "t14"}) == {}
    for creating in (True, False):
        unnamed = customer_payload(client, a_site(), settings=SETTINGS, creating=creating)
        assert "paymentTermsId" not in {**unnamed.body, **unnamed.state}


def test_an_update_sends_only_what_differs_from_bc() -> None:
    payload = customer_payload(a_client(), a_site(), settings=SETTINGS, creating=False)
    assert customer_changes(payload.state, customer_held(a_bc_row())) == {}
    assert customer_changes(payload.state, customer_held(a_bc_row(phoneNumber="9"))) == {
        "phoneNumber": "0113 1"
    }


def test_a_new_country_takes_the_town_and_postcode_along() -> None:
    payload = customer_payload(a_client(), a_site(), settings=SETTINGS, creating=False)
    changes = customer_changes(payload.state, customer_held(a_bc_row(country="DE")))
    assert list(changes) == ["country", "city", "state", "postalCode"]


def test_another_accounts_id_than_the_linked_number_is_a_warning() -> None:
    link = Link(
        connection_id="c1", entity="customer", halo_id="12", bc_id="x", bc_number="C00011", linked_at=NOW
    )
    payload = customer_payload(a_client(), None, settings=SETTINGS, creating=False, link=link)
    assert [warning.code for warning in payload.warnings] == ["number_differs"]


def test_a_new_customer_is_imported_with_billing_and_site() -> None:
    rows = customer_import(a_bc_row(), a_connection(client_top_level="3"), None, None)
    assert rows.client == {
        "name": "Contoso Ltd",
        "dbc_company_id": "0e6d3c7b-0000-0000-0000-000000000001",
        "dbc_company_name": "Northwind UK",
        "accountsid": "C00012",
        "accountsemailaddress": "ap@contoso.test",
        "tax_number": "GB123456789",
        "toplevel_id": 3,
    }
    assert rows.site == {
        "delivery_address": {
            "line1": "1 High Street",
            "line2": "Floor 2",
            "line3": "Leeds",
            "line4": "Yorkshire",
            "postcode": "LS1 1AA",
        },
        "country_code": "GB",
        "phonenumber": "0113 1",
    }


def test_an_imported_customer_imported_again_writes_nothing() -> None:
    first = customer_import(a_bc_row(), a_connection(), None, None)
    again = customer_import(a_bc_row(), a_connection(), {"id": 12, **first.client}, {"id": 7, **first.site})
    assert again.client == again.site == {}


def test_only_what_differs_is_written_and_blank_in_bc_clears_nothing() -> None:
    client = a_client(name="Contoso (north)", accountsid="", accountsemailaddress="AP@contoso.test; b@x.test")
    rows = customer_import(
        a_bc_row(taxRegistrationNumber="", phoneNumber=None), a_connection(), client, a_site()
    )
    assert rows.client == {
        "dbc_company_id": "0e6d3c7b-0000-0000-0000-000000000001",
        "dbc_company_name": "Northwind UK",
        "accountsid": "C00012",
    }
    assert rows.site == {}


def test_a_moved_customer_gets_its_whole_address() -> None:
    site = a_site(
        delivery_address={
            "id": 3,
            "line1": "Old",
            "line2": "Left over",
            "line3": "Leeds",
            "line4": "",
            "postcode": "",
        }
    )
    rows = customer_import(a_bc_row(addressLine2=""), a_connection(), a_client(), site)
    assert rows.site["delivery_address"]["line2"] == ""
    assert rows.site["delivery_address"]["id"] == 3


def test_import_and_push_agree_so_that_the_echo_changes_nothing() -> None:
    rows = customer_import(a_bc_row(), a_connection(), None, None)
    payload = customer_payload(
        {"id": 1, **rows.client}, {"id": 2, **rows.site}, settings=SETTINGS, creating=False
    )
    assert payload.state == customer_held(a_bc_row())
