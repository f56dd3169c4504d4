"""Transactions: what comes back, and what is refused."""

from __future__ import annotations

import pytest

from bc.store import Store
from bc.store.group import Write
from bc.store.rows import Properties, Stale

ODD = "a|=2F~'x é"
PROPERTIES: Properties = {
    "v": 1,
    "data": "“é”\r\nHTTP/1.1 500\r\nETag: none\n\\\"'\0",
    "bytes": bytes(range(256)),
    "yes": True,
}


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
