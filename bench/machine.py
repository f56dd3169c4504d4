"""On what it was measured."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path


def machine() -> str:
    """Processor, cores, memory, system and Python, in one line."""
    parts = [_processor(), f"{os.cpu_count()} cores", _memory(), f"{platform.system()} {platform.release()}"]
    return ", ".join([*filter(None, parts), f"Python {platform.python_version()}"])


def memory_of(pid: int) -> tuple[float, float] | None:
    """Resident memory of a process in MiB, now and at its peak; None where the system does not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return None
    return _kib(status, "VmRSS") / 1024, _kib(status, "VmHWM") / 1024


def cpu_seconds(pid: int) -> float:
    """What a process used of the processor so far, its threads included. Linux only."""
    # The name in parentheses may hold spaces; user and system time are the 14th and 15th field.
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _kib(status: str, name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)
    return float(found[1]) if found else 0.0


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.machine()


def _memory() -> str:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return ""
    return f"{total / 2**30:.0f} GiB"


class Growth:
    """How far this process grew since: its peak resident set less what it held at the start, in MiB."""

    def __init__(self) -> None:
        # Starts the peak anew (Linux only).
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        self._start = self._memory[0]

    @property
    def _memory(self) -> tuple[float, float]:
        return memory_of(os.getpid()) or (0.0, 0.0)

    @property
    def peak(self) -> float:
        return self._memory[1]

    @property
    def mib(self) -> float:
        return self._memory[1] - self._start
