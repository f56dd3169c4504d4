"""The page of our own extension: unit costs of the lines of draft invoices (extension/src/SalesLineCosts.Page.al).

An API of its own beside API v2.0, there when `bc.line_cost_extension` is on. The cost is in local currency; it stands
in the line's own field `unitCost`, which API v2.0 does not show.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.bc.company import Company
from sandbox.bc.document import check_open, recalculate
from sandbox.bc.edit import Edit
from sandbox.bc.errors import dialog
from sandbox.bc.sales import INVOICE
from sandbox.bc.schema import EntityType, amount, guid, whole
from sandbox.bc.session import Session
from sandbox.bc.store import Row
from sandbox.bc.types import TYPES

API = "halobc/sync/v1.0"
SET = "salesLineCosts"
KIND = EntityType(
    SET,
    "salesLineCost",
    "Sales Line",
    key="place",
    allowed="M",
    fields=(
        guid("id", "SystemId", read_only=True),
        guid("documentId", "HBC Document Id", read_only=True),
        whole("sequence", "Line No.", read_only=True),
        amount("unitCost", "Unit Cost (LCY)"),
    ),
)
SETS: Mapping[str, EntityType] = {"companies": TYPES["companies"], SET: KIND}


def rows(company: Company) -> list[Row]:
    """The lines of all drafts. Ids and ETags are those of `salesInvoiceLines`; posted invoices have none here."""
    return [
        _shown(line, document["number"])
        for document in company[INVOICE.headers]
        if not document["posted"]
        for line in company[INVOICE.lines].children(document.id)
    ]


def modify(session: Session, row: Row, body: Mapping[str, Any]) -> Row:
    """Set a line's cost; line and invoice get new ETags."""
    line = session.company[INVOICE.lines].rows[row.id]
    document = session.company[INVOICE.headers].rows[line["documentId"]]
    edit = Edit(session, KIND, {"unitCost": line["unitCost"]}, row)
    edit.apply(body, {})
    if line["lineType"] == "Comment":
        raise dialog("A comment line has no unit cost.")
    check_open(INVOICE, document)
    session.company[INVOICE.lines].update(line.id, edit.values)
    recalculate(session, INVOICE, document.id)
    return _shown(session.company[INVOICE.lines].rows[line.id], document["number"])


def _shown(line: Row, number: str) -> Row:
    values = {name: line[name] for name in ("documentId", "sequence", "unitCost")}
    place = (number, line["sequence"])
    return Row(line.id, line.version, line.created, line.modified, {**values, "place": place})
