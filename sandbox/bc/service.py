"""One request against the API, whether it came alone or as a part of a batch: path, method, answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from sandbox.bc import pages
from sandbox.bc.actions import ACTIONS
from sandbox.bc.errors import Refusal, bad_request, changed, dialog, no_segment, no_token, not_allowed
from sandbox.bc.kinds import kind_below_root
from sandbox.bc.query import Options, page, page_size, read_options, split_query
from sandbox.bc.render import entity
from sandbox.bc.sales import BY_HEADERS, BY_LINES, INVOICE
from sandbox.bc.session import Session
from sandbox.bc.state import state_of
from sandbox.bc.store import Row
from sandbox.bc.target import Target, read_target

_ETAG = re.compile(r'W/"[A-Za-z0-9+/]+=*"')
MISSING = object()
_TABLE = "Sales Line"  # the one that messages of deadlocks name


@dataclass(frozen=True, slots=True)
class Call:
    """A request. `path` is below the API root; header names are lower-case; `body` is parsed JSON or MISSING."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = MISSING

    @property
    def prefer(self) -> dict[str, str]:
        return read_prefer(self.headers.get("prefer", ""))


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is JSON, text (a plain count), or None for an empty one."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        return self.status >= 400


def answer(session: Session, call: Call) -> Answer:
    """Handle one call in a transaction of its own: all of it is saved, or, when it is refused, nothing."""
    deadlock = state_of(session.world).deadlocks.meet(kind_below_root(call.method, call.path))
    try:
        with session.environment.journal.transaction():
            result = _handle(session, call)
            if deadlock is not None and not deadlock.committed:
                raise deadlock.refusal(_TABLE)
    except Refusal as refusal:
        return refused(refusal)
    return refused(deadlock.refusal(_TABLE)) if deadlock is not None else result


def refused(refusal: Refusal) -> Answer:
    return Answer(refusal.status, refusal.body(str(uuid4())), refusal.headers)


def read_prefer(text: str) -> dict[str, str]:
    """`Prefer` as names and values; a name alone has the value "true"."""
    found = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        if name:
            found[name.strip().lower()] = value.strip().strip('"') or "true"
    return found


def _handle(session: Session, call: Call) -> Answer:
    raw = split_query(call.query)
    target = read_target(session, call.path, raw, call.headers.get("company", ""))
    session = target.session
    _check_rights(session, target)
    if call.headers.get("data-access-intent", "").lower() == "readonly" and call.method != "GET":
        raise bad_request("The Data-Access-Intent header with the value ReadOnly is allowed for GET only.")
    if target.kind.set_name == "dimensionSetLines" and target.rows is None:
        what = "create a" if call.method == "POST" else "get to the"
        raise dialog(f"You must get to the parent first to {what} dimension set line.")
    options = read_options(
        raw,
        target.kind,
        page_variables=session.switch("page_variable_filters"),
        wildcards=session.switch("wildcard_filters"),
    )
    if target.action:
        return _act(call, target)
    if target.key:
        return _one(call, target, options)
    return _set(call, target, options)


def _check_rights(session: Session, target: Target) -> None:
    if session.switch("permission_missing_for") == target.kind.set_name:
        raise Refusal(
            500,
            "Internal_ServerError",
            f"Sorry, the current permissions prevented the action. (TableData 18 {target.kind.al} Read: Base "
            "Application)",
        )


def _set(call: Call, target: Target, options: Options) -> Answer:
    if target.count:
        if call.method != "GET":
            raise not_allowed(call.method, target.kind.set_name)
        return Answer(200, str(page(_rows(target, options), options, 1).total))
    if call.method == "GET":
        return _list(call, target, options)
    if call.method == "POST" and "I" in target.kind.allowed:
        return _create(call, target, options)
    raise not_allowed(call.method, target.kind.set_name)


