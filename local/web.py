"""HTTP triggers and the host's own `/admin` calls, on aiohttp."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from aiohttp import web
from multidict import CIMultiDict

from local.answers import to_response
from local.invoker import Invoker
from local.keys import Keys
from local.protos import RpcHttp, TypedData
from local.routes import Route, Table, split_path
from local.work import Work
from local.worker import Function, FunctionFailed

log = logging.getLogger("local.http")

LARGEST_BODY = 210 * 1024 * 1024
LONGEST_ANSWER = 230.0
RESERVED = ("admin", "runtime")


class Web:
    """Answers every request: `/admin` itself, everything else through the routes of the app."""

    def __init__(
        self,
        functions: Mapping[str, Function],
        *,
        routed: Iterable[Function],
        prefix: str,
        homepage: bool,
        keys: Keys,
        invoker: Invoker,
        work: Work,
        run_by_hand: Callable[[Function, str], Awaitable[None]],
    ) -> None:
        self._functions = functions
        self._table = Table(route(function, prefix) for function in routed)
        self._homepage = homepage
        self._keys = keys
        self._invoker = invoker
        self._work = work
        self._run_by_hand = run_by_hand

    def application(self) -> web.Application:
        """The aiohttp application; a body over 210 MB is answered with 413."""
        application = web.Application(client_max_size=LARGEST_BODY)
        application.router.add_route("*", r"/{path:[\s\S]*}", self.answer)
        return application

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one request."""
        path = split_path(request.rel_url.raw_path)
        if path and path[0].lower() in RESERVED:
            return await self._admin(request, [part.lower() for part in path[:2]] + path[2:])
        if not path and self._homepage:
            return web.Response(text="Your Functions app is up and running.\n")
        found = self._table.find(request.method, path)
        if isinstance(found, frozenset):
            headers = {"Allow": ", ".join(sorted(found))}
            return web.Response(status=405, headers=headers) if found else web.Response(status=404)
        function, parameters = found
        level = str(function.trigger.get("authLevel") or "function")
        if not self._keys.allow(level, function.name, presented_key(request)):
            return web.Response(status=401)
        return await self._call(function, request, parameters)

    async def _call(
        self, function: Function, request: web.Request, parameters: Mapping[str, str]
    ) -> web.Response:
        data = TypedData(http=await to_rpc(request, parameters))
        # A task of its own: a caller who hangs up does not stop the function.
        running = self._work.begin(
            self._invoker.run(function, data, trace_parent=request.headers.get("traceparent"))
        )
        try:
            answer = await asyncio.wait_for(asyncio.shield(running), LONGEST_ANSWER)
        except FunctionFailed:
            return web.Response(status=500)
        except TimeoutError:
            return web.Response(status=504)
        name = next(
            (name for name, output in function.outputs.items() if output["type"] == "http"), "$return"
        )
        return to_response(answer.outputs.get(name))

    async def _admin(self, request: web.Request, path: list[str]) -> web.Response:
        if not self._keys.is_master(presented_key(request)):
            return web.Response(status=401)
        match (request.method, *path):
            case ("GET", "admin", "host", "status"):
                return web.json_response({"state": "Running", "version": "4.0", "id": "local", "errors": []})
            case ("GET" | "POST", "admin", "host", "ping"):
                return web.Response()
            case ("GET", "admin", "functions"):
                return web.json_response([describe(function) for function in self._functions.values()])
            case ("POST", "admin", "functions", name):
                return await self._start_by_hand(request, name)
        return web.Response(status=404)

    async def _start_by_hand(self, request: web.Request, name: str) -> web.Response:
        function = next((f for f in self._functions.values() if f.name.lower() == name.lower()), None)
        if function is None or function.kind == "httpTrigger":
            return web.Response(status=404)
        try:
            content = json.loads(await request.read() or b"{}")
        except ValueError:
            return web.Response(status=400)
        value = content.get("input") if isinstance(content, dict) else None
        text = value if isinstance(value, str) else "" if value is None else json.dumps(value)
        self._work.begin(_quietly(self._run_by_hand(function, text)))
        return web.Response(status=202)


def route(function: Function, prefix: str) -> Route[Function]:
    """The route of an HTTP function: its own or its name, under the prefix."""
    template = str(function.trigger.get("route") or function.name).strip("/")
    methods = frozenset(str(method).upper() for method in function.trigger.get("methods") or ())
    found = Route("/".join(part for part in (prefix, template) if part), methods, function)
    _ = found.segments  # a template that cannot be read must stop the start, not the first request
    return found


def presented_key(request: web.Request) -> str:
    """The key a caller gives, as header or as query parameter."""
    return request.headers.get("x-functions-key") or request.query.get("code", "")


async def to_rpc(request: web.Request, parameters: Mapping[str, str]) -> RpcHttp:
    """The request as the worker gets it from the real host.

    Header names in lower case; repeated headers and query parameters joined by commas (cookies by semicolons);
    query parameters without a value are left out.
    """
    query: dict[str, str] = {}
    for name in dict.fromkeys(request.query):
        if value := ",".join(request.query.getall(name)):
            query[name] = value
    return RpcHttp(
        method=request.method,
        url=str(request.url),
        headers=joined(request.headers),
        params=dict(parameters),
        query=query,
        body=TypedData(bytes=await request.read()),
    )


def joined(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers as one value for each lower-case name."""
    collected = CIMultiDict(headers.items())
    names = dict.fromkeys(name.lower() for name in collected)
    return {name: ("; " if name == "cookie" else ",").join(collected.getall(name)) for name in names}


def describe(function: Function) -> dict[str, Any]:
    """A function as `GET /admin/functions` shows it."""
    return {"name": function.name, "config": {"bindings": [function.trigger, *function.outputs.values()]}}


async def _quietly(run: Awaitable[None]) -> None:
    try:
        await run
    except FunctionFailed:
        return  # the invoker has logged it
