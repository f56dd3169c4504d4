"""The one middleware of each simulated service: it logs, counts, and lets faults happen."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from sandbox.faults import ANSWERING, WAITING, Fault, Held
from sandbox.records import KIND
from sandbox.world import World

_POLL = 0.02  # seconds between looks whether the client of a held request is still there


def observed(world: World, service: str) -> Middleware:
    """Log and count each request of `service`, and apply the faults that it meets.

    A request that is handled is handled to its end, also when its client has gone: what it changed stays.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        body = await request.read()
        entry = world.log.open(
            service=service,
            method=request.method,
            path=request.path,
            query=request.query_string,
            kind=world.kind_of(service, request.method, request.path),
            headers=_shown(request),
            body=body,
            started=world.clock.now(),
        )
        faults = world.faults.meet(service, request.method, request.path_qs, body.decode("utf-8", "replace"))
        entry.fault = ", ".join(f"{fault.id} {fault.kind} {fault.when}" for fault in faults) or None
        counters = world.counters.of(service)
        counters.requests += 1
        counters.running += 1
        counters.max_concurrent = max(counters.max_concurrent, counters.running)
        try:
            response = await _faulty(world, service, request, handler, faults)
            entry.status = None if _dropped(faults) else response.status
            return response
        except Exception:
            entry.status = 500  # aiohttp answers so, and prints the traceback
            raise
        finally:
            entry.ended = world.clock.now()
            entry.kind = request.get(KIND) or entry.kind
            counters = world.counters.of(service)  # they may have been cleared meanwhile
            counters.running -= 1
            counters.by_kind[entry.kind] += 1
            counters.statuses[str(entry.status or "dropped")] += 1

    return middleware


def _shown(request: web.Request) -> dict[str, str]:
    """The headers, lower-case, with the bearer's or password's value left out."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    if "authorization" in headers:
        headers["authorization"] = headers["authorization"].split(" ", 1)[0] + " (left out)"
    return headers


def _dropped(faults: list[Fault]) -> bool:
    return any(fault.kind == "drop" for fault in faults)


async def _faulty(
    world: World, service: str, request: web.Request, handler: Handler, faults: list[Fault]
) -> web.StreamResponse:
    waiting = next((fault for fault in faults if fault.kind in WAITING), None)
    answering = next((fault for fault in faults if fault.kind in ANSWERING), None)
    if waiting and waiting.when == "before" and not await _wait(world, service, request, waiting):
        return web.Response(status=499)  # the client left before anything was done
    if answering and answering.when == "before":
        return await _instead(request, answering.action, None)
    response = await _handled(request, handler)
    if waiting and waiting.when == "after":
        await _wait(world, service, request, waiting)
    if answering and answering.when == "after":
        return await _instead(request, answering.action, response)
    return response


async def _handled(request: web.Request, handler: Handler) -> web.StreamResponse:
    async def handle() -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as answer:
            return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    return await asyncio.shield(asyncio.ensure_future(handle()))


async def _wait(world: World, service: str, request: web.Request, fault: Fault) -> bool:
    """Sleep or hold; False when a held request's client went away first."""
    if fault.kind == "latency":
        await asyncio.sleep(float(fault.action["seconds"]))
        return True
    held = Held(str(fault.action["name"]), service, request.method, request.path_qs)
    world.faults.held.append(held)
    try:
        while not held.released.is_set():
            if request.transport is None or request.transport.is_closing():
                return False
            await _released(held)
        return True
    finally:
        world.faults.held.remove(held)


async def _released(held: Held) -> None:
    try:
        async with asyncio.timeout(_POLL):
            await held.released.wait()
    except TimeoutError:
        return


async def _instead(
    request: web.Request, action: dict[str, Any], real: web.StreamResponse | None
) -> web.StreamResponse:
    """The answer that the fault puts in the place of the real one."""
    kind = action["kind"]
    if kind == "drop":
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=499)
    if kind == "truncate":
        return await _cut(request, real, int(action["bytes"]))
    if kind == "raw":
        return web.Response(
            status=int(action.get("status", 200)),
            body=str(action["body"]).encode(),
            content_type=str(action.get("content_type", "text/html")),
        )
    headers = {str(name): str(value) for name, value in dict(action.get("headers") or {}).items()}
    body = action.get("body")
    if body is None or isinstance(body, str):
        return web.Response(status=int(action["status"]), headers=headers, text=body)
    return web.json_response(body, status=int(action["status"]), headers=headers)


async def _cut(request: web.Request, real: web.StreamResponse | None, size: int) -> web.StreamResponse:
    """Announce the whole answer, send its first `size` bytes, and close the connection."""
    body = real.body if isinstance(real, web.Response) else b""
    whole = body if isinstance(body, bytes | bytearray) else b""
    status = real.status if real else 200
    cut = web.StreamResponse(status=status)
    if real is not None:
        cut.headers.update(
            {name: value for name, value in real.headers.items() if name.lower() != "content-length"}
        )
    cut.content_length = max(len(whole), size + 1)
    cut.force_close()
    await cut.prepare(request)
    await cut.write(bytes(whole[:size]))
    if request.transport is not None:
        request.transport.close()
    return cut
