"""`/api/errors` for a whole cause at once: put aside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from bc.functions.http import Answer, Request, Route, json_answer
from bc.functions.problems import invalid
from bc.store.rows import Stale

if TYPE_CHECKING:
    from bc.services import Services

MOST_AT_ONCE = 5000


class DismissForm(msgspec.Struct, forbid_unknown_fields=True):
    """Open errors of a code, of one connection or of all."""

    code: str
    connection_id: str | None = None


class Dismissed(msgspec.Struct, frozen=True):
    dismissed: int


async def dismiss_group(services: Services, request: Request) -> Answer:
    """Put a cause's open errors aside; each comes back by itself if its record fails again. Answers how many."""
    form = request.json(DismissForm)
    if not form.code:
        raise invalid(("code", "Name the code of the errors to put aside."))
    scope: dict[str, Any] = {"connection_id": form.connection_id} if form.connection_id else {}
    dismissed, cursor = 0, ""
    while dismissed < MOST_AT_ONCE:
        page = await services.store.errors.page(
            **scope, state="open", code=form.code, limit=500, cursor=cursor
        )
        for error in page.items:
            dismissed += await _dismiss(services, error.id)
        if not page.next:
            break
        cursor = page.next
    return json_answer(Dismissed(dismissed))


async def _dismiss(services: Services, error_id: str) -> int:
    row = await services.store.errors.get(error_id)
    if row is None or row.value.state != "open":
        return 0
    try:
        await services.store.errors.replace(msgspec.structs.replace(row.value, state="dismissed"), row.etag)
    except Stale:
        # A push or another person was quicker: what they made of it holds.
        return 0
    return 1


ROUTES = (Route("POST", "/api/errors/dismiss", dismiss_group, body=DismissForm, answers={200: Dismissed}),)
