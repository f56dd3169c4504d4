"""Two BC documents that carry the key of one Halo invoice: noticed while the sweep looks at what was modified.

A push looks before it repeats a create, but a request that BC carries out minutes after its sender died comes after that
look; and a bookkeeper may copy a draft with its external document number. Which of the two is right only a person
knows (F9), so nothing is deleted: an error names both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from bc.clients.business_central import decode_enum, quote
from bc.entities.document_kind import DocumentKind, kind_of
from bc.entities.invoice import EXTERNAL_PREFIX, external_number
from bc.entities.values import Record, text
from bc.model import Connection, Link
from bc.sync import outcomes

if TYPE_CHECKING:
    from bc.services import Services

CODE = "doubled_in_bc"
KEY = "externalDocumentNumber"
_KEY = re.compile(rf"{EXTERNAL_PREFIX}([0-9]+)", re.IGNORECASE)
# A document undone in BC, or made to undo one, stands beside its origin by right.
_UNDONE = ("Canceled", "Corrective")


async def report_twins(
    services: Services, connection: Connection, kind: DocumentKind, rows: Iterable[Record]
) -> None:
    """Open an error for each linked invoice of which `rows` show another document with the same key."""
    for row in rows:
        found = _KEY.fullmatch(text(row, KEY))
        if found is None or decode_enum(text(row, "status")) in _UNDONE:
            continue
        stored = await services.store.links.get(connection.id, "invoice", found[1])
        link = stored.value if stored else None
        if link is None or not link.exists or link.intent is not None or kind_of(link) is not kind:
            # Nothing of ours, or a push that is at it and looks for itself.
            continue
        if link.bc_id.lower() != text(row, "id").lower():
            await _report(services, connection, kind, link)


async def _report(services: Services, connection: Connection, kind: DocumentKind, link: Link) -> None:
    for known in await services.store.errors.open_of("invoice", link.halo_id, connection.id):
        if known.value.code == CODE:
            return
    key = external_number(link.halo_id)
    rows, _ = await services.bc.page(
        connection,
        kind.endpoint,
        params={"$filter": f"{KEY} eq {quote(key)}", "$select": f"id,number,status,{KEY}"},
    )
    both = [
        row
        for row in rows
        if text(row, KEY).upper() == key and decode_enum(text(row, "status")) not in _UNDONE
    ]
    if len(both) < 2:
        return
    numbers = " and ".join(sorted(text(row, "number") for row in both))
    name = f"{kind.word.capitalize()} {link.halo_name or link.halo_id}"
    told = outcomes.outcome_of_link(
        services,
        connection,
        link,
        "failed",
        "none",
        f"{name} stands more than once in Business Central: {numbers} all carry {key}.",
        code=CODE,
        cure=f"Keep {link.bc_number}, which is linked, and delete the other draft in Business Central; "
        "or clear the external document number of a copy that is meant. Then retry.",
    )
    await outcomes.record(services, told)
