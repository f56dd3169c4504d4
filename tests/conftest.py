"""Storage for tests: one Azurite for the whole run, an empty account for each test that asks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import HealthCheck, settings

from bc import settings as configuration
from bc.settings import Settings
from bc.store import Store, open_store
from local.azurite import Azurite
from tests.house import azurite, sandbox

__all__ = ["azurite", "sandbox"]

ACCOUNTS = 200
# No test depends on speed, an example of Hypothesis neither: a busy machine may stop it for a second.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
# Their files take longest. Begun last, one of them would keep a single worker busy at the end.
LONGEST = ("e2e", "browser", "faults", "security", "imports")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The rooms that take longest first, a file of each in turn: browsers need the processor, the others mostly wait."""
    tests = Path(__file__).parent
    seen: dict[str, dict[Path, int]] = {}

    def rank(item: pytest.Item) -> tuple[int, int]:
        room = item.path.relative_to(tests).parts[0]
        if room not in LONGEST:
            return len(items), 0
        files = seen.setdefault(room, {})
        return files.setdefault(item.path, len(files)), LONGEST.index(room)

    ranks = [rank(item) for item in items]
    items[:] = [item for _, item in sorted(zip(ranks, items, strict=True), key=lambda pair: pair[0])]


@pytest.fixture(scope="session")
def azurites() -> Iterator[list[Azurite]]:
    """The storage emulators of this run; the last one may have free accounts."""
    running: list[Azurite] = []
    yield running
    for each in running:
        each.stop()


@pytest.fixture
def storage(azurites: list[Azurite]) -> str:
    """The connection string of an empty storage account."""
    if azurites:
        try:
            return azurites[-1].fresh()
        except IndexError:
            pass
    azurites.append(Azurite())
    azurites[-1].start(ACCOUNTS)
    return azurites[-1].fresh()


@pytest.fixture
def app_settings(storage: str) -> Settings:
    """Settings with an empty storage account and an encryption key of their own."""
    return configuration.load(
        {"AzureWebJobsStorage": storage, "ENCRYPTION_KEYS": Fernet.generate_key().decode()}
    )


@pytest.fixture
async def store(app_settings: Settings) -> AsyncIterator[Store]:
    """An empty store."""
    opened = open_store(app_settings)
    yield opened
    await opened.close()


@pytest.fixture
async def stores(app_settings: Settings) -> AsyncIterator[Callable[[], Store]]:
    """Makes stores on the same empty account, as several instances of the app have them."""
    opened: list[Store] = []

    def another() -> Store:
        opened.append(open_store(app_settings))
        return opened[-1]

    yield another
    for one in opened:
        await one.close()
