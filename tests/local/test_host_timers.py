"""Timer triggers over one and two hosts."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.data.tables import TableClient, UpdateMode

from local import azurite
from local.process import HostProcess
from local.timers import TABLE

APP = Path(__file__).parent / "apps" / "host_app"


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "diary").touch()
    return {
        "AzureWebJobsStorage": azurite.shared().fresh(),
        "DIARY": str(tmp_path / "diary"),
        "JOBS": "jobs",
    }


def ticks(env: dict[str, str]) -> list[str]:
    return [line for line in Path(env["DIARY"]).read_text().splitlines() if line.startswith("tick")]


def soon(condition: Callable[[], bool], seconds: float = 8) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.05)


def test_two_hosts_fire_a_timer_once_and_the_other_takes_over_when_one_stops(env: dict[str, str]) -> None:
    with HostProcess(APP, env) as first, HostProcess(APP, env) as second:
        soon(lambda: len(ticks(env)) >= 3)
        firing = {line.split()[1] for line in ticks(env)}
        assert len(firing) == 1
        holder, other = (first, second) if str(first.pid) in firing else (second, first)
        began, count = time.monotonic(), len(ticks(env))
        time.sleep(2)
        assert len(ticks(env)) - count <= 3
        holder.stop()
        soon(lambda: f"tick {other.pid}" in ticks(env))
        assert time.monotonic() - began < 9


def test_a_timer_that_was_missed_fires_at_once_and_knows_it(env: dict[str, str]) -> None:
    env["AzureWebJobs.every_second.Disabled"] = "true"
    diary = Path(env["DIARY"])
    with HostProcess(APP, env) as host:
        with TableClient.from_connection_string(env["AzureWebJobsStorage"], TABLE) as table:
            soon(lambda: any("Next" in row for row in table.list_entities()))
            host.stop()
            row = next(iter(table.list_entities()))
            assert row["RowKey"] == "seldom"
            row["Next"] = datetime.now(UTC) - timedelta(hours=1)
            table.update_entity(row, UpdateMode.MERGE)
        assert diary.read_text() == ""
        host.start()
        soon(lambda: diary.read_text() == "seldom True\n")


def test_timers_can_be_switched_off(env: dict[str, str]) -> None:
    with HostProcess(APP, {**env, "LOCAL_TIMERS": "0"}):
        time.sleep(2)
        assert not ticks(env)
