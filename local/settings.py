"""What host.json and local.settings.json say, and the environment they make."""

import json
import os
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DEFAULTS = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "AZURE_FUNCTIONS_ENVIRONMENT": "Development",
    "FUNCTIONS_EXTENSION_VERSION": "~4",
    "FUNCTIONS_WORKER_RUNTIME": "python",
}
LONGEST_VISIBILITY = 7 * 24 * 3600


class BadConfiguration(Exception):
    """A file or a setting the host cannot start with; the text is for the person who starts it."""


@dataclass(frozen=True)
class QueueSettings:
    """`extensions.queues` of host.json; times in seconds."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    retry_after: float = 0.0
    max_polling_interval: float = 60.0
    base64: bool = True


@dataclass(frozen=True)
class HostSettings:
    """What this host honours of host.json; times in seconds."""

    route_prefix: str = "api"
    queues: QueueSettings = field(default_factory=QueueSettings)
    function_timeout: float | None = 1800.0
    log_levels: dict[str, str] = field(default_factory=dict)


def read_host_json(app: Path) -> HostSettings:
    """Read `host.json` of the app. Raises `BadConfiguration` naming the value that is wrong."""
    content = _read_json(app / "host.json")
    if content.get("version") != "2.0":
        raise BadConfiguration('host.json must say "version": "2.0".')
    extensions = _section(content, "extensions")
    queues = _section(extensions, "queues")
    batch_size = _whole(queues, "batchSize", 16, 1, 32)
    encoding = str(queues.get("messageEncoding", "base64")).lower()
    if encoding not in ("base64", "none"):
        raise BadConfiguration('host.json: messageEncoding must be "base64" or "none".')
    timeout = content.get("functionTimeout", "00:30:00")
    return HostSettings(
        route_prefix=str(_section(extensions, "http").get("routePrefix", "api")).strip("/"),
        queues=QueueSettings(
            batch_size=batch_size,
            new_batch_threshold=_whole(queues, "newBatchThreshold", batch_size // 2, 0, 1000),
            max_dequeue_count=_whole(queues, "maxDequeueCount", 5, 1, 1_000_000),
            retry_after=_span(queues, "visibilityTimeout", 0.0),
            max_polling_interval=max(0.1, _span(queues, "maxPollingInterval", 60.0)),
            base64=encoding == "base64",
        ),
        function_timeout=None if timeout in (None, "-1") else seconds(str(timeout), "functionTimeout"),
        log_levels={str(k): str(v) for k, v in _section(_section(content, "logging"), "logLevel").items()},
    )


def read_local_settings(file: Path) -> dict[str, str]:
    """`Values` of a local.settings.json; empty when the file is absent. Encrypted files are refused."""
    if not file.exists():
        return {}
    content = _read_json(file)
    if content.get("IsEncrypted"):
        raise BadConfiguration(f"{file.name} is encrypted; run `func settings decrypt` first.")
    return {str(name): str(value) for name, value in _section(content, "Values").items() if value is not None}


def read_local_port(file: Path) -> int:
    """`Host.LocalHttpPort` of a local.settings.json; 7071 where it says nothing."""
    port = _section(_read_json(file), "Host").get("LocalHttpPort", 7071) if file.exists() else 7071
    return int(port)


def is_disabled(function: str) -> bool:
    """Whether the app setting `AzureWebJobs.<function>.Disabled` (or with `__` for the dots) is true."""
    names = (f"AzureWebJobs.{function}.Disabled", f"AzureWebJobs__{function}__Disabled")
    return any(os.environ.get(name, "").lower() in ("true", "1") for name in names)


def apply_environment(values: Mapping[str, str], environ: MutableMapping[str, str] | None = None) -> None:
    """Fill the environment: what the process already has wins, then `values`, then `DEFAULTS`."""
    target = os.environ if environ is None else environ
    for name, value in (*values.items(), *DEFAULTS.items()):
        target.setdefault(name, value)


def resolve(expression: str) -> str:
    """Replace `%NAME%` in a binding by the app setting of that name, as queue names and schedules allow."""

    def setting(match: re.Match[str]) -> str:
        value = os.environ.get(match[1])
        if value is None:
            raise BadConfiguration(f"The app setting {match[1]}, named in a binding, is missing.")
        return value

    return re.sub(r"%([^%]+)%", setting, expression)


def seconds(text: str, name: str) -> float:
    """Read a .NET time span, `[d.]hh:mm:ss[.fff]`, as seconds."""
    match = re.fullmatch(r"(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2}(?:\.\d+)?)", text.strip())
    if match is None:
        raise BadConfiguration(f"host.json: {name} must look like 00:00:10, not {text!r}.")
    days, hours, minutes, rest = match.groups()
    return int(days or 0) * 86400 + int(hours) * 3600 + int(minutes) * 60 + float(rest)


def _span(section: Mapping[str, Any], name: str, default: float) -> float:
    value = section.get(name)
    return default if value is None else min(seconds(str(value), name), LONGEST_VISIBILITY)


def _whole(section: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    value = section.get(name, default)
    if not isinstance(value, int) or not least <= value <= most:
        raise BadConfiguration(f"host.json: {name} must be a whole number from {least} to {most}.")
    return value


def _section(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = content.get(name, {})
    if not isinstance(section, dict):
        raise BadConfiguration(f"{name} must be an object.")
    return section


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise BadConfiguration(f"{file} is missing.") from None
    except ValueError as error:
        raise BadConfiguration(f"{file} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise BadConfiguration(f"{file} must hold a JSON object.")
    return content
