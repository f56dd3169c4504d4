"""`$batch`: several requests in one JSON envelope, in order, perhaps in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.bc.errors import Refusal, bad_request
from sandbox.bc.kinds import kind_below_root
from sandbox.bc.service import MISSING, Answer, Call, answer, refused
from sandbox.bc.session import Session

LARGEST = 100

_PART_HEADERS = {"content-type": "application/json; odata.metadata=minimal", "odata-version": "4.0"}


def part_count(body: Any) -> int:
    """How many requests a batch has, for the limits."""
    requests = body.get("requests") if isinstance(body, dict) else None
    return len(requests) if isinstance(requests, list) else 0


def run(session: Session, call: Call) -> Answer:
    """All parts, one answer each. The first failure stops the rest unless `Prefer: odata.continue-on-error`.

    With `Isolation: snapshot` any failure takes everything back; the parts before it still report success.
    """
    try:
        parts = _parts(call.body)
    except Refusal as refusal:
        return refused(refusal)
    journal = session.environment.journal
    mark = journal.mark
    going_on = "odata.continue-on-error" in call.prefer or "continue-on-error" in call.prefer
    responses: list[dict[str, Any]] = []
    failed: set[str] = set()
    for part in parts:
        result = _run_part(session, part, failed)
        responses.append(_response(part, result))
        if not result.failed:
            _commit_inside(session, part)
        if result.failed:
            failed.add(str(part.get("id")))
            if not going_on:
                break
    if failed and call.headers.get("isolation", "").strip().lower() == "snapshot":
        journal.rollback(mark)
    return Answer(200, {"responses": responses})


def _commit_inside(session: Session, part: Mapping[str, Any]) -> None:
    """AL code that commits (an extension's, say): a snapshot cannot take back what came before (F56)."""
    path = str(part["url"]).partition("?")[0]
    if session.switch("commits_in_batch") == kind_below_root(part["method"].upper(), path):
        session.environment.journal.commit()


def _parts(body: Any) -> list[dict[str, Any]]:
    requests = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(requests, list) or not all(isinstance(part, dict) for part in requests):
        raise bad_request("Invalid Request Body")
    if len(requests) > LARGEST:
        raise Refusal(
            500,
            "Unknown",
            "The current batch message contains too many parts. A maximum number of '100' query operations and "
            "change sets are allowed in a batch message.",
        )
    for part in requests:
        if not isinstance(part.get("method"), str) or not isinstance(part.get("url"), str):
            raise bad_request("Invalid Request Body")
    return requests


def _run_part(session: Session, part: Mapping[str, Any], failed: set[str]) -> Answer:
    try:
        call = _part_call(session, part, failed)
    except Refusal as refusal:
        return refused(refusal)
    return answer(session, call)


def _part_call(session: Session, part: Mapping[str, Any], failed: set[str]) -> Call:
    """The part as a call; each part needs a Content-Type of its own for its body."""
    method = part["method"].upper()
    path, query = _address(session, part["url"])
    session.world.counters.count_kind("bc", f"part {kind_below_root(method, path)}")
    if any(str(one) in failed for one in part.get("dependsOn") or ()):
        raise Refusal(424, "BadRequest", "The request depends on a request that failed.")
    headers = {str(name).lower(): str(value) for name, value in dict(part.get("headers") or {}).items()}
    body = part.get("body", MISSING)
    if method in ("POST", "PATCH") and body is not MISSING and "json" not in headers.get("content-type", ""):
        raise Refusal(415, "BadRequest", "The Content-Type of the request is missing or not supported.")
    return Call(method, path, query, headers, body)


def _address(session: Session, url: str) -> tuple[str, str]:
    """Path and query of a part: relative to the API root, or absolute within it."""
    root = "/" + session.base.split("://", 1)[1].split("/", 1)[1]
    if url.startswith(session.base + "/"):
        url = url[len(session.base) + 1 :]
    elif url.startswith(root + "/"):
        url = url[len(root) + 1 :]
    elif url.startswith("/") or "://" in url:
        raise Refusal(
            404, "BadRequest_NotFound", f"No HTTP resource was found that matches the request URI '{url}'."
        )
    path, _, query = url.partition("?")
    if path.strip("/") in ("$batch", "$metadata", ""):
        raise Refusal(404, "BadRequest_NotFound", f"Resource not found for the segment '{path}'.")
    return path, query


def _response(part: Mapping[str, Any], result: Answer) -> dict[str, Any]:
    response = {
        "id": part.get("id"),
        "status": result.status,
        "headers": {**_PART_HEADERS, **{name.lower(): value for name, value in result.headers.items()}},
    }
    if result.body is not None:
        response["body"] = result.body
    return response
