"""Imports whose BC records become linked Halo records: customers and products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bc.errors import Refused
from bc.imports.apply import apply_block
from bc.imports.code_lists import codes_in_halo
from bc.imports.decisions import Block, Result, Step
from bc.imports.directory import Directory, match_rows, read_directory, unread_words
from bc.imports.kinds import LinkedKind
from bc.imports.matching import BcKeys, Match, number_key
from bc.imports.pace import Pace, unhurried
from bc.model import Connection, Job

if TYPE_CHECKING:
    from bc.entities.values import Record
    from bc.services import Services

_KEY_FIELDS = ("id", "number", "displayName", "taxRegistrationNumber", "email")


class LinkedSource:
    """One import of a linked kind (see `sources.Source`)."""

    def __init__(self, services: Services, kind: LinkedKind, directory: Directory) -> None:
        self._services, self._kind, self._directory = services, kind, directory
        self.endpoint, self.select, self.filter = kind.endpoint, kind.select, ""

    @property
    def key_fields(self) -> str:
        return ",".join(name for name in _KEY_FIELDS if name in self.select.split(","))

    @property
    def note(self) -> str:
        return unread_words(self._directory)

    def keys(self, row: Record) -> BcKeys:
        return self._kind.bc_keys(row)

    def wants(self, row: Record) -> bool:
        return True

    async def propose(
        self, rows: Sequence[Record], *, most_details: int, pace: Pace = unhurried
    ) -> list[Match]:
        keys = [self.keys(row) for row in rows]
        return await match_rows(self._services, self._directory, keys, most_details=most_details, pace=pace)

    def named(self, halo_id: str) -> tuple[str, str]:
        row = self._directory.index.rows.get(halo_id)
        return (row.name, row.number) if row else ("", "")

    async def apply(self, step: Step) -> list[Result]:
        return await apply_block(Block(**vars(step), directory=self._directory))


async def open_linked(
    services: Services, kind: LinkedKind, connection: Connection, *, job: Job | None, pace: Pace
) -> LinkedSource:
    """Read the links and Halo's list. An import of products first checks the accounts that new ones would get."""
    if kind.entity == "product" and job is not None:
        await _check_accounts(services, connection)
    return LinkedSource(services, kind, await read_directory(services, kind, connection, job=job, pace=pace))


async def _check_accounts(services: Services, connection: Connection) -> None:
    """Default accounts must be among the account codes imported to Halo, where there are any."""
    settings = connection.settings
    wanted = {
        name: number
        for name, number in (
            ("default sales account", settings.default_sales_account),
            ("default purchase account", settings.default_purchase_account),
        )
        if number
    }
    codes = await codes_in_halo(services, connection) if wanted else frozenset()
    for name, number in wanted.items():
        if codes and number_key(number) not in codes:
            raise Refused(
                "account_code_unknown",
                f"The {name} {number} is not among the account codes in Halo.",
                cure="Import the account codes, or choose another account in the connection's settings.",
            )
