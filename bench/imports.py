"""Importing `function_app` in fresh processes: wall time, the interpreter's own account of it, and memory."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
ROUNDS = 7
APP = "function_app"
FIRST_REQUEST = "bc.services"
_LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \| (\s*)(\S+)")


class Row(NamedTuple):
    """One line of the table."""

    what: str
    value: str
    note: str = ""


def rows() -> list[Row]:
    """Times are the best of `ROUNDS` processes, since other work on the machine can only add; the median stands beside."""
    bare = _wall("pass")
    app = _wall(f"import {APP}")
    first = _wall(f"import {APP}, {FIRST_REQUEST}, bc.functions.api; bc.functions.api.router()")
    cold = _without_bytecode(f"import {APP}")
    total, heaviest = _import_time()
    return [
        Row("bare interpreter", _ms(min(bare)), f"best of {ROUNDS} processes; median {_ms(median(bare))}"),
        Row(
            "import function_app",
            _ms(min(app) - min(bare)),
            f"on top of that; whole process {_ms(min(app))}, median {_ms(median(app))}",
        ),
        Row("import function_app, no bytecode yet", _ms(cold - min(bare)), "the first start of a deployment"),
        Row("import function_app by -X importtime", _ms(total), f"heaviest, in ms: {heaviest}"),
        Row(
            "and what the first request imports", _ms(min(first) - min(app)), "store, clients, engine, routes"
        ),
        Row("memory, bare interpreter", _peak("pass"), "peak resident set"),
        Row("memory after import function_app", _peak(f"import {APP}")),
        Row("memory after the first request's imports", _peak(f"import {APP}, {FIRST_REQUEST}")),
    ]


def _run(code: str, environment: Mapping[str, str] | None = None, *flags: str) -> tuple[float, str, str]:
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *flags, "-c", code],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=True,
    )
    return time.perf_counter() - started, done.stdout, done.stderr


def _wall(code: str) -> list[float]:
    _run(code)  # bytecode and disk cache as on a second start
    return [_run(code)[0] for _ in range(ROUNDS)]


def _without_bytecode(code: str) -> float:
    """Three starts, each with an empty bytecode folder: the interpreter compiles every module itself."""
    times = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as empty:
            times.append(_run(code, {"PYTHONPYCACHEPREFIX": empty})[0])
    return min(times)


def _import_time() -> tuple[float, str]:
    """Seconds that importing `function_app` takes by the interpreter's own account, and the heaviest packages in it."""
    reports = [_run(f"import {APP}", None, "-X", "importtime") for _ in range(3)]
    report = min(reports)[2]
    own: dict[str, int] = {}
    total = 0
    for line in report.splitlines():
        found = _LINE.match(line)
        if not found:
            continue
        name = found[4]
        package = ".".join(name.split(".")[:2]) if name.startswith("azure.") else name.split(".")[0]
        own[package] = own.get(package, 0) + int(found[1])
        if name == APP:
            total = int(found[2])
    heaviest = sorted(own, key=lambda package: -own[package])[:4]
    return total / 1e6, ", ".join(f"{name} {own[name] / 1000:.0f}" for name in heaviest)


def _peak(code: str) -> str:
    # Not getrusage: across fork and exec its maximum starts with the parent's.
    measured = f"{code}\nimport os; from bench.machine import memory_of; print(memory_of(os.getpid()))"
    printed = _run(measured)[1].strip()
    return "not told" if printed == "None" else f"{ast.literal_eval(printed)[1]:.0f} MiB"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
