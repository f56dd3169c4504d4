"""Sending an invoice to BC: as few requests as can be, each all or nothing, read back in the same breath."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bc.clients.business_central import Part, PartAnswer, decode_enum, part_error
from bc.entities.document_kind import kind_of
from bc.entities.invoice import InvoicePlan
from bc.entities.invoice_columns import digest
from bc.entities.line_diff import Insert
from bc.errors import AlreadyExists, Conflict, Gone, Refused, SyncError, UnknownOutcome
from bc.model import Action, Link
from bc.sync import posting
from bc.sync.adapter import Partly, Removed
from bc.sync.conflicts import check_nobody_asks, three_way
from bc.sync.context import Push
from bc.sync.invoice_documents import (
    BLANK_GUID,
    Document,
    applied,
    keys_by_order,
    keys_of,
    lines_of,
    net_difference,
)
from bc.sync.invoices import Prepared, compared, create_parts, find, read, same_key

# A request takes 100 parts, and the last one reads.
MOST_CHANGES = 99
DRAFT = "Draft"


async def create(push: Push, prepared: Prepared, link: Link) -> Link:
    """Insert header and lines, and read them back, in one request.

    Should BC have had one with this key, ours is taken back and the next try finds the other: an earlier create that was
    carried out after all, or one whose link is lost while Halo does not hold its id.
    """
    plan, inserts = prepared.plan, prepared.diff.inserts
    document = await _inserted(push, plan, inserts)
    await refuse_unfit(push, plan, document)
    keys = keys_of(document, plan, prepared.numbers)
    if len(keys) == len(plan.lines):
        return _taken(push, link, document, prepared, keys)
    # Only the first of its lines were taken at once, or those of an earlier attempt stand there.
    now = applied(link, document, plan, keys)
    try:
        return await update(push, compared(plan, now, push.connection.settings), now)
    except (Partly, Removed):
        raise
    except Refused as error:
        raise _stopped(plan, error) from error


async def _inserted(push: Push, plan: InvoicePlan, inserts: Sequence[Insert]) -> Document:
    """The new draft with these lines, or with fewer where BC takes too long over them (F29)."""
    try:
        answers = await push.bc.batch(push.connection, create_parts(plan, inserts), go_on=True)
    except (UnknownOutcome, Refused) as error:
        if not _too_much(error) or len(inserts) <= 1:
            raise
        found = await find(push, plan.kind, plan.halo_id)
        return found or await _inserted(push, plan, inserts[: len(inserts) // 2])
    rows = _own_rows(answers[1], plan.halo_id)
    try:
        _raise_first_error(answers[:1], wrote=True)
    except Refused as error:
        if rows:
            # Refused, and there all the same: an extension committed in the midst of it (F56), or an earlier try came late.
            raise _stopped(plan, error) from error
        raise
    created = answers[0].body or {}
    new_id = str(created["id"])
    document = next((row for row in rows if str(row["id"]) == new_id), None)
    if document is None:
        document = await read(push, plan.kind, new_id)
    others = [row for row in rows if str(row["id"]) != new_id]
    if others:
        await push.bc.delete(push.connection, plan.kind.path(new_id), str(document["@odata.etag"]))
        raise _found_after_all(plan, others)
    return document


def _found_after_all(plan: InvoicePlan, others: Sequence[Document]) -> UnknownOutcome:
    numbers = ", ".join(str(row.get("number", "")) for row in others)
    return UnknownOutcome(
        "found_after_all",
        f"Business Central had {plan.kind.bc_word} {numbers} for {plan.kind.word} {plan.name} already: the second one "
        "was taken back.",
        cure="It is compared with what is there and linked by itself.",
    )


def _too_much(error: SyncError) -> bool:
    """BC gave up over the time or the size of the request: less at once may do."""
    return error.status in (408, 504) or error.code == "request_too_large"


async def update(push: Push, prepared: Prepared, link: Link) -> Link:
    """Apply the changes in one transaction; all or nothing. Raises `Conflict` when somebody else was faster."""
    if prepared.header_first:
        return await _update_header(push, prepared, link)
    size = MOST_CHANGES
    while True:
        changes = prepared.parts[:-1]
        try:
            return await _updated(push, prepared, link, size)
        except (UnknownOutcome, Refused) as error:
            size = min(size, len(changes)) // 2
            if not _too_much(error) or size < 1:
                raise
        document = await read(push, prepared.plan.kind, link.bc_id)
        link = recovered(document, prepared, link)
        prepared = compared(prepared.plan, link, push.connection.settings)
        if _renumbered(prepared, link):
            raise _partly(prepared.plan)
        if not prepared.parts:
            return _taken(push, link, document, prepared, keys_after(document, link, prepared.plan))


async def _updated(push: Push, prepared: Prepared, link: Link, size: int) -> Link:
    """Send the changes, `size` in a transaction, and read the invoice with the last or after it."""
    changes, read_back = prepared.parts[:-1], prepared.parts[-1]
    document: Document | None = None
    for start in range(0, len(changes), size):
        parts = list(changes[start : start + size])
        last = start + size >= len(changes)
        if last:
            parts.append(read_back)
        answers = await push.bc.batch(push.connection, parts, snapshot=True)
        try:
            _raise_first_error(answers, wrote=True)
        except (Conflict, Refused) as error:
            if not start and not await _stayed(push, prepared, link, error):
                raise
            raise _stopped(prepared.plan, error) from error
        document = answers[-1].body if last else None
    keys = keys_of(document or {}, prepared.plan, prepared.numbers, _staying(link, prepared))
    return _taken(push, link, document or {}, prepared, keys)


async def _update_header(push: Push, prepared: Prepared, link: Link) -> Link:
    """The header alone. BC re-creates the lines: the link tells what they hold now, the next step mends them."""
    kind = prepared.plan.kind
    parts = (
        Part("PATCH", kind.path(link.bc_id), dict(prepared.header), link.etag),
        Part("GET", f"{kind.path(link.bc_id)}?{kind.expand}"),
    )
    answers = await push.bc.batch(push.connection, parts, snapshot=True)
    _raise_first_error(answers, wrote=True)
    document = answers[-1].body or {}
    await refuse_unfit(push, prepared.plan, document)
    now = applied(link, document, prepared.plan, keys_after(document, link, prepared.plan))
    return msgspec.structs.replace(now, payload=prepared.plan.header_payload)


async def _stayed(push: Push, prepared: Prepared, link: Link, error: SyncError) -> bool:
    """Whether a part of the refused transaction is in BC all the same: an extension committed in the midst of it (F56)."""
    if isinstance(error, (Conflict, Gone)) or error.code == "invoice_posted" or len(prepared.parts) < 3:
        return False
    now = recovered(await read(push, prepared.plan.kind, link.bc_id), prepared, link)
    left = compared(prepared.plan, now, push.connection.settings)
    return len(left.parts) < len(prepared.parts)


def _renumbered(prepared: Prepared, link: Link) -> bool:
    """Whether a line would go under another number than the intent says: by that it could not be found again.

    So it is after a piece that deleted some of the lines that were to make room: the others may fit where they stand.
    """
    intended = link.intent.numbers if link.intent else {}
    return any(intended.get(insert.line.key) != insert.sequence for insert in prepared.diff.inserts)


def _stopped(plan: InvoicePlan, error: SyncError) -> SyncError:
    """What a refusal means after an earlier piece of the change was carried out."""
    if _too_much(error):
        return error
    if isinstance(error, (Conflict, Gone)):
        # Somebody else is at it: read what stands there, then go on.
        return _partly(plan)
    return Partly(
        error.code,
        f"{error.message} Some of the changes of {plan.kind.word} {plan.name} are in Business Central already.",
        cure=error.cure,
        correlation_id=error.correlation_id,
        status=error.status,
        remote_code=error.remote_code,
    )


def _partly(plan: InvoicePlan) -> UnknownOutcome:
    return UnknownOutcome(
        "partly_applied",
        f"Business Central has some of the changes of {plan.kind.word} {plan.name}, and some not.",
        cure="It is compared again and completed by itself.",
    )


def _staying(link: Link, prepared: Prepared) -> list[Any]:
    deleted = {line.bc_id for line in prepared.diff.deletes}
    return [line for line in link.lines if line.bc_id not in deleted]


def _taken(push: Push, link: Link, document: Document, prepared: Prepared, keys: Mapping[str, str]) -> Link:
    """The link after the write, with a word on what BC holds beside or other than what we sent."""
    wanted = {line.key for line in prepared.plan.lines}
    missing = wanted - set(keys.values())
    if missing:
        raise _partly(prepared.plan)
    extra = len(lines_of(document)) - len(keys)
    if extra:
        push.warn(
            "extra_lines_in_bc",
            f"The draft in Business Central has {extra} line{'s' if extra > 1 else ''} that Halo did not send.",
        )
    difference = net_difference(document, keys, prepared.plan)
    if difference:
        push.warn(
            "total_differs",
            f"The net total in Business Central differs by {difference:+f} from Halo's for {prepared.plan.kind.word} {prepared.plan.name}.",
        )
    return msgspec.structs.replace(
        applied(link, document, prepared.plan, keys),
        # What we sent stands for what BC holds: a text BC alters on its own must not be sent for ever.
        payload=prepared.plan.header_payload,
        lines=tuple(
            msgspec.structs.replace(line, payload=_payload_of(prepared.plan, line.halo_line_id))
            if line.halo_line_id
            else line
            for line in applied(link, document, prepared.plan, keys).lines
        ),
        payload_hash=prepared.payload_hash,
        halo_digest=digest(push.record) if push.record else "",
        intent=None,
    )


def _payload_of(plan: InvoicePlan, key: str) -> str:
    return next(line.payload for line in plan.lines if line.key == key)


async def delete(push: Push, link: Link) -> Action:
    """Delete the draft; its status is read first. Returns what was done; raises `Refused` for one that is posted or released."""
    path = kind_of(link).path(link.bc_id)
    for attempt in (1, 2):
        try:
            document = await push.bc.get(
                push.connection, path, params={"$select": posting.state_fields(link)}
            )
            posting.refuse_delete(link, document)
            await push.bc.delete(push.connection, path, str(document["@odata.etag"]))
        except Gone:
            return "none"
        except Conflict:
            # Somebody is at it: see whether it is posted by now.
            if attempt == 2:
                raise
        else:
            return "deleted"
    raise AssertionError("unreachable")


async def refuse_unfit(push: Push, plan: InvoicePlan, document: Document) -> None:
    """Remove a draft that says another sum than Halo does, and say so: its customer's prices include tax, or it is in
    the customer's foreign currency while Halo did not name one."""
    if decode_enum(str(document.get("status"))) != DRAFT:
        return
    foreign = str(document.get("currencyId") or BLANK_GUID) != BLANK_GUID
    if document.get("pricesIncludeTax"):
        error = Removed(
            "prices_include_tax",
            f"{plan.kind.word.capitalize()} {plan.name}: this customer's prices include tax in Business Central, Halo's "
            "do not.",
            cure="Untick “Prices Including VAT” on the customer card in Business Central, then retry.",
        )
    elif foreign and "currencyCode" not in plan.header:
        error = Removed(
            "currency_unknown",
            f"{plan.kind.word.capitalize()} {plan.name}: Halo does not say its currency, and the customer's in Business "
            f"Central is {document.get('currencyCode')}.",
            cure="Choose the default currency in Halo, and let the API application read currencies and settings.",
        )
    else:
        return
    if not push.dry_run:
        path = plan.kind.path(str(document["id"]))
        await push.bc.delete(push.connection, path, str(document["@odata.etag"]))
    raise error


