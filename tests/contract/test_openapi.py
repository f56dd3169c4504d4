"""The OpenAPI document of `/api` against the code that answers, in both directions."""

from __future__ import annotations

import ast
import importlib
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_origin

import pytest

from bc.connect.connections import CHANGE_FIELDS, NEW_FIELDS
from bc.functions.api import routes
from bc.functions.api_connections import ConnectionChange, NewConnection
from bc.functions.http import PAGE, Answer, Listed, Request, Route, path_names
from bc.functions.openapi import VERSION, document
from tests.contract.conformity import KNOWN

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = ROOT / "bc" / "functions"
DOCUMENT = document(routes())
OPERATIONS = [
    (method.upper(), path, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]


def _tables() -> Iterator[tuple[str, ast.Module, list[Route]]]:
    """The modules that hold a table of `/api` routes: name, source, table."""
    for path in sorted(FUNCTIONS.glob("*.py")):
        module = importlib.import_module(f"bc.functions.{path.stem}")
        table = [route for route in getattr(module, "ROUTES", ()) if route.pattern.startswith("/api/")]
        if table:
            yield path.stem, ast.parse(path.read_text(encoding="utf-8")), table


TABLES = list(_tables())


def test_the_document_tells_of_the_routes_that_answer_and_of_no_other() -> None:
    answering = {(route.method, route.pattern) for _, _, table in TABLES for route in table}
    assert {(method, path) for method, path, _ in OPERATIONS} == answering
    assert len(routes()) == len(answering), "a route is listed twice"


@pytest.mark.parametrize("route", routes(), ids=lambda route: f"{route.method} {route.pattern}")
def test_every_route_tells_its_answers_and_its_purpose(route: Route) -> None:
    assert route.answers, "say in its Route what it answers"
    assert route.handler.__doc__, "a docstring is the description that people read"
    pages = [shape for shape in route.answers.values() if _is_page(shape)]
    assert not pages or PAGE.items() <= route.params.items(), "a list takes limit and cursor"


@pytest.mark.parametrize(("module", "source", "table"), TABLES, ids=[name for name, _, _ in TABLES])
def test_the_parameters_and_bodies_told_are_those_that_are_read(
    module: str, source: ast.Module, table: list[Route]
) -> None:
    told = {name for route in table for name in route.params if name not in path_names(route.pattern)}
    read = set(_literal_arguments(source, "param"))
    assert told - PAGE.keys() == read - PAGE.keys()
    bodies = {route.body.__name__ for route in table if route.body is not None}
    shapes = {name for name in _literal_arguments(source, "json") if name != "dict"}
    # The connection's forms are checked by the desk, field by field, in words of its own.
    assert bodies - {"NewConnection", "ConnectionChange"} == shapes
    named = set(_literal_subscripts(source, "args"))
    assert named <= {name for route in table for name in path_names(route.pattern)} | {"id"}


def test_the_forms_of_a_connection_have_the_fields_that_the_desk_checks() -> None:
    assert set(NewConnection.__struct_fields__) == {*NEW_FIELDS, "settings"}
    required = {name for name, (_, needed) in NEW_FIELDS.items() if needed}
    assert set(DOCUMENT["components"]["schemas"]["NewConnection"]["required"]) == required
    assert set(ConnectionChange.__struct_fields__) == {*CHANGE_FIELDS, "settings"}


def test_every_reference_leads_somewhere_and_nothing_lies_about_unused() -> None:
    used = set(_references(DOCUMENT))
    held = {
        f"#/components/{part}/{name}"
        for part in ("schemas", "responses")
        for name in DOCUMENT["components"][part]
    }
    assert used == held


def test_the_schemas_use_only_words_that_the_contract_tests_check() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for each in _schemas(schema):
            assert each.keys() <= KNOWN, name


def test_ids_of_operations_are_unique_and_every_path_parameter_is_told() -> None:
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(set(ids)) == len(ids)
    for method, path, operation in OPERATIONS:
        told = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"]
        assert sorted(told) == sorted(path_names(path)), (method, path)


def test_no_answer_told_has_a_place_for_a_secret() -> None:
    bodies = {route.body.__name__ for route in routes() if route.body is not None}
    for name, schema in DOCUMENT["components"]["schemas"].items():
        if name not in bodies:
            assert not {"client_secret", "principal", "cache", "key"} & schema.get("properties", {}).keys(), (
                name
            )


def test_the_version_is_the_projects() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == VERSION


def test_two_shapes_of_one_name_are_not_mixed_up() -> None:
    class Step(Listed[int], frozen=True):
        """Not the explanation's."""

    async def show(services: Any, request: Request) -> Answer:
        """A step."""
        return Answer()

    with pytest.raises(ValueError, match="Step"):
        document([*routes(), Route("GET", "/api/steps", show, answers={200: Step})])


def _is_page(shape: Any) -> bool:
    bases = [get_origin(shape) or shape, *getattr(shape, "__mro__", ())]
    return Listed in bases


def _literal_arguments(source: ast.Module, method: str) -> Iterator[str]:
    """First arguments of `request.<method>(…)`: texts, or names of types."""
    for node in ast.walk(source):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="request"), attr=name), args=[first, *_]):
                if name == method:
                    yield _named(first)


def _literal_subscripts(source: ast.Module, attribute: str) -> Iterator[str]:
    for node in ast.walk(source):
        match node:
            case ast.Subscript(value=ast.Attribute(attr=name), slice=ast.Constant(value=str(key))):
                if name == attribute:
                    yield key


def _named(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Name(id=name):
            return name
        case ast.Subscript(value=ast.Name(id=name)):
            return name
    raise AssertionError(f"cannot tell what {ast.unparse(node)} reads")


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield inner
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def _schemas(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for inner in schema.get("properties", {}).values():
        yield from _schemas(inner)
    for inner in (*schema.get("anyOf", ()), schema.get("items"), schema.get("additionalProperties")):
        if isinstance(inner, dict):
            yield from _schemas(inner)
