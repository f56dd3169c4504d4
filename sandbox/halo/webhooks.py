"""Halo's webhooks: each save is told to the addresses that want it, soon, over a real connection.

Nothing is promised: deliveries may come twice, late, out of order or never (switches), and by default nobody
tries again.
"""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import aiohttp

from sandbox.halo.fields import Row
from sandbox.halo.reading import detail
from sandbox.halo.resources import RESOURCES
from sandbox.halo.store import Change, HaloState
from sandbox.halo.values import write_json

type Format = Literal["event", "nested", "bare", "short"]

FORMATS: tuple[Format, ...] = ("event", "nested", "bare", "short")
RESOURCE_OF = {"customer": "Client", "site": "Site", "product": "Item", "invoice": "Invoice"}
ANSWER_SHOWN = 2048


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address and what it wants: one kind of record (`customer`, `product`, `invoice`, `site`) or all (None)."""

    url: str
    entity: str | None = None
    format: Format = "event"
    batch: bool = False


@dataclass(slots=True)
class Delivery:
    """One try of one delivery, as Halo's Deliveries tab shows it; `status` 0: nothing came back."""

    id: int
    url: str
    at: datetime
    body: Any
    outcome: Literal["delivered", "failed", "lost"] = "failed"
    status: int = 0
    answer: str = ""
    error: str = ""
    seconds: float = 0.0
    attempt: int = 1
    records: list[dict[str, Any]] = field(default_factory=list)

    @property
    def under_way(self) -> bool:
        return self.outcome == "failed" and not self.status and not self.error


class Courier:
    """Carries changes to the webhooks by background tasks of the service's own loop."""

    def __init__(self, state: HaloState) -> None:
        self._state = state
        self._tasks: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None
        self._batches: dict[Webhook, list[Change]] = {}
        self._random = random.Random(state.world.seed)
        self._sent = 0
        self.registered: list[Webhook] = []
        self.deliveries: list[Delivery] = []
        state.tell = self.carry
        state.world.on_reset(self._forget)

    @property
    def pending(self) -> int:
        """Deliveries on their way."""
        return len(self._tasks)

    def _forget(self) -> None:
        """The addresses stay over a reset; what was under way or delivered does not."""
        for task in self._tasks:
            task.cancel()
        self._batches.clear()
        self.deliveries.clear()
        self._sent = 0
        self._random = random.Random(self._state.world.seed)

    async def close(self) -> None:
        self._forget()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    def carry(self, changes: Sequence[Change]) -> None:
        """Queue the deliveries of these changes; returns at once."""
        for change in changes:
            for webhook in self._wanting(change):
                if webhook.batch:
                    self._collect(webhook, change)
                else:
                    self._start(webhook, [change], float(self._state.switch("webhook_delay")))

    def _wanting(self, change: Change) -> list[Webhook]:
        wanting = [webhook for webhook in self.registered if webhook.entity in (None, change.entity)]
        numbers = set(self._state.switch("event_numbers").get(change.entity, ()))
        subscribed = {
            row["webhook_id"]
            for row in self._state.table("Notification").values()
            if row["eventno"] in numbers and row["delivery_method"] == 6
        }
        wanting += [
            Webhook(row["url"], change.entity)
            for key, row in self._state.table("Webhook").items()
            if key in subscribed and row["active"] and row["type"] == 0
        ]
        return wanting

    def _collect(self, webhook: Webhook, change: Change) -> None:
        waiting = self._batches.get(webhook)
        if waiting is not None:
            waiting.append(change)
            return
        collected = self._batches[webhook] = [change]
        self._start(webhook, collected, float(self._state.switch("webhook_batch_seconds")))

    def _start(self, webhook: Webhook, changes: list[Change], delay: float) -> None:
        for _ in range(1 + int(self._state.switch("webhook_duplicates"))):
            wait = delay + self._random.random() * float(self._state.switch("webhook_jitter"))
            task = asyncio.get_running_loop().create_task(self._deliver(webhook, changes, wait))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _deliver(self, webhook: Webhook, changes: list[Change], wait: float) -> None:
        await asyncio.sleep(wait)
        if self._batches.get(webhook) is changes:
            del self._batches[webhook]
        bodies = [body_of(self._state, webhook.format, change) for change in changes]
        body = bodies if webhook.batch else bodies[0]
        records = [
            {"entity": change.entity, "id": change.id, "operation": change.operation} for change in changes
        ]
        tries = 1 + int(self._state.switch("webhook_retries"))
        for attempt in range(1, tries + 1):
            delivery = self._note(webhook, body, attempt, records)
            if self._lost():
                delivery.outcome = "lost"
                return
            await self._send(webhook.url, delivery)
            if delivery.outcome == "delivered" or attempt == tries:
                return
            await asyncio.sleep(float(self._state.switch("webhook_retry_seconds")))

    def _note(self, webhook: Webhook, body: Any, attempt: int, records: list[dict[str, Any]]) -> Delivery:
        self._sent += 1
        now = self._state.world.clock.now()
        delivery = Delivery(
            self._sent, without_code(webhook.url), now, body, attempt=attempt, records=records
        )
        self.deliveries.append(delivery)
        return delivery

    def _lost(self) -> bool:
        loss = float(self._state.switch("webhook_loss"))
        if not loss:
            return False
        if 0 < loss < 1:
            return self._random.random() < loss
        return self._sent % int(loss) == 0

    async def _send(self, url: str, delivery: Delivery) -> None:
        started = time.monotonic()
        timeout = aiohttp.ClientTimeout(total=float(self._state.switch("webhook_timeout")))
        try:
            async with self._session().post(
                url,
                data=write_json(delivery.body),
                headers={"Content-Type": "application/json"},
                timeout=timeout,
                allow_redirects=False,
            ) as answer:
                text = await answer.text(errors="replace")
                delivery.status, delivery.answer = answer.status, text[:ANSWER_SHOWN]
                delivery.outcome = "delivered" if answer.status < 400 else "failed"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            delivery.error = f"{type(error).__name__}: {error}"
        finally:
            delivery.seconds = round(time.monotonic() - started, 4)

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None or self._http.closed:
            self._http = aiohttp.ClientSession()
        return self._http


