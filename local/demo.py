"""`make run`: the whole house on this machine, the main job once by script, then the console to play with.

With SANDBOX=0 there is no sandbox: the app runs with `local.settings.json` against real Halo and Business Central.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from decimal import Decimal
from types import FrameType
from typing import Any

import httpx

from local.azurite import Azurite
from local.process import ROOT, HostDied, HostProcess
from local.settings import BadConfiguration, read_local_settings
from local.stack import App, Sandbox, SandboxDied

PORT = 7071
PATIENCE = 45.0
FINAL = ("synced", "unchanged", "skipped", "failed")
started = time.monotonic()


class Stopped(Exception):
    """Ctrl-C, or the machine asks us to end."""


def main() -> int:
    """0 after Ctrl-C; 1 with one line where something is in the way."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    port = int(os.environ.get("PORT", str(PORT)))
    try:
        return _real(port) if os.environ.get("SANDBOX") == "0" else _sandbox(port)
    except Stopped:
        say("Stopped.")
        return 0
    except (HostDied, SandboxDied, BadConfiguration) as error:
        print(f"make run: {error}", file=sys.stderr)
        return 1


def say(text: str) -> None:
    """One line with the seconds since the start."""
    print(f"{time.monotonic() - started:6.1f} s  {text}", flush=True)


def _real(port: int) -> int:
    file = ROOT / "local.settings.json"
    if not file.exists():
        print(
            "make run: copy local.settings.example.json to local.settings.json and fill it in.",
            file=sys.stderr,
        )
        return 1
    with ExitStack() as stack:
        host = HostProcess(ROOT, {}, port=port, settings_file=file)
        stack.callback(host.close)
        storage = read_local_settings(file).get("AzureWebJobsStorage", "")
        if storage in ("", "UseDevelopmentStorage=true"):
            azurite = Azurite(ROOT / ".local" / "storage")
            azurite.start()
            stack.callback(azurite.stop)
            host.env["AzureWebJobsStorage"] = azurite.connection_string()
            say("Storage (Azurite) is up; its data stays in .local/storage.")
        host.start()
        say(f"The app is up. Console: {host.url}/console (sign in with ADMIN_KEY). Ctrl-C stops it.")
        _stay(host)
    return 0


def _sandbox(port: int) -> int:
    with ExitStack() as stack:
        azurite = Azurite()
        azurite.start()
        stack.callback(azurite.stop)
        say("Storage (Azurite) is up.")
        sandbox = Sandbox()
        stack.callback(sandbox.stop)
        say("The sandbox is up: Business Central, Halo and Microsoft Entra.")
        app = App(sandbox, azurite.connection_string(), port=port)
        stack.callback(app.close)
        app.start()
        say(f"The app is up at {app.host.url}.")
        Story(app).tell()
        print()
        say(f"Console:    {app.host.url}/console")
        say(f"Admin key:  {app.admin_key}")
        say(f"Play page:  {sandbox.url('control')}/play  (Halo and Business Central side by side)")
        say("Ctrl-C stops everything.")
        _stay(app.host)
    return 0


def _stay(host: HostProcess) -> None:
    """Wait for Ctrl-C; end when the host dies."""
    ever = threading.Event()
    while host.running:
        ever.wait(0.5)
    raise HostDied("\n".join(host.logs[-10:]))


