"""Rows as version 1 wrote them: the file beside this test is never written again, and every later version reads it."""

from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path

from azure.data.tables.aio import TableServiceClient

from bc import settings as configuration
from bc.store import open_store
from local import backup
from local.azurite import Azurite

ROWS = Path(__file__).with_name("rows_version_1.jsonl")
# Seals the one secret of the file, which opens nothing.
KEY = "aGFsby1iYyBzY2hlbWEgdGVzdCBrZXksIHB1YmxpYyE="


async def test_rows_of_version_1_are_read(azurite: Azurite, tmp_path: Path) -> None:
    storage, file = azurite.fresh(), tmp_path / "rows.gz"
    file.write_bytes(gzip.compress(ROWS.read_bytes()))
    async with TableServiceClient.from_connection_string(storage) as service:
        await backup.restore(service, file)
    store = open_store(configuration.load({"AzureWebJobsStorage": storage, "ENCRYPTION_KEYS": KEY}))
    try:
        (connection,) = await store.connections.list()
        assert (connection.name, connection.status, connection.company_name) == (
            "Tamarisk UK",
            "ready",
            "Tamarisk UK Ltd",
        )
        assert connection.settings.sync_entities == ("invoice",)
        assert (await store.connections.secret(connection.id)).reveal() == "a secret of nothing"
        link = await store.links.get(connection.id, "invoice", "1041")
        assert link is not None
        assert (link.value.bc_number, link.value.tax_total) == ("1001", Decimal("20.05"))
        assert len(link.value.payload) == 40_000
        assert [one.halo_id for one in await store.links.by_bc_number(connection.id, "invoice", "1001")] == [
            "1041"
        ]
        waiting = [row.value async for row in store.dirty.rows()]
        assert [(one.halo_id, one.generation) for one in waiting] == [("1042", 2)]
        (outcome,) = (await store.outcomes.page()).items
        assert (outcome.status, outcome.code) == ("failed", "posting_group_missing")
        assert await store.numbers.drawn_for(connection.id, "customer", "7") == "C00007"
    finally:
        await store.close()
