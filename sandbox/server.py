"""Serves a world: one HTTP server for each service and one for control, all on 127.0.0.1."""

from __future__ import annotations

import importlib
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Protocol, cast

import certifi
import trustme
from aiohttp import web

from sandbox import control, play
from sandbox.observe import observed
from sandbox.world import World

HOST = "127.0.0.1"
SERVICES = ("entra", "bc", "halo")


class Service(Protocol):
    """What a service's package offers."""

    def app(self, world: World) -> web.Application: ...

    def control_routes(self, world: World) -> list[web.RouteDef]: ...


@asynccontextmanager
async def running(
    world: World,
    ports: Mapping[str, int] | None = None,
    *,
    services: Sequence[str] = SERVICES,
    ca_dir: Path | None = None,
) -> AsyncIterator[World]:
    """Serve `services` and control; `world.urls` and `world.ca_bundle` tell where, and whom to trust.

    `ports` by service name (0 or absent: a free one). `ca_dir` keeps the CA's files, else they are gone at the
    end. A busy port raises OSError before anything is served.
    """
    wanted = ports or {}
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(_folder(ca_dir))
        tls = _certificates(world, folder)
        mounted = []
        for name in services:
            service = cast("Service", importlib.import_module(f"sandbox.{name}"))
            application = service.app(world)
            application.middlewares.insert(0, observed(world, name))
            secure = tls if name == "entra" else None
            world.urls[name] = await stack.enter_async_context(
                _bound(application, wanted.get(name, 0), secure)
            )
            mounted.append((name, service.control_routes(world)))
        desk = control.app(world, mounted)
        if {"bc", "halo"} <= set(services):
            desk.add_routes(play.routes(world))
        world.urls["control"] = await stack.enter_async_context(_bound(desk, wanted.get("control", 0), None))
        try:
            yield world
        finally:
            world.faults.clear()  # nothing may stay held while the servers close


@asynccontextmanager
async def _bound(application: web.Application, port: int, tls: ssl.SSLContext | None) -> AsyncIterator[str]:
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port, ssl_context=tls, backlog=512).start()
        yield f"{'https' if tls else 'http'}://{HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="sandbox-ca-") as name:
        yield Path(name)


def _certificates(world: World, folder: Path) -> ssl.SSLContext:
    """A new CA, its bundle with the public CAs for `SSL_CERT_FILE`, and a context with a leaf for this machine."""
    authority = trustme.CA()
    bundle = folder / "ca-bundle.pem"
    bundle.write_bytes(Path(certifi.where()).read_bytes() + b"\n" + authority.cert_pem.bytes())
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    world.ca_bundle = str(bundle)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(HOST, "localhost").configure_cert(context)
    return context
