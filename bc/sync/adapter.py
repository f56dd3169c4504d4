"""What the engine asks of each synced entity. Adding one = one file here, one in `entities/`, one line in `registry`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from bc.clients.business_central import Part
from bc.entities.values import Record
from bc.errors import Refused
from bc.model import Action, Link
from bc.sync.context import Push

if TYPE_CHECKING:
    from bc.services import Services


class Plan(Protocol):
    """What a push would do. `parts` is what would be sent: nothing where BC already has it."""

    @property
    def action(self) -> str: ...
    @property
    def payload_hash(self) -> str: ...
    @property
    def bc_type(self) -> str:
        """`Link.bc_type` of what it would create, as far as that is known before BC answers."""

    @property
    def numbers(self) -> Mapping[str, int]: ...
    @property
    def parts(self) -> Sequence[Part]: ...
    @property
    def goes_in_steps(self) -> bool:
        """Whether BC's answer to this one decides what is sent next: plan again after it."""


class Partly(Refused):
    """Refused with an earlier piece of the change carried out: the intent stays, so that BC is read before more is sent."""


class Otherwise(Refused):
    """Refused in this form, with nothing carried out: planned again, it takes another."""


class Removed(Refused):
    """Refused, and the BC record was removed on account of it: the link goes too."""


@dataclass(frozen=True, slots=True)
class Due:
    """Whether a draft is to be posted, the link with what was learned on the way, and in words why (not)."""

    now: bool
    link: Link
    words: str = ""


class Adapter[P: Plan](Protocol):
    async def read(self, services: Services, halo_id: str) -> Record | None:
        """The newest Halo record with everything a push needs; None when Halo has it no more."""

    def name(self, record: Record) -> str:
        """What a person calls it."""

    def stamp(self, record: Record) -> str:
        """Halo's modification time as text, "" where the record has none."""

    def is_void(self, record: Record) -> bool:
        """Whether Halo says that it should no longer exist in BC."""

    async def check(self, push: Push, record: Record, link: Link | None) -> None:
        """Raise `Skip` for an opt-out or a rule that keeps the record from being pushed."""

    async def prepare(self, push: Push, record: Record, link: Link | None) -> P:
        """Plan it against the link. Raises `Skip` or `Refused`; writes nothing."""

    async def find(
        self, push: Push, record: Record, plan: P, link: Link | None
    ) -> tuple[Link, Action] | None:
        """Look in BC for a record that a create would double, as a link to adopt. None: there is none, create it."""

    async def create(self, push: Push, plan: P, link: Link, *, repeated: bool) -> Link: ...
    async def update(self, push: Push, plan: P, link: Link) -> Link: ...
    async def reread(self, push: Push, plan: P, link: Link) -> Link:
        """The link as BC has it now. Raises `Gone`."""

    async def locate(self, push: Push, link: Link) -> Link:
        """A link whose create never answered, with the BC record it made where there is one to be deleted."""

    async def lost(self, push: Push) -> Link | None:
        """A link to the BC draft of a record that is to be deleted and has no link, where Halo says that it was sent."""

    async def delete(self, push: Push, link: Link) -> Action: ...
    async def write_back(self, push: Push, record: Record, link: Link) -> str | None:
        """Write to Halo what it does not hold yet. The record's new modification time ("" unknown), None: nothing written."""


@runtime_checkable
class Posts(Protocol):
    """An adapter whose BC records are drafts until they are posted."""

    def awaits_posting(self, push: Push, record: Record, link: Link) -> bool:
        """Whether it is a draft that is to be posted, which was never tried."""

    async def due_to_post(self, push: Push, record: Record, plan: Any, link: Link, *, fresh: bool) -> Due:
        """Whether to post it now. `fresh`: this push has just read it, so that `link` is what BC holds. Raises `Gone`."""

    def posting_after(self, push: Push, record: Record, plan: Any, link: Link | None) -> Due:
        """Whether it would be posted once what is planned is carried out, as far as that can be said before."""

    def posting_parts(self, bc_id: str) -> Sequence[Part]:
        """The request that posts it."""

    async def post(self, push: Push, link: Link, *, repeated: bool) -> tuple[Link, Action]:
        """Post it; its status is read before an error counts. `repeated`: an earlier try has an unknown outcome.

        Raises `Refused` and `Conflict` where it is certainly still a draft, `Gone` where there is none.
        """

    async def tell_state(self, push: Push, record: Record, link: Link) -> Link:
        """BC refused a change, since it is posted: bring its number and state, and nothing else, to Halo."""
