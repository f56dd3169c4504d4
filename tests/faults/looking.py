"""What the cases look at: requests in the sandbox's log, switches, and outcomes that must stay as they are."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from tests.e2e.acting import Acting


def switch(acting: Acting, **values: Any) -> None:
    """Turn switches of the sandbox: `bc__template_rules=True`."""
    body = {name.replace("__", "."): value for name, value in values.items()}
    acting.control.put("/switches", json=body).raise_for_status()


def log(acting: Acting, service: str = "bc", body: str = "", **match: str) -> list[dict[str, Any]]:
    """Requests as the sandbox saw them, oldest first; `body` is a regular expression."""
    answer = acting.control.get("/log", params={"service": service, **match})
    answer.raise_for_status()
    entries: list[dict[str, Any]] = answer.json()["entries"]
    return [entry for entry in entries if re.search(body, entry["body"])]


def creates(acting: Acting, halo_id: str) -> list[dict[str, Any]]:
    """The requests that would create this invoice in BC."""
    return log(acting, body=rf'"externalDocumentNumber":"HALO-{halo_id}"', method="POST")


def lookups(acting: Acting, halo_id: str) -> list[dict[str, Any]]:
    """The requests that look for this invoice by its natural key."""
    return log(acting, method="GET", path=rf"externalDocumentNumber.*HALO-{halo_id}\b")


def at(entry: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["started"])


def deliver(acting: Acting, entity: str, halo_id: str, operation: str = "upsert") -> None:
    """Halo's webhook, in our own short form."""
    answer = acting.app.api.post(
        "/halo/events",
        params={"code": acting.app.function_key},
        json={"entity": entity, "halo_id": halo_id, "operation": operation},
    )
    assert answer.status_code == 202, answer.text


def lines(acting: Acting, halo_id: str) -> list[dict[str, Any]]:
    """The BC lines of the one BC invoice there is for this Halo invoice."""
    (invoice,) = acting.bc_invoices(halo_id)
    return acting.bc_lines(invoice["id"])


def edit_line(acting: Acting, halo_id: str, position: int = 0, **changes: Any) -> None:
    line = acting.halo("Invoice", halo_id)["lines"][position]
    acting.edit("Invoice", halo_id, {"lines": [{"id": line["id"], **changes}]})


def synced(acting: Acting, halo_id: str) -> dict[str, Any]:
    """Sync an invoice and return its BC record."""
    acting.sync("invoice", halo_id)
    outcome = acting.outcome("invoice", halo_id)
    assert outcome["status"] == "synced", outcome
    (invoice,) = acting.bc_invoices(halo_id)
    return invoice


def by_control(acting: Acting, method: str, path: str, body: Any = None) -> Any:
    """A bookkeeper's or another user's act in BC."""
    answer = acting.control.request(method, f"/bc{path}", json=body)
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None
