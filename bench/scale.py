"""Two hundred companies: what each costs, and a day's share of fifty thousand invoices a month.

`python -m bench scale [CONNECTIONS [INVOICES_EACH]]`. Every connection has a principal of its own, the dearest case:
permits, budgets and tokens are kept for each. All lead to one company of the sandbox, since what is measured is this app
and the platform under it.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from statistics import median
from typing import Any

import httpx
from msgspec.structs import replace
from playwright.sync_api import expect

from bc import settings
from bc.store import open_store
from bench.flood import LATENCY, SAVED_AT_ONCE, is_quiet, relayed, tell, until
from bench.house import Pushes
from bench.imports import Row
from bench.machine import cpu_seconds, memory_of
from bench.wire import Wire
from local.stack import App
from tests.browser.visitor import Visitor, chromium

CONNECTIONS, EACH = 200, 2
# Azure's own: rows a second of one partition, requests a second of one account.
PARTITION_LIMIT, ACCOUNT_LIMIT = 2_000, 20_000
# Sweeps are asked for; the ceilings are out of the way, since calls are what is counted.
SETTINGS = {
    "HALO_SWEEP_MINUTES": "0",
    "HALO_REQUESTS_PER_5_MINUTES": "100000",
    "BC_REQUESTS_PER_5_MINUTES": "100000",
}
QUIET_SECONDS = 2
LONE = 3
PATIENCE = 600_000

type Table = tuple[str, list[Row]]


def tables(connections: int = CONNECTIONS, each: int = EACH) -> Iterator[Table]:
    """One table after the other: what is the same work with one connection and with many, a day's share, the pages."""
    with relayed(SETTINGS) as (app, wires, storage):
        scale = Scale(app, wires, storage)
        before = scale.same_work()
        scale.spread(connections)
        after = scale.same_work()
        yield (
            f"The same work with 1 and with {connections} connections",
            [
                Row(one.what, f"{one.value}; {many.value}", many.note)
                for one, many in zip(before, after, strict=True)
            ],
        )
        yield (
            f"{connections * each} invoices of 10 lines, {each} for each connection, at once",
            scale.share(each),
        )
        yield f"Pages with {connections} connections", scale.pages()


