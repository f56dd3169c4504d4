"""Faults, log, counters, switches, clock and reset, seen from a client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from aiohttp import web

from sandbox import control
from sandbox.data import build
from sandbox.observe import observed
from sandbox.records import KIND
from sandbox.world import World


@dataclass
class Bench:
    """A service that only notes what it was asked to do, behind the middleware that all services share."""

    world: World
    http: httpx.AsyncClient
    control: httpx.AsyncClient
    done: list[str]

    async def fault(self, **fault: Any) -> int:
        answer = await self.control.post("/faults", json={"service": "bc", **fault})
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])

    async def held(self, count: int = 1) -> list[dict[str, str]]:
        """The held requests, once there are `count` of them."""
        async with asyncio.timeout(5):
            while True:
                held: list[dict[str, str]] = (await self.control.get("/faults")).json()["held"]
                if len(held) == count:
                    return held
                await asyncio.sleep(0.01)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    world = World()
    world.urls["bc"] = "http://service"
    done: list[str] = []

    async def save(request: web.Request) -> web.Response:
        done.append(request.path)
        request[KIND] = f"{request.method} things"
        if request.path == "/broken":
            raise web.HTTPNotFound(text="not here")
        return web.json_response({"saved": request.path, "filler": "x" * 200}, status=201)

    service = web.Application(middlewares=[observed(world, "bc")])
    service.router.add_route("*", "/{tail:.*}", save)
    async with _serving(service) as address, _serving(control.app(world, [])) as control_address:
        async with (
            httpx.AsyncClient(base_url=address) as http,
            httpx.AsyncClient(base_url=control_address) as control_http,
        ):
            yield Bench(world, http, control_http, done)
        world.faults.clear()


class _serving:  # noqa: N801 - reads as a phrase: `async with _serving(app) as address`
    def __init__(self, application: web.Application) -> None:
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2)

    async def __aenter__(self) -> str:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


# --- faults -----------------------------------------------------------------------------------------------------


async def test_a_status_before_means_that_nothing_was_done(bench: Bench) -> None:
    await bench.fault(
        action={
            "kind": "status",
            "status": 503,
            "headers": {"Retry-After": "7"},
            "body": {"error": {"code": "x"}},
        }
    )
    answer = await bench.http.post("/a")
    assert (answer.status_code, answer.headers["retry-after"], answer.json()) == (
        503,
        "7",
        {"error": {"code": "x"}},
    )
    assert bench.done == []
    assert (await bench.http.post("/a")).status_code == 201


async def test_a_status_after_replaces_the_answer_of_work_that_was_done(bench: Bench) -> None:
    await bench.fault(action={"kind": "status", "status": 502, "body": "<html>bad gateway", "when": "after"})
    answer = await bench.http.post("/a")
    assert (answer.status_code, answer.text) == (502, "<html>bad gateway")
    assert bench.done == ["/a"]


@pytest.mark.parametrize(("when", "done"), [("before", []), ("after", ["/a"])])
async def test_a_dropped_connection_gives_no_answer_byte(bench: Bench, when: str, done: list[str]) -> None:
    await bench.fault(action={"kind": "drop", "when": when})
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        await bench.http.post("/a", content=b"x" * 10_000)
    assert bench.done == done
    [entry] = bench.world.log.entries
    assert entry.status is None
    assert (await bench.http.post("/b")).status_code == 201


async def test_a_truncated_answer_breaks_off_in_the_middle(bench: Bench) -> None:
    await bench.fault(action={"kind": "truncate", "bytes": 20})
    async with bench.http.stream("POST", "/a") as answer:
        assert int(answer.headers["content-length"]) > 200
        pieces = answer.aiter_bytes()
        assert await anext(pieces) == b'{"saved": "/a", "fil'
        with pytest.raises(httpx.RemoteProtocolError):
            await anext(pieces)
    assert bench.done == ["/a"]


async def test_a_raw_answer_is_what_was_given(bench: Bench) -> None:
    await bench.fault(
        action={"kind": "raw", "body": "<b>hello</b>", "content_type": "text/html", "when": "after"}
    )
    answer = await bench.http.get("/a")
    assert (answer.status_code, answer.text) == (200, "<b>hello</b>")
    assert answer.headers["content-type"].startswith("text/html")


async def test_latency_delays_and_then_answers(bench: Bench) -> None:
    await bench.fault(action={"kind": "latency", "seconds": 0.15})
    answer = await bench.http.get("/a")
    assert answer.elapsed.total_seconds() >= 0.15
    assert answer.status_code == 201


async def test_a_request_held_before_goes_on_when_released(bench: Bench) -> None:
    await bench.fault(action={"kind": "hold", "name": "x"})
    asked = asyncio.create_task(bench.http.post("/a?b=1"))
    assert await bench.held() == [{"name": "x", "service": "bc", "method": "POST", "path": "/a?b=1"}]
    assert bench.done == []
    assert (await bench.control.post("/faults/release", json={"name": "y"})).json() == {"released": 0}
    assert (await bench.control.post("/faults/release", json={"name": "x"})).json() == {"released": 1}
    assert (await asked).status_code == 201
    assert bench.done == ["/a"]


@pytest.mark.parametrize(("when", "done"), [("before", []), ("after", ["/a"])])
async def test_a_client_that_goes_away_while_held_leaves_what_was_committed(
    bench: Bench, when: str, done: list[str]
) -> None:
    await bench.fault(action={"kind": "hold", "name": "x", "when": when})
    async with httpx.AsyncClient(base_url=bench.http.base_url) as killed:
        asked = asyncio.create_task(killed.post("/a"))
        await bench.held()
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
    await bench.held(0)
    assert bench.done == done


async def test_clearing_the_faults_releases_what_is_held(bench: Bench) -> None:
    await bench.fault(action={"kind": "hold", "name": "x"}, times=0)
    asked = [asyncio.create_task(bench.http.post(f"/{n}")) for n in range(3)]
    await bench.held(3)
    await bench.control.delete("/faults")
    assert [(await one).status_code for one in asked] == [201, 201, 201]
    assert (await bench.control.get("/faults")).json() == {"faults": [], "held": []}


async def test_a_fault_meets_only_what_it_describes(bench: Bench) -> None:
    number = await bench.fault(
        method="POST",
        path=r"^/sales.*\?x=1",
        body="HALO-7",
        skip=1,
        times=2,
        action={"kind": "status", "status": 500},
    )
    for method, path, body in [
        ("GET", "/sales?x=1", "HALO-7"),
        ("POST", "/sales?x=2", "HALO-7"),
        ("POST", "/sales?x=1", ""),
    ]:
        assert (await bench.http.request(method, path, content=body)).status_code == 201
    statuses = [(await bench.http.post("/sales?x=1", content="a HALO-7 b")).status_code for _ in range(4)]
    assert statuses == [201, 500, 500, 201]
    [shown] = (await bench.control.get("/faults")).json()["faults"]
    assert (shown["id"], shown["fired"], shown["left"]) == (number, 2, 0)


async def test_two_faults_for_the_same_request_come_one_after_the_other(bench: Bench) -> None:
    faults: list[dict[str, Any]] = [
        {"service": "bc", "action": {"kind": "status", "status": status}} for status in (503, 429)
    ]
    faults.append({"service": "bc", "times": 0, "action": {"kind": "latency", "seconds": 0.01}})
    assert (await bench.control.post("/faults", json=faults)).json() == {"ids": [1, 2, 3]}
    assert [(await bench.http.get("/a")).status_code for _ in range(3)] == [503, 429, 201]
    assert [rule.fired for rule in bench.world.faults.rules] == [1, 1, 3]


@pytest.mark.parametrize(
    "fault",
    [
        {"service": "mars", "action": {"kind": "drop"}},
        {"service": "bc"},
        {"service": "bc", "action": {"kind": "explode"}},
        {"service": "bc", "action": {"kind": "hold"}},
        {"service": "bc", "action": {"kind": "status"}},
        {"service": "bc", "path": "(", "action": {"kind": "drop"}},
        {"service": "bc", "times": -1, "action": {"kind": "drop"}},
        {"service": "bc", "colour": 1, "action": {"kind": "drop"}},
        {"service": "bc", "action": {"kind": "drop", "when": "sometimes"}},
        "nonsense",
    ],
)
async def test_a_senseless_fault_is_refused_with_the_reason(bench: Bench, fault: Any) -> None:
    answer = await bench.control.post("/faults", json=fault)
    assert answer.status_code == 400
    assert answer.json()["error"]


# --- log and counters -------------------------------------------------------------------------------------------


async def test_the_log_tells_each_request_without_its_bearer(bench: Bench) -> None:
    await bench.http.post(
        "/a/b?c=d", content="hello", headers={"Authorization": "Bearer sssecret", "If-Match": "*"}
    )
    await bench.http.get("/other")
    [entry] = (
        await bench.control.get("/log", params={"service": "bc", "method": "post", "path": "b.c="})
    ).json()["entries"]
    assert (entry["method"], entry["path"], entry["query"], entry["status"]) == ("POST", "/a/b", "c=d", 201)
    assert (entry["body"], entry["body_size"], entry["headers"]["if-match"]) == ("hello", 5, "*")
    assert entry["kind"] == "POST things"
    assert entry["started"] <= entry["ended"]
    assert "sssecret" not in json.dumps(entry)
    later = (await bench.control.get("/log", params={"since": entry["id"]})).json()["entries"]
    assert [one["path"] for one in later] == ["/other"]
    assert (await bench.control.get("/log?path=(")).status_code == 400
    await bench.control.delete("/log")
    assert (await bench.control.get("/log")).json() == {"entries": []}


async def test_a_long_body_is_cut_in_the_log_but_counted_whole(bench: Bench) -> None:
    await bench.http.post("/a", content=b"x" * 100_000)
    [entry] = bench.world.log.entries
    assert (len(entry.body), entry.body_size) == (65_536, 100_000)


async def test_counters_know_kinds_statuses_and_the_greatest_concurrency(bench: Bench) -> None:
    await bench.fault(action={"kind": "hold", "name": "x"}, times=3)
    asked = [asyncio.create_task(bench.http.post("/a")) for _ in range(3)]
    await bench.held(3)
    assert (await bench.control.get("/counters")).json()["bc"]["running"] == 3
    await bench.control.post("/faults/release", json={"name": "x"})
    await asyncio.gather(*asked)
    await bench.http.get("/broken")
    bench.world.counters.count("bc", "missing_if_match")
    bench.world.counters.count_kind("bc", "part POST things")
    assert (await bench.control.get("/counters")).json()["bc"] == {
        "requests": 4,
        "running": 0,
        "max_concurrent": 3,
        "by_kind": {"POST things": 3, "GET things": 1, "part POST things": 1},
        "statuses": {"201": 3, "404": 1},
        "missing_if_match": 1,
    }
    cleared = (await bench.control.delete("/counters")).json()["bc"]
    assert (cleared["requests"], cleared["by_kind"]) == (0, {})


# --- switches, clock, reset -------------------------------------------------------------------------------------


async def test_switches_are_shown_with_their_meaning_and_turned_by_name(bench: Bench) -> None:
    bench.world.register_switch("bc.test", False, "what it does")
    assert (await bench.control.put("/switches", json={"bc.test": True})).json()["bc.test"] == {
        "value": True,
        "default": False,
        "meaning": "what it does",
    }
    assert bench.world.switch("bc.test") is True
    refused = await bench.control.put("/switches", json={"bc.other": 1})
    assert (refused.status_code, refused.json()) == (400, {"error": "no such switch: bc.other"})


async def test_the_clock_shifts_and_never_stamps_twice_alike(bench: Bench) -> None:
    stamps = [bench.world.clock.stamp() for _ in range(50)]
    assert stamps == sorted(set(stamps))
    assert all(stamp.microsecond % 1000 == 0 for stamp in stamps)
    before = bench.world.clock.now()
    assert (await bench.control.post("/clock", json={"shift_seconds": 3600})).json()["shifted_by"] == 3600
    assert (bench.world.clock.now() - before).total_seconds() >= 3600
    assert (await bench.control.post("/clock", json={"shift_seconds": "x"})).status_code == 400


async def test_a_reset_brings_everything_back(bench: Bench) -> None:
    rebuilt: list[int] = []
    bench.world.register_switch("bc.test", 1, "a test")
    bench.world.on_reset(lambda: rebuilt.append(bench.world.seed))
    await bench.fault(action={"kind": "drop"}, path="never")
    await bench.control.put("/switches", json={"bc.test": 2})
    await bench.control.post("/clock", json={"shift_seconds": 60})
    await bench.http.get("/a")
    assert (await bench.control.post("/reset", json={"seed": 11})).json()["seed"] == 11
    assert rebuilt == [7, 11]
    world = bench.world
    assert (world.switch("bc.test"), world.clock.shifted_by, len(world.log.entries), world.faults.rules) == (
        1,
        0,
        0,
        [],
    )
    assert world.counters.of("bc").requests == 0
    assert world.data == build(11)
    assert (await bench.control.post("/reset", content="{")).status_code == 400


async def test_an_unknown_control_address_is_a_404_in_json(bench: Bench) -> None:
    answer = await bench.control.get("/nonsense")
    assert (answer.status_code, set(answer.json())) == (404, {"error"})
