"""The host over HTTP, as a process with a tiny app."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local import azurite
from local.ports import free_port
from local.process import ROOT, HostDied, HostProcess

APP = Path(__file__).parent / "apps" / "host_app"


@pytest.fixture(scope="module")
def diary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("http") / "diary"


def environment(diary: Path) -> dict[str, str]:
    return {
        "AzureWebJobsStorage": azurite.shared().fresh(),
        "AzureWebJobsDisableHomepage": "true",
        "DIARY": str(diary),
        "JOBS": "jobs",
        "LOCAL_FUNCTION_KEY": "function-key",
        "LOCAL_MASTER_KEY": "master-key",
        "LOCAL_TIMERS": "0",
    }


@pytest.fixture(scope="module")
def host(diary: Path) -> Iterator[HostProcess]:
    with HostProcess(APP, environment(diary)) as running:
        yield running


@pytest.fixture(scope="module")
def http(host: HostProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=host.url, timeout=10) as client:
        yield client


def test_a_request_reaches_its_function_as_the_real_host_sends_it(
    http: httpx.Client, host: HostProcess
) -> None:
    seen = http.post(
        "/echo/5?a=1&a=2&b=&c=%20", content="äöü", headers=[("X-Two", "1"), ("X-Two", "2")]
    ).json()
    assert seen["method"] == "POST"
    assert seen["url"] == f"{host.url}/echo/5?a=1&a=2&b=&c=%20"
    assert seen["route"] == {"name": "5"}
    assert seen["query"] == {"a": "1,2", "c": " "}
    assert seen["headers"]["x-two"] == "1,2"
    assert seen["body"] == "äöü"


def test_routes_methods_and_what_is_not_there(http: httpx.Client) -> None:
    assert http.get("/").text == "home"
    assert http.get("/ECHO/Literal").text == "literal"
    assert http.get("/files/a/b%20c").text == "a/b c"
    assert http.get("/threaded").text == "threaded"
    assert http.get("/echo/x").status_code == 404
    assert http.get("/nowhere").status_code == 404
    assert http.put("/echo/5").status_code == 405
    assert http.head("/echo/5").status_code == 405
    assert http.get("/put").headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({}, "", 401),
        ({"x-functions-key": "wrong"}, "", 401),
        ({"x-functions-key": "function-key"}, "", 204),
        ({}, "?code=function-key", 204),
        ({}, "?code=master-key", 204),
        ({}, "?code=%C3%A4", 401),
    ],
)
def test_a_function_key_opens_its_function(
    http: httpx.Client, headers: dict[str, str], query: str, status: int
) -> None:
    answer = http.get(f"/guarded{query}", headers=headers)
    assert answer.status_code == status
    assert answer.content == b""


def test_cookies_and_headers_come_through(http: httpx.Client) -> None:
    answer = http.get("/cookies")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/elsewhere"
    assert answer.headers["x-own"] == "yes"
    assert answer.headers.get_list("set-cookie") == [
        "first=a%3Db; max-age=600; path=/auth; samesite=lax; httponly",
        "second=; expires=Thu, 01 Jan 1970 00:00:00 GMT; path=/; secure",
    ]


def test_a_function_that_raises_is_an_empty_500_and_a_log_line(http: httpx.Client, host: HostProcess) -> None:
    answer = http.get("/broken")
    assert (answer.status_code, answer.content) == (500, b"")
    failed = [event for event in host.events() if event.get("function") == "broken"]
    assert any("it broke" in event["message"] for event in failed)
    assert any(event.get("outcome") == "failed" and "duration_ms" in event for event in failed)


def test_the_apps_own_log_lines_carry_the_invocation(http: httpx.Client, host: HostProcess) -> None:
    http.get("/echo/1")
    own = [event for event in host.events() if event["message"] == "echoed"]
    assert own
    assert own[-1]["function"] == "echo"
    assert len(own[-1]["invocation"]) == 36


def test_a_caller_who_hangs_up_does_not_stop_the_function(http: httpx.Client, diary: Path) -> None:
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(http.base_url.join("/slow?seconds=0.6"), timeout=0.3)
    assert http.get("/slow?seconds=0.6").text == "at last"
    assert diary.read_text().count("slow ended") == 2


def test_admin_calls_want_the_master_key(http: httpx.Client) -> None:
    master = {"x-functions-key": "master-key"}
    assert http.get("/admin/host/status").status_code == 401
    assert http.get("/admin/host/status?code=function-key").status_code == 401
    assert http.get("/admin/host/status", headers=master).json()["state"] == "Running"
    assert {one["name"] for one in http.get("/admin/functions", headers=master).json()} >= {"echo", "jobs"}
    assert http.get("/admin/nothing", headers=master).status_code == 404
    assert http.post("/admin/functions/nothing", headers=master, json={"input": ""}).status_code == 404
    assert http.post("/admin/functions/seldom", headers=master, content="{").status_code == 400


def test_a_function_is_started_by_hand(http: httpx.Client, diary: Path) -> None:
    master = {"x-functions-key": "master-key"}
    assert http.post("/admin/functions/Seldom", headers=master, json={"input": ""}).status_code == 202
    assert http.post("/admin/functions/jobs", headers=master, json={"input": "by hand"}).status_code == 202
    http.get("/slow?seconds=0.2")
    text = diary.read_text()
    assert "seldom False" in text
    assert "done by hand" in text


def test_settings_come_from_the_environment_then_the_file(diary: Path, tmp_path: Path) -> None:
    file = tmp_path / "local.settings.json"
    file.write_text(
        json.dumps({"Values": {"A_SETTING": "file", "JOBS": "other"}, "Host": {"LocalHttpPort": 1}})
    )
    env = {**environment(diary), "A_SETTING": "environment"}
    del env["JOBS"]
    with HostProcess(APP, env, settings_file=file) as running:
        assert httpx.get(f"{running.url}/echo/1").json()["setting"] == "environment"
        running.stop()
        del running.env["A_SETTING"]
        running.start()
        assert httpx.get(f"{running.url}/echo/1").json()["setting"] == "file"


def test_a_busy_port_is_one_clear_line(host: HostProcess) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local", "--app", str(APP), "--port", str(host.port)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=20,
    )  # fmt: skip
    assert done.returncode == 2
    assert (
        done.stderr.strip()
        == f"Port {host.port} cannot be used: Address already in use. Choose another with PORT=8080 make run (or --port)."
    )


def test_an_app_that_does_not_load_says_why(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text('{"version": "2.0"}')
    (tmp_path / "function_app.py").write_text("raise RuntimeError('no luck')\n")
    with pytest.raises(HostDied, match="no luck"):
        HostProcess(tmp_path, {"AzureWebJobsStorage": azurite.shared().fresh()}).start()


def test_storage_that_does_not_answer_is_one_clear_line(diary: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/account0"
    parts = ["DefaultEndpointsProtocol=http", "AccountName=account0", "AccountKey=a2V5"]
    parts += [f"{service}Endpoint={nobody}" for service in ("Blob", "Queue", "Table")]
    with pytest.raises(HostDied, match="AzureWebJobsStorage does not answer"):
        HostProcess(APP, {**environment(diary), "AzureWebJobsStorage": ";".join(parts)}).start()
