"""What goes to Business Central and what comes back: environments, companies, the parts of a `$batch`."""

from __future__ import annotations

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


class _Count:
    __slots__ = ("made",)

    def __init__(self) -> None:
        self.made = 0


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
