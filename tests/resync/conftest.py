"""One connected app for the module, as the fault cases have it."""

from __future__ import annotations

from tests.faults.conftest import acting, house, invoicing

__all__ = ["acting", "house", "invoicing"]
