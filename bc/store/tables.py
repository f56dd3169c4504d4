"""Azure Tables as the store needs them: guarded writes, transactions, ranges; tables made on first use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from typing import cast

from azure.core.exceptions import HttpResponseError, ResourceExistsError

from bc.store.client import Found, LeanClient
from bc.store.group import TRANSACTION, Groups, Write
from bc.store.remote import Account, bad_address, in_words
from bc.store.rows import Properties, Stale
from bc.store.together import Range, Reads, only

__all__ = ["PAGE", "TRANSACTION", "Found", "Table", "Tables", "Write"]

PAGE = 1000


class _NoTable(Exception):
    """The table is not there yet."""


class Tables:
    """The account's table service; one per process."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._clients: dict[str, LeanClient] = {}

    def table(self, name: str) -> Table:
        """A table, which need not exist yet."""
        return Table(name, self._client)

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()
        self._clients.clear()

    def _client(self, name: str) -> LeanClient:
        if name not in self._clients:
            options = self._account.options()
            try:
                if text := self._account.connection_string():
                    client = cast(LeanClient, LeanClient.from_connection_string(text, name, **options))
                else:
                    client = LeanClient(
                        self._account.table_uri, name, credential=self._account.credential(), **options
                    )
            except ValueError as error:
                raise bad_address(error) from None
            self._clients[name] = client
        return self._clients[name]


