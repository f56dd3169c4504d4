"""The Business Central extension for line costs, read as source: there is no AL compiler to run here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tree_sitter import Node

from tests.extension import al
from tests.extension.al import AlObject

EXTENSION = Path(__file__).parents[2] / "extension"
SOURCES = sorted(EXTENSION.rglob("*.al"))
PER_TENANT_IDS = range(50_000, 100_000)
# The tables of the Base Application that the extension may touch, with the fields it may name (BC: Sales Line,
# Sales Header). A name that is not here is a typing mistake until looked up.
BASE_TABLES = {
    "Sales Header": {"SystemId", "Document Type", "No."},
    "Sales Line": {
        "SystemId",
        "Document Type",
        "Document No.",
        "Line No.",
        "Type",
        "Unit Cost (LCY)",
        "TestStatusOpen",
    },
}


@pytest.fixture(scope="module")
def app() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((EXTENSION / "app.json").read_text())
    return loaded


@pytest.fixture(scope="module")
def readme() -> str:
    return (EXTENSION / "README.md").read_text()


def every_object() -> list[AlObject]:
    return [found for path in SOURCES for found in al.objects(path)]


def the(kind: str) -> AlObject:
    [found] = [each for each in every_object() if each.kind == kind]
    return found


def field_columns() -> dict[str, str]:
    """The page's fields and the table fields behind them."""
    return {
        al.text(field.child_by_field_name("name")): column(field.child_by_field_name("source"))
        for field in the("page").all("page_field")
    }


def column(source: Node | None) -> str:
    record, _, name = al.text(source).partition(".")
    assert record == "Rec"
    return name.strip('"')


def permissions() -> dict[tuple[str, str], str]:
    """What the permission set grants: (kind of object, name) to letters."""
    return {
        (al.text(line.children[0]), al.name_of(line.child_by_field_name("table_name"))): al.text(
            line.child_by_field_name("permission")
        )
        for line in the("permissionset").all("tabledata_permission")
    }


# --- the source is AL ---


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_file_follows_the_grammar_and_holds_one_object(path: Path) -> None:
    assert al.is_sound(al.parse(path.read_bytes()))
    assert len(al.objects(path)) == 1


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_a_file_with_any_one_sign_missing_is_noticed(path: Path) -> None:
    source = path.read_bytes()
    signs = [node for node in al.walk(al.parse(source)) if node.type in ("{", "}", "(", ")", ";", "=")]
    assert len(signs) > 10
    for sign in signs:
        broken = source[: sign.start_byte] + source[sign.end_byte :]
        assert not al.is_sound(al.parse(broken)), (
            f"line {sign.start_point.row + 1}: {sign.type} can go unnoticed"
        )


def test_the_three_objects_are_there() -> None:
    assert sorted(each.kind for each in every_object()) == ["page", "permissionset", "tableextension"]


# --- ids and names ---


def numbers() -> Iterator[int]:
    """The ids of the objects, and of the fields that are added to tables."""
    for each in every_object():
        yield each.number
        for field in each.all("field_declaration"):
            yield int(al.text(field.child_by_field_name("id")))


def test_every_id_is_in_the_ranges_of_the_app(app: dict[str, Any]) -> None:
    allowed = {number for each in app["idRanges"] for number in range(each["from"], each["to"] + 1)}
    assert set(numbers()) <= allowed
    assert allowed <= set(PER_TENANT_IDS)


def test_no_two_objects_share_an_id_or_a_name() -> None:
    objects = every_object()
    assert len({each.number for each in objects}) == len(objects)
    assert len({each.name for each in objects}) == len(objects)


def test_names_carry_the_prefix_and_fit_business_central() -> None:
    for each in every_object():
        assert each.name.startswith("HBC ")
        assert len(each.name) <= 30
    assert len(the("permissionset").name) <= 20
    for field in the("tableextension").all("field_declaration"):
        assert al.name_of(field.child_by_field_name("name")).startswith("HBC ")


def test_every_object_is_in_the_namespace_and_imports_that_of_the_sales_documents() -> None:
    for path in SOURCES:
        source = path.read_text()
        assert source.startswith("namespace HaloBc.LineCosts;\n\nusing Microsoft.Sales.Document;\n")


# --- app.json ---


def test_the_app_is_complete(app: dict[str, Any]) -> None:
    assert str(UUID(app["id"])) == app["id"]
    assert UUID(app["id"]).version == 4
    assert app["name"] == "Halo Line Costs"
    assert app["publisher"] == "halo-bc"
    assert app["brief"]
    assert app["description"]
    for key in ("version", "platform", "application"):
        assert re.fullmatch(r"\d+\.\d+\.\d+\.\d+", app[key]), key
    assert "NoImplicitWith" in app["features"]


def test_the_app_asks_for_24_and_the_runtime_that_came_with_it(app: dict[str, Any]) -> None:
    assert app["platform"] == app["application"] == "24.0.0.0"
    # BC: runtime 13.0 shipped with 24.0.
    assert app["runtime"] == "13.0"


def test_the_app_installs_online_and_needs_no_other_extension(app: dict[str, Any]) -> None:
    assert app["target"] == "Cloud"
    assert app["dependencies"] == []


# --- the API page ---


