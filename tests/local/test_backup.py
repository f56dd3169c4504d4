"""The tables saved, lost and restored: what is linked stays linked, and no second invoice is made."""

from __future__ import annotations

import gzip
from pathlib import Path
from unittest.mock import patch

import pytest
from azure.data.tables.aio import TableServiceClient

from bc import settings as configuration
from bc.store import open_store
from local import backup
from local.azurite import Azurite
from local.stack import App, Sandbox
from tests.e2e.acting import Acting, Invoicing


def tables(storage: str) -> TableServiceClient:
    return TableServiceClient.from_connection_string(storage)


async def lose(storage: str) -> None:
    """Every row of every table; the tables stay, since a deleted one's name is held for half a minute."""
    async with tables(storage) as service:
        names = [table.name async for table in service.list_tables()]
        for name in names:
            client = service.get_table_client(name)
            rows = [row async for row in client.list_entities(select=["PartitionKey", "RowKey"])]
            for row in rows:
                await client.delete_entity(row)


async def test_sync_goes_on_after_all_tables_were_lost_and_restored(
    azurite: Azurite, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.reset()
    storage, file = azurite.fresh(), tmp_path / "tables.gz"
    with App(sandbox, storage) as app:
        acting = Acting(app)
        acting.connect()
        invoicing = Invoicing(acting)
        before = invoicing.invoice()
        acting.sync("invoice", before)
        assert acting.outcome("invoice", before)["status"] == "synced"
        # Whoever follows the manual pauses first.
        async with tables(storage) as service:
            saved = await backup.save(service, file)
        # Sent after the copy: its link is lost, its invoice in Business Central is not.
        after = invoicing.invoice()
        acting.sync("invoice", after)
        assert acting.outcome("invoice", after)["status"] == "synced"
        env = app.host.env
        app.host.close()
        await lose(storage)
        async with tables(storage) as service:
            restored = await backup.restore(service, file)
        assert restored == {
            name: count for name, count in saved.items() if count and name not in backup.MOMENT
        }
    with App(sandbox, storage, env={name: env[name] for name in ("ENCRYPTION_KEYS", "ADMIN_KEY")}) as app:
        app.api.headers["x-admin-key"] = env["ADMIN_KEY"]
        again = Acting(app)
        again.connection = again.get("/api/connections")["items"][0]
        for halo_id in (before, after):
            told = len(again.outcomes("invoice", halo_id))
            again.edit("Invoice", halo_id, {"internal_note": f"edited after the restore {halo_id}"})
            again.sync("invoice", halo_id)
            outcome = again.outcome("invoice", halo_id, after=told)
            assert outcome["status"] in ("synced", "unchanged"), outcome
            assert len(again.bc_invoices(halo_id)) == 1


@pytest.fixture
async def full(azurite: Azurite) -> str:
    """Storage with a row of the app."""
    storage = azurite.fresh()
    store = open_store(configuration.load({"AzureWebJobsStorage": storage}))
    await store.notes.update("last-sweep", lambda held: {"at": "2026-11-20"})
    await store.close()
    return storage


async def test_a_file_cut_short_restores_nothing(full: str, azurite: Azurite, tmp_path: Path) -> None:
    file, empty = tmp_path / "tables.gz", azurite.fresh()
    async with tables(full) as service:
        await backup.save(service, file)
    lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    file.write_bytes(gzip.compress(b"".join(lines[:-1])))
    async with tables(empty) as service:
        with pytest.raises(backup.Refused, match="cut short"):
            await backup.restore(service, file)
        assert [table.name async for table in service.list_tables()] == []


async def test_rows_that_are_there_are_not_overwritten_unasked(full: str, tmp_path: Path) -> None:
    file = tmp_path / "tables.gz"
    async with tables(full) as service:
        saved = await backup.save(service, file)
        with pytest.raises(backup.Refused, match="has rows"):
            await backup.restore(service, file)
        assert await backup.restore(service, file, over=True) == saved


async def test_a_long_row_comes_back_byte_for_byte(azurite: Azurite, tmp_path: Path) -> None:
    source, target, file = azurite.fresh(), azurite.fresh(), tmp_path / "tables.gz"
    row = {
        "PartitionKey": "p",
        "RowKey": "r",
        "v": 1,
        "data0": bytes(range(256)) * 200,
        "text": "Ä\n\u2028|'",
    }
    async with tables(source) as service:
        client = await service.create_table("bcLinks")
        await client.create_entity(row)
        await client.create_entity({"PartitionKey": "q", "RowKey": "r", "v": 1})
        await service.create_table("azurefunctions")
        await backup.save(service, file)
    async with tables(target) as service:
        assert await backup.restore(service, file) == {"bcLinks": 2}
        assert dict(await service.get_table_client("bcLinks").get_entity("p", "r")) == row
    assert file.stat().st_mode & 0o077 == 0


def test_the_command_says_what_is_wrong_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "other.gz"
    file.write_bytes(gzip.compress(b'{"format": "something else"}\n'))
    with patch("sys.argv", ["backup", "check", str(file)]):
        assert backup.main() == 1
    assert "is no copy of this app's tables" in capsys.readouterr().err
