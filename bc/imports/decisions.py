"""What to do with one BC record of an import: a task, a verdict at once, or nothing. No I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from bc.entities.values import Record
from bc.errors import Refused, SyncError
from bc.imports.directory import Directory
from bc.imports.kinds import LinkedKind, content_hash
from bc.imports.matching import BcKeys, Match, number_key
from bc.imports.request import Choice
from bc.imports.stamps import Stamps
from bc.jobs.jobs import Count
from bc.model import JobFailure

if TYPE_CHECKING:
    from bc.services import Services


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one BC record. Skipped and failed ones carry the reason."""

    bc_id: str
    count: Count
    failure: JobFailure | None = None


@dataclass(slots=True)
class Task:
    """One BC record on its way: what to do with it, and what was found out so far."""

    row: Record
    action: Literal["create", "link", "refresh"]
    halo_id: str = ""
    was_created: bool = False
    wrote: bool = False
    site_id: str = ""
    site: dict[str, Any] = field(default_factory=dict)
    halo_name: str = ""
    failure: SyncError | None = None
    stamps: Stamps = field(default_factory=Stamps)


@dataclass
class Step:
    """A few BC rows of one import, and what its run knows. `matches`: the proposal for each row.

    `creating`: BC ids for which an earlier, killed attempt may have created records; `announce` stores that set before
    the first create of this attempt; `tick` hears how many rows are done.
    """

    services: Services
    rows: Sequence[Record]
    matches: Sequence[Match]
    choices: dict[str, Choice] | None
    job_id: str
    creating: frozenset[str]
    announce: Callable[[Iterable[str]], Awaitable[None]]
    tick: Callable[[int], Awaitable[None]]
    repeated_numbers: frozenset[str]


@dataclass
class Block(Step):
    """A step of records that are linked."""

    directory: Directory

    @property
    def kind(self) -> LinkedKind:
        return self.directory.kind


def decide(block: Block, row: Record, found: Match) -> Task | Result | None:
    """A task, or a result that needs no work; None for a row that was not asked for. Raises why it cannot be done."""
    keys = block.kind.bc_keys(row)
    choice = None
    if block.choices is not None:
        choice = block.choices.get(keys.bc_id)
        if choice is None:
            return None
        if choice.action == "skip":
            return Result(keys.bc_id, "skipped")
    if not keys.bc_id or not keys.number:
        raise Refused("bad_record", "Business Central gave this record without id or number.")
    if number_key(keys.number) in block.repeated_numbers:
        raise Refused("duplicate_number", f"Business Central has the number {keys.number} more than once.")
    if found.state == "linked":
        return _decide_linked(block, row, found.halo_id, choice)
    if choice is None:
        return _decide_unasked(block, row, found)
    if choice.action == "update":
        raise Refused(
            "not_linked",
            f"{keys.number} is not linked to a Halo {block.kind.noun} yet.",
            cure="Choose “link” or “create” for it.",
        )
    if choice.action == "create":
        return Task(row, "create")
    return Task(row, "link", _chosen(block, choice, found))


def _decide_unasked(block: Block, row: Record, found: Match) -> Task:
    """Everything is imported: new ones are created, matched ones linked, ambiguous ones left to a person."""
    if found.state == "ambiguous":
        raise LeftAlone(
            "ambiguous_match",
            "More than one record could be meant: " + _named(block, found.candidates) + ".",
            cure="Choose the right one in the import's preview.",
        )
    if found.state != "matched":
        if why := block.kind.blocked(row):
            raise LeftAlone(why.code, why.message, cure=why.cure)
        return Task(row, "create")
    # An attempt that was killed after the create finds its own record again.
    return Task(row, "link", found.halo_id, was_created=block.kind.bc_keys(row).bc_id in block.creating)


class LeftAlone(Refused):
    """Left alone for a reason that a person should see."""


