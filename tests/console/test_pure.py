"""The console's pure parts, by Node's own test runner: each file `*.test.mjs` beside this one."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from local import node
from local.azurite import INSTALLED
from local.process import ROOT

HERE = Path(__file__).parent
FILES = sorted(path.name for path in HERE.glob("*.test.mjs"))


@pytest.mark.parametrize("name", FILES)
def test_pure_parts(name: str, tmp_path: Path) -> None:
    # Node takes a `.js` for a module only where a package.json says so, and the console's folder has none.
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    shutil.copytree(ROOT / "bc" / "console" / "assets", tmp_path / "assets")
    for path in HERE.glob("*.mjs"):
        shutil.copy(path, tmp_path)
    found = node.find(INSTALLED / "node")
    done = subprocess.run(
        [found.node, "--test", "--test-reporter=tap", name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TZ": "Europe/London", "LC_ALL": "en_GB.UTF-8", "LANG": "en_GB.UTF-8"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# pass 0" not in done.stdout.splitlines(), done.stdout
