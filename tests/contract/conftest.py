"""The whole house on real parts, once for each module, with the tour through its API done."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.azurite import Azurite
from local.stack import App, Sandbox
from tests.contract.tour import Tour, gone_through
from tests.e2e.acting import Acting

# Timers would put jobs and pushes between the calls that are judged.
SETTINGS = {
    **{f"AzureWebJobs.{name}.Disabled": "true" for name in ("wake_pump", "halo_sweep", "delta_imports")},
    "HALO_REQUESTS_PER_5_MINUTES": "20000",
}


@pytest.fixture(scope="module")
def tour(azurite: Azurite, sandbox: Sandbox) -> Iterator[Tour]:
    sandbox.reset()
    with App(sandbox, azurite.fresh(), env=SETTINGS) as app:
        acting = Acting(app)
        acting.connect()
        served = app.api.get("/api/openapi.json")
        assert served.status_code == 200
        yield gone_through(acting, served.json())
