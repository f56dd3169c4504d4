"""Who an invoice is for and who pays it: BC's sell-to and bill-to customer, each pushed first where it must be."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from bc.entities.values import Record, ident, text
from bc.errors import Skip
from bc.model import Link
from bc.sync.context import Push


@dataclass(frozen=True, slots=True)
class Parties:
    """`bill_to`: the BC id of who pays, "" where that is the customer."""

    customer: Link
    bill_to: str = ""


async def parties_of(push: Push, invoice: Record, link: Link | None) -> Parties:
    """The customers of an invoice, linked. Raises `Skip` `customer_not_linked` for one that the books need and lack.

    Where Halo sent the invoice to another client than the one it is for, it names that one as `original_client_id`. Where
    it did not, the client's own `client_to_invoice` counts, as it stands when the invoice is sent first: another payer
    for new invoices must not touch those that are in the books.
    """
    client, original = ident(invoice, "client_id"), ident(invoice, "original_client_id")
    before: dict[str, str] = (
        msgspec.json.decode(link.payload) if link and link.exists and link.payload else {}
    )
    client_link = await _linked(push, invoice, client)
    stays = str(before.get("customerId", "")).lower() == client_link.bc_id.lower()
    if original and original != client:
        if stays and not before.get("billToCustomerId"):
            return Parties(client_link)
        return await _redirected(push, invoice, original, client_link)
    if stays:
        return Parties(client_link, before.get("billToCustomerId", ""))
    other = await push.services.halo_facts.client_to_invoice(client)
    if not other or other == client:
        return Parties(client_link)
    payer = await _linked(push, invoice, other, "the customer that is invoiced instead,")
    return _parties(client_link, payer)


async def _redirected(push: Push, invoice: Record, original: str, payer: Link) -> Parties:
    buyer = await _link_of(push, original)
    if buyer:
        return _parties(buyer, payer)
    push.warn(
        "original_customer_not_linked",
        f"The customer that it is for, {text(invoice, 'original_client_name') or f'with id {original}'}, is not linked: "
        f"it is booked on {text(invoice, 'client_name') or 'the one that pays'} alone.",
    )
    return Parties(payer)


def _parties(buyer: Link, payer: Link) -> Parties:
    return Parties(buyer, payer.bc_id if payer.bc_id != buyer.bc_id else "")


async def _linked(push: Push, invoice: Record, client: str, who: str = "its customer") -> Link:
    linked = await _link_of(push, client)
    if linked:
        return linked
    name = text(invoice, "client_name") if client == ident(invoice, "client_id") else ""
    words = f"{push.word.capitalize()} {push.record_name}: {who} {name or f'with id {client}'} is not linked to Business Central."
    cure = f"Import or link the customer; the {push.word} is then sent by itself."
    if named := text(invoice, "dbc_company_id"):
        elsewhere = await _other_company(push, client)
        if elsewhere and named.lower() == (push.connection.company_id or "").lower():
            words = (
                f"{push.word.capitalize()} {push.record_name} names the company {push.connection.company_name} in Halo, "
                f"and {who} {name or f'with id {client}'} belongs to {elsewhere}."
            )
            cure = (
                f"Set the company of the {push.word} right in Halo, as it is after a copy, then sync it again. If it is to be booked "
                f"in {push.connection.company_name}, import or link the customer there; it is then sent by itself."
            )
    raise Skip("customer_not_linked", words, cure=cure).needs(f"link:{push.connection.id}:customer:{client}")


async def _other_company(push: Push, client: str) -> str:
    """The name of another company that the customer is linked in, or that Halo names for it; "" for none."""
    own = (push.connection.company_id or "").lower()
    connections = await push.services.store.connections.list()
    links = await push.services.store.links.by_halo_id("customer", client) if client else []
    linked = {link.connection_id for link in links if link.exists}
    for one in connections:
        if one.id in linked and (one.company_id or "").lower() != own:
            return one.company_name or one.name
    record = await push.services.halo.client(client) if client else None
    company = text(record or {}, "dbc_company_id").lower()
    if not company or company == own:
        return ""
    names = [one.company_name for one in connections if (one.company_id or "").lower() == company]
    return names[0] if names and names[0] else f"the company {company}"


async def _link_of(push: Push, client: str) -> Link | None:
    """The customer's link; where customers sync it is pushed for it. None where it has none then."""
    if not client:
        return None
    row = await push.services.link_reads.shared(push.connection.id, "customer", client, push.since)
    if row and row.value.exists:
        return row.value
    if "customer" not in push.connection.settings.sync_entities:
        return None
    return await push.services.push_first(push, "customer", client)
