"""Links that many pushes look at, read once for all of them.

A link counts for a push if it was read after the push's dirty row was, as if that push had begun at that moment: who
changes a link and then orders a record moves its row, and is served by a later read. And for a few seconds only: who
changes a customer's link in the midst of a long flood finds it followed at once. A record's own link may be older, since
each write to it is guarded by its ETag.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bc.store.rows import Row

if TYPE_CHECKING:
    from bc.model import Link
    from bc.store.links import Links

MOST_KEPT = 2_000
SHARED_SECONDS = 5.0


class LinkReads:
    """One per process. Times are monotonic seconds."""

    def __init__(self, links: Links) -> None:
        self._links = links
        self._shared: dict[tuple[str, str, str], tuple[float, Row[Link]]] = {}
        self._ahead: dict[tuple[str, str, str], tuple[float, Row[Link] | None]] = {}

    async def shared(self, connection_id: str, entity: str, halo_id: str, since: float) -> Row[Link] | None:
        """The link of a record that other records refer to, as it was at `since` or later; None where it has none."""
        key = (connection_id, entity, halo_id)
        kept, began = self._shared.get(key), time.monotonic()
        if kept is not None and kept[0] >= max(since, began - SHARED_SECONDS):
            return kept[1]
        row = await self._links.get(*key)
        if row is not None and row.value.exists:
            if len(self._shared) >= MOST_KEPT:
                self._shared.clear()
            self._shared[key] = (began, row)
        else:
            # That it comes is what the record waits for.
            self._shared.pop(key, None)
        return row

    async def own(self, connection_id: str, entity: str, halo_id: str, since: float) -> Row[Link] | None:
        """The link of the record that is pushed: as it was read ahead at `since` or later, else as it is now."""
        key = (connection_id, entity, halo_id)
        read_at, row = self._ahead.pop(key, (0.0, None))
        return row if read_at >= since else await self._links.get(*key)

    async def ahead(self, connection_id: str, entity: str, wanted: Mapping[str, float]) -> None:
        """Read the links of records that will be pushed soon: `since` by Halo id. Raises `SyncError`."""
        keys = [
            key
            for halo_id, since in wanted.items()
            if (key := (connection_id, entity, halo_id)) not in self._ahead or self._ahead[key][0] < since
        ]
        began = time.monotonic()
        rows = await asyncio.gather(*(self._links.get(*key) for key in keys))
        if len(self._ahead) >= MOST_KEPT:
            self._ahead.clear()
        self._ahead |= {key: (began, row) for key, row in zip(keys, rows, strict=True)}
