"""What one kind of import does with BC's rows, behind one seam: both the importer and its preview read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from bc.imports.code_lists import CODE_LISTS, open_code_list
from bc.imports.groups import open_groups
from bc.imports.kinds import KINDS
from bc.imports.linked import open_linked
from bc.imports.pace import Pace, unhurried
from bc.model import Connection, ImportKind, Job

if TYPE_CHECKING:
    from bc.entities.values import Record
    from bc.imports.decisions import Result, Step
    from bc.imports.matching import BcKeys, Match
    from bc.services import Services


class Source(Protocol):
    """Holds what it read of Halo, for the life of a run."""

    endpoint: str
    select: str
    filter: str
    """What BC is asked to leave out; `wants` looks again, since BC ignores filters that it does not like."""

    @property
    def key_fields(self) -> str:
        """The part of `select` that a proposal needs."""

    @property
    def note(self) -> str:
        """What a person should know beside the counts; "" for nothing."""

    def keys(self, row: Record) -> BcKeys: ...

    def wants(self, row: Record) -> bool: ...

    async def propose(
        self, rows: Sequence[Record], *, most_details: int, pace: Pace = unhurried
    ) -> list[Match]:
        """The proposal for each row of a page. `most_details`: Halo records that may be read in full for it.

        Where `pace` raises `TimeIsUp`, the same rows are given again and the reading goes on where it stopped.
        """

    def named(self, halo_id: str) -> tuple[str, str]:
        """Name and number of a Halo record that was proposed."""

    async def apply(self, step: Step) -> list[Result]:
        """Carry out a few rows: one result for each that was asked for. Raises what stops the whole run."""


async def open_source(
    services: Services,
    kind: ImportKind,
    connection: Connection,
    *,
    job: Job | None = None,
    pace: Pace = unhurried,
) -> Source:
    """Read Halo's side, before BC is read: what it says is never newer than BC's page.

    `job`: the run whose own work is told apart. Raises `Refused` where Halo cannot hold this kind.
    """
    if kind in CODE_LISTS:
        return await open_code_list(services, CODE_LISTS[kind], connection)
    if kind == "item_categories":
        return await open_groups(services, connection)
    return await open_linked(services, KINDS[kind], connection, job=job, pace=pace)
