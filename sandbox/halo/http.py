"""Halo's HTTP face: `/api/…` with a bearer, `/api/authinfo` and `/auth/token` without."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

from aiohttp import web

from sandbox.halo import signin
from sandbox.halo.errors import HaloError, answer, not_found, refused
from sandbox.halo.invoices import update_lines
from sandbox.halo.lists import answer_list, visible_ids
from sandbox.halo.reading import addresses, detail
from sandbox.halo.resources import BY_LOWER_NAME, Resource
from sandbox.halo.saving import delete, new_accounts_ids, save_array
from sandbox.halo.seeding import Key
from sandbox.halo.store import Grant, HaloState, Rights, state_of
from sandbox.halo.values import read_json, write_json
from sandbox.halo.webhooks import courier_of
from sandbox.world import World

BIGGEST_BODY = 64 * 1024 * 1024
COMMANDS = {"updatelines": "updatelines", "newaccountsid": "NewAccountsId"}
_SLASHES = re.compile(r"/+")


def app(world: World) -> web.Application:
    """The service; its webhooks stop with it."""
    state = state_of(world)
    courier = courier_of(state)
    world.name_kinds("halo", kind_of)
    application = web.Application(client_max_size=BIGGEST_BODY)

    async def serve(request: web.Request) -> web.Response:
        try:
            return await _answered(state, request)
        except HaloError as error:
            refusal = answer(error, state.switch("error_shape"))
            if error.status == 401 and error.shape == "none":
                refusal.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
            retry_after = state.switch("retry_after")
            if error.status == 429 and retry_after is not None:
                refusal.headers["Retry-After"] = str(retry_after)
            return refusal

    async def couriers(_application: web.Application) -> AsyncIterator[None]:
        yield
        await courier.close()

    application.cleanup_ctx.append(couriers)
    application.router.add_route("*", "/{tail:.*}", serve)
    return application


def kind_of(method: str, path: str) -> str:
    """A request's kind for the counters: `GET Invoice/{id}`, `POST Invoice/updatelines`, `POST auth/token`."""
    parts = _parts(path)
    if parts[:1] == ["auth"]:
        return f"{method} {'/'.join(parts)}"
    parts = parts[1:] if parts[:1] == ["api"] else parts
    resource = BY_LOWER_NAME.get(parts[0]) if parts else None
    if resource is None:
        return f"{method} {'/'.join(parts)}"
    if len(parts) == 1:
        return f"{method} {resource.name}"
    return f"{method} {resource.name}/{COMMANDS.get(parts[1], '{id}')}"


def _parts(path: str) -> list[str]:
    return [part.lower() for part in _SLASHES.split(path.strip("/")) if part]


async def _answered(state: HaloState, request: web.Request) -> web.Response:
    parts = _parts(request.path)
    query = {name.lower(): value for name, value in request.query.items()}
    match parts:
        case ["api", "authinfo"] if request.method == "GET":
            return _json(signin.authinfo(state, f"{request.scheme}://{request.host}"))
        case ["auth", "token"] if request.method == "POST":
            if request.content_type != "application/x-www-form-urlencoded":
                raise HaloError(
                    400, "The mandatory 'Content-Type' header is invalid.", "oauth", "invalid_request"
                )
            form = {name: str(value) for name, value in (await request.post()).items()}
            return _json(signin.token(state, form, query))
        case ["api", name, *rest] if name in BY_LOWER_NAME and len(rest) <= 1:
            body = await request.read()
            if request.method == "POST" and not request.content_type.endswith("json"):
                raise HaloError(415)
            return _resource(state, request, BY_LOWER_NAME[name], rest[0] if rest else "", query, body)
    if parts[:1] == ["api"]:
        signin.granted(state, request.headers.get("Authorization", ""))
    raise not_found()


