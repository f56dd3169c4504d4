"""`/api/status`: how every connection and Halo stand, for the console's home."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bc.functions.http import Answer, Request, Route, json_answer
from bc.status.overview import OverviewDesk

if TYPE_CHECKING:
    from bc.services import Services

_desk = OverviewDesk()


async def status(services: Services, request: Request) -> Answer:
    """As last kept, at most a few seconds old; asks neither Halo nor Business Central."""
    return json_answer(await _desk.look(services))


ROUTES = (Route("GET", "/api/status", status),)
