"""Sets up a clone: `.venv` from the lock, the storage emulator, a browser for the tests.

Runs on the bare standard library, before anything is installed. Every step is stamped, so a second run is instant,
and locked, so two at once do not disturb each other.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements-dev.txt"
UV_LOCK = Path(__file__).parent / "uv.txt"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class SetupFailed(Exception):
    """One line for the person in front of the terminal."""


def main() -> int:
    """Set up what the arguments ask for: `browser` adds a Chromium."""
    folder = ROOT / ".local"
    folder.mkdir(exist_ok=True)
    with (folder / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            packages()
            run([str(PYTHON), "-m", "local.azurite"], "The storage emulator cannot be set up")
            if "browser" in sys.argv[1:]:
                browser()
        except SetupFailed as failure:
            print(failure, file=sys.stderr)
            return 1
    return 0


def packages() -> None:
    """Make `.venv` hold exactly what the lock names, hashes checked."""
    stamp = VENV / ".installed"
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if _works() and stamp.exists() and stamp.read_text() == wanted:
        return
    if not _works():
        run([sys.executable, "-m", "venv", "--clear", str(VENV)], "The folder .venv cannot be made")
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    # uv installs the set several times faster; where it cannot be had, pip does the same work.
    if subprocess.run([*pip, "-r", str(UV_LOCK)], capture_output=True, check=False).returncode == 0:
        pip = [
            str(PYTHON),
            "-m",
            "uv",
            "pip",
            "install",
            "--quiet",
            "--require-hashes",
            "--python",
            str(PYTHON),
        ]
    run([*pip, "-r", str(LOCK)], "The packages cannot be installed")
    stamp.write_text(wanted)


def browser() -> None:
    """Make sure that there is a Chromium: the machine's, else Playwright's, else Debian's."""
    if browser_path() is not None:
        return
    playwright = [str(PYTHON), "-m", "playwright", "install", "chromium"]
    if subprocess.run(playwright, capture_output=True, check=False).returncode == 0:
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (["update", "-qq"], ["install", "-y", "-qq", "chromium", "fonts-liberation"]):
            subprocess.run(["apt-get", *arguments], capture_output=True, check=False, env=environment)
        if browser_path() is not None:
            return
    raise SetupFailed("The browser tests need Chromium: install it, so that `chromium` is on the PATH.")


def browser_path() -> str | None:
    """The Chromium on the PATH; None means that Playwright's own is to be used."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def run(command: list[str], complaint: str) -> None:
    """Run a command in the project folder. Raises `SetupFailed` with the last thing it said."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise SetupFailed(f"{complaint}: {said[-1].strip() if said else 'no reason given'}")


def _works() -> bool:
    check = "import sys; sys.exit(sys.version_info < (3, 13))"
    return PYTHON.exists() and subprocess.run([str(PYTHON), "-c", check], check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