def body_of(state: HaloState, form: Format, change: Change) -> Row:
    """The body that tells of a change; Halo publishes no schema, so these are the forms seen in the field."""
    resource = RESOURCES[RESOURCE_OF[change.entity]]
    if form == "short":
        operation = "delete" if change.operation == "deleted" else "upsert"
        return {"entity": change.entity, "halo_id": str(change.id), "operation": operation}
    if form == "event":
        return {
            "event": f"{resource.name} {change.operation.title()}",
            "id": change.id,
            "timestamp": state.world.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f"),
        }
    record = detail(state, resource, change.row, include_details=True)
    if form == "bare":
        return record
    return {"webhook_event_id": str(uuid.uuid4()), resource.name.lower(): record}


def without_code(url: str) -> str:
    """The address without its function key, fit to be shown."""
    parts = urlsplit(url)
    query = [
        (name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "code"
    ]
    return urlunsplit(parts._replace(query=urlencode(query)))


def parse_webhook(wanted: Mapping[str, Any]) -> Webhook:
    """A webhook from its JSON form; ValueError says what is wrong."""
    unknown = set(wanted) - {"url", "entity", "format", "batch"}
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    url = wanted.get("url")
    if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https"):
        raise ValueError("url must be an http address")
    entity = wanted.get("entity")
    if entity is not None and entity not in RESOURCE_OF:
        raise ValueError(f"entity must be null or one of {', '.join(RESOURCE_OF)}")
    form = wanted.get("format", "event")
    if form not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(FORMATS)}")
    return Webhook(url, entity, form, bool(wanted.get("batch", False)))


def courier_of(state: HaloState) -> Courier:
    """The one courier of this world."""
    return state.world.part(Courier, lambda: Courier(state))
