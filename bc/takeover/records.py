"""Customers and products that the built-in integration linked: the company and BC's number stand on the Halo record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from bc.entities.values import Record, ident, text
from bc.errors import Refused
from bc.imports.kinds import LinkedKind, new_link
from bc.imports.matching import number_key
from bc.model import Connection, JobFailure, Link

if TYPE_CHECKING:
    from bc.services import Services

PAGE_SIZE = 100
MOST_PAGES = 5_000


@dataclass(slots=True)
class Findings:
    """What was found of one kind. `ready`: Halo id -> the BC record to link it with."""

    kind: str
    linked: int = 0
    ready: dict[str, dict[str, Any]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    problems: list[JobFailure] = field(default_factory=list)

    @property
    def found(self) -> int:
        return self.linked + len(self.ready) + len(self.problems)


async def halo_rows(services: Services, resource: str, params: Mapping[str, str]) -> list[dict[str, Any]]:
    """All rows of one of Halo's lists, in pages of 100."""
    rows: dict[str, dict[str, Any]] = {}
    for page_no in range(1, MOST_PAGES + 1):
        page = await services.halo.page(resource, page_no=page_no, page_size=PAGE_SIZE, params=params)
        fresh = {ident(row, "id"): row for row in page.rows if ident(row, "id") not in rows}
        rows |= fresh
        if not fresh or len(rows) >= (page.record_count or MOST_PAGES * PAGE_SIZE):
            return list(rows.values())
    raise Refused("halo_list_endless", f"Halo's list of {resource} does not end.")


async def bc_rows(
    services: Services, connection: Connection, endpoint: str, select: str
) -> list[dict[str, Any]]:
    """All rows of one of BC's lists, each once."""
    params: Mapping[str, str] | None = {"$select": select}
    path, seen, found = endpoint, set[str](), dict[str, dict[str, Any]]()
    for _ in range(MOST_PAGES):
        rows, following = await services.bc.page(connection, path, params=params)
        found |= {text(row, "id").lower(): row for row in rows}
        if not following or following in seen:
            return list(found.values())
        seen.add(following)
        path, params = following, None
    raise Refused("bc_paging_loop", f"Business Central's list of {endpoint} does not end.")


async def find_records(services: Services, connection: Connection, kind: LinkedKind) -> Findings:
    """Compare Halo's records of this company with BC's by number."""
    company = (connection.company_id or "").lower()
    listed = await halo_rows(services, kind.resource, {"includeinactive": "true"})
    own = [row for row in listed if text(row, "dbc_company_id").lower() == company and company]
    findings = Findings(kind.name)
    if not own:
        return findings
    links = {link.halo_id: link async for link in services.store.links.all(connection.id, kind.entity)}
    taken = {link.bc_id: link.halo_id for link in links.values() if link.exists}
    in_bc = await bc_rows(services, connection, kind.endpoint, kind.select)
    by_number = {number_key(text(row, "number")): row for row in in_bc}
    numbers = Counter(number_key(text(row, "accountsid")) for row in own)
    for row in own:
        _judge(findings, kind, row, links, taken, by_number, numbers)
    return findings


def _judge(
    findings: Findings,
    kind: LinkedKind,
    row: Record,
    links: Mapping[str, Link],
    taken: Mapping[str, str],
    by_number: Mapping[str, dict[str, Any]],
    numbers: Mapping[str, int],
) -> None:
    halo_id, name, number = ident(row, "id"), text(row, "name"), text(row, "accountsid")
    record = by_number.get(number_key(number)) if number else None
    link = links.get(halo_id)
    if link is not None and link.exists:
        if record is not None and text(record, "id").lower() != link.bc_id.lower():
            words = (
                f"It is linked to {link.bc_number} {link.bc_name} already, and its accounts id says {number}."
            )
            findings.problems.append(problem(kind.entity, halo_id, name, "linked_to_another", words))
        else:
            findings.linked += 1
        return
    if not number:
        words = "It has the company but no accounts id, so it was never synced."
        findings.problems.append(problem(kind.entity, halo_id, name, "no_accounts_id", words))
    elif record is None:
        words = f"Business Central has no {kind.noun} with the number {number}."
        findings.problems.append(problem(kind.entity, halo_id, name, "not_found_in_bc", words))
    elif numbers[number_key(number)] > 1:
        words = f"More than one {kind.noun} in Halo has the accounts id {number}."
        findings.problems.append(problem(kind.entity, halo_id, name, "number_used_twice", words))
    elif text(record, "id").lower() in taken:
        words = f"{number} is linked to Halo {kind.noun} {taken[text(record, 'id').lower()]} already."
        findings.problems.append(problem(kind.entity, halo_id, name, "bc_record_already_linked", words))
    else:
        findings.ready[halo_id] = record
        findings.names[halo_id] = name


def problem(entity: str, halo_id: str, name: str, code: str, words: str) -> JobFailure:
    """Why a record is not adopted."""
    return JobFailure(
        record=halo_id,
        name=name,
        code=code,
        message=f"{entity.capitalize()} {name}: {words}",
        cure="Link it by hand under Links, or correct its accounts id in Halo.",
    )


def adopted(
    kind: LinkedKind, connection: Connection, row: Record, halo_id: str, name: str, job_id: str
) -> Link:
    """The link, with what BC holds as its base; nothing was written, so no event of Halo's is our echo."""
    link = new_link(
        kind,
        connection,
        row,
        halo_id,
        halo_name=name,
        source="adopted",
        at=datetime.now(UTC),
        job_id=job_id,
    )
    return msgspec.structs.replace(link, echo_until=None)
