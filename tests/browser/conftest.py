"""A real Chromium at the real app: Azurite, the sandbox and the local host, each a process of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from local.azurite import Azurite
from local.stack import App, Sandbox
from tests.browser.visitor import Visitor, chromium
from tests.e2e.acting import Acting, Invoicing

SECONDS = 300  # a whole journey on a busy machine


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "browser" in item.keywords and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(SECONDS))


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    running = Azurite()
    running.start(accounts=40)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    running = Sandbox()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # By module: while Playwright's own loop runs, pytest-asyncio cannot start one.
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def app(azurite: Azurite, sandbox: Sandbox) -> Iterator[App]:
    """A fresh app on fresh storage in a fresh world for each file: its tests leave each other what they need."""
    sandbox.reset()
    with App(sandbox, azurite.fresh(), env={"HALO_REQUESTS_PER_5_MINUTES": "690"}) as running:
        yield running


@pytest.fixture
def visitor(browser: Browser, app: App) -> Iterator[Visitor]:
    """A visitor with an empty browser; at the end no script error and no breach of the content policy stands."""
    one = Visitor(browser, app)
    yield one
    one.close()
    assert one.complaints == []


@pytest.fixture(scope="module")
def acting(app: App) -> Acting:
    """Hands in Halo, Business Central and the API, to arrange what a page shows."""
    return Acting(app)


@pytest.fixture(scope="module")
def connected(acting: Acting) -> Acting:
    """Connected to a company; each test says with `settings` what syncs."""
    acting.connect(sync_entities=[])
    return acting


@pytest.fixture(scope="module")
def invoicing(connected: Acting) -> Invoicing:
    """A linked customer and linked products in that company."""
    return Invoicing(connected)
