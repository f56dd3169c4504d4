"""Halo's part of the control server: what a person does in Halo's screens, its rights and tokens, its webhooks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.control import BadRequest
from sandbox.halo.errors import HaloError
from sandbox.halo.fields import Row
from sandbox.halo.invoices import credit
from sandbox.halo.reading import addresses, raw
from sandbox.halo.resources import BY_LOWER_NAME, Resource
from sandbox.halo.saving import delete, save
from sandbox.halo.seeding import Key
from sandbox.halo.store import Application, HaloState, state_of
from sandbox.halo.values import read_json, write_json
from sandbox.halo.webhooks import Courier, courier_of, parse_webhook
from sandbox.world import World


def control_routes(world: World) -> list[web.RouteDef]:
    """Mounted under `/halo`."""
    state = state_of(world)
    courier = courier_of(state)
    return [*_agent(state), *_raw(state), *_webhooks(courier), *_rights(state), *_tokens(state)]


def _agent(state: HaloState) -> list[web.RouteDef]:
    """A person at Halo's screens; every save fires webhooks like a real one."""

    async def create(request: web.Request) -> web.Response:
        resource = _resource_of(request)
        wanted = await _body(request)
        many = wanted if isinstance(wanted, list) else [wanted]
        with state.transaction():
            rows = [save(state, resource, _without_id(one), by_agent=True) for one in many]
        shown = [raw(state, resource, row) for row in rows]
        return _json(shown if isinstance(wanted, list) else shown[0], 201)

    async def edit(request: web.Request) -> web.Response:
        resource = _resource_of(request)
        key = _key_of(request, resource)
        return _json(_edited(state, resource, key, _object(await _body(request))))

    async def remove(request: web.Request) -> web.Response:
        resource = _resource_of(request)
        with state.transaction():
            delete(state, resource, _key_of(request, resource))
        return web.Response(status=204)

    async def credited(request: web.Request) -> web.Response:
        """{"linked": false}: a credit note that does not say what it credits."""
        resource = BY_LOWER_NAME["invoice"]
        key = int(str(_key_of(request, resource)))
        if state.find("Invoice", key) is None:
            raise HaloError(404)
        wanted = _object(await _body(request)) if request.can_read_body else {}
        with state.transaction():
            row = credit(state, key, linked=bool(wanted.get("linked", True)))
        return _json(raw(state, resource, row), 201)

    def press(changes: Mapping[str, Any]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def pressed(request: web.Request) -> web.Response:
            key = _key_of(request, BY_LOWER_NAME["invoice"])
            return _json(_edited(state, BY_LOWER_NAME["invoice"], key, changes))

        return pressed

    return [
        web.post("/agent/Invoice/{id}/void", _plain_errors(press({"voided": True}))),
        web.post("/agent/Invoice/{id}/post", _plain_errors(press({"posted": True}))),
        web.post("/agent/Invoice/{id}/credit", _plain_errors(credited)),
        web.post("/agent/{resource}", _plain_errors(create)),
        web.patch("/agent/{resource}/{id}", _plain_errors(edit)),
        web.delete("/agent/{resource}/{id}", _plain_errors(remove)),
    ]


def _edited(state: HaloState, resource: Resource, key: Key, changes: Mapping[str, Any]) -> Row:
    if state.find(resource.name, key) is None:
        raise HaloError(404)
    named = {"lookupid": key[0], "id": key[1]} if isinstance(key, tuple) else {"id": key}
    with state.transaction():
        return raw(state, resource, save(state, resource, {**changes, **named}, by_agent=True))


def _raw(state: HaloState) -> list[web.RouteDef]:
    """The stored records whole. A list takes any field as a filter, and `limit`."""

    async def listed(request: web.Request) -> web.Response:
        resource = _resource_of(request)
        wanted = dict(request.query)
        limit = int(wanted.pop("limit", "0") or 0)
        table = addresses(state) if resource.name == "Address" else state.table(resource.name)
        rows = [
            row
            for row in table.values()
            if all(_as_text(row.get(name)) == text for name, text in wanted.items())
        ]
        return _json([raw(state, resource, row) for row in (rows[:limit] if limit else rows)])

    async def one(request: web.Request) -> web.Response:
        resource = _resource_of(request)
        table = addresses(state) if resource.name == "Address" else state.table(resource.name)
        row = table.get(_key_of(request, resource))
        if row is None:
            raise HaloError(404)
        return _json(raw(state, resource, row))

    return [
        web.get("/raw/{resource}", _plain_errors(listed)),
        web.get("/raw/{resource}/{id}", _plain_errors(one)),
    ]


def _webhooks(courier: Courier) -> list[web.RouteDef]:
    """Where changes are told, and what became of it. `pending` counts deliveries on their way."""

    async def show(_request: web.Request) -> web.Response:
        return _json([asdict(webhook) for webhook in courier.registered])

    async def replace(request: web.Request) -> web.Response:
        wanted = await _body(request)
        if not isinstance(wanted, list):
            raise BadRequest("a list of webhooks is needed")
        try:
            courier.registered = [parse_webhook(_object(one)) for one in wanted]
        except ValueError as error:
            raise BadRequest(str(error)) from error
        return await show(request)

    async def deliveries(request: web.Request) -> web.Response:
        since = int(request.query.get("since", "0") or 0)
        shown = [
            {**asdict(delivery), "at": delivery.at.isoformat()}
            for delivery in courier.deliveries
            if delivery.id > since
        ]
        return _json({"deliveries": shown, "pending": courier.pending})

    async def clear(_request: web.Request) -> web.Response:
        courier.deliveries.clear()
        return _json({"deliveries": [], "pending": courier.pending})

    return [
        web.get("/webhooks", show),
        web.put("/webhooks", replace),
        web.get("/deliveries", deliveries),
        web.delete("/deliveries", clear),
    ]


def _rights(state: HaloState) -> list[web.RouteDef]:
    """What an application's agent may do: `{"client_id"?, "read_only"?, "denied"?: [area or resource],
    "rows"?: {resource: n}, "hidden_status"?: 403|404}`; what is left out goes back to everything allowed."""

    async def show(_request: web.Request) -> web.Response:
        return _json([_shown(application) for application in state.applications.values()])

    async def change(request: web.Request) -> web.Response:
        wanted = _object(await _body(request))
        application = _application(state, wanted)
        rights = application.rights
        rights.read_only = bool(wanted.get("read_only", False))
        rights.denied = {_resource_or_area(str(name)) for name in wanted.get("denied", ())}
        rights.rows = {
            _named(str(name)).name: int(rows) for name, rows in dict(wanted.get("rows", {})).items()
        }
        rights.hidden_status = int(wanted.get("hidden_status", 403))
        return _json(_shown(application))

    return [web.get("/rights", show), web.put("/rights", change)]


def _tokens(state: HaloState) -> list[web.RouteDef]:
    async def show(_request: web.Request) -> web.Response:
        now = state.world.clock.now()
        live = sum(grant.ends > now for grant in state.grants.values())
        return _json({"issued": len(state.grants), "live": live})

    async def revoke(_request: web.Request) -> web.Response:
        """Every token handed out so far is refused from now on, as after its expiry."""
        count = len(state.grants)
        state.grants.clear()
        return _json({"revoked": count})

    async def secret(request: web.Request) -> web.Response:
        wanted = _object(await _body(request))
        text = wanted.get("client_secret")
        if not isinstance(text, str) or not text:
            raise BadRequest("client_secret is needed")
        _application(state, wanted).secret = text
        return _json({"changed": True})

    return [
        web.get("/tokens", show),
        web.post("/tokens/expire", revoke),
        web.post("/tokens/revoke", revoke),
        web.put("/secret", secret),
    ]


def _plain_errors(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def wrapped(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except HaloError as error:
            return _json({"error": error.message or "no such record"}, error.status)

    return wrapped


async def _body(request: web.Request) -> Any:
    try:
        return read_json(await request.read())
    except HaloError as error:
        raise BadRequest(error.message) from error


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadRequest("a JSON object is needed")
    return value


def _without_id(value: Any) -> Mapping[str, Any]:
    return {name: one for name, one in _object(value).items() if name != "id" or "lookupid" in value}


def _resource_of(request: web.Request) -> Resource:
    return _named(request.match_info["resource"])


def _named(name: str) -> Resource:
    try:
        return BY_LOWER_NAME[name.lower()]
    except KeyError:
        raise BadRequest(f"no such resource: {name}") from None


def _resource_or_area(name: str) -> str:
    return name if name in ("customers", "items", "invoices", "admin", "webhooks") else _named(name).name


def _key_of(request: web.Request, resource: Resource) -> Key:
    text = request.match_info["id"]
    if resource.name == "Webhook":
        return text
    if not text.isdecimal():
        raise BadRequest("the id must be a whole number")
    if resource.name == "Lookup":
        return (int(request.query.get("lookupid", "0") or 0), int(text))
    return 1 if resource.name == "Control" else int(text)


def _application(state: HaloState, wanted: Mapping[str, Any]) -> Application:
    client_id = str(wanted.get("client_id") or state.world.data.halo.client_id)
    try:
        return state.applications[client_id]
    except KeyError:
        raise BadRequest(f"no such application: {client_id}") from None


def _shown(application: Application) -> dict[str, Any]:
    return {
        "client_id": application.client_id,
        **asdict(application.rights),
        "denied": sorted(application.rights.denied),
    }


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(status=status, body=write_json(value), content_type="application/json")
