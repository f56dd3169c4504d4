"""The simulated Business Central: limits, their counters, and companies or environments that go."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.sandbox.bc_client import APP, DELEGATED, BcClient, refusal

# A client process: calls the first address so often at once, over and over, and prints the statuses it got.
CLIENT = """
import asyncio, collections, json, sys
import httpx

url, calls, at_once, token, method = sys.argv[1:]

async def main():
    seen = collections.Counter()
    turn = asyncio.Semaphore(int(at_once))
    async with httpx.AsyncClient(timeout=60) as http:
        async def call():
            async with turn:
                body = {"json": {"displayName": "x"}} if method == "PATCH" else {}
                answer = await http.request(method, url, headers={"Authorization": f"Bearer {token}"}, **body)
                seen[answer.status_code] += 1
        await asyncio.gather(*(call() for _ in range(int(calls))))
    print(json.dumps(seen))

asyncio.run(main())
"""


async def clients(
    bc: BcClient,
    processes: int,
    calls: int,
    at_once: int,
    *,
    method: str = "GET",
    path: str = "customers?$top=1",
) -> Counter[int]:
    """What several processes of one signed-in user got."""
    arguments = (bc.at(path), str(calls), str(at_once), DELEGATED, method)
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", CLIENT, *arguments, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(processes)
    ]
    printed = await asyncio.gather(*(one.communicate() for one in started))
    seen: Counter[int] = Counter()
    for text, _ in printed:
        seen.update({int(status): count for status, count in json.loads(text).items()})
    return seen


def counted(bc: BcClient) -> dict[str, Any]:
    shown: dict[str, Any] = bc.world.counters.as_json()["bc"]
    return shown


class TestLimits:
    async def test_five_run_the_rest_waits_and_what_is_over_is_throttled(self, bc: BcClient) -> None:
        bc.world.switches |= {
            "bc.limits": True,
            "bc.limit_running": 2,
            "bc.limit_queued": 3,
            "bc.seconds_per_request": 0.05,
            "bc.retry_after": 7,
        }
        answers = await asyncio.gather(*(bc.call("GET", bc.at("customers?$top=1")) for _ in range(8)))
        statuses = sorted(one.status_code for one in answers)
        assert statuses == [200] * 5 + [429] * 3
        over = next(one for one in answers if one.status_code == 429)
        assert over.headers["Retry-After"] == "7"
        assert over.json() == {
            "error": {
                "code": "Application_TooManyRequests",
                "message": "Too many requests reached. Actual (6). Maximum (5).",
            }
        }
        assert bc.world.counters.as_json()["bc"]["throttled"] == 3

    async def test_the_rate_counts_parts_and_slides(self, bc: BcClient) -> None:
        bc.world.switches |= {"bc.limits": True, "bc.limit_rate": 5}
        await bc.batch([bc.part("GET", "customers?$top=1")] * 4)
        await bc.get("customers?$top=1")
        assert (await bc.call("GET", bc.at("customers?$top=1"))).status_code == 429
        bc.world.clock.shift(301)
        await bc.get("customers?$top=1")

    async def test_a_wait_that_is_too_long_ends_in_503(self, bc: BcClient) -> None:
        bc.world.switches |= {
            "bc.limits": True,
            "bc.limit_running": 1,
            "bc.limit_wait_seconds": 0.05,
            "bc.seconds_per_request": 0.2,
        }
        answers = await asyncio.gather(*(bc.call("GET", bc.at("customers?$top=1")) for _ in range(2)))
        assert sorted(one.status_code for one in answers) == [200, 503]

    async def test_the_window_may_be_shortened(self, bc: BcClient) -> None:
        bc.world.switches |= {"bc.limits": True, "bc.limit_rate": 2, "bc.limit_rate_seconds": 60}
        for _ in range(2):
            await bc.get("customers?$top=1")
        assert (await bc.call("GET", bc.at("customers?$top=1"))).status_code == 429
        bc.world.clock.shift(61)
        await bc.get("customers?$top=1")

    async def test_each_user_has_his_own(self, bc: BcClient) -> None:
        bc.world.switches |= {"bc.limits": True, "bc.limit_rate": 1}
        await bc.get("customers?$top=1")
        bc.token = APP
        try:
            await bc.get("customers?$top=1")
        finally:
            bc.token = DELEGATED


class TestCounters:
    async def test_they_are_exact_over_several_processes_of_one_user(self, bc: BcClient) -> None:
        bc.world.switches |= {"bc.limits": True, "bc.limit_rate": 70, "bc.seconds_per_request": 0.02}
        seen = await clients(bc, processes=3, calls=30, at_once=8)
        counters = counted(bc)
        assert seen == {200: 70, 429: 20}
        assert counters["requests"] == counters["by_kind"]["GET customers"] == 90
        assert counters["statuses"] == {"200": 70, "429": 20}
        assert counters["throttled"] == 20
        assert (counters["max_in_5_minutes"], counters["max_running"]) == (70, 5)
        assert 5 < counters["max_in_flight"] <= 24

    async def test_queue_and_running_places_are_one_for_all_processes(self, bc: BcClient) -> None:
        bc.world.switches |= {
            "bc.limits": True,
            "bc.limit_running": 2,
            "bc.limit_queued": 1,
            "bc.seconds_per_request": 0.05,
        }
        seen = await clients(bc, processes=3, calls=20, at_once=4)
        counters = counted(bc)
        assert seen[429] == counters["throttled"] > 0
        assert seen[200] == counters["max_in_5_minutes"] == 60 - seen[429]
        assert (counters["max_running"], counters["max_queued"]) == (2, 1)

    async def test_without_limits_nobody_is_refused_but_all_at_once_are_counted(self, bc: BcClient) -> None:
        bc.world.switches |= {"bc.seconds_per_request": 0.05, "bc.limit_rate": 1}
        seen = await clients(bc, processes=2, calls=20, at_once=10)
        counters = counted(bc)
        assert seen == {200: 40}
        assert counters["max_running"] == counters["max_in_flight"] > 5
        assert not {"throttled", "max_in_5_minutes"} & set(counters)

    async def test_missing_and_stale_tokens_are_counted(self, bc: BcClient) -> None:
        path = f"customers({bc.customer().id})"
        seen = await clients(bc, processes=2, calls=5, at_once=2, method="PATCH", path=path)
        assert seen == {400: 10}
        etag = (await bc.get(path))["@odata.etag"]
        await bc.patch(path, {"displayName": "new"}, etag)
        await bc.patch(path, {"displayName": "newer"}, etag, status=409)
        counters = counted(bc)
        assert (counters["missing_if_match"], counters["stale_if_match"]) == (10, 1)
        assert counters["by_kind"]["PATCH customers"] == 12


class TestCompaniesThatGo:
    async def test_a_deleted_company_is_not_found_until_it_comes_back(self, bc: BcClient) -> None:
        draft = await bc.invoice(bc.item_line())
        path = f"salesInvoices({draft['id']})"
        shown = await bc.control("PATCH", f"companies/{bc.company.id}", {"deleted": True})
        assert shown == {"id": bc.company.id, "name": bc.company.name, "deleted": True}
        code, message = await bc.refused("GET", path, status=404)
        assert code == "Internal_RecordNotFound"
        assert message.startswith("The Company does not exist.")
        names = [one["name"] for one in (await bc.call("GET", f"{bc.root}/companies")).json()["value"]]
        assert names == ["Tamarisk Retail"]
        bc.world.switches["bc.unknown_company_code"] = "Internal_CompanyNotFound"
        assert (await bc.refused("GET", path, status=404))[0] == "Internal_CompanyNotFound"
        await bc.control("PATCH", f"companies/{bc.company.id}", {"deleted": False})
        assert (await bc.get(path))["number"] == draft["number"]

    async def test_a_renamed_company_keeps_its_id(self, bc: BcClient) -> None:
        await bc.control("PATCH", f"companies/{bc.company.name}", {"name": "Tamarisk Old"})
        await bc.get("customers?$top=1")
        found = (await bc.call("GET", f"{bc.root}/companies({bc.company.id})")).json()
        assert found["name"] == "Tamarisk Old"
        part = {"method": "GET", "url": "customers?$top=1", "headers": {"Company": "Tamarisk UK"}}
        answer = (await bc.batch([part]))[0]
        assert answer["body"]["error"]["message"].startswith("The supplied company name is not valid.")

    @pytest.mark.parametrize("change", [{"deleted": True}, {"name": "Live"}])
    async def test_an_environment_that_goes_is_the_gateways_401_or_404(
        self, bc: BcClient, change: dict[str, Any]
    ) -> None:
        await bc.control("PATCH", f"environments/{bc.environment}", change)
        answer = await bc.call("GET", bc.at("customers?$top=1"))
        assert (answer.status_code, answer.content) == (401, b"")
        bc.world.switches["bc.unknown_environment"] = 404
        answer = await bc.call("GET", bc.at("customers?$top=1"))
        assert refusal(answer, 404)[0] == "BadRequest_NotFound"
        listed = await bc.call("GET", f"{bc.world.urls['bc']}/environments/v1.1")
        names = [one["name"] for one in listed.json()["value"]]
        assert bc.environment not in names
        assert ("Live" in names) is ("name" in change)
        undo = {"deleted": False} if "deleted" in change else {"name": bc.environment}
        await bc.control("PATCH", f"environments/{change.get('name', bc.environment)}", undo)
        await bc.get("customers?$top=1")

    async def test_wishes_without_sense_are_refused(self, bc: BcClient) -> None:
        async with httpx.AsyncClient(base_url=f"{bc.world.urls['control']}/bc") as control:
            assert (await control.patch("/companies/Nobody", json={"deleted": True})).status_code == 404
            assert (await control.patch("/environments/None", json={"deleted": True})).status_code == 404
            assert (await control.patch(f"/companies/{bc.company.id}", json={})).status_code == 400
            assert (await control.patch(f"/companies/{bc.company.id}", json={"name": ""})).status_code == 400
