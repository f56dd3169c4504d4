"""Reading and writing the tax of a few Halo records: the old values are kept before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from bc.clients.halo import ArrayRefused
from bc.entities.stamps import is_as_written
from bc.entities.values import Record, ident, text
from bc.errors import Refused, SyncError, Transient
from bc.imports.directory import each
from bc.jobs.jobs import Count
from bc.model import Entity, JobFailure
from bc.store.rows import Stale
from bc.store.tax_values import TaxValue
from bc.zero_tax.fields import READS, RESOURCES, STAMPS, changes, code, present, tells_all
from bc.zero_tax.state import ZeroTax

if TYPE_CHECKING:
    from bc.services import Services

ARRAY = 50
# How long an event of our own write counts as its echo where the link knows no stamp.
ECHO_WINDOW = timedelta(minutes=2)
_QUIET = {"_dont_fire_automations": True}


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one record."""

    halo_id: str
    count: Count
    failure: JobFailure | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """Halo's answer for one row, or why it refused it."""

    record: Record
    failure: SyncError | None = None


async def read_all(services: Services, entity: Entity, rows: Sequence[Record]) -> dict[str, Record]:
    """The records with their tax fields, by id: the list row where it tells them, else the full record."""
    found: dict[str, Record] = {}

    async def read(row_id: str) -> None:
        record = await services.halo.get_one(RESOURCES[entity], row_id, params={"includedetails": "true"})
        if record is not None:
            found[row_id] = record

    thin = []
    for row in rows:
        if tells_all(entity, row):
            found[ident(row, "id")] = row
        else:
            thin.append(ident(row, "id"))
    await each(thin, read)
    return found


async def zero_records(
    services: Services, entity: Entity, rows: Sequence[Record], tax: ZeroTax, job_id: str
) -> list[Result]:
    """Set the tax of these records to zero, one result each. Safe to repeat after a kill at any point.

    A record that holds neither what it held when its values were kept nor our zero was changed by a person
    meanwhile: it is reported and left alone.
    """
    wanted = {ident(row, "id"): row for row in rows if ident(row, "id")}
    stored = await services.store.tax_values.get_many(entity, wanted)
    kept = {halo_id: value for halo_id, value in stored.items() if value.state != "restored"}
    results = [
        _done(halo_id, value, job_id)
        for halo_id, value in kept.items()
        if _stands(value, wanted[halo_id], entity)
    ]
    settled = {result.halo_id for result in results}
    records = await read_all(
        services, entity, [row for halo_id, row in wanted.items() if halo_id not in settled]
    )
    planned: list[TaxValue] = []
    for halo_id, record in records.items():
        verdict = _judge(entity, halo_id, record, kept.get(halo_id), tax, job_id)
        if isinstance(verdict, Result):
            results.append(verdict)
        elif verdict.state == "planned":
            planned.append(verdict)
        else:
            await services.store.tax_values.put_many([verdict])
            results.append(_settled(verdict, job_id))
    await services.store.tax_values.put_many(planned)
    for start in range(0, len(planned), ARRAY):
        results += await _zero(services, entity, planned[start : start + ARRAY], records)
    return results


def _stands(value: TaxValue, row: Record, entity: Entity) -> bool:
    """Whether nobody touched the record since we wrote it, as far as its list row tells."""
    stamp = text(row, STAMPS[entity])
    return value.state == "zeroed" and bool(stamp) and stamp == value.stamp


def _done(halo_id: str, value: TaxValue, job_id: str) -> Result:
    # Written by an attempt of this very job that was killed before it could count it.
    return Result(halo_id, "updated" if value.job_id == job_id else "unchanged")


def _judge(
    entity: Entity, halo_id: str, record: Record, kept: TaxValue | None, tax: ZeroTax, job_id: str
) -> TaxValue | Result:
    """A value to store: planned (then to be written), zeroed or in conflict; a result where there is nothing to do."""
    stamp = text(record, STAMPS[entity])
    if kept is None:
        new = changes(entity, record, int(tax.tax_id), tax.zeros)
        if not new:
            return Result(halo_id, "unchanged")
        old = {name: code(record, name) for name in new}
        return TaxValue(
            entity=entity, halo_id=halo_id, name=text(record, "name"), old=old, new=new, job_id=job_id
        )
    match present(kept, record):
        case "zero":
            return msgspec.structs.replace(kept, state="zeroed", stamp=stamp)
        case "old" if kept.state == "planned":
            return kept
        case _:
            return msgspec.structs.replace(kept, state="conflict", stamp=stamp)


