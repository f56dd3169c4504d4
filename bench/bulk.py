"""Twenty thousand records side by side: our import, other people's readers, and the floor. Requests, bytes, time, memory."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from bc.entities import customer, product
from bench.imports import ROOT
from bench.wire import Wire
from local.azurite import Azurite
from local.stack import App, Sandbox

PEERS = ("dlt", "pybusinesscentral")
PAGE, ARRAY, HALO_PAGE = 5_000, 50, 100


class Case(NamedTuple):
    """One list at one size: `scale` makes some `about` records of it in the sandbox's first company."""

    kind: str
    entity_set: str
    select: str
    scale: int
    about: int

    def named(self, first: bool) -> Sequence[str]:
        """The runs of ours: a first import and its repetition, or an import on links that are there already."""
        return ("ours, first import", "ours, again") if first else ("ours, all linked, nothing changed",)


CASES = (
    Case("customers", "customers", customer.SELECT, 34, 5_000),
    Case("customers", "customers", customer.SELECT, 134, 20_000),
    Case("products", "items", product.SELECT, 17, 5_000),
    Case("products", "items", product.SELECT, 67, 20_000),
)


class Measured(NamedTuple):
    """One line of the table."""

    reader: str
    records: int
    bc_requests: int
    received: int
    seconds: float
    growth: float
    peak: float
    note: str = ""


def tables(cases: Sequence[Case] = CASES, *, first_at_most: int = 5_000) -> None:
    """Measure every case and print its table. `first_at_most`: the largest case that is also imported for the first time."""
    with tempfile.TemporaryDirectory(prefix="bench-peers-") as folder:
        python = _peers(Path(folder))
        for case in cases:
            rows = list(_measured(case, python, first=case.about <= first_at_most))
            print(f"### {case.kind}, {rows[0].records:,} records\n")
            print("| reader | requests to BC | received | seconds | memory, growth | peak | |")
            print("|---|---|---|---|---|---|---|")
            for row in rows:
                print(
                    f"| {row.reader} | {row.bc_requests} | {row.received / 1e6:.1f} MB | {row.seconds:.1f} "
                    f"| {row.growth:.0f} MiB | {row.peak:.0f} MiB | {row.note} |"
                )
            print(flush=True)


def _peers(folder: Path) -> str:
    """A venv of their own: they are no part of the project."""
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "--quiet", *PEERS], check=True)
    return python


def _measured(case: Case, python: str, *, first: bool) -> Iterator[Measured]:
    with _house(case.scale) as (app, wire):
        connection = _connect(app)
        for reader in ("floor", *PEERS):
            if reader == "pybusinesscentral" and case.kind != "customers":
                continue  # it has no list of items
            runner = sys.executable if reader == "floor" else python
            yield _read(case, reader, runner, app.sandbox, wire)
        yield from _import(case, connection, app, wire, first=first)


@contextmanager
def _house(scale: int) -> Iterator[tuple[App, Wire]]:
    azurite = Azurite()
    azurite.start()
    sandbox = Sandbox("--scale", str(scale))
    try:
        with Wire(sandbox.url("bc")) as wire:
            wanted = {"BC_API_URL": wire.url, "HALO_REQUESTS_PER_5_MINUTES": "100000"}
            with App(sandbox, azurite.connection_string(), env=wanted) as app:
                yield app, wire
    finally:
        sandbox.stop()
        azurite.stop()


def _connect(app: App) -> str:
    """The first company in app mode, with a group for products; the host is stopped, the import runs alone."""
    facts = app.sandbox.facts
    application = next(one for one in facts["entra"]["apps"] if "API.ReadWrite.All" in one["roles"])
    body = {
        "name": "Bench",
        "tenant_id": facts["entra"]["tenants"][0]["id"],
        "client_id": application["client_id"],
        "client_secret": application["client_secrets"][0]["value"],
        "auth_mode": "app",
    }
    made = _answer(app.api.post("/api/connections", json=body))
    path = f"/api/connections/{made['id']}"
    _answer(app.api.post(f"{path}/authorize", json={}))
    environment = facts["bc"]["environments"][0]
    place = {"environment_name": environment["name"], "company_id": environment["companies"][0]["id"]}
    _answer(app.api.put(f"{path}/company", json=place))
    _answer(app.api.patch(path, json={"settings": {"item_default_group": "1"}}))
    app.host.stop()
    return str(made["id"])