def _resource(
    state: HaloState,
    request: web.Request,
    resource: Resource,
    tail: str,
    query: Mapping[str, str],
    body: bytes,
) -> web.Response:
    """One call of the API. Nothing in here waits, so each call is seen whole or not at all."""
    _count(state)
    grant = signin.granted(state, request.headers.get("Authorization", ""))
    if request.method == "GET":
        rights = signin.permit(state, grant, resource, "read")
        if not tail:
            return _json(answer_list(state, resource, query, rights.rows.get(resource.name)))
        return _json(_one(state, resource, tail, query, rights))
    if request.method == "POST":
        return _post(state, grant, resource, tail, body)
    if request.method == "DELETE" and tail and not resource.read_only and resource.name != "Control":
        rights = signin.permit(state, grant, resource, "edit")
        key = _key(resource, tail, query)
        _seen(state, resource, key, rights)
        with state.transaction():
            delete(state, resource, key)
        return web.Response(status=200)
    raise HaloError(405)


def _post(state: HaloState, grant: Grant, resource: Resource, tail: str, body: bytes) -> web.Response:
    if resource.read_only or (tail and tail not in COMMANDS):
        raise HaloError(405)
    signin.permit(state, grant, resource, "edit")
    elements = read_json(body)
    if not isinstance(elements, list):
        raise refused(
            "Cannot deserialize the current JSON object because the type requires a JSON array (e.g. [1,2,3]).",
            "Message",
        )
    if not elements:
        raise refused("No data was sent.", "plain")
    if tail == "updatelines" and resource.name == "Invoice":
        rows = [_line(state, row) for row in update_lines(state, elements)]
    elif tail == "newaccountsid" and resource.name in ("Client", "Item"):
        rows = [
            detail(state, resource, row, include_details=True)
            for row in new_accounts_ids(state, resource, elements)
        ]
    elif tail:
        raise not_found()
    else:
        rows = [
            detail(state, resource, row, include_details=True)
            for row in save_array(state, resource, elements)
        ]
    shown: Any = rows[0] if len(rows) == 1 and state.switch("one_as_object") else rows
    return _json(shown, int(state.switch("post_status")))


def _line(state: HaloState, row: dict[str, Any]) -> dict[str, Any]:
    """A line as it stands in an invoice's answer."""
    shown = detail(state, BY_LOWER_NAME["recurringinvoice"], {"lines": [row]}, include_details=True)
    line: dict[str, Any] = shown["lines"][0]
    return line


def _one(
    state: HaloState, resource: Resource, tail: str, query: Mapping[str, str], rights: Rights
) -> dict[str, Any]:
    key = _key(resource, tail, query)
    if resource.name == "Address":
        row = addresses(state).get(key)
    else:
        row = state.find(resource.name, key)
    if row is None:
        raise not_found()
    _seen(state, resource, key, rights)
    wanted = query.get("includedetails", "").lower() in ("true", "1")
    return detail(state, resource, row, include_details=wanted)


def _seen(state: HaloState, resource: Resource, key: Key, rights: Rights) -> None:
    """An agent who lost a permission does not see records beyond the first few."""
    limit = rights.rows.get(resource.name)
    if limit is None or state.find(resource.name, key) is None:
        return
    if key not in visible_ids(state, resource, limit):
        raise HaloError(rights.hidden_status)


def _key(resource: Resource, tail: str, query: Mapping[str, str]) -> Key:
    if resource.name == "Webhook":
        return tail
    if not tail.isdecimal():
        raise not_found()
    if resource.name == "Lookup":
        listed = query.get("lookupid", "")
        return (int(listed) if listed.isdecimal() else 0, int(tail))
    return int(tail)


def _count(state: HaloState) -> None:
    """The rate limit, over a sliding window; off by default."""
    if not state.switch("rate_limit"):
        return
    now = state.world.clock.now()
    since = now - timedelta(seconds=float(state.switch("rate_limit_seconds")))
    state.request_times[:] = [moment for moment in state.request_times if moment > since]
    if len(state.request_times) >= int(state.switch("rate_limit_requests")):
        raise HaloError(429, "Too many requests", "plain")
    state.request_times.append(now)


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=write_json(value), content_type="application/json", charset="utf-8"
    )
