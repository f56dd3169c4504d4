"""The whole house on real parts: Azurite, the sandbox and the local host, each a process of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.azurite import Azurite
from local.stack import App, Sandbox
from tests.e2e.acting import Acting


@pytest.fixture
def app(azurite: Azurite, sandbox: Sandbox) -> Iterator[App]:
    """A fresh app on fresh storage in a fresh world."""
    sandbox.reset()
    with App(sandbox, azurite.fresh()) as running:
        yield running


@pytest.fixture
def acting(app: App) -> Acting:
    """Hands in Halo, Business Central and the console; nothing connected yet."""
    return Acting(app)


@pytest.fixture
def connected(acting: Acting) -> Acting:
    """Connected to the UK company in app mode, with everything switched on and the webhooks set."""
    acting.connect()
    return acting
