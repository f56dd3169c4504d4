"""Which payment terms of BC a customer or a document gets: those that the connection names for Halo's.

What Halo's number of payment terms means is a tenant's own affair, and BC's may grant a discount: so none is guessed. A
document's due date is sent in any case. Where nothing is named, a document has the terms of who pays, and a customer's stay
as BC has them.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from bc.entities.document_kind import kind_of
from bc.entities.values import Record, decimal, text
from bc.errors import Refused
from bc.model import Link
from bc.sync.context import Push

SET = "paymentTerms"
SENT = "paymentTermsId"


@dataclass(frozen=True, slots=True)
class DocumentTerms:
    """BC ids. `named`: what is to be sent, "" for none. `given_back`: the payer's own, where a draft has others of ours."""

    named: str = ""
    given_back: str = ""


async def terms_named(push: Push, record: Record) -> str:
    """The BC id of the terms that the connection names for a Halo record's; "" for none.

    Raises `Refused` `payment_terms_unknown`.
    """
    in_halo, code = _code(push, record)
    found = await _id_of(push, code) if code else ""
    if code and not found:
        raise Refused(
            "payment_terms_unknown",
            f"Business Central has no payment terms {code}, which the connection names for Halo's {in_halo}.",
            cure="Create them in Business Central, or correct “Payment terms” in the connection's settings. Then retry.",
        )
    return found


async def terms_of_document(push: Push, invoice: Record, link: Link | None, payer: str) -> DocumentTerms:
    """The terms of an invoice or credit memo. `payer`: the BC id of the customer that pays. Raises as `terms_named`.

    BC takes no terms any more for what is posted: those stay, and no other field is kept from BC on account of them.
    """
    held = _held(link)
    if link is not None and link.posted:
        await _warn_of_others(push, invoice, link, held)
        return DocumentTerms(held)
    named = await terms_named(push, invoice)
    if named or not held:
        return DocumentTerms(named)
    customer = await push.bc.get(push.connection, f"customers({payer})", params={"$select": f"id,{SENT}"})
    return DocumentTerms(given_back=text(customer, SENT))


def _code(push: Push, record: Record) -> tuple[str, str]:
    """Halo's number, and the code that the connection names for it."""
    in_halo = str(int(decimal(record, "paymentterms"))) if text(record, "paymentterms") else ""
    return in_halo, push.connection.settings.payment_terms.get(in_halo, "")


async def _id_of(push: Push, code: str) -> str:
    cache, connection = push.services.known_in_bc, push.connection
    hit, found = cache.get(connection.id, SET, code)
    if not hit:
        rows, _ = await push.bc.page(connection, SET, params={"$select": "id,code"})
        for row in rows:
            cache.put(connection.id, SET, text(row, "code").upper(), text(row, "id"))
        found = next((text(row, "id") for row in rows if text(row, "code").upper() == code), "")
    return str(found)


def _held(link: Link | None) -> str:
    """The terms that BC has from us."""
    payload: dict[str, object] = msgspec.json.decode(link.payload) if link and link.payload else {}
    return str(payload.get(SENT, ""))


async def _warn_of_others(push: Push, invoice: Record, link: Link, held: str) -> None:
    _, code = _code(push, invoice)
    if held and code and held != await _id_of(push, code):
        push.warn(
            "payment_terms_stay",
            f"The payment terms of {kind_of(link).word} {push.record_name} would be {code} now. It is posted in Business "
            "Central, so they stay as they were.",
        )
