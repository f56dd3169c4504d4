"""Transactions written by hand: what the library reads back, what is refused, and answers in Azure's own form."""

from __future__ import annotations

import pytest
from azure.data.tables import TableTransactionError

from bc.store import Store
from bc.store.group import Write
from bc.store.rows import Properties, Stale
from bc.store.transaction import etags_of

ODD = "a|=2F~'x é"
PROPERTIES: Properties = {
    "v": 1,
    "data": "“é”\r\nHTTP/1.1 500\r\nETag: none\n\\\"'\0",
    "bytes": bytes(range(256)),
    "large": 2**40,
    "yes": True,
}
ANSWER = b"""--batchresponse_4c637ba4\r
Content-Type: multipart/mixed; boundary=changesetresponse_a6253244\r
\r
--changesetresponse_a6253244\r
Content-Type: application/http\r
Content-Transfer-Encoding: binary\r
\r
HTTP/1.1 204 No Content\r
Content-ID: 0\r
X-Content-Type-Options: nosniff\r
Preference-Applied: return-no-content\r
DataServiceVersion: 3.0;\r
ETag: W/"datetime'2013-08-26T20%3A48%3A50.8571107Z'"\r
\r
\r
--changesetresponse_a6253244\r
Content-Type: application/http\r
Content-Transfer-Encoding: binary\r
\r
HTTP/1.1 204 No Content\r
Content-ID: 1\r
DataServiceVersion: 1.0;\r
\r
\r
--changesetresponse_a6253244--\r
--batchresponse_4c637ba4--\r
"""
REFUSED = b"""--batchresponse_9\r
Content-Type: multipart/mixed; boundary=changesetresponse_9\r
\r
--changesetresponse_9\r
Content-Type: application/http\r
Content-Transfer-Encoding: binary\r
\r
HTTP/1.1 409 Conflict\r
Content-ID: 3\r
Content-Type: application/json;odata=minimalmetadata;streaming=true;charset=utf-8\r
\r
{"odata.error":{"code":"EntityAlreadyExists","message":{"lang":"en-US","value":"2:The specified entity already exists.\\nRequestId:1\\nTime:2"}}}\r
--changesetresponse_9--\r
--batchresponse_9--\r
"""


async def test_rows_come_back_as_they_were_written(store: Store) -> None:
    table = store._tables.table("bcTried")
    etags = await table.write(
        ODD, [Write("insert", "1|'", PROPERTIES), Write("put", "2=2F", {"v": 2}), Write("put", "3")]
    )
    assert len(set(etags)) == 3
    found = await table.get(ODD, "1|'")
    assert found is not None
    assert found.etag == etags[0]
    assert {name: getattr(value, "value", value) for name, value in found.properties.items()} == {
        "PartitionKey": ODD,
        "RowKey": "1|'",
        **PROPERTIES,
    }
    assert [row.key async for row in table.query(partition=ODD)] == ["1|'", "2=2F", "3"]
    again = await table.write(
        ODD, [Write("replace", "2=2F", {"v": 3}, etags[1]), Write("delete", "3", etag=etags[2])]
    )
    assert again[1] == ""
    (_, second) = [row async for row in table.query(partition=ODD)]
    assert (second.properties["v"], second.etag) == (3, again[0])


async def test_a_transaction_is_all_or_nothing_and_says_which_write_was_refused(store: Store) -> None:
    table = store._tables.table("bcTried")
    (etag,) = await table.write("p", [Write("put", "1", {"v": 1})])
    await table.write("p", [Write("put", "1", {"v": 2})])
    refusals = {
        "changed": Write("replace", "1", {"v": 3}, etag),
        "changed too": Write("delete", "1", etag=etag),
        "there": Write("insert", "1", {"v": 3}),
        "gone": Write("delete", "9"),
    }
    for write in refusals.values():
        with pytest.raises(Stale) as refused:
            await table.write("p", [Write("put", "2", {"v": 1}), write, Write("put", "3", {"v": 1})])
        assert refused.value.index == 1
    assert [row.key async for row in table.query(partition="p")] == ["1"]


async def test_a_property_that_a_row_cannot_hold_is_a_fault_of_ours(store: Store) -> None:
    with pytest.raises(TypeError):
        await store._tables.table("bcTried").write("p", [Write("put", "1", {"v": 1.5}), Write("put", "2")])


def test_azures_answers_are_understood() -> None:
    assert etags_of(ANSWER, 2) == ["W/\"datetime'2013-08-26T20%3A48%3A50.8571107Z'\"", ""]
    with pytest.raises(TableTransactionError) as refused:
        etags_of(REFUSED, 3)
    assert (refused.value.status_code, getattr(refused.value, "error_code", ""), refused.value.index) == (
        409,
        "EntityAlreadyExists",
        2,
    )
