"""`/api/status`: how every connection and Halo stand; `/api/connections/{id}/doctor`: both ends checked now."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from bc.doctor.checks import Check
from bc.doctor.examine import examine
from bc.functions.api_connections import connection_of
from bc.functions.http import Answer, Request, Route, json_answer
from bc.status.overview import Overview, OverviewDesk

if TYPE_CHECKING:
    from bc.services import Services

_desk = OverviewDesk()


class Findings(msgspec.Struct, frozen=True):
    at: datetime
    checks: list[Check]


async def status(services: Services, request: Request) -> Answer:
    """How every connection and Halo stand. As last kept, at most a few seconds old; asks neither Halo nor Business Central."""
    return json_answer(await _desk.look(services))


async def doctor(services: Services, request: Request) -> Answer:
    """Both ends checked now. Each check with its cure; what a remote refuses is a failed check and no error of this call."""
    connection = await connection_of(services, request)
    checks = await examine(services, connection)
    return json_answer(Findings(datetime.now(UTC), checks))


ROUTES = (
    Route("GET", "/api/status", status, answers={200: Overview}),
    Route("GET", "/api/connections/{id}/doctor", doctor, answers={200: Findings}),
)
