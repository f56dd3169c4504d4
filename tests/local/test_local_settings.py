"""host.json, local.settings.json and the environment."""

import json
from pathlib import Path
from typing import Any

import pytest

from local.settings import (
    BadConfiguration,
    apply_environment,
    is_disabled,
    read_host_json,
    read_local_port,
    read_local_settings,
    resolve,
)

ROOT = Path(__file__).parents[2]


def host_json(folder: Path, **content: Any) -> Path:
    (folder / "host.json").write_text(json.dumps({"version": "2.0", **content}))
    return folder


def test_the_real_hosts_defaults_hold_where_host_json_is_silent(tmp_path: Path) -> None:
    found = read_host_json(host_json(tmp_path))
    assert found.route_prefix == "api"
    assert (found.queues.batch_size, found.queues.new_batch_threshold) == (16, 8)
    assert (found.queues.max_dequeue_count, found.queues.retry_after) == (5, 0)
    assert found.queues.max_polling_interval == 60


def test_the_projects_host_json_is_read(tmp_path: Path) -> None:
    found = read_host_json(ROOT)
    assert found.route_prefix == ""
    assert found.queues.max_polling_interval <= 2
    assert found.function_timeout == 600


@pytest.mark.parametrize(
    "queues",
    [
        {"batchSize": 33},
        {"batchSize": "16"},
        {"maxPollingInterval": "2 seconds"},
        {"messageEncoding": "utf-16"},
        {"maxDequeueCount": 0},
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, queues: dict[str, Any]) -> None:
    with pytest.raises(BadConfiguration, match=next(iter(queues))):
        read_host_json(host_json(tmp_path, extensions={"queues": queues}))


def test_a_missing_host_json_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"host\.json is missing"):
        read_host_json(tmp_path)


def test_the_environment_wins_over_the_file_and_the_file_over_defaults() -> None:
    environ = {"A": "environment"}
    apply_environment({"A": "file", "B": "file", "FUNCTIONS_WORKER_RUNTIME": "python"}, environ)
    assert environ["A"] == "environment"
    assert environ["B"] == "file"
    assert environ["AzureWebJobsStorage"] == "UseDevelopmentStorage=true"


def test_encrypted_settings_are_refused_with_the_cure(tmp_path: Path) -> None:
    file = tmp_path / "local.settings.json"
    file.write_text('{"IsEncrypted": true, "Values": {}}')
    with pytest.raises(BadConfiguration, match="func settings decrypt"):
        read_local_settings(file)


def test_the_example_settings_are_ready_to_copy() -> None:
    example = ROOT / "local.settings.example.json"
    values = read_local_settings(example)
    assert values["AzureWebJobsDisableHomepage"] == "true"
    assert {"PUBLIC_URL", "ENCRYPTION_KEYS", "ADMIN_KEY", "HALO_URL", "BC_API_URL"} <= set(values)
    assert read_local_port(example) == 7071


def test_settings_named_in_bindings_are_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUEUE", "jobs")
    assert resolve("%QUEUE%-late") == "jobs-late"
    with pytest.raises(BadConfiguration, match="NOWHERE"):
        resolve("%NOWHERE%")


def test_a_function_is_switched_off_by_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AzureWebJobs.sweep.Disabled", "true")
    assert is_disabled("sweep")
    assert not is_disabled("other")


def test_no_lock_file_names_a_package_index() -> None:
    locks = [*ROOT.glob("requirements*.txt"), ROOT / "local/uv.txt", ROOT / "local/azurite/requirements.txt"]
    for lock in [*locks, ROOT / "local/azurite/package-lock.json"]:
        text = lock.read_text()
        assert "--index-url" not in text
        assert "resolved" not in text
        assert "://" not in text or lock.name == "package-lock.json"
