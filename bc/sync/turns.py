"""Whose turn it is: the waiting rows in fair order, arranged now and then and not with each push that ends.

What people ordered and what came by itself take turns, a person first; among each, the longest waiting and the latest
do. So a single edit waits behind no month's invoicing run, however that was ordered, and the run does not starve either.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from itertools import zip_longest

from bc.model import Dirty
from bc.store.dirty import PEOPLE
from bc.sync.halo_reads import Stance

# In a flood whose records come in lists, one of so many pushes reads its record alone: whoever came last gets a turn.
LONE_EVERY = 16
type Key = tuple[str, str]


class Turns:
    """The order as it was last arranged; whoever takes a turn sees for himself whether the row still waits."""

    def __init__(self) -> None:
        self._going: deque[tuple[Key, bool]] = deque()
        self._coming: deque[Key] = deque()
        self._count = 0
        self._since_lone = 0

    @property
    def wait_for_a_list(self) -> bool:
        """Whether there are rows that had better be read with others."""
        return bool(self._coming)

    def arrange(self, rows: Iterable[tuple[Key, Dirty]], stance: Callable[[Key], Stance]) -> None:
        """Arrange the rows that may be tried now, anew."""
        people: list[tuple[Key, Dirty]] = []
        others: list[tuple[Key, Dirty]] = []
        for key, dirty in rows:
            (people if dirty.source in PEOPLE else others).append((key, dirty))
        self._count += 1
        self._going.clear()
        self._coming.clear()
        for pair in zip_longest(self._both_ends(people), self._both_ends(others)):
            for key in pair:
                if key is None:
                    continue
                match stance(key):
                    case "echo":
                        continue
                    case "coming":
                        self._coming.append(key)
                    case "ready":
                        self._going.append((key, True))
                    case "alone":
                        self._going.append((key, False))

    def take(self) -> Key | None:
        """The next row; None where nobody may go now."""
        if self._coming and self._since_lone >= LONE_EVERY:
            self._since_lone = 0
            return self._coming.popleft()
        if not self._going:
            return None
        key, came_in_a_list = self._going.popleft()
        self._since_lone += came_in_a_list
        return key

    def _both_ends(self, rows: list[tuple[Key, Dirty]]) -> list[Key]:
        """The oldest, the latest, the next oldest, and so on; which comes first changes from time to time."""
        rows.sort(key=lambda pair: pair[1].first_requested_at)
        oldest = [key for key, _ in rows]
        ends = (oldest, oldest[::-1]) if self._count % 2 else (oldest[::-1], oldest)
        return list(dict.fromkeys(key for pair in zip(*ends, strict=True) for key in pair))
