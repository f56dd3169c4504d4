"""Output bindings that put messages on queues."""

import base64
import json
from collections.abc import Callable
from typing import Any

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue.aio import QueueClient, QueueServiceClient

from local import storage
from local.protos import TypedData
from local.settings import resolve
from local.worker import Answer, Function


class Queues:
    """Queue clients by connection and name; one service client for each connection."""

    def __init__(self) -> None:
        self._services: dict[str, QueueServiceClient] = {}
        self._clients: dict[tuple[str, str], QueueClient] = {}

    def client(self, connection: str | None, name: str) -> QueueClient:
        """The client of a queue; `%SETTING%` in the name is resolved. Messages are passed as stored."""
        connection, name = connection or storage.HOST_STORAGE, resolve(name)
        key = (connection, name)
        if key not in self._clients:
            if connection not in self._services:
                self._services[connection] = storage.queue_service(connection)
            self._clients[key] = self._services[connection].get_queue_client(name)
        return self._clients[key]

    async def close(self) -> None:
        """Close the connections."""
        for service in self._services.values():
            await service.close()


async def create(queue: QueueClient) -> None:
    """Create the queue unless it is there."""
    try:
        await queue.create_queue()
    except ResourceExistsError:
        return


class QueueOutput:
    """Sends what functions put on `queue` bindings, and tells the listeners of this host."""

    def __init__(self, queues: Queues, encode_base64: bool, sent: Callable[[str], None]) -> None:
        self._queues = queues
        self._base64 = encode_base64
        self._sent = sent

    async def send(self, function: Function, answer: Answer) -> None:
        """Put every message of every `queue` output of this answer on its queue; creates an absent queue."""
        for name, data in answer.outputs.items():
            binding = function.outputs.get(name)
            if binding is None or binding["type"] != "queue":
                continue
            queue = self._queues.client(binding.get("connection"), str(binding["queueName"]))
            for message in _messages(data):
                await self._put(queue, message)
            self._sent(queue.queue_name)

    async def _put(self, queue: QueueClient, message: bytes) -> None:
        text = base64.b64encode(message).decode() if self._base64 else message.decode()
        try:
            await queue.send_message(text)
        except ResourceNotFoundError:
            await create(queue)
            await queue.send_message(text)


def _messages(data: TypedData) -> list[bytes]:
    """A JSON array is one message for each element, anything else is one message."""
    value = data.value
    if isinstance(value, bytes):
        return [value]
    if data.WhichOneof("data") != "json":
        return [str(value).encode()]
    content = json.loads(value)
    return [_text(item).encode() for item in (content if isinstance(content, list) else [content])]


def _text(item: Any) -> str:
    return item if isinstance(item, str) else json.dumps(item)
