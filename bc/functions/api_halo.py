"""`/api/halo/…` and take-over: sweep now, zero tax and its restoring, links of the built-in integration adopted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import wraps
from typing import TYPE_CHECKING

import msgspec

from bc.functions.api_connections import connection_of
from bc.functions.api_imports import JobStarted
from bc.functions.http import PAGE, Answer, Listed, Request, Route, json_answer, page_answer
from bc.functions.problems import Problem, bad_cursor
from bc.jobs import jobs
from bc.model import Job
from bc.sweep.run import JOB_KIND
from bc.takeover.run import start as start_takeover
from bc.takeover.survey import KindSurvey, survey
from bc.zero_tax import run as zero_tax
from bc.zero_tax.preview import Item, preview
from bc.zero_tax.state import Phase, SeveralZeroTaxes, load

if TYPE_CHECKING:
    from bc.services import Services

type Handler = Callable[[Services, Request], Awaitable[Answer]]
_MOST_CONFLICTS = 100


class ZeroTaxForm(msgspec.Struct, forbid_unknown_fields=True):
    """`tax_id`: which tax of 0 % to set, where Halo has several."""

    preview: bool = False
    tax_id: str = ""


class TaxConflict(msgspec.Struct, frozen=True):
    entity: str
    halo_id: str
    name: str


class ZeroTaxState(msgspec.Struct, frozen=True):
    """`on` once every tax is zero; `phase` tells what is under way. `conflict_items`: the first of the conflicts."""

    on: bool
    phase: Phase
    since: datetime | None
    tax_id: str | None
    tax_name: str | None
    changed: int
    conflicts: int
    conflict_items: list[TaxConflict]


class ZeroTaxPreview(Listed[Item], frozen=True):
    """`counts` of what there is by kind, `unchanged` of this page, `tax` that would be set."""

    counts: dict[str, int]
    unchanged: int
    tax: dict[str, str]


class TakeoverSurvey(msgspec.Struct, frozen=True):
    """Links of the built-in integration by kind."""

    customers: KindSurvey
    products: KindSurvey
    invoices: KindSurvey


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
    return json_answer(JobStarted(job.id), 202, [("Location", f"/api/jobs/{job.id}")])


async def sweep(services: Services, request: Request) -> Answer:
    """Look now for changes in Halo and postings in Business Central that nobody told of."""
    return accepted(await jobs.start(services, kind=JOB_KIND, connection=None, request=b"{}"))


async def zero_tax_state(services: Services, request: Request) -> Answer:
    """Whether Halo's taxes are set to zero, and which could not be put back."""
    state = await load(services)
    values = services.store.tax_values
    conflicts = await values.page(state="conflict", limit=_MOST_CONFLICTS)
    return json_answer(
        ZeroTaxState(
            on=state.phase == "on",
            phase=state.phase,
            since=state.since,
            tax_id=state.tax_id or None,
            tax_name=state.tax_name or None,
            changed=await values.count("zeroed"),
            conflicts=await values.count("conflict"),
            conflict_items=[
                TaxConflict(value.entity, value.halo_id, value.name) for value in conflicts.items
            ],
        )
    )


async def set_zero_tax(services: Services, request: Request) -> Answer:
    """Set Halo's taxes to zero, so that Business Central alone computes tax; or show what would change."""
    form = request.json(ZeroTaxForm)
    if not form.preview:
        return accepted(await zero_tax.start(services, zero_tax.Wish(form.tax_id)))
    try:
        found = await preview(
            services, tax_id=form.tax_id, limit=request.limit(), cursor=request.param("cursor")
        )
    except ValueError:
        raise bad_cursor() from None
    return page_answer(found.items, found.next, counts=found.counts, unchanged=found.unchanged, tax=found.tax)


async def restore_tax(services: Services, request: Request) -> Answer:
    """Put Halo's taxes back as they were before they were set to zero."""
    return accepted(await zero_tax.start_restore(services))


async def show_takeover(services: Services, request: Request) -> Answer:
    """What the built-in integration linked, and what a take-over would adopt; nothing is written."""
    connection = await connection_of(services, request)
    jobs.check_ready(connection)
    return json_answer(await survey(services, connection))


async def take_over(services: Services, request: Request) -> Answer:
    """Adopt the links of the built-in integration. Business Central is only read for it."""
    connection = await connection_of(services, request)
    return accepted(await start_takeover(services, connection))


ROUTES = (
    Route("POST", "/api/halo/sweep", worded(sweep), answers={202: JobStarted}, conflicts=("job_running",)),
    Route("GET", "/api/halo/zero-tax", zero_tax_state, answers={200: ZeroTaxState}),
    Route(
        "POST",
        "/api/halo/zero-tax",
        worded(set_zero_tax),
        params=PAGE,
        body=ZeroTaxForm,
        answers={200: ZeroTaxPreview, 202: JobStarted},
        conflicts=("job_running", "no_zero_tax", "several_zero_taxes", "not_a_zero_tax", "taxes_hidden"),
    ),
    Route(
        "POST",
        "/api/halo/restore-tax",
        worded(restore_tax),
        answers={202: JobStarted},
        conflicts=("job_running",),
    ),
    Route(
        "GET",
        "/api/connections/{id}/takeover",
        show_takeover,
        answers={200: TakeoverSurvey},
        conflicts=("connection_not_ready",),
    ),
    Route(
        "POST",
        "/api/connections/{id}/takeover",
        worded(take_over),
        answers={202: JobStarted},
        conflicts=("job_running", "connection_not_ready"),
    ),
)
