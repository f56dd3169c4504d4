"""Finds every outcome, error and problem code that the app can give, by reading its source."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Where a code is not the first argument.
POSITION = {"Problem": 1, "Rule": 1, "Cause": 1}
# What carries a code besides the error family itself and its children.
CARRIERS = frozenset({"Problem", "Rule", "Cause", "OutcomeWarning", "warn", "_broken"})
SERVICES = ("bc", "halo", "entra")
_CODE = re.compile(r"[a-z]+(_[a-z]+)*")


def codes(source: Path = ROOT / "bc") -> dict[str, set[str]]:
    """Each code with the modules that give it. A code made for a remote, as in `{service}_unavailable`, counts for all."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(source.rglob("*.py"))}
    carriers = CARRIERS | _family(trees)
    found: dict[str, set[str]] = defaultdict(set)
    for path, tree in trees.items():
        for code in _given(tree, carriers):
            found[code].add(path.relative_to(source).as_posix())
    return dict(found)


def _family(trees: Mapping[Path, ast.Module]) -> frozenset[str]:
    """`SyncError` and all classes below it, and names that stand for one of several (`kind = A if … else B`)."""
    bases = {
        node.name: {_name(base) for base in node.bases}
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    family = {"SyncError"}
    while grown := {name for name, above in bases.items() if above & family} - family:
        family |= grown
    return frozenset(family | {"kind"})


def _given(tree: ast.Module, carriers: frozenset[str]) -> Iterator[str]:
    names = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for value in _values(tree, carriers):
        # A code may stand in a constant of its module.
        yield from _constants(names.get(value.id, value) if isinstance(value, ast.Name) else value)


def _values(tree: ast.Module, carriers: frozenset[str]) -> Iterator[ast.expr]:
    """The expressions that are given as codes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and {_name(base) for base in node.bases} & carriers:
            for call in _calls(node):
                if _name(call.func) == "__init__":
                    yield from _code_of(call, 0)
        elif isinstance(node, ast.Call) and _name(node.func) in carriers:
            yield from _code_of(node, POSITION.get(_name(node.func), 0))
        elif isinstance(node, ast.Call):
            # An outcome or error row made by hand names its code.
            yield from (word.value for word in node.keywords if word.arg == "code")


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    return (child for child in ast.walk(node) if isinstance(child, ast.Call))


def _code_of(call: ast.Call, position: int) -> list[ast.expr]:
    named = [word.value for word in call.keywords if word.arg == "code"]
    return named or call.args[position : position + 1]


def _constants(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.Constant) and isinstance(value.value, str) and _CODE.fullmatch(value.value):
        yield value.value
    elif isinstance(value, ast.IfExp):
        yield from _constants(value.body)
        yield from _constants(value.orelse)
    elif isinstance(value, ast.JoinedStr):
        fixed = [
            part.value
            for part in value.values
            if isinstance(part, ast.Constant) and isinstance(part.value, str)
        ]
        if len(fixed) == 1 and re.fullmatch(r"(_[a-z]+)+", fixed[0]):
            yield from (f"{service}{fixed[0]}" for service in SERVICES)


def _name(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript):
        return _name(node.value)
    return node.id if isinstance(node, ast.Name) else ""
