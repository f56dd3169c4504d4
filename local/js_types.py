"""`python -m local.js_types`: checks the types of the console's JavaScript with TypeScript, installed on first use."""

import subprocess
import sys
from pathlib import Path

from local import node
from local.settings import BadConfiguration

SOURCE = Path(__file__).parent / "typescript"
INSTALLED = Path(__file__).parents[1] / ".local" / "typescript"
SCRIPT = INSTALLED / "node_modules" / "typescript" / "bin" / "tsc"


def main() -> int:
    """TypeScript's own exit code; what it found is printed."""
    found = node.install(SOURCE, INSTALLED, SCRIPT)
    return subprocess.run([found.node, str(SCRIPT), "-p", str(SOURCE)], check=False).returncode


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BadConfiguration as error:
        sys.exit(str(error))
