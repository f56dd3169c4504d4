"""The app's storage queues: Base64 messages that never expire by themselves."""

from __future__ import annotations

import base64
import math
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Literal

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError

from bc.errors import SyncError
from bc.store.records import each
from bc.store.remote import Account, bad_address, in_words

if TYPE_CHECKING:
    from azure.storage.queue.aio import QueueClient, QueueServiceClient

QueueName = Literal["entity-sync", "import-pages", "pump"]
# A message is at most 64 KiB in Base64.
LARGEST = 48 * 1024
LONGEST_DELAY = 7 * 24 * 3600 - 60
# This client has a retry policy of its own, which by itself waits 18 s and 24 s: whoever calls us has hung up by then.
_RETRY = {"initial_backoff": 0.5, "increment_base": 1, "random_jitter_range": 0.3}


class Queues:
    """Puts messages on the app's queues; makes a queue on first use. The host reads them."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._service: QueueServiceClient | None = None
        self._clients: dict[str, QueueClient] = {}

    async def send(self, queue: QueueName, body: bytes | str, *, delay: float = 0, ttl: int = -1) -> None:
        """Put a message on a queue, visible after `delay` seconds (at most seven days); `ttl` -1 keeps it for ever.

        Raises `ValueError` above 48 KiB, `Transient` and `NotConfigured`.
        """
        raw = body.encode("utf-8") if isinstance(body, str) else body
        if len(raw) > LARGEST:
            raise ValueError(f"a message of {len(raw)} bytes does not fit into a queue")
        text = base64.b64encode(raw).decode("ascii")
        hidden = min(max(0, math.ceil(delay)), LONGEST_DELAY)
        await self._do(
            queue,
            lambda client: client.send_message(text, visibility_timeout=hidden, time_to_live=ttl),
        )

    async def send_many(self, queue: QueueName, bodies: Iterable[bytes | str]) -> None:
        """Put many messages on a queue, some at a time. After an error some may be there, some not."""
        await each([(queue, body) for body in bodies], self.send)

    async def depth(self, queue: str) -> int | None:
        """About how many messages wait, hidden ones too; None while storage does not answer."""
        try:
            with in_words("Queue"):
                properties = await self._client(queue).get_queue_properties()
        except ResourceNotFoundError:
            return 0
        except SyncError:
            return None
        return int(properties.approximate_message_count or 0)

    async def check(self) -> None:
        """One cheap call. Raises `NotConfigured` or `Transient` in words."""
        try:
            with in_words("Queue"):
                await self._client("entity-sync").get_queue_properties()
        except ResourceNotFoundError:
            return

    async def close(self) -> None:
        if self._service is not None:
            await self._service.close()
            self._service = None
            self._clients.clear()

    async def _do(self, queue: str, call: Callable[[QueueClient], Awaitable[object]]) -> None:
        client = self._client(queue)
        try:
            with in_words("Queue"):
                await call(client)
        except ResourceNotFoundError:
            try:
                with in_words("Queue"):
                    await client.create_queue()
            except ResourceExistsError:
                pass  # another worker was first
            with in_words("Queue"):
                await call(client)

    def _client(self, queue: str) -> QueueClient:
        if queue not in self._clients:
            self._clients[queue] = self._open().get_queue_client(queue)
        return self._clients[queue]

    def _open(self) -> QueueServiceClient:
        if self._service is None:
            # Slow to import and not needed to serve a page.
            from azure.storage.queue.aio import QueueServiceClient

            options = self._account.options() | _RETRY
            try:
                if text := self._account.connection_string():
                    self._service = QueueServiceClient.from_connection_string(text, **options)
                else:
                    self._service = QueueServiceClient(
                        self._account.queue_uri, credential=self._account.credential(), **options
                    )
            except ValueError as error:
                raise bad_address(error) from None
        return self._service
