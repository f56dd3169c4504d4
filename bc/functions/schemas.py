"""JSON Schema (2020-12) of what the HTTP face takes and gives, read off the msgspec types that do the work.

msgspec's own schemas say what decodes. Answers say more: every member is there unless its struct leaves defaults out,
`Decimal` goes out as a number, and times are UTC. Hence this reading of `msgspec.inspect`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args, get_origin

import msgspec
from msgspec import inspect

REF = "#/components/schemas/"


@dataclass(slots=True)
class Schemas:
    """Collects the schemas of structs as components. `answers`: as we encode them; else as we decode them."""

    answers: bool
    components: dict[str, Any] = field(default_factory=dict)
    _shapes: dict[str, Any] = field(default_factory=dict)

    def of(self, shape: Any) -> dict[str, Any]:
        """The schema of a type; structs become components and are referred to."""
        return self._read(inspect.type_info(shape))

    def _read(self, info: inspect.Type) -> dict[str, Any]:
        match info:
            case inspect.Metadata():
                return {**self._read(info.type), **(info.extra_json_schema or {})}
            case inspect.StructType():
                return self._struct(info)
            case inspect.UnionType():
                return {"anyOf": [self._read(each) for each in info.types]}
            case inspect.ListType() | inspect.VarTupleType():
                return {"type": "array", "items": self._read(info.item_type)}
            case inspect.DictType():
                return {"type": "object", "additionalProperties": self._read(info.value_type)}
            case inspect.LiteralType():
                return {"enum": sorted(info.values)}
            case inspect.IntType():
                return {"type": "integer"} | _bounds(minimum=info.ge, maximum=info.le)
            case inspect.StrType():
                return {"type": "string"} | _bounds(minLength=info.min_length, maxLength=info.max_length)
        return dict(_PLAIN[type(info)])

    def _struct(self, info: inspect.StructType) -> dict[str, Any]:
        name = component_name(info.cls)
        if self._shapes.setdefault(name, info.cls) != info.cls:
            raise ValueError(f"Two shapes are called {name}: {self._shapes[name]} and {info.cls}.")
        if name not in self.components:
            # A place first, so that a struct that holds itself ends.
            self.components[name] = {}
            left_out = (get_origin(info.cls) or info.cls).__struct_config__.omit_defaults
            schema: dict[str, Any] = {"type": "object"}
            if told := (info.cls.__doc__ if not get_origin(info.cls) else None):
                schema["description"] = " ".join(told.split())
            schema["properties"] = {each.encode_name: self._member(each) for each in info.fields}
            required = [
                each.encode_name for each in info.fields if each.required or (self.answers and not left_out)
            ]
            if required:
                schema["required"] = required
            if info.forbid_unknown_fields or self.answers:
                schema["additionalProperties"] = False
            self.components[name] = schema
        return {"$ref": REF + name}

    def _member(self, member: inspect.Field) -> dict[str, Any]:
        schema = self._read(member.type)
        if not self.answers and isinstance(member.default, bool | int | str):
            schema = {**schema, "default": member.default}
        return schema


# Any JSON value needs no word.
_PLAIN: Mapping[type[inspect.Type], dict[str, Any]] = {
    inspect.AnyType: {},
    inspect.NoneType: {"type": "null"},
    inspect.BoolType: {"type": "boolean"},
    inspect.FloatType: {"type": "number"},
    inspect.DecimalType: {"type": "number"},
    inspect.DateType: {"type": "string", "format": "date"},
    inspect.DateTimeType: {"type": "string", "format": "date-time"},
}


def component_name(shape: Any) -> str:
    """`Listed[JobView]` -> `ListedJobView`: what may stand in a component's key."""
    return "".join(part.__name__ for part in (get_origin(shape) or shape, *get_args(shape)))


def without(shape: type[msgspec.Struct], hidden: tuple[str, ...], name: str) -> type[msgspec.Struct]:
    """A struct with the fields of another but those that are not shown."""
    shown = [(each.name, each.type) for each in msgspec.structs.fields(shape) if each.name not in hidden]
    return msgspec.defstruct(name, shown, namespace={"__doc__": shape.__doc__})


def _bounds(**bounds: int | None) -> dict[str, int]:
    return {name: bound for name, bound in bounds.items() if bound is not None}
