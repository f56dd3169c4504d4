"""One connected app for each module: the cases are told apart by their invoices, so that they can share it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.azurite import Azurite
from local.stack import App, Sandbox
from tests.e2e.acting import Acting, Invoicing

# A timer would push what a test means to push itself, and the cases of a module together are a flood.
SETTINGS = {
    **{f"AzureWebJobs.{name}.Disabled": "true" for name in ("wake_pump", "halo_sweep")},
    "HALO_REQUESTS_PER_5_MINUTES": "20000",
}


@pytest.fixture(scope="module")
def house(azurite: Azurite, sandbox: Sandbox) -> Iterator[Acting]:
    """The app in a fresh world, connected in app mode with everything switched on."""
    sandbox.reset()
    with App(sandbox, azurite.fresh(), env=SETTINGS) as app:
        acting = Acting(app)
        acting.connect()
        yield acting


@pytest.fixture(scope="module")
def invoicing(house: Acting) -> Invoicing:
    """A linked customer and linked products, on which any number of invoices can be made."""
    return Invoicing(house)


@pytest.fixture
def acting(house: Acting) -> Iterator[Acting]:
    """The house, without faults of the test before and with clean counters; its faults end with the test."""
    house.control.delete("/faults")
    house.clear_counters()
    yield house
    house.control.delete("/faults")
