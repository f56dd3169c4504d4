"""Who asks, where, and under which circumstances: what every rule may look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from sandbox.bc.company import Company, Environment
from sandbox.bc.errors import Refusal
from sandbox.bc.schema import EntityType
from sandbox.bc.types import TYPES
from sandbox.world import World


@dataclass(frozen=True, slots=True)
class Session:
    """One request's surroundings. `base` is the absolute address of the API root, without a slash at its end.

    `types` are the entity sets of the API that was called: API v2.0, or an extension's own.
    """

    world: World
    environment: Environment
    base: str
    chosen: Company | None = None
    types: Mapping[str, EntityType] = field(default_factory=lambda: TYPES)

    @property
    def company(self) -> Company:
        """The company of the request; BC's refusal where none was named and there are several."""
        if self.chosen is not None:
            return self.chosen
        only = list(self.environment.companies.values())
        if len(only) == 1:
            return only[0]
        raise Refusal(
            404,
            "Internal_CompanyNotFound",
            "Cannot process the request because the default company cannot be found. Specify a company in the "
            "request or set a default company for the user.",
        )

    @property
    def today(self) -> date:
        """BC's work date."""
        return self.world.clock.now().date()

    @property
    def plain_enums(self) -> bool:
        return bool(self.switch("enum_encoding") == "plain")

    def switch(self, name: str) -> Any:
        return self.world.switch(f"bc.{name}")

    def within(self, company: Company) -> Session:
        return replace(self, chosen=company)
