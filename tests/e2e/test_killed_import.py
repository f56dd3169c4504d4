"""A SIGKILL of the host in the middle of an import: the next host goes on by itself, and no record comes twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from local.azurite import Azurite
from local.stack import App, Sandbox
from tests.e2e.acting import Acting, wait_for


@pytest.fixture
def app(azurite: Azurite, sandbox: Sandbox) -> Iterator[App]:
    """A host that hides the message of a killed one for seconds and not, as in Azure, for up to ten minutes."""
    sandbox.reset()
    with App(sandbox, azurite.fresh(), env={"LOCAL_QUEUE_VISIBILITY_SECONDS": "10"}) as running:
        yield running


@pytest.mark.timeout(240)
def test_an_import_whose_host_is_killed_goes_on_by_itself_and_doubles_nothing(acting: Acting) -> None:
    acting.connect(sync_entities=[])
    path = f"/api/connections/{acting.connection['id']}"
    # The second array of creates is carried out, and the app never hears of it.
    acting.fault(
        "halo", {"kind": "hold", "when": "after", "name": "kill"}, method="POST", path="/Client", skip=1
    )
    started = acting.post(f"{path}/imports/customers", {"all": True}, 202)
    acting.held("kill", seconds=90)
    acting.app.host.kill()
    acting.control.delete("/faults")
    acting.app.host.start()
    job = acting.job(started["job_id"], seconds=150)
    customers = acting.bc("customers")
    assert (job["status"], job["failed"]) == ("succeeded", 0), job
    assert job["done"] == job["total"] == len(customers)
    assert job["created"] + job["updated"] + job["unchanged"] + job["skipped"] == job["done"]
    numbers = Counter(row["accountsid"] for row in acting.halo("Client") if row["accountsid"])
    assert not [number for number, times in numbers.items() if times > 1]
    links = acting.get(f"{path}/mappings/customers", limit=500)["items"]
    assert len(links) == job["done"] - job["skipped"]
    assert len({link["halo_id"] for link in links}) == len({link["bc_id"] for link in links}) == len(links)

    before = len(acting.halo("Client"))
    again = acting.import_all("customers")
    assert (again["created"], again["updated"], again["failed"]) == (0, 0, 0), again
    wait_for(lambda: len(acting.halo("Client")) == before or None, 5, "the same customers in Halo")
