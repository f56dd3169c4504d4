"""A month's run at once: new invoices of ten lines through the whole house, beside the floor and a naive client."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx

from bc import settings
from bc.store import open_store
from bench.bulk import token
from bench.house import LINES, Pushes
from bench.imports import ROOT
from bench.machine import cpu_seconds, memory_of
from bench.wire import Wire
from local.azurite import Azurite
from local.stack import App, Sandbox

LATENCY = 0.12
HALO_CEILING, WINDOW = 450, 300
PATIENCE = 3600.0
LOOK_SECONDS = 0.25
SAVED_AT_ONCE = 100
TELLERS = 8
NAIVE_AT_MOST = 50
SETTINGS = {
    "HALO_SWEEP_MINUTES": "0",
    "HALO_REQUESTS_PER_5_MINUTES": "100000",
    "BC_REQUESTS_PER_5_MINUTES": "100000",
}


class Flood(NamedTuple):
    """What one flood took. `seconds`: from the first event until the last invoice stands in Business Central."""

    name: str
    invoices: int
    seconds: float
    quiet: float
    bc: int
    halo: int
    cpu: float
    stored: int
    stored_by_kind: Counter[str]
    halo_by_kind: Mapping[str, int]
    before: float
    peak: float
    edit: float | None


def tables(sizes: Sequence[int] = (1_000, 5_000)) -> None:
    """Measure each size with full list rows, the first also with thin ones, and print the table of each."""
    for number, size in enumerate(sizes):
        print(
            f"### {size:,} new invoices of {LINES} lines at once, {LATENCY * 1000:.0f} ms for a BC request\n"
        )
        print(
            "| who | seconds until all stand in BC | requests to BC | calls to Halo, each | our CPU, each "
            "| storage requests, each | memory before, peak | |"
        )
        print("|---|---|---|---|---|---|---|---|", flush=True)
        kinds: list[str] = []
        for thin in (False, True) if number == 0 else (False,):
            with _house(thin=thin) as house:
                if not thin:
                    for line in house.peers(size):
                        print(line, flush=True)
                found = house.flood(size)
                print(_line(found), flush=True)
                kinds.append(_kinds(found))
        print("\nRequests for each invoice, its echoes and the platform's share included:\n")
        for line in kinds:
            print(line)
        print(flush=True)


def _kinds(found: Flood) -> str:
    def each(kinds: Mapping[str, int]) -> str:
        most = sorted(kinds.items(), key=lambda pair: -pair[1])
        return ", ".join(f"{kind} {number / found.invoices:.2f}" for kind, number in most)

    return f"- {found.name}. Halo: {each(found.halo_by_kind)}. Storage: {each(found.stored_by_kind)}"


def _line(found: Flood) -> str:
    each = found.invoices
    # The first window is full at once; what is beyond it comes at the ceiling's pace.
    ceiling = max(0.0, (found.halo / HALO_CEILING - 1) * WINDOW)
    notes = [
        f"queue empty, echoes too, after {found.quiet:.0f} s",
        f"Halo's calls alone take {max(ceiling, 0):.0f} s at {HALO_CEILING} in 5 minutes (computed)",
    ]
    if found.edit is not None:
        notes.append(f"an edit by a person amid them: {found.edit:.1f} s")
    return (
        f"| {found.name} | {found.seconds:.1f} | {found.bc} | {found.halo / each:.2f} | {found.cpu / each * 1000:.1f} ms "
        f"| {found.stored / each:.1f} | {found.before:.0f}, {found.peak:.0f} MiB | {'; '.join(notes)} |"
    )


@contextmanager
def _house(*, thin: bool) -> Iterator[House]:
    with relayed(SETTINGS) as (app, wires, direct):
        house = House(app, wires, direct)
        house.prepare(thin=thin)
        yield house


@contextmanager
def relayed(env: Mapping[str, str]) -> Iterator[tuple[App, list[Wire], str]]:
    """The running app, the relays that count what it asks of storage, and an address of storage that is not counted."""
    azurite = Azurite()
    azurite.start()
    sandbox = Sandbox()
    wires: list[Wire] = []

    def through(match: re.Match[str]) -> str:
        wires.append(Wire(match[1]))
        return match[0].replace(match[1], wires[-1].url)

    direct = azurite.connection_string()
    counted = re.sub(r"(?:Table|Queue)Endpoint=(http://[^/;]+)", through, direct)
    try:
        with App(sandbox, counted, env=env) as app:
            yield app, wires, direct
    finally:
        sandbox.stop()
        azurite.stop()


def tell(app: App, ids: list[str]) -> None:
    """Halo's events for these invoices, sent by a process of its own, some at a time, each taken before this returns."""
    telling = subprocess.Popen(
        [sys.executable, "-m", "bench.flood", app.webhook_url], cwd=ROOT, stdin=subprocess.PIPE, text=True
    )
    telling.communicate(json.dumps(ids))


