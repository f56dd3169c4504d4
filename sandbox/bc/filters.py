"""`$filter` as Business Central understands it: less than OData, and with a few traps."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sandbox.bc.errors import Refusal, bad_request, no_property_named, syntax
from sandbox.bc.schema import EntityType, Field
from sandbox.bc.store import Row
from sandbox.bc.values import decode_member, parse_moment
from sandbox.bc.wildcards import has_operators, matches

type Test = Callable[[Row], bool]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<string>'(?:[^']|'')*')
      | (?P<guid>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})
      | (?P<moment>\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d))
      | (?P<day>\d{4}-\d\d-\d\d)
      | (?P<number>-?\d+(?:\.\d+)?)
      | (?P<name>[A-Za-z_][A-Za-z0-9_./]*)
      | (?P<mark>[(),:])
    )""",
    re.VERBOSE,
)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda left, right: bool(left == right),
    "ne": lambda left, right: bool(left != right),
    "gt": lambda left, right: bool(left > right),
    "ge": lambda left, right: bool(left >= right),
    "lt": lambda left, right: bool(left < right),
    "le": lambda left, right: bool(left <= right),
}
_TESTING = frozenset({"startswith", "endswith", "contains"})
_CHANGING = frozenset({"tolower", "toupper", "substring"})
_EDM = {
    "string": "Edm.String",
    "guid": "Edm.Guid",
    "moment": "Edm.DateTimeOffset",
    "day": "Edm.Date",
    "number": "Edm.Decimal",
}


class _Ignored(Exception):
    """The filter holds a term that BC passes over in silence: the whole table comes back."""


@dataclass(frozen=True, slots=True)
class _Rules:
    """How this tenant takes filters (see the switches)."""

    newer: bool  # $schemaversion=2.1
    page_variables: bool
    wildcards: bool


@dataclass(frozen=True, slots=True)
class _Operand:
    """A field, perhaps changed by a function, or (field None) a literal."""

    kind: str
    field: Field | None = None
    value: Any = None
    change: Callable[[Any], Any] | None = None


@dataclass(frozen=True, slots=True)
class _Node:
    test: Test
    fields: frozenset[str]


def parse_filter(
    text: str, kind: EntityType, *, newer: bool = False, page_variables: bool = False, wildcards: bool = True
) -> tuple[Test | None, frozenset[str]]:
    """The test that rows must pass (None: all do) and the names of the fields compared by `eq`.

    Refusals: 400 for anything that BC cannot translate. Without `newer` an `in` term, and always a lambda, makes
    BC ignore the filter (BC: known limitations).
    """
    parser = _Parser(text, kind, _Rules(newer, page_variables, wildcards))
    try:
        node = parser.whole()
    except _Ignored:
        return None, frozenset()
    return node.test, frozenset(parser.equal)


