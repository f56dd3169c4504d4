"""Business Central's API v2.0 for one company: read, page, write with ETags, run actions, `$batch`.

Every call holds one permit of its principal while it is in flight, sends a token that is refreshed once on 401, and
raises the errors of `bc.errors`; nothing waits or repeats here, that is the engine's part.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol

from bc.clients.bc_batch import batch_request, read_answers
from bc.clients.bc_errors import bc_error, part_error
from bc.clients.bc_records import (
    Company,
    Environment,
    Exchange,
    Part,
    PartAnswer,
    count_requests,
    exchanged,
    exchanges,
    request_made,
    requests_made,
)
from bc.clients.odata import decode_enum, encode_enum, guid, literal, query, quote, relative, segment
from bc.clients.transport import Answer, Transport, encode_json
from bc.errors import Conflict, Gone, NotConfigured, Refused, SyncError, Transient, UnknownOutcome
from bc.model import Connection
from bc.settings import Secret

__all__ = [
    "LONGEST_CALL",
    "MAX_PARTS",
    "BusinessCentral",
    "Company",
    "Environment",
    "Exchange",
    "Part",
    "PartAnswer",
    "Permits",
    "TokenSource",
    "bc_error",
    "count_requests",
    "decode_enum",
    "encode_enum",
    "exchanges",
    "guid",
    "literal",
    "part_error",
    "quote",
    "requests_made",
]

MAX_PARTS: Final = 100
PAGE_SIZE: Final = 5000
STANDARD_API: Final = "v2.0"
# Seconds. BC itself stops at 8 minutes; a worker must be done while its lease lasts.
CALL_SECONDS: Final = 100
LONGEST_CALL: Final = 150
# Messages in one language, so that those without a code of their own can be told apart.
HEADERS: Final = {"Accept": "application/json", "Accept-Language": "en-US"}
ACTIONS: Final = frozenset(
    {"post", "postAndSend", "send", "cancel", "cancelAndSend", "makeCorrectiveCreditMemo"}
)


class TokenSource(Protocol):
    async def token(self, connection: Connection, *, refused: Secret | None = None) -> Secret:
        """A usable access token; `refused` is one that BC just refused: never that one again."""
        ...


class Permits(Protocol):
    def hold(
        self, connection: Connection, requests: int = 1
    ) -> AbstractAsyncContextManager[Callable[[], None] | None]:
        """One of the five calls that BC runs at a time for the connection's principal, which counts as `requests`.

        Gives what is to be asked once more right before the bytes leave, if anything.
        """
        ...


class BusinessCentral:
    """Calls are made for a `Connection`; paths are relative to its company, as in `customers({id})`."""

    def __init__(self, transport: Transport, tokens: TokenSource, permits: Permits, api_url: str) -> None:
        self._transport = transport
        self._tokens = tokens
        self._permits = permits
        self._api_url = api_url.rstrip("/")

    async def environments(self, connection: Connection) -> list[Environment]:
        """The environments of the connection's tenant. App-only tokens may be refused: let the name be typed then."""
        answer = await self._send(connection, "GET", f"{self._api_url}/environments/v1.1")
        rows = _rows(_object(answer, wrote=False))
        return [
            Environment(str(row["name"]), str(row.get("type", "")), str(row.get("countryCode", "")))
            for row in rows
            if row.get("name") and row.get("applicationFamily", "BusinessCentral") == "BusinessCentral"
        ]

    async def companies(self, connection: Connection, environment: str) -> list[Company]:
        url = f"{self._api_root(connection, environment)}/companies"
        found: dict[str, Company] = {}
        seen: set[str] = set()
        while url and url not in seen:
            seen.add(url)
            page = _object(await self._send(connection, "GET", url), wrote=False)
            for row in _rows(page):
                company_id, name = guid(str(row.get("id", ""))), str(row.get("name", ""))
                found[company_id] = Company(company_id, name, str(row.get("displayName") or name))
            url = str(page.get("@odata.nextLink") or "")
        return list(found.values())

    async def get(
        self, connection: Connection, path: str, *, params: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """One record. Raises `Gone` when BC has it no more, `company_gone` when the company is not there."""
        answer = await self._send(connection, "GET", self._address(connection, path, params))
        return _object(answer, wrote=False)

    async def page(
        self,
        connection: Connection,
        path_or_next_link: str,
        *,
        params: Mapping[str, str] | None = None,
        page_size: int = PAGE_SIZE,
    ) -> tuple[list[dict[str, Any]], str]:
        """One page of rows, and BC's nextLink or "". A page may be short or empty and yet have a next one.

        A nextLink to another host is refused before a token is added; guarding against a loop is the caller's.
        """
        if "://" in path_or_next_link:
            url = path_or_next_link
        else:
            url = self._address(connection, path_or_next_link, params)
        prefer = {"Prefer": f"odata.maxpagesize={page_size}"}
        body = _object(await self._send(connection, "GET", url, headers=prefer), wrote=False)
        return _rows(body), str(body.get("@odata.nextLink") or "")

    async def post(
        self,
        connection: Connection,
        path: str,
        body: Mapping[str, Any],
        *,
        params: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Insert a record and return it as BC stored it. Raises `AlreadyExists`, `UnknownOutcome`, `Refused`, …"""
        url = self._address(connection, path, params)
        try:
            answer = await self._send(connection, "POST", url, body=body)
        except Gone as error:
            if "(" in path:
                raise
            # Nothing was addressed that could be gone: a set-up record is missing in BC.
            raise _as_refused(error) from error
        return _object(answer, wrote=True)

    async def patch(
        self, connection: Connection, path: str, body: Mapping[str, Any], etag: str
    ) -> dict[str, Any]:
        """Change a record that still has `etag`; raises `Conflict` when it changed meanwhile."""
        answer = await self._send(
            connection, "PATCH", self._address(connection, path), body=body, headers=_if_match(etag)
        )
        return _object(answer, wrote=True)

    async def delete(self, connection: Connection, path: str, etag: str) -> None:
        """Delete a record that still has `etag`; raises `Conflict` when it changed, `Gone` when it is not there."""
        await self._send(connection, "DELETE", self._address(connection, path), headers=_if_match(etag))

    async def action(self, connection: Connection, path: str, name: str) -> None:
        """Run a bound action, `post` for instance. Posting commits at once and cannot be undone."""
        if name not in ACTIONS:
            raise ValueError(f"not an action of Business Central: {name!r}")
        await self._send(connection, "POST", self._address(connection, f"{path}/Microsoft.NAV.{name}"))

    async def batch(
        self,
        connection: Connection,
        parts: Sequence[Part],
        *,
        snapshot: bool = False,
        go_on: bool = False,
        api: str = STANDARD_API,
    ) -> list[PartAnswer]:
        """Up to 100 requests in one, run in order; an answer for each part, in the order of `parts`.

        `snapshot`: one transaction. BC then still shows 201 with ids for parts that it rolled back; here they have
        status 0, as have parts that were not reached. Without it BC stops at the first failure and keeps what came
        before; parts that only read all run, and so do all with `go_on`. `api`: publisher, group and version of an
        extension's API, whose parts cannot be mixed with others. Raises `batch_too_large`, and `UnknownOutcome` where
        answers are
        missing without a failure before them.
        """
        if not parts:
            return []
        if len(parts) > MAX_PARTS:
            raise Refused(
                "batch_too_large",
                f"Business Central takes {MAX_PARTS} requests in one; these are {len(parts)}.",
            )
        wrote = any(part.writes for part in parts)
        root = self._api_root(connection, connection.environment_name or "", api)
        company = self._company(connection)
        headers = {}
        if snapshot:
            headers["Isolation"] = "snapshot"
        elif go_on or not wrote:
            headers["Prefer"] = "odata.continue-on-error"
        answer = await self._send(
            connection,
            "POST",
            f"{root}/$batch",
            body=batch_request(parts, company, HEADERS),
            headers=headers,
            wrote=wrote,
            timeout=LONGEST_CALL,
            # Whether BC counts them one by one only a tenant can tell.
            requests=len(parts),
        )
        answers = read_answers(_object(answer, wrote=wrote), parts, snapshot=snapshot)
        if answers is None:
            raise _unreadable(answer, wrote, "answers to some of its parts are missing")
        return answers

    def _api_root(self, connection: Connection, environment: str, api: str = STANDARD_API) -> str:
        return f"{self._api_url}/v2.0/{segment(connection.tenant_id)}/{segment(environment)}/api/{api}"

    def _company(self, connection: Connection) -> str:
        if not connection.company_id or not connection.environment_name:
            raise NotConfigured(
                "company_not_chosen",
                f"Connection {connection.name} has no company yet.",
                cure="Choose its environment and company.",
            )
        return f"companies({guid(connection.company_id)})"

    def _address(self, connection: Connection, path: str, params: Mapping[str, str] | None = None) -> str:
        company = self._company(connection)
        url = f"{self._api_root(connection, connection.environment_name or '')}/{company}/{relative(path)}"
        extra = query(params or {})
        return url + (extra.replace("?", "&", 1) if "?" in url else extra)

    async def _send(
        self,
        connection: Connection,
        method: str,
        url: str,
        *,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        wrote: bool | None = None,
        timeout: float = CALL_SECONDS,
        requests: int = 1,
    ) -> Answer:
        """One call, repeated once with a new token after a 401 (which BC does not process). Raises on any non-2xx."""
        writes = method != "GET" if wrote is None else wrote
        content = None if body is None else encode_json(body)
        sent = {**HEADERS, **(headers or {})}
        if content is not None:
            sent["Content-Type"] = "application/json"
        # Outside the permit: a slow sign-in must not hold up the principal's other calls.
        token = await self._tokens.token(connection)
        answer = await self._attempt(connection, method, url, token, sent, content, timeout, writes, requests)
        if answer.status == 401:
            token = await self._tokens.token(connection, refused=token)
            answer = await self._attempt(
                connection, method, url, token, sent, content, timeout, writes, requests
            )
        if not answer.ok:
            raise bc_error(answer, wrote=writes)
        return answer

    async def _attempt(
        self,
        connection: Connection,
        method: str,
        url: str,
        token: Secret,
        headers: Mapping[str, str],
        content: bytes | None,
        timeout: float,
        writes: bool,
        requests: int,
    ) -> Answer:
        async with self._permits.hold(connection, requests) as still_ours:
            request_made()
            try:
                answer = await self._transport.send(
                    method,
                    url,
                    bearer=token,
                    headers=headers,
                    content=content,
                    timeout=timeout,
                    writes=writes,
                    before_bytes=still_ours,
                )
            except SyncError as error:
                exchanged(Exchange(method, url, content or b"", trouble=error.message))
                raise
            exchanged(Exchange(method, url, content or b"", answer.status, answer.body))
            return answer


def _if_match(etag: str) -> dict[str, str]:
    if not etag:
        raise Conflict(
            "changed_in_bc",
            "The record's version in Business Central is not known.",
            cure="It is read again by itself.",
        )
    return {"If-Match": etag}


def _object(answer: Answer, *, wrote: bool) -> dict[str, Any]:
    """The JSON object of a 2xx answer; {} for 204. A body that cannot be read leaves a write unknown (F35)."""
    if answer.status == 204:
        return {}
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _unreadable(answer, wrote, "its body cannot be read")
    return body


def _rows(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = body.get("value")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Transient("bc_unavailable", "Business Central answered a list without rows.")
    return rows


def _unreadable(answer: Answer, wrote: bool, why: str) -> SyncError:
    kind = UnknownOutcome if wrote else Transient
    return kind(
        "bc_unavailable",
        f"Business Central answered {answer.status}, but {why}.",
        cure="Nothing to do: it is looked up and tried again by itself.",
        status=answer.status,
    )


def _as_refused(error: Gone) -> Refused:
    return Refused(
        "bc_rejected",
        error.message,
        cure="Complete the set-up that the message names in Business Central, then retry.",
        correlation_id=error.correlation_id,
        status=error.status,
        remote_code=error.remote_code,
    )
