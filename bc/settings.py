"""The environment as one frozen `Settings` object that names what is wrong with it.

Reading never raises: each missing or malformed setting is a `Problem` with its cure, shown by `/health`
and the console. Secret values are wrapped so that no repr, log or traceback shows them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from cryptography.fernet import Fernet

DEVELOPMENT_STORAGE = "UseDevelopmentStorage=true"


class Secret(str):
    """A string that never shows itself by accident; `reveal()` gives the plain value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(***)" if self else "Secret()"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def reveal(self) -> str:
        """The plain value: only where it goes on the wire or into a cipher."""
        return str.__str__(self)


@dataclass(frozen=True, slots=True)
class Problem:
    """A setting that is missing or malformed. `blocking`: nothing can work until it is mended."""

    name: str
    detail: str
    blocking: bool = False


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """Either a connection string, or the addresses of an identity-based connection."""

    connection_string: Secret
    account_name: str
    table_uri: str
    queue_uri: str
    client_id: str

    @property
    def uses_identity(self) -> bool:
        return not self.connection_string


@dataclass(frozen=True, slots=True)
class HaloSettings:
    url: str
    client_id: str
    client_secret: Secret
    tenant: str
    scope: str
    requests_per_5_minutes: int
    sweep_minutes: int

    @property
    def configured(self) -> bool:
        return bool(self.url and self.client_id and self.client_secret)


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """Who is told of traces and measures; nobody by default. `client_id`: the identity that Application Insights knows."""

    insights: Secret
    otlp_endpoint: str
    client_id: str

    @property
    def wanted(self) -> bool:
        return bool(self.insights or self.otlp_endpoint)


@dataclass(frozen=True, slots=True)
class Settings:
    storage: StorageSettings
    public_url: str
    encryption_keys: tuple[Secret, ...]
    admin_key: Secret
    halo: HaloSettings
    bc_api_url: str
    authority_host: str
    bc_max_concurrency: int
    bc_requests_per_5_minutes: int
    outcome_retention_days: int
    platform_auth: bool
    telemetry: TelemetrySettings
    problems: tuple[Problem, ...] = field(default=())

    @property
    def redirect_uri(self) -> str:
        """The address to register in the Entra app registration; empty while `PUBLIC_URL` is not usable."""
        return f"{self.public_url}/auth/callback" if self.public_url else ""

    def problem(self, name: str) -> Problem | None:
        return next((p for p in self.problems if p.name == name), None)


def load(env: Mapping[str, str] | None = None) -> Settings:
    """Read every setting of the public face (README, "Settings"). Never raises."""
    return _Reader(os.environ if env is None else env).settings()


