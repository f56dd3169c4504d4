"""Writing many Halo records: arrays of 50, and a verdict for each row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bc.clients.halo import ArrayRefused
from bc.entities.values import Record, ident
from bc.errors import Refused, SyncError, Transient, UnknownOutcome
from bc.model import Link

if TYPE_CHECKING:
    from bc.clients.halo import Halo

ARRAY = 50
# Where a tenant honours it, our own writes start no automations and come back as no events.
_QUIET = {"_dont_fire_automations": True}

type Rows = Sequence[Mapping[str, Any]]
type Tick = Callable[[int], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Written:
    """Halo's answer for one row ({} where it gave none), or why it refused it."""

    record: Mapping[str, Any] = field(default_factory=dict)
    failure: SyncError | None = None


async def update_rows(halo: Halo, resource: str, rows: Rows, tick: Tick) -> list[Written]:
    """Change records (each row with its `id`) and tell what became of each, in their order.

    Raises what leaves the outcome open (`Transient`); repeating an update does no harm.
    """
    written: list[Written] = []
    for start in range(0, len(rows), ARRAY):
        written += await _update_array(
            halo, resource, [{**row, **_QUIET} for row in rows[start : start + ARRAY]]
        )
        await tick(len(written))
    return written


async def _update_array(halo: Halo, resource: str, rows: Rows) -> list[Written]:
    try:
        answers = await halo.save(resource, rows)
    except ArrayRefused as refused:
        _raise_open(refused)
        return [
            Written(failure=refused.errors[position])
            if position in refused.errors
            else Written(refused.saved.get(position, {}))
            for position in range(len(rows))
        ]
    except Refused as error:
        return [Written(failure=error) for _ in rows]
    known = {ident(answer, "id"): answer for answer in answers if ident(answer, "id")}
    ids = [ident(row, "id") for row in rows]
    if not known or len(rows) == 1 or known.keys() >= set(ids):
        return [Written(known.get(row_id, {})) for row_id in ids]
    # A tenant that keeps the good part of an array leaves out what it refused: alone, it says why.
    return [
        Written(known[row_id]) if row_id in known else (await _update_array(halo, resource, [row]))[0]
        for row_id, row in zip(ids, rows, strict=True)
    ]


def _raise_open(refused: ArrayRefused) -> None:
    open_fault = next((error for error in refused.errors.values() if isinstance(error, Transient)), None)
    if open_fault is not None:
        raise open_fault from None


async def create_rows(
    halo: Halo,
    resource: str,
    rows: Rows,
    tick: Tick,
    *,
    key: Callable[[Record], str],
    look_again: Callable[[], Awaitable[Sequence[Record]]],
) -> list[Written]:
    """Create records (rows without `id`) and tell what became of each, in their order.

    `key` is what tells one record from another, in a row as in Halo's answer. A tenant may keep part of an array that
    it refuses, or say nothing of what it refused: before such rows are repeated one by one, `look_again` reads what
    Halo has now. Raises what leaves the outcome open (`Transient`): the caller reads Halo anew before it repeats it.
    """
    written: list[Written] = []
    for start in range(0, len(rows), ARRAY):
        part = [{**row, **_QUIET} for row in rows[start : start + ARRAY]]
        written += await _create_array(halo, resource, part, key, look_again)
        await tick(len(written))
    return written


async def _create_array(
    halo: Halo,
    resource: str,
    rows: Rows,
    key: Callable[[Record], str],
    look_again: Callable[[], Awaitable[Sequence[Record]]],
) -> list[Written]:
    try:
        answers = await halo.save(resource, rows, singles=False)
    except Refused as error:
        if len(rows) == 1:
            return [Written(failure=error)]
        answers = []
    found = _by_key(rows, answers, key)
    if len(rows) > 1 and any(key(row) not in found for row in rows):
        found |= {key(record): record for record in await look_again()}
    return [
        Written(found[key(row)]) if key(row) in found else await _create_single(halo, resource, row)
        for row in rows
    ]


def _by_key(rows: Rows, answers: Sequence[Record], key: Callable[[Record], str]) -> dict[str, Record]:
    """Answers that say which record was made, by key; by position where an answer does not repeat the key."""
    made = [(position, answer) for position, answer in enumerate(answers) if ident(answer, "id")]
    whole = len(answers) == len(rows)
    return {key(answer) or key(rows[position]): answer for position, answer in made if key(answer) or whole}


async def _create_single(halo: Halo, resource: str, row: Mapping[str, Any]) -> Written:
    try:
        answers = await halo.save(resource, [row], singles=False)
    except Refused as error:
        return Written(failure=error)
    if len(answers) != 1 or not ident(answers[0], "id"):
        raise UnknownOutcome(
            "halo_answer_unclear",
            "Halo did not say which record it created; its list is read again before anything is repeated.",
        )
    return Written(answers[0])


async def leave_external_links(halo: Halo, links: Sequence[Link], *, accepted: bool | None) -> bool:
    """Leave Halo the BC ids of new links (`ExternalLink`), in arrays; answers whether this tenant takes such rows.

    Nothing depends on them, so a refusal loses nothing. `accepted` None: not known yet, so the first row goes alone,
    and a tenant that refuses it is not asked again.
    """
    if accepted is False:
        return False
    rows = [
        {
            "halo_id": int(link.halo_id) if link.halo_id.isdigit() else link.halo_id,
            "third_party_id": link.bc_id,
            "third_party_secondary_id": link.bc_number,
            "third_party_type": link.entity,
        }
        for link in links
    ]
    first = 1 if accepted is None else 0
    try:
        await halo.save("ExternalLink", rows[:first])
        for start in range(first, len(rows), ARRAY):
            await halo.save("ExternalLink", rows[start : start + ARRAY])
    except SyncError:
        return False
    return True
