"""`/api` on what was synced: outcomes, errors and their retry, sync by hand, explain."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

from bc.entities.values import is_halo_id
from bc.functions.api_imports import JobStarted
from bc.functions.http import PAGE, Answer, Listed, Request, Route, json_answer, page_answer
from bc.functions.problems import Problem, bad_cursor, invalid, not_found
from bc.jobs import jobs
from bc.model import Entity, ErrorRow, ErrorState, Operation, Outcome, OutcomeStatus
from bc.resync.choice import Filter
from bc.resync.run import Preview, Wish, preview, start
from bc.store.rows import Row, Stale
from bc.sync import breaker_notes
from bc.sync.exchanges import Sent, unpacked
from bc.sync.explain import Explanation, explain
from bc.sync.intake import QueuedChange, take

if TYPE_CHECKING:
    from bc.services import Services

MOST_AT_ONCE = 5000


class SyncRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Either `halo_ids`, or a `filter`; with `preview` the filter's number only."""

    entity: Entity
    halo_ids: list[str] | None = None
    operation: Operation = "upsert"
    connection_id: str | None = None
    filter: Filter | None = None
    preview: bool = False


class RetryRequest(msgspec.Struct, forbid_unknown_fields=True):
    ids: list[str] | None = None
    code: str | None = None
    connection_id: str | None = None


class Queued(msgspec.Struct, frozen=True):
    queued: int


class QueuedSync(Queued, frozen=True):
    requests_estimate: int


class Group(msgspec.Struct, frozen=True):
    code: str
    count: int


class ErrorPage(Listed[ErrorRow], frozen=True):
    """`groups`: how many there are of each code in the same state."""

    groups: list[Group]


async def outcomes(services: Services, request: Request) -> Answer:
    """Outcomes of one connection, or of all and of none; newest first."""
    scope = await _scope(services, request)
    status, entity = request.param("status"), request.param("entity")
    _one_of("status", status, get_args(OutcomeStatus))
    _one_of("entity", entity, (*get_args(Entity), "message"))
    page = await _paged(
        services.store.outcomes.page(
            **scope,
            entity=entity,
            status=status,
            halo_id=request.param("halo_id"),
            limit=request.limit(),
            cursor=request.param("cursor"),
        )
    )
    return page_answer(page.items, page.next)


async def errors(services: Services, request: Request) -> Answer:
    """Error rows with counts by code of the same state."""
    scope = await _scope(services, request)
    state = request.param("state")
    _one_of("state", state, get_args(ErrorState))
    page = await _paged(
        services.store.errors.page(
            **scope,
            state=state,
            code=request.param("code"),
            limit=request.limit(),
            cursor=request.param("cursor"),
        )
    )
    groups = await services.store.errors.groups(**scope, state=state or "open")
    return page_answer(page.items, page.next, groups=[Group(code, count) for code, count in groups])


async def requests_of(services: Services, request: Request) -> Answer:
    """What the last try of an outcome sent to Business Central and what came back, in short."""
    kept = await services.store.outcomes.sent(request.args["outcome_id"])
    if kept is None:
        raise not_found(f"Outcome {request.args['outcome_id']}")
    return json_answer(unpacked(kept))


async def _scope(services: Services, request: Request) -> dict[str, Any]:
    connection_id = request.args.get("id")
    if connection_id is None:
        return {}
    if await services.store.connections.get(connection_id) is None:
        raise not_found(f"Connection {connection_id}")
    return {"connection_id": connection_id}


def _one_of(field: str, value: str, allowed: tuple[str, ...]) -> None:
    if value and value not in allowed:
        raise invalid((field, f"Expected one of {', '.join(allowed)}."))


async def _paged(page: Any) -> Any:
    try:
        return await page
    except ValueError:
        raise bad_cursor() from None


