"""`python -m local`: run a Functions app on this machine."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from local.azurite import Azurite
from local.host import Host, run
from local.settings import BadConfiguration
from local.storage import HOST_STORAGE


def main() -> int:
    """Parse the command line and run the host; 2 when it cannot start, with one line that says why."""
    options = parse(sys.argv[1:])
    azurite: Azurite | None = None
    try:
        if options.storage == "azurite":
            azurite = Azurite()
            azurite.start()
            os.environ[HOST_STORAGE] = azurite.connection_string()
        elif options.storage:
            os.environ[HOST_STORAGE] = options.storage
        host = Host(options.app, options.port, options.settings)
        return asyncio.run(run(host, options.patience, options.watch_stdin))
    except BadConfiguration as error:
        print(error, file=sys.stderr)
        return 2
    finally:
        if azurite is not None:
            azurite.stop()


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument("--app", type=Path, default=Path(), help="folder of host.json and function_app.py")
    parser.add_argument("--port", type=int, help="0 takes a free one; default: the settings file, or 7071")
    parser.add_argument("--settings", type=Path, help="default: local.settings.json of the app")
    parser.add_argument(
        "--storage", help='a connection string, or "azurite" to start one that ends with this host'
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=float(os.environ.get("LOCAL_STOP_SECONDS", "30")),
        help="seconds that running functions get to finish when the host stops",
    )
    parser.add_argument("--watch-stdin", action="store_true", help="stop when standard input ends")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
