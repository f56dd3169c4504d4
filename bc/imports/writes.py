"""Writing many Halo records: arrays of 50, and a verdict for each row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bc.clients.halo import ArrayRefused
from bc.entities.values import ident, text
from bc.errors import SyncError, Transient, UnknownOutcome
from bc.imports.matching import number_key
from bc.model import Link

if TYPE_CHECKING:
    from bc.clients.halo import Halo

ARRAY = 50
# Where a tenant honours it, our own writes start no automations and come back as no events.
_QUIET = {"_dont_fire_automations": True}


@dataclass(frozen=True, slots=True)
class Written:
    """Halo's answer for one row, or why it refused it."""

    record: Mapping[str, Any] = field(default_factory=dict)
    failure: SyncError | None = None


async def write_rows(
    halo: Halo, resource: str, rows: Sequence[Mapping[str, Any]], tick: Callable[[int], Awaitable[None]]
) -> list[Written]:
    """Write rows (no `id` = create) and tell what became of each, in their order.

    Raises what leaves the outcome open (`Transient`): the caller reads Halo anew before it repeats anything.
    """
    written: list[Written] = []
    for start in range(0, len(rows), ARRAY):
        part = [{**row, **_QUIET} for row in rows[start : start + ARRAY]]
        written += await _write_array(halo, resource, part)
        await tick(len(written))
    return written


async def _write_array(halo: Halo, resource: str, rows: Sequence[Mapping[str, Any]]) -> list[Written]:
    try:
        answers = await halo.save(resource, rows)
    except ArrayRefused as refused:
        open_fault = next((error for error in refused.errors.values() if isinstance(error, Transient)), None)
        if open_fault is not None:
            raise open_fault from None
        return [
            Written(failure=refused.errors[position])
            if position in refused.errors
            else Written(_own(row, refused.saved.get(position, {})))
            for position, row in enumerate(rows)
        ]
    except Transient:
        raise
    except SyncError as error:
        # A single row: `save` repeats more of them one by one.
        return [Written(failure=error) for _ in rows]
    return [Written(answer) for answer in _answers(rows, answers)]


def _answers(
    rows: Sequence[Mapping[str, Any]], answers: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """The answer of each row: by id or accounts id where they tell, else by position."""
    if all("id" in row for row in rows):
        return [dict(row) for row in rows]
    by_number = {
        number_key(text(answer, "accountsid")): answer for answer in answers if text(answer, "accountsid")
    }
    found = []
    for position, row in enumerate(rows):
        answer = by_number.get(number_key(text(row, "accountsid")))
        if answer is None and len(answers) == len(rows) and not text(answers[position], "accountsid"):
            answer = answers[position]
        found.append(_own(row, answer or {}))
    return found


def _own(row: Mapping[str, Any], answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """The answer, which for a create must say which record it made."""
    if "id" not in row and not ident(answer, "id"):
        raise UnknownOutcome(
            "halo_answer_unclear",
            "Halo did not say which record it created; its list is read again before anything is repeated.",
        )
    return answer


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
