"""Which payment terms of BC an invoice gets: those that the connection names for Halo's.

What Halo's number of payment terms means is a tenant's own affair, and BC's may grant a discount: so none is guessed. The
due date is sent in any case; where nothing is named, the rest follows BC's own terms of who pays.
"""

from __future__ import annotations

import msgspec

from bc.entities.document_kind import INVOICE, DocumentKind
from bc.entities.values import Record, decimal, text
from bc.errors import Refused
from bc.model import Link
from bc.sync.context import Push

SET = "paymentTerms"
SENT = "paymentTermsId"


async def payment_terms_of(push: Push, invoice: Record, kind: DocumentKind, link: Link | None) -> str:
    """The BC id of the terms that are to be sent, "" for none. Raises `Refused` `payment_terms_unknown`."""
    in_halo = str(int(decimal(invoice, "paymentterms"))) if text(invoice, "paymentterms") else ""
    code = push.connection.settings.payment_terms.get(in_halo, "")
    if not code or kind is not INVOICE or (link is not None and _posted_without(link)):
        return ""
    cache, connection = push.services.known_in_bc, push.connection
    hit, found = cache.get(connection.id, SET, code)
    if not hit or found is None:
        rows, _ = await push.bc.page(connection, SET, params={"$select": "id,code"})
        for row in rows:
            cache.put(connection.id, SET, text(row, "code").upper(), text(row, "id"))
        found = next((text(row, "id") for row in rows if text(row, "code").upper() == code), "")
    if not found:
        raise Refused(
            "payment_terms_unknown",
            f"Business Central has no payment terms {code}, which the connection names for Halo's {in_halo}.",
            cure="Create them in Business Central, or correct “Payment terms” in the connection's settings. Then retry.",
        )
    return str(found)


def _posted_without(link: Link) -> bool:
    """Whether it was posted without terms of ours: they cannot be sent any more, and nobody changed them in Halo."""
    sent: dict[str, object] = msgspec.json.decode(link.payload) if link.payload else {}
    return link.posted and SENT not in sent
