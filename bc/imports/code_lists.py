"""Account codes and country codes: BC's rows as entries of Halo's lookup lists (GUIDE G10, G11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bc.entities import account, country
from bc.entities.halo_lists import ListName, list_column
from bc.entities.values import Record, ident, text
from bc.errors import Refused
from bc.imports.decisions import Step
from bc.imports.lists import Entry, ListSource, Task, named_row
from bc.imports.matching import BcKeys, number_key
from bc.imports.writes import Written, create_rows, update_rows
from bc.model import Connection

if TYPE_CHECKING:
    from bc.services import Services

COMPANY = "dynamics_company_name"


@dataclass(frozen=True, slots=True)
class CodeList:
    """One kind of codes. `of_company`: two companies may use one code for different things (accounts)."""

    name: ListName
    noun: str
    endpoint: str
    select: str
    code_field: str
    longest_code: int
    of_company: bool
    filter: str = ""
    wants: Callable[[Record], bool] = lambda row: True


CODE_LISTS: Mapping[str, CodeList] = {
    "accounts": CodeList(
        "accounts",
        "account code",
        account.ENDPOINT,
        account.SELECT,
        "number",
        account.MAX_CODE,
        of_company=True,
        filter=account.FILTER,
        wants=account.can_be_booked,
    ),
    "countries": CodeList(
        "countries",
        "country code",
        country.ENDPOINT,
        country.SELECT,
        "code",
        country.MAX_CODE,
        of_company=False,
    ),
}


class CodeListSource(ListSource):
    """One import of codes. The column that holds them is settled with the first page, when BC's codes are known."""

    def __init__(
        self, services: Services, spec: CodeList, connection: Connection, list_id: str, rows: Sequence[Record]
    ) -> None:
        super().__init__(services)
        self._spec, self._list_id = spec, list_id
        self._company = (connection.company_name or "") if spec.of_company else ""
        self._rows = own_rows(rows, self._company)
        self._column = ""
        self.endpoint, self.select, self.filter = spec.endpoint, spec.select, spec.filter
        self.noun, self.code_field, self.longest_code = spec.noun, spec.code_field, spec.longest_code

    def wants(self, row: Record) -> bool:
        return self._spec.wants(row)

    def settle(self, codes: set[str]) -> None:
        if self._column:
            return
        self._column = list_column(self._rows, codes)
        for row in self._rows:
            self.put(self._entry(row))

    def _entry(self, row: Record) -> Entry:
        return Entry(ident(row, "id"), text(row, "name"), text(row, self._column))

    def changes(self, keys: BcKeys, entry: Entry) -> dict[str, Any]:
        wanted = {"name": keys.name, self._column: keys.number}
        held = {"name": entry.name, self._column: entry.code}
        if number_key(entry.code) == number_key(keys.number):
            wanted[self._column] = entry.code
        return {name: value for name, value in wanted.items() if value != held[name]}

    async def write(self, step: Step, creating: Sequence[Task], changing: Sequence[Task]) -> None:
        halo = self._services.halo
        lookup = {"lookupid": int(self._list_id)}
        of = {COMPANY: self._company} if self._company else {}
        rows = [{**lookup, "name": task.keys.name, self._column: task.keys.number, **of} for task in creating]
        created = await create_rows(
            halo,
            "Lookup",
            rows,
            step.tick,
            key=lambda record: number_key(text(record, self._column)),
            look_again=self._new_rows,
        )
        self._note(creating, created)
        updates = [task for task in changing if task.changes and task.entry]
        rows = [named_row(task.entry, lookup | task.changes) for task in updates if task.entry]
        self._note(updates, await update_rows(halo, "Lookup", rows, step.tick))
        if creating or updates:
            # What every push reads of this list is out of date.
            self._services.halo_facts.forget()

    async def _new_rows(self) -> list[Record]:
        rows = own_rows(await self._services.halo.lookups(self._list_id), self._company)
        return [row for row in rows if ident(row, "id") not in self._entries]

    def _note(self, tasks: Sequence[Task], written: Sequence[Written]) -> None:
        for task, answer in zip(tasks, written, strict=True):
            task.failure = answer.failure
            if answer.failure is None:
                halo_id = task.entry.halo_id if task.entry else ident(answer.record, "id")
                self.put(Entry(halo_id, task.keys.name, task.keys.number))


def own_rows(rows: Sequence[Record], company: str) -> list[Record]:
    """The entries of a company and of none."""
    return [row for row in rows if not company or text(row, COMPANY).casefold() in ("", company.casefold())]


async def open_code_list(services: Services, spec: CodeList, connection: Connection) -> CodeListSource:
    """Find and read Halo's list. Raises `Refused` where its module is off, or the list cannot be told."""
    list_id = await list_id_of(services, spec, connection)
    return CodeListSource(services, spec, connection, list_id, await services.halo.lookups(list_id))


async def list_id_of(services: Services, spec: CodeList, connection: Connection) -> str:
    """The id of Halo's list. Raises `Refused` as `open_code_list`."""
    facts = services.halo_facts
    if spec.name == "accounts" and await facts.accounts_module_on() is False:
        raise Refused(
            "accounts_module_off",
            "The account-code module is off in Halo, so it has no account codes.",
            cure="Turn it on in Halo (Configuration, Billing), then try again.",
        )
    return await facts.list_id(spec.name, connection.settings.halo_conventions)


async def codes_in_halo(services: Services, connection: Connection) -> frozenset[str]:
    """The account codes that Halo holds for this company, upper-case; empty where it has none or no such list."""
    spec = CODE_LISTS["accounts"]
    try:
        rows = await services.halo.lookups(await list_id_of(services, spec, connection))
    except Refused:
        return frozenset()
    own = own_rows(rows, connection.company_name or "")
    column = list_column(own)
    return frozenset(number_key(code) for row in own if (code := text(row, column)))
