"""One token call for each principal, whoever asks and however many (F64-F68)."""

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from bc.connect.tokens import Tokens
from bc.errors import NeedsAuthorization, Refused, Transient
from bc.settings import Secret
from bc.store.rows import Row
from tests.connect.connect_world import USER, Clock, MemoryStore, PretendEntra, a_connection


class Desk:
    def __init__(self) -> None:
        self.clock = Clock()
        self.store = MemoryStore(self.clock)
        self.entra = PretendEntra(self.clock)
        self.connection = self.store.put(a_connection())
        self.store.tokens.caches[USER] = Row(self.entra.grant("old").cache.reveal(), "0")
        self.clock.pass_(hours=2)

    def worker(self, name: str = "w1") -> Tokens:
        return Tokens(self.store.as_store, self.entra, holder=name, now=self.clock)


async def test_fifty_callers_on_three_hosts_make_one_token_call() -> None:
    desk = Desk()
    hosts = [desk.worker(f"host{n}") for n in range(3)]
    tokens = await asyncio.gather(*(hosts[n % 3].token(desk.connection) for n in range(50)))
    assert desk.entra.calls == 1
    assert len({token.reveal() for token in tokens}) == 1


async def test_a_token_is_kept_until_five_minutes_before_its_end() -> None:
    desk = Desk()
    worker = desk.worker()
    first = await worker.token(desk.connection)
    desk.clock.pass_(minutes=54)
    assert await worker.token(desk.connection) == first
    desk.clock.pass_(minutes=2)
    assert await worker.token(desk.connection) != first
    assert desk.entra.calls == 2


async def test_another_worker_uses_the_stored_token_without_a_call() -> None:
    desk = Desk()
    first = await desk.worker("a").token(desk.connection)
    assert await desk.worker("b").token(desk.connection) == first
    assert desk.entra.calls == 1


async def test_a_refused_token_forces_exactly_one_refresh() -> None:
    desk = Desk()
    worker = desk.worker()
    first = await worker.token(desk.connection)
    second = await asyncio.gather(*(worker.token(desk.connection, refused=first) for _ in range(10)))
    assert desk.entra.calls == 2
    assert first not in second


async def test_a_refused_token_that_another_worker_already_replaced_costs_no_call() -> None:
    desk = Desk()
    one, two = desk.worker("a"), desk.worker("b")
    first = await one.token(desk.connection)
    await two.token(desk.connection)
    second = await one.token(desk.connection, refused=first)
    assert await two.token(desk.connection, refused=first) == second
    assert desk.entra.calls == 2


async def test_a_writer_that_was_overtaken_keeps_what_is_stored() -> None:
    desk = Desk()
    newer = desk.entra.grant("newer").cache.reveal()

    def overtake() -> None:
        desk.store.tokens.caches[USER] = Row(newer, "overtaken")

    desk.entra.before_answer = overtake
    token = await desk.worker().token(desk.connection)
    assert token == desk.entra.grant("newer").access_token
    assert desk.store.tokens.caches[USER].value == newer


async def test_invalid_grant_after_a_rotation_elsewhere_uses_the_new_token() -> None:
    desk = Desk()
    newer = desk.entra.grant("rotated")
    desk.entra.refused = [NeedsAuthorization("sign_in_revoked", "old")]
    desk.entra.before_answer = lambda: desk.store.tokens.caches.update({USER: Row(newer.cache.reveal(), "9")})
    assert await desk.worker().token(desk.connection) == newer.access_token
    assert desk.store.connections.rows["c1"].value.status == "ready"


@pytest.fixture
def no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bc.connect.tokens.ROTATION_GRACE", (0.0,))


@pytest.mark.usefixtures("no_grace")
async def test_a_true_invalid_grant_stops_every_connection_of_the_sign_in() -> None:
    desk = Desk()
    desk.store.put(a_connection(id="c2", name="Second"))
    desk.store.put(a_connection(id="c3", name="Third", principal="app:x:y"))
    desk.entra.refused = [NeedsAuthorization("sign_in_revoked", "The sign-in was revoked.", cure="Again.")]
    with pytest.raises(NeedsAuthorization, match="sign_in_revoked"):
        await desk.worker().token(desk.connection)
    rows = desk.store.connections.rows
    assert [rows[key].value.status for key in ("c1", "c2", "c3")] == [
        "needs_authorization",
        "needs_authorization",
        "ready",
    ]
    last = rows["c1"].value.last_authorization
    assert last is not None
    assert (last.ok, last.code, last.cure) == (False, "sign_in_revoked", "Again.")


@pytest.mark.usefixtures("no_grace")
async def test_an_expired_secret_asks_for_a_person_and_concerns_its_connection_only() -> None:
    desk = Desk()
    desk.store.put(a_connection(id="c2", name="Second"))
    desk.entra.refused = [Refused("secret_expired", "The client secret has expired.", cure="New one.")]
    with pytest.raises(NeedsAuthorization, match="secret_expired"):
        await desk.worker().token(desk.connection)
    assert desk.store.connections.rows["c1"].value.status == "needs_authorization"
    assert desk.store.connections.rows["c2"].value.status == "ready"


async def test_a_busy_entra_changes_nothing() -> None:
    desk = Desk()
    desk.entra.refused = [Transient("entra_unavailable", "busy")]
    worker = desk.worker()
    with pytest.raises(Transient):
        await worker.token(desk.connection)
    assert desk.store.connections.rows["c1"].value.status == "ready"
    assert not desk.store.leases.held
    assert await worker.token(desk.connection)


async def test_a_caller_that_gives_up_does_not_lose_the_refresh_token() -> None:
    desk = Desk()
    desk.entra.gate = asyncio.Event()
    worker = desk.worker()
    caller = asyncio.create_task(worker.token(desk.connection))
    await desk.entra.started.wait()
    caller.cancel()
    desk.entra.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    token = await worker.token(desk.connection)
    assert desk.entra.calls == 1
    assert token.reveal() in desk.store.tokens.caches[USER].value


async def test_a_connection_never_authorized_says_so() -> None:
    desk = Desk()
    with pytest.raises(NeedsAuthorization, match="not authorized yet"):
        await desk.worker().token(replace(desk.connection, principal=""))


async def test_a_new_secret_serves_the_next_refresh() -> None:
    desk = Desk()
    seen: list[Secret] = []
    issue = desk.entra.refresh

    async def remember(app: object, cache: Secret) -> object:
        seen.append(app.secret)  # type: ignore[attr-defined]
        return await issue(app, cache)  # type: ignore[arg-type]

    desk.entra.refresh = remember  # type: ignore[method-assign,assignment]
    worker = desk.worker()
    await worker.token(desk.connection)
    await desk.store.connections.set_secret("c1", Secret("second-secret"))
    desk.clock.pass_(hours=2)
    await worker.token(desk.connection)
    assert [secret.reveal() for secret in seen] == ["s3cret-value", "second-secret"]
