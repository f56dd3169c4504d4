"""The engine in this process, on real storage and a real sandbox, that can be made to die at any call it makes."""

from __future__ import annotations

import asyncio
import json
import math
import re
import socket
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from unittest.mock import patch

import httpx
from azure.core.exceptions import ResourceNotFoundError
from azure.core.pipeline.transport import AioHttpTransport
from azure.data.tables import TableClient
from azure.storage.queue import QueueClient

from bc import settings as configuration
from bc.clients.business_central import BusinessCentral
from bc.clients.tls import ssl_context
from bc.clients.transport import Answer, Transport
from bc.errors import Transient, UnknownOutcome
from bc.model import Connection
from bc.services import Services, build
from bc.sync.pump import LEASE_SECONDS, RENEW_SECONDS
from bc.sync.work import push_row

# Passes after which a record that is still dirty counts as one that never comes to rest.
MOST_PASSES = 12
How = Literal["dies before", "dies after", "loses the answer of"]


class Died(BaseException):
    """The process is gone: no code of the app may catch this, and whatever it still tries to do fails too."""


@dataclass(slots=True)
class Peril:
    """What happens at the `at`-th call to the outside (from 1); 0: nothing."""

    at: int = 0
    how: How = "dies before"
    dies_before: str = ""
    """A pattern of the call before which it dies; with `after:` in front, of the one after which it does."""
    calls: list[str] = field(default_factory=list)
    dead: bool = False
    died: bool = False
    """Whether it came to that; `dead` ends with the process."""

    def before(self, name: str) -> int:
        """A call begins; its number, from 1."""
        if self.dead:
            raise Died
        self.calls.append(name)
        if self.dies_before and re.search(self.dies_before, name):
            self._die()
        if self.how == "dies before" and len(self.calls) == self.at:
            self._die()
        return len(self.calls)

    def after(self, call: int, *, remote: str = "", writes: bool = False) -> None:
        """A call's work is done and its answer in hand. Others may have begun meanwhile."""
        if self.dead:
            raise Died
        wanted = self.dies_before.removeprefix("after:")
        if wanted != self.dies_before and re.search(wanted, self.calls[call - 1]):
            self._die()
        if call != self.at or self.how == "dies before":
            return
        if self.how == "dies after":
            self._die()
        elif remote:
            kind = UnknownOutcome if writes else Transient
            raise kind(f"{remote}_unavailable", "The answer was lost.")

    def _die(self) -> None:
        self.dead = self.died = True
        raise Died


class _Perilous(Transport):
    """A way to Halo or BC on which the process may die."""

    def __init__(self, service: str, base_url: str, peril: Peril) -> None:
        super().__init__(service, base_url)
        self._peril = peril

    async def send(self, method: str, url: str, *, writes: bool, **more: Any) -> Answer:
        call = self._peril.before(f"{self.service} {method} {url}")
        answer = await super().send(method, url, writes=writes, **more)
        self._peril.after(call, remote=self.service, writes=writes)
        return answer


class _PerilousStorage(AioHttpTransport):  # type: ignore[misc]  # the base is untyped
    """A way to storage on which the process may die."""

    peril: Peril

    async def send(self, request: Any, **more: Any) -> Any:
        call = self.peril.before(f"storage {request.method} {request.url.split('?')[0]}")
        answer = await super().send(request, **more)
        self.peril.after(call)
        return answer


class _PerilousEntra(httpx.Client):
    """A way to Microsoft Entra on which the process may die."""

    def __init__(self, peril: Peril) -> None:
        super().__init__(verify=ssl_context(), timeout=20)
        self._peril = peril

    @contextmanager
    def stream(self, method: str, url: Any, **more: Any) -> Iterator[httpx.Response]:
        call = self._peril.before(f"entra {method} {url}")
        with super().stream(method, url, **more) as response:
            yield response
        self._peril.after(call, remote="entra")


class _Free:
    """Permits without end: what is tried here makes one call at a time."""

    @asynccontextmanager
    async def hold(self, connection: Connection, requests: int = 1) -> AsyncIterator[None]:
        yield


def wait_for_rest(env: Mapping[str, str], seconds: float = 20) -> None:
    """Wait until no pump of a host is at work or about to be: it would push what a test means to push itself."""
    if not _is_up(env.get("PUBLIC_URL", "")):
        return
    storage = env["AzureWebJobsStorage"]
    ends = time.monotonic() + seconds
    with (
        TableClient.from_connection_string(storage, "bcLeases") as leases,
        QueueClient.from_connection_string(storage, "pump") as wakes,
    ):
        while time.monotonic() < ends:
            try:
                if not wakes.peek_messages() and _let_go(leases.get_entity("leases", "pump")):
                    return
            except ResourceNotFoundError:
                return  # no host has come so far
            time.sleep(0.1)


def _is_up(url: str) -> bool:
    """Whether a host answers there: several tests stop theirs, and what it left on its queues stays there."""
    address = httpx.URL(url)
    try:
        socket.create_connection((address.host, address.port or 80), timeout=1).close()
    except OSError:
        return False
    return True


def _let_go(lease: Any) -> bool:
    """Whether the pump's lease is not being renewed, and has not been for longer than its last look takes."""
    now = datetime.now(UTC)
    if now - lease.metadata["timestamp"] < timedelta(seconds=0.7):
        return False
    held_until = datetime.fromisoformat(json.loads(lease["data"])["expires_at"])
    return held_until - now < timedelta(seconds=LEASE_SECONDS - RENEW_SECONDS - 2)


@asynccontextmanager
async def a_process(env: Mapping[str, str], peril: Peril | None = None) -> AsyncIterator[Services]:
    """The app as one process builds it, with nothing in memory; at its end what it held open is closed."""
    danger = peril or Peril()
    await asyncio.to_thread(wait_for_rest, env)
    with patch("bc.services.Transport", lambda service, url: _Perilous(service, url, danger)):
        settings = configuration.load(env)
        services = build(settings)
    account = services.store._account
    ordinary = account._transport

    def perilous() -> AioHttpTransport:
        # Many processes live and die here, and each would read the machine's certificates.
        with patch("bc.store.remote.ssl.create_default_context", lambda **_: ssl_context()):
            ordinary()
        transport = _PerilousStorage(session=account._session, session_owner=False)
        transport.peril = danger
        return transport

    account._transport = perilous  # type: ignore[method-assign]
    if peril is not None:
        services.entra._http = _PerilousEntra(danger)
    services.pump_bc = BusinessCentral(services.transports[0], services.tokens, _Free(), settings.bc_api_url)
    services.fence_until = math.inf
    try:
        yield services
    finally:
        danger.dead = False
        danger.at = 0
        services.entra.close()
        await services.close()


async def drain(services: Services) -> None:
    """Push every dirty row, whatever time it waits for, until none is left."""
    for _ in range(MOST_PASSES):
        rows = [row async for row in services.store.dirty.rows()]
        if not rows:
            return
        connections = await services.store.connections.list()
        for row in rows:
            await push_row(services, row, connections)
    raise AssertionError(f"still dirty after {MOST_PASSES} passes: {rows}")