def is_quiet(app: App, storage: str) -> bool:
    """Whether nothing waits to be pushed."""
    return asyncio.run(_waiting(storage, app.host.env)) == 0


def until(is_so: Callable[[], bool], what: str) -> None:
    """Wait until it is so. Raises `RuntimeError` after an hour."""
    ends = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > ends:
            raise RuntimeError(f"Waited {PATIENCE:g} s for {what}.")
        time.sleep(LOOK_SECONDS)


class House:
    """The running house with one invoice synced, and what is counted around it."""

    def __init__(self, app: App, wires: list[Wire], storage: str) -> None:
        self._app, self._wires, self._storage = app, wires, storage
        self._control = app.sandbox.control
        self._pushes = Pushes(app)
        self._name = ""
        self._known = 0
        self._seen: dict[str, Any] = {}

    def prepare(self, *, thin: bool) -> None:
        self._name = f"ours, {'thin' if thin else 'full'} list rows"
        self._pushes.prepare()
        self._known = int(self._pushes.one()[1]["halo_id"])
        time.sleep(3)  # the echoes of its write-back
        entries = self._control.get("/log", params={"service": "bc", "method": "POST", "path": "batch"})
        self._seen = entries.json()["entries"][-1]
        switches = {"halo.thin_rows": thin, "bc.seconds_per_request": LATENCY}
        self._control.put("/switches", json=switches).raise_for_status()

    def peers(self, size: int) -> Iterator[str]:
        """The lines of the floor and of the naive client."""
        facts = self._app.sandbox.facts
        environment, tenant = facts["bc"]["environments"][0], facts["entra"]["tenants"][0]["id"]
        root = f"{self._app.sandbox.url('bc')}/v2.0/{tenant}/{environment['name']}/api/v2.0"
        company = f"{root}/companies({environment['companies'][0]['id']})"
        body = self._seen["body"]
        key = next(iter(re.findall(r"HALO-\d+", body)))
        invoice = next(row for row in self._rows("salesInvoices") if row["externalDocumentNumber"] == key)
        line = next(
            row
            for row in self._rows("salesInvoiceLines")
            if row["documentId"] == invoice["id"] and row["lineType"] == "Item"
        )
        place = {
            "token": token(self._app.sandbox),
            "batch_url": f"{root}/$batch",
            "company_url": company,
            "body": body,
            "key": key,
            "headers": {"Isolation": "snapshot"},
            "customer": invoice["customerNumber"],
            "item": line["lineObjectNumber"],
            "lines": LINES,
        }
        for who, count in (("floor", size), ("naive", min(size, NAIVE_AT_MOST))):
            self._control.delete("/counters")
            took = _apart(who, {**place, "count": count})
            requests = self._counted("bc")
            named = who if count == size else f"{who}, {count} of them"
            yield f"| {named} | {took:.1f} | {requests} | | | | | 5 in flight |"

    def flood(self, size: int) -> Flood:
        """Have the invoices saved, then told of by one event each, and wait until nothing is left to do."""
        self._control.put("/halo/webhooks", json=[]).raise_for_status()
        ids: list[str] = []
        for start in range(0, size, SAVED_AT_ONCE):
            many = [self._pushes.invoice() for _ in range(min(SAVED_AT_ONCE, size - start))]
            saved = (
                self._control.post("/halo/agent/Invoice", json=many, timeout=120).raise_for_status().json()
            )
            ids += [str(int(float(row["id"]))) for row in saved]
        self._pushes.enter_webhook()
        self._control.delete("/counters").raise_for_status()
        for wire in self._wires:
            wire.clear()
        pid = self._app.host.pid
        cpu, before = cpu_seconds(pid), (memory_of(pid) or (0.0, 0.0))[0]
        started = time.perf_counter()
        tell(self._app, ids)
        edit = self._edit(size)
        until(lambda: self._batches() >= size + (edit is not None), "the invoices in Business Central")
        seconds = time.perf_counter() - started
        until(lambda: is_quiet(self._app, self._storage), "an empty queue")
        quiet = time.perf_counter() - started
        found = Flood(
            self._name,
            size,
            seconds,
            quiet,
            self._counted("bc"),
            self._counted("halo"),
            cpu_seconds(pid) - cpu,
            sum(wire.requests for wire in self._wires),
            sum((wire.kinds for wire in self._wires), Counter()),
            self._by_kind("halo"),
            before,
            (memory_of(pid) or (0.0, 0.0))[1],
            edit,
        )
        self._check(ids)
        return found

    def _edit(self, size: int) -> float:
        """Seconds from a person's edit of an invoice synced before, half way through, until it stands in BC."""
        until(lambda: self._batches() >= size // 2, "half of the invoices")
        wanted = f"PO-{time.time():.0f}"
        changed = {"cust_order_number": wanted}
        started = time.perf_counter()
        self._control.patch(f"/halo/agent/Invoice/{self._known}", json=changed).raise_for_status()
        until(
            lambda: any(
                f'"{wanted}"' in entry["body"] and entry["status"]
                for entry in self._control.get(
                    "/log", params={"service": "bc", "path": "batch|salesInvoices"}
                ).json()["entries"][-20:]
            ),
            "the edit",
        )
        return time.perf_counter() - started

    def _batches(self) -> int:
        return sum(number for kind, number in self._by_kind("bc").items() if "$batch" in kind)

    def _by_kind(self, service: str) -> Mapping[str, int]:
        kinds: Mapping[str, int] = self._control.get("/counters").json()[service]["by_kind"]
        return kinds

    def _counted(self, service: str) -> int:
        return int(self._control.get("/counters").json()[service]["requests"])

    def _check(self, ids: list[str]) -> None:
        held = [row["externalDocumentNumber"] for row in self._rows("salesInvoices")]
        wanted = {f"HALO-{halo_id}" for halo_id in ids}
        found = [key for key in held if key in wanted]
        if len(found) != len(wanted) or len(set(found)) != len(wanted):
            raise RuntimeError(f"{len(found)} invoices under {len(set(found))} of {len(wanted)} keys")

    def _rows(self, entity_set: str) -> list[dict[str, Any]]:
        company = self._app.sandbox.facts["bc"]["environments"][0]["companies"][0]["id"]
        answer = self._control.get(f"/bc/{company}/{entity_set}", timeout=120).json()
        return list(answer["value"] if isinstance(answer, dict) else answer)


def _apart(who: str, place: Mapping[str, Any]) -> float:
    done = subprocess.run(
        [sys.executable, "-m", "bench.flood_peers", who],
        cwd=ROOT,
        env={**os.environ, "BENCH_WANTED": json.dumps(place)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{who}: {done.stderr[-2000:]}")
    return float(json.loads(done.stdout.splitlines()[-1])["seconds"])


async def _waiting(storage: str, env: Mapping[str, str]) -> int:
    store = open_store(settings.load({**env, "AzureWebJobsStorage": storage}))
    try:
        return await store.dirty.count()
    finally:
        await store.close()


async def _tell_all(url: str, ids: list[str]) -> None:
    """One event for each, as Halo sends them."""
    waiting = iter(ids)
    async with httpx.AsyncClient(timeout=120) as client:

        async def worker() -> None:
            for halo_id in waiting:
                event = {"event": "Invoice Updated", "invoice": {"id": int(halo_id)}}
                (await client.post(url, json=event)).raise_for_status()

        async with asyncio.TaskGroup() as group:
            for _ in range(TELLERS):
                group.create_task(worker())


if __name__ == "__main__":
    asyncio.run(_tell_all(sys.argv[1], json.load(sys.stdin)))
