"""Every form of Halo's webhook that the public face promises to understand."""

from __future__ import annotations

from typing import Any

import pytest

from bc.sync.events import Change, NoInterest, Unknown, read_event


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"event": "Invoice Updated", "id": 1041}, Change("invoice", "1041", "upsert")),
        ({"event_name": "client.created", "object_id": "12"}, Change("customer", "12", "upsert")),
        ({"eventname": "ItemDeleted", "halo_id": 7}, Change("product", "7", "delete")),
        ({"event_type": "Invoice deleted", "invoice_id": 1041}, Change("invoice", "1041", "delete")),
        ({"event": "Customer updated", "client_id": 12.0}, Change("customer", "12", "upsert")),
        (
            {"event": "Invoice updated", "invoice": {"id": 1041, "client_id": 12}},
            Change("invoice", "1041", "upsert"),
        ),
        ({"client": {"id": 12, "name": "Contoso"}}, Change("customer", "12", "upsert")),
        ({"product": {"id": 7}}, Change("product", "7", "upsert")),
        ({"id": 1041, "client_id": 12, "lines": []}, Change("invoice", "1041", "upsert")),
        ({"id": 12, "toplevel_id": 1, "name": "Contoso"}, Change("customer", "12", "upsert")),
        ({"id": 7, "costprice": 3, "baseprice": 5}, Change("product", "7", "upsert")),
        (
            {"entity": "invoice", "halo_id": "1041", "operation": "delete"},
            Change("invoice", "1041", "delete"),
        ),
        ({"event": "Site Updated", "id": 99, "client_id": 12}, Change("customer", "12", "upsert")),
    ],
)
def test_known_forms(body: dict[str, Any], expected: Change) -> None:
    assert read_event(body) == expected


def test_the_address_of_the_webhook_wins_over_the_body() -> None:
    assert read_event({"id": 5}, entity="invoice", operation="delete") == Change("invoice", "5", "delete")


@pytest.mark.parametrize("name", ["Ticket created", "Recurring Invoice Updated", "Agent logged in"])
def test_events_of_no_interest_say_why(name: str) -> None:
    reading = read_event({"event": name, "id": 3})
    assert isinstance(reading, NoInterest)
    assert reading.reason


@pytest.mark.parametrize(
    "body",
    [{}, {"id": 3}, "text", 7, None, [], {"entity": "invoice"}, {"entity": "invoice", "halo_id": "../1"}],
)
def test_what_is_not_understood_is_said(body: Any) -> None:
    assert isinstance(read_event(body), Unknown)


@pytest.mark.parametrize("bad", ["0", "-5", "1.5", "12/..", "9" * 30, "", "１２"])
def test_only_ids_that_halo_gives_are_ids(bad: str) -> None:
    assert isinstance(read_event({"entity": "customer", "halo_id": bad}), Unknown)