def test_the_page_is_an_api_over_the_lines_of_draft_invoices_with_the_standard_line_id_as_key() -> None:
    page = the("page").properties()
    assert page["PageType"] == "API"
    assert page["SourceTable"] == "Sales Line"
    assert page["SourceTableView"] == 'where("Document Type" = const(Invoice))'
    assert page["ODataKeyFields"] == "SystemId"
    assert page["EntityName"] == "salesLineCost"
    assert page["EntitySetName"] == "salesLineCosts"
    # The compiler wants it on every API page that can be written.
    assert page["DelayedInsert"] == "true"


def test_a_line_shows_its_id_document_sequence_and_cost() -> None:
    assert field_columns() == {
        "id": "SystemId",
        "documentId": "HBC Document Id",
        "sequence": "Line No.",
        "unitCost": "Unit Cost (LCY)",
    }


def test_only_the_cost_can_be_written_and_no_line_be_made_or_deleted() -> None:
    page = the("page")
    assert page.properties()["InsertAllowed"] == page.properties()["DeleteAllowed"] == "false"
    assert "ModifyAllowed" not in page.properties()
    writable = [
        al.text(field.child_by_field_name("name"))
        for field in page.all("page_field")
        if al.properties(field).get("Editable") != "false"
    ]
    assert writable == ["unitCost"]


def test_a_change_is_refused_on_comments_and_on_released_documents_before_it_is_allowed() -> None:
    [trigger] = the("page").all("trigger_declaration")
    assert al.text(trigger.child_by_field_name("name")) == "OnModifyRecord"
    steps = [
        al.text(node)
        for node in al.walk(trigger)
        if node.type in ("if_statement", "call_expression", "exit_statement")
    ]
    assert steps[0].startswith('if Rec.Type = Rec.Type::" " then')
    assert steps[1:] == ["Error(CommentHasNoCostErr)", "Rec.TestStatusOpen()", "exit(true)"]


def test_the_document_id_is_looked_up_in_the_header_of_the_same_document_and_never_stored() -> None:
    extension = the("tableextension")
    assert extension.extends == "Sales Line"
    [field] = extension.all("field_declaration")
    assert al.name_of(field.child_by_field_name("name")) == "HBC Document Id"
    assert al.text(field.child_by_field_name("type")) == "Guid"
    facts = al.properties(field)
    assert facts["FieldClass"] == "FlowField"
    assert facts["Editable"] == "false"
    assert facts["CalcFormula"] == (
        'lookup("Sales Header".SystemId where("Document Type" = field("Document Type"), "No." = field("Document No.")))'
    )


def test_every_field_of_the_base_application_is_one_we_looked_up() -> None:
    own = {
        al.name_of(field.child_by_field_name("name"))
        for field in the("tableextension").all("field_declaration")
    }
    known = (
        set().union(*BASE_TABLES.values()) | set(BASE_TABLES) | own | {each.name for each in every_object()}
    )
    named = {
        al.name_of(node)
        for each in every_object()
        for node in each.all("quoted_identifier")
        if al.name_of(node).strip()  # " " is the line type of a comment
    }
    members = {column(node) for each in every_object() for node in each.all("member_expression")}
    assert named | members <= known


# --- permissions ---


def test_the_permission_set_can_be_assigned_and_covers_the_page_and_its_tables() -> None:
    assert the("permissionset").properties()["Assignable"] == "true"
    granted = permissions()
    assert granted["page", the("page").name] == "X"
    assert granted["tabledata", the("page").properties()["SourceTable"]] == "RM"
    for formula in the("tableextension").all("calc_field_reference"):
        assert "R" in granted["tabledata", al.name_of(formula.named_children[0])]


def test_the_permission_set_grants_nothing_else() -> None:
    assert set(permissions()) == {
        ("page", "HBC Sales Line Costs"),
        ("tabledata", "Sales Header"),
        ("tabledata", "Sales Line"),
    }


# --- README ---


def test_the_readme_names_the_address_that_the_page_has(readme: str) -> None:
    page = the("page").properties()
    route = f"/api/{page['APIPublisher']}/{page['APIGroup']}/{page['APIVersion']}/"
    assert (
        f"Publisher `{page['APIPublisher']}`, group `{page['APIGroup']}`, version `{page['APIVersion']}`"
        in readme
    )
    assert f"GET …{route}companies({{companyId}})/{page['EntitySetName']}?$top=1" in " ".join(readme.split())
    assert set(re.findall(r"/api/[a-z]+/[a-z]+/v[\d.]+/", readme)) == {route}


def test_the_readme_names_every_object_file_field_and_id(app: dict[str, Any], readme: str) -> None:
    for each in every_object():
        assert f"{each.number} *{each.name}*" in readme
    for path in SOURCES:
        assert f"`{path.relative_to(EXTENSION).as_posix()}`" in readme
    for name in field_columns():
        assert f"| `{name}` |" in readme
    assert app["name"] in readme
    assert f"{min(numbers())} – {max(numbers())}" in readme


def test_the_readme_quotes_the_refusal_as_the_page_says_it(readme: str) -> None:
    [declared] = the("page").all("variable_declaration")
    [label] = [al.text(node).strip("'") for node in declared.named_children if node.type == "string_literal"]
    assert f"*{label}*" in readme
