"""What one push carries from step to step."""

from __future__ import annotations

import math
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bc.entities.values import Record
from bc.model import Action, Connection, Dirty, Link, OutcomeWarning

if TYPE_CHECKING:
    from bc.clients.business_central import BusinessCentral, Part
    from bc.services import Services


class LostLease(Exception):
    """Another instance holds the pump now: nothing may be written any more."""


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Push:
    """One attempt to bring one record to BC."""

    services: Services
    bc: BusinessCentral
    connection: Connection
    dirty: Dirty
    outcome_id: str
    started_at: datetime
    record_name: str = ""
    kind_word: str = ""
    warnings: list[OutcomeWarning] = field(default_factory=list)
    dry_run: bool = False
    # In a dry run: what would be sent first for another record that this one needs.
    parts_first: list[Part] = field(default_factory=list)
    # What was done before the invoice was posted in the same push: one outcome tells both.
    before_posting: Action = "none"
    record: Record | None = None
    # Links of what it refers to that were read then or later will do (`bc.sync.link_reads`).
    since: float = math.inf
    # What is written to Halo, in short (`bc.entities.stamps.offer`): the link keeps it.
    offered: str = ""

    @property
    def entity(self) -> str:
        return self.dirty.entity

    @property
    def halo_id(self) -> str:
        return self.dirty.halo_id

    @property
    def word(self) -> str:
        """What a person calls such a record: the entity, or a kind of it."""
        return self.kind_word or self.entity

    @property
    def own_kind(self) -> str:
        """The kind of an entity that it is; "" where that is the entity itself."""
        return "" if self.kind_word == self.entity else self.kind_word

    def offers_again(self, link: Link, offered: str) -> bool:
        """Whether this push would write to Halo what the last one did, over the same: Halo has ways of its own with it.

        Else each write would bring an event, and each event a write. A person's order is carried out all the same.
        """
        self.offered = offered
        return bool(offered) and offered == link.offered and self.dirty.source in ("webhook", "sweep")

    def warn(self, code: str, message: str) -> None:
        warning = OutcomeWarning(code, message)
        if warning not in self.warnings:
            self.warnings.append(warning)


# The push under way in this task, so that an error raised anywhere below is told with what was known by then.
current_push: ContextVar[Push | None] = ContextVar("current_push", default=None)