def _one(call: Call, target: Target, options: Options) -> Answer:
    if call.method == "GET":
        return Answer(200, _entity(target, target.row(), options))
    if call.method == "PATCH" and "M" in target.kind.allowed:
        row = _matched(call, target)
        saved = pages.modify(target, row, _body(call))
        return _written(call, target, saved, options, 200)
    if call.method == "DELETE" and "D" in target.kind.allowed:
        row = _matched(call, target)
        pages.delete(target, row)
        return Answer(204)
    raise not_allowed(call.method, target.kind.set_name)


def _act(call: Call, target: Target) -> Answer:
    actions = ACTIONS.get(target.kind.set_name)
    if actions is None:
        raise Refusal(501, "BadRequest_MethodNotImplemented", "Entity does not support bound actions.")
    action = actions.get(target.action.lower())
    if action is None:
        raise no_segment(f"Microsoft.NAV.{target.action}")
    if call.method != "POST":
        raise not_allowed(call.method, target.kind.set_name)
    row = target.row()
    if call.headers.get("if-match"):
        _check_token(target, row, call.headers["if-match"])
    action(target.session, BY_HEADERS[target.kind.set_name], row)
    return Answer(204)


def _rows(target: Target, options: Options) -> list[Row]:
    if target.rows is not None:
        return target.rows
    if target.kind.set_name in BY_LINES and not options.equal & {"id", "documentId"}:
        name = "an Id" if BY_LINES[target.kind.set_name] is INVOICE else "an id"
        raise dialog(f"You must specify {name} or a Document Id to get the lines.")
    return list(target.table)


def _list(call: Call, target: Target, options: Options) -> Answer:
    size = page_size(call.prefer)
    shown = page(_rows(target, options), options, size)
    session = target.session
    body: dict[str, Any] = {"@odata.context": _context(target, options)}
    if options.count:
        body["@odata.count"] = shown.total
    body["value"] = [entity(session, row, options) for row in shown.rows]
    if shown.next_token:
        body["@odata.nextLink"] = _next_link(call, target, shown.next_token)
    return Answer(200, body)


def _next_link(call: Call, target: Target, token: str) -> str:
    kept = [
        part
        for part in call.query.split("&")
        if part and not part.startswith(("$skiptoken=", "$skip=", "%24skip"))
    ]
    return f"{target.session.base}/{call.path.strip('/')}?{'&'.join([*kept, f'$skiptoken={token}'])}"


def _create(call: Call, target: Target, options: Options) -> Answer:
    row = pages.create(target, _body(call))
    return _written(call, target, row, options, 201)


def _matched(call: Call, target: Target) -> Row:
    """The entity, when If-Match allows the change."""
    if target.session.switch("missing_before_if_match"):
        target.row()
    sent = call.headers.get("if-match", "")
    needed = call.method != "DELETE" or target.session.switch("delete_needs_if_match")
    if not sent and needed:
        target.session.world.counters.count("bc", "missing_if_match")
        raise no_token()
    row = target.row()
    if sent:
        _check_token(target, row, sent)
    return row


def _check_token(target: Target, row: Row, sent: str) -> None:
    if sent == "*":
        return
    if not _ETAG.fullmatch(sent):
        target.session.world.counters.count("bc", "malformed_if_match")
        raise no_token()
    if sent != row.etag:
        target.session.world.counters.count("bc", "stale_if_match")
        raise changed()


def _body(call: Call) -> dict[str, Any]:
    if not isinstance(call.body, dict):
        raise bad_request("Invalid Request Body")
    return call.body


def _written(call: Call, target: Target, row: Row, options: Options, status: int) -> Answer:
    where = {"Location": f"{target.session.base}/{target.context}({row.id})"} if status == 201 else {}
    if "return-no-content" in call.prefer:
        return Answer(204, None, where)
    return Answer(status, _entity(target, row, options), where)


def _entity(target: Target, row: Row, options: Options) -> dict[str, Any]:
    context = {"@odata.context": f"{_context(target, options)}/$entity"}
    return {**context, **entity(target.session, row, options)}


def _context(target: Target, options: Options) -> str:
    picked = f"({','.join(options.select)})" if options.select else ""
    return f"{target.session.base}/$metadata#{target.context}{picked}"
