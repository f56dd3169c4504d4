"""Reading Bicep without its compiler: pycep gives the structure, a scan of the text the names that are used.

pycep keeps no difference between a name and a text of the same letters, so what a file refers to is read from its text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

from pycep import BicepParser

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
FILES = tuple(sorted(INFRA.rglob("*.bicep")))
APP = INFRA / "app.bicep"
MAIN = INFRA / "main.bicep"
MODULES = INFRA / "modules"

WORDS = frozenset(
    [
        "param",
        "var",
        "resource",
        "module",
        "output",
        "targetScope",
        "if",
        "for",
        "in",
        "existing",
        "true",
        "false",
        "null",
        "string",
        "int",
        "bool",
        "object",
        "array",
    ]
)
# The functions of Bicep that these files use; one that is not here is a slip of the pen until it is added.
FUNCTIONS = frozenset(
    [
        "cidrSubnet",
        "empty",
        "environment",
        "guid",
        "loadJsonContent",
        "max",
        "replace",
        "resourceGroup",
        "string",
        "subscriptionResourceId",
        "tenant",
        "toLower",
        "union",
        "uniqueString",
    ]
)
_DECLARED = re.compile(
    r"^(?:param|output)\s+(\w+)\s+\w+|^(?:var|resource|module)\s+(\w+)|^targetScope", re.MULTILINE
)
_NAME = re.compile(r"(?<![\w.@?])[A-Za-z_]\w*(?![\w:])")


@cache
def parsed(path: Path) -> dict[str, Any]:
    """The parts of a file by kind and name. Raises pycep's error with line and column where it does not parse."""
    return cast(dict[str, Any], BicepParser().parse(text=path.read_text(encoding="utf-8")))


def part(path: Path, kind: str) -> dict[str, Any]:
    """`parameters`, `variables`, `resources`, `modules` or `outputs` of a file; empty where it has none."""
    return cast(dict[str, Any], parsed(path).get(kind, {}))


def resources(path: Path) -> dict[str, dict[str, Any]]:
    """Type and body by symbolic name; the body of a loop is that of one turn."""
    found = {}
    for name, resource in part(path, "resources").items():
        body = resource["config"]
        while "loop_type" in body or set(body) == {"condition", "config"}:
            body = body["config"]
        found[name] = {"type": resource["type"], "body": body}
    return found


def calls(path: Path) -> Iterator[tuple[str, Path, dict[str, Any]]]:
    """Each module that a file deploys: symbolic name, file, parameters given."""
    for name, module in part(path, "modules").items():
        body = module["config"]
        body = body.get("config", body)
        yield name, (path.parent / module["detail"]["path"]).resolve(), body.get("params", {})


@cache
def code(path: Path) -> str:
    """The text without comments and texts; what stands in `${}` is kept."""
    return "".join(_code(path.read_text(encoding="utf-8")))


def used(path: Path) -> set[str]:
    """Every name that is referred to: of parameters, variables, resources, modules and functions."""
    text = re.sub(
        r"\bin (\w+):", r"in \1 :", _DECLARED.sub("", code(path))
    )  # a name before a colon is else a key
    names = set(_NAME.findall(text))
    return names - WORDS - set(re.findall(r"\bfor\s+(\w+)\s+in\b", code(path))) - _loop_pairs(path)


def declared(path: Path) -> set[str]:
    kinds = ("parameters", "variables", "resources", "modules")
    return {name for kind in kinds for name in part(path, kind)}


def given_outputs(path: Path) -> Iterator[tuple[str, str]]:
    """Each output of a module that a file reads: module, output."""
    yield from re.findall(r"\b(\w+)\.outputs\.(\w+)", code(path))


def roles() -> dict[str, str]:
    content: dict[str, str] = json.loads((INFRA / "roles.json").read_text(encoding="utf-8"))
    return content


def app_settings() -> dict[str, Any]:
    """The app settings by name, as app.bicep gives them."""
    given = next(params for name, _, params in calls(APP) if name == "app")
    return cast(dict[str, Any], given["settings"]["function"]["parameters"]["arg_2"])


def rules() -> list[dict[str, Any]]:
    """The alert rules as they stand in the file."""
    return cast(list[dict[str, Any]], part(MODULES / "alerts.bicep", "variables")["rules"]["value"])


def _loop_pairs(path: Path) -> set[str]:
    pairs = re.findall(r"\bfor\s+\((\w+),\s*(\w+)\)\s+in\b", code(path))
    return {name for pair in pairs for name in pair}


def _code(text: str) -> Iterator[str]:
    """One pass over the text; a stack remembers whether we are in a text or in the code of its `${}`."""
    position, depths = 0, [0]
    while position < len(text):
        rest = text[position:]
        if rest.startswith("//"):
            position += rest.index("\n")
        elif rest.startswith("'''"):
            position += rest.index("'''", 3) + 3
        elif rest.startswith("'"):
            position += 1
            position = yield from _text(text, position, depths)
        elif rest[0] == "}" and len(depths) > 1 and depths[-1] == 0:
            depths.pop()
            yield " "
            position = yield from _text(text, position + 1, depths)
        else:
            depths[-1] += {"{": 1, "}": -1}.get(rest[0], 0)
            yield rest[0]
            position += 1


def _text(text: str, position: int, depths: list[int]) -> Any:
    """Skips a text up to its end, or into a `${}` of it; returns the position after."""
    while True:
        if text[position] == "\\":
            position += 2
        elif text.startswith("${", position):
            depths.append(0)
            yield " "
            return position + 2
        elif text[position] == "'":
            yield " "
            return position + 1
        else:
            position += 1
