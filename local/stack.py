"""Everything on one machine: Azurite, the sandbox and one or more hosts. What `make run` shows and tests drive."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import IO, Any, Self

import httpx
from cryptography.fernet import Fernet

from local.process import ROOT, HostProcess

START_SECONDS = 30.0


class SandboxDied(Exception):
    """The sandbox ended before it was ready; the text is what it said."""


class Sandbox:
    """`python -m sandbox` as a process of its own; gone with its parent."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "--with-parent", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            start_new_session=True,
        )
        self.logs: list[str] = []
        assert self._process.stdout is not None
        threading.Thread(target=self._read, args=(self._process.stderr,), daemon=True).start()
        line = self._process.stdout.readline()
        if not line.startswith("{"):
            self._process.wait(5)
            raise SandboxDied("\n".join([line.strip(), *self.logs]).strip())
        self.facts: dict[str, Any] = json.loads(line)
        self.control = httpx.Client(base_url=self.facts["urls"]["control"], timeout=30)

    def url(self, service: str) -> str:
        return str(self.facts["urls"][service])

    def reset(self) -> None:
        """A world as new: data, switches, faults, log and counters."""
        self.control.post("/reset", json={}).raise_for_status()

    def stop(self) -> None:
        self.control.close()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _read(self, stream: IO[str] | None) -> None:
        assert stream is not None
        for line in stream:
            self.logs.append(line.rstrip("\n"))


class App:
    """The app on one local host, wired to the sandbox and to storage of its own."""

    def __init__(
        self, sandbox: Sandbox, storage: str, *, port: int = 0, env: Mapping[str, str] | None = None
    ) -> None:
        self.sandbox = sandbox
        self.admin_key = secrets.token_urlsafe(24)
        self.function_key = secrets.token_urlsafe(24)
        self.host = HostProcess(ROOT, {}, port=port, patience=3, settings_file=ROOT / ".local" / "none.json")
        halo = sandbox.facts["halo"]
        self.host.env.update(
            {
                "AzureWebJobsStorage": storage,
                "PUBLIC_URL": self.host.url,
                "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
                "ADMIN_KEY": self.admin_key,
                "HALO_URL": sandbox.url("halo"),
                "HALO_CLIENT_ID": halo["client_id"],
                "HALO_CLIENT_SECRET": halo["client_secret"],
                "HALO_TENANT": halo["tenant"],
                "BC_API_URL": sandbox.url("bc"),
                "AZURE_AUTHORITY_HOST": sandbox.url("entra"),
                "SSL_CERT_FILE": sandbox.facts["ca_bundle"],
                "REQUESTS_CA_BUNDLE": sandbox.facts["ca_bundle"],
                "LOCAL_FUNCTION_KEY": self.function_key,
                "LOCAL_MASTER_KEY": secrets.token_urlsafe(24),
                "AzureWebJobsDisableHomepage": "true",
                **(env or {}),
            }
        )
        redirect = {"add": [f"{self.host.url}/auth/callback"]}
        sandbox.control.post("/entra/redirect-uris", json=redirect).raise_for_status()
        self.api = httpx.Client(
            base_url=self.host.url,
            headers={"x-admin-key": self.admin_key},
            timeout=60,
            follow_redirects=False,
        )

    @property
    def webhook_url(self) -> str:
        """What is entered in Halo for its webhooks, function key included."""
        return f"{self.host.url}/halo/events?code={self.function_key}"

    def another(self) -> App:
        """A second host of the same app on the same storage (scale-out)."""
        other = App(self.sandbox, self.host.env["AzureWebJobsStorage"])
        shared = ("ENCRYPTION_KEYS", "ADMIN_KEY", "LOCAL_FUNCTION_KEY", "LOCAL_MASTER_KEY")
        other.host.env.update({name: self.host.env[name] for name in shared})
        other.admin_key, other.function_key = self.admin_key, self.function_key
        other.api.headers["x-admin-key"] = self.admin_key
        return other

    def wake(self) -> None:
        """Run the pump's one-minute safety net now, through the host's own admin call."""
        answer = httpx.post(
            f"{self.host.url}/admin/functions/wake_pump",
            json={"input": ""},
            headers={"x-functions-key": self.host.env["LOCAL_MASTER_KEY"]},
        )
        answer.raise_for_status()

    def start(self) -> Self:
        self.host.start()
        return self

    def close(self) -> None:
        self.api.close()
        self.host.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
