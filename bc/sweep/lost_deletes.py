"""Linked, not yet posted invoices that Halo no longer lists: a delete whose event got lost, or a lost permission.

Only a 404 of its own makes a delete, and more than five in a run wait for a person (F86).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from bc.clients.business_central import decode_enum
from bc.clients.halo import record_url
from bc.entities.values import ident
from bc.errors import Refused, Transient
from bc.model import Connection, Link, Outcome
from bc.sync.outcomes import record

if TYPE_CHECKING:
    from bc.services import Services

PAGE_SIZE = 100
MOST_PAGES = 5_000
MOST_DELETES = 5
HELD = "mass_delete_held"
COUNT_NOTE = "sweep:invoices_listed"
_UNPOSTED = ("", "Draft", "In Review")


class Deletes(msgspec.Struct, frozen=True):
    """How many deletes were queued, how many wait for a person, and why in words where something is odd."""

    queued: int = 0
    held: int = 0
    words: str = ""


async def look_for_deletes(services: Services, connections: Iterable[Connection]) -> Deletes:
    """Queue what was deleted in Halo unseen. Raises `Transient` where Halo cannot tell now."""
    drafts: dict[str, list[Link]] = {}
    for connection in connections:
        async for link in services.store.links.all(connection.id, "invoice"):
            if link.exists and decode_enum(link.bc_status) in _UNPOSTED:
                drafts.setdefault(link.halo_id, []).append(link)
    await _release(services, drafts)
    if not drafts:
        return Deletes()
    missing, listed = await _not_listed(services, set(drafts))
    gone: list[Link] = []
    for halo_id in sorted(missing):
        try:
            if await services.halo.get_one("Invoice", halo_id) is None:
                gone += drafts[halo_id]
        except Refused:
            continue
        except Transient as error:
            if error.code != "halo_refused_us":
                raise
            return Deletes(
                words="Halo refused to show invoices that are linked, so nothing was taken for deleted."
            )
    shrunk = await _shrunk(services, listed)
    # What was put before a person once stays his to decide, however few are left of the many.
    states = [(link, await _held_as(services, link)) for link in gone]
    fresh = [link for link, state in states if not state]
    held = [link for link, state in states if state]
    undecided = [link for link, state in states if state != "dismissed"]
    if len(undecided) > MOST_DELETES or not listed or shrunk:
        held, fresh = gone, []
    waiting = sum([await _hold(services, link) for link in held])
    await _queue(services, fresh)
    words = f"{waiting} deletes wait for a decision on the errors page." if waiting else ""
    return Deletes(queued=len(fresh), held=waiting, words=words)


async def _not_listed(services: Services, wanted: set[str]) -> tuple[set[str], int]:
    """Those of the ids that Halo's list does not show, and how many it shows in all.

    Reading the list stops where looking the rest up one by one costs fewer calls.
    """
    missing, met = set(wanted), set[str]()
    total = 0
    for page_no in range(1, MOST_PAGES + 1):
        page = await services.halo.page(
            "Invoice", page_no=page_no, page_size=PAGE_SIZE, params={"includecredits": "true"}
        )
        fresh = {ident(row, "id") for row in page.rows} - met
        met |= fresh
        missing -= fresh
        total = page.record_count if page.record_count is not None else len(met)
        pages_left = -(-max(0, total - len(met)) // PAGE_SIZE)
        if not missing or not fresh or len(missing) <= pages_left or len(met) >= total:
            break
    return missing, total


async def _shrunk(services: Services, listed: int) -> bool:
    """Whether Halo lists far fewer invoices than it did at the last look."""
    before = await services.store.notes.get(COUNT_NOTE) or 0
    await services.store.notes.put(COUNT_NOTE, listed)
    return bool(before - listed > MOST_DELETES)


async def _queue(services: Services, gone: Iterable[Link]) -> None:
    for link in gone:
        await services.store.dirty.mark(
            "invoice",
            link.halo_id,
            operation="delete",
            source="sweep",
            requested_at=datetime.now(UTC),
            connection_id=link.connection_id,
        )


def _note_of(link: Link) -> str:
    return f"sweep:held:{link.connection_id}:{link.halo_id}"


async def _held_as(services: Services, link: Link) -> str:
    """The state of the error by which the delete is held; "" where none is, or Halo showed the invoice again since."""
    error_id = await services.store.notes.get(_note_of(link))
    if not error_id:
        return ""
    known = await services.store.errors.get(error_id)
    state = known.value.state if known is not None else "gone"
    return "" if state == "resolved" else state


async def _hold(services: Services, link: Link) -> bool:
    """An error that a person retries (the draft is deleted) or dismisses; one for each invoice, however often met.

    False where a person has decided to keep the draft.
    """
    note = _note_of(link)
    known = await services.store.errors.get(await services.store.notes.get(note) or "")
    if known is not None and known.value.state != "resolved":
        return known.value.state != "dismissed"
    error_id = services.store.outcomes.new_id(datetime.now(UTC), note)
    await services.store.notes.put(note, error_id)
    name = link.halo_name or link.halo_id
    outcome = Outcome(
        id=error_id,
        connection_id=link.connection_id,
        entity="invoice",
        halo_id=link.halo_id,
        operation="delete",
        status="failed",
        code=HELD,
        message=f"Halo no longer has invoice {name}. More went missing at once than people usually delete, so its "
        f"draft {link.bc_number} in Business Central was kept.",
        cure="Check that the API application may still read all invoices. If the invoice was deleted on purpose, "
        "retry: its draft is then deleted.",
        bc_id=link.bc_id,
        bc_number=link.bc_number,
        at=datetime.now(UTC),
        attempts=1,
        halo_url=record_url(services.settings.halo.url, "invoice", link.halo_id),
        record_name=name,
    )
    await record(services, outcome)
    return True


async def _release(services: Services, drafts: Mapping[str, list[Link]]) -> None:
    """Close what was held for invoices that Halo shows again, or that are no longer linked drafts."""
    cursor = ""
    while True:
        page = await services.store.errors.page(state="open", code=HELD, limit=100, cursor=cursor)
        for error in page.items:
            if error.halo_id in drafts and await _is_hidden(services, error.halo_id):
                continue
            row = await services.store.errors.get(error.id)
            if row is not None and row.value.state == "open":
                resolved = msgspec.structs.replace(row.value, state="resolved")
                await services.store.errors.replace(resolved, row.etag)
        if not page.next:
            return
        cursor = page.next


async def _is_hidden(services: Services, halo_id: str) -> bool:
    try:
        return await services.halo.get_one("Invoice", halo_id) is None
    except Transient as error:
        if error.code != "halo_refused_us":
            raise
        return True