def _own_rows(answer: PartAnswer, halo_id: str) -> list[Document]:
    return same_key((answer.body or {}).get("value", ()), halo_id) if answer.status == 200 else []


def _raise_first_error(answers: Sequence[PartAnswer], *, wrote: bool) -> None:
    for answer in answers:
        error = part_error(answer, wrote=wrote)
        if isinstance(error, AlreadyExists) or (error is not None and error.code == "sequence_taken"):
            # Somebody else added a line under that number: read the lines again and number anew.
            raise Conflict(error.code, error.message, cure=error.cure, correlation_id=error.correlation_id)
        if error is not None and answer.status != 0:
            raise error
    if any(answer.status == 0 for answer in answers):
        raise UnknownOutcome("bc_unavailable", "Business Central did not answer every part of the request.")


def recovered(document: Document, prepared: Prepared, link: Link) -> Link:
    """The link as BC now has it, after a write of unknown outcome or somebody else's edit."""
    return applied(link, document, prepared.plan, keys_after(document, link, prepared.plan))


def merged(document: Document, prepared: Prepared, link: Link, *, policy: str) -> Link:
    """The link after somebody else changed the invoice while Halo's change was on its way (F49, F51).

    A field that Halo did not change stays as they have it. One that both changed is Halo's, or with the policy `ask` a person's:
    then raises `Refused` `changed_in_both`.
    """
    # Nothing of what was sent was carried out, so a line under a number of ours is not ours.
    now = recovered(document, prepared, msgspec.structs.replace(link, intent=None))
    header, both = _merged_header(link, now, prepared.plan)
    planned = {line.key: line.payload for line in prepared.plan.lines}
    before = {line.halo_line_id: line.payload for line in link.lines if line.halo_line_id}
    lines = []
    for line in now.lines:
        key = line.halo_line_id
        if key in planned and key in before:
            payload, fields = three_way(before[key], line.payload, planned[key])
            line = msgspec.structs.replace(line, payload=payload)
            both += fields
        lines.append(line)
    check_nobody_asks(f"{prepared.plan.kind.word.capitalize()} {prepared.plan.name}", both, policy)
    return msgspec.structs.replace(now, payload=header, lines=tuple(lines))


