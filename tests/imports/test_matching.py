"""Matching BC records with Halo's: normalised keys, order of keys, ambiguity, size."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bc.imports.matching import (
    BcKeys,
    HaloKeys,
    Index,
    Match,
    email_keys,
    index_of,
    match,
    match_all,
    name_key,
    number_key,
    same_tax_number,
    tax_key,
    undecided,
)

COMPANY = "c0ffee00-0000-0000-0000-000000000001"


def a_bc(bc_id: str = "b1", **keys: str) -> BcKeys:
    return BcKeys(
        bc_id, keys.get("number", ""), keys.get("name", ""), keys.get("tax_number", ""), keys.get("email", "")
    )


def an_index(*rows: HaloKeys) -> Index:
    return index_of(rows, company_id=COMPANY)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Contoso Ltd", "CONTOSO LIMITED"),
        ("Contoso Ltd.", "contoso"),
        ("Fabrikam, Inc.", "Fabrikam"),
        ("Müller GmbH & Co. KG", "Muller"),
        ("Adatum B.V.", "Adatum BV"),
        ("Société Générale S.A.R.L.", "Societe Generale"),
        ("O'Brien  &  Sons", "OBrien and Sons"),
        ("North-Wind Traders plc", "North Wind Traders"),
        ("The Cannon Group PLC", "Cannon Group"),
    ],
)
def test_names_that_differ_in_form_only_are_equal(left: str, right: str) -> None:
    assert name_key(left) == name_key(right)


@pytest.mark.parametrize(
    ("left", "right"), [("Contoso North", "Contoso South"), ("Limited", "Company"), ("株式会社", "合同会社")]
)
def test_names_that_differ_stay_apart(left: str, right: str) -> None:
    assert name_key(left) != name_key(right)


@given(st.text(max_size=40))
def test_a_name_key_is_stable_and_blind_to_case_and_spaces(name: str) -> None:
    key = name_key(name)
    assert name_key(f"  {name}\t") == key
    if name.isascii():
        assert name_key(name.upper()) == name_key(name.lower()) == key
    assert not key or any(sign.isalnum() for sign in key)
    if any("a" <= sign <= "z" for sign in name):
        assert key


@given(st.text(max_size=30))
def test_tax_and_number_keys_do_not_change_when_taken_twice(text: str) -> None:
    assert tax_key(tax_key(text)) in (tax_key(text), "")
    assert number_key(number_key(text)) == number_key(text)


def test_tax_numbers_compare_by_letters_and_digits_only() -> None:
    assert tax_key("GB 123-4567.89") == tax_key("gb123456789") == "GB123456789"
    assert tax_key("n/a") == tax_key("0") == tax_key("none") == ""


@pytest.mark.parametrize(
    ("bc", "halo", "same"),
    [
        ("GB951846569", "951846569", True),
        ("951846569", "GB 951 8465 69", True),
        ("ATU12345678", "U12345678", True),
        ("GB951846569", "DE951846569", False),
        ("951846569", "951846560", False),
    ],
)
def test_a_country_that_only_one_side_names_does_not_matter(bc: str, halo: str, same: bool) -> None:
    found = match(a_bc(tax_number=bc), an_index(HaloKeys("1", "Other", tax_number=halo)))
    assert (found.matched_by == "tax_number") is same
    assert same_tax_number(bc, halo) is same_tax_number(halo, bc) is same


def test_each_address_of_a_list_counts() -> None:
    assert email_keys("Billing@Contoso.test; ap@contoso.test,nonsense") == {
        "billing@contoso.test",
        "ap@contoso.test",
    }


@pytest.mark.parametrize(
    ("bc", "halo", "by"),
    [
        (a_bc(number=" c100"), HaloKeys("1", "Other", number="C100"), "number"),
        (a_bc(tax_number="GB 123 456"), HaloKeys("1", "Other", tax_number="gb123456"), "tax_number"),
        (a_bc(email="AP@x.test"), HaloKeys("1", "Other", email="a@x.test;ap@x.test"), "email"),
        (a_bc(name="Contoso Ltd"), HaloKeys("1", "Contoso Limited"), "name"),
    ],
)
def test_a_match_says_what_it_was_found_by(bc: BcKeys, halo: HaloKeys, by: str) -> None:
    result = match(bc, an_index(halo, HaloKeys("2", "Somebody else", number="Z9")))
    assert (result.state, result.halo_id, result.matched_by) == ("matched", "1", by)


def test_nobody_found_is_new() -> None:
    assert match(
        a_bc(number="C1", name="Contoso"), an_index(HaloKeys("1", "Fabrikam", number="C2"))
    ) == Match("new")


def test_several_of_the_same_name_are_ambiguous_with_their_candidates() -> None:
    index = an_index(HaloKeys("10", "Contoso Ltd"), HaloKeys("9", "Contoso Inc"))
    assert match(a_bc(name="Contoso"), index) == Match("ambiguous", matched_by="name", candidates=("9", "10"))


def test_a_number_that_another_key_contradicts_is_ambiguous() -> None:
    index = an_index(HaloKeys("1", "Fabrikam", number="C100"), HaloKeys("2", "Contoso"))
    assert match(a_bc(number="C100", name="Contoso"), index).candidates == ("1", "2")


def test_a_number_that_a_second_key_confirms_is_matched() -> None:
    index = an_index(HaloKeys("1", "Contoso", number="C100"), HaloKeys("2", "Sister", email="ap@x.test"))
    assert match(a_bc(number="C100", name="Contoso", email="ap@x.test"), index).halo_id == "1"


def test_a_namesake_with_another_tax_number_is_for_a_person_to_judge() -> None:
    index = an_index(HaloKeys("1", "Smith & Sons", tax_number="GB111111111"))
    assert match(a_bc(name="Smith and Sons Ltd", tax_number="GB222222222"), index).state == "ambiguous"
    assert match(a_bc(name="Smith and Sons Ltd"), index).state == "matched"


def test_a_halo_record_claimed_twice_is_ambiguous_for_both() -> None:
    results = match_all(
        [a_bc("b1", name="Contoso Ltd"), a_bc("b2", name="Contoso BV")], an_index(HaloKeys("1", "Contoso"))
    )
    assert [result.state for result in results] == ["ambiguous", "ambiguous"]
    assert {result.candidates for result in results} == {("1",)}


def test_what_a_job_matched_before_is_ambiguous_for_a_later_claimant() -> None:
    index = an_index(HaloKeys("1", "Contoso"))
    index.link("b1", "1", by_job=True)
    assert match(a_bc("b1", name="Contoso"), index).state == "linked"
    assert match(a_bc("b2", name="Contoso"), index).state == "ambiguous"


def test_linked_records_match_nobody_else() -> None:
    index = index_of([HaloKeys("1", "Contoso")], company_id=COMPANY, links={"b1": "1"})
    assert match(a_bc("b1", name="Renamed"), index) == Match("linked", "1")
    assert match(a_bc("b2", name="Contoso"), index) == Match("new")


def test_a_company_limited_to_a_top_level_takes_nobody_from_another_by_itself() -> None:
    rows = [HaloKeys("1", "Contoso", number="C1", top_level="2"), HaloKeys("2", "Fabrikam", top_level="1")]
    index = an_index(*rows)
    assert match(a_bc(number="C1", name="Contoso"), index).state == "matched"
    index.top_level = "1"
    assert match(a_bc(number="C1", name="Contoso"), index) == Match("ambiguous", "", "number", ("1",))
    assert match(a_bc(name="Fabrikam"), index).halo_id == "2"
    index.add(HaloKeys("1", "Contoso", number="C1", top_level="2", company_id=COMPANY))
    assert match(a_bc(number="C1"), index).halo_id == "1", "it names the company itself"
    index.add(HaloKeys("1", "Contoso", number="C1"))
    assert match(a_bc(number="C1"), index).halo_id == "1", "a row that does not say its top level"


def test_records_of_another_company_never_match() -> None:
    index = an_index(HaloKeys("1", "Contoso", number="C1", company_id="another"))
    assert match(a_bc(number="C1", name="Contoso"), index).state == "new"
    index.add(HaloKeys("1", "Contoso", number="C1", company_id=COMPANY.upper()))
    assert match(a_bc(number="C1", name="Contoso"), index).state == "matched"


def test_only_records_that_could_decide_are_read_in_detail() -> None:
    index = an_index(
        HaloKeys("1", "Contoso", number="C1"),
        HaloKeys("2", "Fabrikam"),
        HaloKeys("3", "Fabrikam Inc"),
        HaloKeys("4", "Thin"),
        HaloKeys("5", "Whole", tax_number="", email=""),
    )
    decided = [a_bc("b1", number="C1", tax_number="GB1234")]
    assert undecided(decided, match_all(decided, index), index) == []
    untold = [a_bc("b2", name="Unknown")]
    assert undecided(untold, match_all(untold, index), index) == []
    namesake = [a_bc("b4", name="Thin", tax_number="GB1234")]
    assert undecided(namesake, match_all(namesake, index), index) == ["4"]
    rows = [*decided, a_bc("b3", name="Fabrikam", tax_number="GB9999")]
    assert undecided(rows, match_all(rows, index), index) == ["2", "3", "4"]


_keys = st.builds(
    HaloKeys,
    halo_id=st.integers(1, 30).map(str),
    name=st.sampled_from(["Contoso", "Contoso Ltd", "Fabrikam", "Adatum", ""]),
    number=st.sampled_from(["", "C1", "c1 ", "C2"]),
    tax_number=st.sampled_from([None, "", "GB123456", "gb 123 456"]),
    email=st.sampled_from([None, "", "a@x.test", "A@X.test;b@x.test"]),
)
_bc_keys = st.builds(
    BcKeys,
    bc_id=st.uuids().map(str),
    number=st.sampled_from(["C1", "C2", "C3"]),
    name=st.sampled_from(["Contoso", "Fabrikam GmbH", "New"]),
    tax_number=st.sampled_from(["", "GB123456"]),
    email=st.sampled_from(["", "a@x.test", "b@x.test"]),
)


@given(st.lists(_keys, max_size=12, unique_by=lambda row: row.halo_id), st.lists(_bc_keys, max_size=8))
def test_no_halo_record_is_ever_matched_twice_and_order_does_not_matter(
    halo: list[HaloKeys], bc: list[BcKeys]
) -> None:
    results = match_all(bc, an_index(*halo))
    taken = [result.halo_id for result in results if result.state == "matched"]
    assert len(taken) == len(set(taken))
    assert all((result.state == "ambiguous") == bool(result.candidates) for result in results)
    backwards = match_all(bc[::-1], an_index(*halo[::-1]))[::-1]
    assert backwards == results


_anything = st.text(max_size=12) | st.sampled_from(
    ["Straße", "STRASSE", "ﬁn", "İstanbul", "Ⅷ", "é", "e\u0301", "ß", "ſ"]
)


@given(
    st.lists(
        st.builds(
            HaloKeys,
            halo_id=st.integers(1, 99).map(str),
            name=_anything,
            number=_anything,
            tax_number=st.none() | _anything,
            email=st.none() | _anything,
        ),
        max_size=8,
        unique_by=lambda row: row.halo_id,
    ),
    st.lists(
        st.builds(
            BcKeys,
            bc_id=st.uuids().map(str),
            number=_anything,
            name=_anything,
            tax_number=_anything,
            email=_anything,
        ),
        max_size=6,
    ),
)
def test_matching_takes_any_text_and_agrees_with_a_comparison_of_each_with_each(
    halo: list[HaloKeys], bc: list[BcKeys]
) -> None:
    """The index finds exactly those that a loop in a loop over the keys would."""
    index = an_index(*halo)
    for row in bc:
        meant = {
            one.halo_id
            for one in halo
            if (number_key(row.number) and number_key(row.number) == number_key(one.number))
            or same_tax_number(row.tax_number, one.tax_number or "")
            or email_keys(row.email) & email_keys(one.email or "")
            or (name_key(row.name) and name_key(row.name) == name_key(one.name))
        }
        found = set().union(*(ids for _, ids in index.candidates(row)))
        assert found == meant
        result = match(row, index)
        assert (result.state == "new") == (not meant)
        assert {result.halo_id, *result.candidates} - {""} <= meant
    for one in halo:
        index.remove(one.halo_id)
    assert index.rows == {}
    assert not any(index.candidates(row) for row in bc), "nothing is left behind"


def test_twenty_thousand_against_twenty_thousand_takes_seconds() -> None:
    halo = [
        HaloKeys(str(n), f"Customer {n} Ltd", tax_number=f"GB{n:09}", email=f"c{n}@x.test")
        for n in range(20_000)
    ]
    bc = [a_bc(f"b{n}", number=f"C{n}", name=f"Customer {n}", tax_number=f"GB {n:09}") for n in range(20_000)]
    started = time.perf_counter()
    results = match_all(bc, an_index(*halo))
    assert all(result.state == "matched" and result.matched_by == "tax_number" for result in results)
    assert time.perf_counter() - started < 20