def _settled(value: TaxValue, job_id: str) -> Result:
    if value.state == "zeroed":
        return _done(value.halo_id, value, job_id)
    return Result(value.halo_id, "skipped", conflict(value, "It was left as it is."))


def conflict(value: TaxValue, what: str) -> JobFailure:
    """The reason shown for a record that a person changed meanwhile."""
    return JobFailure(
        record=f"{value.entity} {value.halo_id}",
        name=value.name,
        code="tax_changed_meanwhile",
        message=f"The tax of {value.entity} {value.name} was changed in Halo by somebody else. {what}",
        cure="Check its tax in Halo and set it by hand.",
    )


async def _zero(
    services: Services, entity: Entity, planned: Sequence[TaxValue], records: Mapping[str, Record]
) -> list[Result]:
    rows = {value.halo_id: {"id": int(value.halo_id), **value.new} for value in planned}
    written = await write(services, entity, rows)
    results, zeroed = [], []
    for value in planned:
        answer = written[value.halo_id]
        if answer.failure is not None:
            results.append(Result(value.halo_id, "failed", failed(value, answer.failure)))
            continue
        stamp = text(answer.record, STAMPS[entity])
        zeroed.append(msgspec.structs.replace(value, state="zeroed", stamp=stamp))
        await recognise(services, entity, value.halo_id, records[value.halo_id], rows[value.halo_id], answer)
        results.append(Result(value.halo_id, "updated"))
    await services.store.tax_values.put_many(zeroed)
    refused = [value for value in planned if written[value.halo_id].failure is not None]
    # Halo refused for good, so nothing was changed: there is nothing to put back.
    await services.store.tax_values.forget(refused)
    return results


def failed(value: TaxValue, error: SyncError) -> JobFailure:
    return JobFailure(
        record=f"{value.entity} {value.halo_id}",
        name=value.name,
        code=error.code,
        message=error.message,
        cure=error.advice,
    )


async def write(
    services: Services, entity: Entity, rows: Mapping[str, Mapping[str, Any]]
) -> dict[str, Written]:
    """Change records, in one array; Halo's answer for each. Raises what leaves the outcome open (`Transient`)."""
    wanted = list(rows)
    body = [{**rows[halo_id], **_QUIET} for halo_id in wanted]
    try:
        answers = await services.halo.save(RESOURCES[entity], body)
    except ArrayRefused as refused:
        for error in refused.errors.values():
            if isinstance(error, Transient):
                raise error from None
        return {
            halo_id: Written({}, refused.errors[position])
            if position in refused.errors
            else Written(refused.saved.get(position, {}))
            for position, halo_id in enumerate(wanted)
        }
    except Refused as error:
        return {halo_id: Written({}, error) for halo_id in wanted}
    known = {ident(answer, "id"): answer for answer in answers}
    if len(wanted) > 1 and known:
        # A tenant that keeps the good part of an array leaves out what it refused: alone, it says why.
        left = [halo_id for halo_id in wanted if halo_id not in known]
        alone = [await write(services, entity, {halo_id: rows[halo_id]}) for halo_id in left]
        told = {halo_id: one[halo_id] for halo_id, one in zip(left, alone, strict=True)}
        return {halo_id: told.get(halo_id) or Written(known[halo_id]) for halo_id in wanted}
    return {halo_id: Written(known.get(halo_id, {})) for halo_id in wanted}


async def recognise(
    services: Services, entity: Entity, halo_id: str, before: Record, row: Record, answer: Written
) -> None:
    """Let links take the stamp of our write for the one they know, so that its echo pushes nothing (F85).

    Not where Halo's answer shows an edit in between: that one is still to be pushed.
    """
    links = services.store.links
    known = is_as_written(before, answer.record, row, moves=(STAMPS[entity],), reads=READS[entity])
    stamp = text(answer.record, STAMPS[entity]) if known else ""
    for link in await links.by_halo_id(entity, halo_id):
        stored = await links.get(link.connection_id, entity, halo_id)
        if stored is None:
            continue
        own, mark, site = stored.value.halo_stamp.partition("/")
        if own and stamp and own == text(before, STAMPS[entity]):
            changed = msgspec.structs.replace(stored.value, halo_stamp=f"{stamp}{mark}{site}")
        elif not own:
            changed = msgspec.structs.replace(stored.value, echo_until=datetime.now(UTC) + ECHO_WINDOW)
        else:
            continue
        try:
            await links.replace(changed, stored.etag)
        except Stale:
            # A push writes the link: it read the record as it is now.
            continue
