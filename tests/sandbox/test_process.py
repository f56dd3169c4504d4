"""The sandbox as a process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[2]


async def start(*options: str, stdin: int | None = None) -> tuple[asyncio.subprocess.Process, dict[str, Any]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", *options, cwd=ROOT, stdin=stdin,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    async with asyncio.timeout(20):
        line = await process.stdout.readline()
    if not line:
        _, errors = await process.communicate()
        raise AssertionError(errors.decode())
    return process, json.loads(line)


async def test_the_process_says_where_it_is_serves_all_and_leaves_nothing_behind() -> None:
    uri, hook = "http://127.0.0.1:9/auth/callback", "http://127.0.0.1:9/halo/events?code=k"
    process, said = await start("--seed", "5", "--redirect-uri", uri, "--webhook-url", hook)
    try:
        assert set(said["urls"]) == {"bc", "halo", "entra", "control"}
        assert uri in said["entra"]["apps"][0]["redirect_uris"]
        bundle = Path(said["ca_bundle"])
        assert bundle.read_text().count("BEGIN CERTIFICATE") > 50
        async with httpx.AsyncClient() as http:
            assert (await http.get(said["urls"]["control"])).json()["seed"] == 5
            assert (await http.get(f"{said['urls']['halo']}/api/authinfo")).status_code == 200
            environments = f"{said['urls']['bc']}/environments/v1.1"
            assert (await http.get(environments)).status_code == 401
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(5):
            _, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")
    assert not bundle.exists()


async def test_the_process_ends_with_its_parent() -> None:
    reading, writing = os.pipe()
    process, _ = await start("--with-parent", stdin=reading)
    os.close(reading)
    os.close(writing)
    async with asyncio.timeout(5):
        await process.communicate()
    assert process.returncode == 0


async def test_a_busy_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        with pytest.raises(AssertionError) as failed:
            await start("--port-bc", port)
    assert len(str(failed.value).strip().splitlines()) == 1
    assert f"('127.0.0.1', {port})" in str(failed.value)
