"""What the sandbox remembers of each request: the log, and counters by service and kind."""

from __future__ import annotations

import re
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from aiohttp import web

# A handler that knows the kind of its request better than its path does says so: `request[KIND] = "POST things"`.
KIND: web.RequestKey[str] = web.RequestKey("kind", str)
BODY_LIMIT = 64 * 1024
LOG_LIMIT = 20_000

_IDS = re.compile(r"\([^)]*\)|(?<=/)[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}(?=/|$)|(?<=/)\d+(?=/|$)")


@dataclass(slots=True)
class LogEntry:
    """One request; `status` and `ended` stay None until it is answered (or for ever, when it was dropped)."""

    id: int
    service: str
    method: str
    path: str
    query: str
    kind: str
    started: datetime
    headers: dict[str, str]
    body_size: int
    body: str
    status: int | None = None
    ended: datetime | None = None
    fault: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "service": self.service,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "kind": self.kind,
            "status": self.status,
            "started": self.started.isoformat(),
            "ended": self.ended.isoformat() if self.ended else None,
            "headers": self.headers,
            "body_size": self.body_size,
            "body": self.body,
            "fault": self.fault,
        }


class RequestLog:
    """The newest 20,000 requests, oldest first."""

    def __init__(self) -> None:
        self.entries: deque[LogEntry] = deque(maxlen=LOG_LIMIT)
        self._next = 1

    def open(
        self,
        *,
        service: str,
        method: str,
        path: str,
        query: str,
        kind: str,
        headers: dict[str, str],
        body: bytes,
        started: datetime,
    ) -> LogEntry:
        entry = LogEntry(
            id=self._next,
            service=service,
            method=method,
            path=path,
            query=query,
            kind=kind,
            started=started,
            headers=headers,
            body_size=len(body),
            body=body[:BODY_LIMIT].decode("utf-8", "replace"),
        )
        self._next += 1
        self.entries.append(entry)
        return entry

    def select(
        self, *, service: str = "", method: str = "", path: str = "", kind: str = "", since: int = 0
    ) -> list[LogEntry]:
        """Entries with an id above `since`; `path` is a regular expression searched in path and query."""
        pattern = re.compile(path)
        return [
            entry
            for entry in self.entries
            if entry.id > since
            and (not service or entry.service == service)
            and (not method or entry.method == method.upper())
            and (not kind or entry.kind == kind)
            and pattern.search(f"{entry.path}?{entry.query}" if entry.query else entry.path)
        ]

    def clear(self) -> None:
        """Forget the entries; ids go on, so that `since` stays true."""
        self.entries.clear()


def general_kind(method: str, path: str) -> str:
    """Method and path without ids, for services that do not name their requests."""
    return f"{method} {_IDS.sub('', path).strip('/')}"


@dataclass(slots=True)
class ServiceCounters:
    requests: int = 0
    running: int = 0
    max_concurrent: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    named: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        return {
            **self.named,
            "requests": self.requests,
            "running": self.running,
            "max_concurrent": self.max_concurrent,
            "by_kind": dict(self.by_kind),
            "statuses": dict(self.statuses),
        }


class Counters:
    """Counts by service. Services add their own with `count`, and parts of a batch with `count_kind`."""

    def __init__(self) -> None:
        self.services: dict[str, ServiceCounters] = {}

    def of(self, service: str) -> ServiceCounters:
        return self.services.setdefault(service, ServiceCounters())

    def count(self, service: str, name: str, times: int = 1) -> None:
        """Add to a counter of the service's own, such as `missing_if_match`."""
        self.of(service).named[name] += times

    def highest(self, service: str, name: str, value: int) -> None:
        """Keep the greatest value seen under `name`."""
        named = self.of(service).named
        named[name] = max(named[name], value)

    def count_kind(self, service: str, kind: str) -> None:
        """Count a part that is no request of its own, such as `part POST salesInvoices`."""
        self.of(service).by_kind[kind] += 1

    def as_json(self) -> dict[str, Any]:
        return {name: counters.as_json() for name, counters in self.services.items()}

    def clear(self) -> None:
        """Start anew; requests that run now stay counted as running."""
        running = {name: counters.running for name, counters in self.services.items()}
        self.services = {name: ServiceCounters(running=count) for name, count in running.items()}
