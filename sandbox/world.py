"""One simulated world: its clock, data, switches, faults, log and counters, shared by all its services.

A service is a package with `app(world)` and `control_routes(world)`; it keeps its own state, builds that state
in a hook given to `World.on_reset`. Requests are counted by kind, for example `"POST salesInvoices"`: what the
handler put into `request[KIND]`, else what the function given to `World.name_kinds` says, else the method and
the path without its ids.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.clock import Clock
from sandbox.data import Dataset, build
from sandbox.faults import Faults
from sandbox.records import Counters, RequestLog, general_kind

DEFAULT_SEED = 7


@dataclass(frozen=True, slots=True)
class Token:
    """An access token of the simulated Entra that is valid now, for Business Central."""

    claims: dict[str, Any]

    @property
    def tenant_id(self) -> str:
        return str(self.claims["tid"])

    @property
    def app_id(self) -> str:
        return str(self.claims["appid"])

    @property
    def user(self) -> str | None:
        """The signed-in user's name (`upn`); None in app mode."""
        return self.claims.get("upn")

    @property
    def app_only(self) -> bool:
        return self.claims.get("idtyp") == "app"

    @property
    def scopes(self) -> frozenset[str]:
        """What a signed-in user granted (`scp`)."""
        return frozenset(str(self.claims.get("scp", "")).split())

    @property
    def roles(self) -> frozenset[str]:
        """What an administrator granted to the app itself (`roles`)."""
        return frozenset(self.claims.get("roles", ()))

    @property
    def principal(self) -> str:
        """Whose limits a request counts against: the user, or the app in app mode."""
        return self.user or self.app_id


@dataclass(frozen=True, slots=True)
class Switch:
    """A doubt of the facts, or a habit of a service, that a test may turn."""

    name: str
    default: Any
    meaning: str


class World:
    """All that the services share. `urls` is filled when the servers are bound."""

    def __init__(self, seed: int = DEFAULT_SEED, scale: int = 1) -> None:
        """`seed` fixes the data; `scale` multiplies the number of customers, items and invoices."""
        self.seed = seed
        self.scale = scale
        self.resets = 0
        self.clock = Clock()
        self.data: Dataset = build(seed, scale)
        self.faults = Faults()
        self.log = RequestLog()
        self.counters = Counters()
        self.urls: dict[str, str] = {}
        self.switches: dict[str, Any] = {}
        self.known_switches: dict[str, Switch] = {}
        self.bearer: Callable[[str], Token | None] = _no_tokens
        self.kinds: dict[str, Callable[[str, str], str]] = {}
        self.ca_bundle = ""
        self.credentials: dict[str, Callable[[], Any]] = {}
        self._parts: dict[type, Any] = {}
        self._hooks: list[Callable[[], None]] = []

    def part[T](self, kind: type[T], make: Callable[[], T]) -> T:
        """The one `kind` of this world, made when first asked for: how `app` and `control_routes` share a state."""
        if kind not in self._parts:
            self._parts[kind] = make()
        found: T = self._parts[kind]
        return found

    def register_switch(self, name: str, default: Any, meaning: str) -> None:
        """Name a switch, `service.name`, with its default (the less convenient way). A second time: no change."""
        if name not in self.known_switches:
            self.known_switches[name] = Switch(name, default, meaning)
            self.switches[name] = default

    def switch(self, name: str) -> Any:
        """The present value of a registered switch; KeyError for an unknown name."""
        return self.switches[name]

    def on_reset(self, hook: Callable[[], None]) -> None:
        """Build a service's state from `data`: runs at once, and again at each reset."""
        self._hooks.append(hook)
        hook()

    def name_kinds(self, service: str, kind_of: Callable[[str, str], str]) -> None:
        """Let a service name the kind of each request from its method and path, handled or not."""
        self.kinds[service] = kind_of

    def kind_of(self, service: str, method: str, path: str) -> str:
        return self.kinds.get(service, general_kind)(method, path)

    def show_credentials(self, service: str, read: Callable[[], Any]) -> None:
        """Let `GET /` of the control server show what a client needs to sign in at `service` (JSON-able)."""
        self.credentials[service] = read

    def reset(self, seed: int | None = None, scale: int | None = None) -> None:
        """Everything as it was at the start; another seed or scale rebuilds the data too."""
        self.seed = self.seed if seed is None else seed
        self.scale = self.scale if scale is None else scale
        self.data = build(self.seed, self.scale)
        self.resets += 1
        self.clock.reset()
        self.faults.clear()
        self.log.clear()
        self.counters.clear()
        self.switches.update({switch.name: switch.default for switch in self.known_switches.values()})
        for hook in self._hooks:
            hook()


def _no_tokens(_token: str) -> Token | None:
    return None