def _merged_header(link: Link, now: Link, plan: InvoicePlan) -> tuple[str, list[str]]:
    """As `three_way`; what Halo has cleared counts as held, so that it is cleared in BC too."""
    merged, both = three_way(link.payload, now.payload, plan.header_payload)
    before: dict[str, Any] = msgspec.json.decode(link.payload) if link.payload else {}
    held: dict[str, Any] = msgspec.json.decode(now.payload)
    cleared = {name: value for name, value in held.items() if name not in plan.header}
    both += [name for name, value in cleared.items() if value != before.get(name)]
    return msgspec.json.encode({**msgspec.json.decode(merged), **cleared}).decode(), both


def keys_after(document: Document, link: Link, plan: InvoicePlan) -> dict[str, str]:
    """BC line id -> key in a document that may have changed in any way since the link was written."""
    numbers = link.intent.numbers if link.intent else {}
    known = link.lines if link.bc_id == str(document["id"]) else ()
    lines = lines_of(document)
    ids = {str(line["id"]) for line in lines}
    all_new = bool(known) and len(lines) == len(known) and not any(line.bc_id in ids for line in known)
    given = {abs(number) for number in numbers.values()}
    if all_new and any(int(line["sequence"]) not in given for line in lines):
        # Neither the old lines nor all those we meant to insert: BC re-created them.
        return keys_by_order(document, known)
    return keys_of(document, plan, numbers, known)