async def retry(services: Services, request: Request) -> Answer:
    """Queue again what the given errors are about: by id, by code, or of a connection. An error retried twice at once
    has one effect."""
    wanted = request.json(RetryRequest)
    if not (wanted.ids or wanted.code or wanted.connection_id):
        raise invalid(("ids", "Name ids, a code or a connection_id."))
    queued = 0
    for row in await _chosen(services, wanted):
        if await _retry_one(services, row):
            queued += 1
    return json_answer(Queued(queued), 202)


async def _chosen(services: Services, wanted: RetryRequest) -> list[Row[ErrorRow]]:
    if wanted.ids is not None:
        found = [
            (error_id, await services.store.errors.get(error_id)) for error_id in wanted.ids[:MOST_AT_ONCE]
        ]
        for error_id, row in found:
            if row is None:
                raise not_found(f"Error {error_id}")
        return [row for _, row in found if row is not None]
    scope = {"connection_id": wanted.connection_id} if wanted.connection_id else {}
    chosen: list[Row[ErrorRow]] = []
    cursor = ""
    while len(chosen) < MOST_AT_ONCE:
        page = await services.store.errors.page(
            **scope, state="open", code=wanted.code or "", limit=500, cursor=cursor
        )
        rows = [await services.store.errors.get(error.id) for error in page.items]
        chosen += [row for row in rows if row is not None]
        if not page.next:
            break
        cursor = page.next
    return chosen


async def _retry_one(services: Services, row: Row[ErrorRow]) -> bool:
    error = row.value
    if error.state not in ("open", "dismissed") and not await _was_cut_short(services, error):
        return False
    try:
        await services.store.errors.replace(msgspec.structs.replace(error, state="retrying"), row.etag)
    except Stale:
        return False
    if error.code == "bad_message":
        await services.store.queues.send("entity-sync", error.text)
        resolved = await services.store.errors.get(error.id)
        if resolved:
            await services.store.errors.replace(
                msgspec.structs.replace(resolved.value, state="resolved"), resolved.etag
            )
        return True
    if error.entity == "connection":
        # A person's word is worth a probe at once.
        services.breakers.pop(error.halo_id, None)
        await breaker_notes.forget(services.store, error.halo_id)
        await services.cured(f"connection:{error.halo_id}")
        return True
    await take(
        services,
        QueuedChange(
            entity=error.entity,  # type: ignore[arg-type]  # an error of a record
            halo_id=error.halo_id,
            operation=error.operation,
            connection_id=error.connection_id,
            requested_at=datetime.now(UTC),
            source="manual",
        ),
    )
    return True


async def _was_cut_short(services: Services, error: ErrorRow) -> bool:
    """Whether a retry marked the error and died before the record was queued."""
    if error.state != "retrying" or error.entity not in get_args(Entity):
        return False
    return await services.store.dirty.get(error.entity, error.halo_id) is None  # type: ignore[arg-type]  # just checked


async def dismiss(services: Services, request: Request) -> Answer:
    """Put an error aside; it comes back by itself if the record fails again."""
    row = await services.store.errors.get(request.args["error_id"])
    if row is None:
        raise not_found(f"Error {request.args['error_id']}")
    if row.value.state != "dismissed":
        await services.store.errors.replace(msgspec.structs.replace(row.value, state="dismissed"), row.etag)
    return Answer(204)


async def sync(services: Services, request: Request) -> Answer:
    """Queue records by hand. `requests_estimate`: BC requests they will cost at most, one each."""
    wanted = request.json(SyncRequest)
    if wanted.filter is not None:
        return await _resync(services, wanted, wanted.filter)
    if not wanted.halo_ids or len(wanted.halo_ids) > MOST_AT_ONCE:
        raise invalid(("halo_ids", f"Name 1 to {MOST_AT_ONCE} ids."))
    for position, halo_id in enumerate(wanted.halo_ids):
        if not is_halo_id(halo_id):
            raise invalid((f"halo_ids[{position}]", "Expected Halo's id, a positive whole number."))
    if wanted.connection_id and await services.store.connections.get(wanted.connection_id) is None:
        raise invalid(("connection_id", "There is no such connection."))
    ids = list(dict.fromkeys(wanted.halo_ids))
    for halo_id in ids:
        change = QueuedChange(
            entity=wanted.entity,
            halo_id=halo_id,
            operation=wanted.operation,
            connection_id=wanted.connection_id,
            requested_at=datetime.now(UTC),
            source="manual",
        )
        await take(services, change, wake=False)
    await services.wake()
    return json_answer(QueuedSync(len(ids), len(ids)), 202)


