"""Microsoft Entra's part of the data: tenants, users and app registrations."""

from __future__ import annotations

from dataclasses import dataclass

BC_RESOURCE = "https://api.businesscentral.dynamics.com"
DELEGATED_SCOPES = ("Financials.ReadWrite.All", "user_impersonation")
APP_ROLES = ("API.ReadWrite.All", "Automation.ReadWrite.All")
REDIRECT_URIS = ("http://127.0.0.1:7071/auth/callback", "http://localhost:7071/auth/callback")


@dataclass(frozen=True, slots=True)
class Tenant:
    id: str
    domain: str
    name: str
    has_business_central: bool = True


@dataclass(frozen=True, slots=True)
class User:
    """`admin` may consent for everybody; `disabled` cannot sign in."""

    id: str
    tenant_id: str
    name: str
    username: str
    password: str
    admin: bool = False
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Secret:
    """A client secret; `days_left` is counted from the start of the world (below 0: expired)."""

    id: str
    value: str
    days_left: int


@dataclass(frozen=True, slots=True)
class AppRegistration:
    """A single-tenant app. `scopes` and `roles` are what its registration lists for Business Central.

    `admin_consented`: an administrator has granted them for the whole tenant, so nobody is asked, and app
    mode works. `needs_admin`: a plain user may not consent to this app.
    """

    client_id: str
    tenant_id: str
    name: str
    secrets: tuple[Secret, ...]
    redirect_uris: tuple[str, ...] = REDIRECT_URIS
    scopes: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    admin_consented: bool = False
    needs_admin: bool = False


@dataclass(frozen=True, slots=True)
class Directory:
    tenants: tuple[Tenant, ...]
    users: tuple[User, ...]
    apps: tuple[AppRegistration, ...]

    @property
    def home(self) -> Tenant:
        """The tenant that has Business Central."""
        return self.tenants[0]


HOME = Tenant("8f2b6c1e-4d0a-4f6e-9a51-2f7c1d9be301", "tamarisk.example.com", "Tamarisk Group")
OTHER = Tenant("c41d7a90-6b35-4c0f-8e22-90b1d6f4a702", "borealis.example.com", "Borealis Partners", False)


def build_directory() -> Directory:
    """Two tenants; an app for sign-in, one for app mode, one without consent, one with an expired secret."""
    return Directory(
        tenants=(HOME, OTHER),
        users=(
            User(
                "0a5c8b7e-1f7f-4e0e-a1c4-8d1f2c6f0001",
                HOME.id,
                "Ada Admin",
                f"ada@{HOME.domain}",
                "Ada-pass-1",
                admin=True,
            ),
            User(
                "0a5c8b7e-1f7f-4e0e-a1c4-8d1f2c6f0002",
                HOME.id,
                "Uma User",
                f"uma@{HOME.domain}",
                "Uma-pass-1",
            ),
            User(
                "0a5c8b7e-1f7f-4e0e-a1c4-8d1f2c6f0003",
                HOME.id,
                "Dan Disabled",
                f"dan@{HOME.domain}",
                "Dan-pass-1",
                disabled=True,
            ),
            User(
                "0a5c8b7e-1f7f-4e0e-a1c4-8d1f2c6f0004",
                OTHER.id,
                "Otto Other",
                f"otto@{OTHER.domain}",
                "Otto-pass-1",
                admin=True,
            ),
        ),
        apps=(
            AppRegistration(
                "5d3c2a10-7e41-4b8b-9f3e-000000000001",
                HOME.id,
                "Halo-BC (sign-in)",
                (
                    Secret("s1", "delegated~Secret.Value-1", 365),
                    Secret("s2", "delegated~Secret.Value-2", 700),
                ),
                scopes=DELEGATED_SCOPES,
            ),
            AppRegistration(
                "5d3c2a10-7e41-4b8b-9f3e-000000000002",
                HOME.id,
                "Halo-BC (app mode)",
                (Secret("s1", "apponly~Secret.Value-1", 365),),
                scopes=DELEGATED_SCOPES,
                roles=APP_ROLES,
                admin_consented=True,
            ),
            AppRegistration(
                "5d3c2a10-7e41-4b8b-9f3e-000000000003",
                HOME.id,
                "Halo-BC (expired secret)",
                (Secret("s1", "expired~Secret.Value-1", -3),),
                scopes=DELEGATED_SCOPES,
                roles=APP_ROLES,
                admin_consented=True,
            ),
            AppRegistration(
                "5d3c2a10-7e41-4b8b-9f3e-000000000004",
                HOME.id,
                "Halo-BC (administrators only)",
                (Secret("s1", "adminonly~Secret.Value-1", 365),),
                scopes=DELEGATED_SCOPES,
                roles=APP_ROLES,
                needs_admin=True,
            ),
            AppRegistration(
                "5d3c2a10-7e41-4b8b-9f3e-000000000005",
                HOME.id,
                "No Business Central permission",
                (Secret("s1", "nopermission~Secret.Value-1", 365),),
            ),
            AppRegistration(
                "5d3c2a10-7e41-4b8b-9f3e-000000000006",
                OTHER.id,
                "Halo-BC in the other tenant",
                (Secret("s1", "other~Secret.Value-1", 365),),
                scopes=DELEGATED_SCOPES,
                roles=APP_ROLES,
                admin_consented=True,
            ),
        ),
    )
