"""Whether tax is zeroed, since when, and which of Halo's taxes stands for zero."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from bc.entities.values import decimal, ident, text
from bc.errors import Refused, Transient
from bc.jobs.jobs import ENDED, JobRunning

if TYPE_CHECKING:
    from bc.services import Services

NOTE = "zero_tax"
APPLY = "zero_tax"
RESTORE = "restore_tax"
NOUNS = {APPLY: "change of all taxes to zero", RESTORE: "restoring of the taxes"}
Phase = Literal["off", "applying", "on", "restoring"]


class State(msgspec.Struct, frozen=True):
    """`tax_id` is the Halo tax that was set. `looked_at`: until when ended imports were taken into account."""

    phase: Phase = "off"
    since: datetime | None = None
    tax_id: str = ""
    tax_name: str = ""
    looked_at: datetime | None = None


class SeveralZeroTaxes(Refused):
    """Halo has several taxes of 0 %: a person must choose. `candidates` are (id, name)."""

    def __init__(self, candidates: list[tuple[str, str]]) -> None:
        names = ", ".join(f"{name} ({tax_id})" for tax_id, name in candidates)
        super().__init__(
            "several_zero_taxes",
            f"Halo has several taxes of 0 %: {names}.",
            cure="Say which one to use: send its id as tax_id.",
        )
        self.candidates = candidates


class ZeroTax(msgspec.Struct, frozen=True):
    """The tax to set, and all that are 0 % already."""

    tax_id: str
    name: str
    zeros: frozenset[str]


async def load(services: Services) -> State:
    noted: Any = await services.store.notes.get(NOTE)
    return msgspec.convert(noted, State) if noted else State()


async def change(services: Services, move: Callable[[State], State]) -> State:
    """Change the state so that nobody's change is lost."""

    def apply(noted: Any) -> Any:
        return msgspec.to_builtins(move(msgspec.convert(noted, State) if noted else State()))

    return msgspec.convert(await services.store.notes.update(NOTE, apply), State)


async def zero_tax(services: Services, wanted: str = "") -> ZeroTax:
    """Find Halo's tax of 0 %. Raises `Refused` `no_zero_tax` or `taxes_hidden`, or `SeveralZeroTaxes`.

    `wanted`: the one that a person chose; else the one used before, else the only one.
    """
    try:
        rows = await services.halo.rows("Tax")
    except Transient as error:
        if error.code != "halo_refused_us":
            raise
        raise Refused(
            "taxes_hidden",
            f"Halo does not show its taxes to the API application. {error.message}",
            cure="Give the API application the right to read taxes (admin), then try again.",
        ) from None
    found = {ident(row, "id"): text(row, "name") for row in rows if _is_zero(row)}
    found.pop("", None)
    if not found:
        raise Refused(
            "no_zero_tax",
            "Halo has no tax of 0 %.",
            cure="Create a tax with the value 0 in Halo (Configuration, Billing, Tax), then try again.",
        )
    chosen = wanted or (await load(services)).tax_id
    if chosen not in found:
        if wanted:
            raise Refused(
                "not_a_zero_tax",
                f"Halo's tax {wanted} is not one of 0 %.",
                cure=f"Choose one of {', '.join(f'{name} ({tax_id})' for tax_id, name in found.items())}.",
            )
        if len(found) > 1:
            raise SeveralZeroTaxes(sorted(found.items()))
        chosen = next(iter(found))
    return ZeroTax(chosen, found[chosen], frozenset(found))


def _is_zero(row: dict[str, Any]) -> bool:
    return "value" in row and row["value"] not in (None, "") and decimal(row, "value") == 0


async def check_idle(services: Services, *, besides: str) -> None:
    """Raise `JobRunning` while the other of the two jobs runs: they would write the same records."""
    other = RESTORE if besides == APPLY else APPLY
    if running := await running_job(services, other):
        raise JobRunning(other, NOUNS[other], running, connection=None)


async def running_job(services: Services, kind: str) -> str:
    """The id of the job of this kind that has not ended, "" where there is none."""
    page = await services.store.jobs.page(None, limit=200)
    return next((job.id for job in page.items if job.kind == kind and job.status not in ENDED), "")