class Table:
    """One table. Raises `Stale` for a guard that no longer holds, `Transient` and `NotConfigured` in words."""

    def __init__(self, name: str, client: Callable[[str], LeanClient]) -> None:
        self._name = name
        self._open = client
        self._groups = Groups(self._write_apart)
        self._reads = Reads(self._read_rows, self._page_of_rows, lambda found: found.key)
        self._partition_reads = Reads(
            self._read_partitions, self._page_of_partitions, lambda found: found.partition
        )
        self._making = asyncio.Lock()

    async def get(self, partition: str, key: str) -> Found | None:
        """One row, None where there is none."""
        with in_words("Table"):
            return await self._client().row(partition, key)

    async def one(self, partition: str, key: str) -> Found | None:
        """As `get`, together with other such reads of this moment (`bc.store.together`)."""
        return next(iter(await self._reads.within(partition, only(key))), None)

    async def within(self, partition: str, within: Range) -> list[Found]:
        """The rows of a narrow range of keys, in one query with other such reads of this moment."""
        return await self._reads.within(partition, within)

    async def of_partition(self, partition: str) -> list[Found]:
        """The rows of a small partition, in one query with those of others that are read at this moment."""
        return await self._partition_reads.within("", only(partition))

    async def _read_rows(self, partition: str, within: Range) -> list[Found]:
        if within == only(within.start):
            found = await self.get(partition, within.start)
            return [found] if found else []
        return [row async for row in self.query(partition=partition, start=within.start, below=within.below)]

    async def _page_of_rows(self, partition: str, within: Range, most: int) -> tuple[list[Found], bool]:
        return await self._first_page(_terms(partition=partition, **within._asdict()), most)

    async def _read_partitions(self, _: str, within: Range) -> list[Found]:
        return [row async for row in self.query(partition=within.start)]

    async def _page_of_partitions(self, _: str, within: Range, most: int) -> tuple[list[Found], bool]:
        return await self._first_page(_terms(partitions=within), most)

    async def _first_page(self, terms: Sequence[str], most: int) -> tuple[list[Found], bool]:
        """Up to `most` rows, and whether these are all."""
        with in_words("Table"):
            found, more = await self._client().page(" and ".join(terms), min(most, PAGE))
        return found, more is None

    async def insert(self, partition: str, key: str, properties: Properties) -> str:
        """A new row; its ETag. Raises `Stale` if it exists."""
        return (await self._write_apart(partition, [Write("insert", key, properties)]))[0]

    async def replace(self, partition: str, key: str, properties: Properties, etag: str) -> str:
        """The row anew, if its ETag still matches; the new one. Raises `Stale`."""
        return (await self._write_apart(partition, [Write("replace", key, properties, etag)]))[0]

    async def put(self, partition: str, key: str, properties: Properties) -> str:
        """The row, whether it exists or not; its ETag."""
        return (await self._write_apart(partition, [Write("put", key, properties)]))[0]

    async def delete(self, partition: str, key: str, etag: str = "") -> None:
        """Remove a row. With an ETag it must match, else `Stale`; without, a row that is gone is fine."""
        with nullcontext() if etag else suppress(Stale):
            await self.write(partition, [Write("delete", key, etag=etag)])

    async def write(self, partition: str, writes: Sequence[Write]) -> list[str]:
        """Up to 100 writes in one partition, all or none; their ETags ("" for a delete). Raises `Stale`.

        Those of several callers share a transaction while another one of the partition is under way (`bc.store.group`).
        """
        return await self._groups.write(partition, writes) if writes else []

    async def _write_apart(self, partition: str, writes: Sequence[Write]) -> list[str]:
        return await self._do(lambda client: client.write(partition, writes))

    async def delete_keys(self, partition: str, keys: Sequence[str]) -> None:
        """Remove many rows of one partition; those that are gone are fine."""
        for at in range(0, len(keys), TRANSACTION):
            chunk = list(dict.fromkeys(keys[at : at + TRANSACTION]))
            try:
                await self.write(partition, [Write("delete", key) for key in chunk])
            except Stale:
                for key in chunk:
                    await self.delete(partition, key)

    async def query(
        self,
        *,
        partition: str = "",
        partitions: tuple[str, str] | None = None,
        start: str = "",
        below: str = "",
        after: str = "",
        where: Mapping[str, str] | None = None,
        extra: str = "",
        select: Sequence[str] = (),
        page_size: int = PAGE,
    ) -> AsyncIterator[Found]:
        """Rows in key order. `partitions` is a range, `start <= key < below` and `after < key` bound the row key.

        `where` names properties and the text each must equal; `extra` is OData of our own making.
        """
        terms = _terms(partition=partition, partitions=partitions, start=start, below=below, after=after)
        terms += [f"{name} eq {_quoted(value)}" for name, value in (where or {}).items()]
        terms += [extra] if extra else []
        columns = ("PartitionKey", "RowKey", *select) if select else ()
        since = None
        while True:
            with in_words("Table"):
                rows, since = await self._client().page(
                    " and ".join(terms), min(page_size, PAGE), columns, since
                )
            for found in rows:
                yield found
            if since is None:
                return

    async def _do[T](self, call: Callable[[LeanClient], Awaitable[T]]) -> T:
        try:
            return await self._try(call)
        except _NoTable:
            async with self._making:
                await self._make()
            return await self._try(call)

    async def _try[T](self, call: Callable[[LeanClient], Awaitable[T]]) -> T:
        try:
            with in_words("Table"):
                return await call(self._client())
        except HttpResponseError as error:
            if _is(error, "TableNotFound"):
                raise _NoTable from error
            if error.status_code in (404, 409, 412):
                # In a transaction the service tells which of its writes it was.
                raise Stale(self._name, getattr(error, "index", None)) from error
            raise

    async def _make(self) -> None:
        try:
            with in_words("Table"):
                await self._client().create_table()
        except ResourceExistsError:
            return  # another worker was first

    def _client(self) -> LeanClient:
        return self._open(self._name)


def _terms(
    *,
    partition: str = "",
    partitions: tuple[str, str] | None = None,
    start: str = "",
    below: str = "",
    after: str = "",
) -> list[str]:
    """The terms of an OData filter on the keys."""
    terms = []
    if partition:
        terms.append(f"PartitionKey eq {_quoted(partition)}")
    if partitions:
        terms.append(f"PartitionKey ge {_quoted(partitions[0])} and PartitionKey lt {_quoted(partitions[1])}")
    terms += [f"RowKey ge {_quoted(start)}"] if start else []
    terms += [f"RowKey lt {_quoted(below)}"] if below else []
    terms += [f"RowKey gt {_quoted(after)}"] if after else []
    return terms


def _is(error: HttpResponseError, code: str) -> bool:
    """Whether the service gave this code. The client decodes it for some calls only, so the body is asked too."""
    known = getattr(error, "error_code", None)
    if known:
        return str(getattr(known, "value", known)) == code
    return f'"{code}"' in str(error)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
