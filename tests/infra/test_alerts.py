"""The alerts against the code: what a query looks for must be what the app logs."""

from __future__ import annotations

import ast
import re

from tests.infra import bicep
from tests.infra.bicep import MODULES, ROOT

# The windows that Azure Monitor takes for a log alert.
WINDOWS = {"PT15M", "PT30M", "PT1H", "P1D"}
HOURS = {1, 2, 3, 4, 5, 6, 24, 48}


def queries() -> dict[str, str]:
    text = (MODULES / "alerts.bicep").read_text(encoding="utf-8")
    pairs = re.findall(r"key: '([\w-]+)'.*?query: (?:replace\()?'''(.*?)'''", text, re.DOTALL)
    return dict(pairs)


def sources(folder: str) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / folder).rglob("*.py")))


def logged() -> set[str]:
    """The first argument of every call of a logger in the app."""
    found = set()
    for path in (ROOT / "bc").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("info", "warning", "error", "exception")
                and node.args
                and isinstance(node.args[0], ast.Constant)
                and isinstance(node.args[0].value, str)
            ):
                found.add(node.args[0].value)
    return found


def test_every_rule_has_a_query_and_words() -> None:
    assert queries().keys() == {rule["key"] for rule in bicep.rules()}
    for rule in bicep.rules():
        assert rule["title"]
        assert rule["text"]
        assert rule["severity"] in range(5)


def test_what_is_told_apart_by_name_is_a_function_of_the_app() -> None:
    functions = set(re.findall(r'function_name\("(\w+)"\)', sources("bc/functions")))
    for key, query in queries().items():
        named = re.findall(r"Name == '(\w+)'", query)
        for listed in re.findall(r"Name in \(([^)]*)\)", query):
            named += re.findall(r"'(\w+)'", listed)
        assert set(named) <= functions, key


def test_every_poison_queue_is_watched() -> None:
    watched = set(re.findall(r"'(\w+)'", queries()["poison"]))
    queues = re.findall(
        r'function_name\("(\w+)"\)\n@blueprint\.queue_trigger\("\w+", "([\w-]+)"', sources("bc/functions")
    )
    assert watched == {function for function, queue in queues if queue.endswith("-poison")}
    assert watched


def test_every_message_that_is_looked_for_is_logged() -> None:
    looked_for = {
        one for query in queries().values() for one in re.findall(r"Message startswith '([^']+)'", query)
    }
    assert looked_for
    for phrase in looked_for:
        assert any(message.startswith(phrase) for message in logged()), phrase


def test_the_states_that_are_counted_are_states_of_an_outcome() -> None:
    model = (ROOT / "bc" / "model.py").read_text(encoding="utf-8")
    states = re.search(r"OutcomeStatus = Literal\[([^\]]+)\]", model)
    assert states
    told = {one for query in queries().values() for one in re.findall(r"status=(\w+)", query)}
    assert told <= set(re.findall(r'"(\w+)"', states[1]))
    assert told


def test_the_windows_are_ones_that_azure_takes() -> None:
    windows = {rule["window"] for rule in bicep.rules() if isinstance(rule["window"], str)}
    assert windows <= WINDOWS
    for file in (bicep.APP, MODULES / "alerts.bicep"):
        allowed = bicep.part(file, "parameters")["quietHours"]["decorators"]
        assert {"type": "allowed", "argument": [0, *sorted(HOURS)]} in allowed


def test_a_state_that_is_logged_once_does_not_end_by_itself() -> None:
    assert [rule["key"] for rule in bicep.rules() if not rule["resolves"]] == ["needs-authorization"]


def test_requests_are_never_sampled_away() -> None:
    """Three of the alerts count them."""
    host = (ROOT / "host.json").read_text(encoding="utf-8")
    assert re.search(r'"excludedTypes": "[^"]*Request', host)
