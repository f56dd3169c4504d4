"""Rows as the entities of an answer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.bc.company import Company
from sandbox.bc.dimensions import set_lines
from sandbox.bc.query import Options, page
from sandbox.bc.sales import BY_HEADERS, CREDIT_MEMO, INVOICE
from sandbox.bc.schema import EntityType, Navigation
from sandbox.bc.session import Session
from sandbox.bc.store import Row
from sandbox.bc.values import show


def entity(session: Session, row: Row, options: Options) -> dict[str, Any]:
    """One entity with its ETag, the fields selected, and what is expanded."""
    shown: dict[str, Any] = {"@odata.etag": row.etag}
    for one in options.kind.fields:
        if (not options.select or one.name in options.select) and one.kind != "stream":
            shown[one.name] = show(
                one, value(session, options.kind, row, one.name), plain_enums=session.plain_enums
            )
    for way, nested in options.expand:
        shown[way.name] = _expanded(session, row, way, nested)
    return shown


def value(session: Session, kind: EntityType, row: Row, name: str) -> Any:
    """A field's value as the page shows it: worked out where the table does not hold it."""
    if name == "id":
        return row.id
    if name == "lastModifiedDateTime":
        return row.modified
    if name == "currencyCode" and (kind.set_name == "customers" or kind.set_name in BY_HEADERS):
        return row[name] or session.company.currency
    if name == "taxAreaDisplayName":
        area = session.company["taxAreas"].get(row["taxAreaId"])
        return area["displayName"] if area else ""
    if name == "balanceDue":
        return _balance_due(session, row) if row["hasEntries"] else Decimal(0)
    return row[name]


def related(company: Company, row: Row, way: Navigation) -> list[Row]:
    """The rows that a navigation property leads to."""
    if way.target == "dimensionSetLines":
        return set_lines(company, row.id)
    table = company[way.target]
    if not way.collection:
        found = table.get(row[way.via])
        return [found] if found else []
    if table.parent == way.via:
        return table.children(row.id)
    return [one for one in table if one[way.via] == row.id]


def _expanded(session: Session, row: Row, way: Navigation, nested: Options) -> Any:
    found = related(session.company, row, way)
    if not way.collection:
        return entity(session, found[0], nested) if found else None
    return [entity(session, one, nested) for one in page(found, nested, len(found) or 1).rows]


def _balance_due(session: Session, customer: Row) -> Decimal:
    """What is open and due: invoices less credit memos."""
    return sum(
        (
            sign * document["remainingAmount"]
            for kind, sign in ((INVOICE, 1), (CREDIT_MEMO, -1))
            for document in session.company[kind.headers]
            if document["posted"]
            and document["billToCustomerId"] == customer.id
            and document["dueDate"] < session.today
        ),
        Decimal(0),
    )
