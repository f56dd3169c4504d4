"""Records as table rows: the schema version, the record as JSON, and the words the store speaks in."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Final, NamedTuple

import msgspec

from bc.errors import NotConfigured

VERSION = 1
# A string property holds 32 Ki UTF-16 units, a binary one 64 KiB, a row 1 MiB in all.
PLAIN_CHARACTERS = 15_000
CHUNK_BYTES = 60_000
_MOST_CHUNKS = 16

type Properties = dict[str, Any]


class Row[T](NamedTuple):
    """A record and the ETag that guards its next write."""

    value: T
    etag: str


class Page[T](NamedTuple):
    """Part of a list; `next` is the cursor of the rest, None at the end."""

    items: list[T]
    next: str | None


class Stale(Exception):
    """The ETag no longer matches, the row to create exists, or the row is gone: read again.

    `index`: which write of a transaction it was, where the service tells.
    """

    def __init__(self, name: str = "", index: int | None = None) -> None:
        super().__init__(name)
        self.index = index


class All(Enum):
    """The wish for every connection and none, where None stands for "of no connection"."""

    ALL = "all"


ALL: Final = All.ALL
type OfConnection = str | All | None


class Codec[T]:
    """Packs records of one type into row properties and back."""

    def __init__(self, kind: type[T]) -> None:
        self._decoder = msgspec.json.Decoder(kind)
        self._encoder = msgspec.json.Encoder(decimal_format="string")

    def pack(self, value: T, **filters: str) -> Properties:
        """Properties for a row; `filters` are kept beside the record for queries.

        A long record is compressed and split. Raises `ValueError` when it exceeds a row even so.
        """
        raw = self._encoder.encode(value)
        properties: Properties = {"v": VERSION, **filters}
        text = raw.decode("utf-8")
        if len(text) <= PLAIN_CHARACTERS:
            properties["data"] = text
            return properties
        packed = zlib.compress(raw, 6)
        chunks = [packed[at : at + CHUNK_BYTES] for at in range(0, len(packed), CHUNK_BYTES)]
        if len(chunks) > _MOST_CHUNKS:
            raise ValueError(f"a record of {len(raw)} bytes does not fit into a table row")
        return properties | {f"data{number}": chunk for number, chunk in enumerate(chunks)}

    def unpack(self, properties: Mapping[str, Any]) -> T:
        """The record of a row. Raises `NotConfigured` for a row that a newer version of the app wrote."""
        if properties["v"] != VERSION:
            raise NotConfigured(
                "newer_rows",
                "The tables hold rows of a newer version of this app.",
                cure="Deploy that version again; an older one cannot read them.",
            )
        if "data" in properties:
            return self._decoder.decode(properties["data"])
        packed = bytearray()
        while (chunk := properties.get(f"data{len(packed) // CHUNK_BYTES}")) is not None:
            packed += chunk
            if len(chunk) < CHUNK_BYTES:
                break
        return self._decoder.decode(zlib.decompress(packed))


def time_text(at: datetime) -> str:
    """A time as text that sorts oldest first."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
