"""Opens the storage account a connection setting names."""

import os
from collections.abc import Mapping
from typing import Any

from azure.core.credentials_async import AsyncTokenCredential
from azure.data.tables.aio import TableServiceClient
from azure.storage.queue.aio import QueueServiceClient

from local.settings import BadConfiguration

# The well-known account of every storage emulator; published by Microsoft, no secret.
_EMULATOR_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
EMULATOR = (
    f"DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey={_EMULATOR_KEY};"
    "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;"
    "QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
    "TableEndpoint=http://127.0.0.1:10002/devstoreaccount1;"
)
HOST_STORAGE = "AzureWebJobsStorage"
# A host that starts beside its storage waits a little; a wrong address must not hang for minutes, as it would with
# the queue client's own first pause of 15 seconds.
_TIMEOUTS: Mapping[str, Any] = {"connection_timeout": 5, "read_timeout": 30}
_RETRY: Mapping[str, Any] = {"retry_total": 3, **_TIMEOUTS}


def queue_service(connection: str) -> QueueServiceClient:
    """Open the queues of a connection: a setting's name, with a connection string or `__accountName` and so on."""
    text = _connection_string(connection)
    if text is not None:
        return QueueServiceClient.from_connection_string(text, **_queue_retry())
    return QueueServiceClient(_address(connection, "queue"), _identity(connection), **_queue_retry())


def table_service(connection: str) -> TableServiceClient:
    """Open the tables of a connection, as `queue_service`."""
    text = _connection_string(connection)
    if text is not None:
        return TableServiceClient.from_connection_string(text, **_RETRY)
    return TableServiceClient(_address(connection, "table"), credential=_identity(connection), **_RETRY)


def _queue_retry() -> dict[str, Any]:
    return {**_TIMEOUTS, "retry_total": 2, "initial_backoff": 1, "increment_base": 1}


def _connection_string(connection: str) -> str | None:
    for name in (connection, f"AzureWebJobs{connection}"):
        if text := os.environ.get(name):
            return EMULATOR if text.strip().rstrip(";") == "UseDevelopmentStorage=true" else text
    return None


def _address(connection: str, service: str) -> str:
    uri = os.environ.get(f"{connection}__{service}ServiceUri")
    account = os.environ.get(f"{connection}__accountName")
    if not uri and not account:
        raise BadConfiguration(f"The app setting {connection} is missing: no storage to run on.")
    return uri or f"https://{account}.{service}.core.windows.net"


def _identity(connection: str) -> AsyncTokenCredential:
    from azure.identity.aio import (
        DefaultAzureCredential,
    )  # slow to import, seldom needed on a developer's machine

    return DefaultAzureCredential(managed_identity_client_id=os.environ.get(f"{connection}__clientId"))
