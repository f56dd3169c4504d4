"""Merging a change into a connection's settings: each field has its check, every unfit one is named at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, get_args

from msgspec.structs import replace

from bc.connect.fields import (
    Check,
    Unfit,
    day,
    flag,
    number_pattern,
    one_of,
    or_null,
    record_id,
    subset,
    text,
    time_zone,
    whole,
)
from bc.model import (
    ENTITIES,
    IMPORT_KINDS,
    NUMBER_LENGTH,
    AccountsIdPattern,
    CategoryMapping,
    ConnectionSettings,
    DeltaImports,
    HaloConventions,
    ItemType,
    Policy,
)

MOST_MAPPINGS = 1000
PAYMENT_TERMS_LENGTH = 10
_NUMBER = or_null(text(NUMBER_LENGTH))
_GROUP = or_null(record_id)
_POLICY = one_of(*get_args(Policy))
_INCREMENT = whole(1, 1_000_000)
_MINUTES = or_null(whole(5, 10_080))


class UnfitSettings(ValueError):
    """`errors`: (field, message) for each value that does not fit; nothing was changed."""

    def __init__(self, errors: list[tuple[str, str]]) -> None:
        super().__init__(f"{len(errors)} settings do not fit")
        self.errors = errors


def merge(
    current: ConnectionSettings, change: Mapping[str, Any], *, today: date, field: str = "settings"
) -> ConnectionSettings:
    """`current` with the given members replaced (nested objects are merged too). Raises `UnfitSettings`.

    Switching `invoice` on without a start date starts with `today`, so that nobody books last year again.
    """
    errors: list[tuple[str, str]] = []
    merged = _merged(current, change, FIELDS, field, errors)
    if errors:
        raise UnfitSettings(errors)
    settings = replace(current, **merged)
    newly = "invoice" in settings.sync_entities and "invoice" not in current.sync_entities
    if newly and settings.sync_invoices_from is None:
        settings = replace(settings, sync_invoices_from=today)
    return settings


def switched_on(before: ConnectionSettings, after: ConnectionSettings) -> list[str]:
    """Entities that sync now and did not before."""
    return [entity for entity in after.sync_entities if entity not in before.sync_entities]


def _category_mappings(value: Any) -> tuple[CategoryMapping, ...]:
    if not isinstance(value, list) or len(value) > MOST_MAPPINGS:
        raise Unfit(f"Expected a list of at most {MOST_MAPPINGS} mappings.")
    found: dict[str, CategoryMapping] = {}
    for position, row in enumerate(value):
        if not isinstance(row, dict) or set(row) != {"category_code", "group_id"}:
            raise Unfit("Expected category_code and group_id.", f"[{position}]")
        try:
            mapping = CategoryMapping(text(NUMBER_LENGTH)(row["category_code"]), record_id(row["group_id"]))
        except Unfit as unfit:
            raise Unfit(unfit.message, f"[{position}]") from None
        # BC's codes are upper-case, however they were typed.
        if mapping.category_code.upper() in found:
            raise Unfit(f"The category {mapping.category_code} is mapped twice.", f"[{position}]")
        found[mapping.category_code.upper()] = mapping
    return tuple(found.values())


def _payment_terms(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > 100:
        raise Unfit("Expected an object of Halo's payment terms, each with a code of Business Central.")
    # BC's codes are upper-case, however they were typed.
    return {record_id(name): text(PAYMENT_TERMS_LENGTH)(code).upper() for name, code in value.items()}


def _item_types(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > 100:
        raise Unfit("Expected an object of Halo's item types.")
    kind = one_of(*get_args(ItemType))
    return {str(text(50)(name)): kind(found) for name, found in value.items()}


def _numbers(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or len(value) > 100:
        raise Unfit("Expected a list of whole numbers.")
    return tuple(whole(0, 2_147_483_647)(item) for item in value)


PATTERN_FIELDS: Mapping[str, Check] = {
    "customer": or_null(number_pattern),
    "product": or_null(number_pattern),
}
DELTA_FIELDS: Mapping[str, Check] = dict.fromkeys(IMPORT_KINDS, _MINUTES)
CONVENTION_FIELDS: Mapping[str, Check] = {
    "time_zone": or_null(time_zone),
    "item_types": or_null(_item_types),
    "charge_rate_code_field": or_null(text(50)),
    "accounts_lookup_id": or_null(record_id),
    "countries_lookup_id": or_null(record_id),
    "country_code_form": or_null(one_of("id", "code")),
    "module_id": or_null(whole(0, 2_147_483_647)),
    "credit_note_types": or_null(_numbers),
}
NESTED: Mapping[str, tuple[type, Mapping[str, Check]]] = {
    "accounts_id_pattern": (AccountsIdPattern, PATTERN_FIELDS),
    "delta_imports": (DeltaImports, DELTA_FIELDS),
    "halo_conventions": (HaloConventions, CONVENTION_FIELDS),
}
FIELDS: Mapping[str, Check] = {
    "sync_entities": subset(ENTITIES),
    "show_message": flag,
    "default_invoice_item": _NUMBER,
    "sync_inv_groups": flag,
    "sync_credit_notes": flag,
    "payment_terms": _payment_terms,
    "group_increment": _INCREMENT,
    "line_increment": _INCREMENT,
    "item_default_group": _GROUP,
    "item_group_mappings": _category_mappings,
    "default_sales_account": _NUMBER,
    "default_purchase_account": _NUMBER,
    "client_top_level": _GROUP,
    "use_advanced_cost_endpoint": flag,
    "customer_policy": _POLICY,
    "product_policy": _POLICY,
    "match_before_create": flag,
    "sync_invoices_from": or_null(day),
    "post_invoices": flag,
    "conflict_policy": one_of("halo_wins", "ask"),
    "allow_native_sync": flag,
}


def _merged(
    current: Any,
    change: Mapping[str, Any],
    checks: Mapping[str, Check],
    prefix: str,
    errors: list[tuple[str, str]],
) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for name, value in change.items():
        field = f"{prefix}.{name}"
        if name in checks:
            try:
                merged[name] = checks[name](value)
            except Unfit as unfit:
                errors.append((field + unfit.field, unfit.message))
        elif checks is FIELDS and name in NESTED:
            kind, inner = NESTED[name]
            if value is None:
                merged[name] = kind()
            elif isinstance(value, dict):
                old = getattr(current, name)
                merged[name] = replace(old, **_merged(old, value, inner, field, errors))
            else:
                errors.append((field, "Expected an object."))
        else:
            errors.append((field, "There is no such setting."))
    return merged
