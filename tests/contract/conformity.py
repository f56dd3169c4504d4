"""Whether a JSON value is exactly what a schema of `/api/openapi.json` says, and whether money and times are sound."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

type Schema = dict[str, Any]

UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")
A_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
KINDS: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
KNOWN = {
    "$ref", "type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "format",
    "minimum", "maximum", "minLength", "maxLength", "description", "default",
}  # fmt: skip


def faults(value: Any, schema: Schema, document: Schema, at: str = "$") -> Iterator[str]:
    """What in `value` is not as told. A word of JSON Schema that is not known here is a fault, too."""
    if "$ref" in schema:
        yield from faults(value, resolved(schema, document), document, at)
        return
    if unknown := schema.keys() - KNOWN:
        yield f"{at}: this check does not know {unknown}"
    if "anyOf" in schema:
        tried = [list(faults(value, each, document, at)) for each in schema["anyOf"]]
        if all(tried):
            yield from min(tried, key=len)
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is none of {schema['enum']}"
    kind = schema.get("type")
    if kind and (not isinstance(value, KINDS[kind]) or (isinstance(value, bool) and kind != "boolean")):
        yield f"{at}: {value!r} is no {kind}"
        return
    yield from _inner(value, schema, document, at)


def _inner(value: Any, schema: Schema, document: Schema, at: str) -> Iterator[str]:
    match value:
        case dict():
            properties = schema.get("properties", {})
            yield from (
                f"{at}: {name} is missing" for name in schema.get("required", ()) if name not in value
            )
            for name, inner in value.items():
                if name in properties:
                    yield from faults(inner, properties[name], document, f"{at}.{name}")
                elif schema.get("additionalProperties") is False:
                    yield f"{at}: nobody told of {name}"
                elif isinstance(schema.get("additionalProperties"), dict):
                    yield from faults(inner, schema["additionalProperties"], document, f"{at}.{name}")
        case list():
            for position, each in enumerate(value):
                yield from faults(each, schema.get("items", {}), document, f"{at}[{position}]")
        case str():
            yield from _text(value, schema, at)
        case int() | float() if not isinstance(value, bool):
            if value < schema.get("minimum", value) or value > schema.get("maximum", value):
                yield f"{at}: {value} is out of bounds"


def _text(value: str, schema: Schema, at: str) -> Iterator[str]:
    form = schema.get("format")
    try:
        if form == "date-time":
            datetime.fromisoformat(value)
        if form == "date":
            date.fromisoformat(value)
    except ValueError:
        yield f"{at}: {value!r} is no {form}"


def times_not_in_utc(value: Any, at: str = "$") -> Iterator[str]:
    """Every text that looks like a time must be RFC 3339 in UTC with `Z` (public face, first lines)."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from times_not_in_utc(inner, f"{at}.{name}")
    elif isinstance(value, list):
        for position, inner in enumerate(value):
            yield from times_not_in_utc(inner, f"{at}[{position}]")
    elif isinstance(value, str) and A_TIME.match(value) and not UTC_TIME.fullmatch(value):
        yield f"{at}: {value}"


def long_fractions(text: str) -> list[str]:
    """Numbers with more digits than money or a rate ever has: the mark of a binary float."""
    return re.findall(r"[:\[,]\s*(-?\d+\.\d{7,})", text)


def resolved(schema: Schema, document: Schema) -> Schema:
    while "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    return schema


def response_schema(document: Schema, method: str, pattern: str, status: int, kind: str) -> Schema | None:
    """The schema told for an answer's body; None: told, and without a body. Raises KeyError for one not told."""
    responses = document["paths"][pattern][method.lower()]["responses"]
    told = resolved(responses[str(status)] if str(status) in responses else responses["default"], document)
    if "content" not in told:
        return None
    schema: Schema = told["content"][kind]["schema"]
    return schema
