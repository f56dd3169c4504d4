"""The console: what its first page weighs, how soon it is usable, and its pages with much in storage or much to import.

`python -m bench console [LINKS OUTCOMES]` fills storage by script; `python -m bench console-import [SCALE]` reads a
large company from the sandbox. Both drive the Chromium that the browser tests use.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

from playwright.sync_api import Page, expect

from bc.model import Link, Outcome
from bc.settings import load
from bc.store import Store, open_store, outcomes
from bc.store.tables import TRANSACTION, Table, Tables, Write
from bench.imports import Row
from bench.wire import Wire
from local.azurite import Azurite
from local.process import ROOT
from local.stack import App, Sandbox
from tests.browser.visitor import Visitor, chromium
from tests.e2e.acting import Acting

PATIENCE = 600_000
# One outcome in a thousand: a filter that finds little reads most.
RARE = 1000
IDS_PER_TRANSACTION = TRANSACTION // 3
FILLER = ROOT / "bench" / "azurite-fill.cjs"


def first_page() -> list[Row]:
    """Weight of the first page and time to first use, cache empty and full; what axe says about it."""
    with _house() as app, chromium() as browser:
        found = []
        for name, signed_in in (("sign-in", False), ("home, signed in", True)):
            visitor = Visitor(browser, app)
            if signed_in:
                visitor.admitted()
            weights: list[int] = []
            session = visitor.context.new_cdp_session(visitor.page)
            session.send("Network.enable")
            session.send("Performance.enable", {"timeDomain": "threadTicks"})
            session.send("Network.clearBrowserCache")
            session.on(
                "Network.loadingFinished", lambda event, to=weights: to.append(event["encodedDataLength"])
            )
            taken = [_usable(visitor.page, "") for _ in range(5)]
            first = len(weights)
            metrics = session.send("Performance.getMetrics")["metrics"]
            worked = next(each["value"] for each in metrics if each["name"] == "TaskDuration")
            found += [
                Row(
                    f"first use, {name}",
                    f"{taken[0]:.0f} ms",
                    f"cache empty; again, median of 4: {sorted(taken[1:])[2]:.0f} ms",
                ),
                Row(
                    f"processor time of the page's thread, {name}",
                    f"{worked * 1000:.0f} ms",
                    "the last of them; hardly depends on what else runs",
                ),
                Row(
                    f"weight, {name}",
                    f"{sum(weights[: first // 5]) / 1000:.0f} kB",
                    f"{first // 5} answers with their headers, compressed",
                ),
            ]
            visitor.close()
    return found


def filled(links: int, many: int) -> list[Row]:
    """Pages over `links` links and `many` outcomes: from the click to the page without a skeleton."""
    with _house() as app:
        acting = Acting(app)
        acting.connect(sync_entities=[])
        connection = str(acting.connection["id"])
        began = time.perf_counter()
        asyncio.run(_fill(app, connection, links, many))
        app.azurite.signal(signal.SIGUSR2)
        while not app.rows.with_suffix(".ndjson.done").exists():
            time.sleep(0.2)
        load = os.getloadavg()[0]
        print(f"filled in {time.perf_counter() - began:.0f} s; load {load:.1f} before the pages", flush=True)
        rows = [_asked(app, what, path) for what, path in _calls(connection)]
        with chromium() as browser:
            visitor = Visitor(browser, app)
            visitor.admitted()
            visitor.settle()
            for what, path in _pages():
                taken = []
                for _ in range(3):
                    began = time.perf_counter()
                    visitor.open(path)
                    expect(visitor.page.locator("main h1")).to_be_visible(timeout=PATIENCE)
                    expect(visitor.page.locator(".skeleton")).to_have_count(0, timeout=PATIENCE)
                    taken.append(time.perf_counter() - began)
                rows.append(Row(f"page: {what}", _ms(min(taken)), f"best of 3; slowest {_ms(max(taken))}"))
            visitor.close()
    return rows


def importing(scale: int) -> list[Row]:
    """The import page with a large company's customers."""
    with _house(scale, {"HALO_REQUESTS_PER_5_MINUTES": "100000"}) as app, chromium() as browser:
        acting = Acting(app)
        acting.connect(sync_entities=[])
        visitor = Visitor(browser, app)
        page = visitor.admitted()
        began = time.perf_counter()
        visitor.open("/import")
        expect(page.locator(".preview tbody tr").first).to_be_visible(timeout=PATIENCE)
        first = time.perf_counter() - began
        expect(page.get_by_text("Reading more …")).to_have_count(0, timeout=PATIENCE)
        whole = time.perf_counter() - began
        total = page.locator(".segments .number").first.inner_text()
        rows = [
            Row(
                "import page, first rows",
                f"{first:.1f} s",
                f"{total} customers; both systems read and compared",
            ),
            Row("import page, every row", f"{whole:.1f} s", "500 rows a request"),
            Row(
                "elements on the page",
                str(page.evaluate("document.querySelectorAll('*').length")),
                "100 rows shown at a time",
            ),
        ]
        for what, step in (
            (
                "a letter typed in the search",
                "const i = document.querySelector('.filters input'); i.value = '9'; i.dispatchEvent(new Event('input', {bubbles: true}))",
            ),
            (
                "filter: New",
                "[...document.querySelectorAll('.segments button')].find((b) => b.textContent.includes('New')).click()",
            ),
            ("all of them ticked", "document.querySelector('.preview-all input').click()"),
            ("one row ticked", "document.querySelector('.preview tbody input').click()"),
        ):
            rows.append(Row(what, f"{_painted(page, step):.0f} ms", "until it is painted"))
        visitor.close()
    return rows


