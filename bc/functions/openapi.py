"""`GET /api/openapi.json`: the admin API as an OpenAPI 3.1 document, made from the tables of routes themselves."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from bc.functions.admin import SAFE_METHODS, SESSION_COOKIE
from bc.functions.http import MAX_BODY, Answer, Request, Route, json_answer, path_names
from bc.functions.schemas import REF, Schemas

if TYPE_CHECKING:
    from bc.services import Services

PROBLEM_JSON = "application/problem+json"
VERSION = "0.1.0"
RESPONSES = "#/components/responses/"
PROBLEMS = {
    "401": "Neither the admin key, nor a session, nor a platform sign-in with the role Admin.",
    "403": "A browser sent this from another site.",
    "404": "What the address names does not exist.",
    "413": f"The body is over {MAX_BODY // 1024} KiB.",
    "415": "The body is not application/json.",
    "422": "Some values are not valid: see errors.",
    "429": "Too many wrong keys from this source: see Retry-After.",
    "default": "Any other: a rule forbids it (409), or a remote system does not answer (503).",
}


class FieldError(msgspec.Struct):
    field: str
    message: str


class ProblemDocument(msgspec.Struct, omit_defaults=True):
    """RFC 9457. `code` is stable, `detail` says what happened and what to do; docs/operations.md explains every code."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[FieldError] | None = None
    cure: str | None = None
    job_id: str | None = None
    correlation_id: str | None = None
    remote_code: str | None = None
    incident: str | None = None
    candidates: list[dict[str, str]] | None = None


async def show(services: Services, request: Request) -> Answer:
    """This document."""
    return json_answer(_of_this_app())


ROUTES = (Route("GET", "/api/openapi.json", show, answers={200: dict[str, Any]}),)


@cache
def _of_this_app() -> dict[str, Any]:
    from bc.functions.api import routes

    return document(routes())


def document(routes: Sequence[Route]) -> dict[str, Any]:
    """An OpenAPI 3.1 document of the routes, in the order of their addresses."""
    given, taken = Schemas(answers=True), Schemas(answers=False)
    given.of(ProblemDocument)
    paths: dict[str, dict[str, Any]] = {}
    for route in sorted(routes, key=lambda each: (each.pattern, each.method)):
        paths.setdefault(route.pattern, {})[route.method.lower()] = _operation(route, given, taken)
    clash = given.components.keys() & taken.components.keys()
    bodies = {_taken(name, clash): _renamed(schema, clash) for name, schema in taken.components.items()}
    for operations in paths.values():
        for operation in operations.values():
            if "requestBody" in operation:
                operation["requestBody"] = _renamed(operation["requestBody"], clash)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "halo-bc admin API",
            "version": VERSION,
            "description": "Lists answer `items` and `next`, the cursor of the following page. Times are UTC. "
            f"Bodies are JSON of at most {MAX_BODY // 1024} KiB. Errors are problem documents.",
        },
        "security": [{"adminKey": []}, {"bearer": []}, {"session": []}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted({**given.components, **bodies}.items())),
            "responses": {status: _problem(words) for status, words in PROBLEMS.items()},
            "securitySchemes": {
                "adminKey": {"type": "apiKey", "in": "header", "name": "x-admin-key"},
                "bearer": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE},
            },
        },
    }


def _operation(route: Route, given: Schemas, taken: Schemas) -> dict[str, Any]:
    words = inspect.getdoc(route.handler) or ""
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": words.split("\n")[0].split(". ")[0].rstrip("."),
        "tags": [_tag(route)],
    }
    if " ".join(words.split()).rstrip(".") != operation["summary"]:
        operation["description"] = " ".join(words.split())
    if parameters := _parameters(route, taken):
        operation["parameters"] = parameters
    if route.body is not None:
        operation["requestBody"] = {
            "required": _needs_body(route.body),
            "content": {"application/json": {"schema": taken.of(route.body)}},
        }
    operation["responses"] = {
        **{str(status): _answer(status, shape, given) for status, shape in (route.answers or {}).items()},
        **{str(status): {"$ref": f"{RESPONSES}{status}"} for status in _refusals(route)},
        "default": {"$ref": f"{RESPONSES}default"},
    }
    if route.conflicts:
        operation["responses"]["409"] = _problem(f"A rule forbids it: {', '.join(route.conflicts)}.")
    return operation


def _parameters(route: Route, taken: Schemas) -> list[dict[str, Any]]:
    in_path = path_names(route.pattern)
    shapes: Mapping[str, Any] = {**dict.fromkeys(in_path, str), **route.params}
    parameters = []
    for name, shape in shapes.items():
        schema = taken.of(shape)
        parameter = {"name": name, "in": "path" if name in in_path else "query", "required": name in in_path}
        if words := schema.pop("description", ""):
            parameter["description"] = words
        parameters.append(parameter | {"schema": schema})
    return parameters


def _answer(status: int, shape: Any, given: Schemas) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if shape is None:
        return answer
    shapes = shape if isinstance(shape, tuple) else (shape,)
    schemas = [given.of(each) for each in shapes]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return answer | {"content": {"application/json": {"schema": schema}}}


def _refusals(route: Route) -> list[int]:
    """Which problems a route of this form can answer, by the rules that hold for all."""
    named = bool(path_names(route.pattern))
    changes = route.method not in SAFE_METHODS
    takes = route.body is not None
    rules = {
        401: True,
        403: changes,
        404: named,
        413: changes,
        415: takes,
        422: takes or bool(route.params),
        429: True,
    }
    return [status for status, holds in rules.items() if holds]


def _problem(words: str) -> dict[str, Any]:
    schema = {"$ref": f"{REF}{ProblemDocument.__name__}"}
    return {"description": words, "content": {PROBLEM_JSON: {"schema": schema}}}


def _operation_id(route: Route) -> str:
    """Unique, and the same as long as address and method are."""
    parts = [part.strip("{}") for part in route.pattern.removeprefix("/api/").split("/")]
    return "_".join([route.method.lower(), *parts]).replace("-", "_").replace(".", "_")


def _tag(route: Route) -> str:
    parts = [part for part in route.pattern.removeprefix("/api/").split("/") if not part.startswith("{")]
    return parts[1] if parts[0] == "connections" and len(parts) > 1 else parts[0]


def _needs_body(shape: Any) -> bool:
    """No body counts as an empty object."""
    try:
        msgspec.convert({}, shape)
    except msgspec.ValidationError:
        return True
    return False


def _taken(name: str, clash: set[str]) -> str:
    return f"{name}Input" if name in clash else name


def _renamed(schema: Any, clash: set[str]) -> Any:
    if isinstance(schema, dict):
        return {
            key: REF + _taken(value.removeprefix(REF), clash) if key == "$ref" else _renamed(value, clash)
            for key, value in schema.items()
        }
    return [_renamed(each, clash) for each in schema] if isinstance(schema, list) else schema
