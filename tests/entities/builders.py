"""Halo records as builders, so that a test says only what matters to it."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bc.model import Link

_ids = itertools.count(1)


def a_line(
    item: int = 0, quantity: str = "1", price: str = "10", text: str = "A thing", **more: Any
) -> dict[str, Any]:
    """An invoice line as Halo answers it."""
    return {
        "id": next(_ids),
        "_itemid": item,
        "qty_order": Decimal(quantity),
        "unit_price": Decimal(price),
        "discount_perc": Decimal(0),
        "item_shortdescription": text,
        "isgroupdesc": False,
        **more,
    }


def an_invoice(*lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A Halo invoice with its lines in the order given."""
    numbered = [{**line, "sequenceid": position} for position, line in enumerate(lines, 1)]
    return {
        "id": 1041,
        "invoicenumber": "1041",
        "client_id": 12,
        "client_name": "Contoso",
        "invoice_date": "2026-11-20T00:00:00",
        "duedate": "2026-12-20T00:00:00",
        "invoicetype": 0,
        "total": Decimal(10),
        "lines": numbered,
        **more,
    }


def a_customer_link() -> Link:
    return Link(
        connection_id="c1",
        entity="customer",
        halo_id="12",
        bc_id="11111111-1111-1111-1111-111111111111",
        bc_number="C0012",
        linked_at=datetime(2026, 11, 1, tzinfo=UTC),
    )
