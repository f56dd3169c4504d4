"""The table of promises in docs/security.md against the tests, and what no other test shows of it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", PAGE)


@pytest.mark.parametrize(("file", "test"), NAMED, ids=[test for _, test in NAMED])
def test_every_promise_names_a_test_that_exists(file: str, test: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    functions = {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert test in functions


def test_every_row_of_the_promises_names_a_test() -> None:
    section = PAGE.partition("## Promises and their tests")[2]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert rows
    assert [row for row in rows if "::test_" not in row] == []


@pytest.mark.parametrize(
    "name", ["requirements.txt", "requirements-dev.txt", "local/uv.txt", "local/azurite/requirements.txt"]
)
def test_everything_installed_is_pinned_with_its_hash(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert lines
    for line in lines:
        assert re.match(r"[\w.\-\[\]]+==[^\s;]+", line), line
        assert "--hash=sha256:" in line, line
        assert "://" not in line, line
