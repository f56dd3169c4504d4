"""azd, GitHub's workflows and docs/deploy.md against the templates and the code."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path

import pytest

from bc.functions.admin import ADMIN_ROLE
from tests.infra import bicep
from tests.infra.bicep import APP, MAIN, MODULES, ROOT

AZURE_YAML = (ROOT / "azure.yaml").read_text(encoding="utf-8")
GUIDE = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
DEPLOY = (ROOT / ".github" / "workflows" / "deploy.yml").read_text(encoding="utf-8")
each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def archived(text: str) -> list[str]:
    """What a page or workflow packs and sends."""
    found = re.findall(r"git archive .*? HEAD (.+)$", text, re.MULTILINE)
    assert len(found) == 1
    return str(found[0]).split()


def rows(title: str) -> list[list[str]]:
    """The cells of the table under a heading of docs/deploy.md, without the heading's own rows."""
    section = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", GUIDE, re.MULTILINE | re.DOTALL)
    assert section, title
    lines = [line for line in section[1].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]


def test_azd_finds_the_template_and_the_app() -> None:
    folder, module = (re.search(rf"^  {key}: (\S+)$", AZURE_YAML, re.MULTILINE) for key in ("path", "module"))
    assert folder
    assert module
    assert ROOT / folder[1] / f"{module[1]}.bicep" == MAIN
    service = re.search(r"^services:\n  (\w+):$", AZURE_YAML, re.MULTILINE)
    assert service
    template = (MODULES / "function_app.bicep").read_text(encoding="utf-8")
    assert f"'azd-service-name': '{service[1]}'" in template


@each_workflow
def test_actions_are_pinned_by_commit(path: Path) -> None:
    for action in re.findall(r"uses: (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE):
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action


@each_workflow
def test_workflows_know_no_secret_and_have_few_rights(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\bsecrets\.\w", text)
    assert re.search(r"^permissions:\n  contents: read\n\n", text, re.MULTILINE)
    granted = set(re.findall(r"^ +([\w-]+): write$", text, re.MULTILINE))
    assert granted == ({"id-token"} if path.name == "deploy.yml" else set())


@each_workflow
def test_no_expression_stands_in_a_script(path: Path) -> None:
    """A value that GitHub puts into a script would be run as part of it."""
    text = path.read_text(encoding="utf-8")
    scripts = re.findall(r"run: \|\n((?: {10}.*\n?)+)|run: (?!\|)(.+)", text)
    assert scripts
    assert not any("${{" in part for script in scripts for part in script)


def test_continuous_integration_runs_the_python_of_the_template() -> None:
    wanted = bicep.part(MODULES / "function_app.bicep", "variables")["pythonVersion"]["value"]
    ci = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    assert f'python-version: "{wanted}"' in ci
    assert "run: make test" in ci


def test_every_way_sends_the_same_files() -> None:
    files = archived(DEPLOY)
    assert archived(GUIDE) == files
    assert all((ROOT / name).exists() for name in files)
    assert {"function_app.py", "host.json", "requirements.txt"} <= set(files)


def test_the_guide_names_the_variables_of_the_workflow() -> None:
    named = {name for row in rows("From GitHub") for name in re.findall(r"`([A-Z_]+)`", row[0])}
    assert named == set(re.findall(r"vars\.(\w+)", DEPLOY))


def test_the_guide_names_every_parameter_with_its_default() -> None:
    told = {name: row[1].strip("`") for row in rows("Parameters") for name in re.findall(r"`(\w+)`", row[0])}
    parameters = bicep.part(APP, "parameters")
    assert told.keys() == parameters.keys()
    for name, parameter in parameters.items():
        default = parameter["default"]
        if isinstance(default, bool):
            assert told[name] == str(default).lower(), name
        elif isinstance(default, str | int) and not str(default).startswith("https://"):
            assert told[name] == (str(default) or "none"), name


def test_the_guide_sets_only_parameters_that_exist() -> None:
    names = set(re.findall(r"(?<![\w-])([a-z]+[A-Z]\w*)=", GUIDE))
    assert names <= bicep.part(APP, "parameters").keys()
    environment = (bicep.INFRA / "main.parameters.json").read_text(encoding="utf-8")
    for name in re.findall(r"azd env set ([A-Z_]+)|azd: `(AUTH_\w+)`", GUIDE):
        assert f"${{{name[0] or name[1]}=" in environment
    for name in re.findall(r"azd env get-value (\w+)", GUIDE):
        assert name in bicep.part(MAIN, "outputs")


def test_the_guide_names_the_secrets_of_the_vault() -> None:
    told = {name for row in rows("The three secrets") for name in re.findall(r"`([a-z-]+)`", row[1])}
    made = bicep.resources(MODULES / "vault.bicep").values()
    assert told == {one["body"]["name"] for one in made if one["type"].endswith("/secrets")}


def test_the_guide_tells_every_alert() -> None:
    assert [row[0] for row in rows("Alerts")] == [rule["title"] for rule in bicep.rules()]


def test_the_app_role_is_the_one_that_the_app_asks_for() -> None:
    (role,) = json.loads((bicep.INFRA / "admin-role.json").read_text(encoding="utf-8"))
    assert role["value"] == ADMIN_ROLE
    assert role["isEnabled"] is True
    assert uuid.UUID(role["id"]).version == 4
