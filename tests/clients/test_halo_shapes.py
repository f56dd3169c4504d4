"""Halo's answers, whatever shape a tenant gives them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bc.clients.halo_errors import error_text, halo_error
from bc.clients.halo_shapes import (
    customer_url,
    halo_id,
    halo_time,
    invoice_url,
    item_url,
    record_url,
    unwrap,
    unwrap_page,
    without_nulls,
)
from bc.clients.transport import Answer
from bc.errors import Gone, Refused, SyncError, Throttled, Transient, UnknownOutcome

ROW = {"id": 1}


@pytest.mark.parametrize(
    ("resource", "payload", "rows"),
    [
        ("Client", [ROW], [ROW]),
        ("Client", [], []),
        ("Client", {"record_count": 1, "clients": [ROW]}, [ROW]),
        ("Client", {"record_count": 1, "columns": [{"id": 9}], "clients": [ROW]}, [ROW]),
        ("Client", {"record_count": 0, "columns": [{"id": 9}], "clients": []}, []),
        ("RecurringInvoice", {"record_count": 1, "invoices": [ROW]}, [ROW]),
        ("Currency", {"currencies": [ROW]}, [ROW]),
        ("Tax", {"record_count": 1, "whatever": [ROW]}, [ROW]),
        ("Tax", {"record_count": 1, "names": ["a"], "whatever": [ROW]}, [ROW]),
        ("Tax", {"record_count": 0, "columns": [], "whatever": []}, []),
        ("Tax", {"record_count": 0}, []),
        ("Invoice", {"id": 1, "lines": [{"id": 5}]}, [{"id": 1, "lines": [{"id": 5}]}]),
        ("Item", {"id": 1.0, "items": [{"id": 5}]}, [{"id": 1.0, "items": [{"id": 5}]}]),
        ("Invoice/updatelines", {"id": 5}, [{"id": 5}]),
    ],
)
def test_rows_are_found_in_every_envelope(resource: str, payload: Any, rows: list[Any]) -> None:
    assert unwrap(resource, payload) == rows


@pytest.mark.parametrize(
    "payload", [None, "x", 1, {}, {"a": [ROW], "b": [ROW]}, {"record_count": 3}, [1], {"clients": ["x"]}]
)
def test_what_holds_no_rows_is_said(payload: Any) -> None:
    with pytest.raises(ValueError):
        unwrap("Client", payload)


def test_the_count_is_known_only_where_halo_says_it() -> None:
    assert unwrap_page("Client", {"record_count": Decimal("7.0"), "clients": [ROW]}).record_count == 7
    assert unwrap_page("Lookup", [ROW]).record_count is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12, "12"),
        (12.0, "12"),
        (Decimal("12.0"), "12"),
        (Decimal("1E+2"), "100"),
        ("12.0", "12"),
        ("12", "12"),
        (" 12 ", "12"),
        (-1, "-1"),
        (0, "0"),
        ("12.5", "12.5"),
        (None, ""),
        (True, ""),
        ("", ""),
        ("a.0", "a.0"),
        ("f2a5738a-44e3-ea11-bb43-000d3a2feca1", "f2a5738a-44e3-ea11-bb43-000d3a2feca1"),
    ],
)
def test_an_id_is_text_without_a_fraction(value: Any, text: str) -> None:
    assert halo_id(value) == text


@given(st.integers(-(2**40), 2**40))
def test_an_id_reads_the_same_however_it_is_typed(number: int) -> None:
    assert {halo_id(number), halo_id(float(number)), halo_id(f"{number}.0"), halo_id(Decimal(number))} == {
        str(number)
    }


def test_a_time_without_a_zone_is_utc_unless_the_tenant_says_otherwise() -> None:
    noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert halo_time("2026-07-01T12:00:00") == noon
    assert halo_time("2026-07-01T12:00:00Z") == noon
    assert halo_time("2026-07-01T14:00:00+02:00") == noon
    assert halo_time("2026-07-01T12:00:00.0000000") == noon
    assert halo_time("2026-07-01T13:00:00", ZoneInfo("Europe/London")) == noon
    for empty in (
        None,
        "",
        "0001-01-01T00:00:00",
        "1900-01-01T00:00:00Z",
        "soon",
        5,
        "9999-12-31T23:59:59-14:00",
    ):
        assert halo_time(empty) is None


def test_nulls_are_left_out_at_every_depth_and_empty_values_stay() -> None:
    assert without_nulls({"a": None, "b": "", "c": [{"d": None, "e": 0}, None]}) == {"b": "", "c": [{"e": 0}]}


def test_links_lead_to_the_record() -> None:
    base = "https://acme.halo.test"
    assert customer_url(base, "12") == f"{base}/customer?clientid=12"
    assert item_url(base, "12") == f"{base}/items?itemid=12"
    assert invoice_url(base, "12") == f"{base}/invoices?mainview=invoices&invoiceid=12"
    assert record_url(base, "invoice", "1&x=2").endswith("invoiceid=1%26x%3D2")
    assert (
        record_url("", "invoice", "1")
        == record_url(base, "invoice", "")
        == record_url(base, "other", "1")
        == ""
    )


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"ClassName":"System.Exception","Message":"No such thing\\r\\n   at Halo.X()"}', "No such thing"),
        (b'{"message":"m"}', "m"),
        (b'{"error":"invalid_client","error_description":"wrong secret"}', "wrong secret"),
        (b'{"error":"invalid_client"}', "invalid_client"),
        (b'{"resultCode":5,"errorMessage":"e"}', "e"),
        (b'"plain"', "plain"),
        (b"plain text", "plain text"),
        (b'[{"message":"m"}]', "m"),
        (b"<html><body>x", ""),
        (b"", ""),
        (b"[]", ""),
        (b'{"error":{"message":"deep"}}', "deep"),
    ],
)
def test_the_sentence_is_found_in_every_error_body(body: bytes, text: str) -> None:
    assert error_text(Answer(400, {}, body)) == text


@pytest.mark.parametrize(
    ("status", "read", "write", "code"),
    [
        (400, Refused, Refused, "halo_rejected"),
        (401, Transient, Transient, "halo_refused_us"),
        (403, Transient, Transient, "halo_refused_us"),
        (404, Gone, Gone, "not_found_in_halo"),
        (405, Refused, Refused, "halo_rejected"),
        (408, Transient, UnknownOutcome, "halo_unavailable"),
        (413, Refused, Refused, "halo_rejected"),
        (429, Throttled, Throttled, "throttled"),
        (500, Transient, UnknownOutcome, "halo_unavailable"),
        (502, Transient, UnknownOutcome, "halo_unavailable"),
        (503, Transient, UnknownOutcome, "halo_unavailable"),
        (302, Transient, Transient, "halo_unavailable"),
    ],
)
def test_a_refusal_is_judged_by_its_status(
    status: int, read: type[SyncError], write: type[SyncError], code: str
) -> None:
    answered = Answer(status, {}, b"")
    assert [type(halo_error(answered)), type(halo_error(answered, wrote=True))] == [read, write]
    assert halo_error(answered).code == code
    assert halo_error(answered).status == status
