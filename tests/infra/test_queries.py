"""The queries and the workbook against the code: they ask for words that the app logs, and for its functions."""

from __future__ import annotations

import re

import pytest

from local import workbook
from tests.infra.bicep import ROOT
from tests.infra.test_alerts import logged, queries, sources

KQL = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "infra/queries").glob("*.kql"))}
ALL = {**KQL, **queries()}


def test_the_workbook_is_made_of_the_queries() -> None:
    assert workbook.WORKBOOK.read_text(encoding="utf-8") == workbook.text(), "run python -m local.workbook"
    assert KQL.keys() - workbook.TILES.keys() == {"one_change"}


@pytest.mark.parametrize("name", ALL)
def test_every_field_that_is_taken_from_a_message_is_logged_in_it(name: str) -> None:
    for phrase in re.findall(r"Message startswith '([^']+)'", ALL[name]):
        lines = [line for line in logged() if line.startswith(phrase)]
        assert lines, phrase
        fields = set(re.findall(r"extract\('([a-z_]+)=", ALL[name]))
        assert all(f"{field}=%" in line for field in fields for line in lines), (fields, lines)


def test_every_function_and_attribute_that_is_asked_for_exists() -> None:
    functions = set(re.findall(r'function_name\("(\w+)"\)', sources("bc/functions")))
    told = sources("bc")
    for name, query in KQL.items():
        for listed in re.findall(r"Name in \(([^)]*)\)", query):
            assert set(re.findall(r"'(\w+)'", listed)) <= functions, name
        for attribute in re.findall(r"Properties\['(?:halo_bc\.)?([\w.]+)'\]", query):
            assert f"{attribute.replace('.', '__')}=" in told, attribute
