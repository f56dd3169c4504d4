"""What goes to Business Central and what comes back: environments, companies, the parts of a `$batch`."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import msgspec


class Environment(msgspec.Struct, frozen=True):
    """`type`: `Production` or `Sandbox`; `country`: ISO code, "" where BC does not say."""

    name: str
    type: str
    country: str


class Company(msgspec.Struct, frozen=True):
    """`display_name` is the name where BC's is empty."""

    id: str
    name: str
    display_name: str


class Part(msgspec.Struct, frozen=True):
    """One request of a `$batch`. `path` is relative to the company; a query in it is plain text (see `relative`)."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    if_match: str = ""

    @property
    def writes(self) -> bool:
        return self.method.upper() != "GET"


class PartAnswer(msgspec.Struct, frozen=True):
    """The answer to one part. `status` 0: not carried out, or rolled back, because another part failed."""

    status: int
    headers: Mapping[str, str] = {}
    body: dict[str, Any] | None = None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


class Exchange(msgspec.Struct, frozen=True):
    """One HTTP request to BC and its answer, as they went over the wire. `trouble`: why there is no whole answer."""

    method: str
    url: str
    sent: bytes
    status: int = 0
    answer: bytes = b""
    trouble: str = ""


# What one push keeps of its requests: the last ones, and no answer that is a list of a company.
MOST_KEPT = 8
LONGEST_KEPT = 128 * 1024


class _Count:
    __slots__ = ("exchanges", "made")

    def __init__(self) -> None:
        self.made = 0
        self.exchanges: deque[Exchange] = deque(maxlen=MOST_KEPT)


_count: ContextVar[_Count | None] = ContextVar("bc_requests_made", default=None)


@contextmanager
def count_requests() -> Iterator[None]:
    """Count the HTTP requests to BC made inside the block, tasks started there included: `requests_made()` tells."""
    token = _count.set(_Count())
    try:
        yield
    finally:
        _count.reset(token)


def requests_made() -> int:
    """HTTP requests to BC since the enclosing `count_requests()` began; 0 outside one. A `$batch` is one request."""
    count = _count.get()
    return count.made if count else 0


def request_made() -> None:
    """Note one HTTP request to BC."""
    count = _count.get()
    if count:
        count.made += 1


def exchanged(exchange: Exchange) -> None:
    """Note what a request sent and what came back, for whoever counts."""
    count = _count.get()
    if count:
        long = len(exchange.sent) + len(exchange.answer) > LONGEST_KEPT
        kept = msgspec.structs.replace(exchange, sent=b"", answer=b"", trouble="too long to keep")
        count.exchanges.append(kept if long else exchange)


def exchanges() -> tuple[Exchange, ...]:
    """The last requests to BC since the enclosing `count_requests()` began, oldest first."""
    count = _count.get()
    return tuple(count.exchanges) if count else ()
