"""What people do, as calls: an admin through `/api`, an agent in Halo, a bookkeeper in Business Central."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx

from local.stack import App

FINAL = ("synced", "unchanged", "skipped", "failed")


class Acting:
    def __init__(self, app: App) -> None:
        self.app = app
        self.control: httpx.Client = app.sandbox.control
        self.connection: dict[str, Any] = {}

    # --- the admin ---

    def get(self, path: str, **params: Any) -> Any:
        answer = self.app.api.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any = None, status: int | tuple[int, ...] = (200, 201, 202, 204)) -> Any:
        answer = self.app.api.post(path, json={} if body is None else body)
        wanted = (status,) if isinstance(status, int) else status
        assert answer.status_code in wanted, answer.text
        return answer.json() if answer.content else None

    def settings(self, **settings: Any) -> dict[str, Any]:
        answer = self.app.api.patch(f"/api/connections/{self.connection['id']}", json={"settings": settings})
        assert answer.status_code == 200, answer.text
        self.connection = answer.json()
        return self.connection

    def create_connection(self, name: str = "Tamarisk UK", **more: Any) -> dict[str, Any]:
        entra = self.app.sandbox.facts["entra"]
        application = next(app for app in entra["apps"] if app["name"] == "Halo-BC (app mode)")
        self.connection = self.post(
            "/api/connections",
            {
                "name": name,
                "tenant_id": entra["tenants"][0]["id"],
                "client_id": application["client_id"],
                "client_secret": application["client_secrets"][0]["value"],
                "auth_mode": "app",
                **more,
            },
            201,
        )
        return self.connection

    def connect(self, **settings: Any) -> dict[str, Any]:
        """Connect the first company of the first environment, in app mode, as the default."""
        self.create_connection()
        path = f"/api/connections/{self.connection['id']}"
        self.post(f"{path}/authorize")
        environment = self.app.sandbox.facts["bc"]["environments"][0]
        answer = self.app.api.put(
            f"{path}/company",
            json={"environment_name": environment["name"], "company_id": environment["companies"][0]["id"]},
        )
        assert answer.status_code == 200, answer.text
        answer = self.app.api.put("/api/default-connection", json={"connection_id": self.connection["id"]})
        assert answer.status_code in (200, 204), answer.text
        wanted = {
            "sync_entities": ["customer", "product", "invoice"],
            "sync_invoices_from": "2020-01-01",
            **settings,
        }
        return self.settings(**wanted)

    def webhooks(self) -> None:
        """Enter our address in Halo, one webhook for each kind."""
        rows = [
            {
                "url": f"{self.app.webhook_url}&entity={kind}&operation=upsert",
                "entity": kind,
                "format": "event",
            }
            for kind in ("customer", "product", "invoice")
        ]
        self.control.put("/halo/webhooks", json=rows).raise_for_status()

    def import_all(self, kind: str, records: list[dict[str, Any]] | None = None) -> dict[str, Any]:
        body: dict[str, Any] = {"all": True} if records is None else {"records": records}
        job = self.post(f"/api/connections/{self.connection['id']}/imports/{kind}", body, 202)
        return self.job(job["job_id"])

    def job(self, job_id: str, seconds: float = 60) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            found: dict[str, Any] = self.get(f"/api/jobs/{job_id}")
            return found if found["status"] in ("succeeded", "failed", "cancelled") else None

        return wait_for(ended, seconds, f"job {job_id}")

    def outcomes(self, entity: str, halo_id: str | int) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.get("/api/outcomes", entity=entity, halo_id=str(halo_id))["items"]
        return items

    def outcome(
        self, entity: str, halo_id: str | int, *, after: int = 0, seconds: float = 30
    ) -> dict[str, Any]:
        """The newest final outcome of a record once it has more than `after` of them."""

        def final() -> dict[str, Any] | None:
            items = self.outcomes(entity, halo_id)
            if len(items) > after and items[0]["status"] in FINAL:
                return items[0]
            return None

        return wait_for(final, seconds, f"an outcome of {entity} {halo_id}")

    def sync(self, entity: str, *halo_ids: str | int, operation: str = "upsert") -> None:
        ids = [str(halo_id) for halo_id in halo_ids]
        self.post("/api/sync", {"entity": entity, "halo_ids": ids, "operation": operation}, 202)

    def pushed(
        self, halo_id: str | int, entity: str = "invoice", *, operation: str = "upsert"
    ) -> dict[str, Any]:
        """Sync a record, and the outcome of that push."""
        before = len(self.outcomes(entity, halo_id))
        self.sync(entity, halo_id, operation=operation)
        return self.outcome(entity, halo_id, after=before)

    # --- the agent in Halo ---

    def agent(self, resource: str, record: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = self._control("POST", f"/halo/agent/{resource}", record)
        return made

    def edit(self, resource: str, halo_id: str | int, changes: dict[str, Any]) -> dict[str, Any]:
        edited: dict[str, Any] = self._control("PATCH", f"/halo/agent/{resource}/{halo_id}", changes)
        return edited

    def remove(self, resource: str, halo_id: str | int) -> None:
        self._control("DELETE", f"/halo/agent/{resource}/{halo_id}")

    def halo(self, resource: str, halo_id: str | int = "") -> Any:
        return self._control("GET", f"/halo/raw/{resource}" + (f"/{halo_id}" if halo_id else ""))

    # --- the bookkeeper in Business Central ---

    @property
    def company_id(self) -> str:
        return str(self.connection["company_id"])

    def bc(self, entity_set: str) -> list[dict[str, Any]]:
        rows: Any = self._control("GET", f"/bc/{self.company_id}/{entity_set}")
        return list(rows["value"]) if isinstance(rows, dict) else list(rows)

    def bc_invoices(self, halo_id: str | int) -> list[dict[str, Any]]:
        """Every invoice in BC that carries this Halo invoice's key."""
        key = f"HALO-{halo_id}"
        return [row for row in self.bc("salesInvoices") if row["externalDocumentNumber"] == key]

    def bc_lines(self, invoice_id: str) -> list[dict[str, Any]]:
        rows = [row for row in self.bc("salesInvoiceLines") if row["documentId"] == invoice_id]
        return sorted(rows, key=lambda row: int(row["sequence"]))

    # --- the world ---

    def fault(self, service: str, action: dict[str, Any], **match: Any) -> None:
        self._control("POST", "/faults", {"service": service, "action": action, **match})

    def counters(self, service: str) -> dict[str, Any]:
        found: dict[str, Any] = self._control("GET", "/counters")[service]
        return found

    def clear_counters(self) -> None:
        self._control("DELETE", "/counters")
        self._control("DELETE", "/log")

    def held(self, name: str, seconds: float = 60) -> None:
        """Wait until a request is held by the fault of that name."""
        wait_for(
            lambda: any(one["name"] == name for one in self._control("GET", "/faults")["held"]) or None,
            seconds,
            f"a request held as {name}",
        )

    def _control(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.control.request(method, path, json=body)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None


def wait_for[T](look: Callable[[], T | None], seconds: float, what: str) -> T:
    """Look again until there is something. Fails with what was waited for."""
    ends = time.monotonic() + seconds
    while True:
        found = look()
        if found is not None:
            return found
        assert time.monotonic() < ends, f"waited {seconds:g} s for {what}"
        time.sleep(0.1)


class Invoicing:
    """A linked customer, linked products of each type, and invoices on them."""

    def __init__(self, acting: Acting) -> None:
        self.acting = acting
        self.customer = self._link_customer()
        self.products = {kind: self._link_product(kind) for kind in ("Service", "Inventory")}

    def _put(self, kind: str, halo_id: str, bc_id: str) -> None:
        acting = self.acting
        path = f"/api/connections/{acting.connection['id']}/mappings/{kind}/{halo_id}"
        answer = acting.app.api.put(path, json={"bc_id": bc_id})
        assert answer.status_code in (200, 201), answer.text

    def _link_customer(self) -> str:
        acting = self.acting
        row = next(
            row
            for row in acting.bc("customers")
            if not blocked(row)
            and row.get("genBusPostingGroup", "DOMESTIC") == "DOMESTIC"
            and not row.get("pricesIncludingVat")
        )
        made = acting.agent("Client", {"name": f"{row['displayName']} (Halo)", "toplevel_id": 1})
        halo_id = number(made["id"])
        self._put("customers", halo_id, str(row["id"]))
        return halo_id

    def _link_product(self, kind: str) -> str:
        acting = self.acting
        row = next(row for row in acting.bc("items") if row["type"] == kind and not row.get("blocked"))
        made = acting.agent("Item", {"name": f"{row['displayName']} (Halo)", "assetgroup_id": 1})
        halo_id = number(made["id"])
        self._put("products", halo_id, str(row["id"]))
        return halo_id

    def line(
        self, kind: str = "Service", quantity: float = 1, price: float = 100, text: str = "Work"
    ) -> dict[str, Any]:
        return {
            "_itemid": int(self.products[kind]),
            "qty_order": quantity,
            "unit_price": price,
            "item_shortdescription": text,
        }

    def stray_line(self, name: str = "Unlinked thing", text: str = "Work") -> dict[str, Any]:
        """A line on a new product that no link knows."""
        product = number(self.acting.agent("Item", {"name": name, "assetgroup_id": 1})["id"])
        return {**self.line(text=text), "_itemid": int(product)}

    def invoice(self, *lines: dict[str, Any], **more: Any) -> str:
        """An agent saves a new invoice; its Halo id."""
        made = self.acting.agent(
            "Invoice",
            {
                "client_id": int(self.customer),
                "invoice_date": "2026-11-20T00:00:00",
                "duedate": "2026-12-20T00:00:00",
                "lines": list(lines) or [self.line()],
                **more,
            },
        )
        return number(made["id"])


def blocked(row: dict[str, Any]) -> bool:
    return str(row.get("blocked", "")).strip() not in ("", "_x0020_", "False", "false")


def number(value: Any) -> str:
    return str(int(float(value)))
