"""What there is to take over, and what stands in the way; nothing is written anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from bc.entities.values import text
from bc.imports.kinds import KINDS
from bc.model import Connection, JobFailure
from bc.takeover.invoices import LIST_PARAMS, find_invoices, is_candidate
from bc.takeover.records import bc_rows, find_records, halo_rows

if TYPE_CHECKING:
    from bc.services import Services

MOST_PROBLEMS = 100
# Each is read in full to see whether BC still has it; Halo's calls are few.
MOST_INVOICES = 200


class KindSurvey(msgspec.Struct, frozen=True):
    """`found` = `linked` already + `ready` to adopt + `problem_count`. `checked`: whether each was looked up in BC."""

    found: int
    linked: int
    ready: int
    problem_count: int
    problems: list[JobFailure]
    checked: bool = True


async def survey(services: Services, connection: Connection) -> dict[str, KindSurvey]:
    """Counts and problems of customers, products and invoices."""
    result = {}
    for name, kind in KINDS.items():
        found = await find_records(services, connection, kind)
        result[name] = KindSurvey(
            found.found,
            found.linked,
            len(found.ready),
            len(found.problems),
            found.problems[:MOST_PROBLEMS],
        )
    result["invoices"] = await _invoices(services, connection)
    return result


async def _invoices(services: Services, connection: Connection) -> KindSurvey:
    rows = [row for row in await halo_rows(services, "Invoice", LIST_PARAMS) if is_candidate(row)]
    if not rows:
        return KindSurvey(0, 0, 0, 0, [])
    if len(rows) > MOST_INVOICES:
        # The job checks each one; here their number must do.
        return KindSurvey(len(rows), 0, len(rows), 0, [], checked=False)
    in_bc = {
        text(row, "id").lower(): row
        for row in await bc_rows(services, connection, "salesInvoices", "id,number,status")
    }
    found = await find_invoices(services, connection, rows, in_bc)
    total = found.linked + len(found.ready) + len(found.problems)
    return KindSurvey(
        total, found.linked, len(found.ready), len(found.problems), found.problems[:MOST_PROBLEMS]
    )
