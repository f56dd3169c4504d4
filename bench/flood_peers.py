"""The floor and a naive client in a process of their own: `python -m bench.flood_peers floor|naive`, the place as JSON.

`floor`: the request that our push sends for a new invoice, again and again, five in flight, and nothing else. `naive`: find
the customer, find each line's item, the header, the lines one by one, read back; five invoices in flight.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx

IN_FLIGHT = 5


async def measure(reader: str, place: dict[str, Any]) -> float:
    """Seconds for `count` invoices."""
    headers = {"Authorization": f"Bearer {place['token']}", "Accept": "application/json"}
    async with httpx.AsyncClient(headers=headers, timeout=600) as client:
        one = Floor(client, place).one if reader == "floor" else Naive(client, place).one
        started = time.perf_counter()
        await _each(place["count"], one)
        return time.perf_counter() - started


async def _each(count: int, one: Callable[[int], Awaitable[None]]) -> None:
    numbers = iter(range(count))

    async def worker() -> None:
        for number in numbers:
            await one(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(IN_FLIGHT):
            group.create_task(worker())


class Floor:
    """One request for each invoice, as it was seen on the wire; only the key is another."""

    def __init__(self, client: httpx.AsyncClient, place: dict[str, Any]) -> None:
        self._client, self._url = client, place["batch_url"]
        self._body, self._key = place["body"], place["key"]
        self._headers = {"Content-Type": "application/json", **place["headers"]}

    async def one(self, number: int) -> None:
        body = self._body.replace(self._key, f"FLOOR-{number}")
        answer = await self._client.post(self._url, content=body, headers=self._headers)
        parts = answer.raise_for_status().json()["responses"]
        if any(part["status"] >= 400 for part in parts):
            raise RuntimeError(answer.text[:2000])


class Naive:
    """What a first script does."""

    def __init__(self, client: httpx.AsyncClient, place: dict[str, Any]) -> None:
        self._client, self._root = client, place["company_url"]
        self._customer, self._item, self._lines = place["customer"], place["item"], place["lines"]

    async def one(self, number: int) -> None:
        customer = await self._find("customers", self._customer)
        header = {"customerNumber": customer["number"], "externalDocumentNumber": f"NAIVE-{number}"}
        invoice = await self._post("salesInvoices", header)
        path = f"salesInvoices({invoice['id']})"
        for _ in range(self._lines):
            item = await self._find("items", self._item)
            line = {"lineType": "Item", "itemId": item["id"], "quantity": 1, "unitPrice": 80}
            await self._post(f"{path}/salesInvoiceLines", line)
        await self._get(path, {"$expand": "salesInvoiceLines"})

    async def _find(self, entity_set: str, number: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self._get(entity_set, {"$filter": f"number eq '{number}'"}))["value"][
            0
        ]
        return found

    async def _get(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        answer = await self._client.get(f"{self._root}/{path}", params=query)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self._client.post(f"{self._root}/{path}", json=body)
        if answer.is_error:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:500]}")
        made: dict[str, Any] = answer.json()
        return made


if __name__ == "__main__":
    wanted = json.loads(os.environ["BENCH_WANTED"])
    print(json.dumps({"seconds": asyncio.run(measure(sys.argv[1], wanted))}))
