"""Turning what happened into words that stay: outcomes, errors, and the records that wait for a cure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from bc.clients.business_central import requests_made
from bc.clients.halo import record_url
from bc.entities.document_kind import INVOICE, DocumentKind, kind_of
from bc.errors import CompanyGone, NeedsAuthorization, Skip, SyncError, Transient
from bc.model import (
    ENTITIES,
    Action,
    Blocked,
    Connection,
    Entity,
    ErrorRow,
    Link,
    Operation,
    Outcome,
    OutcomeStatus,
    OutcomeWarning,
)
from bc.sync import tell_halo
from bc.sync.context import Push
from bc.sync.exchanges import sent_so_far

if TYPE_CHECKING:
    from bc.services import Services

VERBS = {
    "created": "was created in Business Central",
    "updated": "was updated in Business Central",
    "adopted": "was found in Business Central and linked",
    "posted": "was posted in Business Central",
    "deleted": "was deleted in Business Central",
    "unlinked": "was unlinked; Business Central keeps its record",
}
BC_WEB = "https://businesscentral.dynamics.com"
_PAGES = {"customer": 21, "product": 30}
_FIELDS = {"customer": "No.", "product": "No.", "invoice": "No."}


def bc_url(connection: Connection, entity: str, number: str, kind: DocumentKind = INVOICE) -> str:
    """The card of a record in BC's web client; "" while the record or company is not known. `kind`: of an invoice."""
    if not number or not connection.company_name or not connection.environment_name:
        return ""
    from urllib.parse import quote

    filters = quote(f"'{_FIELDS[entity]}' IS '{number}'")
    company, environment = quote(connection.company_name), quote(connection.environment_name)
    return f"{BC_WEB}/{connection.tenant_id}/{environment}?company={company}&page={_PAGES.get(entity, kind.page)}&filter={filters}"


def outcome_of(
    push: Push,
    status: OutcomeStatus,
    action: Action,
    *,
    link: Link | None,
    at: datetime,
    message: str = "",
    error: SyncError | None = None,
) -> Outcome:
    """The row for one push; `error` gives code, message and cure where it did not succeed."""
    connection = push.connection
    return Outcome(
        id=push.outcome_id,
        connection_id=connection.id,
        entity=push.entity,
        halo_id=push.halo_id,
        operation=push.dirty.operation,
        status=status,
        action=action,
        code=error.code if error else "",
        message=error.message if error else message,
        cure=error.advice if error else "",
        bc_id=link.bc_id if link else "",
        bc_number=link.bc_number if link else "",
        at=at,
        attempts=push.dirty.attempts + 1,
        requests=requests_made(),
        correlation_id=error.correlation_id if error else "",
        halo_url=record_url(push.services.settings.halo.url, push.entity, push.halo_id),
        bc_url=bc_url(connection, push.entity, link.bc_number, kind_of(link)) if link else "",
        warnings=tuple(push.warnings),
        record_name=push.record_name,
        record_kind=push.own_kind,
    )


def unrouted(
    services: Services,
    outcome_id: str,
    entity: Entity,
    halo_id: str,
    operation: Operation,
    error: SyncError,
    at: datetime,
    *,
    name: str = "",
) -> Outcome:
    """The row for a record that no connection takes."""
    return Outcome(
        id=outcome_id,
        connection_id=None,
        entity=entity,
        halo_id=halo_id,
        operation=operation,
        status="skipped" if isinstance(error, Skip) else "failed",
        code=error.code,
        message=error.message,
        cure=error.advice,
        at=at,
        attempts=1,
        halo_url=record_url(services.settings.halo.url, entity, halo_id),
        record_name=name,
    )


def outcome_of_link(
    services: Services,
    connection: Connection,
    link: Link,
    status: OutcomeStatus,
    action: Action,
    message: str,
    *,
    code: str = "",
    cure: str = "",
    warnings: tuple[OutcomeWarning, ...] = (),
) -> Outcome:
    """The row for what became of a linked record in BC without a push."""
    now = datetime.now(UTC)
    return Outcome(
        id=services.store.outcomes.new_id(now),
        connection_id=connection.id,
        entity=link.entity,
        halo_id=link.halo_id,
        status=status,
        action=action,
        code=code,
        message=message,
        cure=cure,
        bc_id=link.bc_id,
        bc_number=link.bc_number,
        at=now,
        attempts=1,
        halo_url=record_url(services.settings.halo.url, link.entity, link.halo_id),
        bc_url=bc_url(connection, link.entity, link.bc_number, kind_of(link)),
        warnings=warnings,
        record_name=link.halo_name or link.halo_id,
        record_kind="" if kind_of(link) is INVOICE else kind_of(link).word,
    )


# What waits for its connection, and long enough that the cure should not be missed.
WAITS_FOR_CONNECTION = ("paused", "needs_authorization", CompanyGone.CODE)


