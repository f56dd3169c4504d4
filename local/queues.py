"""Queue triggers: polling, leases on messages, retries and poison queues, as the storage extension does them."""

import asyncio
import base64
import binascii
import logging
import os
import random
from dataclasses import dataclass

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.queue import QueueMessage

from local.invoker import Invoker
from local.protos import TypedData
from local.queue_output import Queues, create
from local.settings import QueueSettings
from local.work import Work
from local.worker import Function, FunctionFailed

log = logging.getLogger("local.queues")

SHORTEST_POLL = 0.1
POISON = "-poison"


@dataclass
class Lease:
    """A received message and the receipt that the latest renewal gave."""

    message: QueueMessage
    receipt: str


class Listener:
    """Polls one queue for one function."""

    def __init__(
        self, function: Function, queues: Queues, settings: QueueSettings, invoker: Invoker, work: Work
    ) -> None:
        connection, name = function.trigger.get("connection"), str(function.trigger["queueName"])
        self._function = function
        self._settings = settings
        self._invoker = invoker
        self._work = work
        self._queue = queues.client(connection, name)
        # A poison queue has no poison queue of its own: its failures only wait for their next turn.
        self._poison = (
            None if self._queue.queue_name.endswith(POISON) else queues.client(connection, name + POISON)
        )
        self._hidden_for = max(1, int(os.environ.get("LOCAL_QUEUE_VISIBILITY_SECONDS", "600")))
        self._woken = asyncio.Event()
        self._running = 0

    @property
    def queue_name(self) -> str:
        """The queue this listener reads."""
        return self._queue.queue_name

    def wake(self) -> None:
        """Poll at once: a message was just put on the queue by this host, or a slot came free."""
        self._woken.set()

    async def prepare(self) -> None:
        """Create the queue."""
        await create(self._queue)

    async def poll(self) -> None:
        """Take batches until cancelled, waiting longer the longer the queue stays empty."""
        pause = SHORTEST_POLL
        while True:
            self._woken.clear()
            if self._running > self._settings.new_batch_threshold:
                await self._woken.wait()
                continue
            if await self._take_batch():
                pause = SHORTEST_POLL
                continue
            await self._wait(pause * random.uniform(0.8, 1.2))
            pause = (
                SHORTEST_POLL if self._woken.is_set() else min(pause * 2, self._settings.max_polling_interval)
            )

    async def _wait(self, pause: float) -> None:
        try:
            await asyncio.wait_for(self._woken.wait(), pause)
        except TimeoutError:
            return

    async def _take_batch(self) -> bool:
        """Receive once and start every message; whether there were any."""
        size = self._settings.batch_size
        # A task of its own: messages that the service has just leased to us are begun even if we are told to stop.
        receiving = self._work.begin(self._receive(size))
        try:
            return await asyncio.shield(receiving)
        except AzureError as error:
            log.warning("The queue %s cannot be read: %s", self.queue_name, error)
        return False

    async def _receive(self, size: int) -> bool:
        received = False
        messages = self._queue.receive_messages(
            messages_per_page=size, max_messages=size, visibility_timeout=self._hidden_for
        )
        try:
            async for message in messages:
                received = True
                self._running += 1
                self._work.begin(self._process(message))
        except ResourceNotFoundError:  # somebody deleted the queue
            await create(self._queue)
        return received

    async def _process(self, message: QueueMessage) -> None:
        try:
            await self._settle(Lease(message, str(message.pop_receipt)))
        except ResourceNotFoundError:
            log.warning("The lease on message %s was lost; it may run again.", message.id)
        except AzureError as error:
            log.warning("The message %s cannot be settled: %s", message.id, error)
        finally:
            self._running -= 1
            self.wake()

    async def _settle(self, lease: Lease) -> None:
        message = lease.message
        try:
            body = self._decode(str(message.content))
        except ValueError:
            log.warning("The message %s on %s cannot be decoded.", message.id, self.queue_name)
            await self._bury(lease)
            return
        if (message.dequeue_count or 0) > self._settings.max_dequeue_count:
            await self._bury(lease)
        elif await self._run(lease, body):
            await self._queue.delete_message(str(message.id), lease.receipt)
        elif self._poison is None:
            return
        elif (message.dequeue_count or 0) >= self._settings.max_dequeue_count:
            await self._bury(lease)
        else:
            await self._release(lease)

    async def _run(self, lease: Lease, body: str) -> bool:
        """Run the function while its lease is kept alive; whether it succeeded."""
        ended = asyncio.Event()
        renewal = asyncio.create_task(self._renew(lease, ended))
        try:
            await self._invoker.run(self._function, TypedData(string=body), _metadata(lease.message))
        except FunctionFailed:
            return False
        except asyncio.CancelledError:
            # The host stops: hand the message on instead of hiding it until its lease runs out.
            ended.set()
            await renewal
            await self._release(lease)
            raise
        finally:
            # Never cancelled in the middle of an update: that would leave us with the wrong receipt.
            ended.set()
            await renewal
        return True

    async def _renew(self, lease: Lease, ended: asyncio.Event) -> None:
        while True:
            try:
                await asyncio.wait_for(ended.wait(), self._hidden_for / 2)
            except TimeoutError:
                try:
                    lease.receipt = await self._update(lease, self._hidden_for)
                except AzureError as error:
                    log.warning("The lease on message %s cannot be renewed: %s", lease.message.id, error)
            else:
                return

    async def _update(self, lease: Lease, hidden_for: float) -> str:
        updated = await self._queue.update_message(
            str(lease.message.id), lease.receipt, visibility_timeout=int(hidden_for)
        )
        return str(updated.pop_receipt)

    async def _release(self, lease: Lease) -> None:
        lease.receipt = await self._update(lease, self._settings.retry_after)

    async def _bury(self, lease: Lease) -> None:
        """Move the message, as it was stored, to the poison queue. It has a copy there before it goes here."""
        if self._poison is None:
            return
        log.warning("The message %s moves to %s.", lease.message.id, self._poison.queue_name)
        try:
            await self._poison.send_message(str(lease.message.content))
        except ResourceNotFoundError:
            await create(self._poison)
            await self._poison.send_message(str(lease.message.content))
        await self._queue.delete_message(str(lease.message.id), lease.receipt)

    def _decode(self, content: str) -> str:
        if not self._settings.base64:
            return content
        try:
            return base64.b64decode(content, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise ValueError(str(error)) from error


def _metadata(message: QueueMessage) -> dict[str, TypedData]:
    times = {
        "InsertionTime": message.inserted_on,
        "ExpirationTime": message.expires_on,
        "NextVisibleTime": message.next_visible_on,
    }
    return {
        "Id": TypedData(string=str(message.id)),
        "PopReceipt": TypedData(string=str(message.pop_receipt)),
        "DequeueCount": TypedData(json=str(message.dequeue_count or 0)),
        **{name: TypedData(string=time.isoformat()) for name, time in times.items() if time is not None},
    }