class _Parser:
    def __init__(self, text: str, kind: EntityType, rules: _Rules) -> None:
        self.tokens = list(_tokens(text))
        self.at = 0
        self.kind = kind
        self.rules = rules
        self.equal: set[str] = set()

    def whole(self) -> _Node:
        node = self._or()
        if self.at < len(self.tokens):
            raise syntax()
        return node

    def _peek(self) -> tuple[str, str]:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self.at += 1
        return token

    def _expect(self, mark: str) -> None:
        if self._next() != ("mark", mark):
            raise syntax()

    def _or(self) -> _Node:
        node = self._and()
        while self._peek() == ("name", "or"):
            self.at += 1
            other = self._and()
            if len(node.fields | other.fields) > 1:
                raise bad_request("The 'OR' operator is not supported on distinct fields on an OData filter.")
            node = _Node(_either(node.test, other.test), node.fields | other.fields)
        return node

    def _and(self) -> _Node:
        node = self._term()
        while self._peek() == ("name", "and"):
            self.at += 1
            other = self._term()
            node = _Node(_both(node.test, other.test), node.fields | other.fields)
        return node

    def _term(self) -> _Node:
        if self._peek() == ("mark", "("):
            self.at += 1
            node = self._or()
            self._expect(")")
            return node
        kind, word = self._peek()
        if kind == "name" and re.search(r"/(any|all)$", word):
            raise _Ignored
        if kind == "name" and word in _TESTING:
            return self._function()
        left = self._operand()
        operator = self._next()
        if operator == ("name", "in"):
            return self._in(left)
        if operator[0] != "name" or operator[1] not in _COMPARISONS:
            raise syntax()
        return self._comparison(left, operator[1], self._operand())

    def _operand(self, depth: int = 0) -> _Operand:
        kind, word = self._next()
        if kind == "name" and word in _CHANGING:
            if depth and not self.rules.newer:
                raise bad_request("Nested functions are not supported on an OData filter.")
            return self._changed(word, depth)
        if kind == "name" and word not in ("true", "false"):
            return _Operand("field", self._field(word))
        if kind in ("mark", "end"):
            raise syntax()
        return _Operand("flag" if kind == "name" else kind, None, _literal(kind, word))

    def _changed(self, function: str, depth: int) -> _Operand:
        self._expect("(")
        inner = self._operand(depth + 1)
        start = 0
        if function == "substring":
            self._expect(",")
            start = int(self._operand(depth + 1).value)
        self._expect(")")
        if inner.field is None:
            raise syntax()
        changes: dict[str, Callable[[str], str]] = {
            "tolower": str.lower,
            "toupper": str.upper,
            "substring": lambda value: value[start:],
        }
        change, before = changes[function], inner.change
        return _Operand("field", inner.field, None, lambda value: change(before(value) if before else value))

    def _function(self) -> _Node:
        function = self._next()[1]
        self._expect("(")
        left = self._operand(0 if self.rules.newer else 1)
        self._expect(",")
        right = self._operand()
        self._expect(")")
        if left.field is None or right.kind != "string" or left.field.kind not in ("text", "code"):
            raise syntax()
        wanted = self._text(left, right.value)
        read = _reader(left)
        pattern = {"startswith": f"{wanted}*", "endswith": f"*{wanted}", "contains": f"*{wanted}*"}[function]
        if self.rules.wildcards and has_operators(wanted):
            return _Node(lambda row: matches(pattern, read(row)), frozenset({left.field.name}))
        plain: dict[str, Test] = {
            "startswith": lambda row: read(row).startswith(wanted),
            "endswith": lambda row: read(row).endswith(wanted),
            "contains": lambda row: wanted in read(row),
        }
        return _Node(plain[function], frozenset({left.field.name}))

    def _in(self, left: _Operand) -> _Node:
        if not self.rules.newer:
            raise _Ignored
        self._expect("(")
        node = self._comparison(left, "eq", self._operand())
        while self._peek() == ("mark", ","):
            self.at += 1
            other = self._comparison(left, "eq", self._operand())
            node = _Node(_either(node.test, other.test), node.fields)
        self._expect(")")
        return node

    def _comparison(self, left: _Operand, operator: str, right: _Operand) -> _Node:
        if left.field is None or right.field is not None:
            raise syntax()
        field = left.field
        if operator == "eq":
            self.equal.add(field.name)
        read, compare = _reader(left), _COMPARISONS[operator]
        names = frozenset({field.name})
        if field.kind in ("text", "code") and right.kind == "string":
            wanted = self._text(left, right.value)
            if operator in ("eq", "ne") and self.rules.wildcards and has_operators(wanted):
                return _Node(lambda row: matches(wanted, read(row)) == (operator == "eq"), names)
            return _Node(lambda row: compare(read(row), wanted), names)
        value = _typed(field, right)
        return _Node(lambda row: compare(read(row), value), names)

    def _text(self, left: _Operand, value: str) -> str:
        field = left.field
        if field is not None and field.max and len(value) > field.max:
            raise bad_request(
                f"The filter for the field {field.al or field.name} is not valid. The length of the string is "
                f"{len(value)}, but it must be less than or equal to {field.max} characters. Value: {value}",
                "Application_FilterErrorException",
            )
        return value.upper() if field is not None and field.kind == "code" and left.change is None else value

    def _field(self, name: str) -> Field:
        field = self.kind.by_name.get(name)
        if field is None:
            raise no_property_named(name, self.kind.name)
        if field.kind == "stream" or (field.variable and not self.rules.page_variables):
            raise bad_request(f"The property '{name}' cannot be used in the $filter query option.")
        return field


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    text = text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if not found or found.lastgroup is None:
            raise syntax()
        yield found.lastgroup, found[found.lastgroup]
        at = found.end()


def _literal(kind: str, word: str) -> Any:
    match kind:
        case "string":
            return word[1:-1].replace("''", "'")
        case "guid":
            return word.lower()
        case "number":
            return Decimal(word)
        case "moment":
            return parse_moment(word)
        case "day":
            try:
                return date.fromisoformat(word)
            except ValueError:
                raise syntax() from None
        case _:
            return word == "true"


def _typed(field: Field, right: _Operand) -> Any:
    """The literal's value, when its type fits the field."""
    fits = {
        "guid": "guid", "amount": "number", "whole": "number", "flag": "flag", "day": "day", "moment": "moment",
        "choice": "string",
    }  # fmt: skip
    if fits.get(field.kind) != right.kind:
        raise _incompatible(field, right)
    if field.kind == "choice":
        member = decode_member(right.value)
        if member not in field.members:
            raise bad_request(
                f"'{right.value}' is not an option. The existing options are: {','.join(field.members)}",
                "Unknown",
            )
        return member
    return right.value


def _incompatible(field: Field, right: _Operand) -> Refusal:
    return bad_request(
        "A binary operator with incompatible types was detected. Found operand types "
        f"'{field.edm}' and '{_EDM.get(right.kind, 'Edm.Boolean')}' for operator kind 'Equal'."
    )


def _reader(operand: _Operand) -> Callable[[Row], Any]:
    field = operand.field
    if field is None:
        raise syntax()
    name, change = field.name, operand.change
    if name == "id":
        return lambda row: row.id
    if name == "lastModifiedDateTime":
        return lambda row: row.modified
    if change is not None:
        return lambda row: change(row[name])
    return lambda row: row[name]


def _either(left: Test, right: Test) -> Test:
    return lambda row: left(row) or right(row)


def _both(left: Test, right: Test) -> Test:
    return lambda row: left(row) and right(row)
