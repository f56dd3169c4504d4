"""What is looked for in BC before a customer or product is created there (CONTRACT section 6), and what it costs."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.e2e.acting import Acting, number
from tests.faults.looking import by_control, log

pytestmark = pytest.mark.timeout(120)
_serial = itertools.count(1)


def in_bc(acting: Acting, entity_set: str = "customers", **fields: Any) -> dict[str, Any]:
    row: dict[str, Any] = by_control(acting, "POST", f"/{acting.company_id}/{entity_set}", fields)
    return row


def in_halo(acting: Acting, resource: str = "Client", **fields: Any) -> str:
    base = {"toplevel_id": 1} if resource == "Client" else {"assetgroup_id": 1}
    return number(acting.agent(resource, {**base, **fields})["id"])


def ids() -> tuple[str, str, str]:
    """A number, a name and an e-mail address that nobody had before."""
    serial = next(_serial)
    return f"M{serial:04}", f"Match {serial} Ltd", f"accounts@match{serial}.example"


def creates(acting: Acting, name: str) -> list[dict[str, Any]]:
    return log(acting, body=rf'"displayName":"{name}"', method="POST", path="customers$|items$")


def test_the_same_number_and_name_are_adopted_in_one_look(acting: Acting) -> None:
    code, name, email = ids()
    row = in_bc(acting, number=code, displayName=name.upper())
    halo_id = in_halo(acting, name=name, accountsid=code.lower(), accountsemailaddress=email)
    outcome = acting.pushed(halo_id, "customer")
    assert (outcome["status"], outcome["action"], outcome["bc_id"]) == ("synced", "adopted", row["id"])
    assert creates(acting, name) == []
    # The look-up by number, e-mail and name is one request; the difference that was left is the other.
    assert outcome["requests"] == 2, outcome


def test_the_same_number_under_another_name_is_for_a_person(acting: Acting) -> None:
    code, name, email = ids()
    in_bc(acting, number=code, displayName="Somebody else", email=email)
    outcome = acting.pushed(
        in_halo(acting, name=name, accountsid=code, accountsemailaddress=email), "customer"
    )
    assert (outcome["status"], outcome["code"]) == ("failed", "ambiguous_match")
    assert creates(acting, name) == []


def test_the_only_one_with_this_name_and_email_is_adopted_under_its_own_number(acting: Acting) -> None:
    code, name, email = ids()
    row = in_bc(acting, number=f"{code}X", displayName=name, email=email.upper())
    halo_id = in_halo(acting, name=name, accountsid=code, accountsemailaddress=email)
    outcome = acting.pushed(halo_id, "customer")
    assert (outcome["action"], outcome["bc_id"]) == ("adopted", row["id"]), outcome
    assert "number_differs" in [warning["code"] for warning in outcome["warnings"]]
    assert acting.halo("Client", halo_id)["accountsid"] == code
    assert creates(acting, name) == []


def test_one_without_a_number_takes_that_of_the_record_it_matches(acting: Acting) -> None:
    code, name, email = ids()
    row = in_bc(acting, number=code, displayName=name, email=email)
    halo_id = in_halo(acting, name=name, accountsemailaddress=email)
    acting.settings(accounts_id_pattern={"customer": "MD{seq:04}"})
    try:
        outcome = acting.pushed(halo_id, "customer")
    finally:
        acting.settings(accounts_id_pattern=None)
    assert (outcome["action"], outcome["bc_id"]) == ("adopted", row["id"]), outcome
    assert acting.halo("Client", halo_id)["accountsid"] == code


@pytest.mark.parametrize("same", ["name", "email"])
def test_only_the_name_or_only_the_email_is_for_a_person(acting: Acting, same: str) -> None:
    code, name, email = ids()
    fields = {"displayName": name} if same == "name" else {"displayName": "Another", "email": email}
    in_bc(acting, number=f"{code}X", **fields)
    outcome = acting.pushed(
        in_halo(acting, name=name, accountsid=code, accountsemailaddress=email), "customer"
    )
    assert (outcome["status"], outcome["code"]) == ("failed", "ambiguous_match")


def test_two_with_this_name_and_email_are_for_a_person(acting: Acting) -> None:
    code, name, email = ids()
    for end in "XY":
        in_bc(acting, number=f"{code}{end}", displayName=name, email=email)
    outcome = acting.pushed(
        in_halo(acting, name=name, accountsid=code, accountsemailaddress=email), "customer"
    )
    assert (outcome["status"], outcome["code"]) == ("failed", "ambiguous_match")


def test_one_that_is_linked_to_another_halo_record_is_that_ones(acting: Acting) -> None:
    code, name, email = ids()
    first = in_halo(acting, name=name, accountsid=code, accountsemailaddress=email)
    assert acting.pushed(first, "customer")["action"] == "created"
    # A second branch of the same name and mailbox, with a number of its own.
    second = in_halo(acting, name=name, accountsid=f"{code}B", accountsemailaddress=email)
    outcome = acting.pushed(second, "customer")
    assert (outcome["action"], outcome["bc_number"]) == ("created", f"{code}B"), outcome
    # A copy with the very same number is a mistake in Halo.
    third = in_halo(acting, name=name, accountsid=code, accountsemailaddress=email)
    outcome = acting.pushed(third, "customer")
    assert (outcome["status"], outcome["code"]) == ("failed", "ambiguous_match")
    assert "linked" in outcome["message"]


def test_switched_off_nothing_is_looked_for(acting: Acting) -> None:
    code, name, email = ids()
    in_bc(acting, number=f"{code}X", displayName=name, email=email)
    acting.settings(match_before_create=False)
    try:
        outcome = acting.pushed(
            in_halo(acting, name=name, accountsid=code, accountsemailaddress=email), "customer"
        )
    finally:
        acting.settings(match_before_create=True)
    assert (outcome["action"], outcome["requests"]) == ("created", 1), outcome


def test_a_product_is_matched_by_its_number_and_shown_a_later_cost(acting: Acting) -> None:
    code, name, _ = ids()
    halo_id = in_halo(acting, "Item", name=name, accountsid=code, costprice=12.5)
    assert acting.pushed(halo_id, "product")["action"] == "created"
    (row,) = [row for row in acting.bc("items") if row["number"] == code]
    assert row["unitCost"] == 12.5
    acting.edit("Item", halo_id, {"costprice": 13})
    outcome = acting.pushed(halo_id, "product")
    assert "cost_not_updatable" in [warning["code"] for warning in outcome["warnings"]], outcome
    (row,) = [row for row in acting.bc("items") if row["number"] == code]
    assert row["unitCost"] == 12.5


@pytest.mark.parametrize("policy", ["create_only", "update_only"])
def test_the_policy_of_an_entity_is_kept(acting: Acting, policy: str) -> None:
    code, name, _ = ids()
    linked = in_halo(acting, name=name, accountsid=code)
    assert acting.pushed(linked, "customer")["action"] == "created"
    acting.settings(customer_policy=policy)
    try:
        acting.edit("Client", linked, {"name": f"{name} renamed"})
        changed = acting.pushed(linked, "customer")
        new = acting.pushed(in_halo(acting, name=f"{name} new", accountsid=f"{code}N"), "customer")
    finally:
        acting.settings(customer_policy="create_and_update")
    if policy == "create_only":
        assert (changed["status"], changed["code"], new["action"]) == ("skipped", "create_only", "created")
    else:
        assert (changed["action"], new["status"], new["code"]) == ("updated", "skipped", "update_only")
