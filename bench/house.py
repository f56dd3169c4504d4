"""The running house on the sandbox: start, first requests, memory, and an invoice's way from Halo to BC and back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import httpx

from bench.imports import Row
from bench.machine import memory_of
from local.azurite import Azurite
from local.stack import App, Sandbox

INVOICES = 10
LINES = 10
FINAL = ("synced", "unchanged", "skipped", "failed")
PATIENCE = 60.0
# Often, so that the look itself adds little to what is measured.
LOOK_SECONDS = 0.02


def rows() -> list[Row]:
    """Start the house once and measure it."""
    with _house() as app:
        started = time.perf_counter()
        app.start()
        ready = time.perf_counter() - started
        found = [Row("host start to ready", _ms(ready), "process start until it answers; app indexed")]
        found.append(_resident(app, "memory of the host when ready", "local host, worker library and app"))
        first, second = _timed(app, "/health"), _timed(app, "/health")
        found.append(Row("first GET /health", _ms(first), f"opens storage; the second takes {_ms(second)}"))
        found.append(
            Row("first GET /api/setup", _ms(_timed(app, "/api/setup")), "loads the admin API, asks Halo")
        )
        found.append(_resident(app, "memory of the host after these"))
        pushes = Pushes(app)
        pushes.prepare()
        found += pushes.rows()
        found.append(_resident(app, f"memory of the host after {INVOICES} invoices"))
    return found


@contextmanager
def _house() -> Iterator[App]:
    azurite = Azurite()
    azurite.start()
    try:
        sandbox = Sandbox()
        try:
            # A sweep in between would count among the requests of the invoices.
            app = App(sandbox, azurite.connection_string(), env={"HALO_SWEEP_MINUTES": "0"})
            try:
                yield app
            finally:
                app.close()
        finally:
            sandbox.stop()
    finally:
        azurite.stop()


class Pushes:
    """Invoices of `LINES` lines, one after the other: each saved in Halo, then waited for."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._control = app.sandbox.control
        self._connection = ""
        self.customer = 0
        self.product = 0

    def prepare(self) -> None:
        """Connect in app mode, link one customer and one product by hand, enter the webhook."""
        facts = self._app.sandbox.facts
        application = next(one for one in facts["entra"]["apps"] if "API.ReadWrite.All" in one["roles"])
        made = self._call(
            "POST",
            "/api/connections",
            {
                "name": "Bench",
                "tenant_id": facts["entra"]["tenants"][0]["id"],
                "client_id": application["client_id"],
                "client_secret": application["client_secrets"][0]["value"],
                "auth_mode": "app",
            },
        )
        self._connection = f"/api/connections/{made['id']}"
        self._call("POST", f"{self._connection}/authorize", {})
        environment = facts["bc"]["environments"][0]
        company = environment["companies"][0]["id"]
        wanted = {"environment_name": environment["name"], "company_id": company}
        self._call("PUT", f"{self._connection}/company", wanted)
        self._call("PUT", "/api/default-connection", {"connection_id": made["id"]})
        switched = {"sync_entities": ["invoice"], "sync_invoices_from": "2020-01-01"}
        self._call("PATCH", self._connection, {"settings": switched})
        self.customer = self._linked("customers", "Client", company, _plain_customer)
        self.product = self._linked("products", "Item", company, _plain_item)
        self.enter_webhook()

    def enter_webhook(self) -> None:
        """Have Halo tell of each invoice that is saved."""
        hook = {
            "url": f"{self._app.webhook_url}&entity=invoice&operation=upsert",
            "entity": "invoice",
            "format": "event",
        }
        self._control.put("/halo/webhooks", json=[hook]).raise_for_status()

    def rows(self) -> list[Row]:
        self.one()  # signs in, opens connections, learns Halo's facts
        time.sleep(1)  # the echo of its own write-back
        self._control.request("DELETE", "/counters").raise_for_status()
        taken = [self.one() for _ in range(INVOICES)]
        time.sleep(2)
        counted = self._control.get("/counters").json()
        requests = {service: counted[service]["requests"] for service in ("bc", "halo", "entra")}
        batch = f"{LINES} lines, linked customer and product"
        return [
            Row(
                "invoice saved in Halo to synced outcome",
                _ms(median(took for took, _ in taken)),
                f"median of {INVOICES}, one at a time, {batch}; slowest {_ms(max(took for took, _ in taken))}",
            ),
            Row(
                "requests to Business Central, each",
                f"{requests['bc'] / INVOICES:g}",
                f"counted by the sandbox; the outcomes say {median(outcome['requests'] for _, outcome in taken):g}",
            ),
            Row(
                "requests to Halo, each",
                f"{requests['halo'] / INVOICES:g}",
                "read, tax back on lines and header, the echo's look",
            ),
            Row(
                "requests to Microsoft Entra, each", f"{requests['entra'] / INVOICES:g}", "the token is kept"
            ),
        ]

    def invoice(self, **more: Any) -> dict[str, Any]:
        """What an agent saves as a new invoice of `LINES` lines."""
        line = {"_itemid": self.product, "qty_order": 1, "unit_price": 80}
        lines = [{**line, "item_shortdescription": f"Work, part {number}"} for number in range(1, LINES + 1)]
        date = time.strftime("%Y-%m-%dT00:00:00")
        return {"client_id": self.customer, "invoice_date": date, "lines": lines, **more}

    def one(self) -> tuple[float, dict[str, Any]]:
        """Seconds from saving an invoice to its outcome, and that."""
        saved = time.perf_counter()
        halo_id = int(float(self._agent("Invoice", self.invoice())["id"]))

        def final() -> dict[str, Any] | None:
            items = self._call("GET", f"/api/outcomes?entity=invoice&halo_id={halo_id}")["items"]
            return items[0] if items and items[0]["status"] in FINAL else None

        outcome = _until(final, f"the outcome of invoice {halo_id}")
        took = time.perf_counter() - saved
        if outcome["status"] != "synced":
            raise RuntimeError(f"Invoice {halo_id} was not synced: {outcome['message']}")
        return took, outcome

    def _linked(self, kind: str, resource: str, company: str, fits: Callable[[dict[str, Any]], bool]) -> int:
        answer = self._control.get(f"/bc/{company}/{'customers' if kind == 'customers' else 'items'}").json()
        rows = answer["value"] if isinstance(answer, dict) else answer
        row = next(one for one in rows if fits(one))
        parent = {"toplevel_id": 1} if kind == "customers" else {"assetgroup_id": 1}
        made = self._agent(resource, {"name": f"{row['displayName']} (bench)", **parent})
        halo_id = int(float(made["id"]))
        self._call("PUT", f"{self._connection}/mappings/{kind}/{halo_id}", {"bc_id": row["id"]})
        return halo_id

    def _agent(self, resource: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self._control.post(f"/halo/agent/{resource}", json=body).raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._app.api.request(method, path, json=body)
        if answer.is_error:
            raise RuntimeError(f"{method} {path} answered {answer.status_code}: {answer.text}")
        return answer.json() if answer.content else None


def _plain_customer(row: dict[str, Any]) -> bool:
    return (
        not _is_blocked(row)
        and row.get("genBusPostingGroup") == "DOMESTIC"
        and not row.get("pricesIncludeTax")
    )


def _plain_item(row: dict[str, Any]) -> bool:
    return not _is_blocked(row) and row.get("type") == "Service"


def _is_blocked(row: dict[str, Any]) -> bool:
    return str(row.get("blocked", "")).strip() not in ("", "_x0020_", "False", "false")


def _until[T](look: Callable[[], T | None], what: str) -> T:
    ends = time.monotonic() + PATIENCE
    while (found := look()) is None:
        if time.monotonic() > ends:
            raise RuntimeError(f"Waited {PATIENCE:g} s for {what}.")
        time.sleep(LOOK_SECONDS)
    return found


def _timed(app: App, path: str) -> float:
    started = time.perf_counter()
    answer: httpx.Response = app.api.get(path)
    answer.raise_for_status()
    return time.perf_counter() - started


def _resident(app: App, what: str, note: str = "") -> Row:
    found = memory_of(app.host.pid)
    if found is None:
        return Row(what, "not told", "this system has no /proc")
    now, peak = found
    words = f"peak {peak:.0f} MiB" + (f"; {note}" if note else "")
    return Row(what, f"{now:.0f} MiB", words)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
