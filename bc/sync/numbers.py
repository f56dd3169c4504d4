"""Accounts ids for records that have none: drawn by the connection's pattern or by Halo, kept before they are used.

A drawn number belongs to its Halo record from then on: whatever dies afterwards, the next try takes the same one.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Literal

from bc.clients.business_central import quote
from bc.entities.accounts_id import NumberPattern
from bc.entities.values import text
from bc.errors import Refused, Transient
from bc.model import NUMBER_LENGTH, Link
from bc.store.rows import Stale
from bc.sync.context import Push
from bc.sync.references import rows_by_number

if TYPE_CHECKING:
    from bc.store.numbers import Counter
    from bc.sync.record_sync import RecordSpec

# As many numbers as one look-up in BC asks for.
BLOCK = 20
# Blocks that are wholly taken before a person is asked for another pattern.
MOST_BLOCKS = 50
# What explain shows in place of a number that is still to be drawn; short enough to pass for one.
TO_COME = "(NUMBER TO BE DRAWN)"


async def generator_of(push: Push, spec: RecordSpec) -> NumberPattern | Literal["halo"] | None:
    """What makes up accounts ids for this entity: the connection's pattern, or Halo where it does; None: nothing."""
    pattern = getattr(push.connection.settings.accounts_id_pattern, spec.entity)
    if pattern:
        return NumberPattern.parse(pattern)
    return "halo" if await push.services.halo_facts.generates_accounts_ids(spec.resource) else None


async def number_for(
    push: Push, spec: RecordSpec, generator: NumberPattern | Literal["halo"], link: Link | None
) -> str:
    """The number that the record was given before, or is given now; in a dry run the words for one to come."""
    if link and link.exists:
        # Given with the create; Halo may not have been told yet.
        return link.bc_number
    given = await push.services.store.numbers.drawn_for(push.connection.id, push.entity, push.halo_id)
    if given:
        return given
    if push.dry_run:
        source = "Halo" if generator == "halo" else generator.shown
        push.warn("number_to_draw", f"It has no accounts id: the next number of {source} would be drawn.")
        return TO_COME
    return await (_ask_halo(push, spec) if generator == "halo" else _draw(push, spec, generator))


async def number_is_taken(push: Push, number: str) -> Transient:
    """BC gave the drawn number to another record meanwhile: take it back, so that the next try draws another."""
    if not push.dry_run:
        await push.services.store.numbers.discard(push.connection.id, push.entity, push.halo_id)
    return Transient(
        "drawn_number_taken",
        f"The accounts id {number} that was drawn for {push.entity} {push.record_name} is taken in Business Central.",
        cure="Another one is drawn by itself.",
    )


async def _draw(push: Push, spec: RecordSpec, pattern: NumberPattern) -> str:
    """The pattern's next number that nobody has, in BC, in Halo or of ours."""
    numbers = push.services.store.numbers
    connection_id = push.connection.id
    for _ in range(MOST_BLOCKS):
        counter = await numbers.counter(connection_id, push.entity)
        block = [pattern.number(counter.next + place) for place in range(BLOCK)]
        taken = await _taken(push, spec, block)
        try:
            for place, number in enumerate(block, 1):
                if number in taken or await numbers.was_drawn(connection_id, push.entity, number):
                    continue
                push.services.check_fence()
                await numbers.draw(
                    connection_id, push.entity, push.halo_id, number, counter, counter.next + place
                )
                return number
            await _skip(push, spec, pattern, counter)
        except Stale:
            # Another push drew meanwhile: go on after it, unless it was for this very record.
            given = await numbers.drawn_for(connection_id, push.entity, push.halo_id)
            if given:
                return given
    raise Transient(
        "numbers_busy",
        f"No free accounts id was found for {push.entity} {push.record_name} so far; it is tried again.",
        cure="If it stays, choose a number pattern that is not in use yet, in the connection's settings.",
    )


async def _taken(push: Push, spec: RecordSpec, block: list[str]) -> set[str]:
    """Those of the numbers that a BC or Halo record has."""
    in_halo = await push.services.halo_facts.accounts_ids(spec.resource)
    taken = {number for number in block if number in in_halo}
    cache, connection_id = push.services.known_in_bc, push.connection.id
    unknown = []
    for number in block:
        hit, found = cache.get(connection_id, spec.endpoint, number)
        if not hit:
            unknown.append(number)
        elif found:
            taken.add(number)
    for rows, asked in await rows_by_number(push, spec.endpoint, "id,number", unknown):
        for number in asked:
            cache.put(connection_id, spec.endpoint, number, rows.get(number))
        taken |= rows.keys()
    return taken


async def _skip(push: Push, spec: RecordSpec, pattern: NumberPattern, counter: Counter) -> None:
    """All of a block is taken: go on at the first number of the pattern that BC does not list."""
    params = {"$select": "number"}
    if pattern.before:
        params["$filter"] = f"startswith(number,{quote(pattern.before)})"
    rows, _ = await push.bc.page(push.connection, spec.endpoint, params=params)
    listed = {pattern.sequence(str(row.get("number", ""))) for row in rows}
    following = next(found for found in itertools.count(counter.next + BLOCK) if found not in listed)
    await push.services.store.numbers.skip(push.connection.id, push.entity, counter, following)


async def _ask_halo(push: Push, spec: RecordSpec) -> str:
    """A number of Halo's own generator (`NewAccountsId`)."""
    rows = await push.services.halo.new_accounts_id(spec.resource, [{"id": int(push.halo_id)}])
    number = text(rows[0], "accountsid").upper() if rows else ""
    if not number or len(number) > NUMBER_LENGTH:
        raise Refused(
            "accounts_id_unusable",
            f"Halo made up {number or 'no accounts id'} for {push.entity} {push.record_name}"
            + (f", which is longer than {NUMBER_LENGTH} characters." if number else "."),
            cure="Fill in the accounts id by hand, or set a number pattern on the connection.",
        )
    try:
        await push.services.store.numbers.keep(push.connection.id, push.entity, push.halo_id, number)
    except Stale:
        given = await push.services.store.numbers.drawn_for(push.connection.id, push.entity, push.halo_id)
        if given:
            return given
        raise Refused(
            "accounts_id_unusable",
            f"Halo made up {number} for {push.entity} {push.record_name}, which it gave another one before.",
            cure="Fill in the accounts id by hand, or set a number pattern on the connection.",
        ) from None
    return number
