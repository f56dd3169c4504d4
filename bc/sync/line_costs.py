"""Costs of invoice lines, through our own extension in Business Central (`extension/`, GUIDE G30).

A step of its own after the invoice is there and linked: its page takes no part in the requests of API v2.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

import msgspec

from bc.clients.business_central import MAX_PARTS, Part, decode_enum, part_error
from bc.entities.document_kind import INVOICE
from bc.entities.values import Record, ident
from bc.errors import NeedsAuthorization, Refused, SyncError, UnknownOutcome
from bc.model import Connection, Link
from bc.sync.context import Push
from bc.sync.invoice_documents import lines_of
from bc.sync.invoices import Prepared, read

if TYPE_CHECKING:
    from bc.clients.business_central import BusinessCentral

API = "halobc/sync/v1.0"
SET = "salesLineCosts"
# A line of these kinds has a cost of its own in BC.
_COSTED = frozenset(("Inventory", "Service", "Non-Inventory"))
Answer = Literal["ready", "absent", "forbidden"]


async def with_costs(push: Push, invoice: Record, prepared: Prepared, link: Link | None) -> Prepared:
    """The plan, with the costs to come after it, or where nothing else is to be sent, with the costs themselves."""
    wanted = _wanted(push, prepared)
    if not wanted:
        return prepared
    if prepared.action != "none" or link is None:
        return replace(prepared, costs_follow=True)
    differing = _differing(wanted, link)
    if not differing or decode_enum(link.bc_status) != "Draft" or not await _can_be_sent(push, invoice, link):
        return prepared
    parts = tuple(
        Part("PATCH", f"{SET}({line_id})", {"unitCost": cost}, "*") for line_id, cost in differing.items()
    )
    return replace(prepared, action="update", parts=parts, costs=differing)


async def hold_back_posting(push: Push, invoice: Record, prepared: Prepared, link: Link) -> bool:
    """Whether costs that could be in BC are not there: once the invoice is posted they can come no more.

    Those of an invoice in another currency never can, so it does not wait for them.
    """
    differing = _differing(_wanted(push, prepared), link)
    return bool(differing) and not await _in_another_currency(push, invoice, link)


def _wanted(push: Push, prepared: Prepared) -> dict[str, Decimal]:
    """The costs that BC should have, by line; {} where none are sent."""
    if not push.connection.settings.use_advanced_cost_endpoint or prepared.plan.kind is not INVOICE:
        return {}
    # Zero is Halo's way of saying that it knows none.
    return {line.key: line.cost for line in prepared.plan.lines if line.kind in _COSTED and line.cost}


def _differing(wanted: Mapping[str, Decimal], link: Link) -> dict[str, Decimal]:
    """By BC line id, the costs that BC does not have from us yet."""
    held = {line.halo_line_id: line for line in link.lines if line.halo_line_id in wanted}
    return {held[key].bc_id: cost for key, cost in wanted.items() if key in held and held[key].cost != cost}


async def send_costs(push: Push, prepared: Prepared, link: Link) -> Link:
    """Send the costs, and read the invoice for its new ETags. What BC refuses is a warning: the invoice stands."""
    try:
        for start in range(0, len(prepared.parts), MAX_PARTS):
            parts = prepared.parts[start : start + MAX_PARTS]
            answers = await push.bc.batch(push.connection, parts, snapshot=True, api=API)
            for answer in answers:
                error = part_error(answer, wrote=True)
                if error is not None and answer.status != 0:
                    raise error
            if any(answer.status == 0 for answer in answers):
                raise UnknownOutcome("bc_unavailable", "Business Central did not answer every cost.")
    except (Refused, NeedsAuthorization) as error:
        push.warn("costs_not_sent", f"Business Central did not take the costs of the lines: {error.message}")
        return msgspec.structs.replace(link, intent=None)
    document = await read(push, INVOICE, link.bc_id)
    tags = {str(line["id"]): str(line.get("@odata.etag", "")) for line in lines_of(document)}
    lines = tuple(
        msgspec.structs.replace(
            line,
            etag=tags.get(line.bc_id, line.etag),
            cost=prepared.costs.get(line.bc_id, line.cost),
        )
        for line in link.lines
    )
    return msgspec.structs.replace(
        link, etag=str(document.get("@odata.etag", link.etag)), lines=lines, intent=None
    )


async def _can_be_sent(push: Push, invoice: Record, link: Link) -> bool:
    """Whether the company takes costs, and these are in its currency; a warning says why not."""
    if await _in_another_currency(push, invoice, link):
        push.warn(
            "costs_not_sent",
            "The costs of the lines were not sent: the invoice is in another currency than the company's or Halo's own, or "
            "Halo does not say which that is.",
        )
        return False
    answer = await _probe(push)
    if answer == "absent":
        push.warn(
            "cost_extension_missing",
            "The costs of the lines were not sent: the extension “Halo Line Costs” is not installed in this environment. "
            "Install it, or switch off “Send costs through the extension” on the connection.",
        )
    elif answer == "forbidden":
        push.warn(
            "cost_extension_missing",
            "The costs of the lines were not sent: the app lacks the permission set HBC LINE COSTS in Business Central.",
        )
    return answer == "ready"


async def _in_another_currency(push: Push, invoice: Record, link: Link) -> bool:
    """Whether the invoice is in another currency than Halo's own or the company's: a cost has no currency of its own."""
    control = await push.services.halo_facts.control()
    currency = ident(invoice, "currency_code")
    return link.foreign or bool(currency and currency != ident(control, "defaultcurrencycode"))


async def _probe(push: Push) -> Answer:
    """Ask for the page once and remember the answer for some minutes, whatever it was."""
    cache, connection = push.services.known_in_bc, push.connection
    hit, known = cache.get(connection.id, "extension", SET)
    if hit:
        found: Answer = known
        return found
    found = await probe(push.bc, connection)
    cache.put(connection.id, "extension", SET, found)
    return found


async def probe(bc: BusinessCentral, connection: Connection) -> Answer:
    """Ask the company for the extension's page, in one request."""
    try:
        (answer,) = await bc.batch(connection, [Part("GET", f"{SET}?$top=1")], api=API)
        error: SyncError | None = part_error(answer, wrote=False)
    except SyncError as refused:
        error = refused
    if error is None:
        return "ready"
    # A missing permission set comes as `Refused` under that code.
    if isinstance(error, NeedsAuthorization) or error.code == "needs_authorization":
        return "forbidden"
    if error.status in (404, 400) and isinstance(error, Refused):
        return "absent"
    raise error
