"""Customers that Halo has and BC does not, and what BC then holds of them."""

from __future__ import annotations

from typing import Any

from tests.e2e.acting import Acting, number


def a_customer(acting: Acting, **fields: Any) -> str:
    """A customer in Halo that BC does not know."""
    halo_id = number(acting.agent("Client", {"name": "Somebody", "toplevel_id": 1})["id"])
    acting.edit("Client", halo_id, {"name": f"Somebody {halo_id}", "accountsid": f"S{halo_id}", **fields})
    return halo_id


def own_customer(acting: Acting, halo_id: str) -> dict[str, Any]:
    (row,) = [row for row in acting.bc("customers") if row["number"] == f"S{halo_id}"]
    return row
