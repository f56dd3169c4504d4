"""Tables of rows that can be rolled back: what Business Central keeps in its database."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from sandbox.clock import Clock


@dataclass(frozen=True, slots=True)
class Row:
    """A saved record. `values` holds wire names (see schema) and, for BC's own use, names no API page shows."""

    id: str
    version: int
    created: datetime
    modified: datetime
    values: Mapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self.values.get(name, default)

    @property
    def etag(self) -> str:
        """`W/"JzIw…"`: opaque to clients; here the row's version in BC's usual wrapping."""
        token = f"'20;{self.version:020d}1;00;'"
        return f'W/"{base64.b64encode(token.encode()).decode()}"'


class Journal:
    """What was changed, newest last, so that it can be taken back to a mark; `commit` forgets the way back."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.version = 1_225_000
        self._undo: list[tuple[Table, str, Row | None]] = []
        self._committed = 0

    def note(self, table: Table, row_id: str, before: Row | None) -> None:
        self._undo.append((table, row_id, before))

    def next_version(self) -> int:
        self.version += 1
        return self.version

    @property
    def mark(self) -> int:
        return self._committed + len(self._undo)

    def commit(self) -> None:
        self._committed += len(self._undo)
        self._undo.clear()

    def rollback(self, mark: int) -> None:
        """Back to `mark`, or to the last commit where that came later (BC: AL commits escape a snapshot)."""
        while self._undo and self.mark > mark:
            table, row_id, before = self._undo.pop()
            table.restore(row_id, before)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; may stand inside another."""
        mark = self.mark
        try:
            yield
        except BaseException:
            self.rollback(mark)
            raise


class Table:
    """Rows by id, with an index on the key field and, for lines, one on the document they belong to."""

    def __init__(self, journal: Journal, key: str = "", parent: str = "") -> None:
        self.rows: dict[str, Row] = {}
        self.key = key
        self.parent = parent
        self._journal = journal
        self._keys: dict[Any, str] = {}
        self._children: dict[str, dict[str, None]] = {}

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows.values())

    def get(self, row_id: str) -> Row | None:
        return self.rows.get(row_id)

    def by_key(self, key: Any) -> Row | None:
        row_id = self._keys.get(key)
        return self.rows[row_id] if row_id is not None else None

    def children(self, parent_id: str) -> list[Row]:
        """The rows of one document, by key."""
        found = [self.rows[row_id] for row_id in self._children.get(parent_id, ())]
        return sorted(found, key=lambda row: row[self.key])

    def first(self, wanted: Callable[[Row], bool]) -> Row | None:
        return next((row for row in self if wanted(row)), None)

    def insert(self, values: Mapping[str, Any], row_id: str = "", at: datetime | None = None) -> Row:
        """Save a new row; `at` is the time it was saved at (now, unless it is a seed)."""
        now = at or self._journal.clock.stamp()
        row = Row(row_id or str(uuid4()), self._journal.next_version(), now, now, dict(values))
        self._set(row)
        return row

    def update(self, row_id: str, changes: Mapping[str, Any], *, touch: bool = True) -> Row:
        """Save changes. `touch` False: a recalculation, which moves neither the ETag nor the time."""
        old = self.rows[row_id]
        row = Row(
            row_id,
            self._journal.next_version() if touch else old.version,
            old.created,
            self._journal.clock.stamp() if touch else old.modified,
            {**old.values, **changes},
        )
        self._set(row)
        return row

    def remove(self, row_id: str) -> None:
        old = self.rows[row_id]
        self._journal.note(self, row_id, old)
        self._drop(old)

    def restore(self, row_id: str, before: Row | None) -> None:
        """Undo: without a note in the journal."""
        present = self.rows.get(row_id)
        if present is not None:
            self._drop(present)
        if before is not None:
            self._place(before)

    def _set(self, row: Row) -> None:
        old = self.rows.get(row.id)
        self._journal.note(self, row.id, old)
        if old is not None:
            self._unindex(old)
        self._place(row)

    def _place(self, row: Row) -> None:
        self.rows[row.id] = row
        if self.parent:
            self._children.setdefault(row[self.parent], {})[row.id] = None
        elif self.key:
            self._keys[row[self.key]] = row.id

    def _drop(self, row: Row) -> None:
        del self.rows[row.id]
        self._unindex(row)

    def _unindex(self, row: Row) -> None:
        if self.parent:
            self._children[row[self.parent]].pop(row.id, None)
        elif self.key and self._keys.get(row[self.key]) == row.id:
            del self._keys[row[self.key]]
