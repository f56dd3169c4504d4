"""Halo's stamps of what an import wrote, so that sweep and webhooks do not take it for somebody's change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bc.entities.customer import SITE_READS
from bc.entities.stamps import is_as_written
from bc.entities.values import Record, text

if TYPE_CHECKING:
    from bc.imports.kinds import LinkedKind

_SITE = "slastupdate"
# Halo shows the main site's address on its client too.
_NOT_THE_CLIENTS = ("main_delivery_address", "main_invoice_address")


@dataclass(slots=True)
class Stamps:
    """Of one record and its main site: `own_read` and `site_read` as they were read, `own` and `site` after our write.

    "" stands for not known, also after a write whose answer shows an edit in between: that edit must still be seen.
    `wrote_own`, `wrote_the_site`: whether a write of ours moved the stamp. `sure_of_own`, `sure_of_site`: whether its
    answer and what was read before have all that a push reads, so that an edit in between would have shown.
    """

    own_read: str = ""
    site_read: str = ""
    own: str = ""
    site: str = ""
    wrote_own: bool = False
    wrote_the_site: bool = False
    sure_of_own: bool = False
    sure_of_site: bool = False
    _site_before: Record | None = None

    def read(self, record: Record, stamp: str, site: Record | None) -> None:
        self.own = self.own_read = text(record, stamp)
        self.site = self.site_read = text(site, _SITE) if site else ""
        self._site_before = site

    def wrote(self, kind: LinkedKind, before: Record, row: Record, answer: Record) -> None:
        self.wrote_own = True
        moves = (kind.stamp, *_NOT_THE_CLIENTS)
        known = is_as_written(before, answer, row, moves=moves)
        self.own = text(answer, kind.stamp) if known else ""
        self.sure_of_own = is_as_written(before, answer, row, moves=moves, reads=kind.reads)

    def wrote_site(self, row: Record, answer: Record) -> None:
        self.wrote_the_site = True
        before = self._site_before or {}
        known = is_as_written(before, answer, row, moves=(_SITE,))
        self.site = text(answer, _SITE) if known else ""
        self.sure_of_site = is_as_written(before, answer, row, moves=(_SITE,), reads=SITE_READS)

    def of_new(self, *, has_site: bool) -> str:
        """The stamp for a new link: what was true before it was linked is no change to be sent."""
        return f"{self.own}/{self.site}" if has_site and self.own else self.own

    def of_known(self, held: str) -> str:
        """The stamp for a link that was there: a part moves only from where the link knew it to be.

        Where Halo was changed since the last push, that change is still to be sent.
        """
        own, mark, site = held.partition("/")
        if self.wrote_own and own and own == self.own_read:
            own = self.own if self.sure_of_own else ""
        if self.wrote_the_site and site and site == self.site_read:
            site = self.site if self.sure_of_site else ""
        return f"{own}{mark}{site}"
