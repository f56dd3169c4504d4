"""A BC sales invoice as read, in the terms of our link: which of its lines are ours, and what they hold."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec

from bc.clients.odata import decode_enum
from bc.entities.document_kind import KINDS
from bc.entities.invoice import InvoicePlan, LinePlan
from bc.model import Link, LinkedLine

BLANK_GUID = "00000000-0000-0000-0000-000000000000"
# An unpaid one is `Open`, as is a released draft.
POSTED = ("Paid", "Canceled", "Corrective")
_encode = msgspec.json.Encoder(decimal_format="string").encode
type Document = Mapping[str, Any]


def amount(record: Document, name: str) -> Decimal:
    value = record.get(name, 0)
    return value if isinstance(value, Decimal) else Decimal(str(value))


def lines_of(document: Document) -> list[Document]:
    """The lines in order of `sequence`, of whichever kind the document is."""
    lines = next((found for kind in KINDS if (found := document.get(kind.lines))), ())
    return sorted(lines, key=lambda line: int(line["sequence"]))


def linked_lines(
    document: Document, keys: Mapping[str, str], plan: InvoicePlan, known: Sequence[LinkedLine] = ()
) -> tuple[LinkedLine, ...]:
    """Each line of the document with the Halo line it came from: `keys` maps BC line ids to keys; others are not ours."""
    planned = {line.key: line for line in plan.lines}
    # Another item or unit sets the cost anew: it is sent again with each change of its line.
    costs = {(line.bc_id, line.payload): line.cost for line in known}
    lines = tuple(
        LinkedLine(
            bc_id=str(line["id"]),
            sequence=int(line["sequence"]),
            etag=str(line.get("@odata.etag", "")),
            halo_line_id=keys.get(str(line["id"]), ""),
            payload=held(line, planned.get(keys.get(str(line["id"]), ""))),
            tax_amount=amount(line, "totalTaxAmount"),
            tax_rate=amount(line, "taxPercent"),
            net_amount=amount(line, "amountExcludingTax"),
        )
        for line in lines_of(document)
    )
    return tuple(msgspec.structs.replace(line, cost=costs.get((line.bc_id, line.payload))) for line in lines)


def keys_of(
    document: Document, plan: InvoicePlan, numbers: Mapping[str, int], known: Sequence[LinkedLine] = ()
) -> dict[str, str]:
    """BC line id -> key: by the ids we know, else by the numbers we gave; where we gave none, by what the lines hold.

    Numbers that BC gave are only presumed (`Insert`): a customer's recurring lines stand among them. So what Halo changed
    since then is told by its place beside the others.
    """
    keys = keys_by_number(document, numbers, known)
    unnumbered = {key for key, number in numbers.items() if number < 0} - set(keys.values())
    if not unnumbered:
        return keys
    for exactly in (True, False):
        left = [line for line in lines_of(document) if str(line["id"]) not in keys]
        for planned in plan.lines:
            if planned.key not in unnumbered:
                continue
            place = next((n for n, line in enumerate(left) if _holds(line, planned, exactly=exactly)), None)
            if place is not None:
                keys[str(left[place]["id"])] = planned.key
                unnumbered.discard(planned.key)
                del left[: place + 1]
    _beside_others(document, list(numbers), unnumbered, keys)
    left = [line for line in lines_of(document) if str(line["id"]) not in keys]
    rest = [key for key in numbers if key in unnumbered and key not in keys.values()]
    # BC adds recurring lines as soon as the customer is there: ours come behind them.
    for line, key in zip(reversed(left), reversed(rest), strict=False):
        keys[str(line["id"])] = key
    return keys


def _beside_others(
    document: Document, intended: Sequence[str], wanted: Collection[str], keys: dict[str, str]
) -> None:
    """Add to `keys` the lines right before the one that was to follow, or right behind the one before."""
    places = [str(line["id"]) for line in lines_of(document)]
    for step in (-1, 1):
        line_of = {key: line for line, key in keys.items()}
        neighbour = ""
        for key in intended[::step]:
            at = places.index(neighbour) + step if neighbour else -1
            open_still = key in wanted and key not in line_of
            if open_still and 0 <= at < len(places) and places[at] not in keys:
                keys[places[at]], line_of[key] = key, places[at]
            neighbour = line_of.get(key, "")


def _holds(line: Document, planned: LinePlan, *, exactly: bool) -> bool:
    """Whether it holds what is planned; not `exactly`: but for its text, which BC may alter on its own."""
    if exactly:
        return held(line, planned) == planned.payload
    body = {name: value for name, value in planned.body.items() if name != "description"}
    return len(body) > 1 and held(line, replace(planned, body=body)) == _encode(body).decode()


def keys_by_number(
    document: Document, numbers: Mapping[str, int], known: Sequence[LinkedLine] = ()
) -> dict[str, str]:
    """BC line id -> key: by the ids we know, else by the numbers we gave."""
    by_id = {line.bc_id: line.halo_line_id for line in known}
    by_number = {number: key for key, number in numbers.items()}
    found: dict[str, str] = {}
    for line in lines_of(document):
        line_id = str(line["id"])
        key = by_id.get(line_id) if line_id in by_id else by_number.get(int(line["sequence"]))
        if key and key not in found.values():
            found[line_id] = key
    return found


def keys_by_order(document: Document, known: Sequence[LinkedLine]) -> dict[str, str]:
    """BC line id -> key where BC re-created the lines (new ids, maybe new numbers) but kept their order."""
    before = sorted(known, key=lambda line: line.sequence)
    return {
        str(line["id"]): old.halo_line_id
        for line, old in zip(lines_of(document), before, strict=False)
        if old.halo_line_id
    }


def held(line: Document, planned: LinePlan | None) -> str:
    """What BC holds of the fields we send for this line, in the form of `LinePlan.payload`.

    Equal to the plan's own payload exactly when BC has what we want. A line that is no longer planned gives its kind.
    """
    body: dict[str, Any] = {}
    for name, value in (planned.body if planned else {"lineType": ""}).items():
        found = line.get(name)
        if isinstance(value, Decimal):
            body[name] = amount(line, name).normalize() + 0
        elif name in ("itemId", "accountId"):
            body[name] = value if str(found).lower() == str(value).lower() else str(found)
        elif name == "lineType":
            body[name] = str(found)
        else:
            # BC trims the end of a text; a piece we cut has none.
            body[name] = value if str(found).rstrip() == str(value).rstrip() else str(found)
    return _encode(body).decode()


def applied(link: Link, document: Document, plan: InvoicePlan, keys: Mapping[str, str]) -> Link:
    """The link after a read of `document`: ids, ETags, tax and what BC holds of each of our lines."""
    return msgspec.structs.replace(
        link,
        bc_id=str(document["id"]),
        bc_number=str(document.get("number", "")),
        bc_type=plan.kind.entity,
        bc_name=str(document.get("customerName", "")),
        halo_name=plan.name,
        etag=str(document.get("@odata.etag", "")),
        bc_status=str(document.get("status", "")),
        posted=is_posted(link, document),
        tax_total=amount(document, "totalTaxAmount"),
        total=amount(document, "totalAmountIncludingTax"),
        payload=held_header(document, plan, link),
        lines=linked_lines(document, keys, plan, link.lines),
        foreign=str(document.get("currencyId") or BLANK_GUID) != BLANK_GUID,
    )


def held_header(document: Document, plan: InvoicePlan, link: Link) -> str:
    """What BC holds of the header fields we send, in the form of `InvoicePlan.header_payload`.

    Also of those that we sent before and send no more: by that the next comparison clears them.
    """
    body: dict[str, Any] = {}
    for name, value in plan.header.items():
        found = str(document.get(name, ""))
        same = found.strip().upper() == str(value).strip().upper()
        body[name] = value if same else found
    for name in _sent_before(link, plan):
        found = str(document.get(name, "")).strip()
        if found not in ("", BLANK_GUID, plan.given_back.get(name)) and name not in plan.header:
            body[name] = found
    return _encode(body).decode()


def _sent_before(link: Link, plan: InvoicePlan) -> Collection[str]:
    """Names of the header fields that BC has from us; of a create whose answer was lost, those that it may have."""
    if link.payload:
        sent: dict[str, Any] = msgspec.json.decode(link.payload)
        return sent.keys()
    return plan.kind.blanks.keys() if link.intent else ()


def is_posted(link: Link, document: Document) -> bool:
    """Whether BC has posted it, as far as its state tells: `Open` is a posted invoice, and a released draft too.

    Posting gives another number; where the series of both are one, only BC's refusal of a change tells.
    """
    status = decode_enum(str(document.get("status", "")))
    if status != "Open" or str(document.get("id", "")).lower() != link.bc_id.lower():
        return status in POSTED
    return link.posted or (bool(link.bc_number) and str(document.get("number", "")) != link.bc_number)


def net_difference(document: Document, keys: Mapping[str, str], plan: InvoicePlan) -> Decimal:
    """BC's net total less the lines that are not ours, minus what Halo's lines come to."""
    foreign = sum(
        (amount(line, "amountExcludingTax") for line in lines_of(document) if str(line["id"]) not in keys),
        Decimal(0),
    )
    return amount(document, "totalAmountExcludingTax") - foreign - plan.net_total
