"""Imports of short lists: BC rows of a code and a name, which become entries of one of Halo's lists.

There is no link: an entry is known by its code. So a step can be repeated at any point, and a second run finds nothing
to write.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bc.entities.values import Record, text
from bc.errors import Refused, SyncError
from bc.imports.decisions import LeftAlone, Result, Step, failure_of
from bc.imports.matching import BcKeys, Match, name_key, number_key
from bc.imports.pace import Pace, unhurried
from bc.imports.request import Choice
from bc.jobs.jobs import Count

if TYPE_CHECKING:
    from bc.services import Services

_UPDATING = "u:"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of Halo's list; `code` is "" where it has none."""

    halo_id: str
    name: str
    code: str


@dataclass(slots=True)
class Task:
    """One BC row on its way. `entry` None: to be created. `changes`: what to write to the entry."""

    keys: BcKeys
    entry: Entry | None
    changes: dict[str, Any] = field(default_factory=dict)
    links: bool = False
    failure: SyncError | None = None


class ListSource(ABC):
    """One import of a short list (see `sources.Source`)."""

    endpoint: str
    select: str
    filter = ""
    noun: str
    code_field = "code"
    longest_code: int
    note = ""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._entries: dict[str, Entry] = {}
        self._by_code: dict[str, str] = {}
        self._by_name: dict[str, set[str]] = defaultdict(set)

    @property
    def key_fields(self) -> str:
        return self.select

    def keys(self, row: Record) -> BcKeys:
        code = text(row, self.code_field)
        return BcKeys(text(row, "id").lower(), code, text(row, "displayName") or code)

    def wants(self, row: Record) -> bool:
        return True

    def named(self, halo_id: str) -> tuple[str, str]:
        entry = self._entries.get(halo_id)
        return (entry.name, entry.code) if entry else ("", "")

    async def propose(
        self, rows: Sequence[Record], *, most_details: int, pace: Pace = unhurried
    ) -> list[Match]:
        """By code, else by the name of an entry without a code."""
        keys = [self.keys(row) for row in rows]
        self.settle({number_key(key.number) for key in keys})
        return [self._match(key) for key in keys]

    @abstractmethod
    def settle(self, codes: set[str]) -> None:
        """Make the entries ready to be compared, now that BC's codes are known."""

    def _match(self, keys: BcKeys) -> Match:
        held = self._by_code.get(number_key(keys.number))
        if held is not None:
            return Match("linked", held)
        namesakes = tuple(sorted(self._by_name.get(name_key(keys.name), ())))
        if not namesakes:
            return Match("new")
        if len(namesakes) > 1:
            return Match("ambiguous", matched_by="name", candidates=namesakes)
        return Match("matched", namesakes[0], "name")

    def put(self, entry: Entry) -> None:
        """Take note of an entry. Of several with one code the first counts."""
        known = self._entries.get(entry.halo_id)
        if known is not None and not known.code:
            self._by_name[name_key(known.name)].discard(entry.halo_id)
        self._entries[entry.halo_id] = entry
        if entry.code:
            self._by_code.setdefault(number_key(entry.code), entry.halo_id)
        elif name_key(entry.name):
            self._by_name[name_key(entry.name)].add(entry.halo_id)

    async def apply(self, step: Step) -> list[Result]:
        """Carry out a step; what an attempt that was killed wrote is found by its code and counted as it was."""
        results: list[Result] = []
        tasks: list[Task] = []
        for row in step.rows:
            keys = self.keys(row)
            try:
                task = self._decide(step, keys)
            except SyncError as error:
                results.append(failure_of(keys, error))
                continue
            if isinstance(task, Result):
                results.append(task)
            elif task is not None:
                tasks.append(task)
        creating = [task for task in tasks if task.entry is None]
        changing = [task for task in tasks if task.entry is not None and (task.changes or task.links)]
        if creating or changing:
            await step.announce(
                [task.keys.bc_id for task in creating] + [_UPDATING + task.keys.bc_id for task in changing]
            )
        await self.write(step, creating, changing)
        written: dict[int, Count] = dict.fromkeys(map(id, creating), "created")
        written |= dict.fromkeys(map(id, changing), "updated")
        for task in tasks:
            if task.failure is not None:
                results.append(failure_of(task.keys, task.failure))
            else:
                before = _before(step, task.keys.bc_id)
                count = before if before == "created" else written.get(id(task), before)
                results.append(Result(task.keys.bc_id, count))
        return results

    def _decide(self, step: Step, keys: BcKeys) -> Task | Result | None:
        choice: Choice | None = None
        if step.choices is not None:
            choice = step.choices.get(keys.bc_id)
            if choice is None:
                return None
            if choice.action == "skip":
                return Result(keys.bc_id, "skipped")
        self._check(step, keys)
        # Matched anew: an earlier row of this run may have made the entry.
        found = self._match(keys)
        if choice is not None and choice.action == "link" and choice.halo_id:
            return self._linked_by_choice(keys, choice.halo_id, found)
        if choice is not None and choice.action == "update" and found.state != "linked":
            raise Refused(
                "not_linked", f"{keys.number} is not in Halo yet.", cure="Choose “link” or “create” for it."
            )
        if found.state == "ambiguous" and not (choice and choice.action == "create"):
            names = ", ".join(
                f"{self._entries[halo_id].name} ({halo_id})" for halo_id in found.candidates[:5]
            )
            raise LeftAlone(
                "ambiguous_match",
                f"More than one {self.noun} could be meant: {names}.",
                cure="Choose the right one in the import's preview.",
            )
        if found.state == "matched" and choice is not None and choice.action == "create":
            return Task(keys, None)
        return self._task(keys, self._entries.get(found.halo_id), links=found.state == "matched")

    def _check(self, step: Step, keys: BcKeys) -> None:
        if not keys.bc_id or not keys.number:
            raise Refused("bad_record", "Business Central gave this record without id or code.")
        if len(keys.number) > self.longest_code:
            raise Refused(
                "field_too_long",
                f"The code {keys.number[:40]}… has {len(keys.number)} characters; codes have at most {self.longest_code}.",
            )
        if number_key(keys.number) in step.repeated_numbers:
            raise Refused("duplicate_number", f"Business Central has the code {keys.number} more than once.")

    def _linked_by_choice(self, keys: BcKeys, halo_id: str, found: Match) -> Task:
        entry = self._entries.get(halo_id)
        if entry is None:
            raise Refused("not_found_in_halo", f"Halo has no {self.noun} {halo_id}.")
        if found.state == "linked" and found.halo_id != halo_id:
            raise Refused(
                "bc_record_already_linked",
                f"{keys.number} is already the code of {self.named(found.halo_id)[0]} ({found.halo_id}).",
                cure="Change or remove that one first.",
            )
        return self._task(keys, entry, links=found.state != "linked")

    def _task(self, keys: BcKeys, entry: Entry | None, *, links: bool) -> Task:
        return Task(keys, entry, self.changes(keys, entry) if entry else {}, links)

    @abstractmethod
    def changes(self, keys: BcKeys, entry: Entry) -> dict[str, Any]:
        """The fields of an existing entry that differ from BC's row."""

    @abstractmethod
    async def write(self, step: Step, creating: Sequence[Task], changing: Sequence[Task]) -> None:
        """Write to Halo in arrays, note what became of each task, and `put` the entries."""


def _before(step: Step, bc_id: str) -> Count:
    """What an attempt at this step that was killed after its work would have counted."""
    if bc_id in step.creating:
        return "created"
    return "updated" if _UPDATING + bc_id in step.creating else "unchanged"


def named_row(entry: Entry, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The row of an update, with the id as Halo wants it."""
    return {"id": int(entry.halo_id) if entry.halo_id.isdigit() else entry.halo_id, **changes}
