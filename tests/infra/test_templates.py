"""The templates: each file parses, each name resolves, and what makes the deployment safe stands in it."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.infra import bicep
from tests.infra.bicep import APP, FILES, MAIN, MODULES, ROOT

FUNCTION_APP = MODULES / "function_app.bicep"
# Microsoft's built-in roles: the same ids in every tenant.
BUILT_IN_ROLES = {
    "storageBlobDataOwner": "b7e6dc6d-f1e8-4753-8033-0f276bb0955b",
    "storageQueueDataContributor": "974c5e8b-45b9-4653-ba55-5f855dd0fb88",
    "storageTableDataContributor": "0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3",
    "keyVaultSecretsUser": "4633458b-17de-408a-b874-0445c86b69e6",
    "keyVaultSecretsOfficer": "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "monitoringMetricsPublisher": "3913510d-42f4-4e42-8a64-420c390055eb",
}
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)


def body(path: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = bicep.resources(path)[name]["body"]
    return found


@each_file
def test_every_file_parses(path: Path) -> None:
    assert bicep.parsed(path)["globals"]


def test_every_resource_of_the_text_is_seen_by_the_parser() -> None:
    """The other tests would pass over a resource that the parser lost."""
    for path in FILES:
        told = re.findall(r"^\s*resource (\w+) ", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert sorted(told) == sorted(bicep.part(path, "resources")), path.name


@each_file
def test_every_name_resolves(path: Path) -> None:
    unknown = bicep.used(path) - bicep.declared(path) - bicep.FUNCTIONS
    assert not unknown


@each_file
def test_every_parameter_and_variable_is_used(path: Path) -> None:
    declared = bicep.part(path, "parameters").keys() | bicep.part(path, "variables").keys()
    assert not declared - bicep.used(path)


@each_file
def test_modules_are_given_what_they_ask_for(path: Path) -> None:
    for name, file, given in bicep.calls(path):
        assert file in FILES, name
        asked = bicep.part(file, "parameters")
        required = {key for key, parameter in asked.items() if parameter["default"] is None}
        assert given.keys() <= asked.keys(), name
        assert required <= given.keys(), name


@each_file
def test_the_outputs_that_are_read_exist(path: Path) -> None:
    files = {name: file for name, file, _ in bicep.calls(path)}
    for module, output in bicep.given_outputs(path):
        assert output in bicep.part(files[module], "outputs"), f"{module}.outputs.{output}"


def test_every_file_is_deployed() -> None:
    reached, waiting = set(), [MAIN]
    while waiting:
        path = waiting.pop()
        reached.add(path)
        waiting += [file for _, file, _ in bicep.calls(path)]
    assert reached == set(FILES)


def test_azd_fills_every_parameter() -> None:
    content = json.loads((bicep.INFRA / "main.parameters.json").read_text(encoding="utf-8"))["parameters"]
    assert content.keys() == bicep.part(MAIN, "parameters").keys()
    required = {key for key, one in bicep.part(MAIN, "parameters").items() if one["default"] is None}
    for name, parameter in content.items():
        # A variable without a default would be asked for, each time.
        assert re.fullmatch(r"\$\{\w+\}" if name in required else r"\$\{\w+=\w*\}", parameter["value"]), name


def test_limits_of_the_modules_are_those_of_the_entrance() -> None:
    """A value that the entrance lets through must not fail halfway through the deployment."""
    outer = bicep.part(APP, "parameters")
    for _, file, given in bicep.calls(APP):
        for name, inner in bicep.part(file, "parameters").items():
            source = outer.get(given[name]) if isinstance(given[name], str) else None
            limits = [
                one for one in inner["decorators"] if one["type"] in ("allowed", "min_value", "max_value")
            ]
            if source and limits:
                assert [one for one in source["decorators"] if one in limits] == limits, name


def test_the_roles_are_microsofts() -> None:
    assert bicep.roles() == BUILT_IN_ROLES


def test_every_role_is_used_and_known() -> None:
    told = {role for path in FILES for role in re.findall(r"\broles\.(\w+)", bicep.code(path))}
    assert told == BUILT_IN_ROLES.keys()


def test_the_app_may_use_blobs_queues_and_tables_and_no_more() -> None:
    granted = bicep.part(MODULES / "storage.bicep", "variables")["appRoles"]["value"]
    names = re.findall(r"roles\.(\w+)", bicep.code(MODULES / "storage.bicep"))
    assert len(granted) == len(names) == 3
    assert all(name.startswith("storage") for name in names)


def test_no_key_and_no_password_opens_anything() -> None:
    account = body(MODULES / "storage.bicep", "account")["properties"]
    assert account["allowSharedKeyAccess"] is False
    assert account["allowBlobPublicAccess"] is False
    assert body(MODULES / "monitoring.bicep", "insights")["properties"]["DisableLocalAuth"] is True
    assert body(MODULES / "vault.bicep", "vault")["properties"]["enableRbacAuthorization"] is True
    for name in ("noFtp", "noBasicDeployment"):
        assert body(FUNCTION_APP, name)["properties"] == {"allow": False}
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"list\w*Keys?\(|AccountKey=|SharedAccessSignature|listSecrets", text), path.name


def test_secrets_are_secure_on_their_whole_way() -> None:
    for path in FILES:
        for name, parameter in bicep.part(path, "parameters").items():
            if name in ("encryptionKeys", "adminKey", "haloClientSecret"):
                assert {"type": "secure"} in parameter["decorators"], f"{path.name}: {name}"
        for name, output in bicep.part(path, "outputs").items():
            assert not re.search(r"encryptionKeys|adminKey|haloClientSecret", json.dumps(output)), name


def test_only_encrypted_connections_are_taken() -> None:
    app = body(FUNCTION_APP, "app")["properties"]
    assert app["httpsOnly"] is True
    assert app["siteConfig"]["minTlsVersion"] == app["siteConfig"]["scmMinTlsVersion"] == "1.2"
    assert app["siteConfig"]["ftpsState"] == "Disabled"
    account = body(MODULES / "storage.bicep", "account")["properties"]
    assert account["minimumTlsVersion"] == "TLS1_2"
    assert account["supportsHttpsTrafficOnly"] is True


def test_the_app_runs_on_the_python_of_the_project() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        wanted = tomllib.load(file)["project"]["requires-python"].removeprefix(">=")
    runtime = body(FUNCTION_APP, "app")["properties"]["functionAppConfig"]["runtime"]
    assert runtime == {"name": "python", "version": "pythonVersion"}
    assert bicep.part(FUNCTION_APP, "variables")["pythonVersion"]["value"] == wanted


def test_the_plan_is_flex_consumption_within_limits() -> None:
    assert body(FUNCTION_APP, "plan")["sku"] == {"name": "FC1", "tier": "FlexConsumption"}
    scale = body(FUNCTION_APP, "app")["properties"]["functionAppConfig"]["scaleAndConcurrency"]
    assert scale["maximumInstanceCount"] == "maximumInstanceCount"
    assert bicep.part(APP, "parameters")["maximumInstanceCount"]["default"] == 40


def test_unauthenticated_requests_are_let_through_to_the_app() -> None:
    settings = body(FUNCTION_APP, "authentication")["properties"]
    assert settings["globalValidation"] == {
        "requireAuthentication": False,
        "unauthenticatedClientAction": "AllowAnonymous",
    }


def test_the_host_creates_no_secret_of_the_app_registration() -> None:
    """The managed identity stands in for it: a setting with a client secret would be one more to renew."""
    text = FUNCTION_APP.read_text(encoding="utf-8")
    assert "clientSecretSettingName: identityInsteadOfSecret" in text
    assert "MICROSOFT_PROVIDER_AUTHENTICATION_SECRET" not in text


def test_storage_and_vault_are_closed_to_the_public_in_a_virtual_network() -> None:
    for name, _, given in bicep.calls(APP):
        if name in ("storage", "vault"):
            assert "virtualNetwork" in json.dumps(given["publicAccess"])
    groups = bicep.part(MODULES / "network.bicep", "variables")["endpoints"]["value"]
    assert [one["group"] for one in groups] == ["blob", "queue", "table", "vault"]


def test_everything_that_can_be_tagged_is_tagged() -> None:
    for path in FILES:
        for name, resource in bicep.resources(path).items():
            top_level = resource["type"].count("/") == 1 and "Authorization" not in resource["type"]
            if top_level:
                assert "tags" in resource["body"], f"{path.name}: {name}"
