"""What ships: its terms allow it, and the lists of it are those of the lock."""

from __future__ import annotations

import re

import pytest

from local import supply
from tests.infra.bicep import ROOT

ALLOWED = {"MIT", "MIT-0", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "ISC", "PSF-2.0", "MPL-2.0"}


@pytest.mark.parametrize("one", supply.components(), ids=lambda one: one.name)
def test_every_package_that_ships_has_terms_that_go_with_mit(one: supply.Component) -> None:
    terms = set(re.findall(r"[\w.-]+", one.licence)) - {"AND", "OR"}
    assert terms, f"{one.name} does not say under which terms it comes"
    assert terms <= ALLOWED


def test_the_lists_are_those_of_the_lock() -> None:
    said = "run python -m local.supply"
    assert supply.LICENCES.read_text(encoding="utf-8") == supply.page(), said
    assert supply.SBOM.read_text(encoding="utf-8") == supply.sbom_text(), said


def test_what_ships_is_pinned_with_hashes_and_the_traces_lock_only_adds() -> None:
    plain, more = (supply._pins(lock) for lock in supply.LOCKS)
    assert all(hashes for _, hashes in more.values())
    assert plain.items() <= more.items()


def test_every_action_is_pinned_to_a_commit() -> None:
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        for used in re.findall(r"uses: (\S+)", path.read_text(encoding="utf-8")):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", used), f"{path.name}: {used}"


def test_updates_are_proposed_for_each_kind_of_dependency() -> None:
    told = (ROOT / ".github" / "dependabot.yml").read_text(encoding="utf-8")
    assert set(re.findall(r"package-ecosystem: ([\w-]+)", told)) == {"pip", "npm", "github-actions"}
