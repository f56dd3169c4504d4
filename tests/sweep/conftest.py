"""Fixtures of the sweep's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from local.stack import Sandbox
from tests.sweep.house import ALL, House, a_house, a_sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with a_sandbox() as started:
        yield started


@pytest.fixture
async def house(sandbox: Sandbox) -> AsyncIterator[House]:
    """Connected to the UK company with everything switched on, and no webhook set in Halo."""
    sandbox.reset()
    async with a_house(sandbox) as made:
        await made.connect(**ALL)
        yield made
