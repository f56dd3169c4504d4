"""A Halo item as a BC item, and back."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from bc.entities.product import product_changes, product_held, product_import, product_payload
from bc.errors import Refused, Skip
from bc.model import CategoryMapping, Connection, ConnectionSettings, HaloConventions, Link

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SETTINGS = ConnectionSettings()


def a_connection(**settings: Any) -> Connection:
    return Connection(
        id="c1",
        name="UK",
        tenant_id="t",
        client_id="a",
        has_secret=True,
        company_id="company",
        company_name="Northwind UK",
        created_at=NOW,
        updated_at=NOW,
        settings=ConnectionSettings(**settings),
    )


def an_item(**fields: Any) -> dict[str, Any]:
    return {
        "id": 5,
        "name": "Laptop",
        "accountsid": "1000",
        "type": 1,
        "baseprice": Decimal("899.00"),
        "costprice": Decimal("650.50"),
        **fields,
    }


def a_bc_row(**fields: Any) -> dict[str, Any]:
    return {
        "id": "22222222-0000-0000-0000-000000000005",
        "number": "1000",
        "displayName": "Laptop",
        "type": "Inventory",
        "itemCategoryCode": "HARDWARE",
        "unitPrice": Decimal("899"),
        "unitCost": Decimal("650.5"),
        **fields,
    }


def a_link(**fields: Any) -> Link:
    return Link(connection_id="c1", entity="product", halo_id="5", bc_id="x", linked_at=NOW, **fields)


def test_a_create_has_type_and_cost() -> None:
    body = product_payload(an_item(), settings=SETTINGS, creating=True).body
    assert body == {
        "number": "1000",
        "displayName": "Laptop",
        "type": "Inventory",
        "unitPrice": Decimal("899.00"),
        "unitCost": Decimal("650.50"),
    }
    assert list(body)[:3] == ["number", "displayName", "type"]


def test_an_update_has_neither_number_nor_type_nor_cost() -> None:
    assert set(product_payload(an_item(), settings=SETTINGS, creating=False).body) == {
        "displayName",
        "unitPrice",
    }


@pytest.mark.parametrize(
    ("number", "wire"),
    [
        (0, "Service"),
        (Decimal("1.0"), "Inventory"),
        (2, "Non_x002D_Inventory"),
        (None, "Service"),
        ("", "Service"),
    ],
)
def test_the_type_is_service_where_none_was_chosen(number: Any, wire: str) -> None:
    assert product_payload(an_item(type=number), settings=SETTINGS, creating=True).body["type"] == wire


def test_the_tenants_own_type_numbers_count() -> None:
    settings = ConnectionSettings(halo_conventions=HaloConventions(item_types={"7": "Inventory"}))
    assert product_payload(an_item(type=7), settings=settings, creating=True).body["type"] == "Inventory"
    with pytest.raises(Refused) as refused:
        product_payload(an_item(type=1), settings=settings, creating=True)
    assert refused.value.code == "item_type_unknown"


def test_opt_outs_are_skipped() -> None:
    with pytest.raises(Skip) as skip:
        product_payload(an_item(ignore_from_accounting_sync=True), settings=SETTINGS, creating=True)
    assert skip.value.code == "opted_out"
    with pytest.raises(Skip) as skip:
        product_payload(an_item(accountsid=None), settings=SETTINGS, creating=True)
    assert skip.value.code == "no_accounts_id"


def test_an_overlong_name_and_a_negative_price_are_refused() -> None:
    with pytest.raises(Refused) as refused:
        product_payload(an_item(name="x" * 101), settings=SETTINGS, creating=True)
    assert refused.value.code == "field_too_long"
    with pytest.raises(Refused) as refused:
        product_payload(an_item(baseprice=Decimal(-1)), settings=SETTINGS, creating=False)
    assert refused.value.code == "negative_amount"


def test_a_later_cost_type_or_number_is_shown_and_not_sent() -> None:
    link = a_link(bc_cost=Decimal("600"), bc_type="Service", bc_number="999")
    warnings = product_payload(an_item(), settings=SETTINGS, creating=False, link=link).warnings
    assert [warning.code for warning in warnings] == ["number_differs", "type_fixed", "cost_not_updatable"]
    quiet = a_link(bc_cost=Decimal("650.5"), bc_type="Inventory", bc_number="1000")
    assert product_payload(an_item(), settings=SETTINGS, creating=False, link=quiet).warnings == ()


def test_trailing_zeros_are_no_difference() -> None:
    payload = product_payload(an_item(), settings=SETTINGS, creating=False)
    assert product_changes(payload.state, product_held(a_bc_row())) == {}
    other = product_payload(an_item(baseprice=Decimal("899")), settings=SETTINGS, creating=False)
    assert other.payload_hash == payload.payload_hash


def test_a_new_product_gets_type_group_accounts_and_prices() -> None:
    connection = a_connection(
        item_group_mappings=(CategoryMapping("hardware", "31"),),
        item_default_group="9",
        default_sales_account="6110",
        default_purchase_account="7110",
    )
    assert product_import(a_bc_row(), connection, None) == {
        "name": "Laptop",
        "dbc_company_id": "company",
        "dbc_company_name": "Northwind UK",
        "accountsid": "1000",
        "type": 1,
        "baseprice": Decimal("899"),
        "costprice": Decimal("650.5"),
        "assetgroup_id": 31,
        "nominalcode": "6110",
        "purchasenominalcode": "7110",
    }
    assert product_import(a_bc_row(itemCategoryCode="OTHER"), connection, None)["assetgroup_id"] == 9
    assert "assetgroup_id" not in product_import(a_bc_row(itemCategoryCode=""), a_connection(), None)
    with pytest.raises(Refused) as refused:
        product_import(a_bc_row(itemCategoryCode="OTHER"), a_connection(), None)
    assert refused.value.code == "category_not_mapped"


def test_an_imported_product_imported_again_writes_nothing() -> None:
    connection = a_connection(item_default_group="9", default_sales_account="6110")
    first = product_import(a_bc_row(), connection, None)
    assert product_import(a_bc_row(), connection, {"id": 5, **first}) == {}


def test_zero_prices_in_bc_clear_nothing_and_an_own_group_stays() -> None:
    item = an_item(assetgroup_id=4, dbc_company_id="COMPANY", dbc_company_name="Northwind UK")
    row = a_bc_row(unitPrice=0, unitCost=None)
    assert product_import(row, a_connection(item_default_group="9"), item) == {}


def test_an_unknown_bc_type_is_refused_in_words() -> None:
    with pytest.raises(Refused) as refused:
        product_import(a_bc_row(type="Kit"), a_connection(), None)
    assert refused.value.code == "item_type_unknown"
    assert (
        product_import(a_bc_row(type="Non-Inventory"), a_connection(item_default_group="9"), None)["type"]
        == 2
    )
