"""The way to the storage account: connection string or identity, its clock, and its errors in words."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies

import aiohttp
from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.core.pipeline.transport import AioHttpTransport

from bc.errors import NotConfigured, Transient
from bc.settings import DEVELOPMENT_STORAGE, StorageSettings

if TYPE_CHECKING:
    from azure.identity.aio import DefaultAzureCredential

# The emulator's account and key are published by Microsoft and guard nothing.
_EMULATOR = "devstoreaccount1"
_EMULATOR_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_ROLES = {
    "Table": "Storage Table Data Contributor",
    "Queue": "Storage Queue Data Contributor",
}
_TOLERATED_SKEW = timedelta(seconds=2)


class ServerClock(SansIOHTTPPolicy[Any, Any]):
    """The storage service's time: what leases and windows go by, so that a wrong clock on one instance harms none.

    The answers' `Date` has whole seconds: a difference below two of them counts as none.
    """

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
        """Compare our clock with an answer's. Called by the storage clients for each answer."""
        stamp = response.http_response.headers.get("Date")
        if not stamp:
            return
        try:
            ahead = parsedate_to_datetime(stamp).astimezone(UTC) - datetime.now(UTC)
        except ValueError:
            return
        self._ahead = ahead if abs(ahead) > _TOLERATED_SKEW else timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self._ahead


class Account:
    """How to open clients for the storage account. No I/O until a client is used."""

    def __init__(self, settings: StorageSettings, clock: ServerClock) -> None:
        self._settings = settings
        self._clock = clock
        self._credential: DefaultAzureCredential | None = None
        self._session: aiohttp.ClientSession | None = None

    def connection_string(self) -> str:
        """The connection string with the emulator's short form spelled out; "" with an identity."""
        text = self._settings.connection_string.reveal()
        if text != DEVELOPMENT_STORAGE:
            return text
        base = f"DefaultEndpointsProtocol=http;AccountName={_EMULATOR};AccountKey={_EMULATOR_KEY};"
        return (
            base + f"QueueEndpoint=http://127.0.0.1:10001/{_EMULATOR};"
            f"TableEndpoint=http://127.0.0.1:10002/{_EMULATOR};"
        )

    @property
    def table_uri(self) -> str:
        return self._settings.table_uri

    @property
    def queue_uri(self) -> str:
        return self._settings.queue_uri

    def credential(self) -> DefaultAzureCredential:
        """The app's identity, shared by all clients; imported only here, since it starts slowly."""
        if self._credential is None:
            from azure.identity.aio import DefaultAzureCredential

            client_id = self._settings.client_id or None
            self._credential = DefaultAzureCredential(managed_identity_client_id=client_id)
        return self._credential

    def options(self) -> dict[str, Any]:
        """Options of every storage client: short waits, few repeats, the clock, the configured CA bundle."""
        return {
            "retry_total": 3,
            "retry_connect": 2,
            "retry_backoff_factor": 0.3,
            "retry_backoff_max": 5,
            "connection_timeout": 5,
            "read_timeout": 30,
            "per_call_policies": [self._clock],
            "transport": self._transport(),
        }

    def _transport(self) -> AioHttpTransport:
        """One connection pool for all storage clients."""
        if self._session is None:
            # OpenSSL honours SSL_CERT_FILE by itself.
            bundle = None if os.environ.get("SSL_CERT_FILE") else os.environ.get("REQUESTS_CA_BUNDLE")
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=bundle), limit=64),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                # Asking the environment costs two hops to a thread for each request.
                trust_env=not getproxies().keys().isdisjoint(("http", "https")),
            )
        return AioHttpTransport(session=self._session, session_owner=False)

    async def close(self) -> None:
        """Close the pool and what the identity holds open."""
        if self._credential is not None:
            await self._credential.close()
            self._credential = None
        if self._session is not None:
            await self._session.close()
            self._session = None


@contextmanager
def in_words(service: str) -> Iterator[None]:
    """Turn what the storage clients raise into `NotConfigured` or `Transient`; other refusals pass unchanged.

    `service` is "Table" or "Queue".
    """
    started = time.monotonic()
    try:
        yield
    except ClientAuthenticationError as error:
        raise _refused(service, error) from error
    except (ServiceRequestError, ServiceResponseError, IncompleteReadError, TimeoutError) as error:
        waited = time.monotonic() - started
        raise Transient(
            "storage_unavailable",
            f"The storage account's {service.lower()} service does not answer (waited {waited:.0f} s).",
            cure="Check AzureWebJobsStorage and that the storage account allows this app's network.",
        ) from error
    except HttpResponseError as error:
        status = error.status_code or 0
        if status == 403:
            raise _refused(service, error) from error
        if status in (408, 429) or status >= 500:
            raise Transient(
                "storage_unavailable",
                f"The storage account's {service.lower()} service answered {status}.",
                cure="It is tried again; see the Azure status page if it lasts.",
                status=status,
            ) from error
        raise


def _refused(service: str, error: HttpResponseError) -> NotConfigured:
    return NotConfigured(
        "storage_refused",
        f"The storage account refuses this app on its {service.lower()} service.",
        cure=(
            f"With an identity: give it the role {_ROLES[service]} on the storage account (it may take minutes to "
            "count). With a connection string: copy it again, its key may have been renewed."
        ),
        status=error.status_code,
    )


def bad_address(error: ValueError) -> NotConfigured:
    """For a connection string or address that the storage clients cannot read; its text is not repeated."""
    return NotConfigured(
        "storage_setting",
        "AzureWebJobsStorage is not a usable storage connection string.",
        cure="Copy it whole from the storage account (Access keys), or use the identity-based settings.",
    )
