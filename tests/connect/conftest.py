"""The simulated Entra over TLS, trusted the way the app is told to trust."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sandbox.server import running
from sandbox.world import World


@pytest.fixture(scope="session")
async def entra_world() -> AsyncIterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        async with running(World(), services=("entra",)) as world:
            patch.setenv("SSL_CERT_FILE", world.ca_bundle)
            yield world


@pytest.fixture
def world(entra_world: World) -> World:
    entra_world.reset()
    return entra_world
