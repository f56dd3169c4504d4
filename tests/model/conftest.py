"""One connected house for the model: its host is stopped, and the only process of the app is the one that may die."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.azurite import Azurite
from local.stack import App, Sandbox
from tests.e2e.acting import Acting
from tests.model.world import World

SETTINGS = {
    **{f"AzureWebJobs.{name}.Disabled": "true" for name in ("wake_pump", "halo_sweep")},
    "HALO_REQUESTS_PER_5_MINUTES": "100000",
    "BC_REQUESTS_PER_5_MINUTES": "100000",
}


@pytest.fixture(scope="module")
def world(azurite: Azurite, sandbox: Sandbox) -> Iterator[World]:
    sandbox.reset()
    # What customers and items made from Halo need to be booked on, and no ceiling that a fast forward would meet.
    sandbox.control.put("/switches", json={"bc.template_rules": True, "bc.limits": False}).raise_for_status()
    with App(sandbox, azurite.fresh(), env=SETTINGS) as app:
        acting = Acting(app)
        acting.connect(post_invoices=True)
        made = World(acting)
        app.host.stop()
        with pytest.MonkeyPatch.context() as here:
            # Tokens are asked for from here now.
            for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
                here.setenv(name, app.host.env[name])
            yield made
    sandbox.reset()
