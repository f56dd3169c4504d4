"""What pushes write to Halo, gathered: while several are under way, their rows go out as one array.

Halo's calls are the narrow pipe, Business Central's answers come one by one: so the rows of a write-back wait a moment
for those of others. They wait for nobody who waits himself: as soon as every push under way has handed in its row, the
array goes, and a lone push sends at once. An array that Halo refuses is halved until the right row is to blame.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from contextvars import Context, ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bc.clients.halo import ArrayRefused, Strangers
from bc.entities.values import Record, ident
from bc.errors import Refused, SyncError, Transient
from bc.sync.patience import a_person_waits, for_a_person
from bc.sync.permits import asks

if TYPE_CHECKING:
    from bc.clients.halo import Halo

HOLD_SECONDS = 0.5
FLOOD, FLOOD_PATIENCE = 25, 2
MOST_ROWS = 200
LINES = "Invoice/updatelines"

type Row = Mapping[str, Any]


@dataclass(slots=True)
class _Entry:
    """The rows of one push; `answer` becomes Halo's answer for them, or the error that is theirs alone."""

    rows: Sequence[Row]
    answer: asyncio.Future[Sequence[Record]]


@dataclass(slots=True)
class _Queue:
    """Rows of one resource. What a person waits for has queues of its own, and does not wait behind a flood."""

    creates: bool
    a_persons: bool
    entries: list[_Entry] = field(default_factory=list)
    since: float = 0.0
    sender: asyncio.Task[None] | None = None

    @property
    def rows(self) -> int:
        return sum(len(entry.rows) for entry in self.entries)


# Whether this task's push is counted already: one that pushes its customer first is still one.
_counted: ContextVar[bool] = ContextVar("counted", default=False)


