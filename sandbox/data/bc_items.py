"""Builds a company's items from a seed."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from sandbox.data import names
from sandbox.data.bc import Item, record_id

CENT = Decimal("0.01")


def build_items(rng: random.Random, company: str, count: int, created: datetime) -> tuple[Item, ...]:
    """The last four are the awkward ones: blocked, sales blocked, no posting groups, standard cost."""
    made: list[Item] = []
    for index in range(count):
        category, kind, pattern, unit, cost_text, margin = names.PRODUCTS[index % len(names.PRODUCTS)]
        grade = index // len(names.PRODUCTS) + 1
        cost = (Decimal(cost_text) * (100 + 7 * (grade - 1)) / 100).quantize(CENT, ROUND_HALF_UP)
        stocked = kind == "Inventory"
        number = f"{category[:3]}-{1000 + index}"
        made.append(
            Item(
                id=record_id(company, "item", number),
                number=number,
                name=pattern.format(n=grade),
                type=kind,
                category=category,
                unit=unit,
                gtin=f"{5000000000000 + rng.randint(0, 10**9):013d}"
                if stocked and rng.random() < 0.4
                else "",
                unit_price=(cost * (100 + margin) / 100).quantize(CENT, ROUND_HALF_UP),
                unit_cost=cost,
                price_includes_vat=False,
                inventory=Decimal(rng.randint(0, 80)) if stocked else Decimal(0),
                has_entries=stocked and rng.random() < 0.7,
                costing_method="FIFO",
                gen_product_group="GOODS" if stocked else "SERVICES",
                vat_product_group="ZERO"
                if category == "TRAINING"
                else "REDUCED"
                if index % 37 == 5
                else "STANDARD",
                inventory_group="RESALE" if stocked else "",
                blocked=False,
                sales_blocked=False,
                modified=some_time(rng, created),
            )
        )
    if count >= 20:
        made[-4] = replace(made[-4], blocked=True)
        made[-3] = replace(made[-3], sales_blocked=True)
        made[-2] = replace(made[-2], gen_product_group="", vat_product_group="", inventory_group="")
        stocked_at = next(i for i in range(count - 5, 0, -1) if made[i].type == "Inventory")
        made[stocked_at] = replace(made[stocked_at], costing_method="Standard", has_entries=True)
    return tuple(made)


def some_time(rng: random.Random, created: datetime) -> datetime:
    """When a record was last changed: within 600 days from `created` on."""
    return created + timedelta(milliseconds=rng.randint(0, 600 * 86_400_000))
