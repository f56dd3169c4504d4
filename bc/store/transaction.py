"""A transaction of the table service as bytes (entity group transactions of the Table service's REST API)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import msgspec
from azure.core.exceptions import HttpResponseError
from azure.data.tables import TableTransactionError

from bc.store.group import Write
from bc.store.rows import Properties

_INT32 = range(-(2**31), 2**31)
_METHODS = {"insert": "POST", "put": "PUT", "replace": "PUT", "delete": "DELETE"}
_STATUS = re.compile(rb"^HTTP/1\.[01] (\d{3})", re.MULTILINE)
_ETAG = re.compile(rb"^ETag:[ \t]*(.+?)[ \t\r]*$", re.MULTILINE | re.IGNORECASE)
_encode = msgspec.json.Encoder().encode


def body_of(table_url: str, partition: str, writes: Sequence[Write], batch: str) -> bytes:
    """The request's body: one change set in an envelope."""
    changes = f"changeset_{uuid4()}"
    parts = [f"--{batch}\r\nContent-Type: multipart/mixed; boundary={changes}\r\n\r\n".encode()]
    for number, write in enumerate(writes):
        parts.append(_part(table_url, partition, write, changes, number))
    parts.append(f"--{changes}--\r\n\r\n--{batch}--\r\n".encode())
    return b"".join(parts)


def _part(table_url: str, partition: str, write: Write, boundary: str, number: int) -> bytes:
    entity = b"" if write.operation == "delete" else _entity(partition, write.key, write.properties or {})
    url = table_url if write.operation == "insert" else f"{table_url}({place(partition, write.key)})"
    lines = [
        f"--{boundary}",
        "Content-Type: application/http",
        "Content-Transfer-Encoding: binary",
        f"Content-ID: {number}",
        "",
        f"{_METHODS[write.operation]} {url} HTTP/1.1",
        "DataServiceVersion: 3.0",
        "Accept: application/json;odata=minimalmetadata",
    ]
    if write.operation == "insert":
        lines.append("Prefer: return-no-content")
    if write.etag or write.operation == "delete":
        lines.append(f"If-Match: {write.etag or '*'}")
    if entity:
        lines += ["Content-Type: application/json", f"Content-Length: {len(entity)}"]
    return "\r\n".join([*lines, "", ""]).encode() + entity + b"\r\n"


def place(partition: str, key: str) -> str:
    """A row's place in an address."""
    return f"PartitionKey='{_quoted(partition)}',RowKey='{_quoted(key)}'"


def _quoted(key: str) -> str:
    return quote(key.replace("'", "''"), safe="")


def _entity(partition: str, key: str, properties: Properties) -> bytes:
    entity: dict[str, Any] = {"PartitionKey": partition, "RowKey": key}
    for name, value in properties.items():
        if isinstance(value, bytes):
            entity[f"{name}@odata.type"] = "Edm.Binary"
        elif isinstance(value, int) and value not in _INT32:
            entity[f"{name}@odata.type"], value = "Edm.Int64", str(value)
        elif not isinstance(value, (str, int)):
            raise TypeError(f"a row property of type {type(value).__name__}")
        entity[name] = value
    return _encode(entity)


def etags_of(answer: bytes, count: int) -> list[str]:
    """The ETags in the answer to `count` writes. Raises `TableTransactionError` for the one that was refused."""
    starts = list(_STATUS.finditer(answer))
    for start in starts:
        if not start[1].startswith(b"2"):
            raise _refusal(int(start[1]), answer[start.end() :])
    if len(starts) != count:
        raise HttpResponseError(f"The answer to a transaction of {count} has {len(starts)} parts.")
    ends = [*(start.start() for start in starts[1:]), len(answer)]
    found = [_ETAG.search(answer, start.end(), end) for start, end in zip(starts, ends, strict=True)]
    return [etag[1].decode("ascii") if etag else "" for etag in found]


def _refusal(status: int, rest: bytes) -> TableTransactionError:
    """What the service says of the write that it refused: its place in the transaction stands before the words."""
    text = rest.decode("utf-8", "replace")
    code, words = "", ""
    if "{" in text:
        try:
            said = json.JSONDecoder().raw_decode(text, text.index("{"))[0]["odata.error"]
            code, words = str(said["code"]), str(said["message"]["value"])
        except (ValueError, KeyError, TypeError):
            words = text[:500]
    error = TableTransactionError(message=words or f"The table service answered {status}.")
    error.status_code = status
    error.error_code = code  # type: ignore[attr-defined]  # the library sets it so, untyped
    return error
