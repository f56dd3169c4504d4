"""Copies the app's tables to a file, and back: `python -m local.backup save FILE`, `… restore FILE`, `… check FILE`.

The storage is the one that `AzureWebJobsStorage` (or its identity-based settings) names in the environment. The file is
compressed JSON lines: a header, rows, and a last line that counts them, so that a file cut short is never taken for a
whole one. Secrets in it are sealed as they are in the tables; names are not.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import gzip
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableServiceClient

from local.settings import BadConfiguration
from local.storage import HOST_STORAGE, table_service

FORMAT = "halo-bc tables 1"
# About the moment and wrong at any other: who is at work, which calls were made. The notes are not among them: the old
# watermark lets the sweep find what changed in Halo since the copy.
MOMENT = frozenset({"bcLeases", "bcBudgets"})
TRANSACTION = 100
# A transaction is at most 4 MiB on the wire; rows may be 1 MiB.
TRANSACTION_BYTES = 2_000_000


class Refused(Exception):
    """Nothing was changed; the text says why."""


async def save(service: TableServiceClient, file: Path) -> dict[str, int]:
    """Write every row of the app's tables; rows by table. The file appears whole or not at all."""
    counts: dict[str, int] = {}
    partial = file.with_name(file.name + ".part")
    # Only its owner may read it: it holds names and sealed secrets.
    with (
        os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as raw,
        gzip.open(raw, "wt", encoding="utf-8") as out,
    ):
        out.write(json.dumps({"format": FORMAT, "at": datetime.now(UTC).isoformat()}) + "\n")
        async for table in _tables(service):
            counts[table] = 0
            async for row in service.get_table_client(table).list_entities():
                out.write(json.dumps({"table": table, "row": _packed(row)}) + "\n")
                counts[table] += 1
        out.write(json.dumps({"counts": counts}) + "\n")
    partial.replace(file)
    return counts


def check(file: Path) -> dict[str, int]:
    """Rows by table of a whole file. Raises `Refused` for any other."""
    counts: dict[str, int] = {}
    for table, _ in _read(file):
        counts[table] = counts.get(table, 0) + 1
    return counts


async def restore(service: TableServiceClient, file: Path, *, over: bool = False) -> dict[str, int]:
    """Write the rows of a file back, except those about the moment; rows by table.

    Raises `Refused` where a table has rows already, unless `over`: then rows of the file replace rows with their key,
    and rows that the file does not know stay.
    """
    check(file)
    if not over:
        await _refuse_rows(service)
    counts: dict[str, int] = {}
    for table, rows in _transactions(file):
        client = service.get_table_client(table)
        if table not in counts:
            await _make(client)
            counts[table] = 0
        await client.submit_transaction([("upsert", row, {"mode": UpdateMode.REPLACE}) for row in rows])
        counts[table] += len(rows)
    return counts


async def _refuse_rows(service: TableServiceClient) -> None:
    async for table in _tables(service):
        if table in MOMENT:
            continue
        async for _ in service.get_table_client(table).list_entities(results_per_page=1):
            raise Refused(
                f"{table} has rows. Restore into empty storage, or say --over to replace rows that the file knows."
            )


async def _tables(service: TableServiceClient) -> AsyncIterator[str]:
    names = [table.name async for table in service.list_tables()]
    for name in sorted(names):
        if name.startswith("bc") and name[2:3].isupper():
            yield name


async def _make(client: Any) -> None:
    """The table; one that is being deleted takes half a minute to be free again."""
    for attempt in range(30):
        try:
            await client.create_table()
        except ResourceExistsError:
            return
        except HttpResponseError as error:
            if error.status_code != 409 or attempt == 29:
                raise
            await asyncio.sleep(2)
        else:
            return


def _transactions(file: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Rows as they can be written at once: of one table and partition, 100 at most, not too long together."""
    held: list[dict[str, Any]] = []
    of, size = ("", ""), 0
    for table, packed in _read(file):
        if table in MOMENT:
            continue
        row, length = _unpacked(packed), len(json.dumps(packed))
        key = (table, str(row["PartitionKey"]))
        if held and (key != of or len(held) == TRANSACTION or size + length > TRANSACTION_BYTES):
            yield of[0], held
            held, size = [], 0
        of = key
        held.append(row)
        size += length
    if held:
        yield of[0], held


def _read(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    counts: dict[str, int] = {}
    told: dict[str, int] | None = None
    try:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            if json.loads(next(lines, "{}")).get("format") != FORMAT:
                raise Refused(f"{file.name} is no copy of this app's tables, or one of another version.")
            for line in lines:
                found = json.loads(line)
                if "counts" in found:
                    told = {name: number for name, number in found["counts"].items() if number}
                    continue
                counts[found["table"]] = counts.get(found["table"], 0) + 1
                yield found["table"], found["row"]
    except (OSError, EOFError, ValueError, AttributeError, KeyError) as error:
        raise Refused(f"{file.name} cannot be read: {error}") from error
    if counts != told:
        raise Refused(f"{file.name} is cut short: it does not hold the rows that it should.")


def _packed(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode("ascii")}
    if isinstance(value, str | bool | int | float):
        return value
    raise Refused(f"A row holds a {type(value).__name__}, which this command does not know.")


def _unpacked(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: base64.b64decode(value["bytes"]) if isinstance(value, dict) else value
        for name, value in row.items()
    }


async def _main(arguments: argparse.Namespace) -> dict[str, int]:
    file = Path(arguments.file)
    if arguments.what == "check":
        return check(file)
    async with table_service(HOST_STORAGE) as service:
        if arguments.what == "save":
            return await save(service, file)
        return await restore(service, file, over=arguments.over)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.backup", description="Copy the app's tables.")
    parser.add_argument("what", choices=("save", "check", "restore"))
    parser.add_argument("file")
    parser.add_argument("--over", action="store_true", help="restore into tables that have rows")
    try:
        counts = asyncio.run(_main(parser.parse_args()))
    except (Refused, BadConfiguration, OSError, AzureError) as error:
        print(str(error).splitlines()[0], file=sys.stderr)
        return 1
    for table, number in sorted(counts.items()):
        print(f"{table:16} {number:8,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
