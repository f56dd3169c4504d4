"""What only the sandbox can do to Business Central: raw rows, another user's edits, a bookkeeper's postings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web

from sandbox.bc import posting
from sandbox.bc.company import Company, Environment
from sandbox.bc.control_companies import company_routes
from sandbox.bc.deadlocks import Deadlock
from sandbox.bc.document import recalculate
from sandbox.bc.errors import Refusal
from sandbox.bc.headers import new_header
from sandbox.bc.line_objects import worked_amounts
from sandbox.bc.lines import new_line
from sandbox.bc.sales import BY_HEADERS, BY_LINES, SALES_KINDS, SalesKind
from sandbox.bc.seeding import blanks, new_customer, new_item
from sandbox.bc.session import Session
from sandbox.bc.state import State, state_of
from sandbox.bc.store import Row
from sandbox.bc.types import TYPES
from sandbox.bc.values import accept, decode_member, show_moment, tidy
from sandbox.world import World

_encoder = msgspec.json.Encoder(decimal_format="number")


def control_routes(world: World) -> list[web.RouteDef]:
    """Routes for the control server, which puts them under `/bc`.

    `POST /post/{id of an invoice or a credit memo}`, `POST /pay/{invoice id}`, `POST /block`, `POST /recurring`,
    `POST /deadlocks`, and what `control_companies` has;
    `GET` and `POST /{company}/{set}`, `GET`, `PATCH` and `DELETE /{company}/{set}/{id}`: rows without any check.
    """
    state = state_of(world)
    routes = _Routes(state)
    return [
        *company_routes(state),
        web.post("/post/{document}", routes.post),
        web.post("/pay/{document}", routes.pay),
        web.post("/block", routes.block),
        web.post("/recurring", routes.recurring),
        web.post("/deadlocks", routes.deadlocks),
        web.get("/{company}/{set}", routes.rows),
        web.post("/{company}/{set}", routes.insert),
        web.get("/{company}/{set}/{id}", routes.row),
        web.patch("/{company}/{set}/{id}", routes.edit),
        web.delete("/{company}/{set}/{id}", routes.remove),
    ]


class _Routes:
    def __init__(self, state: State) -> None:
        self.state = state

    async def post(self, request: web.Request) -> web.Response:
        """Post a draft as a bookkeeper would; BC's refusal comes back as it is."""
        session, kind, row = self._document(request)
        try:
            with session.environment.journal.transaction():
                posting.post(session, kind, row)
        except Refusal as refusal:
            return _json({"error": {"code": refusal.code, "message": refusal.message}}, refusal.status)
        return _json(shown(session.company[kind.headers].rows[row.id]))

    async def pay(self, request: web.Request) -> web.Response:
        """Pay a posted document: `amount` (all of it when left out). Only a full payment touches the record."""
        session, kind, row = self._document(request)
        wanted = await _body(request)
        left = row["remainingAmount"] - Decimal(wanted.get("amount", row["remainingAmount"]))
        changes = {"remainingAmount": left} | ({"status": "Paid", "closed": True} if left == 0 else {})
        saved = session.company[kind.headers].update(row.id, changes, touch=left == 0)
        session.environment.journal.commit()
        return _json(shown(saved))

    async def block(self, request: web.Request) -> web.Response:
        """{"customer": number, "blocked": "All"} or {"item": number, "blocked": true}; "company" if not the first."""
        wanted = await _body(request)
        environment, company = self._company(wanted.get("company", self._first()))
        set_name = "customers" if "customer" in wanted else "items"
        row = company[set_name].by_key(str(wanted.get("customer", wanted.get("item"))))
        if row is None:
            raise web.HTTPNotFound(text=f"no such row in {set_name}")
        saved = company[set_name].update(row.id, {"blocked": wanted["blocked"]})
        environment.journal.commit()
        return _json(shown(saved))

    async def recurring(self, request: web.Request) -> web.Response:
        """{"customer": number, "lines": [bodies of lines]}: lines that BC adds to each new invoice of the customer."""
        wanted = await _body(request)
        _, company = self._company(wanted.get("company", self._first()))
        company.recurring[wanted["customer"]] = wanted["lines"]
        return _json({"customer": wanted["customer"], "lines": len(wanted["lines"])})

    async def deadlocks(self, request: web.Request) -> web.Response:
        """{"kind": "PATCH salesInvoiceLines", "times"?, "status"?, "code"?, "committed"?}: see `Deadlock`."""
        wanted = await _body(request)
        try:
            made = Deadlock(**wanted)
        except TypeError as error:
            raise web.HTTPBadRequest(text=str(error)) from error
        self.state.deadlocks.waiting.append(made)
        return _json({"waiting": len(self.state.deadlocks.waiting)}, 201)

    async def rows(self, request: web.Request) -> web.Response:
        _, company = self._named(request)
        return _json([shown(row) for row in company[request.match_info["set"]]])

    async def row(self, request: web.Request) -> web.Response:
        _, _, row = self._found(request)
        return _json(shown(row))

    async def insert(self, request: web.Request) -> web.Response:
        """A new row as it is given; `id` may be chosen."""
        environment, company = self._named(request)
        set_name, wanted = request.match_info["set"], await _body(request)
        session = Session(self.state.world, environment, "", company)
        row_id = str(wanted.pop("id", ""))
        saved = company[set_name].insert({**_blank(session, set_name), **_values(set_name, wanted)}, row_id)
        saved = _recalculated(session, set_name, saved)
        environment.journal.commit()
        return _json(shown(saved), 201)

    async def edit(self, request: web.Request) -> web.Response:
        """Another user's edit: the ETag and the time move, nothing is checked."""
        environment, company, row = self._found(request)
        set_name = request.match_info["set"]
        saved = company[set_name].update(row.id, _values(set_name, await _body(request)))
        saved = _recalculated(Session(self.state.world, environment, "", company), set_name, saved)
        environment.journal.commit()
        return _json(shown(saved))

    async def remove(self, request: web.Request) -> web.Response:
        """Delete a row (a document with its lines), whatever its state."""
        environment, company, row = self._found(request)
        set_name = request.match_info["set"]
        if set_name in BY_HEADERS:
            lines = company[BY_HEADERS[set_name].lines]
            for line in lines.children(row.id):
                lines.remove(line.id)
        company[set_name].remove(row.id)
        if set_name in BY_LINES:
            session = Session(self.state.world, environment, "", company)
            recalculate(session, BY_LINES[set_name], row["documentId"])
        environment.journal.commit()
        return web.Response(status=204)

    def _first(self) -> str:
        return self.state.world.data.bc.main_company.id

    def _company(self, name: str) -> tuple[Environment, Company]:
        found = self.state.company(name)
        if found is None:
            raise web.HTTPNotFound(text=f"no company {name}")
        return found

    def _named(self, request: web.Request) -> tuple[Environment, Company]:
        environment, company = self._company(request.match_info["company"])
        if request.match_info["set"] not in company.tables:
            raise web.HTTPNotFound(text=f"no entity set {request.match_info['set']}")
        return environment, company

    def _found(self, request: web.Request) -> tuple[Environment, Company, Row]:
        """The row by id, or by number or code."""
        environment, company = self._named(request)
        table, key = company[request.match_info["set"]], request.match_info["id"]
        row = table.get(key.lower()) or table.by_key(key)
        if row is None:
            raise web.HTTPNotFound(text=f"no row {key}")
        return environment, company, row

    def _document(self, request: web.Request) -> tuple[Session, SalesKind, Row]:
        wanted = request.match_info["document"].lower()
        for environment in self.state.environments.values():
            for company in environment.companies.values():
                for kind in SALES_KINDS:
                    row = company[kind.headers].get(wanted)
                    if row is not None:
                        return Session(self.state.world, environment, "", company), kind, row
        raise web.HTTPNotFound(text=f"no invoice or credit memo {wanted}")


