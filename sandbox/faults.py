"""Faults on demand: which request is to meet which trouble, and when."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

When = Literal["before", "after"]

WAITING = frozenset({"latency", "hold"})
ANSWERING = frozenset({"status", "drop", "truncate", "raw"})
SERVICES = ("bc", "halo", "entra")


class BadFault(ValueError):
    """The description of a fault makes no sense; the text says why."""


@dataclass(slots=True)
class Fault:
    """One rule: requests that match it, after `skip` of them, meet `action`; `left` None means for ever."""

    id: int
    service: str
    method: str
    path: re.Pattern[str]
    body: re.Pattern[str] | None
    skip: int
    left: int | None
    action: dict[str, Any]
    fired: int = 0

    @property
    def kind(self) -> str:
        return str(self.action["kind"])

    @property
    def when(self) -> When:
        if self.kind == "truncate":
            return "after"
        return "after" if self.action.get("when") == "after" else "before"

    def matches(self, service: str, method: str, path: str, body: str) -> bool:
        return (
            self.left != 0
            and service == self.service
            and self.method in ("", method)
            and self.path.search(path) is not None
            and (self.body is None or self.body.search(body) is not None)
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "service": self.service,
            "method": self.method or None,
            "path": self.path.pattern or None,
            "body": self.body.pattern if self.body else None,
            "skip": self.skip,
            "left": self.left,
            "fired": self.fired,
            "action": self.action,
        }


@dataclass(slots=True)
class Held:
    """A request that waits for its release."""

    name: str
    service: str
    method: str
    path: str
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def as_json(self) -> dict[str, str]:
        return {"name": self.name, "service": self.service, "method": self.method, "path": self.path}


class Faults:
    """The rules in the order they were given, and the requests held by them.

    One request meets at most one rule that waits (latency, hold) and one that answers (status, drop, truncate,
    raw): the first of each. So two one-time rules for the same request hit two requests, one after the other.
    """

    def __init__(self) -> None:
        self.rules: list[Fault] = []
        self.held: list[Held] = []
        self._next = 1

    def add(self, wanted: Mapping[str, Any]) -> Fault:
        """Add a rule from its JSON form; `BadFault` when it cannot be understood."""
        fault = parse(self._next, wanted)
        self._next += 1
        self.rules.append(fault)
        return fault

    def meet(self, service: str, method: str, path: str, body: str) -> list[Fault]:
        """The rules that this request meets, each counted as fired."""
        chosen: dict[bool, Fault] = {}
        for fault in self.rules:
            if not fault.matches(service, method, path, body):
                continue
            if fault.skip:
                fault.skip -= 1
                continue
            chosen.setdefault(fault.kind in WAITING, fault)
        for fault in chosen.values():
            fault.fired += 1
            if fault.left is not None:
                fault.left -= 1
        return list(chosen.values())

    def release(self, name: str) -> int:
        """Let the requests held under `name` go on; says how many there were."""
        waiting = [held for held in self.held if held.name == name]
        for held in waiting:
            held.released.set()
        return len(waiting)

    def clear(self) -> None:
        """Forget all rules and let everything held go on."""
        self.rules.clear()
        for held in self.held:
            held.released.set()


def parse(number: int, wanted: Mapping[str, Any]) -> Fault:
    """A rule from its JSON form, checked."""
    service = wanted.get("service")
    if service not in SERVICES:
        raise BadFault(f"service must be one of {', '.join(SERVICES)}")
    unknown = set(wanted) - {"service", "method", "path", "body", "skip", "times", "action"}
    if unknown:
        raise BadFault(f"unknown: {', '.join(sorted(unknown))}")
    times = _whole(wanted, "times", 1)
    return Fault(
        id=number,
        service=service,
        method=str(wanted.get("method") or "").upper(),
        path=_pattern(wanted.get("path") or ""),
        body=_pattern(wanted["body"]) if wanted.get("body") else None,
        skip=_whole(wanted, "skip", 0),
        left=times or None,
        action=_action(wanted.get("action")),
    )


def _action(action: Any) -> dict[str, Any]:
    if not isinstance(action, dict) or action.get("kind") not in WAITING | ANSWERING:
        raise BadFault(f"action.kind must be one of {', '.join(sorted(WAITING | ANSWERING))}")
    kind = action["kind"]
    needed = {
        "latency": "seconds",
        "hold": "name",
        "status": "status",
        "truncate": "bytes",
        "raw": "body",
    }.get(kind)
    if needed and needed not in action:
        raise BadFault(f"action.{needed} is missing")
    if action.get("when", "before") not in ("before", "after"):
        raise BadFault("action.when must be before or after")
    return dict(action)


def _pattern(text: Any) -> re.Pattern[str]:
    try:
        return re.compile(str(text))
    except re.error as error:
        raise BadFault(f"not a regular expression: {text} ({error})") from error


def _whole(wanted: Mapping[str, Any], name: str, default: int) -> int:
    value = wanted.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadFault(f"{name} must be a whole number, 0 or more")
    return value
