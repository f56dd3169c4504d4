"""Merging a connection's settings: what fits is kept, what does not is named."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from bc.connect.settings_merge import FIELDS, NESTED, UnfitSettings, merge, switched_on
from bc.model import AccountsIdPattern, CategoryMapping, ConnectionSettings, DeltaImports

TODAY = date(2026, 11, 24)


def merged(change: dict[str, Any], current: ConnectionSettings | None = None) -> ConnectionSettings:
    return merge(current or ConnectionSettings(), change, today=TODAY)


def refused(change: dict[str, Any]) -> list[str]:
    with pytest.raises(UnfitSettings) as caught:
        merged(change)
    return [field for field, _ in caught.value.errors]


def test_every_setting_has_a_check() -> None:
    assert set(FIELDS) | set(NESTED) == set(ConnectionSettings.__struct_fields__)


def test_only_the_given_members_change() -> None:
    current = merged({"group_increment": 500, "delta_imports": {"customers": 60}})
    after = merged({"delta_imports": {"products": 120}, "show_message": True}, current)
    assert after.group_increment == 500
    assert after.delta_imports == DeltaImports(customers=60, products=120)
    assert after.show_message is True


def test_null_clears_what_may_be_empty() -> None:
    current = merged({"default_invoice_item": "1000", "accounts_id_pattern": {"customer": "C{seq:05}"}})
    assert current.accounts_id_pattern == AccountsIdPattern(customer="C{seq:05}")
    after = merged({"default_invoice_item": None, "accounts_id_pattern": {"customer": None}}, current)
    assert after.default_invoice_item is None
    assert after.accounts_id_pattern == AccountsIdPattern()
    assert merged({"accounts_id_pattern": None}, current).accounts_id_pattern == AccountsIdPattern()


def test_switching_invoices_on_starts_today_unless_a_date_is_given() -> None:
    assert merged({"sync_entities": ["invoice"]}).sync_invoices_from == TODAY
    given = merged({"sync_entities": ["invoice"], "sync_invoices_from": "2026-01-31"})
    assert given.sync_invoices_from == date(2026, 1, 31)
    assert merged({"sync_entities": ["customer"]}).sync_invoices_from is None
    on = merged({"sync_entities": ["invoice"]})
    assert merged({"sync_invoices_from": None}, on).sync_invoices_from is None


def test_entities_keep_one_order_and_newly_switched_ones_are_told() -> None:
    before = merged({"sync_entities": ["customer"]})
    after = merged({"sync_entities": ["invoice", "customer", "invoice"]}, before)
    assert after.sync_entities == ("customer", "invoice")
    assert switched_on(before, after) == ["invoice"]


def test_category_mappings() -> None:
    after = merged({"item_group_mappings": [{"category_code": "CHAIR", "group_id": 12}]})
    assert after.item_group_mappings == (CategoryMapping("CHAIR", "12"),)
    twice = [{"category_code": "CHAIR", "group_id": "1"}, {"category_code": "chair", "group_id": "2"}]
    assert refused({"item_group_mappings": twice}) == ["settings.item_group_mappings[1]"]


def test_payment_terms() -> None:
    assert merged({"payment_terms": {"14": " 14 days"}}).payment_terms == {"14": "14 DAYS"}
    before = merged({"payment_terms": {"14": "14 DAYS"}})
    assert merged({"payment_terms": {}}, before).payment_terms == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("group_increment", 0),
        ("group_increment", 1_000_001),
        ("group_increment", True),
        ("group_increment", "1000"),
        ("line_increment", 1.5),
        ("line_increment", None),
        ("show_message", "yes"),
        ("sync_entities", ["customers"]),
        ("sync_entities", "customer"),
        ("customer_policy", "delete"),
        ("sync_invoices_from", "2026-02-30"),
        ("sync_invoices_from", 20260101),
        ("default_invoice_item", "x" * 21),
        ("default_invoice_item", "a\x00b"),
        ("conflict_policy", None),
        ("item_group_mappings", {"CHAIR": "1"}),
        ("payment_terms", [["14", "14 DAYS"]]),
        ("payment_terms", {"14": "FOURTEEN DAYS"}),
        ("payment_terms", {"": "14 DAYS"}),
        ("payment_terms", {"14": 14}),
        ("delta_imports", []),
        ("no_such_setting", 1),
    ],
)
def test_unfit_values_name_their_field(field: str, value: Any) -> None:
    assert refused({field: value}) == [f"settings.{field}"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"delta_imports": {"customers": 4}}, "settings.delta_imports.customers"),
        ({"delta_imports": {"customers": 10_081}}, "settings.delta_imports.customers"),
        ({"delta_imports": {"vendors": 60}}, "settings.delta_imports.vendors"),
        ({"accounts_id_pattern": {"customer": "C"}}, "settings.accounts_id_pattern.customer"),
        ({"accounts_id_pattern": {"customer": "{seq}{seq}"}}, "settings.accounts_id_pattern.customer"),
        ({"accounts_id_pattern": {"product": "{name}"}}, "settings.accounts_id_pattern.product"),
        ({"accounts_id_pattern": {"product": "P{seq:30}"}}, "settings.accounts_id_pattern.product"),
        ({"halo_conventions": {"time_zone": "Mars/Olympus"}}, "settings.halo_conventions.time_zone"),
        ({"halo_conventions": {"item_types": {"1": "Chair"}}}, "settings.halo_conventions.item_types"),
    ],
)
def test_nested_values_name_their_path(change: dict[str, Any], field: str) -> None:
    assert refused(change) == [field]


def test_all_unfit_values_are_named_at_once() -> None:
    change = {"group_increment": 0, "delta_imports": {"accounts": 1}, "show_message": True}
    assert refused(change) == ["settings.group_increment", "settings.delta_imports.accounts"]


@pytest.mark.parametrize("pattern", ["C{seq}", "C{seq:05}", "{seq:8}", "UK-{seq:06}-X"])
def test_usable_number_patterns(pattern: str) -> None:
    assert merged({"accounts_id_pattern": {"customer": pattern}}).accounts_id_pattern.customer == pattern
