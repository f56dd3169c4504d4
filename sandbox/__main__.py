"""`python -m sandbox`: serve a world until SIGTERM or SIGINT; prints one line of JSON once it listens."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import threading
from pathlib import Path

import aiohttp

from sandbox.control import describe
from sandbox.server import SERVICES, running
from sandbox.world import DEFAULT_SEED, World

WEBHOOK_ENTITIES = ("customer", "product", "invoice")


def main() -> int:
    options = _parser().parse_args()
    try:
        return asyncio.run(_serve(options))
    except OSError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    for name in (*SERVICES, "control"):
        parser.add_argument(
            f"--port-{name}", type=int, default=0, metavar="N", help="0 (default): a free one"
        )
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="fixes the data")
    parser.add_argument("--scale", type=int, default=1, help="multiplies the data")
    parser.add_argument("--webhook-url", help="where Halo's webhooks call, with its function key")
    parser.add_argument(
        "--redirect-uri", action="append", default=[], help="register it with every app at Entra"
    )
    parser.add_argument("--ca-dir", type=Path, help="keep the CA's files here")
    parser.add_argument("--with-parent", action="store_true", help="end when stdin closes")
    return parser


async def _serve(options: argparse.Namespace) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if options.with_parent:
        _watch_stdin(loop, stop)
    ports = {name: getattr(options, f"port_{name}") for name in (*SERVICES, "control")}
    world = World(options.seed, options.scale)
    async with running(world, ports, ca_dir=options.ca_dir):
        await _prepare(world, options)
        print(json.dumps(describe(world)), flush=True)
        await stop.wait()
    return 0


def _watch_stdin(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    def read_to_the_end() -> None:
        while os.read(0, 4096):  # not through sys.stdin: its lock would be held when the interpreter ends
            pass
        loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=read_to_the_end, daemon=True).start()


async def _prepare(world: World, options: argparse.Namespace) -> None:
    """What the command line asks for goes the same way as any other wish: through the control server."""
    async with aiohttp.ClientSession(world.urls["control"], raise_for_status=True) as http:
        if options.redirect_uri:
            await http.post("/entra/redirect-uris", json={"add": options.redirect_uri})
        if options.webhook_url:
            await http.put("/halo/webhooks", json=_webhooks(options.webhook_url))


def _webhooks(url: str) -> list[dict[str, str | bool]]:
    """One webhook for each kind, its kind in the address, as the set-up guide has people enter them."""
    joint = "&" if "?" in url else "?"
    return [
        {
            "url": f"{url}{joint}entity={entity}&operation=upsert",
            "entity": entity,
            "format": "event",
            "batch": False,
        }
        for entity in WEBHOOK_ENTITIES
    ]


if __name__ == "__main__":
    sys.exit(main())