class Scale:
    """The running house and what is counted around it."""

    def __init__(self, app: App, wires: list[Wire], storage: str) -> None:
        self._app, self._wires = app, wires
        self._env = {**app.host.env, "AzureWebJobsStorage": storage}
        self._storage = storage
        self._control = app.sandbox.control
        self._pushes = Pushes(app)
        self._pushes.prepare()
        self._customers: list[int] = [self._pushes.customer]
        self._control.put("/switches", json={"bc.seconds_per_request": LATENCY}).raise_for_status()
        self._pushes.one()

    # --- many connections ---

    def spread(self, connections: int) -> None:
        """Copies of the first connection, each with a customer of its own that is linked in it alone, and the product."""
        wanted = [{"name": f"Customer {n} (scale)", "toplevel_id": 1} for n in range(1, connections)]
        for start in range(0, len(wanted), SAVED_AT_ONCE):
            many = wanted[start : start + SAVED_AT_ONCE]
            made = self._control.post("/halo/agent/Client", json=many, timeout=120).raise_for_status().json()
            self._customers += [int(float(row["id"])) for row in made]
        asyncio.run(self._copy())

    async def _copy(self) -> None:
        store = open_store(settings.load(self._env))
        try:
            first = (await store.connections.list())[0]
            secret = await store.connections.secret(first.id)
            customer, product = [
                await store.links.get(first.id, entity, str(halo_id))
                for entity, halo_id in (
                    ("customer", self._pushes.customer),
                    ("product", self._pushes.product),
                )
            ]
            assert customer is not None
            assert product is not None
            for number, halo_id in enumerate(self._customers[1:], 2):
                copy = replace(
                    first,
                    id=uuid.uuid4().hex,
                    name=f"Company {number:03}",
                    is_default=False,
                    principal=f"{first.principal}:{number}",
                )
                await store.connections.insert(copy, secret)
                await store.links.put_many(
                    [
                        replace(customer.value, connection_id=copy.id, halo_id=str(halo_id)),
                        replace(product.value, connection_id=copy.id),
                    ]
                )
        finally:
            await store.close()

    # --- what should cost the same, however many connections there are ---

    def same_work(self) -> list[Row]:
        """A lone invoice, the looks of pages, timers with nothing to do, and a sweep."""
        lone, rows_asked = [], 0
        for _ in range(LONE):
            self._quiet()
            lone.append(self._pushes.one()[0])
            self._still()
            rows_asked += self._asked()
        found = [
            Row("a lone invoice, saved to synced", f"{median(lone) * 1000:.0f} ms", f"median of {LONE}"),
            Row(
                "table requests for it", f"{rows_asked / LONE:.0f}", "with its echo, until the pump has ended"
            ),
        ]
        for path in ("/api/status", "/api/connections?limit=500", "/health"):
            self._quiet()
            took = self._get(path)
            words = f"{took * 1000:.0f} ms, {self._asked()} table requests"
            found.append(Row(f"`GET {path.partition('?')[0]}`", words, ""))
        for name in ("wake_pump", "delta_imports", "halo_sweep"):
            self._quiet()
            self._fire(name)
            self._still()
            found.append(
                Row(f"timer `{name}`, nothing to do", f"{self._asked()} table requests", "each minute")
            )
        self._quiet()
        self._sweep()  # the first notes each company's watermark
        self._quiet()
        took = self._sweep()
        bc, halo, asked = self._counted("bc"), self._counted("halo"), self._asked()
        most = ", ".join(f"{kind} {number}" for kind, number in self._kinds().most_common(4))
        words = f"{took:.1f} s, {asked} table requests, {bc} of BC, {halo} of Halo"
        found.append(Row("a sweep", words, most))
        now, _ = memory_of(self._app.host.pid) or (0.0, 0.0)
        return [*found, Row("memory of the host", f"{now:.0f} MiB", "resident, after all of these")]

    def _get(self, path: str) -> float:
        started = time.perf_counter()
        self._app.api.get(path).raise_for_status()
        return time.perf_counter() - started

    def _fire(self, function: str) -> None:
        """Run a timer's function now; it goes on behind the answer."""
        httpx.post(
            f"{self._app.host.url}/admin/functions/{function}",
            json={"input": ""},
            headers={"x-functions-key": self._app.host.env["LOCAL_MASTER_KEY"]},
            timeout=120,
        ).raise_for_status()

    def _sweep(self) -> float:
        started = time.perf_counter()
        job = self._app.api.post("/api/halo/sweep", json={}).raise_for_status().json()["job_id"]

        def ended() -> bool:
            found = self._app.api.get(f"/api/jobs/{job}").json()
            if found["status"] in ("failed", "cancelled"):
                raise RuntimeError(f"The sweep ended as {found['status']}: {found.get('detail')}")
            return bool(found["status"] == "succeeded")

        until(ended, "the sweep")
        return time.perf_counter() - started

    # --- a day's share ---

    def share(self, each: int) -> list[Row]:
        """Invoices for every connection's customer, told of at once, until nothing waits."""
        self._control.put("/halo/webhooks", json=[]).raise_for_status()
        ids: list[str] = []
        wanted = [self._pushes.invoice(client_id=one) for one in self._customers for _ in range(each)]
        for start in range(0, len(wanted), SAVED_AT_ONCE):
            many = wanted[start : start + SAVED_AT_ONCE]
            saved = (
                self._control.post("/halo/agent/Invoice", json=many, timeout=120).raise_for_status().json()
            )
            ids += [str(int(float(row["id"]))) for row in saved]
        self._pushes.enter_webhook()
        self._quiet()
        pid, size = self._app.host.pid, len(ids)
        cpu, before = cpu_seconds(pid), (memory_of(pid) or (0.0, 0.0))[0]
        started = time.perf_counter()
        tell(self._app, ids)
        until(lambda: self._batches() >= size, "the invoices in Business Central")
        seconds = time.perf_counter() - started
        until(lambda: is_quiet(self._app, self._storage), "an empty queue")
        quiet = time.perf_counter() - started
        used = cpu_seconds(pid) - cpu
        self._check(ids)
        stored = sum(self._kinds().values())
        partitions: Counter[tuple[str, str]] = sum((wire.partitions for wire in self._wires), Counter())
        tables: Counter[str] = Counter()
        for (table, _), number in partitions.items():
            tables[table] += number
        all_rows = sum(tables.values())
        rows = [
            Row(
                "until all stand in BC",
                f"{seconds:.1f} s",
                f"nothing waits after {quiet:.1f} s; {LATENCY * 1000:.0f} ms for a BC request",
            ),
            Row(
                "requests to BC, each",
                f"{self._counted('bc') / size:.2f}",
                f"{len(self._customers)} principals",
            ),
            Row("calls to Halo, each", f"{self._counted('halo') / size:.2f}", self._halo_kinds(size)),
            Row("requests to Entra", f"{self._counted('entra')}", "every principal has its token"),
            Row(
                "our CPU, each",
                f"{used / size * 1000:.0f} ms",
                "the host's process, this platform's share included",
            ),
            Row("memory before, peak", f"{before:.0f}, {(memory_of(pid) or (0.0, 0.0))[1]:.0f} MiB", ""),
            Row(
                "storage requests, each",
                f"{stored / size:.1f}",
                f"{stored / quiet:.0f} a second of {ACCOUNT_LIMIT:,}",
            ),
        ]
        for (table, partition), number in partitions.most_common(5):
            busiest = f"{table} / {partition or 'over partitions'}"
            note = (
                f"{number / all_rows:.0%} of all rows, {number / quiet:.0f} a second of {PARTITION_LIMIT:,}"
            )
            rows.append(Row(f"busy partition: {busiest}", f"{number / size:.1f} each", note))
        shares = ", ".join(f"{table} {number / size:.1f}" for table, number in tables.most_common())
        return [*rows, Row("rows asked for or written, each", f"{all_rows / size:.1f}", shares)]

    def _check(self, ids: list[str]) -> None:
        """Each invoice is synced, each in the connection of its customer, none twice."""
        outcomes: dict[str, dict[str, Any]] = {}
        cursor = ""
        while len(outcomes) < len(ids):
            page = (
                self._app.api.get(f"/api/outcomes?entity=invoice&limit=500{cursor}").raise_for_status().json()
            )
            outcomes |= {row["halo_id"]: row for row in page["items"] if row["halo_id"] in set(ids)}
            if not page.get("next_cursor"):
                break
            cursor = f"&cursor={page['next_cursor']}"
        synced = Counter(outcomes[one]["connection_id"] for one in ids if outcomes[one]["status"] == "synced")
        if sum(synced.values()) != len(ids) or set(synced.values()) != {len(ids) // len(self._customers)}:
            raise RuntimeError(
                f"{sum(synced.values())} of {len(ids)} are synced, over {len(synced)} connections."
            )

    # --- pages ---

    def pages(self) -> list[Row]:
        """From the address until nothing loads any more."""
        rows = []
        with chromium() as browser:
            visitor = Visitor(browser, self._app)
            page = visitor.admitted()
            visitor.settle()
            for what, path in (
                ("Home", ""),
                ("Connections", "/connections"),
                ("Activity", "/activity"),
                ("Errors", "/errors"),
            ):
                taken = []
                for _ in range(3):
                    started = time.perf_counter()
                    visitor.open(path)
                    expect(page.locator("main h1")).to_be_visible(timeout=PATIENCE)
                    expect(page.locator(".skeleton")).to_have_count(0, timeout=PATIENCE)
                    taken.append(time.perf_counter() - started)
                elements = page.evaluate("document.querySelectorAll('*').length")
                shown = page.locator(".cards > *, main ul.list > li.row:not(.need)").count()
                rows.append(
                    Row(
                        what,
                        f"{median(taken) * 1000:.0f} ms",
                        f"median of 3; {elements} elements, {shown} rows or cards",
                    )
                )
            visitor.close()
        return rows

    # --- counting ---

    def _quiet(self) -> None:
        """Wait until nothing moves, then count from nought."""
        self._still()
        self._control.delete("/counters").raise_for_status()
        for wire in self._wires:
            wire.clear()

    def _still(self) -> None:
        """No row waits, and for some seconds nobody wrote to a table."""
        until(lambda: is_quiet(self._app, self._storage), "an empty queue")
        wrote = -1
        while wrote != (wrote := self._writes()):
            time.sleep(QUIET_SECONDS)

    def _writes(self) -> int:
        return sum(n for kind, n in self._kinds().items() if " bc" in kind and not kind.startswith("GET"))

    def _asked(self) -> int:
        """Requests to tables; the platform's polls of queues come beside them."""
        return sum(number for kind, number in self._kinds().items() if " bc" in kind)

    def _kinds(self) -> Counter[str]:
        return sum((wire.kinds for wire in self._wires), Counter())

    def _batches(self) -> int:
        kinds = self._control.get("/counters").json()["bc"]["by_kind"]
        return sum(number for kind, number in kinds.items() if "$batch" in kind)

    def _halo_kinds(self, size: int) -> str:
        kinds = Counter[str](self._control.get("/counters").json()["halo"]["by_kind"])
        return ", ".join(f"{kind} {number / size:.2f}" for kind, number in kinds.most_common())

    def _counted(self, service: str) -> int:
        return int(self._control.get("/counters").json()[service]["requests"])
