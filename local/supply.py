"""What ships and under which terms: `python -m local.supply` writes `docs/licences.md` and the SBOM `sbom.json`.

Both are made of the lock (`requirements.txt`, `requirements-telemetry.txt`) and of what the installed packages say of
themselves, so that neither lags behind. Nothing is looked up elsewhere.
"""

from __future__ import annotations

import json
import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
LICENCES = ROOT / "docs" / "licences.md"
SBOM = ROOT / "sbom.json"
LOCKS = ("requirements.txt", "requirements-telemetry.txt")
# How packages write their terms, and the SPDX expression for that.
SPDX = {
    "apache 2": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd-3-clause license": "BSD-3-Clause",
    "isc": "ISC",
    "mit license": "MIT",
    "the mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "3-clause bsd license": "BSD-3-Clause",
}
KNOWN = {*SPDX.values(), "PSF-2.0"}
_PIN = re.compile(r"^([a-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class Component(NamedTuple):
    name: str
    version: str
    licence: str
    hashes: tuple[str, ...]
    optional: bool


def components() -> list[Component]:
    """Every package of the locks, by name; `licence` is an SPDX expression, "" where the package does not tell."""
    shipped = _pins("requirements.txt")
    return [
        Component(name, version, licence(name), hashes, name not in shipped)
        for name, (version, hashes) in sorted(_pins("requirements-telemetry.txt").items())
    ]


def _pins(lock: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    text = (ROOT / lock).read_text(encoding="utf-8")
    pieces = re.split(r"(?m)^(?=[a-z0-9._-]+==)", text)
    return {
        found[1]: (found[2], tuple(_HASH.findall(piece))) for piece in pieces if (found := _PIN.match(piece))
    }


def licence(name: str) -> str:
    """The terms as the installed package states them: its expression, else its licence's name, else its classifier."""
    try:
        told = metadata(name)
    except PackageNotFoundError:
        return ""
    if expression := told.get("License-Expression"):
        return str(expression)
    stated = str(told.get("License") or "").strip()
    classified = [
        one.rsplit(" :: ", 1)[1]
        for one in told.get_all("Classifier") or []
        if one.startswith("License :: ") and one.count(" :: ") > 1
    ]
    if "Redistribution and use in source and binary forms" in stated:
        # The whole text in place of its name: the third clause tells the two apart.
        return "BSD-3-Clause" if re.search(r"Neither\s+the\s+name", stated) else "BSD-2-Clause"
    for words in (stated, *classified):
        known = SPDX.get(words.lower(), words if words in KNOWN else "")
        if known:
            return known
    return ""


def page() -> str:
    rows = [
        f"| {one.name} | {one.version} | {one.licence} | {'with traces only' if one.optional else ''} |"
        for one in components()
    ]
    return "\n".join(
        [
            "# Licences",
            "",
            "Python packages that ship with the app, by `python -m local.supply` from the lock and from what each package says of itself.",
            "The console carries Preact and htm ([theirs](../bc/console/assets/vendor/README.md)). `sbom.json` lists the same as CycloneDX.",
            "",
            "| package | version | licence | |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )


def sbom() -> dict[str, Any]:
    """The packages as CycloneDX 1.6; no time and no serial number, so that the same lock gives the same file."""
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": "halo-bc",
                "bom-ref": "halo-bc",
                "licenses": [{"license": {"id": "MIT"}}],
            }
        },
        "components": [_component(one) for one in components()],
    }


def _component(one: Component) -> dict[str, Any]:
    purl = f"pkg:pypi/{one.name}@{one.version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": one.name,
        "version": one.version,
        "purl": purl,
        "scope": "optional" if one.optional else "required",
        "licenses": [{"expression": one.licence}] if one.licence else [],
        # The lock allows each file that the index has of this version; one of them is installed.
        "externalReferences": [
            {
                "type": "distribution",
                "url": f"https://pypi.org/project/{one.name}/{one.version}/",
                "hashes": [{"alg": "SHA-256", "content": digest} for digest in one.hashes],
            }
        ],
    }


def sbom_text() -> str:
    return json.dumps(sbom(), indent=1) + "\n"


if __name__ == "__main__":
    LICENCES.write_text(page(), encoding="utf-8")
    SBOM.write_text(sbom_text(), encoding="utf-8")
