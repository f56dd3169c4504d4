"""Queue triggers: at least once, retried, never lost, over kills and several hosts."""

import base64
import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.queue import QueueClient

from local import azurite
from local.ports import wait_until_refused
from local.process import HostProcess

APP = Path(__file__).parent / "apps" / "host_app"


class Bench:
    """Storage of its own, a diary the app writes, and hosts that share both."""

    def __init__(self, folder: Path) -> None:
        self.storage = azurite.shared().fresh()
        self.diary = folder / "diary"
        self.diary.touch()
        self.hosts: list[HostProcess] = []

    def host(self, *, visibility: int = 600, patience: float = 10) -> HostProcess:
        env = {
            "AzureWebJobsStorage": self.storage,
            "DIARY": str(self.diary),
            "JOBS": "jobs",
            "LOCAL_QUEUE_VISIBILITY_SECONDS": str(visibility),
            "LOCAL_TIMERS": "0",
        }
        host = HostProcess(APP, env, patience=patience)
        self.hosts.append(host)
        return host.start()

    def queue(self, name: str = "jobs") -> QueueClient:
        return QueueClient.from_connection_string(self.storage, name)

    def put(self, *texts: str, raw: bool = False) -> None:
        queue = self.queue()
        with contextlib.suppress(ResourceExistsError):
            queue.create_queue()
        for text in texts:
            queue.send_message(text if raw else base64.b64encode(text.encode()).decode())

    def lines(self, start: str = "") -> list[str]:
        return [line for line in self.diary.read_text().splitlines() if line.startswith(start)]

    def left(self, name: str = "jobs") -> int:
        return self.queue(name).get_queue_properties().approximate_message_count or 0

    def poisoned(self) -> list[str]:
        try:
            return [str(message.content) for message in self.queue("jobs-poison").peek_messages(32)]
        except ResourceNotFoundError:
            return []


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    for host in made.hosts:
        host.close()


def soon(condition: Callable[[], bool], seconds: float = 8) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.05)


def test_a_message_put_by_an_output_binding_runs_at_once_and_is_gone(bench: Bench) -> None:
    host = bench.host()
    time.sleep(1.5)  # the queue is idle and polling has slowed down
    began = time.monotonic()
    assert httpx.post(f"{host.url}/put", json=["one", "två"]).status_code == 202
    soon(lambda: len(bench.lines("done")) == 2)
    assert time.monotonic() - began < 0.9
    soon(lambda: bench.left() == 0)
    assert bench.lines("job one")[0].split()[2] == "1"


def test_a_foreign_producers_message_is_found_within_the_polling_interval(bench: Bench) -> None:
    bench.host()
    bench.put("from outside")
    soon(lambda: len(bench.lines("done from outside")) == 1, 3)


def test_a_failed_message_runs_again_and_an_ever_failing_one_moves_to_poison(bench: Bench) -> None:
    bench.host()
    bench.put("once", "fail")
    soon(lambda: len(bench.poisoned()) == 1)
    assert base64.b64decode(bench.poisoned()[0]) == b"fail"
    assert [line.split()[2] for line in bench.lines("job fail")] == ["1", "2", "3"]
    assert [line.split()[2] for line in bench.lines("job once")] == ["1", "2"]
    assert len(bench.lines("done once")) == 1
    soon(lambda: bench.left() == 0)


def test_what_is_not_base64_moves_to_poison_as_it_is_and_never_runs(bench: Bench) -> None:
    bench.host()
    bench.put("{not base64", raw=True)
    bench.put("fine")
    soon(lambda: bench.poisoned() == ["{not base64"])
    soon(lambda: len(bench.lines("done fine")) == 1)
    assert len(bench.lines("job")) == 1


def test_a_killed_hosts_message_comes_back_to_another_host(bench: Bench) -> None:
    first = bench.host(visibility=2)
    bench.put("sleep:3")
    soon(lambda: len(bench.lines("job sleep:3 1")) == 1)
    first.kill()
    assert not first.running
    bench.host(visibility=2)
    soon(lambda: len(bench.lines("done sleep:3")) == 1, 12)
    assert len(bench.lines("job sleep:3 2")) == 1
    soon(lambda: bench.left() == 0)


def test_a_long_run_keeps_its_message(bench: Bench) -> None:
    bench.host(visibility=2)
    bench.host(visibility=2)
    bench.put("sleep:3.5")
    soon(lambda: len(bench.lines("done")) == 1)
    soon(lambda: bench.left() == 0)
    assert len(bench.lines("job")) == 1


def test_two_hosts_share_a_queue_and_no_message_runs_twice(bench: Bench) -> None:
    bench.host()
    bench.host()
    texts = [f"sleep:0.3:{number}" for number in range(40)]
    bench.put(*texts)
    soon(lambda: len(bench.lines("done")) >= 40)
    assert sorted(line.split()[1] for line in bench.lines("done")) == sorted(texts)
    assert len({line.split()[2] for line in bench.lines("done")}) == 2


def test_one_host_runs_no_more_than_a_batch_and_the_threshold_at_once(bench: Bench) -> None:
    bench.put(*[f"sleep:0.3:{number}" for number in range(20)])
    bench.host()
    soon(lambda: len(bench.lines("done")) == 20)
    running = most = 0
    for line in bench.lines():
        running += 1 if line.startswith("job") else -1
        most = max(most, running)
    assert 4 <= most <= 6


def test_a_stop_lets_running_work_finish_and_takes_no_more(bench: Bench) -> None:
    host = bench.host()
    bench.put("sleep:1.5:first")
    soon(lambda: len(bench.lines("job")) == 1)
    bench.put("second")
    assert host.stop() == 0
    assert len(bench.lines("done sleep:1.5:first")) == 1
    assert wait_until_refused(host.port)
    assert bench.left() == (1 if not bench.lines("job second") else 0)


def test_a_stop_out_of_patience_gives_the_message_back(bench: Bench) -> None:
    host = bench.host(patience=0.3)
    bench.put("sleep:15")
    soon(lambda: len(bench.lines("job")) == 1)
    began = time.monotonic()
    assert host.stop() == 0
    assert time.monotonic() - began < 3
    assert not bench.lines("done")
    bench.host(patience=0.3)
    soon(lambda: len(bench.lines("job sleep:15 2")) == 1, 4)  # not after ten minutes


def test_a_second_signal_ends_the_host_at_once(bench: Bench) -> None:
    host = bench.host()
    bench.put("sleep:15")
    soon(lambda: len(bench.lines("job")) == 1)
    os.kill(host.pid, signal.SIGTERM)
    time.sleep(0.5)
    assert host.running
    os.kill(host.pid, signal.SIGINT)
    assert host.wait(2) == 1
