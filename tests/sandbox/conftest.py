"""What several files of this room start."""

from __future__ import annotations

from tests.sandbox.entra_client import entra, entra_world

__all__ = ["entra", "entra_world"]
