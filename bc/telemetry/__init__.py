"""What the app says of its own work to whoever listens: spans that follow a change, and measures.

Nobody listens unless the settings name somebody (`start`); until then each call here costs a comparison, and nothing
of OpenTelemetry is imported. Attributes are ids, codes and counts: never names, contents, addresses or keys.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bc.settings import TelemetrySettings

log = logging.getLogger("bc.telemetry")

type Value = str | int | float | bool

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
# What differs from call to call of one kind: what stands in parentheses, numbers and GUIDs as a part of the path.
_VARIABLE = re.compile(
    r"\([^)]*\)|(?<=/)(-?[0-9]+|[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})(?=/|$)"
)


class Span(Protocol):
    def set(self, **attributes: Value) -> None:
        """Say more of what the span is about."""
        ...


class Listener(Protocol):
    """Who is told; `bc.telemetry.otel` makes the only one."""

    def span(
        self, name: str, parent: str, attributes: dict[str, Value], *, call: bool
    ) -> AbstractContextManager[Span]: ...

    def note(self, attributes: dict[str, Value]) -> None: ...

    def traceparent(self) -> str: ...

    def measure(self, name: str, value: float, attributes: dict[str, Value]) -> None: ...

    def close(self) -> None: ...


class _Unheard:
    """A span that nobody listens to."""

    def set(self, **attributes: Value) -> None:
        return

    def __enter__(self) -> _Unheard:
        return self

    def __exit__(self, *error: object) -> None:
        return


_UNHEARD = _Unheard()
_listener: Listener | None = None
_caller: ContextVar[str] = ContextVar("traceparent_of_the_caller", default="")


def span(
    name: str, *, parent: str = "", call: bool = False, **attributes: Value
) -> AbstractContextManager[Span]:
    """One step of the work. `parent` is a traceparent that came from elsewhere; `call`: it waits for a remote."""
    if _listener is None:
        return _UNHEARD
    return _listener.span(name, checked(parent) or _caller.get(), attributes, call=call)


def note(**attributes: Value) -> None:
    """Say more of the step that is under way."""
    if _listener is not None:
        _listener.note(attributes)


def measure(name: str, value: float, **attributes: Value) -> None:
    """One value of a distribution: seconds."""
    if _listener is not None:
        _listener.measure(name, value, attributes)


def traceparent() -> str:
    """The W3C trace context of the step under way, to travel with a message or a row; "" while nobody listens."""
    return _listener.traceparent() if _listener is not None else ""


@contextmanager
def called_by(text: object) -> Iterator[None]:
    """The host gave the call this trace context: spans that have no parent of their own belong to it."""
    token = _caller.set(checked(text))
    try:
        yield
    finally:
        _caller.reset(token)


def checked(text: object) -> str:
    """A traceparent, or "" for anything that is none: it may come from a stranger."""
    return text if isinstance(text, str) and _TRACEPARENT.fullmatch(text) else ""


def kind_of_path(path: str) -> str:
    """A path of a remote without what tells one call of a kind from the next: `v2.0/companies(…)/salesInvoices(…)`.

    What stands before `/api/` goes too: Business Central has the tenant and the environment's name there.
    """
    shorter = path.partition("/api/")[2] or path
    return _VARIABLE.sub(lambda found: "(…)" if found[0].startswith("(") else "…", shorter).lstrip("/")


async def start(settings: TelemetrySettings) -> None:
    """Let whoever the settings name listen from now on; once for each process.

    The import takes a second and more, so it happens beside the loop. What goes wrong here never stops the app.
    """
    global _listener
    if not settings.wanted or _listener is not None:
        return
    try:
        from bc.telemetry.otel import open_listener

        _listener = await asyncio.to_thread(open_listener, settings)
    except ImportError as error:
        log.warning("telemetry is off: the package %s is not installed", error.name)
    except Exception as error:  # noqa: BLE001 - its text may hold the address and its key
        log.warning("telemetry is off: it cannot be started (%s)", type(error).__name__)


def listen(listener: Listener | None) -> Listener | None:
    """Let another one listen, or nobody; the one before is given back."""
    global _listener
    before, _listener = _listener, listener
    return before


def close() -> None:
    """Send what is still to be sent."""
    if _listener is not None:
        _listener.close()
