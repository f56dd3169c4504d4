"""The envelope of a `$batch`: parts in, answers matched by id, and no trust in the ids of a rolled-back part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bc.clients.bc_records import Part, PartAnswer
from bc.clients.odata import relative
from bc.errors import Conflict

_NOT_DONE = PartAnswer(0)


def batch_request(parts: Sequence[Part], company: str, headers: Mapping[str, str]) -> dict[str, Any]:
    """The JSON body: addresses relative to the API's root, a header set and an id for each part.

    Raises `Conflict` for a PATCH or DELETE without `if_match`: it would overwrite what we have not seen.
    """
    return {"requests": [_part(str(number), part, company, headers) for number, part in enumerate(parts, 1)]}


def _part(number: str, part: Part, company: str, headers: Mapping[str, str]) -> dict[str, Any]:
    method = part.method.upper()
    sent = dict(headers)
    if part.body is not None:
        sent["Content-Type"] = "application/json"
    if part.if_match:
        sent["If-Match"] = part.if_match
    elif method in ("PATCH", "DELETE"):
        raise Conflict(
            "changed_in_bc",
            "The record's version in Business Central is not known.",
            cure="It is read again by itself.",
        )
    request: dict[str, Any] = {
        "id": number,
        "method": method,
        "url": f"{company}/{relative(part.path)}",
        "headers": sent,
    }
    if part.body is not None:
        request["body"] = part.body
    return request


def read_answers(
    envelope: Mapping[str, Any], parts: Sequence[Part], *, snapshot: bool
) -> list[PartAnswer] | None:
    """The answers in the order of `parts`; None when the envelope does not account for all of them.

    Parts after a failure have no answer: status 0. After a failure in a transaction the other parts have status 0
    too, whatever BC shows for them, for they were rolled back (F73).
    """
    rows = envelope.get("responses")
    by_id: dict[str, PartAnswer] = {}
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and isinstance(row.get("status"), int):
            by_id[str(row.get("id"))] = _answer(row)
    answers = [by_id.get(str(number)) for number in range(1, len(parts) + 1)]
    failed = next((n for n, answer in enumerate(answers) if answer is not None and not answer.ok), None)
    missing = next((n for n, answer in enumerate(answers) if answer is None), None)
    if missing is not None and (failed is None or (missing < failed and not snapshot)):
        return None
    if snapshot and failed is not None:
        return [answer if answer and not answer.ok else _NOT_DONE for answer in answers]
    return [answer or _NOT_DONE for answer in answers]


def _answer(row: Mapping[str, Any]) -> PartAnswer:
    headers, body = row.get("headers"), row.get("body")
    return PartAnswer(
        row["status"],
        {str(k): str(v) for k, v in headers.items()} if isinstance(headers, dict) else {},
        body if isinstance(body, dict) else None,
    )
