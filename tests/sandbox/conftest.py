"""What several files of this room start."""

from __future__ import annotations

from tests.sandbox.entra_client import entra, entra_world
from tests.sandbox.playing import play, play_server

__all__ = ["entra", "entra_world", "play", "play_server"]
