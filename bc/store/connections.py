"""Connections and, beside each, its sealed client secret."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime

import msgspec

from bc.model import Connection
from bc.settings import Secret
from bc.store import keys
from bc.store.records import until_it_holds
from bc.store.rows import VERSION, Codec, Row
from bc.store.sealing import Sealed
from bc.store.tables import Tables, Write
from bc.store.vault import Vault

# One partition, so that a connection and its secret, or a change of the default, are one transaction.
_PARTITION = "connections"
_CODEC = Codec(Connection)

type _Rows = list[Row[Connection]]
type _List = list[Connection]


class Connections:
    """The connections of this app; a few to some dozens."""

    def __init__(self, tables: Tables, vault: Vault, now: Callable[[], datetime]) -> None:
        self._table = tables.table("bcConnections")
        self._vault = vault
        self._now = now

    async def list(self) -> _List:
        """All connections, oldest first."""
        return sorted((row.value for row in await self._rows()), key=lambda c: (c.created_at, c.id))

    async def get(self, connection_id: str) -> Row[Connection] | None:
        """One connection, None where there is none."""
        found = await self._table.get(_PARTITION, _key(connection_id))
        return Row(_CODEC.unpack(found.properties), found.etag) if found else None

    async def insert(self, connection: Connection, secret: Secret) -> Row[Connection]:
        """A new connection with its secret. Raises `Stale` if the id is taken, `NotConfigured` without a key."""
        writes = [
            Write("insert", _key(connection.id), _CODEC.pack(connection)),
            Write("put", _secret_key(connection.id), self._sealed(secret)),
        ]
        return Row(connection, (await self._table.write(_PARTITION, writes))[0])

    async def replace(self, connection: Connection, etag: str) -> Row[Connection]:
        """The connection anew. Raises `Stale`."""
        written = await self._table.replace(_PARTITION, _key(connection.id), _CODEC.pack(connection), etag)
        return Row(connection, written)

    async def update(self, connection_id: str, change: Callable[[Connection], Connection]) -> Connection:
        """Read, change and write until it holds; sets `updated_at`. Nothing is written where nothing changes.

        `change` may run several times. Raises `KeyError` if the connection is gone.
        """

        async def attempt() -> Connection:
            row = await self.get(connection_id)
            if row is None:
                raise KeyError(connection_id)
            changed = change(row.value)
            if changed == row.value:
                return row.value
            changed = msgspec.structs.replace(changed, updated_at=self._now())
            return (await self.replace(changed, row.etag)).value

        return await until_it_holds(attempt)

    async def secret(self, connection_id: str) -> Secret:
        """The client secret. Raises `KeyError` where none is kept, `NotConfigured` where no key opens it."""
        found = await self._table.get(_PARTITION, _secret_key(connection_id))
        if found is None:
            raise KeyError(connection_id)
        return Secret(self._vault.open(str(found.properties["sealed"])))

    async def set_secret(self, connection_id: str, secret: Secret) -> None:
        """Another client secret. Raises `NotConfigured` without a key."""
        await self._table.put(_PARTITION, _secret_key(connection_id), self._sealed(secret))

    async def sealed(self) -> AsyncIterator[Sealed]:
        """Every sealed client secret."""
        start, below = keys.starting_with("s", total=2)
        async for found in self._table.query(partition=_PARTITION, start=start, below=below):
            yield Sealed(self._table, found, str(found.properties["sealed"]), _packed_seal)

    async def delete(self, connection_id: str) -> None:
        """Remove a connection and its secret; fine where there is none. Its other rows: `Store.forget`."""
        await self._table.delete_keys(_PARTITION, [_key(connection_id), _secret_key(connection_id)])

    async def set_default(self, connection_id: str) -> None:
        """Make it the only default, in one transaction. Raises `KeyError` if it is gone."""

        async def attempt() -> None:
            rows = await self._rows()
            if all(row.value.id != connection_id for row in rows):
                raise KeyError(connection_id)
            await self._table.write(
                _PARTITION,
                [
                    Write("replace", _key(row.value.id), _CODEC.pack(self._turned(row.value)), row.etag)
                    for row in rows
                    if row.value.is_default != (row.value.id == connection_id)
                ],
            )

        await until_it_holds(attempt)

    def _turned(self, connection: Connection) -> Connection:
        return msgspec.structs.replace(
            connection, is_default=not connection.is_default, updated_at=self._now()
        )

    async def _rows(self) -> _Rows:
        start, below = keys.starting_with("c", total=2)
        return [
            Row(_CODEC.unpack(found.properties), found.etag)
            async for found in self._table.query(partition=_PARTITION, start=start, below=below)
        ]

    def _sealed(self, secret: Secret) -> dict[str, str | int]:
        return _packed_seal(self._vault.seal(secret))


def _packed_seal(sealed: str) -> dict[str, str | int]:
    return {"v": VERSION, "sealed": sealed}


def _key(connection_id: str) -> str:
    return keys.join("c", connection_id)


def _secret_key(connection_id: str) -> str:
    return keys.join("s", connection_id)