def _decide_linked(block: Block, row: Record, halo_id: str, choice: Choice | None) -> Task | Result:
    keys = block.kind.bc_keys(row)
    if choice and choice.action == "link" and choice.halo_id and choice.halo_id != halo_id:
        raise Refused(
            "bc_record_already_linked",
            f"{keys.number} is already linked to Halo {block.kind.noun} {halo_id}.",
            cure="Unlink it first.",
        )
    known = block.directory.links[keys.bc_id]
    forced = choice is not None and choice.action == "update"
    if not forced and known.import_hash == content_hash(row):
        if halo_id not in block.directory.index.rows:
            raise LeftAlone(
                "not_found_in_halo",
                f"{keys.number} is linked to Halo {block.kind.noun} {halo_id}, which Halo does not list.",
                cure="If it was deleted, unlink it under Links and import again; else check that the API application "
                "may read it.",
            )
        return Result(keys.bc_id, _counted_before(block, keys.bc_id, known.import_job))
    return Task(row, "refresh", halo_id)


def _counted_before(block: Block, bc_id: str, import_job: str) -> Count:
    """What an attempt at this block that was killed after its work would have counted."""
    if import_job != block.job_id:
        return "unchanged"
    return "created" if bc_id in block.creating else "updated"


def _chosen(block: Block, choice: Choice, found: Match) -> str:
    halo_id = choice.halo_id or found.halo_id
    number = found.candidates
    if not halo_id:
        raise LeftAlone(
            "ambiguous_match" if number else "no_match",
            "More than one record could be meant: " + _named(block, number) + "."
            if number
            else f"No Halo {block.kind.noun} matches it.",
            cure="Name the Halo record to link, or choose “create”.",
        )
    if halo_id not in block.directory.index.rows:
        raise Refused("not_found_in_halo", f"Halo has no {block.kind.noun} {halo_id}.")
    if halo_id in block.directory.index.linked:
        raise Refused(
            "halo_record_already_linked",
            f"{block.directory.name_of(halo_id)} ({halo_id}) is already linked to another record.",
            cure="Unlink it first.",
        )
    return halo_id


def _named(block: Block, halo_ids: Sequence[str]) -> str:
    named = [f"{block.directory.name_of(halo_id)} ({halo_id})" for halo_id in halo_ids[:5]]
    return ", ".join(named) + (f" and {len(halo_ids) - 5} more" if len(halo_ids) > 5 else "")


def created_before(block: Block, row: Record) -> str:
    """A Halo record with this number in this company: created by an attempt that did not live to link it."""
    keys = block.kind.bc_keys(row)
    index = block.directory.index
    company = (block.directory.connection.company_id or "").casefold()
    for halo_id in sorted(index.holders("number", number_key(keys.number))):
        if index.rows[halo_id].company_id.casefold() != company:
            continue
        if halo_id in index.linked:
            raise Refused(
                "number_taken",
                f"Halo {block.kind.noun} {block.directory.name_of(halo_id)} ({halo_id}) already has the accounts id "
                f"{keys.number} and is linked to another Business Central record.",
                cure="Correct the accounts id or the link of that record.",
            )
        return halo_id
    return ""


def failed(block: Block, row: Record, error: SyncError) -> Result:
    """The result of a row that was refused or skipped, with its reason."""
    return failure_of(block.kind.bc_keys(row), error)


def failure_of(keys: BcKeys, error: SyncError) -> Result:
    failure = JobFailure(
        record=keys.number or keys.bc_id,
        name=keys.name,
        code=error.code,
        message=error.message,
        cure=error.advice,
    )
    return Result(keys.bc_id, "skipped" if isinstance(error, LeftAlone) else "failed", failure)


def repeated_numbers(rows: Iterable[BcKeys]) -> frozenset[str]:
    """Numbers that more than one BC row has (compared as BC compares codes)."""
    counted = Counter(number_key(keys.number) for keys in rows)
    return frozenset(number for number, times in counted.items() if number and times > 1)
