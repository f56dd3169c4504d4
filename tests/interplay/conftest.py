"""The house in one process (see `tests.sweep.house`): the cases drive the pump themselves."""

from __future__ import annotations

from tests.sweep.conftest import house, sandbox

__all__ = ["house", "sandbox"]
