"""A proxy for clients that know only Halo's cloud address: what they send to it arrives at the sandbox.

Such a client is told of it as of any company proxy, by HTTPS_PROXY and REQUESTS_CA_BUNDLE; nothing of it is changed.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import trustme


@dataclass(frozen=True)
class Doorway:
    """`url` is the proxy's address, `ca` the PEM file of whom to trust."""

    url: str
    ca: str


@asynccontextmanager
async def doorway(host: str, target: str, folder: Path) -> AsyncIterator[Doorway]:
    """Serve `https://host` out of the plain `target` address, to those who come through the proxy."""
    authority = trustme.CA()
    ca = folder / "doorway-ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(tls)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await _connect(reader, writer, host, target, tls)
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield Doorway(f"http://127.0.0.1:{port}", str(ca))
    server.close()
    for task in list(tasks):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _connect(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, target: str, tls: ssl.SSLContext
) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    wanted = head.split(" ")[1].rpartition(":")[0]
    if not head.startswith("CONNECT ") or wanted != host:
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        return
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await writer.drain()
    await writer.start_tls(tls)
    address = urlsplit(target)
    inner_reader, inner_writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_pipe(reader, inner_writer))
            both.create_task(_pipe(inner_reader, writer))
    finally:
        inner_writer.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while block := await reader.read(65536):
        writer.write(block)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
    else:
        writer.close()
