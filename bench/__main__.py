"""`make bench`: measures on this machine and prints tables for docs/measurements.md. Nothing is judged.

`python -m bench house`, `flood`, `scale` or `bulk` measures that part alone (`flood 1000` one size of it); `bulk` takes some ten
minutes and fetches its peers from PyPI.
`scale` measures two hundred connections (`scale 200 2`: and two invoices of each).
`console` measures the console's pages over storage that it fills, `console-import` its import page with a large company.
`full` is `bulk` with first imports of twenty thousand records, which takes twice as long.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

from bench import bulk, console, flood, house, imports, scale
from bench.imports import Row
from bench.machine import machine


def main() -> int:
    """Print the tables as Markdown."""
    load = os.getloadavg()[0]
    print(f"{datetime.now(UTC):%Y-%m-%d}, {machine()}, load {load:.1f} before the start\n", flush=True)
    wanted = sys.argv[1:] or ["house", "bulk"]
    if "house" in wanted:
        _table("Start and memory, each in processes of its own", imports.rows())
        _table("The running house, on the sandbox and Azurite", house.rows())
    if "flood" in wanted:
        flood.tables([int(one) for one in wanted if one.isdigit()] or (1_000, 5_000))
    if "scale" in wanted:
        for title, rows in scale.tables(*[int(one) for one in wanted if one.isdigit()]):
            _table(title, rows)
    if "bulk" in wanted:
        bulk.tables()
    if "console" in wanted:
        _table("The console's first page", console.first_page())
        _table("The console over 20,000 links and 100,000 outcomes", console.filled(20_000, 100_000))
    if "console-import" in wanted:
        _table("The import page, sandbox at scale 134", console.importing(134))
    if "full" in wanted:
        bulk.tables(first_at_most=20_000)
    return 0


def _table(title: str, rows: list[Row]) -> None:
    print(f"### {title}\n\n| what | value | |\n|---|---|---|")
    for row in rows:
        print(f"| {row.what} | {row.value} | {row.note} |")
    print(flush=True)


if __name__ == "__main__":
    sys.exit(main())
