"""Log lines: one JSON object each on standard error, with the function and invocation they belong to."""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 10,
}
# Chatter of the libraries the host itself uses; the app decides about its own loggers.
NOISY = (
    "azure.functions",
    "azure.core.pipeline.policies.http_logging_policy",
    "azure.identity",
    "aiohttp.access",
)

current_function: ContextVar[str] = ContextVar("current_function", default="")
current_invocation: ContextVar[str] = ContextVar("current_invocation", default="")

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def configure(log_levels: dict[str, str]) -> None:
    """Send every log record to standard error as JSON, at the levels of host.json's `logging.logLevel`.

    As in the real host, `Function` sets the level of the app's own lines and of the outcome of each invocation,
    `Host` that of the host's, and `default` stands in for either.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.getLogger().handlers[:] = [handler]
    default = log_levels.get("default", "Information")
    for logger, category in ((None, "Function"), ("local.invocation", "Function"), ("local", "Host")):
        level = log_levels.get(category, default).lower()
        logging.getLogger(logger).setLevel(LEVELS.get(level, logging.INFO))
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


class JsonLines(logging.Formatter):
    """`{"time", "level", "logger", "function"?, "invocation"?, "message", …extra, "error"?}`"""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if function := current_function.get():
            line["function"] = function
        if invocation := current_invocation.get():
            line["invocation"] = invocation
        line["message"] = record.getMessage()
        line.update((name, value) for name, value in vars(record).items() if name not in _STANDARD)
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)
