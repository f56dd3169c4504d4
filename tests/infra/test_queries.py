"""The queries and the workbook against the code: they ask for words that the app logs, and for its functions."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from local import workbook
from tests.infra import bicep
from tests.infra.bicep import MODULES, ROOT
from tests.infra.test_alerts import logged, queries, sources

KQL = {path.stem: path.read_text(encoding="utf-8") for path in sorted((ROOT / "infra/queries").glob("*.kql"))}
ALL = {**KQL, **queries()}


def test_the_workbook_is_made_of_the_queries() -> None:
    assert workbook.WORKBOOK.read_text(encoding="utf-8") == workbook.text(), "run python -m local.workbook"
    assert KQL.keys() - workbook.TILES.keys() == {"one_change"}


def _deployed() -> dict[str, Any]:
    body: dict[str, Any] = bicep.resources(MODULES / "monitoring.bicep")["workbook"]["body"]
    return body


def test_the_workbook_is_deployed_with_what_azure_asks_for() -> None:
    """Microsoft.Insights/workbooks 2023-06-01: name and location; category, displayName and serializedData."""
    body = _deployed()
    assert body["kind"] == "shared"
    assert {"name", "location"} <= body.keys()
    assert {"category", "displayName", "serializedData", "sourceId"} <= body["properties"].keys()


def test_the_workbook_keeps_its_name_from_deployment_to_deployment() -> None:
    """The name is a GUID: one that came out of a clock or of nowhere would leave another workbook each time."""
    assert _deployed()["name"]["function"]["type"] == "guid"


def test_the_deployed_workbook_is_the_made_one_and_asks_the_workspace() -> None:
    properties = _deployed()["properties"]
    base, over = properties["serializedData"]["function"]["parameters"]["value_to_convert"]["function"][
        "parameters"
    ].values()
    file = base["function"]["parameters"]["file_path"]
    assert (MODULES / file).resolve() == workbook.WORKBOOK
    assert over == {"fallbackResourceIds": [properties["sourceId"]]}
    made = json.loads(workbook.WORKBOOK.read_text(encoding="utf-8"))
    assert made["version"] == properties["version"]
    kinds = {item["content"]["resourceType"] for item in made["items"]}
    source = bicep.resources(MODULES / "monitoring.bicep")["workspace"]["type"]
    assert kinds == {source.lower()}


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
