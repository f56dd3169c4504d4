"""Telling people in Halo what became of a record: rows among its integration errors, a line on the invoice itself.

Nothing depends on either, so a refusal or an outage fails no push. Both are written only where they differ, and by what
stays the same from try to try, so that our own write's event does not bring another.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from bc.clients.halo import halo_id
from bc.entities.values import Record, ident, text
from bc.errors import SyncError
from bc.model import Outcome

if TYPE_CHECKING:
    from bc.services import Services
    from bc.sync.context import Push

log = logging.getLogger("bc.push")

NOTE = "internal_note"
MARK = "Business Central: "
LONGEST_LINE = 250
# A tenant that takes no such rows is asked again now and then.
ASK_AGAIN_SECONDS = 3600.0
_TYPES = {"customer": "Client", "product": "Item", "invoice": "Invoice"}
# How Halo's own integration names what it asked: by that its rows are told from those of other accounting packages.
_ENDPOINTS = {"customers": "customer", "items": "product", "salesinvoices": "invoice"}
_SAMPLE = 50


class NativeNames:
    """What Halo's own integration writes into its error rows: learnt from one of them, else left out."""

    def __init__(self) -> None:
        self.module_id: int | None = None
        self.types: dict[str, str] = dict(_TYPES)
        self._asked_at: float | None = None
        self.refused_until = 0.0

    async def learn(self, services: Services) -> None:
        if self._asked_at is not None and time.monotonic() - self._asked_at < ASK_AGAIN_SECONDS:
            return
        self._asked_at = time.monotonic()
        page = await services.halo.page("IntegrationError", page_size=_SAMPLE)
        for row in page.rows:
            entity = _ENDPOINTS.get(text(row, "endpoint").strip("/").lower())
            if entity and ident(row, "module_id"):
                self.module_id = int(ident(row, "module_id"))
                self.types[entity] = text(row, "entity_type") or self.types[entity]


async def failed(services: Services, outcome: Outcome) -> None:
    """One row among Halo's integration errors for a record that failed; a later failure of it changes that row."""
    names = services.native_names
    if (
        outcome.entity not in _TYPES
        or not outcome.halo_id.isdigit()
        or time.monotonic() < names.refused_until
    ):
        return
    key, words = _key(outcome), f"{outcome.message} {outcome.cure}".strip()
    try:
        noted = await services.store.notes.get(key) or {}
        if noted.get("code") == outcome.code:
            return
        await names.learn(services)
        row = await _row(services, outcome, words)
        if noted.get("id"):
            saved = await services.halo_writes.save("IntegrationError", [{"id": int(noted["id"]), **row}])
            answer = saved[0] if saved else {"id": noted["id"]}
        else:
            answer = await services.halo_writes.create("IntegrationError", row)
        await services.store.notes.put(key, {"id": halo_id(answer.get("id")), "code": outcome.code})
    except SyncError as error:
        names.refused_until = (
            time.monotonic() + ASK_AGAIN_SECONDS if error.status in (400, 401, 403, 404) else 0.0
        )
        log.info("halo took no integration error code=%s", error.code)


async def mended(services: Services, outcome: Outcome) -> None:
    """The record's row goes from Halo's integration errors, where there is one of ours."""
    try:
        noted = await services.store.notes.get(_key(outcome))
        if not noted:
            return
        if noted.get("id"):
            await services.halo.delete("IntegrationError", noted["id"])
        await services.store.notes.put(_key(outcome), None)
    except SyncError as error:
        log.info("an integration error stays in halo code=%s", error.code)


def _key(outcome: Outcome) -> str:
    return f"halo-error:{outcome.entity}:{outcome.halo_id}"


async def _row(services: Services, outcome: Outcome, words: str) -> dict[str, Any]:
    names = services.native_names
    row: dict[str, Any] = {
        "entity_type": names.types[outcome.entity],
        "entity_id": int(outcome.halo_id),
        "entity_name": outcome.record_name[:100],
        "endpoint": next(name for name, entity in _ENDPOINTS.items() if entity == outcome.entity),
        "error": words[:2000],
    }
    connection = (
        await services.store.connections.get(outcome.connection_id) if outcome.connection_id else None
    )
    conventions = connection.value.settings.halo_conventions if connection else None
    module = (conventions.module_id if conventions else None) or names.module_id
    if module:
        row["module_id"] = module
    if connection and (detail := await services.halo_facts.native_detail(connection.value.company_id or "")):
        row["detail_id"] = detail
    return row


def noted(invoice: Record, said: str) -> str | None:
    """The invoice's internal note with our line in it; None where it says so already, or Halo did not show the note.

    What people wrote there stays, line by line.
    """
    if NOTE not in invoice:
        return None
    lines = str(invoice[NOTE] or "").splitlines()
    line = f"{MARK}{' '.join(said.split())}"[:LONGEST_LINE]
    ours = [place for place, one in enumerate(lines) if one.startswith(MARK)]
    if [lines[place] for place in ours] == [line]:
        return None
    place = ours[0] if ours else len(lines)
    kept = [(spot, one) for spot, one in enumerate(lines) if spot not in ours]
    before = [one for spot, one in kept if spot < place]
    return "\n".join([*before, line, *(one for spot, one in kept if spot > place)])


async def note_now(services: Services, invoice_id: str, said: str) -> str | None:
    """As `noted`, of the note as it stands now: what somebody wrote since the push began must stay too."""
    invoice = await services.halo.invoice(invoice_id)
    return None if invoice is None else noted(invoice, said)


async def note_failure(push: Push, outcome: Outcome) -> None:
    """Say on the invoice why it failed, where the connection is set to show messages."""
    invoice = push.record
    if push.entity != "invoice" or invoice is None or not push.connection.settings.show_message:
        return
    said = f"not synced ({outcome.code}). {outcome.message} {outcome.cure}".strip()
    if f"{MARK}not synced ({outcome.code})" in str(invoice.get(NOTE) or ""):
        return  # the same cause in other words: to write it again would bring one more event for nothing
    if noted(invoice, said) is None:
        return
    try:
        note = await note_now(push.services, push.halo_id, said)
        if note is None:
            return
        row = {"id": int(push.halo_id), NOTE: note, "_dont_fire_automations": True}
        await push.services.halo_writes.save("Invoice", [row])
    except SyncError as error:
        log.info("halo took no note on an invoice code=%s", error.code)