async def _body(request: web.Request) -> dict[str, Any]:
    raw = await request.text()
    try:
        body = json.loads(raw, parse_float=Decimal) if raw else {}
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise web.HTTPBadRequest(text="a JSON object is needed")
    return body


def _json(body: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=_encoder.encode(body), content_type="application/json")


def _blank(session: Session, set_name: str) -> dict[str, Any]:
    """A new row with everything that BC's own code expects to find."""
    match set_name:
        case "customers":
            return new_customer()
        case "items":
            return new_item()
        case _ if set_name in BY_HEADERS:
            return new_header(session, BY_HEADERS[set_name])
        case _ if set_name in BY_LINES:
            return new_line(BY_LINES[set_name])
        case _:
            return blanks(TYPES[set_name])


def _values(set_name: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Wire values as table values; names that the API does not know are BC's own fields."""
    kind = TYPES[set_name]
    made = {}
    for name, value in wanted.items():
        one = kind.by_name.get(name)
        if one is None:
            made[name] = Decimal(value) if name in ("invoiceDiscount", "lineAmount", "unitCost") else value
        elif one.kind == "choice":
            made[name] = decode_member(value)
        else:
            made[name] = accept(one, value, plain_enums=True)
    return made


def _recalculated(session: Session, set_name: str, row: Row) -> Row:
    """After a raw change of a line its amounts, and the document's totals, are worked out again."""
    table = session.company[set_name]
    if set_name in BY_LINES:
        values = dict(row.values)
        worked_amounts(values)
        table.update(row.id, values, touch=False)
        recalculate(session, BY_LINES[set_name], row["documentId"])
    return table.rows[row.id]


def shown(row: Row) -> dict[str, Any]:
    """A row as the table holds it, BC's own fields too."""
    return {
        "id": row.id,
        "@odata.etag": row.etag,
        "lastModifiedDateTime": show_moment(row.modified),
        **{name: _plain(value) for name, value in row.values.items()},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return tidy(value)
    if isinstance(value, datetime):
        return show_moment(value)
    if isinstance(value, date):
        return value.isoformat()
    return [_plain(one) for one in value] if isinstance(value, tuple) else value
