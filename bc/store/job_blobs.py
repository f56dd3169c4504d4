"""Bytes of a job that are too many for one row."""

from __future__ import annotations

import hashlib

from bc.store import keys
from bc.store.rows import CHUNK_BYTES, VERSION, Properties
from bc.store.tables import Tables

_CHUNKS_PER_ROW = 12
_ROW_BYTES = CHUNK_BYTES * _CHUNKS_PER_ROW
MOST_BYTES = 16 * 1024 * 1024


class JobBlobs:
    """Blobs by job and name, in rows of about 700 KiB."""

    def __init__(self, tables: Tables) -> None:
        self._table = tables.table("bcJobBlobs")

    async def put(self, job_id: str, name: str, data: bytes) -> None:
        """Write a blob; `get` finds it only once it is whole. Raises `ValueError` above 16 MiB."""
        if len(data) > MOST_BYTES:
            raise ValueError(f"{len(data)} bytes are too many to keep with a job")
        partition = keys.encode(job_id)
        for number in range(-(-len(data) // _ROW_BYTES)):
            part = data[number * _ROW_BYTES : (number + 1) * _ROW_BYTES]
            row: Properties = {"v": VERSION}
            for index in range(-(-len(part) // CHUNK_BYTES)):
                row[f"data{index}"] = part[index * CHUNK_BYTES : (index + 1) * CHUNK_BYTES]
            await self._table.put(partition, keys.join(name, f"{number:04d}"), row)
        head: Properties = {"v": VERSION, "digest": hashlib.sha256(data).hexdigest(), "size": str(len(data))}
        await self._table.put(partition, keys.join(name, "head"), head)

    async def get(self, job_id: str, name: str) -> bytes | None:
        """A blob, or None where it is missing or not whole."""
        partition = keys.encode(job_id)
        head = await self._table.get(partition, keys.join(name, "head"))
        if head is None:
            return None
        size, data = int(head.properties["size"]), bytearray()
        for number in range(-(-size // _ROW_BYTES)):
            row = await self._table.get(partition, keys.join(name, f"{number:04d}"))
            if row is None:
                return None
            for index in range(_CHUNKS_PER_ROW):
                data += row.properties.get(f"data{index}", b"")
        whole = bytes(data[:size])
        return whole if hashlib.sha256(whole).hexdigest() == head.properties["digest"] else None

    async def remove(self, job_id: str) -> None:
        """Remove all blobs of a job."""
        partition = keys.encode(job_id)
        rows = [found.key async for found in self._table.query(partition=partition, select=("v",))]
        await self._table.delete_keys(partition, rows)
