"""The credit memos that BC holds of a Halo credit note."""

from __future__ import annotations

from typing import Any

from tests.e2e.acting import Acting


def memos(acting: Acting, halo_id: str) -> list[dict[str, Any]]:
    """Every credit memo in BC that carries this credit note's key."""
    key = f"HALO-{halo_id}"
    return [row for row in acting.bc("salesCreditMemos") if row["externalDocumentNumber"] == key]


def memo_lines(acting: Acting, halo_id: str) -> list[dict[str, Any]]:
    """The lines of the one credit memo there is."""
    (memo,) = memos(acting, halo_id)
    rows = [row for row in acting.bc("salesCreditMemoLines") if row["documentId"] == memo["id"]]
    return sorted(rows, key=lambda row: int(row["sequence"]))