def status_of(error: SyncError) -> OutcomeStatus:
    """Skipped on purpose, worth another try, or for a person."""
    if isinstance(error, Skip):
        return "skipped"
    if isinstance(error, (Transient, NeedsAuthorization, CompanyGone)):
        return "retrying"
    return "failed"


async def record(services: Services, outcome: Outcome, *, text: str = "") -> None:
    """Keep an outcome, and with it the errors page true: a failure opens an error, a success closes the record's.

    The outcome last: whoever sees that a push failed finds its error.
    """
    if outcome.status == "failed":
        await services.store.errors.put(ErrorRow(**_fields(outcome), state="open", text=text))
    if outcome.halo_id:
        await _settle(services, outcome)
    await services.store.outcomes.put(outcome, sent_so_far())
    await services.tally.note(outcome)


async def _settle(services: Services, outcome: Outcome) -> None:
    """Bring the record's older errors in line with what became of it now."""
    if outcome.status in ("synced", "unchanged", "failed"):
        await _close(services, outcome, keep=outcome.id if outcome.status == "failed" else "")
        if outcome.status == "failed":
            await tell_halo.failed(services, outcome)
    elif outcome.status == "retrying":
        for row in await services.store.errors.open_of(outcome.entity, outcome.halo_id):
            if row.value.state == "open":
                await services.store.errors.replace(
                    msgspec.structs.replace(row.value, state="retrying"), row.etag
                )
    elif outcome.status == "skipped":
        # Skipped on purpose now: an older failure no longer stands, the reason to skip does.
        await _close(services, outcome, keep="")


def _fields(outcome: Outcome) -> dict[str, Any]:
    return {name: getattr(outcome, name) for name in outcome.__struct_fields__}


async def _close(services: Services, outcome: Outcome, *, keep: str) -> None:
    rows = await services.store.errors.open_of(outcome.entity, outcome.halo_id)
    if rows and not keep:
        # Before the errors close: by them a repeat after a crash knows that Halo may still show one.
        await tell_halo.mended(services, outcome)
    for row in rows:
        if row.value.id != keep:
            await services.store.errors.replace(
                msgspec.structs.replace(row.value, state="resolved"), row.etag
            )


def cures(outcome: Outcome, dependencies: Sequence[str] = ()) -> list[str]:
    """The keys of the cures that should queue this record again by themselves."""
    connection = outcome.connection_id
    by_code = {
        "no_connection": ["default"],
        "connection_not_ready": [f"connection:{connection}"],
        "not_enabled": [f"entity:{connection}:{outcome.entity}"],
        "no_accounts_id": [f"numbers:{connection}:{outcome.entity}"],
        "before_go_live": [f"go_live:{connection}"],
        "credit_note_not_supported": [f"credit_notes:{connection}"],
        "native_sync_enabled": [f"native:{connection}"],
        "paused": [f"connection:{connection}"],
        "needs_authorization": [f"connection:{connection}"],
        "company_gone": [f"connection:{connection}"],
        "customer_not_linked": list(dependencies),
        "product_not_linked": list(dependencies),
    }
    return by_code.get(outcome.code, [])


async def wait_for_cure(services: Services, outcome: Outcome, dependencies: Sequence[str] = ()) -> None:
    """Remember what would cure the record, so that it is queued again when that comes (blockers)."""
    entity = next((known for known in ENTITIES if known == outcome.entity), None)
    if entity is None:
        return
    for key in cures(outcome, dependencies):
        await services.store.blockers.remember(
            Blocked(
                key=key,
                entity=entity,
                halo_id=outcome.halo_id,
                operation=outcome.operation,
                connection_id=outcome.connection_id if key.startswith("link:") else None,
            )
        )
        stopped = outcome.status == "skipped" or outcome.code in WAITS_FOR_CONNECTION
        if stopped and await _came_meanwhile(services, key, outcome.code):
            # The cure took its records before this one was among them.
            await services.cured(key)


async def _came_meanwhile(services: Services, key: str, code: str) -> bool:
    """Whether a cure is there already, by what is stored now and not by what the push knew when it began."""
    kind, _, rest = key.partition(":")
    if kind == "default":
        return False
    connection_id, _, rest = rest.partition(":")
    if kind == "link":
        entity, _, halo_id = rest.partition(":")
        link = await services.store.links.get(connection_id, entity, halo_id)
        return link is not None and link.value.exists
    row = await services.store.connections.get(connection_id)
    if row is None:
        return False
    if kind == "entity":
        return rest in row.value.settings.sync_entities
    if kind == "credit_notes":
        return row.value.settings.sync_credit_notes
    if kind == "numbers":
        return getattr(row.value.settings.accounts_id_pattern, rest, None) is not None
    if kind != "connection" or row.value.status != "ready" or row.value.paused:
        return False
    if code != CompanyGone.CODE:
        return True
    told = await services.store.errors.open_of("connection", connection_id)
    return all(error.value.code != CompanyGone.CODE for error in told)
