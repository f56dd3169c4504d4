"""What several files of this room start."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.sandbox.bc_client import BcClient, bc_client
from tests.sandbox.entra_client import entra, entra_world
from tests.sandbox.playing import play, play_server

__all__ = ["entra", "entra_world", "play", "play_server"]


@pytest_asyncio.fixture(scope="module")
async def served() -> AsyncIterator[BcClient]:
    async with bc_client() as client:
        yield client


@pytest.fixture
def bc(served: BcClient) -> BcClient:
    """Business Central as it was at the start."""
    served.world.reset()
    return served
