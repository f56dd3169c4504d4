"""The process dies at every call of a token refresh, or an answer is lost there: the sign-in lives and the next token comes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import httpx
import pytest
from cryptography.fernet import Fernet

from bc.connect.authorization import Authorization
from bc.errors import Transient
from bc.model import Connection
from bc.services import Services
from bc.settings import Secret
from local.azurite import Azurite
from local.stack import Sandbox
from tests.connect.connect_world import Cures, a_connection
from tests.connect.test_sign_in import ADA, APP_MODE, SECRETS, SIGN_IN
from tests.faults.engine import Died, How, Peril, a_process

pytestmark = [pytest.mark.timeout(300), pytest.mark.filterwarnings("ignore:response_mode")]
HOME = "http://127.0.0.1:7071"
MODES = {"delegated": SIGN_IN, "app": APP_MODE}


@dataclass(frozen=True, slots=True)
class Stage:
    sandbox: Sandbox
    env: Mapping[str, str]
    connections: Mapping[str, Connection]


@pytest.fixture(scope="module")
async def stage(sandbox: Sandbox, azurite: Azurite) -> Stage:
    sandbox.reset()
    env = {
        "AzureWebJobsStorage": azurite.fresh(),
        "PUBLIC_URL": HOME,
        "ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "ADMIN_KEY": "an-admin-key-for-tests",
        "HALO_URL": sandbox.url("halo"),
        "HALO_CLIENT_ID": "halo",
        "HALO_CLIENT_SECRET": "halo-secret",
        "BC_API_URL": sandbox.url("bc"),
        "AZURE_AUTHORITY_HOST": sandbox.url("entra"),
    }
    redirect = {"add": [f"{HOME}/auth/callback"]}
    sandbox.control.post("/entra/redirect-uris", json=redirect).raise_for_status()
    connections = {}
    with pytest.MonkeyPatch.context() as here:
        here.setenv("SSL_CERT_FILE", sandbox.facts["ca_bundle"])
        async with a_process(env) as services:
            for mode, client_id in MODES.items():
                connections[mode] = await signed_in(services, sandbox, mode, client_id)
    return Stage(sandbox, env, connections)


@pytest.fixture(autouse=True)
def trusting(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", sandbox.facts["ca_bundle"])


async def signed_in(services: Services, sandbox: Sandbox, mode: str, client_id: str) -> Connection:
    store = services.store
    fresh = a_connection(id=mode, client_id=client_id, status="new", principal="", auth_mode=mode)
    await store.connections.insert(fresh, Secret(SECRETS[client_id]))
    authorization = Authorization(services.settings, store, services.entra, services.tokens, Cures())
    if mode == "app":
        return await authorization.connect(fresh)
    started = await authorization.start(fresh)
    person = {"authorization_url": started.url, "username": ADA[0], "password": ADA[1]}
    location = sandbox.control.post("/entra/sign-in", json=person).raise_for_status().json()["location"]
    query = list(httpx.URL(location).params.multi_items())
    return await authorization.finish(query, {started.cookie_name: started.cookie_value})


async def interrupted(stage: Stage, mode: str, how: How, at: int) -> bool:
    """Interrupt the `at`-th call of a refresh, then ask anew; False once a refresh has fewer calls."""
    connection = stage.connections[mode]
    async with a_process(stage.env) as services:
        held = await services.tokens.token(connection)
    peril = Peril(at, how)
    async with a_process(stage.env, peril) as services:
        with suppress(Died, Transient):
            await services.tokens.token(connection, refused=held)
    where = f"{how} call {at}: {peril.calls[at - 1] if at <= len(peril.calls) else 'none'}"
    async with a_process(stage.env) as services:
        # The time of a dead holder's lease is over.
        if lease := await services.store.leases.read(f"token:{connection.principal}"):
            await services.store.leases.release(lease)
        token = await services.tokens.token(connection, refused=held)
        assert token != held, where
        row = await services.store.connections.get(connection.id)
        assert row is not None
        assert row.value.status == "authorized", where
        answer = httpx.get(
            f"{stage.sandbox.url('bc')}/environments/v1.1",
            headers={"Authorization": f"Bearer {token.reveal()}"},
        )
        assert answer.status_code != 401, where
    return len(peril.calls) >= at


@pytest.mark.parametrize("how", ["dies before", "dies after", "loses the answer of"])
@pytest.mark.parametrize("mode", MODES)
async def test_an_interruption_at_any_call_of_a_refresh_leaves_a_sign_in_that_works(
    stage: Stage, mode: str, how: How
) -> None:
    at = 1
    while await interrupted(stage, mode, how, at):
        at += 1
        assert at < 50, "the refresh never ends"
    # The cache and the lease are read and written, and Entra is asked.
    assert at > 5
