"""Deadlocks on order: requests, or parts of a batch, that Business Central gives up (BC_API 6.3, F81)."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.bc.errors import Refusal


@dataclass(slots=True)
class Deadlock:
    """The next `times` requests or parts of `kind` (as the counters name it: `PATCH salesInvoiceLines`).

    `committed`: it was saved all the same, so that a blind repeat would double it.
    """

    kind: str
    times: int = 1
    status: int = 409
    code: str = "Internal_ServerError"
    committed: bool = False

    def refusal(self, table: str) -> Refusal:
        return Refusal(
            self.status,
            self.code,
            f"The activity was deadlocked with another user who was modifying the {table} table. Please retry the "
            "activity.",
        )


class Deadlocks:
    """Those still to come, oldest first."""

    def __init__(self) -> None:
        self.waiting: list[Deadlock] = []

    def meet(self, kind: str) -> Deadlock | None:
        """The deadlock that a request of this kind runs into, which is then used up once."""
        found = next((one for one in self.waiting if one.kind == kind), None)
        if found is not None:
            found.times -= 1
            if found.times <= 0:
                self.waiting.remove(found)
        return found
