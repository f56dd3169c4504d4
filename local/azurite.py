"""Azurite, Microsoft's storage emulator: installed on first use, started on free ports, gone with its parent."""

import atexit
import base64
import functools
import hashlib
import os
import re
import secrets
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

from local import node
from local.settings import BadConfiguration

SOURCE = Path(__file__).parent / "azurite"
INSTALLED = Path(__file__).parents[1] / ".local"
START_SECONDS = 60
_LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at (http://\S+)")


class Azurite:
    """One running Azurite with as many storage accounts as asked for.

    Each account is empty and apart from the others, so a test can have storage of its own without a restart.
    With `location` the data outlives the process, else it lives in memory.
    """

    def __init__(self, location: Path | None = None) -> None:
        self._location = location
        self._process: subprocess.Popen[str] | None = None
        self._addresses: dict[str, str] = {}
        self._keys: list[str] = []
        self._next = 0

    def start(self, accounts: int = 1) -> None:
        """Start it and wait until blobs, queues and tables answer. Raises `BadConfiguration`."""
        found = install()
        self._keys = [self._key(number) for number in range(accounts)]
        self._next = 0
        command = [found.node, "--require", str(SOURCE / "stop-with-parent.cjs"), str(_script())]
        command += ["--silent", "--skipApiVersionCheck", "--disableTelemetry"]
        for service in ("blob", "queue", "table"):
            command += [f"--{service}Host", "127.0.0.1", f"--{service}Port", "0"]
        command += ["--location", str(self._location)] if self._location else ["--inMemoryPersistence"]
        named = ";".join(f"{_name(number)}:{key}" for number, key in enumerate(self._keys))
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "AZURITE_ACCOUNTS": named},
            start_new_session=True,  # Ctrl-C is for the host, which stops us when it is done
        )
        assert self._process.stdout is not None
        self._await(self._process.stdout)

    def connection_string(self, account: int = 0) -> str:
        """The connection string of one account."""
        name = _name(account)
        ends = ";".join(f"{service}Endpoint={address}/{name}" for service, address in self._addresses.items())
        return f"DefaultEndpointsProtocol=http;AccountName={name};AccountKey={self._keys[account]};{ends};"

    def fresh(self) -> str:
        """The connection string of an account nobody has asked for yet. Raises `IndexError` when none is left."""
        self._next += 1
        return self.connection_string(self._next - 1)

    def signal(self, number: int) -> None:
        """Send it a signal, for what a measurement has loaded into it."""
        if self._process is not None:
            self._process.send_signal(number)

    def stop(self) -> None:
        """End it. Safe to call twice."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process = None

    def _await(self, output: IO[str]) -> None:
        said: list[str] = []
        patience = threading.Timer(START_SECONDS, self._process.kill if self._process else lambda: None)
        patience.daemon = True
        patience.start()
        for line in output:
            said.append(line.strip())
            if found := _LISTENING.search(line):
                self._addresses[found[1]] = found[2]
            if len(self._addresses) == 3:
                break
        patience.cancel()
        if len(self._addresses) < 3:
            self.stop()
            raise BadConfiguration(f"Azurite does not start: {' '.join(said)[-500:] or 'it said nothing'}")
        threading.Thread(target=_drain, args=(output,), daemon=True).start()

    def _key(self, number: int) -> str:
        if self._location is None:
            return base64.b64encode(secrets.token_bytes(24)).decode()
        # Kept data must stay readable: the key of an account on disk follows from where it lies.
        seed = f"{self._location.resolve()} {number}".encode()
        return base64.b64encode(hashlib.sha256(seed).digest()).decode()


@functools.cache
def shared(accounts: int = 1000) -> Azurite:
    """One Azurite for this whole process, started on first use: tests take `fresh()` accounts from it."""
    azurite = Azurite()
    azurite.start(accounts)
    atexit.register(azurite.stop)
    return azurite


def install() -> node.Node:
    """Find Node.js and put the locked Azurite into `.local`, once. Raises `BadConfiguration`."""
    return node.install(SOURCE, INSTALLED / "azurite", _script())


def _script() -> Path:
    return INSTALLED / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "azurite.js"


def _name(number: int) -> str:
    return f"account{number}"


def _drain(output: IO[str]) -> None:
    try:
        for _ in output:
            pass
    except ValueError:
        return  # closed by stop()


if __name__ == "__main__":
    try:
        install()
    except BadConfiguration as error:
        sys.exit(str(error))
