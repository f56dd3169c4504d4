"""Who does the work of each kind of job. Adding one = one runner and one line in `RUNNERS`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from bc.imports.run import ImportRunner
from bc.model import IMPORT_KINDS, Job
from bc.resync.run import ResyncRunner
from bc.sweep.run import SweepRunner
from bc.takeover.run import TakeoverRunner
from bc.zero_tax.run import RestoreRunner, ZeroTaxRunner

if TYPE_CHECKING:
    from bc.jobs.keeper import Keeper
    from bc.services import Services


class Runner(Protocol):
    """The work of one kind of job. A runner is shared by all jobs of its kind, so it keeps nothing of one."""

    noun: str
    """What a person calls the job, in the middle of a sentence: "import of customers"."""

    async def work(self, services: Services, job: Job, keeper: Keeper) -> bool:
        """Go on where the job stands. True: there is more to do, in another message.

        At its end it calls `jobs.finish` itself and answers False. It may be killed anywhere and is then called again,
        so what it did is found again by what it stored. `keeper.check()` stands before each write of progress,
        `keeper.time_is_up` tells when to leave the rest. `Transient` puts the job off, any other `SyncError` ends it.
        """


RUNNERS: Mapping[str, Runner] = {
    **{kind: ImportRunner(kind) for kind in IMPORT_KINDS},
    "halo_sweep": SweepRunner(),
    "zero_tax": ZeroTaxRunner(),
    "restore_tax": RestoreRunner(),
    "takeover": TakeoverRunner(),
    "resync": ResyncRunner(),
}
