"""Azure Tables as the store needs them: guarded writes, transactions, ranges; tables made on first use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.data.tables import UpdateMode
from azure.data.tables.aio import TableClient, TableServiceClient

from bc.store.group import TRANSACTION, Groups, Write
from bc.store.remote import Account, bad_address, in_words
from bc.store.rows import Properties, Stale
from bc.store.together import Range, Reads, only

if TYPE_CHECKING:
    from azure.core.async_paging import AsyncPageIterator

__all__ = ["PAGE", "TRANSACTION", "Found", "Table", "Tables", "Write"]

PAGE = 1000


class Found(NamedTuple):
    """A row as it was read."""

    partition: str
    key: str
    properties: Mapping[str, Any]
    etag: str


class _NoTable(Exception):
    """The table is not there yet."""


class Tables:
    """The account's table service; one per process."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._service: TableServiceClient | None = None

    def table(self, name: str) -> Table:
        """A table, which need not exist yet."""
        return Table(name, self._client)

    async def close(self) -> None:
        if self._service is not None:
            await self._service.close()
            self._service = None

    def _client(self, name: str) -> TableClient:
        if self._service is None:
            options = self._account.options()
            try:
                if text := self._account.connection_string():
                    self._service = TableServiceClient.from_connection_string(text, **options)
                else:
                    self._service = TableServiceClient(
                        self._account.table_uri, credential=self._account.credential(), **options
                    )
            except ValueError as error:
                raise bad_address(error) from None
        return self._service.get_table_client(name)


class Table:
    """One table. Raises `Stale` for a guard that no longer holds, `Transient` and `NotConfigured` in words."""

    def __init__(self, name: str, client: Callable[[str], TableClient]) -> None:
        self._name = name
        self._open = client
        self._held: TableClient | None = None
        self._groups = Groups(self._write_apart)
        self._reads = Reads(self._read_rows, self._page_of_rows, lambda found: found.key)
        self._partition_reads = Reads(
            self._read_partitions, self._page_of_partitions, lambda found: found.partition
        )
        self._making = asyncio.Lock()

    async def get(self, partition: str, key: str) -> Found | None:
        """One row, None where there is none."""
        try:
            with in_words("Table"):
                entity = await self._client().get_entity(partition, key)
        except ResourceNotFoundError:
            return None
        return Found(partition, key, entity, str(entity.metadata["etag"]))

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
        rows = self._client().query_entities(" and ".join(terms), results_per_page=min(most, PAGE))
        pages = cast("AsyncPageIterator[Any]", rows.by_page())
        try:
            with in_words("Table"):
                found = [_found(entity) async for entity in await anext(pages)]
        except (ResourceNotFoundError, StopAsyncIteration):
            return [], True  # no table yet, so no rows
        return found, pages.continuation_token is None

    async def insert(self, partition: str, key: str, properties: Properties) -> str:
        """A new row; its ETag. Raises `Stale` if it exists."""
        entity = {"PartitionKey": partition, "RowKey": key, **properties}
        return _etag(await self._do(lambda client: client.create_entity(entity)))

    async def replace(self, partition: str, key: str, properties: Properties, etag: str) -> str:
        """The row anew, if its ETag still matches; the new one. Raises `Stale`."""
        entity = {"PartitionKey": partition, "RowKey": key, **properties}
        return _etag(
            await self._do(
                lambda client: client.update_entity(
                    entity, UpdateMode.REPLACE, etag=etag, match_condition=MatchConditions.IfNotModified
                )
            )
        )

    async def put(self, partition: str, key: str, properties: Properties) -> str:
        """The row, whether it exists or not; its ETag."""
        entity = {"PartitionKey": partition, "RowKey": key, **properties}
        return _etag(await self._do(lambda client: client.upsert_entity(entity, UpdateMode.REPLACE)))

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
        # Alone a row needs no envelope, which costs the client more than the row.
        match writes:
            case [Write("insert", key, properties)]:
                return [await self.insert(partition, key, properties or {})]
            case [Write("put", key, properties)]:
                return [await self.put(partition, key, properties or {})]
            case [Write("replace", key, properties, etag)] if etag:
                return [await self.replace(partition, key, properties or {}, etag)]
        operations = [_operation(partition, write) for write in writes]
        answers = await self._do(lambda client: client.submit_transaction(operations))
        return [str(answer.get("etag", "")) for answer in answers]

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
        columns = ["PartitionKey", "RowKey", *select] if select else None
        try:
            with in_words("Table"):
                rows = self._client().query_entities(
                    " and ".join(terms), results_per_page=min(page_size, PAGE), select=columns
                )
                async for entity in rows:
                    yield _found(entity)
        except ResourceNotFoundError:
            return  # no table yet, so no rows

    async def _do[T](self, call: Callable[[TableClient], Awaitable[T]]) -> T:
        try:
            return await self._try(call)
        except _NoTable:
            async with self._making:
                await self._make()
            return await self._try(call)

    async def _try[T](self, call: Callable[[TableClient], Awaitable[T]]) -> T:
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

    def _client(self) -> TableClient:
        if self._held is None:
            self._held = self._open(self._name)
        return self._held


def _found(entity: Any) -> Found:
    etag = str(entity.metadata.get("etag", ""))
    return Found(entity["PartitionKey"], entity["RowKey"], entity, etag)


def _operation(partition: str, write: Write) -> tuple[Any, ...]:
    entity = {"PartitionKey": partition, "RowKey": write.key, **(write.properties or {})}
    guard = {"etag": write.etag, "match_condition": MatchConditions.IfNotModified} if write.etag else {}
    match write.operation:
        case "insert":
            return ("create", entity)
        case "put":
            return ("upsert", entity, {"mode": UpdateMode.REPLACE})
        case "replace":
            return ("update", entity, {"mode": UpdateMode.REPLACE, **guard})
        case "delete":
            return ("delete", entity, guard)


def _etag(answer: Mapping[str, Any]) -> str:
    return str(answer["etag"])


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