class Story:
    """The main job through the public face: connect, import, invoice, edit, a refusal and its cure."""

    def __init__(self, app: App) -> None:
        self.app = app
        self.control = app.sandbox.control
        self.connection = ""
        self._awkward: dict[str, set[str]] = {}

    def tell(self) -> None:
        self.connect()
        self.fill()
        invoice = self.invoice()
        self.edit(invoice)
        self.refusal()

    def connect(self) -> None:
        facts = self.app.sandbox.facts
        application = next(one for one in facts["entra"]["apps"] if "API.ReadWrite.All" in one["roles"])
        made = self._call(
            "POST",
            "/api/connections",
            {
                "name": "Tamarisk UK",
                "tenant_id": facts["entra"]["tenants"][0]["id"],
                "client_id": application["client_id"],
                "client_secret": application["client_secrets"][0]["value"],
                "auth_mode": "app",
            },
        )
        self.connection = made["id"]
        path = f"/api/connections/{self.connection}"
        self._call("POST", f"{path}/authorize", {})
        environment = facts["bc"]["environments"][0]
        company = environment["companies"][0]
        self._call(
            "PUT", f"{path}/company", {"environment_name": environment["name"], "company_id": company["id"]}
        )
        self._call("PUT", "/api/default-connection", {"connection_id": self.connection})
        self._call("PATCH", path, {"settings": {"sync_entities": ["customer", "product", "invoice"]}})
        say(f"Connected to {company['display_name']} in {environment['name']} (app mode).")

    def fill(self) -> None:
        """Bring BC's customers and products to Halo, so that every line has something to be booked on."""
        path = f"/api/connections/{self.connection}"
        for kind in ("accounts", "countries", "item_categories"):
            job = self._job(self._call("POST", f"{path}/imports/{kind}", {"all": True})["job_id"])
            say(f"Imported {kind.replace('_', ' ')}: {job['created']} created, {job['failed']} failed.")
        for kind in ("customers", "products"):
            preview = self._call("GET", f"{path}/preview/{kind}?limit=500")
            matches = [item["match"] for item in preview["items"]]
            counts = ", ".join(f"{matches.count(word)} {word}" for word in dict.fromkeys(matches))
            job_id = self._call("POST", f"{path}/imports/{kind}", {"all": True})["job_id"]
            job = self._job(job_id)
            say(
                f"Imported {kind} ({counts} in the preview): {job['created']} created, {job['updated']} updated, "
                f"{job['unchanged']} unchanged, {job['skipped']} skipped, {job['failed']} failed."
            )
        rows = [
            {
                "url": f"{self.app.webhook_url}&entity={kind}&operation=upsert",
                "entity": kind,
                "format": "event",
            }
            for kind in ("customer", "product", "invoice")
        ]
        self.control.put("/halo/webhooks", json=rows).raise_for_status()
        say("Halo's webhooks call the app from now on.")

    def invoice(self) -> int:
        customer, products = self._linked("customers")[0], self._linked("products")
        lines = [
            {
                "_itemid": int(product["halo_id"]),
                "qty_order": quantity,
                "unit_price": price,
                "item_shortdescription": product["halo_name"],
            }
            for product, quantity, price in zip(products, (2, 1, 5), (95, 49.99, 12.5), strict=False)
        ]
        saved = time.monotonic()
        made = self._agent(
            "POST",
            "Invoice",
            {"client_id": int(customer["halo_id"]), "invoice_date": f"{_today()}T00:00:00", "lines": lines},
        )
        halo_id = int(float(made["id"]))
        outcome = self._outcome(halo_id, 0)
        say(
            f"Invoice {halo_id} saved in Halo for {customer['halo_name']}: {outcome['message']} "
            f"({time.monotonic() - saved:.1f} s, {outcome['requests']} request to Business Central)"
        )
        self._show_tax(halo_id)
        return halo_id

    def edit(self, halo_id: int) -> None:
        before = len(self._outcomes(halo_id))
        line = self._raw(halo_id)["lines"][0]
        changed = time.monotonic()
        self._agent("PATCH", f"Invoice/{halo_id}", {"lines": [{"id": line["id"], "qty_order": 3}]})
        outcome = self._outcome(halo_id, before)
        say(
            f"Quantity changed to 3 in Halo: {outcome['message']} "
            f"({time.monotonic() - changed:.1f} s, {outcome['requests']} request)"
        )
        self._show_tax(halo_id)

    def refusal(self) -> None:
        customer = self._linked("customers")[0]
        item = self._agent("POST", "Item", {"name": "Something unheard of", "assetgroup_id": 1})
        made = self._agent(
            "POST",
            "Invoice",
            {
                "client_id": int(customer["halo_id"]),
                "invoice_date": f"{_today()}T00:00:00",
                "lines": [
                    {
                        "_itemid": int(float(item["id"])),
                        "qty_order": 1,
                        "unit_price": 10,
                        "item_shortdescription": "Something unheard of",
                    }
                ],
            },
        )
        halo_id = int(float(made["id"]))
        outcome = self._outcome(halo_id, 0)
        say(f"Refused as it should be: {outcome['message']}")
        say(f"The cure: {outcome['cure']}")
        number = next(row["bc_number"] for row in self._linked("products"))
        self._call(
            "PATCH", f"/api/connections/{self.connection}", {"settings": {"default_invoice_item": number}}
        )
        self._call("POST", "/api/errors/retry", {"code": outcome["code"]})
        outcome = self._outcome(halo_id, 1)
        say(f"With default product {number}, retried: {outcome['message']}")

    def _show_tax(self, halo_id: int) -> None:
        invoice = self._raw(halo_id)
        for line in invoice["lines"]:
            tax, rate = Decimal(str(line["tax_amount"])), Decimal(str(line["tax_rate"]))
            net = Decimal(str(line["qty_order"])) * Decimal(str(line["unit_price"]))
            say(f"    {line['item_shortdescription'][:40]:40} net {net:>9.2f}  tax {tax:>8.2f}  ({rate:g} %)")
        say(f"    tax in Halo, from Business Central: {Decimal(str(invoice['tax_total'])):.2f}")

    def _linked(self, kind: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self._call(
            "GET", f"/api/connections/{self.connection}/mappings/{kind}?limit=500"
        )["items"]
        return [item for item in items if self._usable(kind, item)]

    def _usable(self, kind: str, item: dict[str, Any]) -> bool:
        """Not one of the sandbox's awkward records."""
        if kind not in self._awkward:
            companies = self.app.sandbox.facts["bc"]["environments"][0]["companies"]
            entity_set = "customers" if kind == "customers" else "items"
            answer = self.control.get(f"/bc/{companies[0]['id']}/{entity_set}").json()
            rows = answer["value"] if isinstance(answer, dict) else answer
            self._awkward[kind] = {str(row["id"]) for row in rows if _is_awkward(row)}
        return item["bc_id"] not in self._awkward[kind]

    def _job(self, job_id: str) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            job: dict[str, Any] = self._call("GET", f"/api/jobs/{job_id}")
            return job if job["status"] in ("succeeded", "failed", "cancelled") else None

        return self._until(ended, "the import")

    def _outcomes(self, halo_id: int) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self._call("GET", f"/api/outcomes?entity=invoice&halo_id={halo_id}")[
            "items"
        ]
        return items

    def _outcome(self, halo_id: int, after: int) -> dict[str, Any]:
        def final() -> dict[str, Any] | None:
            items = self._outcomes(halo_id)
            return items[0] if len(items) > after and items[0]["status"] in FINAL else None

        return self._until(final, f"the outcome of invoice {halo_id}")

    def _raw(self, halo_id: int) -> dict[str, Any]:
        found: dict[str, Any] = self.control.get(f"/halo/raw/Invoice/{halo_id}").raise_for_status().json()
        return found

    def _agent(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.control.request(method, f"/halo/agent/{path}", json=body).raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.app.api.request(method, path, json=body)
        if answer.status_code >= 400:
            raise HostDied(f"{method} {path} answered {answer.status_code}: {answer.text}")
        return answer.json() if answer.content else None

    def _until[T](self, look: Callable[[], T | None], what: str) -> T:
        ends = time.monotonic() + PATIENCE
        while True:
            try:
                found = look()
            except httpx.TransportError as error:
                raise HostDied(f"The app does not answer: {error}") from error
            if found is not None:
                return found
            if time.monotonic() > ends:
                raise HostDied(f"Waited {PATIENCE:g} s for {what}.")
            time.sleep(0.1)


def _is_awkward(row: dict[str, Any]) -> bool:
    blocked = str(row.get("blocked", "")).strip() not in ("", "_x0020_", "False", "false")
    groups = [row[name] for name in ("genBusPostingGroup", "generalProductPostingGroupCode") if name in row]
    return blocked or bool(row.get("pricesIncludeTax")) or bool(row.get("salesBlocked")) or not all(groups)


def _today() -> str:
    return time.strftime("%Y-%m-%d", time.gmtime())


if __name__ == "__main__":
    sys.exit(main())
