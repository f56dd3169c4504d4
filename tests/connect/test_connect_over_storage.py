"""Sign-in and tokens over real tables: several instances, one refresh; and nothing readable at rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import httpx
import pytest

from bc.clients.entra import Entra
from bc.connect.authorization import Authorization, ForeignAnswer
from bc.connect.tokens import Tokens
from bc.settings import Secret
from bc.store import Store
from sandbox.world import World
from tests.connect.connect_world import Cures, a_connection, settings
from tests.connect.test_sign_in import ADA, REDIRECT, SECRETS, SIGN_IN

pytestmark = pytest.mark.filterwarnings("ignore:response_mode")


@pytest.fixture
async def entra(world: World) -> AsyncIterator[Entra]:
    made = Entra(settings(AZURE_AUTHORITY_HOST=world.urls["entra"]))
    yield made
    made.close()


async def control(world: World, path: str, body: Mapping[str, object]) -> dict[str, str]:
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{world.urls['control']}/entra/{path}", json=body)
        return dict(answer.json())


async def test_fifty_callers_on_three_instances_make_one_token_call(
    world: World, entra: Entra, stores: Callable[[], Store]
) -> None:
    instances = [stores() for _ in range(3)]
    connection = a_connection(client_id=SIGN_IN, status="new", principal="")
    await instances[0].connections.insert(connection, Secret(SECRETS[SIGN_IN]))
    await control(world, "redirect-uris", {"add": [REDIRECT]})
    config = settings(AZURE_AUTHORITY_HOST=world.urls["entra"])
    first = Tokens(instances[0], entra)
    authorization = Authorization(config, instances[0], entra, first, Cures())
    started = await authorization.start(connection)
    person = {"authorization_url": started.url, "username": ADA[0], "password": ADA[1]}
    location = (await control(world, "sign-in", person))["location"]
    query = list(httpx.URL(location).params.multi_items())
    signed_in = await authorization.finish(query, {started.cookie_name: started.cookie_value})
    with pytest.raises(ForeignAnswer):
        await authorization.finish(query, {started.cookie_name: started.cookie_value})
    assert signed_in.status == "authorized"

    token = await first.token(signed_in)
    workers = [Tokens(store, entra) for store in instances]
    tokens = await asyncio.gather(*(workers[n % 3].token(signed_in, refused=token) for n in range(50)))
    assert len({each.reveal() for each in tokens}) == 1
    async with httpx.AsyncClient() as client:
        seen = (await client.get(f"{world.urls['control']}/entra/state")).json()
    assert seen["token_calls"]["refresh_token"] == 1


async def test_a_crash_between_sign_in_and_note_leaves_a_connection_that_can_be_authorized(
    world: World, entra: Entra, stores: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = stores()
    connection = a_connection(
        client_id="5d3c2a10-7e41-4b8b-9f3e-000000000002", status="new", principal="", auth_mode="app"
    )
    await store.connections.insert(connection, Secret("apponly~Secret.Value-1"))
    config = settings(AZURE_AUTHORITY_HOST=world.urls["entra"])
    authorization = Authorization(config, store, entra, Tokens(store, entra), Cures())

    async def die(*_: object) -> None:
        raise SystemError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(store.connections, "update", die)
        with pytest.raises(SystemError):
            await authorization.connect(connection)
    connected = await authorization.connect(connection)
    assert connected.status == "authorized"
    assert connected.principal.startswith("app:")