def _calls(connection: str) -> Sequence[tuple[str, str]]:
    links = f"/api/connections/{connection}/mappings/customers"
    return (
        ("status", "/api/status"),
        ("outcomes, newest", "/api/outcomes?limit=50"),
        ("outcomes, one status in a thousand", "/api/outcomes?limit=50&status=failed"),
        ("outcomes, a status that none has", "/api/outcomes?limit=50&status=retrying"),
        ("outcomes of one record", "/api/outcomes?entity=customer&halo_id=77"),
        ("links, first page", f"{links}?limit=50"),
        ("links, a search by the start of a number", f"{links}?limit=50&search=C0007"),
        ("links, a search by a name", f"{links}?limit=50&search=customer%2077"),
        ("links, a search that finds nothing", f"{links}?limit=50&search=nobody"),
        ("links, the same within words", f"{links}?limit=50&search=nobody&anywhere=true"),
        ("links, broken ones", f"{links}?limit=50&state=broken"),
    )


def _pages() -> Sequence[tuple[str, str]]:
    return (
        ("Home", ""),
        ("Activity", "/activity"),
        ("Activity, failed", "/activity?status=failed"),
        ("Activity, trying again (none)", "/activity?status=retrying"),
        ("Links", "/links"),
        ("Links, search by a name", "/links?search=customer+77"),
        ("Links, search that finds nothing", "/links?search=nobody"),
        ("Links, the same within words", "/links?search=nobody&anywhere=1"),
        ("Links, broken", "/links?show=broken"),
        ("Errors", "/errors"),
    )


async def _fill(app: Relayed, connection: str, links: int, many: int) -> None:
    """Links and outcomes as the product writes them: the first of each table through it, the rest into the emulator."""
    store = open_store(load({"AzureWebJobsStorage": app.direct}))
    tables = Tables(store._account)
    now = datetime.now(UTC)
    seen: set[str] = set()
    through = Table.write

    async def write(table: Table, partition: str, writes: Sequence[Write]) -> list[str]:
        if table._name not in seen:
            seen.add(table._name)
            return await through(table, partition, writes)
        for each in writes:
            row = {
                "table": table._name,
                "partition": partition,
                "key": each.key,
                "properties": each.properties,
            }
            rows.write(json.dumps(row) + "\n")
        return ["" for _ in writes]

    try:
        with app.rows.open("w") as rows, mock.patch.object(Table, "write", write):
            await store.links.put_many(_link(connection, number, now) for number in range(1, links + 1))
            table = tables.table("bcOutcomes")
            for at in range(0, many, IDS_PER_TRANSACTION):
                few = range(at, min(at + IDS_PER_TRANSACTION, many))
                await table.write(
                    "outcomes",
                    [each for number in few for each in _outcome_writes(store, connection, number, now)],
                )
    finally:
        await tables.close()
        await store.close()


