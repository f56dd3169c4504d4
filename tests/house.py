"""The parts that whole-house tests share: one Azurite and one sandbox for the run, each a process of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.azurite import Azurite
from local.stack import Sandbox

ACCOUNTS = 200


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    running = Azurite()
    running.start(accounts=ACCOUNTS)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    running = Sandbox()
    yield running
    running.stop()
