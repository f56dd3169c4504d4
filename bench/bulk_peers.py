"""One reader of a BC list in a process of its own: `python -m bench.bulk_peers READER`; prints a line of JSON.

`floor` asks for the fields that an import needs, page after page, and does nothing with them. `dlt` and `pybusinesscentral`
are used as their documentation shows. Runs in a venv of the bench: nothing of the app is imported here.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.request

from bench.machine import Growth

PAGE = 5_000


def floor(root: str, company: str, entity_set: str, token: str, select: str) -> int:
    """`$select`, one loop, no work."""
    url, count = f"{root}/companies({company})/{entity_set}?$select={select}", 0
    while url:
        headers = {"Authorization": f"Bearer {token}", "Prefer": f"odata.maxpagesize={PAGE}"}
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            page = json.load(answer)
        count += len(page["value"])
        url = page.get("@odata.nextLink", "")
    return count


def dlt(root: str, company: str, entity_set: str, token: str, select: str) -> int:
    """dlt's REST API source, iterated."""
    from dlt.sources.rest_api import rest_api_source  # type: ignore[import-not-found]

    source = rest_api_source(
        {
            "client": {
                "base_url": f"{root}/companies({company})/",
                "headers": {"Prefer": f"odata.maxpagesize={PAGE}"},
                "auth": {"type": "bearer", "token": token},
                "paginator": {"type": "json_link", "next_url_path": "'@odata.nextLink'"},
            },
            "resources": [{"name": entity_set, "endpoint": {"path": entity_set, "data_selector": "value"}}],
        }
    )
    return sum(1 for _ in source.resources[entity_set])


def pybusinesscentral(root: str, company: str, entity_set: str, token: str, select: str) -> int:
    """Microsoft's description as a generated client. It has no paging of its own, and of our two lists only customers."""
    from pybusinesscentral import ApiClient, Configuration
    from pybusinesscentral.api.customer_api import CustomerApi

    count = 0
    with ApiClient(Configuration(host=root, access_token=token)) as api:
        while True:
            rows = CustomerApi(api).list_customers(company, top=PAGE, skip=count).value or []
            count += len(rows)
            if len(rows) < PAGE:
                return count


READERS = {"floor": floor, "dlt": dlt, "pybusinesscentral": pybusinesscentral}


def main() -> None:
    reader = READERS[sys.argv[1]]
    wanted = json.loads(os.environ["BENCH_WANTED"])
    # What a first use loads counts as the client, not as growth.
    reader(**wanted["small"])
    growth = Growth()
    started = time.perf_counter()
    count = reader(**wanted["large"])
    took = time.perf_counter() - started
    print(json.dumps({"records": count, "seconds": took, "growth": growth.mib, "peak": growth.peak}))


if __name__ == "__main__":
    main()
