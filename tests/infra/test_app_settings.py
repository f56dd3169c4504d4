"""The app settings that the template makes, against what `bc/settings.py` and the host read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from bc import settings
from tests.infra import bicep
from tests.infra.bicep import APP, MODULES

# Set by the platform itself.
PLATFORM = {"WEBSITE_HOSTNAME", "WEBSITE_AUTH_ENABLED"}
# Storage is named by the addresses of its services, which are right in every cloud; there is no connection string.
LEFT_OUT = {"AzureWebJobsStorage", "AzureWebJobsStorage__accountName"}
# For those who want traces: they also need packages (docs/operations.md, "Traces").
CHOSEN = {"TRACES", "OTEL_EXPORTER_OTLP_ENDPOINT"}
# Read by the host and not by the app.
OF_THE_HOST = {
    "AzureWebJobsStorage__credential",
    "AzureWebJobsStorage__blobServiceUri",
    "AzureWebJobsDisableHomepage",
    "APPLICATIONINSIGHTS_CONNECTION_STRING",
    "APPLICATIONINSIGHTS_AUTHENTICATION_STRING",
}
# Settings that Flex Consumption refuses or ignores: they moved into functionAppConfig.
NOT_ON_FLEX = {
    "FUNCTIONS_EXTENSION_VERSION",
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_WORKER_RUNTIME_VERSION",
    "FUNCTIONS_MAX_HTTP_CONCURRENCY",
    "FUNCTIONS_WORKER_PROCESS_COUNT",
    "ENABLE_ORYX_BUILD",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
    "WEBSITE_CONTENTSHARE",
    "WEBSITE_MAX_DYNAMIC_APPLICATION_SCALE_OUT",
    "WEBSITE_VNET_ROUTE_ALL",
}
SECRETS = {
    "ENCRYPTION_KEYS": "encryption-keys",
    "ADMIN_KEY": "admin-key",
    "HALO_CLIENT_SECRET": "halo-client-secret",
}


class Recorded(Mapping[str, str]):
    """An empty environment that remembers what was asked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def source(value: Any) -> str | None:
    """The parameter of app.bicep that a setting's value is, as it stands or through `string()`."""
    if isinstance(value, dict) and value.get("function", {}).get("type") == "string":
        value = next(iter(value["function"]["parameters"].values()))
    return value if isinstance(value, str) and value in bicep.part(APP, "parameters") else None


def deployed() -> dict[str, str]:
    """The settings as a running app finds them: parameters at their defaults, outputs of modules as examples."""
    examples = {
        "AzureWebJobsStorage__clientId": "00000000-0000-0000-0000-000000000001",
        "AzureWebJobsStorage__queueServiceUri": "https://st1.queue.core.windows.net/",
        "AzureWebJobsStorage__tableServiceUri": "https://st1.table.core.windows.net/",
        "AZURE_AUTHORITY_HOST": "https://login.microsoftonline.com/",
    }
    found = {}
    for name, value in bicep.app_settings().items():
        parameter = source(value)
        default = bicep.part(APP, "parameters")[parameter]["default"] if parameter else value
        if name in examples:
            found[name] = examples[name]
        elif isinstance(default, str | int):
            found[name] = str(default)
    return found


def test_every_setting_of_the_app_is_made() -> None:
    read = Recorded()
    settings.load(read)
    wanted = read.asked - PLATFORM - LEFT_OUT - CHOSEN
    assert wanted <= bicep.app_settings().keys()


def test_every_setting_that_is_made_is_read() -> None:
    read = Recorded()
    settings.load(read)
    assert bicep.app_settings().keys() <= read.asked | OF_THE_HOST


def test_no_connection_string_of_the_storage_account_is_made() -> None:
    made = bicep.app_settings().keys()
    assert not made & LEFT_OUT
    assert bicep.app_settings()["AzureWebJobsStorage__credential"] == "managedidentity"


def test_nothing_is_set_that_flex_consumption_does_not_know() -> None:
    assert not bicep.app_settings().keys() & NOT_ON_FLEX


@pytest.mark.parametrize(("name", "secret"), SECRETS.items())
def test_secrets_are_references_to_secrets_of_the_vault(name: str, secret: str) -> None:
    value = bicep.app_settings()[name]
    assert re.fullmatch(r"@Microsoft\.KeyVault\(SecretUri=\$\{vault\.outputs\.uri\}secrets/[a-z-]+\)", value)
    assert value.endswith(f"/{secret})")
    made = [one["body"]["name"] for one in bicep.resources(MODULES / "vault.bicep").values()]
    assert secret in made


def test_a_reference_that_does_not_resolve_is_named_by_the_app() -> None:
    named = {problem.name for problem in settings.load(deployed()).problems}
    assert named >= SECRETS.keys()


def test_the_deployed_app_opens_storage_with_its_identity() -> None:
    storage = settings.load(deployed()).storage
    assert storage.uses_identity
    assert storage.client_id == "00000000-0000-0000-0000-000000000001"
    assert storage.queue_uri == "https://st1.queue.core.windows.net/"
    assert not [one for one in settings.load(deployed()).problems if one.blocking]


def test_the_defaults_are_those_of_the_app() -> None:
    made, plain = settings.load(deployed()), settings.load({})
    assert made.halo == plain.halo
    assert (made.bc_api_url, made.authority_host) == (plain.bc_api_url, plain.authority_host)
    assert made.bc_max_concurrency == plain.bc_max_concurrency
    assert made.bc_requests_per_5_minutes == plain.bc_requests_per_5_minutes
    assert made.outcome_retention_days == plain.outcome_retention_days


def test_numbers_have_the_limits_of_the_app() -> None:
    """What the template takes the app takes, and the next number it does not."""
    seen = set()
    for name, value in bicep.app_settings().items():
        parameter = bicep.part(APP, "parameters").get(source(value) or "", {})
        for limit in parameter.get("decorators", []):
            beyond = {"min_value": -1, "max_value": 1}.get(limit["type"])
            if beyond:
                seen.add(name)
                assert settings.load({name: str(limit["argument"])}).problem(name) is None, name
                assert settings.load({name: str(limit["argument"] + beyond)}).problem(name), name
    assert seen == {
        "HALO_REQUESTS_PER_5_MINUTES",
        "HALO_SWEEP_MINUTES",
        "BC_MAX_CONCURRENCY",
        "BC_REQUESTS_PER_5_MINUTES",
        "OUTCOME_RETENTION_DAYS",
    }