def _link(connection: str, number: int, now: datetime) -> Link:
    return Link(
        connection_id=connection,
        entity="customer",
        halo_id=str(number),
        bc_id=f"00000000-0000-0000-0000-{number:012d}",
        bc_number=f"C{number:05d}",
        bc_name=f"Customer {number} Ltd",
        halo_name=f"Customer {number} Limited",
        source="import",
        linked_at=now,
        payload='{"displayName":"x"}' * 10,
    )


def _outcome_writes(store: Store, connection: str, number: int, now: datetime) -> list[Write]:
    at = now - timedelta(seconds=70 * number)
    outcome = Outcome(
        id=store.outcomes.new_id(at, str(number)),
        connection_id=connection,
        entity="customer",
        halo_id=str(number % 20_000 + 1),
        status="failed" if number % RARE == RARE - 1 else "synced",
        action="updated",
        bc_number=f"C{number % 20_000:05d}",
        at=at,
        requests=1,
        record_name=f"Customer {number % 20_000}",
    )
    properties = outcomes._CODEC.pack(
        outcome,
        connection_id=connection,
        entity=outcome.entity,
        status=outcome.status,
        halo_id=outcome.halo_id,
    )
    return [Write("put", key, properties) for key in outcomes._all_keys(outcome.id, properties)]


class Relayed(App):
    """The app with a relay before its tables, which counts. `direct`: its storage without the relay; `rows`: see `_fill`."""

    def __init__(self, sandbox: Sandbox, azurite: Azurite, rows: Path, env: dict[str, str]) -> None:
        self.azurite, self.rows = azurite, rows
        self.direct = azurite.connection_string()
        endpoint = re.search(r"TableEndpoint=(http://[^/;]+)", self.direct)
        assert endpoint is not None
        self.tables = Wire(endpoint[1])
        super().__init__(sandbox, self.direct.replace(endpoint[1], self.tables.url), env=env)


@contextmanager
def _house(scale: int = 1, env: dict[str, str] | None = None) -> Iterator[Relayed]:
    azurite = Azurite()
    with TemporaryDirectory() as folder:
        rows = Path(folder) / "rows.ndjson"
        with mock.patch.dict(os.environ, NODE_OPTIONS=f"--require {FILLER}", BENCH_ROWS=str(rows)):
            azurite.start()
        try:
            sandbox = Sandbox("--scale", str(scale))
            try:
                settings = {"HALO_SWEEP_MINUTES": "0", **(env or {})}
                with Relayed(sandbox, azurite, rows, settings) as app:
                    yield app
            finally:
                sandbox.stop()
        finally:
            azurite.stop()


def _usable(page: Page, path: str) -> float:
    """Milliseconds from the start of the navigation until the heading stands and nothing loads."""
    page.goto(f"/console{path}")
    took: float = page.evaluate(
        """() => new Promise((done) => {
            const look = () => document.querySelector('h1') && !document.querySelector('.skeleton')
                ? requestAnimationFrame(() => done(performance.now())) : setTimeout(look, 5);
            look();
        })"""
    )
    return took


def _painted(page: Page, step: str) -> float:
    """Milliseconds from a step until the browser has drawn what it changed."""
    took: float = page.evaluate(
        f"""() => new Promise((done) => {{
            const began = performance.now();
            {step};
            setTimeout(() => requestAnimationFrame(() => setTimeout(() => done(performance.now() - began))), 0);
        }})"""
    )
    return took


def _asked(app: Relayed, what: str, path: str) -> Row:
    taken, asked, size = [], [], 0
    for _ in range(3):
        app.tables.clear()
        began = time.perf_counter()
        answer = app.api.get(path, timeout=300)
        taken.append(time.perf_counter() - began)
        asked.append(app.tables.requests)
        answer.raise_for_status()
        size = len(answer.content)
    note = f"best of 3; slowest {_ms(max(taken))}; {size / 1000:.0f} kB; requests to tables: {min(asked)} to {max(asked)}"
    return Row(f"GET {what}", _ms(min(taken)), note)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
