"""Each setting missing or malformed: named, with its cure, and never by a traceback."""

from __future__ import annotations

import base64

import pytest

from bc.settings import Secret, Settings, load

# The same in every process of a test run, since it names a test.
ONE_KEY = base64.urlsafe_b64encode(b"one key for all of these tests!!").decode()
GOOD = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "PUBLIC_URL": "https://halo-bc.example.com",
    "ENCRYPTION_KEYS": ONE_KEY,
    "ADMIN_KEY": "a-long-enough-admin-key",
    "HALO_URL": "https://acme.halopsa.com",
    "HALO_CLIENT_ID": "id",
    "HALO_CLIENT_SECRET": "secret",
}


def named(**changed: str | None) -> dict[str, str]:
    """The problems of the good environment with some settings changed or (None) left out."""
    env = {name: value for name, value in {**GOOD, **changed}.items() if value is not None}
    return {problem.name: problem.detail for problem in load(env).problems}


def loaded(**changed: str) -> Settings:
    return load({**GOOD, **changed})


def test_a_complete_environment_has_no_problem() -> None:
    assert named() == {}


@pytest.mark.parametrize(
    "name", ["PUBLIC_URL", "ENCRYPTION_KEYS", "ADMIN_KEY", "HALO_URL", "HALO_CLIENT_ID", "HALO_CLIENT_SECRET"]
)
def test_a_missing_setting_is_named_with_its_cure(name: str) -> None:
    for missing in (None, "", "   "):
        problems = named(**{name: missing})
        assert list(problems) == [name]
        assert len(problems[name]) > 20


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PUBLIC_URL", "halo-bc.example.com"),
        ("PUBLIC_URL", "http://halo-bc.example.com"),
        ("PUBLIC_URL", "https://user:pass@halo-bc.example.com"),
        ("PUBLIC_URL", "ftp://halo-bc.example.com"),
        ("PUBLIC_URL", "https://halo-bc.example.com:notaport"),
        ("HALO_URL", "http://acme.halopsa.com"),
        ("HALO_URL", "acme"),
        ("BC_API_URL", "http://api.example.com"),
        ("AZURE_AUTHORITY_HOST", "login.microsoftonline.com"),
        ("ENCRYPTION_KEYS", "tooshort"),
        ("ENCRYPTION_KEYS", f"{ONE_KEY},nonsense"),
        ("ADMIN_KEY", "abc-7"),
        ("HALO_REQUESTS_PER_5_MINUTES", "many"),
        ("HALO_REQUESTS_PER_5_MINUTES", "0"),
        ("HALO_SWEEP_MINUTES", "-1"),
        ("HALO_SWEEP_MINUTES", "1441"),
        ("HALO_SWEEP_MINUTES", "2.5"),
        ("BC_MAX_CONCURRENCY", "6"),
        ("BC_MAX_CONCURRENCY", "0"),
        ("BC_REQUESTS_PER_5_MINUTES", "99"),
        ("OUTCOME_RETENTION_DAYS", "x"),
        ("AzureWebJobsStorage", "nonsense"),
    ],
)
def test_a_malformed_setting_is_named_and_its_value_is_not_shown(name: str, value: str) -> None:
    problems = named(**{name: value})
    assert list(problems) == [name]
    if name in ("ENCRYPTION_KEYS", "ADMIN_KEY"):
        assert value not in problems[name]


@pytest.mark.parametrize("name", ["ENCRYPTION_KEYS", "HALO_CLIENT_SECRET", "ADMIN_KEY"])
def test_an_unresolved_key_vault_reference_is_never_used_as_a_secret(name: str) -> None:
    reference = "@Microsoft.KeyVault(SecretUri=https://vault.example.com/secrets/x)"
    problems = named(**{name: reference})
    assert "Key Vault" in problems[name]
    settings = loaded(**{name: reference})
    assert reference not in (settings.admin_key, settings.halo.client_secret, *settings.encryption_keys)


@pytest.mark.parametrize("url", ["http://localhost:7071", "http://127.0.0.1:7071", "http://[::1]:7071"])
def test_plain_http_is_accepted_on_loopback_only(url: str) -> None:
    assert named(PUBLIC_URL=url, HALO_URL=url, BC_API_URL=url) == {}


def test_the_public_address_comes_from_the_platform_by_itself() -> None:
    env = {name: value for name, value in GOOD.items() if name != "PUBLIC_URL"}
    assert (
        load({**env, "WEBSITE_HOSTNAME": "app.azurewebsites.net"}).public_url
        == "https://app.azurewebsites.net"
    )
    assert load({**env, "WEBSITE_HOSTNAME": "localhost:7071"}).public_url == "http://localhost:7071"


def test_the_redirect_uri_and_addresses_carry_no_trailing_slash() -> None:
    settings = loaded(PUBLIC_URL="https://halo-bc.example.com/", HALO_URL="https://acme.halopsa.com/api/")
    assert settings.redirect_uri == "https://halo-bc.example.com/auth/callback"
    assert settings.halo.url == "https://acme.halopsa.com"


def test_identity_based_storage_needs_no_connection_string() -> None:
    env = {name: value for name, value in GOOD.items() if name != "AzureWebJobsStorage"}
    storage = load({**env, "AzureWebJobsStorage__accountName": "acct"}).storage
    assert storage.uses_identity
    assert storage.table_uri == "https://acct.table.core.windows.net"
    assert storage.queue_uri == "https://acct.queue.core.windows.net"
    only_table = load({**env, "AzureWebJobsStorage__tableServiceUri": "https://acct.table.core.windows.net"})
    assert [problem.name for problem in only_table.problems] == ["AzureWebJobsStorage__queueServiceUri"]


def test_defaults_are_those_of_the_public_face() -> None:
    settings = load({})
    assert settings.bc_api_url == "https://api.businesscentral.dynamics.com"
    assert settings.authority_host == "https://login.microsoftonline.com"
    assert settings.bc_max_concurrency == 5
    assert settings.outcome_retention_days == 90
    assert settings.halo.requests_per_5_minutes == 450
    assert settings.halo.sweep_minutes == 5
    assert settings.halo.scope == "all"


def test_a_secret_never_shows_itself() -> None:
    secret = Secret("hunter2-hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {secret!s} {[secret]} { ({'x': secret}) }"
    assert secret.reveal() == "hunter2-hunter2"
    assert "hunter2" not in repr(loaded(ADMIN_KEY="hunter2-hunter2-hunter2"))