class _Reader:
    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.problems: list[Problem] = []

    def settings(self) -> Settings:
        return Settings(
            storage=self._storage(),
            public_url=self._public_url(),
            encryption_keys=self._encryption_keys(),
            admin_key=self._admin_key(),
            halo=self._halo(),
            bc_api_url=self._url("BC_API_URL", "https://api.businesscentral.dynamics.com"),
            authority_host=self._url("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com"),
            bc_max_concurrency=self._whole("BC_MAX_CONCURRENCY", 5, 1, 5),
            bc_requests_per_5_minutes=self._whole("BC_REQUESTS_PER_5_MINUTES", 5700, 100, 100_000),
            outcome_retention_days=self._whole("OUTCOME_RETENTION_DAYS", 90, 1, 3650),
            platform_auth=self.env.get("WEBSITE_AUTH_ENABLED", "").strip().lower() == "true",
            telemetry=self._telemetry(),
            problems=tuple(self.problems),
        )

    def _problem(self, name: str, detail: str, *, blocking: bool = False) -> None:
        self.problems.append(Problem(name, detail, blocking))

    def _text(self, name: str, default: str = "") -> str:
        value = self.env.get(name, "").strip()
        if value.startswith("@Microsoft.KeyVault("):
            # An unresolved reference arrives as its own text: never use that as a key or secret.
            self._problem(
                name,
                "The Key Vault reference was not resolved. Check the secret's name and that this app's managed "
                "identity may read it (role Key Vault Secrets User), then restart the app.",
            )
            return default
        return value or default

    def _storage(self) -> StorageSettings:
        name = "AzureWebJobsStorage"
        account = self._text(f"{name}__accountName")
        table = self._text(f"{name}__tableServiceUri")
        queue = self._text(f"{name}__queueServiceUri")
        if account:
            table = table or f"https://{account}.table.core.windows.net"
            queue = queue or f"https://{account}.queue.core.windows.net"
        connection = self._text(name)
        if not connection and not table:
            connection = DEVELOPMENT_STORAGE
        if connection and connection != DEVELOPMENT_STORAGE and "=" not in connection:
            self._problem(
                name,
                "This is not a storage connection string. Copy it whole from the storage account.",
                blocking=True,
            )
        if not connection and bool(table) != bool(queue):
            missing = f"{name}__queueServiceUri" if table else f"{name}__tableServiceUri"
            self._problem(
                missing, f"Set it, or set {name}__accountName, which names both services.", blocking=True
            )
        return StorageSettings(Secret(connection), account, table, queue, self._text(f"{name}__clientId"))

    def _public_url(self) -> str:
        host = self.env.get("WEBSITE_HOSTNAME", "").strip()
        # The local host answers under localhost:port without TLS.
        default = f"{'http' if _is_loopback(host.rsplit(':', 1)[0]) else 'https'}://{host}" if host else ""
        url = self._url("PUBLIC_URL", default)
        if not url and not self.env.get("PUBLIC_URL", "").strip():
            self._problem(
                "PUBLIC_URL",
                "Set it to the address of this app, for example https://halo-bc.azurewebsites.net.",
            )
        return url

    def _encryption_keys(self) -> tuple[Secret, ...]:
        name = "ENCRYPTION_KEYS"
        keys = [part.strip() for part in self._text(name).split(",") if part.strip()]
        if not keys:
            if not any(p.name == name for p in self.problems):
                self._problem(
                    name,
                    "No secret can be stored until it is set. Make a key with `make key` and put it here.",
                )
            return ()
        for position, key in enumerate(keys, 1):
            try:
                Fernet(key)
            except ValueError:
                self._problem(
                    name,
                    f"Key {position} is not a Fernet key (32 bytes, URL-safe Base64). Make one with `make key`.",
                )
                return ()
        return tuple(Secret(key) for key in keys)

    def _admin_key(self) -> Secret:
        key = self._text("ADMIN_KEY")
        named = any(problem.name == "ADMIN_KEY" for problem in self.problems)
        if not key and not named and self.env.get("WEBSITE_AUTH_ENABLED", "").strip().lower() != "true":
            self._problem(
                "ADMIN_KEY",
                "Nobody can sign in to the console until it is set (or App Service Authentication is on).",
            )
        elif key and len(key) < 16:
            self._problem(
                "ADMIN_KEY", "It is shorter than 16 characters and easy to guess: use a longer one."
            )
        return Secret(key)

    def _halo(self) -> HaloSettings:
        url = self._url("HALO_URL", "")
        url = url.removesuffix("/api")
        if not url and not self.env.get("HALO_URL", "").strip():
            self._problem("HALO_URL", "Set it to your Halo address, for example https://acme.halopsa.com.")
        client_id = self._text("HALO_CLIENT_ID")
        secret = self._text("HALO_CLIENT_SECRET")
        for name, value in (("HALO_CLIENT_ID", client_id), ("HALO_CLIENT_SECRET", secret)):
            if not value and not any(p.name == name for p in self.problems):
                self._problem(
                    name,
                    "Create an API application in Halo (Configuration, Integrations, Halo API) and copy it from there.",
                )
        return HaloSettings(
            url=url,
            client_id=client_id,
            client_secret=Secret(secret),
            tenant=self._text("HALO_TENANT"),
            scope=self._text("HALO_SCOPE", "all"),
            requests_per_5_minutes=self._whole("HALO_REQUESTS_PER_5_MINUTES", 450, 1, 100_000),
            sweep_minutes=self._whole("HALO_SWEEP_MINUTES", 5, 0, 1440),
        )

    def _telemetry(self) -> TelemetrySettings:
        """Application Insights wants traces of ours only where `TRACES` says so: its address is there for the host."""
        name, choice = "TRACES", self._text("TRACES").lower()
        if choice not in ("", "on", "off"):
            self._problem(name, "Expected on or off; off is used instead.")
        address = Secret(self._text("APPLICATIONINSIGHTS_CONNECTION_STRING"))
        insights = address if choice == "on" else Secret()
        endpoint = self._url("OTEL_EXPORTER_OTLP_ENDPOINT", "") if choice != "off" else ""
        client_id = self._text("AzureWebJobsStorage__clientId")
        return TelemetrySettings(insights, endpoint, client_id)

    def _url(self, name: str, default: str) -> str:
        value = self._text(name, default).rstrip("/")
        if not value:
            return ""
        parts = urlsplit(value)
        try:
            valid = bool(parts.hostname) and parts.port is not False
        except ValueError:
            valid = False
        if (
            not valid
            or parts.scheme not in ("http", "https")
            or parts.username
            or parts.query
            or parts.fragment
        ):
            self._problem(
                name,
                f"This is not a web address. Expected something like {default or 'https://acme.halopsa.com'}.",
            )
            return ""
        if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
            self._problem(name, "Use https: http is accepted on this machine (loopback) only.")
            return ""
        return value

    def _whole(self, name: str, default: int, least: int, most: int) -> int:
        text = self._text(name)
        if not text:
            return default
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            self._problem(name, f"Expected a whole number from {least} to {most}; {default} is used instead.")
            return default
        return number


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
