"""Function, host and master keys, kept in `.local/keys.json` beside the app."""

import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile


@dataclass(frozen=True)
class Keys:
    """The keys callers may present. The master key opens everything, the host key every function."""

    master: str
    host: str
    functions: Mapping[str, str]

    def allow(self, level: str, function: str, presented: str) -> bool:
        """Whether a caller with this key may call a function of this `authLevel`."""
        if level.lower() == "anonymous":
            return True
        accepted = [self.master]
        if level.lower() == "function":
            accepted += [self.host, self.functions.get(function, "")]
        given = presented.encode()
        return any(hmac.compare_digest(key.encode(), given) for key in accepted if key)

    def is_master(self, presented: str) -> bool:
        """Whether this is the master key, which `/admin` asks for."""
        return self.allow("admin", "", presented)


def load(folder: Path) -> Keys:
    """Read `keys.json` in `folder`, made on first use; `LOCAL_MASTER_KEY` and `LOCAL_FUNCTION_KEY` go first.

    `functions` in the file may name keys for single functions.
    """
    master, host = os.environ.get("LOCAL_MASTER_KEY"), os.environ.get("LOCAL_FUNCTION_KEY")
    if master and host:
        return Keys(master, host, {})
    file = folder / "keys.json"
    if not file.exists():
        _create(file)
    content = json.loads(file.read_text(encoding="utf-8"))
    return Keys(master or content["master"], host or content["host"], content.get("functions", {}))


def _create(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=file.parent, delete=False, encoding="utf-8") as draft:
        json.dump(
            {"master": secrets.token_urlsafe(32), "host": secrets.token_urlsafe(32), "functions": {}}, draft
        )
    try:
        os.link(draft.name, file)  # several hosts may start at once: the first file stays
    except FileExistsError:
        return
    finally:
        os.unlink(draft.name)