class HaloWrites:
    """One per process."""

    def __init__(self, halo: Halo, *, hold_seconds: float = HOLD_SECONDS) -> None:
        self._halo = halo
        self._hold = hold_seconds
        self._queues: dict[tuple[str, bool, bool], _Queue] = {}
        self._pushes = 0
        self._waiting = 0
        self._moved = asyncio.Condition()

    @asynccontextmanager
    async def push(self) -> AsyncIterator[None]:
        """A push is under way: until its end or its next write, the rows of others wait for it a moment."""
        if _counted.get():
            yield
            return
        token = _counted.set(True)
        self._pushes += 1
        try:
            yield
        finally:
            _counted.reset(token)
            self._pushes -= 1
            await self._tell()

    async def save(self, resource: str, rows: Sequence[Row]) -> Sequence[Record]:
        """Change records of one push, with those of others in one array; Halo's answers for them, as far as it gave any.

        Each row has its `id`, so that repeating it does no harm. Raises what `Halo.save` would raise for these alone.
        """
        return await self._hand_in(resource, rows, creates=False) if rows else []

    async def create(self, resource: str, row: Row) -> Record:
        """Leave Halo a new row, with those of others in one array; {} where it does not say what it made of it.

        An array that is refused is not repeated, since a tenant may have kept part of it: its refusal is everybody's.
        """
        answers = await self._hand_in(resource, [row], creates=True)
        return answers[0] if answers else {}

    async def _hand_in(self, resource: str, rows: Sequence[Row], *, creates: bool) -> Sequence[Record]:
        asks("halo")
        if self._pushes <= 1 or not _counted.get():
            return await self._halo.save(resource, rows)
        entry = _Entry(rows, asyncio.get_running_loop().create_future())
        person = a_person_waits()
        queue = self._queues.setdefault((resource, creates, person), _Queue(creates, person))
        if not queue.entries:
            queue.since = time.monotonic()
        queue.entries.append(entry)
        self._waiting += 1
        if queue.sender is None or queue.sender.done():
            # In a context of its own: what it notes of its calls belongs to no single push.
            sending = self._send_all(resource, queue)
            queue.sender = asyncio.create_task(sending, name=f"halo {resource}", context=Context())
        try:
            await self._tell()
            return await entry.answer
        finally:
            self._waiting -= 1

    async def update_lines(self, rows: Sequence[Row]) -> Sequence[Record]:
        """Change lines of one invoice (see `Halo.update_lines`); Halo's answers for them, as far as it gave any."""
        return await self.save(LINES, rows)

    async def _tell(self) -> None:
        async with self._moved:
            self._moved.notify_all()

    async def _send_all(self, resource: str, queue: _Queue) -> None:
        """Send until nothing is left; one array of a kind at a time, so that a slow Halo makes fuller ones."""
        while queue.entries:
            await self._gather(queue)
            batch = _cut(queue)
            try:
                with for_a_person() if queue.a_persons else nullcontext():
                    await (self._send_new if queue.creates else self._send)(resource, batch)
            except BaseException as error:
                # Nobody may wait for ever, whatever happened.
                _fail(batch, error)
                if not isinstance(error, Exception):
                    _fail(queue.entries, error)
                    raise

    async def _gather(self, queue: _Queue) -> None:
        def complete() -> bool:
            return self._waiting >= self._pushes or queue.rows >= MOST_ROWS

        # In a flood Halo's calls are scarcer than time; what a person waits for never waits longer.
        patience = FLOOD_PATIENCE if self._pushes >= FLOOD and not queue.a_persons else 1
        left = queue.since + self._hold * patience - time.monotonic()
        async with self._moved:
            try:
                await asyncio.wait_for(self._moved.wait_for(complete), max(left, 0))
            except TimeoutError:
                return

    async def _send(self, resource: str, batch: Sequence[_Entry]) -> None:
        batch = [entry for entry in batch if not entry.answer.done()]
        if len(batch) <= 1:
            for entry in batch:
                await self._send_alone(resource, entry)
            return
        rows = [row for entry in batch for row in entry.rows]
        try:
            answers = await self._halo.save(resource, rows, singles=False)
        except Strangers as error:
            # Some of the ids are unknown and their rows became new records: to send those again would make more.
            self._share(batch, error.saved, missing=error)
            return
        except Refused:
            half = len(batch) // 2
            await self._send(resource, batch[:half])
            await self._send(resource, batch[half:])
            return
        except SyncError as error:
            _fail(batch, error)
            return
        for entry in self._share(batch, answers):
            # A tenant that keeps the good part of an array leaves out what it refused: alone, it says why.
            await self._send_alone(resource, entry)

    async def _send_new(self, resource: str, batch: Sequence[_Entry]) -> None:
        batch = [entry for entry in batch if not entry.answer.done()]
        rows = [row for entry in batch for row in entry.rows]
        try:
            answers = await self._halo.save(resource, rows, singles=False)
        except SyncError as error:
            _fail(batch, error)
            return
        told = len(answers) == len(rows)
        for position, entry in enumerate(batch):
            _answer(entry, [answers[position]] if told else [])

    async def _send_alone(self, resource: str, entry: _Entry) -> None:
        try:
            answers = await self._halo.save(resource, entry.rows)
        except ArrayRefused as error:
            # Where one row only found Halo busy, the push may be tried again.
            open_fault = next((one for one in error.errors.values() if isinstance(one, Transient)), error)
            _fail([entry], open_fault)
        except SyncError as error:
            _fail([entry], error)
        else:
            _answer(entry, answers)

    def _share(
        self, batch: Sequence[_Entry], answers: Sequence[Record], *, missing: SyncError | None = None
    ) -> list[_Entry]:
        """Give each push its answers; returns those whose rows Halo passed over while it spoke of others."""
        by_id = {ident(answer, "id"): answer for answer in answers if ident(answer, "id")}
        ids = [[ident(row, "id") for row in entry.rows] for entry in batch]
        # What answers a command need not be the rows at all: then it passes over nobody.
        speaks = any(row_id in by_id for own in ids for row_id in own)
        passed_over = []
        for entry, own in zip(batch, ids, strict=True):
            if not speaks or all(row_id in by_id for row_id in own):
                _answer(entry, [by_id[row_id] for row_id in own if row_id in by_id])
            elif missing is not None:
                _fail([entry], missing)
            else:
                passed_over.append(entry)
        return passed_over


def _cut(queue: _Queue) -> list[_Entry]:
    """The entries of the next array, oldest first, as many as fit."""
    taken, rows = 0, 0
    for entry in queue.entries:
        if taken and rows + len(entry.rows) > MOST_ROWS:
            break
        taken, rows = taken + 1, rows + len(entry.rows)
    batch, queue.entries = queue.entries[:taken], queue.entries[taken:]
    queue.since = time.monotonic()
    return batch


def _answer(entry: _Entry, answers: Sequence[Record]) -> None:
    if not entry.answer.done():
        entry.answer.set_result(answers)


def _fail(batch: Sequence[_Entry], error: BaseException) -> None:
    for entry in batch:
        if entry.answer.done():
            continue
        if isinstance(error, asyncio.CancelledError):
            entry.answer.cancel()
        else:
            entry.answer.set_exception(error)
