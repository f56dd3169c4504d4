"""The synced entities: one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bc.entities import customer, product
from bc.model import Entity
from bc.sync.adapter import Adapter
from bc.sync.invoice_sync import InvoiceSync
from bc.sync.record_sync import RecordSpec, RecordSync

ADAPTERS: Mapping[Entity, Adapter[Any]] = {
    "customer": RecordSync(
        RecordSpec(
            entity="customer",
            resource="Client",
            endpoint=customer.ENDPOINT,
            select=customer.SELECT,
            payload=customer.customer_payload,
            changes=customer.customer_changes,
            held=customer.customer_held,
            name=customer.customer_name,
            stamp="alastupdate",
            email="email",
        )
    ),
    "product": RecordSync(
        RecordSpec(
            entity="product",
            resource="Item",
            endpoint=product.ENDPOINT,
            select=product.SELECT,
            payload=product.product_payload,
            changes=product.product_changes,
            held=product.product_held,
            name=product.product_name,
            stamp="lastmodified",
        )
    ),
    "invoice": InvoiceSync(),
}
