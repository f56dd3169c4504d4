"""The client library's client of one table, with its busiest calls written and read by hand.

For each row of a transaction the library builds a MIME message and parses another, and for each row that it reads it
takes the answer apart field by field: in a flood that sets the pace. What is sent here is the same, over the library's
own pipeline: its signing, its tries again, its connections.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote
from uuid import uuid4

import msgspec
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.data.tables.aio import TableClient

from bc.store.group import Write
from bc.store.transaction import body_of, etags_of, place

type Continuation = tuple[str, str]
"""Keys of partition and row that the next page begins with; a row key may be missing."""

_decode = msgspec.json.Decoder().decode
_TYPED = "@odata.type"


class Found(NamedTuple):
    """A row as it was read."""

    partition: str
    key: str
    properties: Mapping[str, Any]
    etag: str


class LeanClient(TableClient):
    """Raises what the library does: `HttpResponseError` and its kin."""

    async def write(self, partition: str, writes: Sequence[Write]) -> list[str]:
        """Carry out the writes in one transaction; their ETags ("" for a delete).

        Raises `TableTransactionError` for the one that was refused.
        """
        batch = f"batch_{uuid4()}"
        headers = {
            "MaxDataServiceVersion": "3.0;NetFx",
            "Content-Type": f"multipart/mixed; boundary={batch}",
            "Accept": "application/json",
        }
        body = body_of(f"{self._root}/{self.table_name}", partition, writes, batch)
        response = await self._exchange("POST", "$batch", headers, body)
        _check(response, 202)
        return etags_of(response.content, len(writes))

    async def row(self, partition: str, key: str) -> Found | None:
        """One row, None where there is none, or no table."""
        response = await self._exchange("GET", f"{self.table_name}({place(partition, key)})", _READING)
        if response.status_code == 404:
            return None
        _check(response, 200)
        return _found(_decode(response.content))

    async def page(
        self, terms: str, most: int, select: Sequence[str] = (), since: Continuation | None = None
    ) -> tuple[list[Found], Continuation | None]:
        """Up to `most` rows that an OData filter names, in order, and where the next page begins, None at the end.

        A page may hold fewer rows than there are, or none. No rows where there is no table.
        """
        query = {"$filter": terms, "$top": str(most), "$select": ",".join(select)}
        if since:
            query |= {"NextPartitionKey": since[0], "NextRowKey": since[1]}
        words = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items() if value)
        response = await self._exchange("GET", f"{self.table_name}()?{words}", _READING)
        if response.status_code == 404:
            return [], None
        _check(response, 200)
        rows = [_found(entity) for entity in _decode(response.content)["value"]]
        partition = response.headers.get("x-ms-continuation-NextPartitionKey")
        row = response.headers.get("x-ms-continuation-NextRowKey", "")
        return rows, (partition, row) if partition else None

    @property
    def _root(self) -> str:
        return f"{self.scheme}://{self._primary_hostname}"

    async def _exchange(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> AsyncHttpResponse:
        sent = {"x-ms-version": self.api_version, "DataServiceVersion": "3.0", **headers}
        request = HttpRequest(method, f"{self._root}/{path}", headers=sent, content=body)
        # As a stream, since the pipeline would take the answer apart itself.
        response: AsyncHttpResponse = await self._client.send_request(request, stream=True)
        await response.read()
        return response


_READING = {"Accept": "application/json;odata=minimalmetadata"}


def _check(response: AsyncHttpResponse, wanted: int) -> None:
    if response.status_code == 401:
        raise ClientAuthenticationError(response=response)
    if response.status_code != wanted:
        raise HttpResponseError(response=response)


def _found(entity: dict[str, Any]) -> Found:
    properties: dict[str, Any] = {}
    for name, value in entity.items():
        match entity.get(f"{name}{_TYPED}"):
            case "Edm.Binary":
                properties[name] = base64.b64decode(value)
            case "Edm.Int64":
                properties[name] = int(value)
            case _ if not name.startswith("odata.") and not name.endswith(_TYPED) and name != "Timestamp":
                properties[name] = value
            case _:
                continue
    return Found(
        properties.get("PartitionKey", ""),
        properties.get("RowKey", ""),
        properties,
        entity.get("odata.etag", ""),
    )
