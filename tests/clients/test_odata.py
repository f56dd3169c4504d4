"""Literals, enum names, queries and paths that cannot mean anything else."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from urllib.parse import parse_qsl, unquote
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bc.clients.odata import Literal, decode_enum, encode_enum, guid, literal, query, quote, relative, segment
from bc.errors import Refused

ID = "f2a5738a-44e3-ea11-bb43-000d3a2feca1"


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("", "''"),
        ("O'Brien", "'O''Brien'"),
        ("x' or 1 eq 1--", "'x'' or 1 eq 1--'"),
        ("Ben & Co*", "'Ben & Co*'"),
        ("Ålesund 北京", "'Ålesund 北京'"),
    ],
)
def test_a_quoted_text_stays_one_text(text: str, quoted: str) -> None:
    assert quote(text) == quoted


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a\x00b", "bad_filter_value"),
        ("a\nb", "bad_filter_value"),
        ("\ud800", "bad_filter_value"),
        ("x" * 10_240, "field_too_long"),
    ],
)
def test_a_text_that_bc_cannot_hold_is_refused(text: str, code: str) -> None:
    with pytest.raises(Refused) as caught:
        quote(text)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (True, "true"),
        (12, "12"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.10"), "0.10"),
        (date(2026, 1, 31), "2026-01-31"),
        (
            datetime(2026, 1, 31, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2))),
            "2026-01-31T10:00:00.123Z",
        ),
        (UUID(ID), ID),
        ("a'b", "'a''b'"),
    ],
)
def test_a_literal_is_written_as_bc_reads_it(value: Literal, written: str) -> None:
    assert literal(value) == written


@pytest.mark.parametrize(
    ("encoded", "plain"),
    [
        ("_x0020_", ""),
        (" ", ""),
        ("Non_x002D_Inventory", "Non-Inventory"),
        ("Non-Inventory", "Non-Inventory"),
        ("In_x0020_Review", "In Review"),
        ("Fixed_x0020_Asset", "Fixed Asset"),
        ("All", "All"),
    ],
)
def test_enums_are_read_encoded_and_plain(encoded: str, plain: str) -> None:
    assert decode_enum(encoded) == plain
    assert decode_enum(encode_enum(plain)) == plain


def test_the_blank_enum_value_is_written_encoded() -> None:
    assert encode_enum("") == "_x0020_"
    assert encode_enum("Non-Inventory") == "Non_x002D_Inventory"


@given(
    st.dictionaries(st.sampled_from(["$filter", "$select", "search"]), st.text(st.characters(codec="utf-8")))
)
def test_a_query_reads_back_as_it_was_meant(params: dict[str, str]) -> None:
    written = query(params)
    assert written.isascii()
    assert dict(parse_qsl(written.removeprefix("?"), keep_blank_values=True)) == params


@given(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc"]), max_size=100))
def test_a_text_in_the_query_of_a_part_stays_one_value(text: str) -> None:
    path = relative(f"customers?$filter=displayName eq {quote(text)}&$select=id,number")
    assert dict(parse_qsl(path.partition("?")[2], keep_blank_values=True)) == {
        "$filter": f"displayName eq {quote(text)}",
        "$select": "id,number",
    }
    assert path.isascii()
    assert "#" not in path
    assert " " not in path


@pytest.mark.parametrize(
    "path",
    [
        "items",
        f"items({ID})",
        f"salesInvoices({ID})/salesInvoiceLines({ID})",
        f"salesInvoices({ID})/Microsoft.NAV.post",
        "customers/$count",
    ],
)
def test_a_path_of_names_and_ids_is_taken_as_it_is(path: str) -> None:
    assert relative(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/items",
        "../companies",
        "items/../x",
        "items(1)",
        f"items('{ID}')",
        "items(*)",
        "items%2f..",
        "items//x",
        "https://evil.test/items",
        "items?$filter=name eq 'open",
        "items#x",
        "items\n",
    ],
)
def test_any_other_path_is_refused(path: str) -> None:
    with pytest.raises(Refused) as caught:
        relative(path)
    assert caught.value.code == "bad_id"


def test_an_id_is_a_guid() -> None:
    assert guid(ID.upper()) == ID
    for text in ("", "1", f"{{{ID}}}", f"{ID}\n", f"{ID})/x(", "../" + ID):
        with pytest.raises(Refused):
            guid(text)


def test_a_segment_is_encoded_and_cannot_leave_its_place() -> None:
    assert segment("Prod EU") == "Prod%20EU"
    assert unquote(segment("Prüf")) == "Prüf"
    for text in ("", ".", "..", "a/b", "a\\b", "a?b", "a#b", "a%2fb", "a\x00", "x" * 200):
        with pytest.raises(Refused):
            segment(text)
