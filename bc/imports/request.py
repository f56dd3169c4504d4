"""What an import was asked for, and where it stands between two messages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from bc.jobs import jobs
from bc.jobs.jobs import Counts
from bc.model import Connection, ImportKind, Job

if TYPE_CHECKING:
    from bc.services import Services

CREATING = "creating"
RecordAction = Literal["create", "link", "update", "skip"]
_encoder = msgspec.json.Encoder()


class Choice(msgspec.Struct, frozen=True):
    """What a person chose for one BC record."""

    bc_id: str
    action: RecordAction
    halo_id: str | None = None


class ImportRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST …/imports/{kind}`: chosen records, or everything (changed since a time)."""

    records: list[Choice] | None = None
    all: bool = False
    changed_since: datetime | None = None

    @property
    def choices(self) -> dict[str, Choice] | None:
        """What was chosen, by BC id; None where everything is imported."""
        if self.all or self.records is None:
            return None
        return {choice.bc_id.lower(): choice for choice in self.records}


class Progress(msgspec.Struct, frozen=True):
    """Where an import stands. `page`, `cursor`: the BC page in hand; `after`: the last row of it that is done.

    `step` counts finished blocks (it names their failure rows); `seen` chosen records met so far; `pages` what BC's
    links looked like, against loops.
    """

    page: int = 0
    cursor: str = ""
    after: str = ""
    step: int = 0
    seen: int = 0
    pages: tuple[str, ...] = ()
    counts: Counts = Counts()
    total: int | None = None
    ended: bool = False


async def start_import(
    services: Services, connection: Connection, kind: ImportKind, request: ImportRequest
) -> Job:
    """Queue an import. Raises `JobRunning`, or `Refused` `connection_not_ready`."""
    return await jobs.start(
        services,
        kind=kind,
        connection=connection,
        request=_encoder.encode(request),
        total=len(request.records) if request.choices is not None and request.records else None,
    )


async def load_request(services: Services, job_id: str) -> ImportRequest:
    stored = await jobs.load_request(services, job_id)
    return msgspec.json.decode(stored or b"{}", type=ImportRequest)


async def load_creating(services: Services, job_id: str, step: int) -> frozenset[str]:
    """BC ids that a killed attempt at this block may have created in Halo."""
    stored = await jobs.load_progress(services, job_id, tuple[int, list[str]], name=CREATING)
    return frozenset(stored[1]) if stored and stored[0] == step else frozenset()


async def save_creating(services: Services, job_id: str, step: int, ids: Sequence[str]) -> None:
    await jobs.save_progress(services, job_id, (step, ids), name=CREATING)
