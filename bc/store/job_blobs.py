"""Bytes of a job that are too many for one row."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from bc.store import keys
from bc.store.rows import CHUNK_BYTES, VERSION, Properties
from bc.store.tables import Tables

_CHUNKS_PER_ROW = 12
_ROW_BYTES = CHUNK_BYTES * _CHUNKS_PER_ROW
MOST_BYTES = 16 * 1024 * 1024


class JobBlobs:
    """Blobs by job and name, each replaced in one write: whoever is killed leaves the old one or the new.

    A row named "head" holds up to 700 KiB. A larger blob has its parts in rows that bear its digest in their names, and
    the head is written last. Parts of a blob that was replaced stay until the job is removed.
    """

    def __init__(self, tables: Tables) -> None:
        self._table = tables.table("bcJobBlobs")

    async def put(self, job_id: str, name: str, data: bytes) -> None:
        """Write a blob. Raises `ValueError` above 16 MiB."""
        if len(data) > MOST_BYTES:
            raise ValueError(f"{len(data)} bytes are too many to keep with a job")
        partition = keys.encode(job_id)
        digest = hashlib.sha256(data).hexdigest()
        head: Properties = {"v": VERSION, "digest": digest, "size": str(len(data))}
        if len(data) <= _ROW_BYTES:
            head |= _chunks(data)
        else:
            for number in range(-(-len(data) // _ROW_BYTES)):
                part = data[number * _ROW_BYTES : (number + 1) * _ROW_BYTES]
                row: Properties = {"v": VERSION, **_chunks(part)}
                await self._table.put(partition, _part_key(name, digest, number), row)
        await self._table.put(partition, keys.join(name, "head"), head)

    async def get(self, job_id: str, name: str) -> bytes | None:
        """A blob, or None where it is missing or not whole."""
        partition = keys.encode(job_id)
        head = await self._table.get(partition, keys.join(name, "head"))
        if head is None:
            return None
        size, digest = int(head.properties["size"]), str(head.properties["digest"])
        data = _joined(head.properties)
        for number in range(-(-size // _ROW_BYTES) if not data else 0):
            row = await self._table.get(partition, _part_key(name, digest, number))
            if row is None:
                return None
            data += _joined(row.properties)
        return data if hashlib.sha256(data).hexdigest() == digest else None

    async def remove(self, job_id: str) -> None:
        """Remove all blobs of a job."""
        partition = keys.encode(job_id)
        rows = [found.key async for found in self._table.query(partition=partition, select=("v",))]
        await self._table.delete_keys(partition, rows)


def _part_key(name: str, digest: str, number: int) -> str:
    return keys.join(name, digest[:16], f"{number:04d}")


def _chunks(data: bytes) -> Properties:
    return {
        f"data{index}": data[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES]
        for index in range(-(-len(data) // CHUNK_BYTES))
    }


def _joined(properties: Mapping[str, Any]) -> bytes:
    return b"".join(properties.get(f"data{index}", b"") for index in range(_CHUNKS_PER_ROW))
