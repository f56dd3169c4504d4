"""The app's own import in a process of its own: `python -m bench.bulk_ours KIND CONNECTION first|linked|seed`.

Prints a line of JSON for each run. `first`: one run into the sandbox's Halo, which knows part of the records, and one that
finds nothing to write. `linked`: the latter alone, on the links that `seed` left for every record.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from bc import settings
from bc.imports.kinds import KINDS, LinkedKind, new_link
from bc.imports.request import ImportRequest, start_import
from bc.jobs.run import run_job
from bc.model import Connection, ImportKind, ImportPageMessage
from bc.services import Services, build
from bench.machine import Growth


async def measure(kind: ImportKind, connection_id: str, mode: str) -> None:
    services = build(settings.load(os.environ))
    try:
        stored = await services.store.connections.get(connection_id)
        if stored is None:
            raise SystemExit("no such connection")
        if mode == "seed":
            await _seed(services, stored.value, KINDS[kind])
            return
        # Signs in and loads what a first use loads.
        await services.bc.page(stored.value, "paymentTerms", page_size=1)
        for _ in range(2 if mode == "first" else 1):
            print(json.dumps(await _run(services, stored.value, kind)), flush=True)
            sys.stdin.readline()  # the parent reads its counters
    finally:
        await services.close()


async def _seed(services: Services, connection: Connection, kind: LinkedKind) -> None:
    """Links as an import of everything leaves them; Halo's side is left as it is."""
    path, params, number = kind.endpoint, {"$select": kind.select}, 0
    while path:
        rows, following = await services.bc.page(connection, path, params=params or None)
        now = datetime.now(UTC)
        links = []
        for row in rows:
            number += 1
            name = str(row["displayName"])
            links.append(
                new_link(kind, connection, row, str(number), halo_name=name, source="import", at=now)
            )
        await services.store.links.put_many(links)
        path, params = following, {}


async def _run(services: Services, connection: Connection, kind: ImportKind) -> dict[str, Any]:
    growth = Growth()
    started = time.perf_counter()
    job = await start_import(services, connection, kind, ImportRequest(all=True))
    page = 0
    while True:
        await run_job(services, ImportPageMessage(job_id=job.id, page=page))
        row = await services.store.jobs.get(job.id)
        if row is None or row.value.finished_at:
            break
        page += 1
    took = time.perf_counter() - started
    ended = msgspec.to_builtins(row.value) if row else {}
    return {"job": ended, "seconds": took, "growth": growth.mib, "peak": growth.peak, "messages": page + 1}


if __name__ == "__main__":
    asyncio.run(measure(cast("ImportKind", sys.argv[1]), sys.argv[2], sys.argv[3]))