async def _resync(services: Services, wanted: SyncRequest, chosen: Filter) -> Answer:
    """Queue what a filter names, as a job; with `preview` only its number."""
    connection = await services.store.connections.get(wanted.connection_id) if wanted.connection_id else None
    if wanted.connection_id and connection is None:
        raise invalid(("connection_id", "There is no such connection."))
    if wanted.halo_ids is not None:
        raise invalid(("filter", "Name halo_ids or a filter, not both."))
    if wanted.operation != "upsert":
        raise invalid(("operation", "A filter queues upserts only: name what is to be deleted."))
    if chosen.customer_id is not None and not is_halo_id(chosen.customer_id):
        raise invalid(("filter.customer_id", "Expected Halo's id, a positive whole number."))
    if chosen.customer_id is not None and wanted.entity == "product":
        raise invalid(("filter.customer_id", "A product belongs to no customer."))
    if chosen.from_ and chosen.to and chosen.from_ > chosen.to:
        raise invalid(("filter.to", "It is before “from”."))
    wish = Wish(wanted.entity, chosen, wanted.connection_id)
    if wanted.preview:
        return json_answer(await preview(services, wish))
    try:
        job = await start(services, wish, connection.value if connection else None)
    except jobs.JobRunning as running:
        detail = f"{running.message} {running.cure}"
        raise Problem(409, running.code, detail, extra={"job_id": running.job_id}) from None
    return json_answer(JobStarted(job.id), 202, [("Location", f"/api/jobs/{job.id}")])


async def explain_record(services: Services, request: Request) -> Answer:
    """Why a record would or would not sync, and what would be sent; writes nothing anywhere."""
    entity, halo_id = request.args["entity"], request.args["halo_id"]
    _one_of("entity", entity, get_args(Entity))
    if not is_halo_id(halo_id):
        raise invalid(("halo_id", "Expected Halo's id, a positive whole number."))
    connection_id = request.param("connection_id") or None
    if connection_id and await services.store.connections.get(connection_id) is None:
        raise Problem(404, "not_found", f"Connection {connection_id} does not exist.")
    return json_answer(await explain(services, entity, halo_id, connection_id))  # type: ignore[arg-type]  # checked above


OUTCOMES = {
    "entity": Literal[Entity, "message"],
    "status": OutcomeStatus,
    "halo_id": str,
    **PAGE,
}
ERRORS = {"state": ErrorState, "code": str, **PAGE}

ROUTES = (
    Route("GET", "/api/outcomes", outcomes, params=OUTCOMES, answers={200: Listed[Outcome]}),
    Route("GET", "/api/outcomes/{outcome_id}/requests", requests_of, answers={200: Sent}),
    Route("GET", "/api/errors", errors, params=ERRORS, answers={200: ErrorPage}),
    Route("GET", "/api/connections/{id}/outcomes", outcomes, params=OUTCOMES, answers={200: Listed[Outcome]}),
    Route("GET", "/api/connections/{id}/errors", errors, params=ERRORS, answers={200: ErrorPage}),
    Route("POST", "/api/errors/retry", retry, body=RetryRequest, answers={202: Queued}),
    Route("POST", "/api/errors/{error_id}/dismiss", dismiss, answers={204: None}),
    Route(
        "POST",
        "/api/sync",
        sync,
        body=SyncRequest,
        answers={200: Preview, 202: (QueuedSync, JobStarted)},
        conflicts=("job_running",),
    ),
    Route(
        "GET",
        "/api/explain/{entity}/{halo_id}",
        explain_record,
        params={"entity": Entity, "connection_id": str},
        answers={200: Explanation},
    ),
)
