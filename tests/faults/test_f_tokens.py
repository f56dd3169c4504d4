"""F64, F65 at the sandbox's own count: one token call for many, and a slow one that was overtaken."""

from __future__ import annotations

import asyncio

import pytest

from bc.connect.tokens import Tokens
from tests.e2e.acting import Acting
from tests.faults.engine import a_process
from tests.faults.test_f_sign_in import token_calls

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(autouse=True)
def trusted(acting: Acting, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process trusts the sandbox's certificates, as the host's does."""
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, acting.app.host.env[name])


async def test_f64_fifty_workers_of_three_processes_with_an_expired_token_are_one_token_call(
    acting: Acting,
) -> None:
    env = acting.app.host.env
    async with a_process(env) as first, a_process(env) as second, a_process(env) as third:
        hosts = (first, second, third)
        (connection,) = await first.store.connections.list()
        # Each process holds the same token, and BC turns it down.
        (refused,) = {await host.tokens.token(connection) for host in hosts}
        acting.clear_counters()
        async with asyncio.TaskGroup() as group:
            workers = [
                group.create_task(hosts[n % 3].tokens.token(connection, refused=refused)) for n in range(50)
            ]
    assert len({worker.result() for worker in workers} - {refused}) == 1
    assert token_calls(acting) == 1


async def test_f65_a_refresh_slower_than_its_lock_is_overtaken_and_does_no_harm(acting: Acting) -> None:
    env = acting.app.host.env
    async with a_process(env) as slow, a_process(env) as quick:
        (connection,) = await slow.store.connections.list()
        refused = await slow.tokens.token(connection)
        impatient = Tokens(slow.store, slow.entra, lease_seconds=1)
        other = Tokens(quick.store, quick.entra, lease_seconds=1)
        acting.clear_counters()
        acting.fault("entra", {"kind": "hold", "name": "slow"}, method="POST", path="/token")
        waiting = asyncio.create_task(impatient.token(connection, refused=refused))
        await asyncio.to_thread(acting.held, "slow")
        # The lock runs out while the first still waits for its answer.
        newer = await other.token(connection, refused=refused)
        acting.control.post("/faults/release", json={"name": "slow"}).raise_for_status()
        late = await waiting
        assert refused not in (newer, late)
        # What the overtaker stored stands: nobody who comes now asks again.
        before = token_calls(acting)
        third = await Tokens(quick.store, quick.entra).token(connection, refused=refused)
        assert third == newer
        assert token_calls(acting) == before
    assert acting.get(f"/api/connections/{acting.connection['id']}")["status"] == "ready"
