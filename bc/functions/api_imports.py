"""`/api` on what comes in: import jobs and the importer's preview."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from bc.functions.api_connections import connection_of
from bc.functions.http import PAGE, Answer, Listed, Request, Route, json_answer, page_answer
from bc.functions.problems import Problem, bad_cursor, invalid, not_found
from bc.imports.preview import PreviewRow, preview
from bc.imports.request import ImportRequest
from bc.imports.request import start_import as queue_import
from bc.jobs import jobs
from bc.model import IMPORT_KINDS, ImportKind, Job, JobFailure

if TYPE_CHECKING:
    from bc.services import Services
    from bc.store.rows import Row


class JobView(msgspec.Struct):
    """A job as the public face shows it."""

    id: str
    connection_id: str | None
    kind: str
    status: str
    total: int | None
    done: int
    created: int
    updated: int
    unchanged: int
    skipped: int
    failed: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    detail: str


class JobStarted(msgspec.Struct, frozen=True):
    job_id: str


class PreviewList(Listed[PreviewRow], frozen=True):
    """`counts`: how many there are of each match; `note`: what to know of them."""

    counts: dict[str, int]
    note: str


def job_view(job: Job) -> JobView:
    return JobView(**{name: getattr(job, name) for name in JobView.__struct_fields__})


async def start_import(services: Services, request: Request) -> Answer:
    """Import from Business Central: the records named, or all."""
    connection = await connection_of(services, request)
    kind = _kind(request)
    wanted = request.json(ImportRequest)
    _check(wanted)
    return await started(queue_import(services, connection, kind, wanted))


async def started(starting: Awaitable[Job]) -> Answer:
    """202 with the new job; 409 with the id of the one that runs already."""
    try:
        job = await starting
    except jobs.JobRunning as running:
        detail = f"{running.message} {running.cure}"
        raise Problem(409, running.code, detail, extra={"job_id": running.job_id}) from None
    return json_answer(JobStarted(job.id), 202, [("Location", f"/api/jobs/{job.id}")])


def _check(wanted: ImportRequest) -> None:
    """422 with the field's name for a request that says too little, too much or the same record twice."""
    if wanted.records is None and not wanted.all:
        raise invalid(("records", "Name the records to import, or set all to true."))
    if wanted.records is not None and wanted.all:
        raise invalid(("all", "Give either records or all, not both."))
    if wanted.changed_since is not None and wanted.changed_since.tzinfo is None:
        raise invalid(("changed_since", "Expected a time with its zone, such as 2026-11-23T08:00:00Z."))
    errors: list[tuple[str, str]] = []
    seen: set[str] = set()
    for position, choice in enumerate(wanted.records or ()):
        if not is_guid(choice.bc_id):
            errors.append((f"records[{position}].bc_id", "Expected a Business Central id (a GUID)."))
        elif choice.bc_id.lower() in seen:
            errors.append((f"records[{position}].bc_id", "This record is named twice."))
        seen.add(choice.bc_id.lower())
    if errors:
        raise invalid(*errors[:20])


def is_guid(value: str) -> bool:
    try:
        return str(UUID(value)) == value.lower()
    except ValueError:
        return False


async def show_preview(services: Services, request: Request) -> Answer:
    """What an import would do with each record of Business Central; nothing is written."""
    connection = await connection_of(services, request)
    kind = _kind(request)
    jobs.check_ready(connection)
    try:
        found = await preview(
            services,
            connection,
            kind,
            search=request.param("search"),
            limit=request.limit(),
            cursor=request.param("cursor"),
        )
    except ValueError:
        raise bad_cursor() from None
    return page_answer(found.items, found.next, counts=found.counts, note=found.note)


async def list_jobs(services: Services, request: Request) -> Answer:
    """Jobs, newest first."""
    scope: dict[str, Any] = {}
    if connection_id := request.param("connection_id"):
        scope["connection_id"] = connection_id
    try:
        page = await services.store.jobs.page(**scope, limit=request.limit(), cursor=request.param("cursor"))
    except ValueError:
        raise bad_cursor() from None
    return page_answer([job_view(job) for job in page.items], page.next)


async def show_job(services: Services, request: Request) -> Answer:
    """One job as it stands."""
    return json_answer(job_view((await _job(services, request)).value))


async def cancel_job(services: Services, request: Request) -> Answer:
    """End a job after the block in hand; one that has ended stays as it is."""
    row = await _job(services, request)
    return json_answer(job_view(await jobs.cancel(services, row.value)), 202)


async def job_failures(services: Services, request: Request) -> Answer:
    """Why records of a job failed or were skipped."""
    row = await _job(services, request)
    try:
        page = await services.store.jobs.failures(
            row.value.id, limit=request.limit(), cursor=request.param("cursor")
        )
    except ValueError:
        raise bad_cursor() from None
    return page_answer(page.items, page.next)


ROUTES = [
    Route(
        "POST",
        "/api/connections/{id}/imports/{kind}",
        start_import,
        params={"kind": ImportKind},
        body=ImportRequest,
        answers={202: JobStarted},
        conflicts=("import_running", "connection_not_ready"),
    ),
    Route(
        "GET",
        "/api/connections/{id}/preview/{kind}",
        show_preview,
        params={"kind": ImportKind, "search": str, **PAGE},
        answers={200: PreviewList},
        conflicts=("connection_not_ready",),
    ),
    Route(
        "GET", "/api/jobs", list_jobs, params={"connection_id": str, **PAGE}, answers={200: Listed[JobView]}
    ),
    Route("GET", "/api/jobs/{job_id}", show_job, answers={200: JobView}),
    Route("POST", "/api/jobs/{job_id}/cancel", cancel_job, answers={202: JobView}),
    Route("GET", "/api/jobs/{job_id}/failures", job_failures, params=PAGE, answers={200: Listed[JobFailure]}),
]


def _kind(request: Request) -> ImportKind:
    name = request.args["kind"]
    if name not in IMPORT_KINDS:
        raise not_found(f"The kind {name}")
    return name


async def _job(services: Services, request: Request) -> Row[Job]:
    row = await services.store.jobs.get(request.args["job_id"])
    if row is None:
        raise not_found("This job")
    return row
