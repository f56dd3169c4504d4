"""A BC document that Halo says is there, and no link of ours knows: which of its lines came from which of Halo's.

The built-in integration sent it, or its link was taken away. Lines that are not recognised would be sent once more.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from bc.clients.odata import decode_enum
from bc.entities.invoice import InvoicePlan, halo_lines
from bc.entities.values import Record, decimal, ident, text
from bc.model import Link
from bc.sync.invoice_documents import Document, applied, held, lines_of

_DRAFT = "Draft"


def adopted(link: Link, document: Document, invoice: Record, plan: InvoicePlan) -> Link:
    """The link with what BC holds, line by line, as the base of the next comparison."""
    found = applied(link, document, plan, _keys(document, invoice, plan))
    if decode_enum(str(document.get("status"))) == _DRAFT:
        return found
    # A posted document cannot take our key any more, which is no reason to call it different.
    header = {
        **msgspec.json.decode(found.payload),
        "externalDocumentNumber": plan.header["externalDocumentNumber"],
    }
    return msgspec.structs.replace(found, payload=msgspec.json.encode(header).decode())


def found_again(
    link: Link, document: Document, invoice: Record, plan: InvoicePlan, intended: Mapping[str, str]
) -> Link:
    """The link with a document that was found by its key: a create of ours that never answered, or that a lost link made.

    `intended`: BC line id -> key by the numbers that the newest try gave. Of a document that was numbered otherwise they
    say little, so what Halo holds and what the lines say comes first.
    """
    planned = {line.key: line for line in plan.lines}
    rows = {str(line["id"]): line for line in lines_of(document)}
    keys = _by_ids(document, invoice)
    for line, key in intended.items():
        wanted = planned.get(key)
        free = line not in keys and key not in keys.values()
        if free and wanted and held(rows[line], wanted) == wanted.payload:
            keys[line] = key
    keys |= _by_content(document, keys, plan)
    keys |= {line: key for line, key in intended.items() if line not in keys and key not in keys.values()}
    if not _by_ids(document, invoice):
        keys |= _by_object(document, keys, plan)
    return applied(link, document, plan, keys)


def keys_by_halo(document: Document, invoice: Record) -> dict[str, str]:
    """BC line id -> Halo line id: by the BC ids that stand on Halo's lines, else by BC's numbers there."""
    by_number = {
        int(decimal(line, "dbc_sequence_id")): ident(line, "id")
        for line in halo_lines(invoice)
        if decimal(line, "dbc_sequence_id") > 0
    }
    found = _by_ids(document, invoice)
    for line in lines_of(document):
        key = by_number.get(int(line["sequence"]), "")
        if key and str(line["id"]) not in found and key not in found.values():
            found[str(line["id"])] = key
    return found


def _by_ids(document: Document, invoice: Record) -> dict[str, str]:
    """BC line id -> Halo line id, by the BC ids that stand on Halo's lines."""
    by_id = {text(line, "dbc_id").lower(): ident(line, "id") for line in halo_lines(invoice)}
    found: dict[str, str] = {}
    for line in lines_of(document):
        key = by_id.get(str(line["id"]).lower(), "")
        if key and key not in found.values():
            found[str(line["id"])] = key
    return found


def _keys(document: Document, invoice: Record, plan: InvoicePlan) -> dict[str, str]:
    """BC line id -> key of the plan: by Halo's own word of BC's ids, then by what the lines say, in order."""
    keys = keys_by_halo(document, invoice)
    keys |= _further_keys(document, keys, plan)
    keys |= _by_content(document, keys, plan)
    return keys if _by_ids(document, invoice) else keys | _by_object(document, keys, plan)


def _by_object(document: Document, keys: Mapping[str, str], plan: InvoicePlan) -> dict[str, str]:
    """Keys of lines that are in none of `keys` and booked on what is planned, in order: of a document that somebody made anew.

    Where Halo knows some of the lines by their ids, one that it does not know is the bookkeeper's own.
    """
    found: dict[str, str] = {}
    left = [line for line in lines_of(document) if str(line["id"]) not in keys]
    taken = set(keys.values())
    for planned in plan.lines:
        name = next((name for name in ("itemId", "accountId") if name in planned.body), "")
        if planned.key in taken or not name:
            continue
        wanted = str(planned.body[name]).lower()
        same = next((line for line in left if str(line.get(name, "")).lower() == wanted), None)
        if same is not None:
            found[str(same["id"])] = planned.key
            left.remove(same)
    return found


def _by_content(document: Document, keys: Mapping[str, str], plan: InvoicePlan) -> dict[str, str]:
    """Keys of lines that are in none of `keys` and hold exactly what is planned, in order."""
    found: dict[str, str] = {}
    left = [line for line in lines_of(document) if str(line["id"]) not in keys]
    taken = set(keys.values())
    for planned in plan.lines:
        same = next((line for line in left if held(line, planned) == planned.payload), None)
        if planned.key not in taken and same is not None:
            found[str(same["id"])] = planned.key
            left.remove(same)
    return found


def _further_keys(document: Document, keys: Mapping[str, str], plan: InvoicePlan) -> dict[str, str]:
    """Keys of the comment lines that continue a text too long for one line, by their place and wording."""
    planned = {line.key: line for line in plan.lines}
    found: dict[str, str] = {}
    current, number = "", 0
    for line in lines_of(document):
        if known := keys.get(str(line["id"])):
            current, number = known, 0
            continue
        following = planned.get(f"{current}.{number + 1}")
        if following and str(line.get("description", "")).rstrip() == following.body.get("description"):
            number += 1
            found[str(line["id"])] = following.key
    return found
