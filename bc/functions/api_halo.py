"""`/api/halo/…` and take-over: sweep now, zero tax and its restoring, links of the built-in integration adopted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import TYPE_CHECKING

import msgspec

from bc.functions.api_connections import connection_of
from bc.functions.http import Answer, Request, Route, json_answer, page_answer
from bc.functions.problems import Problem, invalid
from bc.jobs import jobs
from bc.model import Job
from bc.sweep.run import JOB_KIND
from bc.takeover.run import start as start_takeover
from bc.takeover.survey import survey
from bc.zero_tax import run as zero_tax
from bc.zero_tax.preview import preview
from bc.zero_tax.state import SeveralZeroTaxes, load

if TYPE_CHECKING:
    from bc.services import Services

type Handler = Callable[[Services, Request], Awaitable[Answer]]
_MOST_CONFLICTS = 100


class ZeroTaxForm(msgspec.Struct, forbid_unknown_fields=True):
    """`tax_id`: which tax of 0 % to set, where Halo has several."""

    preview: bool = False
    tax_id: str = ""


def worded(handler: Handler) -> Handler:
    """A running job and a choice that a person must make, as the public face's problems."""

    @wraps(handler)
    async def call(services: Services, request: Request) -> Answer:
        try:
            return await handler(services, request)
        except jobs.JobRunning as running:
            detail = f"{running.message} {running.cure}"
            raise Problem(409, running.code, detail, extra={"job_id": running.job_id}) from None
        except SeveralZeroTaxes as several:
            candidates = [{"id": tax_id, "name": name} for tax_id, name in several.candidates]
            detail = f"{several.message} {several.cure}"
            raise Problem(409, several.code, detail, extra={"candidates": candidates}) from None

    return call


def accepted(job: Job) -> Answer:
    return json_answer({"job_id": job.id}, 202, [("Location", f"/api/jobs/{job.id}")])


async def sweep(services: Services, request: Request) -> Answer:
    return accepted(await jobs.start(services, kind=JOB_KIND, connection=None, request=b"{}"))


async def zero_tax_state(services: Services, request: Request) -> Answer:
    """`on` once every tax is zero; `phase` tells what is under way."""
    state = await load(services)
    values = services.store.tax_values
    conflicts = await values.page(state="conflict", limit=_MOST_CONFLICTS)
    return json_answer(
        {
            "on": state.phase == "on",
            "phase": state.phase,
            "since": state.since,
            "tax_id": state.tax_id or None,
            "tax_name": state.tax_name or None,
            "changed": await values.count("zeroed"),
            "conflicts": await values.count("conflict"),
            "conflict_items": [
                {"entity": value.entity, "halo_id": value.halo_id, "name": value.name}
                for value in conflicts.items
            ],
        }
    )


async def set_zero_tax(services: Services, request: Request) -> Answer:
    form = request.json(ZeroTaxForm)
    if not form.preview:
        return accepted(await zero_tax.start(services, zero_tax.Wish(form.tax_id)))
    try:
        found = await preview(
            services, tax_id=form.tax_id, limit=request.limit(), cursor=request.param("cursor")
        )
    except ValueError:
        raise invalid(("cursor", "This is not a cursor of this list.")) from None
    return page_answer(found.items, found.next, counts=found.counts, unchanged=found.unchanged, tax=found.tax)


async def restore_tax(services: Services, request: Request) -> Answer:
    return accepted(await zero_tax.start_restore(services))


async def show_takeover(services: Services, request: Request) -> Answer:
    connection = await connection_of(services, request)
    jobs.check_ready(connection)
    return json_answer(await survey(services, connection))


async def take_over(services: Services, request: Request) -> Answer:
    connection = await connection_of(services, request)
    return accepted(await start_takeover(services, connection))


ROUTES = (
    Route("POST", "/api/halo/sweep", worded(sweep)),
    Route("GET", "/api/halo/zero-tax", zero_tax_state),
    Route("POST", "/api/halo/zero-tax", worded(set_zero_tax)),
    Route("POST", "/api/halo/restore-tax", worded(restore_tax)),
    Route("GET", "/api/connections/{id}/takeover", show_takeover),
    Route("POST", "/api/connections/{id}/takeover", worded(take_over)),
)
