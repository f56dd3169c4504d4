"""The page's files, and what it polls: pairs of records, one pair whole, and what happened since."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

from sandbox.bc.company import Company
from sandbox.bc.state import state_of as bc_of
from sandbox.halo.store import state_of as halo_of
from sandbox.halo.webhooks import courier_of
from sandbox.play.feed import feed
from sandbox.play.pairs import KINDS, Both, one, page
from sandbox.world import World

ASSETS = Path(__file__).parent / "assets"
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}

_encoder = msgspec.json.Encoder(decimal_format="number")


def routes(world: World) -> list[web.RouteDef]:
    """`GET /play` and its files; `GET /play/api/…` for its JSON."""
    files = {path.name: path for path in sorted(ASSETS.iterdir()) if path.is_file()}

    async def index(_request: web.Request) -> web.Response:
        return _file(files["index.html"])

    async def asset(request: web.Request) -> web.Response:
        found = files.get(request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound(text="no such file")
        return _file(found)

    async def companies(_request: web.Request) -> web.Response:
        return _json(
            [
                {
                    "id": company.id,
                    "name": company.name,
                    "environment": environment.name,
                    "currency": company.currency,
                }
                for environment in bc_of(world).environments.values()
                for company in environment.companies.values()
            ]
        )

    async def records(request: web.Request) -> web.Response:
        number = request.query.get("page", "1")
        return _json(
            page(
                _both(world, request),
                _kind(request),
                search=request.query.get("search", ""),
                number=int(number) if number.isdecimal() else 1,
            )
        )

    async def record(request: web.Request) -> web.Response:
        found = one(_both(world, request), _kind(request), request.match_info["key"])
        if found is None:
            raise web.HTTPNotFound(text="no such record in either system")
        return _json(found)

    async def happened(request: web.Request) -> web.Response:
        query = request.query
        since = [
            int(text) if (text := query.get(name, "0")).isdecimal() else 0
            for name in ("deliveries", "requests")
        ]
        return _json(feed(world, courier_of(halo_of(world)), since[0], since[1]))

    return [
        web.get("/play", index),
        web.get("/play/assets/{name}", asset),
        web.get("/play/api/companies", companies),
        web.get("/play/api/feed", happened),
        web.get("/play/api/{kind}", records),
        web.get("/play/api/{kind}/{key}", record),
    ]


def _both(world: World, request: web.Request) -> Both:
    return Both(halo_of(world), _company(world, request.query.get("company", "")))


def _company(world: World, wanted: str) -> Company:
    found = bc_of(world).company(wanted or world.data.bc.main_company.id)
    if found is None:
        raise web.HTTPNotFound(text=f"no company {wanted}")
    return found[1]


def _kind(request: web.Request) -> str:
    kind = request.match_info["kind"]
    if kind not in KINDS:
        raise web.HTTPNotFound(text=f"no such kind: {kind}")
    return kind


def _file(path: Path) -> web.Response:
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return web.Response(body=path.read_bytes(), content_type=kind, charset="utf-8", headers=HEADERS)


def _json(body: Any) -> web.Response:
    return web.Response(body=_encoder.encode(body), content_type="application/json", headers=HEADERS)