def _answer(answer: httpx.Response) -> Any:
    answer.raise_for_status()
    return answer.json()


def _read(case: Case, reader: str, python: str, sandbox: Sandbox, wire: Wire) -> Measured:
    facts = sandbox.facts
    environment, tenant = facts["bc"]["environments"][0], facts["entra"]["tenants"][0]["id"]
    companies = environment["companies"]
    place = {
        "root": f"{wire.url}/v2.0/{tenant}/{environment['name']}/api/v2.0",
        "entity_set": case.entity_set,
        "token": token(sandbox),
        "select": case.select,
    }
    wanted = {
        "small": {**place, "company": companies[1]["id"]},
        "large": {**place, "company": companies[0]["id"]},
    }
    variables = {"BENCH_WANTED": json.dumps(wanted), "RUNTIME__DLTHUB_TELEMETRY": "false"}
    sandbox.control.delete("/counters")
    wire.clear()
    done = subprocess.run(
        [python, "-m", "bench.bulk_peers", reader],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{reader}: {done.stderr[-2000:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    # One request of the small company was to get ready.
    requests = _bc_requests(sandbox, case) - 1
    return Measured(
        reader, found["records"], requests, wire.received, found["seconds"], found["growth"], found["peak"]
    )


def token(sandbox: Sandbox) -> str:
    entra = sandbox.facts["entra"]
    application = next(one for one in entra["apps"] if "API.ReadWrite.All" in one["roles"])
    answer = httpx.post(
        f"{sandbox.url('entra')}/{entra['tenants'][0]['id']}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials",
            "client_id": application["client_id"],
            "client_secret": application["client_secrets"][0]["value"],
            "scope": "https://api.businesscentral.dynamics.com/.default",
        },
        verify=sandbox.facts["ca_bundle"],
    )
    return str(_answer(answer)["access_token"])


def _bc_requests(sandbox: Sandbox, case: Case) -> int:
    kinds: Mapping[str, int] = sandbox.control.get("/counters").json()["bc"]["by_kind"]
    return kinds.get(f"GET {case.entity_set}", 0)


def _import(case: Case, connection: str, app: App, wire: Wire, *, first: bool) -> Iterator[Measured]:
    environment = {**os.environ, **app.host.env}
    command = [sys.executable, "-m", "bench.bulk_ours", case.kind, connection]
    if not first:
        subprocess.run([*command, "seed"], cwd=ROOT, env=environment, check=True)
    with subprocess.Popen(
        [*command, "first" if first else "linked"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("no pipes")
        app.sandbox.control.delete("/counters")
        wire.clear()
        for name in case.named(first):
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the import ended early")
            found = json.loads(line)
            job = found["job"]
            yield Measured(
                name,
                job["done"],
                _bc_requests(app.sandbox, case),
                wire.received,
                found["seconds"],
                found["growth"],
                found["peak"],
                _note(app.sandbox, job, found["messages"]),
            )
            app.sandbox.control.delete("/counters")
            wire.clear()
            process.stdin.write("\n")
            process.stdin.flush()


def _note(sandbox: Sandbox, job: Mapping[str, Any], messages: int) -> str:
    kinds: Mapping[str, int] = sandbox.control.get("/counters").json()["halo"]["by_kind"]
    made = {name: job[name] for name in ("created", "updated", "unchanged", "skipped", "failed") if job[name]}
    changed = job["created"] + job["updated"]
    least = math.ceil(changed / ARRAY) + math.ceil(len_of(sandbox, job["kind"]) / HALO_PAGE)
    calls = ", ".join(f"{kind} {times}" for kind, times in sorted(kinds.items()) if "token" not in kind)
    counts = ", ".join(f"{number} {name}" for name, number in made.items())
    return f"{counts}; {messages} messages; Halo: {calls}; aim {least}"


def len_of(sandbox: Sandbox, kind: str) -> int:
    """How many records of the kind Halo lists."""
    resource = "Client" if kind == "customers" else "Item"
    return len(sandbox.control.get(f"/halo/raw/{resource}", timeout=120).json())
