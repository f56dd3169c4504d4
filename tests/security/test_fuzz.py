"""Every public address and message with what nobody meant them for: always an answer in words, never an error of ours.

What is sent is drawn from the OpenAPI document: fitting values, values of other kinds, and noise. `make soak` draws more.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from azure.storage.queue import QueueClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject, SearchStrategy

from bc.functions.api import routes
from bc.functions.openapi import document
from local.azurite import Azurite
from local.stack import App, Sandbox
from tests.contract.conformity import Schema, resolved
from tests.contract.conftest import SETTINGS
from tests.contract.tour import Call, filled, judged
from tests.e2e.acting import Acting, wait_for

pytestmark = pytest.mark.timeout(600)
DOCUMENT = document(routes())
OPERATIONS = [
    (method.upper(), pattern, operation)
    for pattern, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
    # These two go through the whole of Halo; their own tests see to their forms.
    if pattern not in ("/api/halo/zero-tax", "/api/halo/restore-tax")
]
QUICK = settings(
    max_examples=120,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
LONG = settings(QUICK, max_examples=4000, derandomize=False)
NOISE = st.sampled_from(
    ["", " ", "0", "-1", "1e400", "null", "\x00", "\u202e", "é" * 40, "' or 1 eq 1--", "%2e%2e%2f", "{id}", "[]", "🤷", "\ud7ff",
     "../../etc/passwd", "<script>", "=1+1", "9" * 30, "a|b", "x" * 1000]
)  # fmt: skip
# Five of the longest must fit into an address: a server refuses one of over 8 KiB before the app sees it.
TEXTS = NOISE | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
VALUES: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)


@dataclass(slots=True)
class House:
    app: App
    acting: Acting
    http: httpx.Client
    statuses: Counter[int] = field(default_factory=Counter)

    def ask(self, method: str, address: str, **more: Any) -> httpx.Response:
        headers = {"x-admin-key": self.app.admin_key, **more.pop("headers", {})}
        answer = self.http.request(method, self.app.host.url + address, headers=headers, **more)
        self.http.cookies.clear()
        self.statuses[answer.status_code] += 1
        assert answer.status_code != 500, f"{method} {address[:300]} {answer.text}"
        assert "Traceback" not in answer.text
        return answer


@pytest.fixture(scope="module")
def house(azurite: Azurite, sandbox: Sandbox) -> Iterator[House]:
    sandbox.reset()
    with App(sandbox, azurite.fresh(), env=SETTINGS) as app:
        acting = Acting(app)
        acting.connect()
        with httpx.Client(timeout=120) as http:
            yield House(app, acting, http)
        assert not [line for line in app.host.logs if "unexpected error" in line or "Traceback" in line]


def fitting(schema: Schema) -> SearchStrategy[Any]:
    """Values that the schema allows."""
    schema = resolved(schema, DOCUMENT)
    if "anyOf" in schema:
        return st.one_of([fitting(each) for each in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "object":
            properties = {name: fitting(each) for name, each in schema.get("properties", {}).items()}
            required = {name: properties.pop(name) for name in schema.get("required", ())}
            return st.fixed_dictionaries(required, optional=properties)
        case "array":
            return st.lists(fitting(schema["items"]), max_size=3)
        case "integer":
            return st.integers(schema.get("minimum", -(2**70)), schema.get("maximum", 2**70))
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
        case "string":
            if schema.get("format") == "date":
                return st.dates().map(str)
            if schema.get("format") == "date-time":
                return st.datetimes().map(lambda at: at.isoformat() + "Z")
            return TEXTS | st.uuids().map(str) | st.integers(0, 10**9).map(str)
    return VALUES


def body_of(data: DataObject, schema: Schema) -> dict[str, Any]:
    """A fitting body, one with a member of another kind, or noise."""
    way = data.draw(st.sampled_from(["fitting", "fitting", "spoilt", "value", "bytes"]))
    if way == "bytes":
        return {"content": data.draw(st.binary(max_size=60)), "headers": {"Content-Type": "application/json"}}
    if way == "value":
        return {"content": json.dumps(data.draw(VALUES)), "headers": {"Content-Type": "application/json"}}
    body = data.draw(fitting(schema))
    if way == "spoilt" and body:
        body[data.draw(st.sampled_from(sorted(body)))] = data.draw(VALUES)
    return {"content": json.dumps(body), "headers": {"Content-Type": "application/json"}}


def call_any_operation(house: House, data: DataObject) -> None:
    method, pattern, operation = data.draw(st.sampled_from(OPERATIONS))
    args, query = {}, {}
    for parameter in operation.get("parameters", ()):
        name, schema = parameter["name"], parameter["schema"]
        drawn = str(data.draw(fitting(schema) if data.draw(st.integers(0, 3)) else TEXTS))
        if parameter["in"] == "path":
            real = name == "id" and data.draw(st.integers(0, 4))
            drawn = house.acting.connection["id"] if real else drawn
            # An empty part or a dot segment is another address before it leaves the client.
            args[name] = drawn if drawn.strip(".") else "x"
        elif data.draw(st.booleans()):
            query[name] = drawn
    if method == "DELETE" and query.get("confirm") == house.acting.connection["name"]:
        return
    body = {}
    if "requestBody" in operation:
        body = body_of(data, operation["requestBody"]["content"]["application/json"]["schema"])
    answer = house.ask(method, filled(pattern, args), params=query, **body)
    assert judged(Call(method, pattern, answer), DOCUMENT) == [], (method, pattern, args, query, body)


@QUICK
@given(st.data())
def test_no_call_of_the_api_ends_in_an_error_of_ours(house: House, data: DataObject) -> None:
    call_any_operation(house, data)


@pytest.mark.soak
@LONG
@given(st.data())
def test_no_call_of_the_api_ends_in_an_error_of_ours_for_long(house: House, data: DataObject) -> None:
    call_any_operation(house, data)


@QUICK
@given(body=VALUES.map(json.dumps).map(str.encode) | st.binary(max_size=80), query=st.dictionaries(
    st.sampled_from(["entity", "operation", "wait", "x"]), TEXTS | st.sampled_from(["invoice", "delete"]), max_size=3
))  # fmt: skip
def test_a_delivery_is_taken_ignored_or_refused_in_words(
    house: House, body: bytes, query: dict[str, str]
) -> None:
    headers = {"x-functions-key": house.app.function_key, "Content-Type": "application/json"}
    answer = house.ask("POST", "/halo/events", params=query, content=body, headers=headers)
    assert answer.status_code in (200, 202, 400)
    if answer.status_code == 400:
        assert answer.json()["code"] == "not_understood"
        assert answer.headers["content-type"] == "application/problem+json"
    button = filled("/halo/sync/{entity}/{halo_id}", {"entity": query.get("entity") or "x", "halo_id": "0"})
    refused = house.ask("POST", button, params={"wait": query.get("wait", "x")}, headers=headers)
    assert refused.status_code in (404, 422)


@QUICK
@given(query=st.dictionaries(st.sampled_from(["state", "code", "error", "error_description", "session_state"]), TEXTS),
       cookie=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60),
       body=VALUES.map(json.dumps).map(str.encode) | st.binary(max_size=60))  # fmt: skip
def test_a_callback_or_sign_in_that_nobody_started_changes_nothing(
    house: House, query: dict[str, str], cookie: str, body: bytes
) -> None:
    answer = house.ask("GET", "/auth/callback", params=query, headers={"Cookie": cookie})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert "<script>" not in answer.text
    headers = {"Content-Type": "application/json", "Cookie": f"halo-bc-session={cookie}"}
    session = house.ask("POST", "/console/session", content=body, headers=headers)
    assert session.status_code in (401, 422, 429)
    assert "set-cookie" not in session.headers


def test_a_message_that_nobody_meant_becomes_an_error_row_and_no_loop(house: House) -> None:
    texts: list[bytes] = []

    @settings(QUICK, max_examples=60)
    @given(VALUES.map(json.dumps).map(str.encode) | st.binary(min_size=1, max_size=200))
    def collect(text: bytes) -> None:
        texts.append(text)

    collect()
    storage = house.app.host.env["AzureWebJobsStorage"]
    with QueueClient.from_connection_string(storage, "entity-sync") as client:
        for text in texts:
            client.send_message(base64.b64encode(text).decode())

        def drained() -> bool | None:
            return client.get_queue_properties().approximate_message_count == 0 or None

        wait_for(drained, 120, "the queue to be worked off")
    rows: list[Any] = []

    def shown() -> bool | None:
        page = house.acting.get("/api/errors", code="bad_message", limit=500)
        rows[:] = page["items"]
        return len(rows) >= len(texts) or None

    wait_for(shown, 60, "an error row for each message")
    assert len(rows) == len(texts)
    assert all(row["message"] and row["cure"] and row["connection_id"] is None for row in rows)
