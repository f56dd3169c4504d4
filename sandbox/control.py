"""The control server: plain JSON over HTTP to look into the sandbox, turn its switches and make faults.

Errors are `{"error": "what is wrong"}` with 400 or 404.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from sandbox.faults import BadFault
from sandbox.world import World


class BadRequest(Exception):
    """The caller's JSON makes no sense; the text says why."""


def app(world: World, mounted: Sequence[tuple[str, Sequence[web.RouteDef]]]) -> web.Application:
    """The control application; `mounted` are the services' own routes, put under `/{service}`."""
    application = web.Application(middlewares=[_errors], client_max_size=64 * 1024 * 1024)
    application.add_routes(_routes(world))
    for service, routes in mounted:
        application.add_routes([_under(service, route) for route in routes])
    return application


def describe(world: World) -> dict[str, Any]:
    """Addresses and everything needed to sign in: what `GET /` answers and `python -m sandbox` prints."""
    return {
        "urls": world.urls,
        "play": f"{world.urls.get('control', '')}/play",
        "ca_bundle": world.ca_bundle,
        "seed": world.seed,
        "scale": world.scale,
        **{service: read() for service, read in world.credentials.items()},
        "bc": {
            "tenant_id": world.data.bc.tenant_id,
            "environments": [
                {
                    "name": environment.name,
                    "type": environment.type,
                    "country": environment.country,
                    "companies": [
                        {
                            "id": company.id,
                            "name": company.name,
                            "display_name": company.display_name,
                            "currency": company.currency,
                            "tax": "VAT" if company.vat_in_use else "Sales Tax",
                        }
                        for company in environment.companies
                    ],
                }
                for environment in world.data.bc.environments
            ],
        },
        "halo": {
            "client_id": world.data.halo.client_id,
            "client_secret": world.data.halo.client_secret,
            "tenant": world.data.halo.tenant,
            "readonly_client_id": world.data.halo.readonly_client_id,
            "readonly_client_secret": world.data.halo.readonly_client_secret,
        },
    }


async def body_of(request: web.Request, *, default: Any = None) -> Any:
    """The request's JSON; `default` when it has no body. `BadRequest` when it is no JSON."""
    text = await request.text()
    if not text.strip():
        if default is None:
            raise BadRequest("a JSON body is needed")
        return default
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadRequest(f"no JSON: {error}") from error


async def object_of(request: web.Request) -> dict[str, Any]:
    """The request's JSON object; empty when it has no body."""
    body = await body_of(request, default={})
    if not isinstance(body, dict):
        raise BadRequest("a JSON object is needed")
    return body


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except (BadRequest, BadFault) as error:
        return web.json_response({"error": str(error)}, status=400)
    except web.HTTPError as error:
        if error.content_type == "application/json":
            return error
        return web.json_response({"error": error.text or error.reason}, status=error.status)


def _under(service: str, route: web.RouteDef) -> web.RouteDef:
    path = route.path if route.path.startswith(f"/{service}/") else f"/{service}{route.path}"
    return web.RouteDef(route.method, path, route.handler, route.kwargs)


def _routes(world: World) -> list[web.RouteDef]:
    return [*_world_routes(world), *_fault_routes(world), *_record_routes(world)]


def _world_routes(world: World) -> list[web.RouteDef]:
    async def show(_request: web.Request) -> web.Response:
        return web.json_response(describe(world))

    async def reset(request: web.Request) -> web.Response:
        wanted = await object_of(request)
        world.reset(_whole(wanted, "seed"), _whole(wanted, "scale"))
        return web.json_response(describe(world))

    async def switches(request: web.Request) -> web.Response:
        if request.method == "PUT":
            wanted = await object_of(request)
            unknown = sorted(set(wanted) - set(world.switches))
            if unknown:
                raise BadRequest(f"no such switch: {', '.join(unknown)}")
            world.switches.update(wanted)
        meanings = sorted(world.known_switches.values(), key=lambda switch: switch.name)
        return web.json_response(
            {
                switch.name: {
                    "value": world.switch(switch.name),
                    "default": switch.default,
                    "meaning": switch.meaning,
                }
                for switch in meanings
            }
        )

    async def clock(request: web.Request) -> web.Response:
        if request.method == "POST":
            seconds = (await object_of(request)).get("shift_seconds")
            if not isinstance(seconds, int | float):
                raise BadRequest("shift_seconds must be a number")
            world.clock.shift(seconds)
        return web.json_response({"now": world.clock.now().isoformat(), "shifted_by": world.clock.shifted_by})

    return [
        web.get("/", show),
        web.post("/reset", reset),
        web.get("/switches", switches),
        web.put("/switches", switches),
        web.get("/clock", clock),
        web.post("/clock", clock),
    ]


def _fault_routes(world: World) -> list[web.RouteDef]:
    async def add(request: web.Request) -> web.Response:
        wanted = await body_of(request)
        if isinstance(wanted, dict):
            return web.json_response({"id": world.faults.add(wanted).id}, status=201)
        if not isinstance(wanted, list) or not all(isinstance(one, dict) for one in wanted):
            raise BadRequest("a fault or a list of faults is needed")
        return web.json_response({"ids": [world.faults.add(one).id for one in wanted]}, status=201)

    async def show(_request: web.Request) -> web.Response:
        return web.json_response(
            {
                "faults": [fault.as_json() for fault in world.faults.rules],
                "held": [held.as_json() for held in world.faults.held],
            }
        )

    async def clear(_request: web.Request) -> web.Response:
        world.faults.clear()
        return web.json_response({"faults": [], "held": []})

    async def release(request: web.Request) -> web.Response:
        name = (await object_of(request)).get("name")
        if not isinstance(name, str):
            raise BadRequest("name is needed")
        return web.json_response({"released": world.faults.release(name)})

    return [
        web.post("/faults", add),
        web.get("/faults", show),
        web.delete("/faults", clear),
        web.post("/faults/release", release),
    ]


def _record_routes(world: World) -> list[web.RouteDef]:
    async def log(request: web.Request) -> web.Response:
        query = request.query
        try:
            entries = world.log.select(
                service=query.get("service", ""),
                method=query.get("method", ""),
                path=query.get("path", ""),
                kind=query.get("kind", ""),
                since=int(query.get("since", "0")),
            )
        except (ValueError, re.error) as error:
            raise BadRequest(f"cannot search the log: {error}") from error
        return web.json_response({"entries": [entry.as_json() for entry in entries]})

    async def clear_log(_request: web.Request) -> web.Response:
        world.log.clear()
        return web.json_response({"entries": []})

    async def counters(_request: web.Request) -> web.Response:
        return web.json_response(world.counters.as_json())

    async def clear_counters(_request: web.Request) -> web.Response:
        world.counters.clear()
        return web.json_response(world.counters.as_json())

    return [
        web.get("/log", log),
        web.delete("/log", clear_log),
        web.get("/counters", counters),
        web.delete("/counters", clear_counters),
    ]


def _whole(wanted: dict[str, Any], name: str) -> int | None:
    value = wanted.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        raise BadRequest(f"{name} must be a whole number")
    return value
