"""What both sides hold at the start: typed records, the same for the same seed, scale and day.

`Dataset.directory` is Microsoft Entra's part (`directory.py`), `Dataset.bc` Business Central's
(`bc.py`), `Dataset.halo` Halo's, in Halo's own field names (`halo.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from sandbox.data.bc import BusinessCentral
from sandbox.data.bc_seed import build_business_central
from sandbox.data.directory import Directory, build_directory
from sandbox.data.halo import HaloTenant
from sandbox.data.halo_seed import build_halo

__all__ = ["Dataset", "build"]


@dataclass(frozen=True, slots=True)
class Dataset:
    """The seeds of one world; `today` is the day that all dates in it are counted from."""

    seed: int
    scale: int
    today: date
    directory: Directory
    bc: BusinessCentral
    halo: HaloTenant


def build(seed: int, scale: int = 1, today: date | None = None) -> Dataset:
    """The data of a world. `scale` multiplies customers, items, Halo clients, products and invoices."""
    day = today or datetime.now(UTC).date()
    directory = build_directory()
    bc = build_business_central(seed, scale, day, directory.home.id)
    return Dataset(seed, scale, day, directory, bc, build_halo(seed, scale, day, bc.main_company))
