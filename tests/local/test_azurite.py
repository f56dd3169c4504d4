"""The storage emulator as the tests use it."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError
from azure.data.tables import TableServiceClient
from azure.storage.queue import QueueServiceClient

from local import azurite
from local.azurite import Azurite
from local.ports import wait_until_refused
from local.process import ROOT


def test_accounts_are_apart_from_each_other() -> None:
    mine, other = azurite.shared().fresh(), azurite.shared().fresh()
    QueueServiceClient.from_connection_string(mine).create_queue("jobs")
    TableServiceClient.from_connection_string(mine).create_table("rows")
    assert not list(QueueServiceClient.from_connection_string(other).list_queues())
    assert not list(TableServiceClient.from_connection_string(other).list_tables())


def test_a_wrong_account_key_is_refused() -> None:
    wrong = azurite.shared().fresh().replace("AccountKey=", "AccountKey=aaaa")
    with pytest.raises(HttpResponseError):
        list(QueueServiceClient.from_connection_string(wrong, retry_total=0).list_queues())


def test_data_on_disk_outlives_the_process(tmp_path: Path) -> None:
    for _ in range(2):
        kept = Azurite(tmp_path / "data")
        kept.start()
        queues = QueueServiceClient.from_connection_string(kept.connection_string())
        if not [queue.name for queue in queues.list_queues()]:
            queues.create_queue("kept")
        found = [queue.name for queue in queues.list_queues()]
        time.sleep(0.2)
        kept.stop()
    assert found == ["kept"]


def test_it_ends_with_the_process_that_started_it() -> None:
    code = (
        "import os; from local.azurite import Azurite; a = Azurite(); a.start(); "
        "print(a.connection_string(), flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    port = int(done.stdout.split("QueueEndpoint=")[1].split("/")[2].split(":")[1])
    assert wait_until_refused(port)
