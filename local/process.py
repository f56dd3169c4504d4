"""A host as a process of its own: what tests and the demonstration start, stop and kill."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from local.ports import bind

ROOT = Path(__file__).parents[1]
START_SECONDS = 30.0


class HostDied(Exception):
    """The host ended before it was ready; the text is what it said."""


class HostProcess:
    """`python -m local` for one app folder.

    The address is known before the start, so settings may contain it. `start` may be called again after `stop` or
    `kill`: the host comes back at the same address. Settings come from `env` over this process's environment.
    """

    def __init__(
        self,
        app: Path,
        env: Mapping[str, str] | None = None,
        *,
        port: int = 0,
        patience: float = 10,
        settings_file: Path | None = None,
    ) -> None:
        self.app = app
        self.env: dict[str, str] = dict(env or {})
        self.patience = patience
        self.settings_file = settings_file or app / "local.settings.json"
        self.logs: list[str] = []
        self._answered = False
        self.functions: list[str] = []
        # Bound, never listening: keeps the port ours between a kill and the next start.
        self._reserved = bind(port)
        self.port = int(self._reserved.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        if sys.platform != "linux":  # elsewhere a second socket may not share the address
            self._reserved.close()
        self._process: subprocess.Popen[str] | None = None
        self._readers: list[threading.Thread] = []

    def start(self) -> Self:
        """Start the host and wait until it answers. Raises `HostDied`."""
        if self.running:
            raise RuntimeError("The host is running already.")
        command = [sys.executable, "-m", "local", "--app", str(self.app), "--port", str(self.port)]
        command += ["--settings", str(self.settings_file)]
        command += ["--patience", str(self.patience), "--watch-stdin"]
        paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, **self.env, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
            start_new_session=True,
        )
        self._answered = False
        ready = threading.Event()
        self._readers = [
            threading.Thread(target=self._read_ready, args=(self._process.stdout, ready), daemon=True),
            threading.Thread(target=self._read_logs, args=(self._process.stderr,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        if not ready.wait(START_SECONDS) or not self._answered:
            self.kill()
            raise HostDied("\n".join(self.logs[-30:]) or "The host said nothing.")
        return self

    @property
    def running(self) -> bool:
        """Whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the host that was started last."""
        if self._process is None:
            raise RuntimeError("The host was never started.")
        return self._process.pid

    def stop(self, seconds: float | None = None) -> int:
        """Ask it to end (SIGTERM) and wait; kills it after `patience` and ten seconds more. The exit code."""
        return self._end(signal.SIGTERM, (self.patience + 10) if seconds is None else seconds)

    def kill(self) -> int:
        """SIGKILL, as a platform that takes the machine away. The exit code."""
        return self._end(signal.SIGKILL, 10)

    def wait(self, seconds: float) -> int:
        """Wait for it to end by itself. Raises `subprocess.TimeoutExpired`."""
        assert self._process is not None
        return self._process.wait(seconds)

    def close(self) -> None:
        """Stop it and give the port back."""
        self.stop()
        self._reserved.close()

    def events(self) -> list[dict[str, Any]]:
        """The log lines that are JSON objects, parsed."""
        return [json.loads(line) for line in list(self.logs) if line.startswith("{")]

    def __enter__(self) -> Self:
        return self if self.running else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _end(self, number: signal.Signals, seconds: float) -> int:
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(number)
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(10)
        for reader in self._readers:
            reader.join(2)
        if self._process.stdin is not None:
            self._process.stdin.close()
        return self._process.returncode

    def _read_ready(self, output: IO[str] | None, ready: threading.Event) -> None:
        assert output is not None
        for line in output:
            if not ready.is_set() and line.startswith('{"url"'):
                self._answered = True
                self.functions = json.loads(line)["functions"]
                ready.set()
            else:
                self.logs.append(line.rstrip("\n"))  # the app printed
        ready.set()

    def _read_logs(self, output: IO[str] | None) -> None:
        assert output is not None
        for line in output:
            self.logs.append(line.rstrip("\n"))
